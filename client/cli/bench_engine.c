/* Many calls at once on one thread. What a call needs is kept when it has ended and used again;
 * gRPC allocates the rest. */
#include "bench_engine.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/slice_buffer.h>
#include <grpc/support/time.h>

#include "internal.h"

enum { COARSE_NS = 2000000, OP_COUNT = 6 };

typedef struct slot {
    bench_call call; /* first, since this is what others see */
    struct slot *next_free;
    grpc_call *grpc; /* NULL: not in flight */
    grpc_byte_buffer *request;
    grpc_byte_buffer *response;
    grpc_slice response_bytes; /* in one piece, once it was asked for */
    grpc_metadata_array initial_metadata;
    grpc_metadata_array trailing_metadata;
    grpc_status_code code;
    grpc_slice message;
} slot;

struct bench_engine {
    grpc_completion_queue *queue;
    grpc_channel **channels;
    size_t channel_count;
    size_t next_channel;
    slot *slots;
    size_t slot_count;
    slot *free; /* a list */
    size_t in_flight;
    const char *path;
    int64_t deadline_ns;
    grpc_metadata headers[1]; /* sent with every call */
    size_t header_count;
};

static gpr_timespec at(int64_t ns)
{
    if (ns == INT64_MAX) {
        return gpr_inf_future(GPR_CLOCK_MONOTONIC);
    }
    return (gpr_timespec){.tv_sec = ns / 1000000000,
                          .tv_nsec = (int32_t)(ns % 1000000000),
                          .clock_type = GPR_CLOCK_MONOTONIC};
}

int64_t bench_engine_now(void)
{
    gpr_timespec now = gpr_now(GPR_CLOCK_MONOTONIC);
    return now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- life ------------------------------------------------------------------------------------ */

static bool make_slots(bench_engine *engine, size_t count)
{
    engine->slots = calloc(count, sizeof *engine->slots);
    if (engine->slots == NULL) {
        return false;
    }
    engine->slot_count = count;
    for (size_t i = 0; i < count; i++) {
        slot *made = &engine->slots[i];
        made->request = grpc_raw_byte_buffer_create(NULL, 0);
        made->response_bytes = grpc_empty_slice();
        grpc_metadata_array_init(&made->initial_metadata);
        grpc_metadata_array_init(&made->trailing_metadata);
        made->next_free = engine->free;
        engine->free = made;
    }
    return true;
}

profilecontext_code bench_engine_new(bench_engine **out, const profilecontext_options *server,
                                     const bench_engine_options *how, profilecontext_status *status)
{
    *out = NULL;
    grpc_init();
    bench_engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL) {
        grpc_shutdown();
        return pcc_status_set(status, PROFILECONTEXT_RESOURCE_EXHAUSTED, "out of memory");
    }
    engine->queue = grpc_completion_queue_create_for_next(NULL);
    engine->path = how->path;
    engine->deadline_ns = how->deadline_ms * 1000000;
    if (how->authorization != NULL) {
        engine->headers[engine->header_count++] =
            (grpc_metadata){.key = grpc_slice_from_static_string("authorization"),
                            .value = grpc_slice_from_static_string(how->authorization)};
    }
    engine->channels = calloc(how->connections, sizeof *engine->channels);
    profilecontext_code code = PROFILECONTEXT_OK;
    if (engine->channels == NULL || !make_slots(engine, how->in_flight)) {
        code = pcc_status_set(status, PROFILECONTEXT_RESOURCE_EXHAUSTED, "out of memory");
    }
    for (size_t i = 0; code == PROFILECONTEXT_OK && i < how->connections; i++) {
        code = pcc_channel_new(&engine->channels[i], server, true, status);
        engine->channel_count += code == PROFILECONTEXT_OK;
    }
    if (code != PROFILECONTEXT_OK) {
        bench_engine_free(engine);
        return code;
    }
    *out = engine;
    return PROFILECONTEXT_OK;
}

