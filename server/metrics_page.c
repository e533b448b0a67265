/* A block for each part. */
#include "metrics_page.h"

#include "telemetry/metrics_text.h"
#include "telemetry/process_metrics.h"

static void write_one(pc_buffer *out, const char *name, pc_metric_type type, const char *help,
                      uint64_t value)
{
    pc_metrics_head(out, name, type, help);
    pc_metrics_count(out, name, NULL, 0, value);
}

static void write_build(pc_buffer *out, const char *core_version)
{
    static const char name[] = "profilecontext_build_info";
    const pc_metric_label labels[] = {{"version", PC_VERSION}, {"grpc_core_version", core_version}};
    pc_metrics_head(out, name, PC_METRIC_GAUGE, "1, with the versions of what runs as labels.");
    pc_metrics_count(out, name, labels, PC_COUNT_OF(labels), 1);
}

/* The label changes with the policy: a new series each time it does, and the old one ends. */
static void write_policy(pc_buffer *out, pc_policy_holder *holder)
{
    static const char name[] = "profilecontext_policy_info";
    if (holder == NULL) {
        return;
    }
    pc_policy *policy = pc_policy_holder_get(holder);
    const pc_metric_label labels[] = {{"version", pc_policy_version(policy)}};
    pc_metrics_head(out, name, PC_METRIC_GAUGE,
                    "1, with the version of the access rules in force as label.");
    pc_metrics_count(out, name, labels, PC_COUNT_OF(labels), 1);
    pc_policy_unref(policy);
}

/* Of calls; sections that are withheld in an answer are among the sections. */
static void write_denials(pc_buffer *out, const pc_denials *denials)
{
    static const char name[] = "profilecontext_policy_denied_total";
    pc_metrics_head(out, name, PC_METRIC_COUNTER,
                    "Calls refused for what the policy does not grant, by reason.");
    for (size_t i = 0; i < PC_DENIAL_REASONS; i++) {
        const pc_metric_label label = {"reason", pc_denials_reason(i)};
        pc_metrics_count(out, name, &label, 1, pc_denials_read(denials, i));
    }
}

/* ---- sections -------------------------------------------------------------------------------- */

static void write_sections(pc_buffer *out, const pc_section_counts *counts)
{
    static const char name[] = "profilecontext_section_answers_total";
    static const char *const origins[PC_ORIGIN_COUNT] = {
        [PC_ORIGIN_NONE] = "none",
        [PC_ORIGIN_UPSTREAM] = "upstream",
        [PC_ORIGIN_CACHE] = "cache",
    };
    static const char *const statuses[PC_SECTION_STATUS_COUNT] = {
        [PC_SECTION_OK] = "ok",
        [PC_SECTION_STALE] = "stale",
        [PC_SECTION_MISSING] = "missing",
        [PC_SECTION_DENIED] = "denied",
        [PC_SECTION_NOT_ENABLED] = "not_enabled",
        [PC_SECTION_LATE] = "late",
        [PC_SECTION_FAILED] = "failed",
    };
    pc_metrics_head(out, name, PC_METRIC_COUNTER,
                    "Sections of answers, by where they came from and what became of them.");
    for (int section = PC_SECTION_PROFILE; section < PC_SECTION_COUNT; section++) {
        for (int origin = 0; origin < PC_ORIGIN_COUNT; origin++) {
            for (int status = PC_SECTION_OK; status < PC_SECTION_STATUS_COUNT; status++) {
                const pc_metric_label labels[] = {{"section", pc_section_name((pc_section)section)},
                                                  {"origin", origins[origin]},
                                                  {"status", statuses[status]}};
                pc_metrics_count(out, name, labels, PC_COUNT_OF(labels),
                                 pc_section_counts_read(counts, (pc_section)section,
                                                        (pc_section_origin)origin,
                                                        (pc_section_status)status));
            }
        }
    }
}

/* ---- the cache ------------------------------------------------------------------------------- */

