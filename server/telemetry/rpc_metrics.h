/* Counts calls by method: how they ended, how long they took, how many there are now. Methods are
 * numbered; the number of methods itself stands for all that are unknown, so that no caller can
 * make a metric grow. Threads: any. Counting takes no lock and no memory. */
#ifndef PC_TELEMETRY_RPC_METRICS_H
#define PC_TELEMETRY_RPC_METRICS_H

#include "util/buffer.h"
#include "util/status.h"

typedef struct pc_rpc_metrics pc_rpc_metrics;

/* `paths` are "/package.Service/Method" each; the texts are borrowed for the life of the metrics.
 * Owned: pc_rpc_metrics_free. Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_rpc_metrics_new(pc_rpc_metrics **out, const char *const *paths,
                                          size_t count);

/* NULL is allowed. */
void pc_rpc_metrics_free(pc_rpc_metrics *metrics);

/* A call has begun. */
void pc_rpc_metrics_begun(pc_rpc_metrics *metrics, size_t method);

/* It has ended. */
void pc_rpc_metrics_ended(pc_rpc_metrics *metrics, size_t method, pc_code code, int64_t duration_ns,
                          size_t request_bytes, size_t answer_bytes);

/* Writes them all, those that are 0 included, so that their first increase shows as one. */
void pc_rpc_metrics_write(const pc_rpc_metrics *metrics, pc_buffer *out);

#endif
