/* The life of a call: it arrives, is decoded, handled, answered once in one batch, and is freed
 * when the answer is out, core has reported its end, and no one refers to it any more. */
#include "rpc/call_internal.h"

#include <assert.h>
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>
#include <stdio.h>
#include <string.h>

#include "rpc/decode.h"
#include "rpc/status_details.h"
#include "util/caller_key.h"
#include "util/clock.h"
#include "util/handover.h"

enum {
    REQUEST_ID_BYTES_MAX = 64,
    PIECES_INLINE = 16,
    PEER_BYTES_MAX = 64,
    LEAST_TOLD_NS = 1000000 /* of a call's time in its trailer */
};

/* Stands in `on_cancel` once the cancel has been told. */
static const pc_cancel cancel_told;

/* Steps, in order:                                              thread */
static void on_closed(pc_tag *tag, bool ok); /* rpc: core reports the call's end   */
static void answer_ops(pc_call *call, grpc_op *ops, size_t n,
                       size_t bytes); /* any: the one batch of the answer; room for one op more */
static void on_answered(pc_tag *tag, bool ok); /* rpc: the answer is out, or lost    */
static void claim_answer(pc_call *call);

bool pc_call_start_batch(pc_call *call, const grpc_op *ops, size_t count, pc_tag *tag)
{
    grpc_call *core_call = call->grpc;
    PC_GIVES_OVER(tag);
    /* From here on the call may be over and used for another one. */
    return grpc_call_start_batch(core_call, ops, count, tag, NULL) == GRPC_CALL_OK;
}

/* Asks core once to tell the call's end; true for who has to do it. */
static bool claim_watch(pc_call *call)
{
    return !atomic_exchange_explicit(&call->is_watched, true, memory_order_acq_rel);
}

static void watch_op(pc_call *call, grpc_op *op)
{
    *op = (grpc_op){.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
    op->data.recv_close_on_server.cancelled = &call->recv_cancelled;
}

/* Has the caller's going told, unless the answer's batch tells it: an answer that is made within
 * the handler, as those from memory are, then costs one batch of core's instead of two. Gives up
 * the reference of who begins the call. */
static void watch_end(pc_call *call)
{
    if (!claim_watch(call)) {
        pc_call_unref(call);
        return;
    }
    grpc_op op;
    watch_op(call, &op);
    call->closed_tag.run = on_closed;
    if (!pc_call_start_batch(call, &op, 1, &call->closed_tag)) {
        /* Core accepts this batch on every fresh call; without it the end would never be told. */
        pc_call_unref(call);
    }
}

/* For a connection that does too much: not a byte is allocated. */
static void fail_cheaply(pc_call *call)
{
    claim_answer(call);
    call->code = PC_CODE_UNAVAILABLE;
    call->reason = "CONNECTION_TOO_BUSY";
    call->status_message =
        grpc_slice_from_static_string("this connection has too many calls at once");
    grpc_op ops[3];
    pc_call_headers_op(call, &ops[0], 0);
    pc_call_status_op(call, &ops[1]);
    answer_ops(call, ops, 2, 0);
}

void pc_call_begin(pc_call *call)
{
    call->started_ns = pc_clock_now_ns();
    pc_rpc_call_begun(call->endpoint->server, call);
    bool watch;
    bool fits = pc_rpc_count_in(call->endpoint->server, call, &watch);
    pc_rpc_begin_trace(call->endpoint->server, call);
    atomic_store_explicit(&call->references, 2, memory_order_release);
    bool watch_first = watch || call->endpoint->row.kind != PC_RPC_UNARY;
    if (watch_first) {
        watch_end(call);
    }
    pc_status admitted = fits ? pc_rpc_admit(call->endpoint->server, call) : PC_OK;
    if (!fits) {
        fail_cheaply(call);
    } else if (!pc_status_ok(&admitted)) {
        call->refused = true;
        pc_call_fail(call, admitted);
    } else if (call->endpoint->registered == NULL) {
        pc_call_fail(call, pc_status_new(PC_CODE_UNIMPLEMENTED, "METHOD_UNKNOWN",
                                         "this server has no such method; reflection lists those "
                                         "that it has"));
    } else if (pc_rpc_streams_requests(call->endpoint->row.kind)) {
        pc_stream_next(call);
    } else {
        pc_call_dispatch(call);
    }
    if (!watch_first) {
        watch_end(call);
    }
}

/* The request's bytes: in place when they came in one slice, as most do, else joined in `*owner`.
 * Either way they live until `*owner` is released and the request is destroyed. */
static pc_status read_request(pc_call *call, grpc_slice *owner, const uint8_t **bytes, size_t *size)
{
    grpc_byte_buffer_reader reader;
    if (grpc_byte_buffer_reader_init(&reader, call->request) == 0) {
        return pc_status_new(PC_CODE_INVALID_ARGUMENT, "REQUEST_UNREADABLE",
                             "the request message cannot be decompressed");
    }
    size_t length = grpc_byte_buffer_length(reader.buffer_out);
    size_t most = pc_rpc_request_bytes_max(call->endpoint->server);
    if (length > most) {
        grpc_byte_buffer_reader_destroy(&reader);
        return pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE",
                             "the request message has %zu bytes; at most %zu are allowed", length,
                             most);
    }
    grpc_slice *first;
    if (grpc_byte_buffer_reader_peek(&reader, &first) != 0 && GRPC_SLICE_LENGTH(*first) == length) {
        *owner = grpc_slice_ref(*first);
    } else {
        grpc_byte_buffer_reader_destroy(&reader);
        (void)grpc_byte_buffer_reader_init(&reader, call->request);
        *owner = grpc_byte_buffer_reader_readall(&reader);
    }
    grpc_byte_buffer_reader_destroy(&reader);
    *bytes = GRPC_SLICE_START_PTR(*owner);
    *size = GRPC_SLICE_LENGTH(*owner);
    call->request_bytes += *size;
    return PC_OK;
}