/* How many of the prefetched parts are used is what prefetching is worth. */
static void write_prefetched(pc_buffer *out, const pc_cache_figures *figures)
{
    static const char name[] = "profilecontext_prefetched_parts_ended_total";
    const pc_metric_label used = {"outcome", "used"};
    const pc_metric_label unused = {"outcome", "unused"};
    write_one(out, "profilecontext_prefetched_parts_total", PC_METRIC_COUNTER,
              "Profiles and lists of events that were remembered before anyone asked for them.",
              figures->prefetched);
    pc_metrics_head(out, name, PC_METRIC_COUNTER,
                    "Those of them that were used for an answer, and that left unused.");
    pc_metrics_count(out, name, &used, 1, figures->prefetched_given);
    pc_metrics_count(out, name, &unused, 1, figures->prefetched_wasted);
}

static void write_cache(pc_buffer *out, pc_cache *cache, size_t bytes_max)
{
    pc_cache_figures figures = {0};
    if (cache != NULL) {
        figures = pc_cache_count(cache);
    }
    write_one(out, "profilecontext_cache_records", PC_METRIC_GAUGE,
              "Persons of whom something is remembered.", figures.records);
    write_one(out, "profilecontext_cache_bytes", PC_METRIC_GAUGE,
              "Memory that the cache takes, all included.", figures.bytes);
    write_one(out, "profilecontext_cache_max_bytes", PC_METRIC_GAUGE,
              "Memory that it may take; 0: nothing is remembered.", bytes_max);
    write_one(out, "profilecontext_cache_evictions_total", PC_METRIC_COUNTER,
              "Persons who were forgotten to make room for others.", figures.evicted);
    write_prefetched(out, &figures);
}

/* The samples of one kind of a distribution, whose values are `unit`s: how many make a second. */
static void write_seconds(pc_buffer *out, const char *name, const pc_metric_label *label,
                          const pc_distribution *distribution, size_t kind, double unit)
{
    double bounds[PC_DISTRIBUTION_BOUNDS_MAX];
    size_t count;
    const int64_t *given = pc_distribution_bounds(distribution, &count);
    for (size_t i = 0; i < count; i++) {
        bounds[i] = (double)given[i] / unit;
    }
    pc_distribution_figures figures;
    pc_distribution_read(distribution, kind, &figures);
    const pc_metric_histogram histogram = {bounds, figures.counts, count,
                                           (double)figures.sum / unit};
    pc_metrics_histogram(out, name, label, 1, &histogram);
}

static void write_ages(pc_buffer *out, const pc_distribution *ages)
{
    static const char name[] = "profilecontext_cache_hit_age_seconds";
    static const char *const parts[PC_PART_COUNT] = {
        [PC_PART_PROFILE] = "profile", [PC_PART_EVENTS] = "events"};
    pc_metrics_head(out, name, PC_METRIC_HISTOGRAM,
                    "Age of what was remembered, when an answer was made of it.");
    for (size_t part = 0; part < PC_PART_COUNT; part++) {
        const pc_metric_label label = {"part", parts[part]};
        write_seconds(out, name, &label, ages, part, 1e3);
    }
}

/* ---- the upstream ---------------------------------------------------------------------------- */

static const char *const operations[PC_ENTITY_KIND_COUNT] = {
    [PC_ENTITY_PROFILE] = "profile",     [PC_ENTITY_EVENTS] = "events",
    [PC_ENTITY_AUDIENCES] = "audiences", [PC_ENTITY_BATCH] = "batch",
    [PC_ENTITY_RECORD] = "record",       [PC_ENTITY_GRAPH] = "graph",
    [PC_ENTITY_DELETE] = "delete",       [PC_ENTITY_XID] = "xid",
};

const char *pc_metrics_page_operation(size_t operation)
{
    return operations[operation];
}

static void write_operations(pc_buffer *out, const char *name, const char *help,
                             const uint64_t counts[PC_ENTITY_KIND_COUNT])
{
    pc_metrics_head(out, name, PC_METRIC_COUNTER, help);
    for (size_t i = 0; i < PC_ENTITY_KIND_COUNT; i++) {
        const pc_metric_label label = {"operation", operations[i]};
        pc_metrics_count(out, name, &label, 1, counts[i]);
    }
}