void bench_engine_free(bench_engine *engine)
{
    if (engine == NULL) {
        return;
    }
    bench_engine_cancel(engine);
    while (engine->in_flight > 0) {
        bench_engine_give_back(engine, bench_engine_wait(engine, INT64_MAX));
    }
    for (size_t i = 0; i < engine->slot_count; i++) {
        grpc_byte_buffer_destroy(engine->slots[i].request);
        grpc_metadata_array_destroy(&engine->slots[i].initial_metadata);
        grpc_metadata_array_destroy(&engine->slots[i].trailing_metadata);
    }
    for (size_t i = 0; i < engine->channel_count; i++) {
        grpc_channel_destroy(engine->channels[i]);
    }
    grpc_completion_queue_shutdown(engine->queue);
    grpc_completion_queue_destroy(engine->queue);
    free(engine->slots);
    free(engine->channels);
    free(engine);
    grpc_shutdown();
}

/* ---- connections ----------------------------------------------------------------------------- */

/* Waits until a channel is connected; false where it cannot be. */
static bool wait_for(bench_engine *engine, grpc_channel *channel, int64_t until_ns)
{
    for (;;) {
        grpc_connectivity_state state = grpc_channel_check_connectivity_state(channel, 1);
        if (state == GRPC_CHANNEL_READY) {
            return true;
        }
        if (state == GRPC_CHANNEL_TRANSIENT_FAILURE || state == GRPC_CHANNEL_SHUTDOWN) {
            return false;
        }
        grpc_channel_watch_connectivity_state(channel, state, at(until_ns), engine->queue, channel);
        grpc_event event = grpc_completion_queue_next(engine->queue, at(INT64_MAX), NULL);
        if (event.success == 0) {
            return false;
        }
    }
}

profilecontext_code bench_engine_connect(bench_engine *engine, int64_t until_ns,
                                         profilecontext_status *status)
{
    for (size_t i = 0; i < engine->channel_count; i++) {
        (void)grpc_channel_check_connectivity_state(engine->channels[i], 1);
    }
    for (size_t i = 0; i < engine->channel_count; i++) {
        if (!wait_for(engine, engine->channels[i], until_ns)) {
            return pcc_status_set(status, PROFILECONTEXT_UNAVAILABLE,
                                  "connection %zu of %zu cannot be made", i + 1,
                                  engine->channel_count);
        }
    }
    return PROFILECONTEXT_OK;
}

/* ---- calls ----------------------------------------------------------------------------------- */

bench_call *bench_engine_take(bench_engine *engine)
{
    slot *taken = engine->free;
    if (taken == NULL) {
        return NULL;
    }
    engine->free = taken->next_free;
    return &taken->call;
}

void bench_engine_start(bench_engine *engine, bench_call *call, const uint8_t *request, size_t size)
{
    slot *of = (slot *)call;
    grpc_channel *channel = engine->channels[engine->next_channel];
    engine->next_channel = (engine->next_channel + 1) % engine->channel_count;
    of->grpc = grpc_channel_create_call(channel, NULL, GRPC_PROPAGATE_DEFAULTS, engine->queue,
                                        grpc_slice_from_static_string(engine->path), NULL,
                                        at(bench_engine_now() + engine->deadline_ns), NULL);
    /* gRPC has emptied the buffer when it sent what was in there. */
    grpc_slice_buffer_reset_and_unref(&of->request->data.raw.slice_buffer);
    grpc_slice_buffer_add(&of->request->data.raw.slice_buffer,
                          grpc_slice_from_copied_buffer((const char *)request, size));
    of->response = NULL;
    of->initial_metadata.count = 0;
    of->trailing_metadata.count = 0;
    grpc_op ops[OP_COUNT] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA,
         .data.send_initial_metadata = {.count = engine->header_count,
                                        .metadata = engine->headers}},
        {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = of->request},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
        {.op = GRPC_OP_RECV_INITIAL_METADATA,
         .data.recv_initial_metadata.recv_initial_metadata = &of->initial_metadata},
        {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &of->response},
        {.op = GRPC_OP_RECV_STATUS_ON_CLIENT,
         .data.recv_status_on_client = {.trailing_metadata = &of->trailing_metadata,
                                        .status = &of->code,
                                        .status_details = &of->message}},
    };
    grpc_call_error error = grpc_call_start_batch(of->grpc, ops, OP_COUNT, of, NULL);
    if (error != GRPC_CALL_OK) {
        /* The operations are always the same and right, so that this cannot happen. */
        abort();
    }
    engine->in_flight++;
}