void pc_call_dispatch(pc_call *call)
{
    if (call->request == NULL) {
        pc_call_fail(call, pc_status_new(PC_CODE_INVALID_ARGUMENT, "REQUEST_MISSING",
                                         "the call ended without a request message"));
        return;
    }
    grpc_slice owner = grpc_empty_slice();
    const uint8_t *bytes = NULL;
    size_t size = 0;
    pc_status status = read_request(call, &owner, &bytes, &size);
    if (pc_status_ok(&status)) {
        status = pc_decode(&call->decoded, call->endpoint->row.request, bytes, size, &call->arena);
    }
    /* Unpacking copies what it keeps. */
    grpc_slice_unref(owner);
    if (!pc_status_ok(&status)) {
        pc_call_fail(call, status);
        return;
    }
    call->endpoint->row.handle(call, call->decoded, call->endpoint->row.service);
}

/* ---- what the request came with -------------------------------------------------------------- */

int64_t pc_call_arrived_ns(const pc_call *call)
{
    return call->started_ns;
}

int64_t pc_call_deadline_ns(const pc_call *call)
{
    gpr_timespec deadline = call->core_deadline;
    if (gpr_time_cmp(deadline, gpr_inf_future(deadline.clock_type)) == 0) {
        return PC_NEVER_NS;
    }
    gpr_timespec left = gpr_time_sub(deadline, gpr_now(deadline.clock_type));
    int64_t now = pc_clock_now_ns();
    if (left.tv_sec > 365 * 24 * 3600) {
        return PC_NEVER_NS;
    }
    if (left.tv_sec < -365 * 24 * 3600) {
        return 0;
    }
    return now + left.tv_sec * 1000000000 + left.tv_nsec;
}

size_t pc_call_headers_named(const pc_call *call, const char *name, const char **value_out,
                             size_t *size_out)
{
    size_t length = strlen(name);
    size_t count = 0;
    *value_out = NULL;
    *size_out = 0;
    for (size_t i = 0; i < call->headers.count; i++) {
        const grpc_metadata *header = &call->headers.metadata[i];
        if (GRPC_SLICE_LENGTH(header->key) == length &&
            memcmp(GRPC_SLICE_START_PTR(header->key), name, length) == 0 && count++ == 0) {
            *value_out = (const char *)GRPC_SLICE_START_PTR(header->value);
            *size_out = GRPC_SLICE_LENGTH(header->value);
        }
    }
    return count;
}

