/* An object for each part; names are those of the page in operator/status.html. */
#include "status_page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "telemetry/json_out.h"
#include "telemetry/process_metrics.h"
#include "upstream_watch.h"
#include "util/clock.h"

/* What a page is made of, between two looks at the counters. */
typedef struct {
    const pc_status_page *page;
    pc_history_counts now;
    pc_history_counts before;
    double seconds;
    pc_history_point points[PC_HISTORY_POINTS];
} work;

static double per_second(const work *w, uint64_t now, uint64_t before)
{
    return w->seconds > 0 ? (double)(now - before) / w->seconds : 0;
}

/* A duration in milliseconds; null where there was nothing to measure. */
static void put_ms(pc_json_out *json, const char *name, double ns)
{
    if (ns < 0) {
        pc_json_out_null(json, name);
    } else {
        pc_json_out_number(json, name, ns / 1e6, 3);
    }
}

static void put_quantiles(pc_json_out *json, const int64_t *bounds, size_t bound_count,
                          const uint64_t *counts)
{
    static const struct {
        const char *name;
        double share;
    } wanted[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}};
    for (size_t i = 0; i < PC_COUNT_OF(wanted); i++) {
        put_ms(json, wanted[i].name,
               pc_distribution_quantile(bounds, bound_count, counts, wanted[i].share));
    }
}

/* ---- curves ---------------------------------------------------------------------------------- */

static void put_curve(pc_json_out *json, const char *name, const work *w, size_t count,
                      size_t offset, double scale, int decimals)
{
    pc_json_out_open(json, name, '[');
    for (size_t i = 0; i < count; i++) {
        double value;
        memcpy(&value, (const char *)&w->points[i] + offset, sizeof value);
        if (value < 0) {
            pc_json_out_null(json, NULL);
        } else {
            pc_json_out_number(json, NULL, value * scale, decimals);
        }
    }
    pc_json_out_close(json, ']');
}

static void put_history(pc_json_out *json, work *w)
{
    int64_t last_wall_ms;
    size_t count = pc_status_history_points(w->page->history, w->points, &last_wall_ms);
    pc_json_out_open(json, "history", '{');
    pc_json_out_int(json, "step_ms", PC_HISTORY_STEP_MS);
    pc_json_out_int(json, "points_max", PC_HISTORY_POINTS);
    pc_json_out_int(json, "last_ms", last_wall_ms);
    put_curve(json, "calls", w, count, offsetof(pc_history_point, calls), 1, 1);
    put_curve(json, "failures", w, count, offsetof(pc_history_point, failures), 1, 2);
    put_curve(json, "p50", w, count, offsetof(pc_history_point, p50_ns), 1e-6, 3);
    put_curve(json, "p99", w, count, offsetof(pc_history_point, p99_ns), 1e-6, 3);
    put_curve(json, "hits", w, count, offsetof(pc_history_point, hit_share), 100, 1);
    put_curve(json, "upstream", w, count, offsetof(pc_history_point, upstream), 1, 2);
    put_curve(json, "upstream_p50", w, count, offsetof(pc_history_point, upstream_p50_ns), 1e-6, 1);
    pc_json_out_close(json, '}');
}

/* ---- calls ----------------------------------------------------------------------------------- */

static const char *method_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static void put_method(pc_json_out *json, const work *w, size_t method)
{
    const pc_rpc_figures *now = &w->now.calls[method];
    const pc_rpc_figures *before = &w->before.calls[method];
    uint64_t took[PC_RPC_BOUNDS + 1];
    uint64_t total = 0;
    uint64_t ended = 0;
    uint64_t failed = 0;
    for (size_t i = 0; i <= PC_RPC_BOUNDS; i++) {
        took[i] = now->took[i] - before->took[i];
    }
    for (size_t code = 0; code < PC_RPC_CODES; code++) {
        total += now->ended[code];
        ended += now->ended[code] - before->ended[code];
        failed += code == PC_CODE_OK || code == PC_CODE_NOT_FOUND
                      ? 0
                      : now->ended[code] - before->ended[code];
    }
    pc_json_out_open(json, NULL, '{');
    pc_json_out_text(json, "method",
                     method_name(pc_rpc_metrics_path(w->page->metrics->calls, method)));
    pc_json_out_int(json, "total", (int64_t)total);
    pc_json_out_int(json, "in_flight", (int64_t)now->in_flight);
    pc_json_out_number(json, "rate", per_second(w, ended, 0), 2);
    pc_json_out_number(json, "failures", per_second(w, failed, 0), 2);
    put_quantiles(json, pc_rpc_metrics_bounds(), PC_RPC_BOUNDS, took);
    pc_json_out_open(json, "codes", '{');
    for (size_t code = 0; code < PC_RPC_CODES; code++) {
        if (now->ended[code] > 0) {
            pc_json_out_int(json, pc_code_name((pc_code)code), (int64_t)now->ended[code]);
        }
    }
    pc_json_out_close(json, '}');
    pc_json_out_close(json, '}');
}