static void write_retries(pc_buffer *out, const pc_entity_counters *counters)
{
    static const char name[] = "profilecontext_upstream_retries_total";
    static const char *const reasons[PC_RETRY_REASON_COUNT] = {
        [PC_RETRY_UNREACHABLE] = "unreachable", [PC_RETRY_CONNECTION_LOST] = "connection_lost",
        [PC_RETRY_TIMED_OUT] = "timed_out",     [PC_RETRY_UNAVAILABLE] = "unavailable",
        [PC_RETRY_THROTTLED] = "throttled",
    };
    pc_metrics_head(out, name, PC_METRIC_COUNTER,
                    "Requests sent again after a failure, by what it was.");
    for (int reason = PC_RETRY_NOT + 1; reason < PC_RETRY_REASON_COUNT; reason++) {
        const pc_metric_label label = {"reason", reasons[reason]};
        pc_metrics_count(out, name, &label, 1, counters->retries[reason]);
    }
    write_one(out, "profilecontext_upstream_retries_won_total", PC_METRIC_COUNTER,
              "Fetches that went well after all, by a retry.", counters->retries_won);
    write_one(out, "profilecontext_upstream_retries_withheld_total", PC_METRIC_COUNTER,
              "Retries not made, as their share of all calls was used up.",
              counters->retries_withheld);
    write_one(
        out, "profilecontext_upstream_resent_total", PC_METRIC_COUNTER,
        "Requests sent a second time at once, as their connection had ended or the upstream had "
        "refused them before it saw them; not in the retries.",
        counters->resent);
}

static void write_breakers(pc_buffer *out, const pc_breaker_figures figures[PC_UPSTREAM_HOST_COUNT])
{
    static const char state[] = "profilecontext_upstream_breaker_state";
    static const char changes[] = "profilecontext_upstream_breaker_changes_total";
    static const char refused[] = "profilecontext_upstream_breaker_refused_total";
    pc_metrics_head(out, state, PC_METRIC_GAUGE,
                    "Whether a host is left alone: 0 closed, 1 open, 2 half-open.");
    for (int host = 0; host < PC_UPSTREAM_HOST_COUNT; host++) {
        const pc_metric_label label = {"host", pc_upstream_host_name((pc_upstream_host)host)};
        pc_metrics_count(out, state, &label, 1, (uint64_t)figures[host].state);
    }
    pc_metrics_head(out, changes, PC_METRIC_COUNTER, "Times that a breaker came to a state.");
    for (int host = 0; host < PC_UPSTREAM_HOST_COUNT; host++) {
        for (int to = 0; to < PC_BREAKER_STATE_COUNT; to++) {
            const pc_metric_label labels[] = {
                {"host", pc_upstream_host_name((pc_upstream_host)host)},
                {"state", pc_breaker_state_name((pc_breaker_state)to)}};
            pc_metrics_count(out, changes, labels, PC_COUNT_OF(labels), figures[host].changes[to]);
        }
    }
    pc_metrics_head(out, refused, PC_METRIC_COUNTER,
                    "Fetches and requests not sent, as the host was left alone.");
    for (int host = 0; host < PC_UPSTREAM_HOST_COUNT; host++) {
        const pc_metric_label label = {"host", pc_upstream_host_name((pc_upstream_host)host)};
        pc_metrics_count(out, refused, &label, 1, figures[host].refused);
    }
}

