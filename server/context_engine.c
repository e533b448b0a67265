#include "context_engine.h"

#include <stdlib.h>
#include <unistd.h>

enum { WORKERS_MAX = 64 };

static pc_status make_insights(pc_context_engine *own, const pc_config *c)
{
    pc_insight_rule *rules = calloc(c->insight_count + 1, sizeof *rules);
    if (rules == NULL) {
        return pc_status_out_of_memory();
    }
    for (size_t i = 0; i < c->insight_count; i++) {
        const pc_config_insight *from = &c->insights[i];
        rules[i] = (pc_insight_rule){
            .name = from->name,
            .path = from->path,
            .type = (pc_insight_type)from->type,
            .kind = from->kind,
            .unit = from->unit,
            .direction = from->direction,
            .propensity = from->propensity,
            .has_bounds = from->has_bounds,
            .low_below = from->low_below,
            .high_above = from->high_above,
            .factors_path = from->factors_path,
        };
    }
    pc_status status = pc_insight_set_new(&own->insights, rules, c->insight_count);
    free(rules);
    return status;
}

static pc_status make_summary(pc_context_engine *own, const pc_config *c)
{
    const pc_summary_options options = {
        .lifetime_value = c->summary.lifetime_value,
        .campaign_contacts = (int)c->summary.campaign_contacts,
        .case_id_path = c->summary.case_id_path,
        .case_status_path = c->summary.case_status_path,
        .case_subject_path = c->summary.case_subject_path,
        .case_closed = c->summary.case_closed,
    };
    return pc_summary_rules_new(&own->summary, &options);
}

/* The upstream's bound is for all fetches, and those that nobody waits for must not fill it. */
static size_t prefetches_max(const pc_config *c)
{
    int64_t half = c->upstream.max_in_flight / 2;
    return (size_t)(c->prefetch.max_waiting < half ? c->prefetch.max_waiting : half);
}

static pc_status make_joining(pc_context_engine *own, const pc_config *c)
{
    if (c->upstream.join_window == 0) {
        return PC_OK;
    }
    const pc_joining_options options = {
        .inner = &own->source,
        .workers = own->workers,
        .timers = own->timers,
        .window_ms = c->upstream.join_window,
        .most = (size_t)c->upstream.join_most,
    };
    pc_status status = pc_joining_new(&own->joining, &options);
    if (pc_status_ok(&status)) {
        own->joined = pc_joining_source(own->joining);
    }
    return status;
}

pc_status pc_context_engine_open(pc_context_engine *own, const pc_config *c,
                                 const pc_source *source, const char *merge_policy)
{
    own->source = *source;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    pc_status status = pc_workers_new(&own->workers, cores < 1             ? 1
                                                     : cores > WORKERS_MAX ? WORKERS_MAX
                                                                           : (int)cores);
    if (pc_status_ok(&status) && c->hardening.wipe_memory) {
        pc_workers_wipe_stacks(own->workers);
    }
    if (pc_status_ok(&status)) {
        status = pc_timers_new(&own->timers);
    }
    if (pc_status_ok(&status)) {
        status = make_joining(own, c);
    }
    if (pc_status_ok(&status)) {
        status = pc_audience_names_new(&own->names, (size_t)c->audiences.names_max,
                                       c->audiences.name_ttl, c->audiences.missing_ttl);
    }
    if (pc_status_ok(&status)) {
        status = make_insights(own, c);
    }
    if (pc_status_ok(&status)) {
        status = make_summary(own, c);
    }
    own->gatherer = (pc_gatherer){
        .source = own->joining == NULL ? &own->source : &own->joined,
        .workers = own->workers,
        .timers = own->timers,
        .names = own->names,
        .insights = own->insights,
        .summary = own->summary,
        .body_bytes_max = (size_t)c->upstream.body_bytes_max,
        .names_wait_ms = c->audiences.name_wait,
        .fetch_timeout_ms = c->upstream.timeout,
        .scope = c->upstream.org_id,
        .merge_policy = merge_policy,
        .cache_bytes_max = (size_t)c->cache.max_bytes,
        .cached_events = (int)c->cache.events,
        .link_identities = c->cache.link_identities,
        .prefetches_max = prefetches_max(c),
        .freshness =
            {
                .fresh_ms =
                    {
                        [PC_SECTION_PROFILE] = c->cache.profile_fresh,
                        [PC_SECTION_EVENTS] = c->cache.events_fresh,
                        [PC_SECTION_SEGMENTS] = c->cache.segments_fresh,
                        [PC_SECTION_IDENTITIES] = c->cache.identities_fresh,
                        [PC_SECTION_INSIGHTS] = c->cache.insights_fresh,
                    },
                .revalidate_ms = c->cache.revalidate,
                .if_error_ms = c->cache.stale_if_error,
                .missing_ms = c->cache.missing_fresh,
                .ahead_percent = (int)c->cache.refresh_ahead_percent,
            },
    };
    return pc_status_ok(&status) ? pc_gatherer_open(&own->gatherer) : status;
}

void pc_context_engine_stop(pc_context_engine *own)
{
    pc_gatherer_stop(&own->gatherer);
    pc_joining_free(own->joining);
}

void pc_context_engine_end_threads(pc_context_engine *own)
{
    pc_timers_free(own->timers);
    pc_workers_free(own->workers);
}

void pc_context_engine_close(pc_context_engine *own)
{
    pc_gatherer_close(&own->gatherer);
    pc_insight_set_free(own->insights);
    pc_summary_rules_free(own->summary);
    pc_audience_names_free(own->names);
}
