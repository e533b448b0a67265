/* What every call consists of: metadata, a packed request, a queue of its own (so that threads
 * never wait for each other), and at the end a status with its details and the cost. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/byte_buffer_reader.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>

#include "internal.h"

static gpr_timespec deadline_of(int64_t ms)
{
    if (ms < 0) {
        return gpr_inf_future(GPR_CLOCK_MONOTONIC);
    }
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(ms, GPR_TIMESPAN));
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

profilecontext_code pcc_exchange_begin(pcc_exchange *exchange, profilecontext_client *client,
                                       const char *method, const ProtobufCMessage *request,
                                       int64_t default_deadline_ms,
                                       const profilecontext_call_options *options,
                                       profilecontext_status *status)
{
    *exchange = (pcc_exchange){.code = GRPC_STATUS_UNKNOWN, .message = grpc_empty_slice()};
    if (status != NULL) {
        profilecontext_status_clear(status);
    }
    profilecontext_code code =
        make_metadata(&exchange->metadata, &exchange->metadata_count, options, status);
    if (code != PROFILECONTEXT_OK) {
        return code;
    }
    int64_t asked = options == NULL ? 0 : options->deadline_ms;
    if (options != NULL && options->wait_for_ready) {
        exchange->initial_flags = GRPC_INITIAL_METADATA_WAIT_FOR_READY |
                                  GRPC_INITIAL_METADATA_WAIT_FOR_READY_EXPLICITLY_SET;
    }
    exchange->client = client;
    exchange->cost = options == NULL ? NULL : options->cost;
    exchange->cancellation = options == NULL ? NULL : options->cancellation;
    exchange->queue = grpc_completion_queue_create_for_pluck(NULL);
    exchange->call =
        grpc_channel_create_call(client->channel, NULL, GRPC_PROPAGATE_DEFAULTS, exchange->queue,
                                 grpc_slice_from_static_string(method), NULL,
                                 deadline_of(asked == 0 ? default_deadline_ms : asked), NULL);
    exchange->request = pack(request);
    grpc_metadata_array_init(&exchange->initial_metadata);
    grpc_metadata_array_init(&exchange->trailing_metadata);
    exchange->cancellable.call = exchange->call;
    pcc_cancellation_add(exchange->cancellation, &exchange->cancellable);
    return PROFILECONTEXT_OK;
}

void pcc_exchange_end(pcc_exchange *exchange)
{
    pcc_cancellation_remove(exchange->cancellation, &exchange->cancellable);
    grpc_metadata_array_destroy(&exchange->initial_metadata);
    grpc_metadata_array_destroy(&exchange->trailing_metadata);
    grpc_slice_unref(exchange->message);
    grpc_byte_buffer_destroy(exchange->request);
    free_metadata(exchange->metadata, exchange->metadata_count);
    grpc_call_unref(exchange->call);
    grpc_completion_queue_shutdown(exchange->queue);
    grpc_completion_queue_destroy(exchange->queue);
}

/* A number in trailing metadata; -1 where it is none. */
static double number_of(grpc_slice value)
{
    char *text = grpc_slice_to_c_string(value);
    char *end = text;
    errno = 0;
    double number = strtod(text, &end);
    bool good = end != text && *end == '\0' && errno == 0 && number >= 0 && number < 1e15;
    gpr_free(text);
    return good ? number : -1;
}

static void read_cost(const pcc_exchange *exchange)
{
    profilecontext_cost *cost = exchange->cost;
    if (cost == NULL) {
        return;
    }
    *cost = (profilecontext_cost){-1, -1, -1};
    for (size_t i = 0; i < exchange->trailing_metadata.count; i++) {
        const grpc_metadata *item = &exchange->trailing_metadata.metadata[i];
        if (grpc_slice_str_cmp(item->key, "upstream-calls") == 0) {
            cost->upstream_calls = (int64_t)number_of(item->value);
        } else if (grpc_slice_str_cmp(item->key, "upstream-bytes") == 0) {
            cost->upstream_bytes = (int64_t)number_of(item->value);
        } else if (grpc_slice_str_cmp(item->key, "server-ms") == 0) {
            cost->server_ms = number_of(item->value);
        }
    }
    /* An answer leaves out what is zero. */
    if (cost->server_ms >= 0 || exchange->code == GRPC_STATUS_OK) {
        cost->upstream_calls = cost->upstream_calls < 0 ? 0 : cost->upstream_calls;
        cost->upstream_bytes = cost->upstream_bytes < 0 ? 0 : cost->upstream_bytes;
        cost->server_ms = cost->server_ms < 0 ? 0 : cost->server_ms;
    }
}

profilecontext_code pcc_exchange_status(const pcc_exchange *exchange, profilecontext_status *status)
{
    read_cost(exchange);
    if (exchange->code == GRPC_STATUS_OK) {
        return PROFILECONTEXT_OK;
    }
    size_t code = (size_t)exchange->code;
    char *message = grpc_slice_to_c_string(exchange->message);
    pcc_status_set(status,
                   code > PROFILECONTEXT_UNAUTHENTICATED ? PROFILECONTEXT_UNKNOWN
                                                         : (profilecontext_code)code,
                   "%s", message);
    gpr_free(message);
    for (size_t i = 0; status != NULL && i < exchange->trailing_metadata.count; i++) {
        const grpc_metadata *item = &exchange->trailing_metadata.metadata[i];
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

profilecontext_code pcc_exchange_message(ProtobufCMessage **out, const pcc_exchange *exchange,
                                         grpc_byte_buffer *bytes,
                                         const ProtobufCMessageDescriptor *descriptor,
                                         profilecontext_status *status)
{
    if (bytes == NULL) {
        return malformed(status, "is missing");
    }
    grpc_byte_buffer_reader reader;
    if (!grpc_byte_buffer_reader_init(&reader, bytes)) {
        return malformed(status, "cannot be decompressed");
    }
    grpc_slice slice = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);

    const uint8_t *data = GRPC_SLICE_START_PTR(slice);
    size_t size = GRPC_SLICE_LENGTH(slice);
    profilecontext_code code = PROFILECONTEXT_OK;
    if (size > exchange->client->max_message_bytes) {
        code = pcc_status_set(status, PROFILECONTEXT_RESOURCE_EXHAUSTED,
                              "the response has more than %zu bytes",
                              exchange->client->max_message_bytes);
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
