/* What a command works with, and what commands have in common. */
#ifndef PROFILECTL_SESSION_H
#define PROFILECTL_SESSION_H

#include "display.h"
#include "failure.h"
#include "options.h"
#include "profilecontext/client.h"
#include "request.h"

typedef struct {
    const options *options;
    const profilecontext_options *server; /* how the client reaches it */
    profilecontext_client *client;
    profilecontext_call_options call;
    const char *authorization; /* sent with every call; NULL: nothing is */
    profilecontext_cost cost;  /* of the last call */
    profilecontext_cost total; /* of the calls before it */
    display out;
    display err;
    int64_t now_ms; /* since 1970 */
} session;

/* Prints a response as JSON, on lines of its own or on one. */
exit_code session_print_json(session *in, const ProtobufCMessage *message);
exit_code session_print_json_line(session *in, const ProtobufCMessage *message);

/* Adds the cost of the call that has ended to the total. */
void session_add_cost(session *in);

/* Says on standard error what the answers cost. */
void session_print_cost(session *in);

/* Prints a problem of this side, printf-like, as one sentence without its full stop. Returns
 * `code`. */
exit_code session_problem(session *in, exit_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Prints why a call failed. Clears the status. */
exit_code session_fail(session *in, profilecontext_status *status);

/* The commands; each returns the exit code of the program. */
exit_code command_context(session *in, request_parts *parts);
exit_code command_profile(session *in, request_parts *parts);
exit_code command_events(session *in, request_parts *parts);
exit_code command_segments(session *in, request_parts *parts);
exit_code command_identities(session *in, request_parts *parts);
exit_code command_entity(session *in, request_parts *parts);
exit_code command_delete(session *in, request_parts *parts);
exit_code command_batch(session *in, request_parts *parts);
exit_code command_bench(session *in, request_parts *parts);
exit_code command_prefetch(session *in, request_parts *parts);
exit_code command_health(session *in);

#endif
