/* What the files of the library share. Nothing here is part of the interface. */
#ifndef PROFILECONTEXT_INTERNAL_H
#define PROFILECONTEXT_INTERNAL_H

#include <grpc/grpc.h>

#include "profilecontext/client.h"

enum {
    PCC_DEPTH_MAX = 200, /* levels of messages in a message; protobuf-c itself has no limit */
    PCC_MESSAGE_BYTES = 64 << 20
};

struct profilecontext_client {
    grpc_channel *channel;
    size_t max_message_bytes;
};

/* Makes the channel to a server; gRPC must be running. A private channel is for measuring: it
 * shares its connection with no other channel of the process, and never sends a call twice. Fails
 * as profilecontext_client_new does; `*out` is NULL then. */
profilecontext_code pcc_channel_new(grpc_channel **out, const profilecontext_options *options,
                                    bool private_channel, profilecontext_status *status);

/* Clears `status` and sets code and message, printf-like. NULL is ignored. Returns the code. */
profilecontext_code pcc_status_set(profilecontext_status *status, profilecontext_code code,
                                   const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Sets the reason of a failure that the client itself found. */
void pcc_status_set_reason(profilecontext_status *status, const char *reason);

/* Reads a google.rpc.Status, as the server packs it in grpc-status-details-bin, into the fields of
 * `status` beyond code and message. What cannot be read is left out: details only help. */
void pcc_status_read_details(profilecontext_status *status, const uint8_t *data, size_t size);

/* What a look at the wire form of a message found. */
typedef enum { PCC_WIRE_OK, PCC_WIRE_MALFORMED, PCC_WIRE_TOO_DEEP } pcc_wire_result;

/* A field in the wire form of a message. */
typedef struct {
    uint64_t number;     /* above 0 */
    unsigned type;       /* PROTOBUF_C_WIRE_TYPE_... */
    uint64_t value;      /* of a varint; the size of what is prefixed by it */
    const uint8_t *data; /* of a field with a size; borrowed */
} pcc_wire_field;

/* Reads the field at `*at`, which is before `end`, and moves on to the next. False where there is
 * none that proto3 knows. */
bool pcc_wire_next(pcc_wire_field *out, const uint8_t **at, const uint8_t *end);

/* Checks a message before protobuf-c reads it, since protobuf-c recurses without limit. */
pcc_wire_result pcc_wire_check(const ProtobufCMessageDescriptor *descriptor, const uint8_t *data,
                               size_t size, unsigned depth_max);

/* Unpacks a message of at most `size` bytes after pcc_wire_check; NULL when it cannot be read. */
ProtobufCMessage *pcc_unpack(const ProtobufCMessageDescriptor *descriptor, const uint8_t *data,
                             size_t size);

/* A call in the list of a cancellation; lives as long as the call. */
typedef struct pcc_cancellable {
    grpc_call *call;
    struct pcc_cancellable *next;
} pcc_cancellable;

/* Adds a call to be cancelled, and cancels it at once where that was asked before. NULL is none. */
void pcc_cancellation_add(profilecontext_cancellation *cancellation, pcc_cancellable *entry);

/* Takes the call out. After this the cancellation no longer touches it. */
void pcc_cancellation_remove(profilecontext_cancellation *cancellation, pcc_cancellable *entry);

/* A call that is going on, with what gRPC fills in. */
typedef struct {
    profilecontext_client *client;
    profilecontext_cancellation *cancellation;
    profilecontext_cost *cost;
    grpc_completion_queue *queue;
    grpc_call *call;
    pcc_cancellable cancellable;
    grpc_byte_buffer *request;
    grpc_metadata *metadata;
    size_t metadata_count;
    uint32_t initial_flags; /* of sending the metadata */
    grpc_metadata_array initial_metadata;
    grpc_metadata_array trailing_metadata;
    grpc_status_code code;
    grpc_slice message;
} pcc_exchange;

/* Makes a call ready for its first batch of operations. Clears `status`. On failure there is
 * nothing to end. */
profilecontext_code pcc_exchange_begin(pcc_exchange *exchange, profilecontext_client *client,
                                       const char *method, const ProtobufCMessage *request,
                                       int64_t default_deadline_ms,
                                       const profilecontext_call_options *options,
                                       profilecontext_status *status);

/* Takes what the server said at the end into status and cost. */
profilecontext_code pcc_exchange_status(const pcc_exchange *exchange,
                                        profilecontext_status *status);

/* Reads a message that came, after checks; NULL bytes are a failure. */
profilecontext_code pcc_exchange_message(ProtobufCMessage **out, const pcc_exchange *exchange,
                                         grpc_byte_buffer *bytes,
                                         const ProtobufCMessageDescriptor *descriptor,
                                         profilecontext_status *status);

/* Frees what the call has. No operation may be in progress. */
void pcc_exchange_end(pcc_exchange *exchange);

/* Opens a server stream: `method` is the path, its messages are of `descriptor`. */
profilecontext_code pcc_stream_open(profilecontext_stream **out, profilecontext_client *client,
                                    const char *method, const ProtobufCMessage *request,
                                    const ProtobufCMessageDescriptor *descriptor,
                                    const profilecontext_call_options *options,
                                    profilecontext_status *status);

/* The next message, as profilecontext_stream_events_next. A stream of other messages is refused. */
profilecontext_code pcc_stream_next(ProtobufCMessage **out, profilecontext_stream *stream,
                                    const ProtobufCMessageDescriptor *descriptor,
                                    profilecontext_status *status);

/* Makes a unary call. `method` is the path; the response is of `descriptor`. */
profilecontext_code pcc_call(ProtobufCMessage **out, profilecontext_client *client,
                             const char *method, const ProtobufCMessage *request,
                             const ProtobufCMessageDescriptor *descriptor,
                             const profilecontext_call_options *options,
                             profilecontext_status *status);

#endif
