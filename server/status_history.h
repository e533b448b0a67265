/* The last minutes of the counters, kept for the status page: a look every other second, so that
 * the page has its curves at once, and rates and percentiles are those of the last minute.
 * Threads: a timer's looks, any thread reads. */
#ifndef PC_STATUS_HISTORY_H
#define PC_STATUS_HISTORY_H

#include "metrics_page.h"
#include "util/timers.h"

enum {
    PC_HISTORY_STEP_MS = 2000,
    PC_HISTORY_POINTS = 150, /* five minutes of curves */
    PC_HISTORY_WINDOW = 30,  /* steps that rates and percentiles are of: a minute */
    PC_HISTORY_METHODS_MAX = 48
};

typedef struct pc_status_history pc_status_history;

/* One step of the curves. Percentiles are -1 where there was nothing to measure. */
typedef struct {
    double calls; /* a second, of our own service's methods */
    double failures;
    double p50_ns;
    double p99_ns;
    double hit_share; /* of the sections answered; -1 for none */
    double upstream;  /* requests a second */
    double upstream_p50_ns;
} pc_history_point;

/* What was counted up to one moment. */
typedef struct {
    int64_t at_ns;
    pc_rpc_figures calls[PC_HISTORY_METHODS_MAX];
    uint64_t answers[PC_ENTITY_KIND_COUNT][PC_ANSWER_COUNT];
    pc_distribution_figures took[PC_ENTITY_KIND_COUNT];
    uint64_t from_cache; /* sections */
    uint64_t from_upstream;
    uint64_t cpu_us;
} pc_history_counts;

/* `page` is borrowed and outlives it. Owned: pc_status_history_free. Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_status_history_new(pc_status_history **out, const pc_metrics_page *page,
                                             size_t method_count, pc_timers *timers);

/* Looks no more: what the page is about may end. NULL is allowed. */
void pc_status_history_stop(pc_status_history *history);

/* After pc_timers_free. NULL is allowed. */
void pc_status_history_free(pc_status_history *history);

/* The curves, oldest first; how many points there are, and when the last one was. */
size_t pc_status_history_points(pc_status_history *history, pc_history_point out[PC_HISTORY_POINTS],
                                int64_t *last_wall_ms_out);

/* The counts now, and those of a minute ago, or of the start. */
void pc_status_history_window(pc_status_history *history, pc_history_counts *now,
                              pc_history_counts *before);

#endif
