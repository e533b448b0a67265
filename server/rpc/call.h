/* A call as handlers see it: a typed request in, slices or a status out. No gRPC type shows here.
 *
 * Life: a call is alive while its handler runs, until it has been answered, and while references
 * are held. Answer every call exactly once, from any thread, within or after the handler. Memory:
 * what comes from the call's arena, the request included, lives as long as the call. Threads:
 * handlers run on RPC threads and must not block. All functions may be called on any thread, but
 * the arena by one thread at a time. */
#ifndef PC_RPC_CALL_H
#define PC_RPC_CALL_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"
#include "util/criticality.h"
#include "util/slice.h"
#include "util/status.h"
#include "util/trace.h"

typedef struct pc_call pc_call;

typedef enum {
    PC_RPC_UNARY,         /* one request, answered by pc_call_answer or pc_call_fail */
    PC_RPC_SERVER_STREAM, /* one request, any number of pc_stream_send, then pc_stream_finish */
    PC_RPC_TURNS,         /* a stream of requests, each answered by one pc_stream_send before the
                             next is read; ends with OK when the caller has no more */
    PC_RPC_CLIENT_STREAM  /* a stream of requests, each taken by pc_stream_next; when there are no
                             more the handler runs with NULL, and answers as a unary call. A caller
                             that goes in between looks the same */
} pc_rpc_kind;

/* One RPC: a row of the table that a server is made with. */
typedef struct {
    const char *path; /* "/package.Service/Method"; must outlive the server */
    pc_rpc_kind kind;
    const ProtobufCMessageDescriptor *request;
    /* `request` is borrowed for the life of the call. `service` is the row's. */
    void (*handle)(pc_call *call, const void *request, void *service);
    void *service;
    /* Whether answers tell what they cost, as trailing metadata: "server-ms" (from arrival to
     * answer, unless that took less than a millisecond and no upstream call) and, where they are
     * not zero, "upstream-calls" and "upstream-bytes", with "upstream-calls-left" where a rate is
     * set. */
    bool tells_cost;
    pc_criticality criticality; /* of calls that do not say */
} pc_method;

/* What the request came with --------------------------------------------------------------------
 */

/* When the call arrived, by pc_clock_now_ns. */
int64_t pc_call_arrived_ns(const pc_call *call);

/* The caller's deadline on the monotonic clock, or PC_NEVER_NS. */
int64_t pc_call_deadline_ns(const pc_call *call);

/* The value of a request header with this lower-case name, or NULL. Copied to the arena; of several
 * the first. */
const char *pc_call_header(pc_call *call, const char *name);

/* How many request headers have this lower-case name; where what they say decides, more than one is
 * one too many. Of the first the value, borrowed for the life of the call, without a zero at its
 * end. */
size_t pc_call_headers_named(const pc_call *call, const char *name, const char **value_out,
                             size_t *size_out);

/* The caller's `x-request-id` when it is 1 to 64 letters, digits or `-_.`, else one of our own.
 * Borrowed for the life of the call. */
const char *pc_call_request_id(pc_call *call);

pc_arena *pc_call_arena(pc_call *call);

/* What the handler of a stream of requests keeps from one to the next: NULL until it is set, and
 * borrowed for the life of the call. The arena is a good place. */
void *pc_call_state(const pc_call *call);
void pc_call_set_state(pc_call *call, void *state);

/* What the method's row gives as `service`. */
void *pc_call_service(const pc_call *call);

/* Life ------------------------------------------------------------------------------------------
 */

/* Keeps the call and its arena alive until pc_call_unref. */
pc_call *pc_call_ref(pc_call *call);
void pc_call_unref(pc_call *call);

/* Whether the caller has gone or its deadline has passed. */
bool pc_call_cancelled(const pc_call *call);

/* Has `fn(self)` called once when the caller goes or the deadline passes before the answer is out;
 * at once when that has happened. At most one per call. It runs on an RPC thread while the call is
 * alive, and must not block. The call must still be answered. */
void pc_call_on_cancel(pc_call *call, void (*fn)(void *self), void *self);

/* Has `fn(self)` called once when the call ends, after which nothing of it may be used: for what
 * the cancel callback needs. At most one per call. */
void pc_call_at_end(pc_call *call, void (*fn)(void *self), void *self);

/* Keeps something with the call, as one who admits calls does for their handlers: `give_back(kept)`
 * is called when the call ends. At most one per call. */
void pc_call_keep(pc_call *call, void *kept, void (*give_back)(void *kept));

/* What is kept, or NULL. */
void *pc_call_kept(const pc_call *call);

/* For the log and the trailing metadata: adds to what this call has cost upstream: requests sent,
 * and the size of their answers. */
void pc_call_count_upstream(pc_call *call, unsigned calls, size_t bytes);

/* Leaves that out of the trailing metadata, where it would tell of what the caller may not see:
 * before the answer, on any thread. The log has it. */
