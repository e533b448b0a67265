/* A ring under a lock that is held for the copy of one span, or of a batch of them. */
#include "telemetry/tracing.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "telemetry/json_out.h"
#include "util/clock.h"

enum { ROOM = 4096, SERVICE_BYTES_MAX = 128, NUMBER_BYTES = 24 };

struct pc_tracing {
    pc_tracing_options options;
    char service[SERVICE_BYTES_MAX];
    pc_span_sink sink;
    pthread_mutex_t lock; /* guards all that follows but `batch` */
    size_t first;
    size_t count;
    uint64_t sent;
    uint64_t dropped;
    pc_span ring[ROOM];
    pc_span batch[PC_TRACING_BATCH]; /* of who writes, one at a time */
};

/* ---- taking ---------------------------------------------------------------------------------- */

static void take(const pc_span_sink *sink, const pc_span *span)
{
    pc_tracing *tracing = sink->self;
    pthread_mutex_lock(&tracing->lock);
    bool has_room = tracing->count < ROOM;
    if (has_room) {
        tracing->ring[(tracing->first + tracing->count++) % ROOM] = *span;
    } else {
        tracing->dropped++;
    }
    bool is_batch = has_room && tracing->count == PC_TRACING_BATCH;
    pthread_mutex_unlock(&tracing->lock);
    if (is_batch && tracing->options.ready != NULL) {
        tracing->options.ready(tracing->options.self);
    }
}

void pc_tracing_sample(pc_tracing *tracing, pc_trace *trace)
{
    if (!trace->is_known) {
        const uint64_t ids[2] = {pc_trace_random(), pc_trace_random()};
        memcpy(trace->trace_id, ids, sizeof trace->trace_id);
        memset(trace->span_id, 0, sizeof trace->span_id);
        /* 53 bits are what a double holds exactly. */
        trace->is_sampled =
            (double)(pc_trace_random() >> 11) < tracing->options.share * 9007199254740992.0;
        trace->is_known = trace->is_sampled;
    }
    trace->sink = trace->is_sampled ? &tracing->sink : NULL;
}

void pc_tracing_note(pc_tracing *tracing, size_t spans, bool sent)
{
    pthread_mutex_lock(&tracing->lock);
    *(sent ? &tracing->sent : &tracing->dropped) += spans;
    pthread_mutex_unlock(&tracing->lock);
}

