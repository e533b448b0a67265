/* The sections that the mask asks for, and the fewest fields that they need. */
#include "service/context_plan.h"

#include "mapping_tables.h"
#include "service/context_answer.h"
#include "util/clock.h"

static const struct {
    pc_section section;
    uint32_t number;
} context_sections[] = {
    {PC_SECTION_PROFILE, PC_CONTEXT_PROFILE},
    {PC_SECTION_EVENTS, PC_CONTEXT_EVENTS},
    {PC_SECTION_SEGMENTS, PC_CONTEXT_SEGMENT_MEMBERSHIPS},
    {PC_SECTION_IDENTITIES, PC_CONTEXT_IDENTITIES},
    {PC_SECTION_INSIGHTS, PC_CONTEXT_INSIGHTS},
    {PC_SECTION_SUMMARY, PC_CONTEXT_SUMMARY},
};

enum { FIELD_PARTS_MAX = 6 };

static bool wants(const pc_gather_plan *plan, pc_section section)
{
    return (plan->sections & PC_SECTION_BIT(section)) != 0;
}

/* Joins what is not empty by commas. NULL when out of memory, or when a part is NULL (everything):
 * asking for all is right in both cases. */
static const char *join(pc_arena *arena, const char *const *parts, size_t count)
{
    const char *fields = "";
    for (size_t i = 0; i < count && fields != NULL; i++) {
        if (parts[i] == NULL) {
            return NULL;
        }
        if (parts[i][0] != '\0') {
            fields =
                fields[0] == '\0' ? parts[i] : pc_arena_printf(arena, "%s,%s", fields, parts[i]);
        }
    }
    return fields;
}

static const char *mask_fields(pc_arena *arena, const pc_mask *mask)
{
    const char *fields;
    pc_status status = pc_mask_upstream_fields(&fields, arena, mask);
    if (!pc_status_ok(&status)) {
        pc_status_clear(&status);
        return NULL;
    }
    return fields;
}

/* The upstream's `fields` for all sections that come from the profile; NULL: everything. */
static const char *profile_fields(const pc_gather_plan *plan, const pc_access *access,
                                  pc_arena *arena, const pc_service *service)
{
    bool summary = wants(plan, PC_SECTION_SUMMARY);
    const char *parts[FIELD_PARTS_MAX] = {
        wants(plan, PC_SECTION_PROFILE) ? mask_fields(arena, access->masks[PC_VIEW_PROFILE]) : "",
        wants(plan, PC_SECTION_SEGMENTS) ? "segmentMembership" : "",
        wants(plan, PC_SECTION_IDENTITIES) ? "identityMap" : "",
        wants(plan, PC_SECTION_INSIGHTS) || summary
            ? pc_insight_set_fields(service->gatherer->insights)
            : "",
        summary ? pc_summary_profile_fields() : "",
        plan->with_profile ? "consents" : "",
    };
    const char *fields = join(arena, parts, FIELD_PARTS_MAX);
    /* Nothing named (insights that are not configured): the smallest thing that finds the person.
     */
    return fields != NULL && fields[0] == '\0' ? "_id" : fields;
}

static const char *event_fields(const pc_gather_plan *plan, pc_arena *arena,
                                const pc_service *service)
{
    const char *parts[2] = {
        wants(plan, PC_SECTION_EVENTS) ? mask_fields(arena, plan->masks[PC_SECTION_EVENTS]) : "",
        wants(plan, PC_SECTION_SUMMARY) ? pc_summary_event_fields(service->gatherer->summary) : "",
    };
    return join(arena, parts, 2);
}

static void plan_events(pc_gather_plan *plan, const pc_access *access, pc_status *status,
                        const pc_service *service, const pc_context_fields *fields)
{
    plan->event_limit = pc_request_limit(status, "event_limit", fields->event_limit,
                                         service->event_limit, service->event_limit_max);
    if (fields->event_start_time != NULL) {
        plan->has_event_start = true;
        plan->event_start_ms =
            pc_request_time_ms(status, "event_start_time", fields->event_start_time);
        pc_access_condition(access, status, "timestamp");
    } else if (service->event_window_ms > 0) {
        plan->has_event_start = true;
        plan->event_start_ms = pc_clock_wall_ms() - service->event_window_ms;
    }
}

/* Of one section that may have been asked for. */
static void plan_section(pc_gather_plan *plan, pc_access *access, pc_status *status,
                         pc_arena *arena, pc_section section, const pc_mask *asked)
{
    const pc_mask *mask = pc_access_mask(access, status, arena, (pc_view)section,
                                         pc_view_name((pc_view)section), asked);
    if (mask != NULL) {
        plan->sections |= PC_SECTION_BIT(section);
        plan->masks[section] = pc_access_needs_whole(access, (pc_view)section) ? NULL : mask;
    }
}

void pc_plan_context(pc_gather_plan *plan, pc_access *access, pc_status *status, pc_arena *arena,
                     const pc_service *service, const pc_context_fields *fields)
{
    const pc_mask *mask;
    pc_request_mask(&mask, status, arena, fields->read_mask, &pc_table_Context);
    if (mask == NULL) {
        return;
    }
    for (size_t i = 0; i < PC_COUNT_OF(context_sections); i++) {
        pc_section section = context_sections[i].section;
        plan->numbers[section] = context_sections[i].number;
        plan_section(plan, access, status, arena, section,
                     pc_mask_child_number(mask, context_sections[i].number));
    }
    pc_access_ask_consents(access, plan);
    plan_events(plan, access, status, service, fields);
    if (plan->sections == 0 && access->denied != 0) {
        pc_status denied = pc_section_denied();
        if (pc_status_ok(status)) {
            *status = denied;
        } else {
            pc_status_clear(&denied);
        }
        return;
    }
    if (plan->sections == 0) {
        pc_status_add_violation(status, "read_mask",
                                "must name at least one of profile, events, segment_memberships, "
                                "identities, insights, summary");
        return;
    }
    if (!pc_gather_remembers(service->gatherer, plan, PC_PART_PROFILE)) {
        plan->profile_fields = profile_fields(plan, access, arena, service);
    }
    if (!pc_gather_remembers(service->gatherer, plan, PC_PART_EVENTS)) {
        plan->event_fields = event_fields(plan, arena, service);
    }
}
