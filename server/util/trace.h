/* Following one call through the server and on to the upstream: W3C Trace Context
 * (w3.org/TR/trace-context), and spans, the steps that take time. A span holds only what is from
 * closed sets: names of ours, codes, numbers.
 *
 * Where nobody records, a span costs the check of a pointer.
 * Threads: a trace and a span belong to one thread at a time; a sink is called on any. */
#ifndef PC_UTIL_TRACE_H
#define PC_UTIL_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/status.h"

struct pc_span_sink;

/* Which call this is part of. All zero: of none that is known. */
typedef struct {
    uint8_t trace_id[16];
    uint8_t span_id[8]; /* the step that the next ones are steps of */
    bool is_known;
    bool is_sampled;                 /* as the header says */
    const struct pc_span_sink *sink; /* who records its spans; NULL: nobody. Outlives them all */
} pc_trace;

enum { PC_TRACEPARENT_BYTES = 55, PC_SPAN_ATTRIBUTES_MAX = 6 };

/* Reads the value of a `traceparent` header: version 00, or a later one that begins alike. False,
 * and `out` is of none, when it is not one. */
bool pc_trace_parse(pc_trace *out, const char *text, size_t size);

/* Writes the header's value for a trace that is known, NUL-terminated. */
void pc_trace_print(char out[PC_TRACEPARENT_BYTES + 1], const pc_trace *trace);

/* 64 bits that nobody else has. Not for secrets. */
uint64_t pc_trace_random(void);

typedef enum { PC_SPAN_INTERNAL = 1, PC_SPAN_SERVER = 2, PC_SPAN_CLIENT = 3 } pc_span_kind;

typedef struct {
    const char *name;
    const char *text; /* NULL: the number */
    int64_t number;
} pc_span_attribute;

/* One step. All texts are constants. */
typedef struct {
    pc_trace trace; /* with its own id, for the steps within it */
    uint8_t parent_id[8];
    const char *name;
    pc_span_kind kind;
    int64_t started_ns; /* monotonic */
    int64_t ended_ns;
    bool has_failed;
    const char *reason; /* of a failure, else "" */
    pc_span_attribute attributes[PC_SPAN_ATTRIBUTES_MAX];
    size_t attribute_count;
} pc_span;

/* Takes the spans that have ended; copies them, and does not wait. */
typedef struct pc_span_sink {
    void (*take)(const struct pc_span_sink *sink, const pc_span *span);
    void *self;
} pc_span_sink;

/* Begins a step of `parent`. Where nobody records, the span's trace is the parent's. */
void pc_span_begin(pc_span *span, const pc_trace *parent, const char *name, pc_span_kind kind);

/* More than PC_SPAN_ATTRIBUTES_MAX are left out. */
void pc_span_text(pc_span *span, const char *name, const char *text);
void pc_span_int(pc_span *span, const char *name, int64_t number);

/* Ends it: with a failure, that is why. */
void pc_span_end(pc_span *span, const pc_status *status);

#endif