void pc_tracing_read(pc_tracing *tracing, pc_tracing_figures *out)
{
    pthread_mutex_lock(&tracing->lock);
    *out = (pc_tracing_figures){tracing->sent, tracing->dropped, tracing->count};
    pthread_mutex_unlock(&tracing->lock);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void put_id(pc_json_out *json, const char *name, const uint8_t *bytes, size_t size)
{
    char text[2 * 16 + 1] = "";
    for (size_t i = 0; i < size; i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    }
    pc_json_out_text(json, name, text);
}

/* 64-bit numbers are texts in the JSON of protocol buffers. */
static void put_long(pc_json_out *json, const char *name, int64_t number)
{
    char text[NUMBER_BYTES];
    (void)snprintf(text, sizeof text, "%" PRId64, number);
    pc_json_out_text(json, name, text);
}

static void put_attribute(pc_json_out *json, const pc_span_attribute *attribute)
{
    pc_json_out_open(json, NULL, '{');
    pc_json_out_text(json, "key", attribute->name);
    pc_json_out_open(json, "value", '{');
    if (attribute->text != NULL) {
        pc_json_out_text(json, "stringValue", attribute->text);
    } else {
        put_long(json, "intValue", attribute->number);
    }
    pc_json_out_close(json, '}');
    pc_json_out_close(json, '}');
}

static void put_attributes(pc_json_out *json, const pc_span_attribute *attributes, size_t count)
{
    pc_json_out_open(json, "attributes", '[');
    for (size_t i = 0; i < count; i++) {
        put_attribute(json, &attributes[i]);
    }
    pc_json_out_close(json, ']');
}

static bool has_parent(const pc_span *span)
{
    static const uint8_t none[8];
    return memcmp(span->parent_id, none, sizeof none) != 0;
}

/* `epoch_ns` is what the monotonic clock lacks to the time since 1970. */
static void put_span(pc_json_out *json, const pc_span *span, int64_t epoch_ns)
{
    enum { FAILED = 2 };
    pc_json_out_open(json, NULL, '{');
    put_id(json, "traceId", span->trace.trace_id, 16);
    put_id(json, "spanId", span->trace.span_id, 8);
    if (has_parent(span)) {
        put_id(json, "parentSpanId", span->parent_id, 8);
    }
    pc_json_out_text(json, "name", span->name);
    pc_json_out_int(json, "kind", span->kind);
    put_long(json, "startTimeUnixNano", span->started_ns + epoch_ns);
    put_long(json, "endTimeUnixNano", span->ended_ns + epoch_ns);
    put_attributes(json, span->attributes, span->attribute_count);
    pc_json_out_open(json, "status", '{');
    if (span->has_failed) {
        pc_json_out_int(json, "code", FAILED);
        pc_json_out_text(json, "message", span->reason);
    }
    pc_json_out_close(json, '}');
    pc_json_out_close(json, '}');
}

static int64_t epoch_of_monotonic_ns(void)
{
    struct timespec wall;
    (void)clock_gettime(CLOCK_REALTIME, &wall);
    return (int64_t)wall.tv_sec * 1000000000 + wall.tv_nsec - pc_clock_now_ns();
}

static void put_request(pc_json_out *json, const pc_tracing *tracing, size_t count)
{
    const pc_span_attribute resource[] = {{"service.name", tracing->service, 0},
                                          {"service.version", PC_VERSION, 0}};
    int64_t epoch_ns = epoch_of_monotonic_ns();
    pc_json_out_open(json, NULL, '{');
    pc_json_out_open(json, "resourceSpans", '[');
    pc_json_out_open(json, NULL, '{');
    pc_json_out_open(json, "resource", '{');
    put_attributes(json, resource, PC_COUNT_OF(resource));
    pc_json_out_close(json, '}');
    pc_json_out_open(json, "scopeSpans", '[');
    pc_json_out_open(json, NULL, '{');
    pc_json_out_open(json, "scope", '{');
    pc_json_out_text(json, "name", "profile-context");
    pc_json_out_close(json, '}');
    pc_json_out_open(json, "spans", '[');
    for (size_t i = 0; i < count; i++) {
        put_span(json, &tracing->batch[i], epoch_ns);
    }
    pc_json_out_close(json, ']');
    pc_json_out_close(json, '}');
    pc_json_out_close(json, ']');
    pc_json_out_close(json, '}');
    pc_json_out_close(json, ']');
    pc_json_out_close(json, '}');
}

size_t pc_tracing_write(pc_tracing *tracing, pc_buffer *out)
{
    pthread_mutex_lock(&tracing->lock);
    size_t count = tracing->count < PC_TRACING_BATCH ? tracing->count : PC_TRACING_BATCH;
    for (size_t i = 0; i < count; i++) {
        tracing->batch[i] = tracing->ring[(tracing->first + i) % ROOM];
    }
    tracing->first = (tracing->first + count) % ROOM;
    tracing->count -= count;
    pthread_mutex_unlock(&tracing->lock);
    if (count > 0) {
        pc_json_out json = {.out = out};
        put_request(&json, tracing, count);
    }
    return count;
}

/* ---- life ------------------------------------------------------------------------------------ */

pc_status pc_tracing_new(pc_tracing **out, const pc_tracing_options *options)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL) {
        return pc_status_out_of_memory();
    }
    (*out)->options = *options;
    (void)snprintf((*out)->service, sizeof(*out)->service, "%s", options->service);
    (*out)->sink = (pc_span_sink){.take = take, .self = *out};
    pthread_mutex_init(&(*out)->lock, NULL);
    return PC_OK;
}

void pc_tracing_free(pc_tracing *tracing)
{
    if (tracing != NULL) {
        pthread_mutex_destroy(&tracing->lock);
        free(tracing);
    }
}
