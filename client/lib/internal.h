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

/* Checks a message before protobuf-c reads it, since protobuf-c recurses without limit. */
pcc_wire_result pcc_wire_check(const ProtobufCMessageDescriptor *descriptor, const uint8_t *data,
                               size_t size, unsigned depth_max);

/* Unpacks a message of at most `size` bytes after pcc_wire_check; NULL when it cannot be read. */
ProtobufCMessage *pcc_unpack(const ProtobufCMessageDescriptor *descriptor, const uint8_t *data,
                             size_t size);

/* Makes a unary call. `method` is the path; the response is of `descriptor`. */
profilecontext_code pcc_call(ProtobufCMessage **out, profilecontext_client *client,
                             const char *method, const ProtobufCMessage *request,
                             const ProtobufCMessageDescriptor *descriptor,
                             const profilecontext_call_options *options,
                             profilecontext_status *status);

/* A call in the list of a cancellation; lives on the stack of the thread that makes the call. */
typedef struct pcc_cancellable {
    grpc_call *call;
    struct pcc_cancellable *next;
} pcc_cancellable;

/* Adds a call to be cancelled, and cancels it at once where that was asked before. NULL is none. */
void pcc_cancellation_add(profilecontext_cancellation *cancellation, pcc_cancellable *entry);

/* Takes the call out. After this the cancellation no longer touches it. */
void pcc_cancellation_remove(profilecontext_cancellation *cancellation, pcc_cancellable *entry);

#endif
