/* Decides which calls are traced, keeps the spans that have ended until they are sent, and writes
 * them as OTLP does in JSON (opentelemetry.io/docs/specs/otlp). Sending is another's work.
 *
 * A caller that sends a `traceparent` has decided itself; of other calls a share is traced. Spans
 * wait in a ring of fixed size: those for which there is no room are dropped, and counted.
 * Threads: any. */
#ifndef PC_TELEMETRY_TRACING_H
#define PC_TELEMETRY_TRACING_H

#include "util/buffer.h"
#include "util/trace.h"

enum { PC_TRACING_BATCH = 512 /* spans that are sent at once */ };

typedef struct pc_tracing pc_tracing;

typedef struct {
    double share;        /* of calls that come without a decision: 0 to 1 */
    const char *service; /* its name; copied */
    /* Called when there is a batch to send, on any thread; must not block. */
    void (*ready)(void *self);
    void *self;
} pc_tracing_options;

/* Owned: pc_tracing_free. Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_tracing_new(pc_tracing **out, const pc_tracing_options *options);

/* When no span can end any more. NULL is allowed. */
void pc_tracing_free(pc_tracing *tracing);

/* `trace` is what the caller sent, or of none; made known, and given a sink where it is traced. */
void pc_tracing_sample(pc_tracing *tracing, pc_trace *trace);

/* Takes the oldest spans that wait, at most a batch, and writes them as a request; how many. 0:
 * none wait, and nothing is written. */
size_t pc_tracing_write(pc_tracing *tracing, pc_buffer *out);

/* What became of spans that were taken. */
void pc_tracing_note(pc_tracing *tracing, size_t spans, bool sent);

typedef struct {
    uint64_t sent;
    uint64_t dropped; /* for want of room, or since the collector did not take them */
    uint64_t waiting;
} pc_tracing_figures;

void pc_tracing_read(pc_tracing *tracing, pc_tracing_figures *out);

#endif