static void put_calls(pc_json_out *json, const work *w)
{
    pc_json_out_open(json, "calls", '[');
    for (size_t i = 0; i < w->page->metrics->own_methods; i++) {
        put_method(json, w, i);
    }
    pc_json_out_close(json, ']');
}

static void put_sections(pc_json_out *json, const pc_section_counts *counts)
{
    static const char *const statuses[PC_SECTION_STATUS_COUNT] = {
        [PC_SECTION_OK] = "ok",
        [PC_SECTION_STALE] = "stale",
        [PC_SECTION_MISSING] = "missing",
        [PC_SECTION_DENIED] = "denied",
        [PC_SECTION_NOT_ENABLED] = "not_enabled",
        [PC_SECTION_LATE] = "late",
        [PC_SECTION_FAILED] = "failed",
    };
    pc_json_out_open(json, "sections", '[');
    for (int section = PC_SECTION_PROFILE; section < PC_SECTION_COUNT; section++) {
        uint64_t cached = 0;
        pc_json_out_open(json, NULL, '{');
        pc_json_out_text(json, "section", pc_section_name((pc_section)section));
        for (int status = PC_SECTION_OK; status < PC_SECTION_STATUS_COUNT; status++) {
            uint64_t sum = 0;
            for (int origin = 0; origin < PC_ORIGIN_COUNT; origin++) {
                uint64_t count =
                    pc_section_counts_read(counts, (pc_section)section, (pc_section_origin)origin,
                                           (pc_section_status)status);
                sum += count;
                cached += origin == PC_ORIGIN_CACHE ? count : 0;
            }
            pc_json_out_int(json, statuses[status], (int64_t)sum);
        }
        pc_json_out_int(json, "from_cache", (int64_t)cached);
        pc_json_out_close(json, '}');
    }
    pc_json_out_close(json, ']');
}

/* ---- the cache ------------------------------------------------------------------------------- */

static void put_ages(pc_json_out *json, const pc_distribution *ages)
{
    pc_distribution_figures figures;
    size_t bound_count;
    const int64_t *bounds = pc_distribution_bounds(ages, &bound_count);
    pc_distribution_read(ages, PC_PART_PROFILE, &figures);
    double age_ms = pc_distribution_quantile(bounds, bound_count, figures.counts, 0.5);
    put_ms(json, "hit_age", age_ms < 0 ? -1 : age_ms * 1e6);
}

static void put_cache(pc_json_out *json, const work *w)
{
    const pc_metrics_page *metrics = w->page->metrics;
    pc_cache_figures figures = {0};
    if (metrics->cache != NULL) {
        figures = pc_cache_count(metrics->cache);
    }
    uint64_t from_cache = w->now.from_cache - w->before.from_cache;
    uint64_t all = from_cache + w->now.from_upstream - w->before.from_upstream;
    pc_json_out_open(json, "cache", '{');
    pc_json_out_int(json, "records", (int64_t)figures.records);
    pc_json_out_int(json, "bytes", (int64_t)figures.bytes);
    pc_json_out_int(json, "max_bytes", (int64_t)metrics->cache_bytes_max);
    pc_json_out_int(json, "evicted", (int64_t)figures.evicted);
    pc_json_out_int(json, "prefetched", (int64_t)figures.prefetched);
    pc_json_out_int(json, "prefetched_used", (int64_t)figures.prefetched_given);
    if (all == 0) {
        pc_json_out_null(json, "hits");
    } else {
        pc_json_out_number(json, "hits", 100 * (double)from_cache / (double)all, 1);
    }
    put_ages(json, metrics->part_ages);
    pc_json_out_close(json, '}');
}

/* ---- the upstream ---------------------------------------------------------------------------- */

static void put_operation(pc_json_out *json, const work *w, size_t operation)
{
    const uint64_t *now = w->now.answers[operation];
    const uint64_t *before = w->before.answers[operation];
    uint64_t total = 0;
    uint64_t ended = 0;
    uint64_t failed = 0;
    uint64_t took[PC_DISTRIBUTION_BOUNDS_MAX + 1];
    size_t bound_count;
    const int64_t *bounds = pc_distribution_bounds(
        pc_entity_client_answers(w->page->metrics->upstream)->took, &bound_count);
    for (size_t i = 0; i <= bound_count; i++) {
        took[i] = w->now.took[operation].counts[i] - w->before.took[operation].counts[i];
    }
    for (size_t kind = 0; kind < PC_ANSWER_COUNT; kind++) {
        total += now[kind];
        ended += now[kind] - before[kind];
    }
    for (size_t kind = PC_ANSWER_UNAUTHENTICATED; kind <= PC_ANSWER_NONE; kind++) {
        failed += now[kind] - before[kind];
    }
    pc_json_out_open(json, NULL, '{');
    pc_json_out_text(json, "operation", pc_metrics_page_operation(operation));
    pc_json_out_int(json, "total", (int64_t)total);
    pc_json_out_number(json, "rate", per_second(w, ended, 0), 2);
    pc_json_out_number(json, "failures", per_second(w, failed, 0), 2);
    put_quantiles(json, bounds, bound_count, took);
    pc_json_out_close(json, '}');
}