typedef enum { PC_COST_BYTES = 1, PC_COST_ALL = 3 } pc_call_cost;
void pc_call_hide_cost(pc_call *call, pc_call_cost hidden);

/* Who calls: the name that pc_call_name_caller gave, else what the connection's certificate says:
 * its first SPIFFE URI, else the first DNS name, else the common name; "" when nobody is named. In
 * the arena, or as it was given. */
const char *pc_call_caller(pc_call *call);

/* Names the caller, as one who admits calls does who knows better than the connection. The name is
 * borrowed for the life of the call: the arena is a good place. */
void pc_call_name_caller(pc_call *call, const char *name);

/* Whether the call came over a UNIX socket. */
bool pc_call_over_unix_socket(const pc_call *call);

/* The caller's address without its port, such as "ipv4:127.0.0.1", or "unix". */
void pc_call_peer(char *out, size_t size, const pc_call *call);

/* The path of the method's row, or "unknown". */
const char *pc_call_method(const pc_call *call);

/* A number that stands for who calls: the name of pc_call_caller, else the address; never 0. With
 * the share that was set; see util/caller_key.h. */
uint64_t pc_call_caller_key(pc_call *call);

/* How much of the upstream's budget the caller may have at most, in percent; 0: as configured. As
 * one who admits calls does, once the caller is named. */
void pc_call_set_caller_share(pc_call *call, unsigned percent);

/* Which trace the call is part of: what its caller sent, or what the server began. Borrowed for the
 * life of the call. */
const pc_trace *pc_call_trace(pc_call *call);

/* The same where its steps are recorded, else NULL: costs no look at the headers. */
const pc_trace *pc_call_recorded_trace(const pc_call *call);

/* How critical the call is: as its row says until it is set. */
pc_criticality pc_call_criticality(const pc_call *call);
void pc_call_set_criticality(pc_call *call, pc_criticality criticality);

/* Lowers it to at most that, now and whatever is set later. */
void pc_call_bound_criticality(pc_call *call, pc_criticality most);

/* The decoded request, or NULL when it was not, or not yet. Borrowed for the life of the call. */
const ProtobufCMessage *pc_call_request(const pc_call *call);

/* What the service notes of the call for those who look at it when it has ended; NULL until it is
 * set. */
void *pc_call_noted(const pc_call *call);
void pc_call_note(pc_call *call, void *noted);

/* The largest message that may be sent. */
size_t pc_call_answer_bytes_max(const pc_call *call);

/* Answers ---------------------------------------------------------------------------------------
 */

/* Adds to the metadata before the first message of the answer, or to that at its end. Names are in
 * lower case, and end with "-bin" where the value is not printable ASCII. Both are copied. False
 * when the name or the value cannot be sent, there are more than four, or memory lacks. By the one
 * who answers, before the first message or the end. */
bool pc_call_add_header(pc_call *call, const char *name, const void *value, size_t size);
bool pc_call_add_trailer(pc_call *call, const char *name, const void *value, size_t size);

/* Has the messages that are sent from here on compressed or not, whatever their size: for answers
 * that are known not to shrink, or that mix secrets with what the caller chose. */
void pc_call_compress(pc_call *call, bool compressed);

/* Answers a unary call with a message in `count` pieces, which are taken. */
void pc_call_answer(pc_call *call, pc_slice **pieces, size_t count);

/* Packs the message and answers with it. */
void pc_call_answer_message(pc_call *call, const ProtobufCMessage *message);

/* Ends any call with a failure, which is taken, and its google.rpc.Status details. On a stream no
 * send may be under way. */
void pc_call_fail(pc_call *call, pc_status status);

/* Sends a message in `count` pieces, which are taken, on a stream. `on_sent` is called once, when
 * the next may be sent: on an RPC thread, or within this call. `ok` is false when none may be: the
 * caller has gone, or does not read what it has been sent (unread.h). The call must then be ended,
 * as well as it would have been: in the second case it fails with what there is to say of that. One
 * send at a time: that is the flow control. `on_sent` may be NULL on a call of kind PC_RPC_TURNS
 * only. */
void pc_stream_send(pc_call *call, pc_slice **pieces, size_t count,
                    void (*on_sent)(void *self, bool ok), void *self);

/* Packs the message and sends it. Out of memory breaks the stream off: `on_sent` comes with `ok`
 * false. */
void pc_stream_send_message(pc_call *call, const ProtobufCMessage *message,
                            void (*on_sent)(void *self, bool ok), void *self);

/* Reads the next request of a stream of requests. The last must have been served. */
void pc_stream_next(pc_call *call);

/* Ends a stream with success. */
void pc_stream_finish(pc_call *call);

/* Breaks a stream off, as when its time is up: a send under way ends with `ok` false, the cancel
 * callback is called. The call must still be ended. Any thread. */
void pc_stream_break(pc_call *call);

#endif
