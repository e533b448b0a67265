/* Counts calls by method: how they ended, how long they took, how many there are now. Methods are
 * numbered; the number of methods itself stands for all that are unknown, so that no caller can
 * make a metric grow. Threads: any. Counting takes no lock and no memory. */
#ifndef PC_TELEMETRY_RPC_METRICS_H
#define PC_TELEMETRY_RPC_METRICS_H

#include "util/buffer.h"
#include "util/status.h"

typedef struct pc_rpc_metrics pc_rpc_metrics;

enum { PC_RPC_CODES = PC_CODE_UNAUTHENTICATED + 1, PC_RPC_BOUNDS = 16 };

/* Of one method, since the start. */
typedef struct {
    uint64_t in_flight;
    uint64_t duration_ns; /* of those that ended, like all that follow */
    uint64_t request_bytes;
    uint64_t answer_bytes;
    uint64_t ended[PC_RPC_CODES];
    uint64_t took[PC_RPC_BOUNDS + 1]; /* calls by bucket of duration */
} pc_rpc_figures;

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

/* As it was given. */
const char *pc_rpc_metrics_path(const pc_rpc_metrics *metrics, size_t method);

/* What was counted of a method. */
void pc_rpc_metrics_read(const pc_rpc_metrics *metrics, size_t method, pc_rpc_figures *out);

/* The upper bounds of the buckets in nanoseconds: PC_RPC_BOUNDS of them. */
const int64_t *pc_rpc_metrics_bounds(void);

/* Writes them all, those that are 0 included, so that their first increase shows as one. */
void pc_rpc_metrics_write(const pc_rpc_metrics *metrics, pc_buffer *out);

#endif