static void put_age(pc_json_out *json, const char *name, int64_t ms)
{
    if (ms < 0) {
        pc_json_out_null(json, name);
    } else {
        pc_json_out_int(json, name, ms / 1000);
    }
}

static uint64_t sum_of(const uint64_t *counts, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += counts[i];
    }
    return sum;
}

static void put_upstream(pc_json_out *json, const work *w)
{
    const pc_entity_client *upstream = w->page->metrics->upstream;
    const pc_answer_counts *answers = pc_entity_client_answers(upstream);
    pc_entity_counters counters;
    pc_entity_client_counters(upstream, &counters);
    int64_t last_good_ns = atomic_load(&answers->last_good_ns);
    unsigned in_row = atomic_load(&answers->failures_in_row);
    pc_json_out_open(json, "upstream", '{');
    pc_json_out_text(json, "state",
                     pc_upstream_is_failing(upstream) ? "failing"
                     : in_row > 0                     ? "unsteady"
                     : last_good_ns == 0              ? "unused"
                                                      : "good");
    pc_json_out_int(json, "failures_in_row", in_row);
    put_age(json, "last_good_s",
            last_good_ns == 0 ? -1 : (pc_clock_now_ns() - last_good_ns) / 1000000);
    pc_json_out_int(json, "in_flight", (int64_t)counters.in_flight);
    pc_json_out_int(json, "connections", (int64_t)counters.connections_open);
    pc_json_out_int(json, "connections_opened", (int64_t)counters.connections_opened);
    put_age(json, "token_age_s", counters.token_age_ms);
    put_age(json, "token_left_s", counters.token_left_ms);
    pc_json_out_int(json, "token_failures", (int64_t)counters.token_failures);
    pc_json_out_text(json, "breaker",
                     pc_breaker_state_name(counters.breakers[PC_UPSTREAM_ENTITY].state));
    pc_json_out_int(json, "retries", (int64_t)sum_of(counters.retries, PC_RETRY_REASON_COUNT));
    pc_json_out_open(json, "operations", '[');
    for (size_t i = 0; i < PC_ENTITY_KIND_COUNT; i++) {
        put_operation(json, w, i);
    }
    pc_json_out_close(json, ']');
    pc_json_out_close(json, '}');
}

static void put_budget(pc_json_out *json, const pc_entity_client *upstream)
{
    static const char *const classes[PC_CRITICALITY_COUNT] = {"routing", "agent", "batch",
                                                              "prefetch"};
    pc_budget_figures figures;
    pc_entity_budget(upstream, &figures);
    pc_json_out_open(json, "budget", '{');
    pc_json_out_number(json, "rate", figures.rate, 1);
    pc_json_out_number(json, "tokens", figures.tokens, 0);
    pc_json_out_int(json, "under_way", figures.under_way);
    pc_json_out_number(json, "bound", figures.calls_bound, 0);
    pc_json_out_int(json, "lowered", (int64_t)figures.throttled);
    pc_json_out_open(json, "classes", '[');
    for (int c = 0; c < PC_CRITICALITY_COUNT; c++) {
        pc_json_out_open(json, NULL, '{');
        pc_json_out_text(json, "class", classes[c]);
        pc_json_out_int(json, "granted", (int64_t)figures.granted[c]);
        pc_json_out_int(json, "waiting", figures.waiting[c]);
        pc_json_out_int(json, "refused", (int64_t)figures.refused[c]);
        pc_json_out_close(json, '}');
    }
    pc_json_out_close(json, ']');
    pc_json_out_close(json, '}');
}

/* ---- callers --------------------------------------------------------------------------------- */