static void write_answers(pc_buffer *out, const pc_answer_counts *answers)
{
    static const char results_name[] = "profilecontext_upstream_answers_total";
    static const char took_name[] = "profilecontext_upstream_duration_seconds";
    static const char *const results[PC_ANSWER_COUNT] = {
        [PC_ANSWER_OK] = "ok",
        [PC_ANSWER_NOT_FOUND] = "not_found",
        [PC_ANSWER_UNAUTHENTICATED] = "unauthenticated",
        [PC_ANSWER_THROTTLED] = "throttled",
        [PC_ANSWER_REFUSED] = "refused",
        [PC_ANSWER_FAILED] = "failed",
        [PC_ANSWER_NONE] = "none",
        [PC_ANSWER_CANCELLED] = "cancelled",
    };
    pc_metrics_head(out, results_name, PC_METRIC_COUNTER,
                    "Requests to the Entity API that have ended, by what came back.");
    for (size_t i = 0; i < PC_ENTITY_KIND_COUNT; i++) {
        for (size_t result = 0; result < PC_ANSWER_COUNT; result++) {
            const pc_metric_label labels[] = {{"operation", operations[i]},
                                              {"result", results[result]}};
            pc_metrics_count(out, results_name, labels, 2,
                             atomic_load(&answers->counts[i][result]));
        }
    }
    pc_metrics_head(out, took_name, PC_METRIC_HISTOGRAM,
                    "Time of requests to the Entity API, without those that were cancelled.");
    for (size_t i = 0; i < PC_ENTITY_KIND_COUNT; i++) {
        const pc_metric_label label = {"operation", operations[i]};
        write_seconds(out, took_name, &label, answers->took, i, 1e9);
    }
    write_one(out, "profilecontext_upstream_failures_in_row", PC_METRIC_GAUGE,
              "Requests that brought no answer or a 5xx since the last that did better.",
              atomic_load(&answers->failures_in_row));
}

static void write_number(pc_buffer *out, const char *name, const char *help, double value)
{
    pc_metrics_head(out, name, PC_METRIC_GAUGE, help);
    pc_metrics_number(out, name, NULL, 0, value);
}

/* Without a token both are 0. */
static void write_token(pc_buffer *out, const pc_entity_counters *counters)
{
    int64_t age_ms = counters->token_age_ms;
    int64_t left_ms = counters->token_left_ms;
    write_number(out, "profilecontext_upstream_token_age_seconds",
                 "Age of the access token in use; 0: there is none.",
                 age_ms < 0 ? 0 : (double)age_ms / 1e3);
    write_number(out, "profilecontext_upstream_token_lifetime_left_seconds",
                 "How long it is still good; 0: there is none, or it never expires.",
                 left_ms < 0 ? 0 : (double)left_ms / 1e3);
}

static void write_upstream(pc_buffer *out, const pc_entity_client *upstream)
{
    pc_entity_counters counters;
    pc_entity_client_counters(upstream, &counters);
    write_operations(out, "profilecontext_upstream_requests_total",
                     "Requests sent to the Entity API: what is billed.", counters.requests);
    write_operations(out, "profilecontext_upstream_failures_total",
                     "Fetches that ended otherwise than with an answer or not found.",
                     counters.failures);
    write_operations(out, "profilecontext_upstream_refused_total",
                     "Fetches not begun, since too many were in flight.", counters.refused);
    write_one(out, "profilecontext_upstream_in_flight", PC_METRIC_GAUGE,
              "Fetches that have begun and not ended.", counters.in_flight);
    write_one(out, "profilecontext_upstream_token_requests_total", PC_METRIC_COUNTER,
              "Requests for an access token sent to IMS.", counters.token_requests);
    write_one(out, "profilecontext_upstream_token_failures_total", PC_METRIC_COUNTER,
              "Those that brought none.", counters.token_failures);
    write_one(out, "profilecontext_upstream_token_rejections_total", PC_METRIC_COUNTER,
              "Answers of the Entity API that refused the access token.",
              counters.token_rejections);
    write_retries(out, &counters);
    write_breakers(out, counters.breakers);
    write_one(out, "profilecontext_upstream_hedges_sent_total", PC_METRIC_COUNTER,
              "Requests sent a second time since the first was slow.", counters.hedges_sent);
    write_one(out, "profilecontext_upstream_hedges_won_total", PC_METRIC_COUNTER,
              "Those whose answer was the result.", counters.hedges_won);
    write_one(out, "profilecontext_upstream_connections", PC_METRIC_GAUGE,
              "Connections to the upstream and to IMS.", counters.connections_open);
    write_one(out, "profilecontext_upstream_connections_opened_total", PC_METRIC_COUNTER,
              "Those that were opened.", counters.connections_opened);
    write_token(out, &counters);
    write_answers(out, pc_entity_client_answers(upstream));
}

/* ---- the budget ------------------------------------------------------------------------------ */

