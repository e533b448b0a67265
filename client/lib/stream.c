/* A server stream, read by pulling. While the reader does not pull, at most one message waits here;
 * what comes after it waits at the server by flow control. */
#include <stdlib.h>

#include "internal.h"

struct profilecontext_stream {
    pcc_exchange exchange;
    const ProtobufCMessageDescriptor *descriptor;
    bool finished; /* the status was read */
    profilecontext_code code;
    char status_tag;
    char message_tag;
};

/* Waits for an operation; the call's deadline or cancellation ends it. */
static void wait_for(profilecontext_stream *stream, char *tag)
{
    grpc_completion_queue_pluck(stream->exchange.queue, tag, gpr_inf_future(GPR_CLOCK_MONOTONIC),
                                NULL);
}

static profilecontext_code start(profilecontext_stream *stream, profilecontext_status *status)
{
    pcc_exchange *exchange = &stream->exchange;
    grpc_op ops[] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA,
         .flags = exchange->initial_flags,
         .data.send_initial_metadata = {.count = exchange->metadata_count,
                                        .metadata = exchange->metadata}},
        {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = exchange->request},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
        {.op = GRPC_OP_RECV_INITIAL_METADATA,
         .data.recv_initial_metadata.recv_initial_metadata = &exchange->initial_metadata},
    };
    grpc_op end = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT,
                   .data.recv_status_on_client = {.trailing_metadata = &exchange->trailing_metadata,
                                                  .status = &exchange->code,
                                                  .status_details = &exchange->message}};
    grpc_call_error error =
        grpc_call_start_batch(exchange->call, &end, 1, &stream->status_tag, NULL);
    if (error != GRPC_CALL_OK) {
        return pcc_status_set(status, PROFILECONTEXT_INTERNAL, "%s",
                              grpc_call_error_to_string(error));
    }
    error = grpc_call_start_batch(exchange->call, ops, sizeof ops / sizeof *ops,
                                  &stream->message_tag, NULL);
    if (error != GRPC_CALL_OK) {
        grpc_call_cancel(exchange->call, NULL);
        wait_for(stream, &stream->status_tag);
        return pcc_status_set(status, PROFILECONTEXT_INTERNAL, "%s",
                              grpc_call_error_to_string(error));
    }
    wait_for(stream, &stream->message_tag);
    return PROFILECONTEXT_OK;
}

profilecontext_code pcc_stream_open(profilecontext_stream **out, profilecontext_client *client,
                                    const char *method, const ProtobufCMessage *request,
                                    const ProtobufCMessageDescriptor *descriptor,
                                    const profilecontext_call_options *options,
                                    profilecontext_status *status)
{
    *out = NULL;
    profilecontext_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        return pcc_status_set(status, PROFILECONTEXT_RESOURCE_EXHAUSTED, "out of memory");
    }
    stream->descriptor = descriptor;
    profilecontext_code code =
        pcc_exchange_begin(&stream->exchange, client, method, request, -1, options, status);
    if (code != PROFILECONTEXT_OK) {
        free(stream);
        return code;
    }
    code = start(stream, status);
    if (code != PROFILECONTEXT_OK) {
        pcc_exchange_end(&stream->exchange);
        free(stream);
        return code;
    }
    *out = stream;
    return PROFILECONTEXT_OK;
}

static profilecontext_code finish(profilecontext_stream *stream, profilecontext_status *status)
{
    if (!stream->finished) {
        wait_for(stream, &stream->status_tag);
        stream->finished = true;
        stream->code = pcc_exchange_status(&stream->exchange, status);
        return stream->code;
    }
    return stream->code == PROFILECONTEXT_OK
               ? PROFILECONTEXT_OK
               : pcc_status_set(status, stream->code, "the stream has failed before");
}

profilecontext_code pcc_stream_next(ProtobufCMessage **out, profilecontext_stream *stream,
                                    const ProtobufCMessageDescriptor *descriptor,
                                    profilecontext_status *status)
{
    *out = NULL;
    if (status != NULL) {
        profilecontext_status_clear(status);
    }
    if (descriptor != stream->descriptor) {
        return pcc_status_set(status, PROFILECONTEXT_INVALID_ARGUMENT,
                              "the stream has messages of the type %s", stream->descriptor->name);
    }
    if (stream->finished) {
        return finish(stream, status);
    }
    grpc_byte_buffer *bytes = NULL;
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &bytes};
    if (grpc_call_start_batch(stream->exchange.call, &op, 1, &stream->message_tag, NULL) ==
        GRPC_CALL_OK) {
        wait_for(stream, &stream->message_tag);
    }
    if (bytes == NULL) {
        return finish(stream, status);
    }
    profilecontext_code code =
        pcc_exchange_message(out, &stream->exchange, bytes, stream->descriptor, status);
    grpc_byte_buffer_destroy(bytes);
    if (code != PROFILECONTEXT_OK) {
        /* What comes after a message that cannot be read would be misleading. */
        grpc_call_cancel(stream->exchange.call, NULL);
        (void)finish(stream, NULL);
        stream->code = code;
    }
    return code;
}

void profilecontext_stream_free(profilecontext_stream *stream)
{
    if (stream == NULL) {
        return;
    }
    if (!stream->finished) {
        grpc_call_cancel(stream->exchange.call, NULL);
        (void)finish(stream, NULL);
    }
    pcc_exchange_end(&stream->exchange);
    free(stream);
}