static void put_callers(pc_json_out *json, const pc_metrics_page *metrics)
{
    static const char *const turned_away[] = {"nobody", "prefetches", "batches", "agents"};
    if (metrics->server == NULL) {
        return;
    }
    pc_rpc_connection_figures connections;
    pc_door_figures door;
    pc_rpc_server_count_connections(metrics->server, &connections);
    pc_door_count(metrics->door, &door);
    size_t pressure = (size_t)ceil(door.pressure);
    pressure = pressure < PC_COUNT_OF(turned_away) ? pressure : PC_COUNT_OF(turned_away) - 1;
    pc_json_out_open(json, "callers", '{');
    pc_json_out_int(json, "connections", (int64_t)connections.open);
    pc_json_out_int(json, "connections_max", (int64_t)connections.max);
    pc_json_out_int(json, "accepted", (int64_t)connections.accepted);
    pc_json_out_int(json, "refused",
                    (int64_t)(connections.refused_full + connections.refused_peer));
    pc_json_out_int(json, "cut", (int64_t)connections.cut);
    pc_json_out_text(json, "turned_away", turned_away[pressure]);
    pc_json_out_int(json, "shed", (int64_t)sum_of(door.shed, PC_CRITICALITY_COUNT));
    pc_json_out_int(json, "over_quota", (int64_t)door.over_quota);
    pc_json_out_close(json, '}');
}

/* ---- the rest -------------------------------------------------------------------------------- */

static void put_process(pc_json_out *json, const work *w)
{
    pc_process_figures figures;
    pc_process_read(&figures);
    pc_json_out_open(json, "process", '{');
    pc_json_out_number(json, "cpu", per_second(w, w->now.cpu_us, w->before.cpu_us) / 1e4, 1);
    pc_json_out_int(json, "resident_bytes", figures.resident_bytes);
    pc_json_out_int(json, "files", figures.open_files);
    pc_json_out_int(json, "files_max", figures.open_files_max);
    pc_json_out_close(json, '}');
}

static void put_recent(pc_json_out *json, const char *name, pc_recent_calls *recent,
                       pc_recent_list list)
{
    pc_recent_call calls[PC_RECENT_CALLS];
    size_t count = pc_recent_calls_read(recent, list, calls);
    pc_json_out_open(json, name, '[');
    for (size_t i = 0; i < count; i++) {
        pc_json_out_open(json, NULL, '{');
        pc_json_out_int(json, "at_ms", calls[i].ended_wall_ms);
        pc_json_out_text(json, "method", method_name(calls[i].method));
        pc_json_out_text(json, "code", pc_code_name(calls[i].code));
        pc_json_out_text(json, "reason", calls[i].reason);
        pc_json_out_number(json, "ms", (double)calls[i].duration_ns / 1e6, 1);
        pc_json_out_int(json, "upstream_calls", calls[i].upstream_calls);
        pc_json_out_close(json, '}');
    }
    pc_json_out_close(json, ']');
}

static void put_all(pc_json_out *json, work *w)
{
    const pc_status_page *page = w->page;
    pc_json_out_open(json, NULL, '{');
    pc_json_out_text(json, "version", PC_VERSION);
    pc_json_out_text(json, "core_version", page->metrics->core_version);
    pc_json_out_text(json, "state", page->is_draining ? "draining" : "ready");
    pc_json_out_int(json, "now_ms", pc_clock_wall_ms());
    pc_json_out_int(json, "started_ms", page->metrics->started_wall_ms);
    pc_json_out_number(json, "window_s", w->seconds, 0);
    put_history(json, w);
    put_calls(json, w);
    put_sections(json, page->metrics->sections);
    put_cache(json, w);
    put_upstream(json, w);
    put_budget(json, page->metrics->upstream);
    put_callers(json, page->metrics);
    put_process(json, w);
    pc_json_out_int(json, "slow_ms", page->slow_ms);
    put_recent(json, "failed", page->recent, PC_RECENT_FAILED);
    put_recent(json, "slow", page->recent, PC_RECENT_SLOW);
    pc_json_out_close(json, '}');
}

void pc_status_page_write(const pc_status_page *page, pc_buffer *out)
{
    work *w = calloc(1, sizeof *w);
    if (w == NULL) {
        out->failed = true;
        return;
    }
    w->page = page;
    pc_status_history_window(page->history, &w->now, &w->before);
    w->seconds = (double)(w->now.at_ns - w->before.at_ns) / 1e9;
    pc_json_out json = {.out = out};
    put_all(&json, w);
    free(w);
}

/* ---- the configuration ----------------------------------------------------------------------- */

static void put_key(void *self, const char *key, const char *value, const char *source)
{
    pc_json_out *json = self;
    pc_json_out_open(json, NULL, '{');
    pc_json_out_text(json, "key", key);
    pc_json_out_text(json, "value", value);
    pc_json_out_text(json, "source", source);
    pc_json_out_close(json, '}');
}

void pc_status_config_write(const pc_config *config, pc_buffer *out)
{
    pc_json_out json = {.out = out};
    pc_json_out_open(&json, NULL, '[');
    pc_config_visit(config, put_key, &json);
    pc_json_out_close(&json, ']');
}