const char *pc_call_header(pc_call *call, const char *name)
{
    const char *value;
    size_t size;
    return pc_call_headers_named(call, name, &value, &size) == 0
               ? NULL
               : pc_arena_strndup(&call->arena, value, size);
}

void pc_call_read_trace(pc_call *call)
{
    static const char name[] = "traceparent";
    call->is_trace_read = true;
    for (size_t i = 0; i < call->headers.count; i++) {
        const grpc_metadata *header = &call->headers.metadata[i];
        if (GRPC_SLICE_LENGTH(header->key) == sizeof name - 1 &&
            memcmp(GRPC_SLICE_START_PTR(header->key), name, sizeof name - 1) == 0) {
            (void)pc_trace_parse(&call->span.trace,
                                 (const char *)GRPC_SLICE_START_PTR(header->value),
                                 GRPC_SLICE_LENGTH(header->value));
            return;
        }
    }
}

const pc_trace *pc_call_trace(pc_call *call)
{
    if (!call->is_trace_read) {
        pc_call_read_trace(call);
    }
    return &call->span.trace;
}

const pc_trace *pc_call_recorded_trace(const pc_call *call)
{
    return call->span.trace.sink == NULL ? NULL : &call->span.trace;
}

static bool usable_request_id(const char *id)
{
    size_t length = id == NULL ? 0 : strlen(id);
    if (length == 0 || length > REQUEST_ID_BYTES_MAX) {
        return false;
    }
    for (const char *c = id; *c != '\0'; c++) {
        bool allowed = (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') ||
                       (*c >= 'A' && *c <= 'Z') || *c == '-' || *c == '_' || *c == '.';
        if (!allowed) {
            return false;
        }
    }
    return true;
}

const char *pc_call_request_id(pc_call *call)
{
    if (call->request_id == NULL) {
        static atomic_uint_least64_t counter;
        const char *given = pc_call_header(call, "x-request-id");
        if (usable_request_id(given)) {
            call->request_id = given;
        } else {
            uint64_t count = atomic_fetch_add_explicit(&counter, 1, memory_order_relaxed);
            call->request_id =
                pc_arena_printf(&call->arena, "pc-%llx-%llx",
                                (unsigned long long)pc_clock_wall_ms(), (unsigned long long)count);
        }
    }
    /* An id all the same: the upstream wants one. */
    return call->request_id == NULL ? "pc-out-of-memory" : call->request_id;
}

/* The first value of an auth property that is not empty; NULL for none. */
static const char *auth_text(pc_call *call, const grpc_auth_context *context, const char *name)
{
    grpc_auth_property_iterator iterator = grpc_auth_context_find_properties_by_name(context, name);
    const grpc_auth_property *property;
    while ((property = grpc_auth_property_iterator_next(&iterator)) != NULL) {
        if (property->value_length > 0) {
            return pc_arena_strndup(&call->arena, property->value, property->value_length);
        }
    }
    return NULL;
}

static const char *certified_caller(pc_call *call)
{
    grpc_auth_context *context = grpc_call_auth_context(call->grpc);
    const char *caller = NULL;
    if (context != NULL && grpc_auth_context_peer_is_authenticated(context) != 0) {
        caller = auth_text(call, context, GRPC_PEER_SPIFFE_ID_PROPERTY_NAME);
        if (caller == NULL) {
            caller = auth_text(call, context, GRPC_PEER_DNS_PROPERTY_NAME);
        }
        if (caller == NULL) {
            caller = auth_text(call, context, GRPC_X509_CN_PROPERTY_NAME);
        }
    }
    grpc_auth_context_release(context);
    return caller == NULL ? "" : caller;
}

const char *pc_call_caller(pc_call *call)
{
    if (call->caller == NULL) {
        call->caller = certified_caller(call);
    }
    return call->caller;
}

void pc_call_name_caller(pc_call *call, const char *name)
{
    call->caller = name;
    call->caller_key = 0;
}

/* "ipv4:10.1.2.3:4567" -> "ipv4:10.1.2.3" */
void pc_call_peer(char *out, size_t size, const pc_call *call)
{
    char *peer = grpc_call_get_peer(call->grpc);
    char *colon = peer == NULL ? NULL : strrchr(peer, ':');
    if (colon != NULL && strncmp(peer, "ip", 2) == 0) {
        *colon = '\0';
    }
    (void)snprintf(out, size, "%s",
                   peer == NULL                    ? ""
                   : strncmp(peer, "unix", 4) == 0 ? "unix"
                                                   : peer);
    gpr_free(peer);
}

bool pc_call_over_unix_socket(const pc_call *call)
{
    char peer[PEER_BYTES_MAX];
    pc_call_peer(peer, sizeof peer, call);
    return strcmp(peer, "unix") == 0;
}

const char *pc_call_method(const pc_call *call)
{
    return call->endpoint->registered == NULL ? "unknown" : call->endpoint->row.path;
}

uint64_t pc_call_caller_key(pc_call *call)
{
    if (call->caller_key == 0) {
        char peer[PEER_BYTES_MAX];
        const char *name = pc_call_caller(call);
        if (name[0] == '\0') {
            pc_call_peer(peer, sizeof peer, call);
            name = peer;
        }
        /* FNV-1a: who could choose names that collide has got a certificate from us. */
        uint64_t key = 0xcbf29ce484222325;
        for (const char *c = name; *c != '\0'; c++) {
            key = (key ^ (uint8_t)*c) * 0x100000001b3;
        }
        key = pc_caller_key_with_share(key, 0);
        call->caller_key = key == 0 ? 1 : key;
    }
    return call->caller_key;
}

void pc_call_set_caller_share(pc_call *call, unsigned percent)
{
    call->caller_key = pc_caller_key_with_share(pc_call_caller_key(call), percent);
}

const ProtobufCMessage *pc_call_request(const pc_call *call)
{
    return call->decoded;
}

void *pc_call_noted(const pc_call *call)
{
    return call->noted;
}

void pc_call_note(pc_call *call, void *noted)
{
    call->noted = noted;
}

pc_criticality pc_call_criticality(const pc_call *call)
{
    return call->criticality;
}

void pc_call_set_criticality(pc_call *call, pc_criticality criticality)
{
    bool bounded = criticality < call->criticality_most;
    call->criticality = bounded ? call->criticality_most : criticality;
}

void pc_call_bound_criticality(pc_call *call, pc_criticality most)
{
    call->criticality_most = most;
    pc_call_set_criticality(call, call->criticality);
}

pc_arena *pc_call_arena(pc_call *call)
{
    return &call->arena;
}

void *pc_call_state(const pc_call *call)
{
    return call->state;
}

void pc_call_set_state(pc_call *call, void *state)
{
    call->state = state;
}

void *pc_call_service(const pc_call *call)
{
    return call->endpoint->row.service;
}

/* ---- life ------------------------------------------------------------------------------------ */

pc_call *pc_call_ref(pc_call *call)
{
    atomic_fetch_add_explicit(&call->references, 1, memory_order_relaxed);
    return call;
}

void pc_call_unref(pc_call *call)
{
    if (atomic_fetch_sub_explicit(&call->references, 1, memory_order_acq_rel) == 1) {
        pc_rpc_call_ended(call->endpoint->server, call);
        if (call->at_end != NULL) {
            call->at_end(call->at_end_self);
        }
        if (call->kept != NULL) {
            call->give_back(call->kept);
        }
        pc_rpc_recycle(call->endpoint->server, call);
    }
}

bool pc_call_cancelled(const pc_call *call)
{
    return atomic_load_explicit(&call->cancelled, memory_order_acquire);
}

void pc_call_on_cancel(pc_call *call, void (*fn)(void *self), void *self)
{
    /* Not in the arena, which the work that was started may be using by now. */
    call->cancel = (pc_cancel){.fn = fn, .self = self};
    const pc_cancel *none = NULL;
    if (!atomic_compare_exchange_strong(&call->on_cancel, &none, &call->cancel)) {
        assert(none == &cancel_told);
        fn(self);
    }
}

void pc_call_at_end(pc_call *call, void (*fn)(void *self), void *self)
{
    assert(call->at_end == NULL);
    call->at_end = fn;
    call->at_end_self = self;
}

void pc_call_keep(pc_call *call, void *kept, void (*give_back)(void *kept))
{
    assert(call->kept == NULL);
    call->kept = kept;
    call->give_back = give_back;
}

void *pc_call_kept(const pc_call *call)
{
    return call->kept;
}

static void on_closed(pc_tag *tag, bool ok)
{
    pc_call *call = PC_CONTAINER_OF(tag, pc_call, closed_tag);
    if ((!ok || call->recv_cancelled != 0) &&
        !atomic_load_explicit(&call->answered, memory_order_acquire)) {
        atomic_store_explicit(&call->cancelled, true, memory_order_release);
        const pc_cancel *cancel = atomic_exchange(&call->on_cancel, &cancel_told);
        if (cancel != NULL) {
            cancel->fn(cancel->self);
        }
    }
    pc_call_unref(call);
}

void pc_call_count_upstream(pc_call *call, unsigned calls, size_t bytes)
{
    atomic_fetch_add_explicit(&call->upstream_calls, calls, memory_order_relaxed);
    atomic_fetch_add_explicit(&call->upstream_bytes, bytes, memory_order_relaxed);
}

void pc_call_hide_cost(pc_call *call, pc_call_cost hidden)
{
    atomic_fetch_or_explicit(&call->hidden_cost, (unsigned)hidden, memory_order_relaxed);
}

size_t pc_call_answer_bytes_max(const pc_call *call)
{
    return pc_rpc_answer_bytes_max(call->endpoint->server);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void release_slice(void *slice)
{
    PC_TAKES_OVER(slice);
    pc_slice_unref(slice);
}

grpc_byte_buffer *pc_byte_buffer(pc_slice **pieces, size_t count)
{
    grpc_slice few[PIECES_INLINE];
    grpc_slice *slices = count <= PIECES_INLINE ? few : gpr_malloc(count * sizeof *slices);
    for (size_t i = 0; i < count; i++) {
        PC_GIVES_OVER(pieces[i]);
        /* Core only reads from slices that it sends. */
        slices[i] =
            grpc_slice_new_with_user_data((void *)(uintptr_t)pc_slice_bytes(pieces[i]),
                                          pc_slice_size(pieces[i]), release_slice, pieces[i]);
    }
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(slices, count);
    for (size_t i = 0; i < count; i++) {
        grpc_slice_unref(slices[i]);
    }
    if (slices != few) {
        gpr_free(slices);
    }
    return buffer;
}

pc_slice *pc_pack(const ProtobufCMessage *message)
{
    pc_slice *slice = pc_slice_new(protobuf_c_message_get_packed_size(message));
    if (slice != NULL) {
        protobuf_c_message_pack(message, pc_slice_writable(slice));
    }
    return slice;
}

void pc_call_compress(pc_call *call, bool compressed)
{
    call->compression = compressed ? COMPRESS_ALWAYS : COMPRESS_NEVER;
}

static bool is_compressed(const pc_call *call, size_t message_bytes)
{
    size_t least = pc_rpc_compression_bytes_min(call->endpoint->server);
    return call->compression == COMPRESS_BY_SIZE ? least > 0 && message_bytes >= least
                                                 : call->compression == COMPRESS_ALWAYS;
}

void pc_call_headers_op(pc_call *call, grpc_op *op, size_t message_bytes)
{
    *op = (grpc_op){.op = GRPC_OP_SEND_INITIAL_METADATA};
    if (is_compressed(call, message_bytes)) {
        op->data.send_initial_metadata.maybe_compression_level.is_set = 1;
        op->data.send_initial_metadata.maybe_compression_level.level = GRPC_COMPRESS_LEVEL_LOW;
    }
    if (call->added != NULL) {
        pc_added_headers(call->added, op);
    }
}

void pc_call_message_op(pc_call *call, grpc_op *op, size_t message_bytes)
{
    *op = (grpc_op){.op = GRPC_OP_SEND_MESSAGE};
    op->data.send_message.send_message = call->answer;
    if (!is_compressed(call, message_bytes)) {
        op->flags = GRPC_WRITE_NO_COMPRESS;
    }
}

/* Writes a number so that it ends before `end`, with `digits` digits at the least; its first byte.
 * Every answer has such numbers, and snprintf takes longer than the rest of the answer's making. */
static char *put_number(char *end, uint64_t number, int digits)
{
    char *at = end;
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
        digits--;
    } while (number > 0 || digits > 0);
    return at;
}

/* Short enough to stand in the slice itself, so that nothing is allocated. */
static grpc_slice number_slice(uint64_t number)
{
    char text[24];
    char *end = text + sizeof text;
    char *at = put_number(end, number, 1);
    return grpc_slice_from_copied_buffer(at, (size_t)(end - at));
}

static grpc_slice ms_slice(int64_t ns)
{
    char text[32];
    char *end = text + sizeof text;
    char *at = put_number(end, (uint64_t)(ns / 1000 % 1000), 3);
    *--at = '.';
    at = put_number(at, (uint64_t)(ns / 1000000), 1);
    return grpc_slice_from_copied_buffer(at, (size_t)(end - at));
}

static grpc_metadata trailer(const char *key, grpc_slice value)
{
    return (grpc_metadata){.key = grpc_slice_from_static_string(key), .value = value};
}

/* What is zero, or nearly so, is left out: a trailer costs more than looking up what it tells of.
 */
static size_t put_cost(pc_call *call, grpc_metadata *trailers)
{
    size_t count = 0;
    unsigned calls = atomic_load_explicit(&call->upstream_calls, memory_order_relaxed);
    size_t bytes = atomic_load_explicit(&call->upstream_bytes, memory_order_relaxed);
    unsigned hidden = atomic_load_explicit(&call->hidden_cost, memory_order_relaxed);
    if (!call->endpoint->row.tells_cost) {
        return 0;
    }
    if (calls > 0 && hidden != PC_COST_ALL) {
        int64_t left = pc_rpc_calls_left(call->endpoint->server, call);
        trailers[count++] = trailer("upstream-calls", number_slice(calls));
        if (left >= 0) {
            trailers[count++] = trailer("upstream-calls-left", number_slice((uint64_t)left));
        }
    }
    if (bytes > 0 && hidden == 0) {
        trailers[count++] = trailer("upstream-bytes", number_slice(bytes));
    }
    int64_t took_ns = pc_clock_now_ns() - call->started_ns;
    if (count > 0 || took_ns >= LEAST_TOLD_NS) {
        trailers[count++] = trailer("server-ms", ms_slice(took_ns));
    }
    return count;
}

void pc_call_status_op(pc_call *call, grpc_op *op)
{
    *op = (grpc_op){.op = GRPC_OP_SEND_STATUS_FROM_SERVER};
    op->data.send_status_from_server.status = (grpc_status_code)call->code;
    size_t count = put_cost(call, call->trailers);
    if (call->code != PC_CODE_OK) {
        op->data.send_status_from_server.status_details = &call->status_message;
        if (GRPC_SLICE_LENGTH(call->status_details) > 0) {
            call->trailers[count++] = (grpc_metadata){
                .key = grpc_slice_from_static_string("grpc-status-details-bin"),
                .value = call->status_details,
            };
        }
    }
    op->data.send_status_from_server.trailing_metadata = call->trailers;
    op->data.send_status_from_server.trailing_metadata_count = count;
    if (call->added != NULL) {
        pc_added_trailers(call->added, op);
    }
}

void pc_call_set_status(pc_call *call, pc_status status)
{
    call->code = status.code;
    call->reason = pc_status_reason(&status);
    call->status_message = grpc_slice_from_copied_string(pc_status_message(&status));
    pc_slice *details = pc_status_details(&status, pc_call_request_id(call));
    if (details != NULL) {
        call->status_details = grpc_slice_from_copied_buffer((const char *)pc_slice_bytes(details),
                                                             pc_slice_size(details));
        pc_slice_unref(details);
    }
    pc_status_clear(&status);
}

/* The first answer wins; a second one is a mistake in a handler. */
static void claim_answer(pc_call *call)
{
    bool before = atomic_exchange_explicit(&call->answered, true, memory_order_acq_rel);
    assert(!before);
    (void)before;
}

static void answer_ops(pc_call *call, grpc_op *ops, size_t count, size_t bytes)
{
    pc_unread_give(pc_rpc_unread(call->endpoint->server), call, bytes);
    if (claim_watch(call)) {
        watch_op(call, &ops[count++]);
    }
    call->answered_tag.run = on_answered;
    if (!pc_call_start_batch(call, ops, count, &call->answered_tag)) {
        on_answered(&call->answered_tag, false);
    }
}

static void on_answered(pc_tag *tag, bool ok)
{
    (void)ok; /* A caller that has gone is told by `closed`. */
    pc_call *call = PC_CONTAINER_OF(tag, pc_call, answered_tag);
    pc_unread_taken(pc_rpc_unread(call->endpoint->server), call);
    pc_call_unref(call);
}

/* Whether a message of this size may be sent. */
static pc_status check_size(pc_call *call, size_t size)
{
    size_t most = pc_rpc_answer_bytes_max(call->endpoint->server);
    if (size > most) {
        return pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "ANSWER_TOO_LARGE",
                             "the answer has %zu bytes; at most %zu are allowed: ask for less with "
                             "read_mask or a smaller page",
                             size, most);
    }
    pc_unread_verdict verdict = pc_unread_judge(pc_rpc_unread(call->endpoint->server), call, size);
    return verdict == PC_UNREAD_FITS ? PC_OK : pc_unread_status(verdict);
}

