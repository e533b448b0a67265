/* One unary call, from a packed request to a response or a status. Each call has a completion queue
 * of its own, so that threads never wait for each other. */
#include <stdlib.h>
#include <string.h>

#include <grpc/byte_buffer_reader.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>

#include "internal.h"

enum { DEADLINE_DEFAULT_MS = 10000 };

/* What gRPC fills in while a call goes on. */
typedef struct {
    grpc_metadata_array initial_metadata;
    grpc_metadata_array trailing_metadata;
    grpc_byte_buffer *response;
    grpc_status_code code;
    grpc_slice message;
} answer;

static gpr_timespec deadline_of(const profilecontext_call_options *options)
{
    int64_t ms = options == NULL ? 0 : options->deadline_ms;
    if (ms < 0) {
        return gpr_inf_future(GPR_CLOCK_MONOTONIC);
    }
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                        gpr_time_from_millis(ms == 0 ? DEADLINE_DEFAULT_MS : ms, GPR_TIMESPAN));
}

static bool add_metadata(grpc_metadata *item, const char *key, const char *value)
{
    item->key = grpc_slice_from_copied_string(key);
    item->value = grpc_slice_from_copied_string(value);
    size_t size = strlen(key);
    return grpc_header_key_is_legal(item->key) && grpc_header_nonbin_value_is_legal(item->value) &&
           !(size >= 4 && strcmp(key + size - 4, "-bin") == 0);
}

static void free_metadata(grpc_metadata *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        grpc_slice_unref(items[i].key);
        grpc_slice_unref(items[i].value);
    }
    free(items);
}

/* Makes the request metadata. */
static profilecontext_code make_metadata(grpc_metadata **out, size_t *count,
                                         const profilecontext_call_options *options,
                                         profilecontext_status *status)
{
    *out = NULL;
    *count = 0;
    size_t most = options == NULL ? 0 : options->metadata_count + 1;
    if (most == 0) {
        return PROFILECONTEXT_OK;
    }
    grpc_metadata *items = calloc(most, sizeof *items);
    if (items == NULL) {
        return pcc_status_set(status, PROFILECONTEXT_RESOURCE_EXHAUSTED, "out of memory");
    }
    bool legal = true;
    if (options->request_id != NULL) {
        legal = add_metadata(&items[(*count)++], "x-request-id", options->request_id);
    }
    for (size_t i = 0; i < options->metadata_count; i++) {
        const profilecontext_metadata *pair = &options->metadata[i];
        legal = add_metadata(&items[(*count)++], pair->key, pair->value) && legal;
    }
    if (!legal) {
        free_metadata(items, *count);
        *count = 0;
        return pcc_status_set(status, PROFILECONTEXT_INVALID_ARGUMENT,
                              "request id or metadata with characters that cannot be sent");
    }
    *out = items;
    return PROFILECONTEXT_OK;
}

static grpc_byte_buffer *pack(const ProtobufCMessage *request)
{
    size_t size = protobuf_c_message_get_packed_size(request);
    grpc_slice slice = grpc_slice_malloc(size);
    protobuf_c_message_pack(request, GRPC_SLICE_START_PTR(slice));
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    return buffer;
}

/* Runs the call until its status is there. */
static void run(answer *result, grpc_call *call, grpc_completion_queue *queue,
                grpc_byte_buffer *request, grpc_metadata *metadata, size_t metadata_count)
{
    grpc_op ops[] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA,
         .data.send_initial_metadata = {.count = metadata_count, .metadata = metadata}},
        {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = request},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
        {.op = GRPC_OP_RECV_INITIAL_METADATA,
         .data.recv_initial_metadata.recv_initial_metadata = &result->initial_metadata},
        {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &result->response},
        {.op = GRPC_OP_RECV_STATUS_ON_CLIENT,
         .data.recv_status_on_client = {.trailing_metadata = &result->trailing_metadata,
                                        .status = &result->code,
                                        .status_details = &result->message}},
    };
    grpc_call_error error =
        grpc_call_start_batch(call, ops, sizeof ops / sizeof *ops, result, NULL);
    if (error != GRPC_CALL_OK) {
        result->code = GRPC_STATUS_INTERNAL;
        result->message = grpc_slice_from_static_string(grpc_call_error_to_string(error));
        return;
    }
    /* The call's own deadline ends this wait. */
    grpc_completion_queue_pluck(queue, result, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
}

