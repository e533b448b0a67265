/* Tracing as the configuration has it: spans go to a collector by OTLP over HTTP, in JSON, on a
 * thread of their own, so that neither calls nor the upstream's transfers ever wait for it. A batch
 * that the collector does not take is dropped. */
#ifndef PC_TRACE_EXPORTER_H
#define PC_TRACE_EXPORTER_H

#include "config/config.h"
#include "telemetry/tracing.h"

typedef struct pc_trace_exporter pc_trace_exporter;

/* `*out` is NULL where no collector is configured. Owned: pc_trace_exporter_free. Errors:
 * INVALID_ARGUMENT for an endpoint that is none; RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_trace_exporter_new(pc_trace_exporter **out, const pc_config *config);

/* Borrowed. */
pc_tracing *pc_trace_exporter_tracing(pc_trace_exporter *exporter);

/* Sends what still waits, for a second at most. No span can end any more. NULL is allowed. */
void pc_trace_exporter_free(pc_trace_exporter *exporter);

#endif