size_t pc_pieces_size(pc_slice *const *pieces, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size += pc_slice_size(pieces[i]);
    }
    return size;
}

void pc_call_answer(pc_call *call, pc_slice **pieces, size_t count)
{
    size_t size = pc_pieces_size(pieces, count);
    pc_status status = check_size(call, size);
    if (!pc_status_ok(&status)) {
        for (size_t i = 0; i < count; i++) {
            pc_slice_unref(pieces[i]);
        }
        pc_call_fail(call, status);
        return;
    }
    claim_answer(call);
    call->answer_bytes = size;
    call->answer = pc_byte_buffer(pieces, count);
    grpc_op ops[4];
    pc_call_headers_op(call, &ops[0], size);
    pc_call_message_op(call, &ops[1], size);
    pc_call_status_op(call, &ops[2]);
    answer_ops(call, ops, 3, size);
}

void pc_call_answer_message(pc_call *call, const ProtobufCMessage *message)
{
    pc_slice *slice = pc_pack(message);
    if (slice == NULL) {
        pc_call_fail(call, pc_status_out_of_memory());
        return;
    }
    pc_call_answer(call, &slice, 1);
}

/* Sends the status that stands in the call. */
static void end_with_status(pc_call *call)
{
    grpc_op ops[3];
    size_t count = 0;
    pc_call_ref(call); /* the answer may be out, and all references given back, under the lock */
    pthread_mutex_lock(&call->stream_lock);
    if (!call->headers_sent) {
        pc_call_headers_op(call, &ops[count++], 0);
        call->headers_sent = true;
    }
    pc_call_status_op(call, &ops[count++]);
    answer_ops(call, ops, count, 0);
    pthread_mutex_unlock(&call->stream_lock);
    pc_call_unref(call);
}

void pc_call_fail(pc_call *call, pc_status status)
{
    claim_answer(call);
    if (call->verdict != PC_UNREAD_FITS) {
        pc_status_clear(&status);
        status = pc_unread_status(call->verdict);
    }
    pc_call_set_status(call, status);
    end_with_status(call);
}

void pc_stream_finish(pc_call *call)
{
    claim_answer(call);
    if (call->verdict != PC_UNREAD_FITS) {
        pc_call_set_status(call, pc_unread_status(call->verdict));
    }
    end_with_status(call);
}