/* Takes what the server said into the status. */
static profilecontext_code read_failure(const answer *result, profilecontext_status *status)
{
    size_t code = (size_t)result->code;
    char *message = grpc_slice_to_c_string(result->message);
    pcc_status_set(status,
                   code > PROFILECONTEXT_UNAUTHENTICATED ? PROFILECONTEXT_UNKNOWN
                                                         : (profilecontext_code)code,
                   "%s", message);
    gpr_free(message);
    for (size_t i = 0; status != NULL && i < result->trailing_metadata.count; i++) {
        const grpc_metadata *item = &result->trailing_metadata.metadata[i];
        if (grpc_slice_str_cmp(item->key, "grpc-status-details-bin") == 0) {
            pcc_status_read_details(status, GRPC_SLICE_START_PTR(item->value),
                                    GRPC_SLICE_LENGTH(item->value));
        }
    }
    return code > PROFILECONTEXT_UNAUTHENTICATED ? PROFILECONTEXT_UNKNOWN
                                                 : (profilecontext_code)code;
}

static profilecontext_code malformed(profilecontext_status *status, const char *what)
{
    profilecontext_code code =
        pcc_status_set(status, PROFILECONTEXT_INTERNAL, "the response %s", what);
    pcc_status_set_reason(status, "MALFORMED_RESPONSE");
    return code;
}

static profilecontext_code read_response(ProtobufCMessage **out, const answer *result,
                                         const profilecontext_client *client,
                                         const ProtobufCMessageDescriptor *descriptor,
                                         profilecontext_status *status)
{
    if (result->response == NULL) {
        return malformed(status, "is missing");
    }
    grpc_byte_buffer_reader reader;
    if (!grpc_byte_buffer_reader_init(&reader, result->response)) {
        return malformed(status, "cannot be decompressed");
    }
    grpc_slice slice = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);

    const uint8_t *data = GRPC_SLICE_START_PTR(slice);
    size_t size = GRPC_SLICE_LENGTH(slice);
    profilecontext_code code = PROFILECONTEXT_OK;
    if (size > client->max_message_bytes) {
        code = pcc_status_set(status, PROFILECONTEXT_RESOURCE_EXHAUSTED,
                              "the response has more than %zu bytes", client->max_message_bytes);
    } else {
        switch (pcc_wire_check(descriptor, data, size, PCC_DEPTH_MAX)) {
        case PCC_WIRE_TOO_DEEP:
            code = malformed(status, "is nested too deeply");
            break;
        case PCC_WIRE_MALFORMED:
            code = malformed(status, "is no valid message");
            break;
        case PCC_WIRE_OK:
            *out = protobuf_c_message_unpack(descriptor, NULL, size, data);
            if (*out == NULL) {
                code = malformed(status, "is no valid message");
            }
            break;
        }
    }
    grpc_slice_unref(slice);
    return code;
}

profilecontext_code pcc_call(ProtobufCMessage **out, profilecontext_client *client,
                             const char *method, const ProtobufCMessage *request,
                             const ProtobufCMessageDescriptor *descriptor,
                             const profilecontext_call_options *options,
                             profilecontext_status *status)
{
    *out = NULL;
    if (status != NULL) {
        profilecontext_status_clear(status);
    }
    grpc_metadata *metadata = NULL;
    size_t metadata_count = 0;
    profilecontext_code code = make_metadata(&metadata, &metadata_count, options, status);
    if (code != PROFILECONTEXT_OK) {
        return code;
    }
    grpc_completion_queue *queue = grpc_completion_queue_create_for_pluck(NULL);
    grpc_call *call = grpc_channel_create_call(client->channel, NULL, GRPC_PROPAGATE_DEFAULTS,
                                               queue, grpc_slice_from_static_string(method), NULL,
                                               deadline_of(options), NULL);
    grpc_byte_buffer *packed = pack(request);
    answer result = {.code = GRPC_STATUS_UNKNOWN, .message = grpc_empty_slice()};
    grpc_metadata_array_init(&result.initial_metadata);
    grpc_metadata_array_init(&result.trailing_metadata);
    pcc_cancellable entry = {.call = call};
    profilecontext_cancellation *cancellation = options == NULL ? NULL : options->cancellation;

    pcc_cancellation_add(cancellation, &entry);
    run(&result, call, queue, packed, metadata, metadata_count);
    pcc_cancellation_remove(cancellation, &entry);
    code = result.code == GRPC_STATUS_OK ? read_response(out, &result, client, descriptor, status)
                                         : read_failure(&result, status);

    grpc_metadata_array_destroy(&result.initial_metadata);
    grpc_metadata_array_destroy(&result.trailing_metadata);
    grpc_slice_unref(result.message);
    grpc_byte_buffer_destroy(result.response);
    grpc_byte_buffer_destroy(packed);
    free_metadata(metadata, metadata_count);
    grpc_call_unref(call);
    grpc_completion_queue_shutdown(queue);
    grpc_completion_queue_destroy(queue);
    return code;
}
