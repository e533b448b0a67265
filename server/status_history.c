/* A ring of points, and one of the raw counts that the last minute is worked out from. */
#include "status_history.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "util/clock.h"

struct pc_status_history {
    const pc_metrics_page *page;
    size_t method_count;
    pc_timers *timers;
    pc_timer timer;
    pthread_mutex_t lock; /* guards all that follows */
    bool stopped;
    size_t looks; /* since the start */
    int64_t last_wall_ms;
    pc_history_point points[PC_HISTORY_POINTS];
    pc_history_counts counts[PC_HISTORY_WINDOW + 1]; /* by look */
};

/* ---- a look ---------------------------------------------------------------------------------- */

static void count_sections(pc_history_counts *out, const pc_section_counts *counts)
{
    for (int section = PC_SECTION_PROFILE; section < PC_SECTION_COUNT; section++) {
        for (int status = PC_SECTION_OK; status <= PC_SECTION_STALE; status++) {
            out->from_cache += pc_section_counts_read(counts, (pc_section)section, PC_ORIGIN_CACHE,
                                                      (pc_section_status)status);
            out->from_upstream += pc_section_counts_read(
                counts, (pc_section)section, PC_ORIGIN_UPSTREAM, (pc_section_status)status);
        }
    }
}

static uint64_t cpu_us(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) {
        return 0;
    }
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void look(const pc_status_history *history, pc_history_counts *out)
{
    const pc_metrics_page *page = history->page;
    const pc_answer_counts *answers = pc_entity_client_answers(page->upstream);
    memset(out, 0, sizeof *out);
    out->at_ns = pc_clock_now_ns();
    for (size_t i = 0; i < history->method_count; i++) {
        pc_rpc_metrics_read(page->calls, i, &out->calls[i]);
    }
    for (size_t i = 0; i < PC_ENTITY_KIND_COUNT; i++) {
        for (size_t kind = 0; kind < PC_ANSWER_COUNT; kind++) {
            out->answers[i][kind] = atomic_load(&answers->counts[i][kind]);
        }
        pc_distribution_read(answers->took, i, &out->took[i]);
    }
    count_sections(out, page->sections);
    out->cpu_us = cpu_us();
}

/* ---- points ---------------------------------------------------------------------------------- */

static double share(uint64_t part, uint64_t rest)
{
    return part + rest == 0 ? -1 : (double)part / (double)(part + rest);
}

/* What happened between two looks. */
static pc_history_point point_of(const pc_status_history *history, const pc_history_counts *now,
                                 const pc_history_counts *before)
{
    double seconds = (double)(now->at_ns - before->at_ns) / 1e9;
    uint64_t took[PC_RPC_BOUNDS + 1] = {0};
    uint64_t upstream_took[PC_DISTRIBUTION_BOUNDS_MAX + 1] = {0};
    double failures = 0;
    double calls = 0;
    double requests = 0;
    size_t bound_count;
    const int64_t *upstream_bounds = pc_distribution_bounds(
        pc_entity_client_answers(history->page->upstream)->took, &bound_count);
    for (size_t i = 0; i < history->page->own_methods; i++) {
        for (size_t bucket = 0; bucket <= PC_RPC_BOUNDS; bucket++) {
            took[bucket] += now->calls[i].took[bucket] - before->calls[i].took[bucket];
        }
        for (size_t code = 0; code < PC_RPC_CODES; code++) {
            double ended = (double)(now->calls[i].ended[code] - before->calls[i].ended[code]);
            calls += ended;
            failures += code == PC_CODE_OK || code == PC_CODE_NOT_FOUND ? 0 : ended;
        }
    }
    for (size_t i = 0; i < PC_ENTITY_KIND_COUNT; i++) {
        for (size_t kind = 0; kind < PC_ANSWER_COUNT; kind++) {
            requests += (double)(now->answers[i][kind] - before->answers[i][kind]);
        }
        for (size_t bucket = 0; bucket <= bound_count; bucket++) {
            upstream_took[bucket] += now->took[i].counts[bucket] - before->took[i].counts[bucket];
        }
    }
    const int64_t *bounds = pc_rpc_metrics_bounds();
    return (pc_history_point){
        .calls = calls / seconds,
        .failures = failures / seconds,
        .p50_ns = pc_distribution_quantile(bounds, PC_RPC_BOUNDS, took, 0.5),
        .p99_ns = pc_distribution_quantile(bounds, PC_RPC_BOUNDS, took, 0.99),
        .hit_share =
            share(now->from_cache - before->from_cache, now->from_upstream - before->from_upstream),
        .upstream = requests / seconds,
        .upstream_p50_ns =
            pc_distribution_quantile(upstream_bounds, bound_count, upstream_took, 0.5),
    };
}