/* One sample for each criticality. */
static void write_classes(pc_buffer *out, const char *name, pc_metric_type type, const char *help,
                          const uint64_t values[PC_CRITICALITY_COUNT])
{
    static const char *const classes[PC_CRITICALITY_COUNT] = {
        [PC_CRITICALITY_ROUTING] = "routing",
        [PC_CRITICALITY_AGENT] = "agent",
        [PC_CRITICALITY_BATCH] = "batch",
        [PC_CRITICALITY_PREFETCH] = "prefetch",
    };
    pc_metrics_head(out, name, type, help);
    for (int c = 0; c < PC_CRITICALITY_COUNT; c++) {
        const pc_metric_label label = {"criticality", classes[c]};
        pc_metrics_count(out, name, &label, 1, values[c]);
    }
}

static void write_budget(pc_buffer *out, const pc_entity_client *upstream)
{
    pc_budget_figures figures;
    uint64_t waiting[PC_CRITICALITY_COUNT];
    pc_entity_budget(upstream, &figures);
    for (int c = 0; c < PC_CRITICALITY_COUNT; c++) {
        waiting[c] = figures.waiting[c];
    }
    write_classes(out, "profilecontext_budget_granted_total", PC_METRIC_COUNTER,
                  "Upstream calls that the budget granted.", figures.granted);
    write_classes(out, "profilecontext_budget_refused_total", PC_METRIC_COUNTER,
                  "Fetches refused at once, as their turn would have come too late.",
                  figures.refused);
    write_classes(out, "profilecontext_budget_waiting", PC_METRIC_GAUGE,
                  "Fetches that wait for their turn.", waiting);
    write_one(out, "profilecontext_budget_calls_under_way", PC_METRIC_GAUGE,
              "Granted calls that have not ended.", figures.under_way);
    write_number(out, "profilecontext_budget_calls_bound",
                 "How many may be under way now: it follows what the upstream bears.",
                 figures.calls_bound);
    write_number(out, "profilecontext_budget_rate_calls_per_second",
                 "How many may be made in a second now; 0: as many as there are.", figures.rate);
    write_one(out, "profilecontext_budget_lowered_total", PC_METRIC_COUNTER,
              "Times that the upstream throttled or was slow, and the bound was lowered.",
              figures.throttled);
}

/* ---- the door -------------------------------------------------------------------------------- */

static void write_connections(pc_buffer *out, pc_rpc_server *server)
{
    static const char name[] = "profilecontext_connections_refused_total";
    const pc_metric_label full = {"bound", "all"};
    const pc_metric_label peer = {"bound", "peer"};
    pc_rpc_connection_figures figures;
    pc_rpc_server_count_connections(server, &figures);
    write_one(out, "profilecontext_connections_open", PC_METRIC_GAUGE, "Connections of callers.",
              figures.open);
    write_one(out, "profilecontext_connections_max", PC_METRIC_GAUGE,
              "How many there may be: as configured, or what file descriptors allow.", figures.max);
    write_one(out, "profilecontext_connections_accepted_total", PC_METRIC_COUNTER,
              "Connections that were accepted.", figures.accepted);
    pc_metrics_head(
        out, name, PC_METRIC_COUNTER,
        "Connections closed at once, since there were too many: in all, or of one peer.");
    pc_metrics_count(out, name, &full, 1, figures.refused_full);
    pc_metrics_count(out, name, &peer, 1, figures.refused_peer);
    write_one(
        out, "profilecontext_connections_cut_total", PC_METRIC_COUNTER,
        "Connections ended, since they had too many calls, gave up too many, or did not read.",
        figures.cut);
    write_one(out, "profilecontext_connections_retired_total", PC_METRIC_COUNTER,
              "Connections ended, since they were asked to leave after a change of the callers' "
              "authorities and did not.",
              figures.retired);
    write_one(out, "profilecontext_answers_unread_bytes", PC_METRIC_GAUGE,
              "Of answers that were given and that callers have not taken yet.",
              figures.unread_bytes);
    write_one(out, "profilecontext_answers_refused_unread_total", PC_METRIC_COUNTER,
              "Answers that were not given, since too much waits that is not read.",
              figures.unread_refused);
    write_one(out, "profilecontext_answers_given_up_total", PC_METRIC_COUNTER,
              "Calls that were ended, since their answer was not read for too long.",
              figures.unread_given_up);
}

