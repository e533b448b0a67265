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
    profilecontext_client *client;
    profilecontext_call_options call;
    display out;
    display err;
    int64_t now_ms; /* since 1970 */
} session;

/* Prints a response as JSON. */
exit_code session_print_json(session *in, const ProtobufCMessage *message);

/* Prints why a call failed. Clears the status. */
exit_code session_fail(session *in, profilecontext_status *status);

/* The commands; each returns the exit code of the program. */
exit_code command_context(session *in, request_parts *parts);
exit_code command_profile(session *in, request_parts *parts);
exit_code command_events(session *in, request_parts *parts);
exit_code command_segments(session *in, request_parts *parts);
exit_code command_health(session *in);

#endif
