/* What makes contexts out of the upstream's answers, as it is configured: the gatherer, with its
 * cache, rules and threads. Threads: one (main). */
#ifndef PC_CONTEXT_ENGINE_H
#define PC_CONTEXT_ENGINE_H

#include "config/config.h"
#include "context/gather.h"
#include "context/joining.h"

/* All 0 before it is opened. Others use its workers, timers and gatherer. */
typedef struct {
    pc_source source;
    pc_joining *joining; /* NULL: nothing is joined */
    pc_source joined;
    pc_workers *workers;
    pc_timers *timers;
    pc_audience_names *names;
    pc_insight_set *insights;
    pc_summary_rules *summary;
    pc_gatherer gatherer;
} pc_context_engine;

/* `merge_policy` is that of calls that name none. The configuration, the policy and what `source`
 * stands for outlive it. Owned, also after an error: the three below, in their order. Errors:
 * INVALID_ARGUMENT for rules that cannot be, RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_context_engine_open(pc_context_engine *engine, const pc_config *config,
                                              const pc_source *source, const char *merge_policy);

/* When no call is left: ends the fetches that no one waits for. Then the upstream's client can go.
 */
void pc_context_engine_stop(pc_context_engine *engine);

/* Ends the timers and workers. Then those can go whose jobs they were. */
void pc_context_engine_end_threads(pc_context_engine *engine);

void pc_context_engine_close(pc_context_engine *engine);

#endif