static void on_due(pc_timer *timer)
{
    pc_status_history *history = PC_CONTAINER_OF(timer, pc_status_history, timer);
    pthread_mutex_lock(&history->lock);
    if (history->stopped) {
        pthread_mutex_unlock(&history->lock);
        return;
    }
    size_t place = history->looks % (PC_HISTORY_WINDOW + 1);
    const pc_history_counts *before =
        &history->counts[(history->looks - 1) % (PC_HISTORY_WINDOW + 1)];
    look(history, &history->counts[place]);
    history->points[(history->looks - 1) % PC_HISTORY_POINTS] =
        point_of(history, &history->counts[place], before);
    history->looks++;
    history->last_wall_ms = pc_clock_wall_ms();
    pthread_mutex_unlock(&history->lock);
    pc_status status = pc_timers_set(history->timers, &history->timer,
                                     pc_clock_after_ms(pc_clock_now_ns(), PC_HISTORY_STEP_MS));
    /* Without memory for a timer the curves end. */
    pc_status_clear(&status);
}

/* ---- reading --------------------------------------------------------------------------------- */

size_t pc_status_history_points(pc_status_history *history, pc_history_point out[PC_HISTORY_POINTS],
                                int64_t *last_wall_ms_out)
{
    pthread_mutex_lock(&history->lock);
    size_t all = history->looks - 1;
    size_t count = all < PC_HISTORY_POINTS ? all : PC_HISTORY_POINTS;
    for (size_t i = 0; i < count; i++) {
        out[i] = history->points[(all - count + i) % PC_HISTORY_POINTS];
    }
    *last_wall_ms_out = history->last_wall_ms;
    pthread_mutex_unlock(&history->lock);
    return count;
}

void pc_status_history_window(pc_status_history *history, pc_history_counts *now,
                              pc_history_counts *before)
{
    look(history, now);
    pthread_mutex_lock(&history->lock);
    size_t oldest = history->looks <= PC_HISTORY_WINDOW + 1 ? 0 : history->looks;
    *before = history->counts[oldest % (PC_HISTORY_WINDOW + 1)];
    pthread_mutex_unlock(&history->lock);
}

/* ---- life ------------------------------------------------------------------------------------ */

pc_status pc_status_history_new(pc_status_history **out, const pc_metrics_page *page,
                                size_t method_count, pc_timers *timers)
{
    *out = NULL;
    pc_status_history *history = calloc(1, sizeof *history);
    if (history == NULL) {
        return pc_status_out_of_memory();
    }
    history->page = page;
    history->method_count =
        method_count < PC_HISTORY_METHODS_MAX ? method_count : PC_HISTORY_METHODS_MAX;
    history->timers = timers;
    history->timer.fire = on_due;
    pthread_mutex_init(&history->lock, NULL);
    look(history, &history->counts[0]);
    history->looks = 1;
    history->last_wall_ms = pc_clock_wall_ms();
    *out = history;
    pc_status status = pc_timers_set(timers, &history->timer,
                                     pc_clock_after_ms(pc_clock_now_ns(), PC_HISTORY_STEP_MS));
    if (!pc_status_ok(&status)) {
        pc_status_history_free(history);
        *out = NULL;
    }
    return status;
}

void pc_status_history_stop(pc_status_history *history)
{
    if (history != NULL) {
        pthread_mutex_lock(&history->lock);
        history->stopped = true;
        pthread_mutex_unlock(&history->lock);
        (void)pc_timers_cancel(history->timers, &history->timer);
    }
}

void pc_status_history_free(pc_status_history *history)
{
    if (history != NULL) {
        pthread_mutex_destroy(&history->lock);
        free(history);
    }
}