/* A count in trailing metadata; 0 where it is none. */
static int64_t count_of(grpc_slice value)
{
    int64_t count = 0;
    const uint8_t *digits = GRPC_SLICE_START_PTR(value);
    for (size_t i = 0; i < GRPC_SLICE_LENGTH(value); i++) {
        if (digits[i] < '0' || digits[i] > '9' || i == 18) {
            return 0;
        }
        count = count * 10 + (digits[i] - '0');
    }
    return count;
}

static void take_end(slot *of)
{
    bench_call *call = &of->call;
    unsigned code = (unsigned)of->code;
    call->code =
        code > PROFILECONTEXT_UNAUTHENTICATED ? PROFILECONTEXT_UNKNOWN : (profilecontext_code)code;
    call->bytes = of->response == NULL ? 0 : grpc_byte_buffer_length(of->response);
    call->upstream_calls = 0;
    for (size_t i = 0; i < of->trailing_metadata.count; i++) {
        const grpc_metadata *item = &of->trailing_metadata.metadata[i];
        if (grpc_slice_str_cmp(item->key, "upstream-calls") == 0) {
            call->upstream_calls = count_of(item->value);
        }
    }
}

/* The CPU time of this thread. */
static int64_t thread_cpu_ns(void)
{
    struct timespec used;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return used.tv_sec * 1000000000 + used.tv_nsec;
}

/* The next call that has ended; NULL at the deadline. */
static bench_call *next(bench_engine *engine, gpr_timespec deadline)
{
    grpc_event event = grpc_completion_queue_next(engine->queue, deadline, NULL);
    if (event.type != GRPC_OP_COMPLETE) {
        return NULL;
    }
    slot *ended = event.tag;
    engine->in_flight--;
    take_end(ended);
    return &ended->call;
}

bench_call *bench_engine_wait(bench_engine *engine, int64_t until_ns)
{
    return next(engine, at(until_ns));
}

bench_call *bench_engine_wait_exactly(bench_engine *engine, int64_t until_ns, int64_t *spun_ns)
{
    if (until_ns - bench_engine_now() > COARSE_NS) {
        bench_call *ended = next(engine, at(until_ns - COARSE_NS));
        if (ended != NULL) {
            return ended;
        }
    }
    int64_t used = thread_cpu_ns();
    for (;;) {
        bench_call *ended = next(engine, gpr_inf_past(GPR_CLOCK_MONOTONIC));
        if (ended != NULL) {
            return ended;
        }
        int64_t used_before = used;
        used = thread_cpu_ns();
        *spun_ns += used - used_before;
        if (bench_engine_now() >= until_ns) {
            return NULL;
        }
    }
}

void bench_engine_response(bench_call *call, const uint8_t **data, size_t *size)
{
    slot *of = (slot *)call;
    grpc_byte_buffer_reader reader;
    if (of->response != NULL && GRPC_SLICE_IS_EMPTY(of->response_bytes) &&
        grpc_byte_buffer_reader_init(&reader, of->response) != 0) {
        of->response_bytes = grpc_byte_buffer_reader_readall(&reader);
        grpc_byte_buffer_reader_destroy(&reader);
    }
    *data = GRPC_SLICE_START_PTR(of->response_bytes);
    *size = GRPC_SLICE_LENGTH(of->response_bytes);
}

void bench_engine_message(const bench_call *call, char *out, size_t size)
{
    const slot *of = (const slot *)call;
    size_t length = GRPC_SLICE_LENGTH(of->message);
    length = length < size ? length : size - 1;
    memcpy(out, GRPC_SLICE_START_PTR(of->message), length);
    out[length] = '\0';
}

void bench_engine_give_back(bench_engine *engine, bench_call *call)
{
    slot *of = (slot *)call;
    if (of->grpc != NULL) {
        grpc_byte_buffer_destroy(of->response);
        grpc_slice_unref(of->response_bytes);
        of->response_bytes = grpc_empty_slice();
        grpc_slice_unref(of->message);
        grpc_call_unref(of->grpc);
        of->grpc = NULL;
    }
    of->next_free = engine->free;
    engine->free = of;
}

size_t bench_engine_in_flight(const bench_engine *engine)
{
    return engine->in_flight;
}

void bench_engine_cancel(bench_engine *engine)
{
    for (size_t i = 0; i < engine->slot_count; i++) {
        if (engine->slots[i].grpc != NULL) {
            grpc_call_cancel(engine->slots[i].grpc, NULL);
        }
    }
}