static void write_handshakes(pc_buffer *out, const pc_rpc_server *server)
{
    static const char name[] = "profilecontext_handshakes_refused_total";
    pc_metrics_head(out, name, PC_METRIC_COUNTER,
                    "Connections whose TLS handshake came to nothing, and why.");
    for (int end = 0; end < PC_HANDSHAKE_ENDS; end++) {
        const pc_metric_label reason = {"reason", pc_handshake_end_reason((pc_handshake_end)end)};
        pc_metrics_count(out, name, &reason, 1,
                         pc_rpc_server_count_handshakes(server, (pc_handshake_end)end));
    }
}

static void write_door(pc_buffer *out, const pc_door *door)
{
    pc_door_figures figures;
    pc_door_count(door, &figures);
    write_classes(out, "profilecontext_door_shed_total", PC_METRIC_COUNTER,
                  "Calls turned away, since there was more to do than could be done.",
                  figures.shed);
    write_one(out, "profilecontext_door_over_quota_total", PC_METRIC_COUNTER,
              "Calls refused, since their caller made too many.", figures.over_quota);
    write_number(out, "profilecontext_door_pressure",
                 "What is turned away now: 1 prefetches, 2 batches too, 3 agents too; 0 nothing.",
                 figures.pressure);
    write_number(out, "profilecontext_door_delay_seconds",
                 "How long what arrives waits for a thread.", figures.delay_s);
}

static void write_tracing(pc_buffer *out, pc_tracing *tracing)
{
    static const char name[] = "profilecontext_tracing_spans_total";
    const pc_metric_label sent = {"outcome", "sent"};
    const pc_metric_label dropped = {"outcome", "dropped"};
    pc_tracing_figures figures = {0};
    if (tracing != NULL) {
        pc_tracing_read(tracing, &figures);
    }
    pc_metrics_head(out, name, PC_METRIC_COUNTER,
                    "Spans that the collector took, and that were dropped.");
    pc_metrics_count(out, name, &sent, 1, figures.sent);
    pc_metrics_count(out, name, &dropped, 1, figures.dropped);
}

static void write_audit(pc_buffer *out, pc_audit_trail *trail)
{
    pc_audit_figures figures = {0};
    if (trail != NULL) {
        figures = pc_audit_trail_count(trail);
    }
    write_one(out, "profilecontext_audit_lines_total", PC_METRIC_COUNTER,
              "Lines of the audit trail.", figures.lines);
    write_one(out, "profilecontext_audit_dropped_total", PC_METRIC_COUNTER,
              "Accesses that the audit trail could not keep.", figures.dropped);
    write_one(out, "profilecontext_audit_left_out_total", PC_METRIC_COUNTER,
              "Refusals of those nobody knows that came too fast for a line each.",
              figures.left_out);
    write_one(out, "profilecontext_audit_failures_total", PC_METRIC_COUNTER,
              "Writes, syncs and rotations of the audit trail that went wrong.", figures.failures);
    write_one(out, "profilecontext_audit_failing", PC_METRIC_GAUGE,
              "1 while the audit trail cannot be written.", figures.failing ? 1 : 0);
    write_one(out, "profilecontext_audit_waiting_bytes", PC_METRIC_GAUGE,
              "Memory of accesses that are not yet lines.", figures.waiting_bytes);
}

void pc_metrics_page_write(const pc_metrics_page *page, pc_buffer *out)
{
    write_build(out, page->core_version);
    write_policy(out, page->policies);
    write_denials(out, &page->denials);
    pc_rpc_metrics_write(page->calls, out);
    write_sections(out, page->sections);
    write_cache(out, page->cache, page->cache_bytes_max);
    write_ages(out, page->part_ages);
    write_upstream(out, page->upstream);
    write_budget(out, page->upstream);
    if (page->server != NULL) {
        write_connections(out, page->server);
        write_handshakes(out, page->server);
        write_door(out, page->door);
    }
    write_tracing(out, page->tracing);
    write_audit(out, page->audit);
    pc_process_metrics_write(out, page->started_wall_ms);
}
