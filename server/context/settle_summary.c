/* The summary of a context: computed from the parts that the other sections come from. */
#include "context/section_bytes.h"
#include "context/settle.h"

/* What a summary is made of. */
static pc_summary_input summary_input(const pc_gather_plan *plan, const pc_gathered *gathered,
                                      const pc_profile_part *profile, pc_arena *arena)
{
    bool has_profile = gathered->held[PC_PART_PROFILE].part != NULL;
    pc_summary_input input = {
        .namespace_code = plan->person.namespace_code,
        .id = plan->person.id,
        .has_profile = has_profile,
        /* A known person without events may be "not found" to the upstream's event look-up. */
        .has_events = gathered->shown_events != NULL ||
                      (has_profile && gathered->events_failure.code == PC_CODE_NOT_FOUND),
        .events = pc_slice_bytes(gathered->shown_events),
        .events_size = pc_slice_size(gathered->shown_events),
        .events_truncated = gathered->events_truncated,
    };
    if (has_profile) {
        input.profile = profile->rest;
        input.profile_size = profile->rest_size + profile->identities_size + profile->segments_size;
        input.insights = profile->insights;
        input.insights_size = profile->insights_size;
    }
    if (gathered->held[PC_PART_EVENTS].part != NULL) {
        pc_events_part events;
        pc_events_part_read(&events, gathered->held[PC_PART_EVENTS].part);
        input.notes = pc_events_part_notes(&input.note_count, arena, &events);
    }
    return input;
}

/* The older of the two parts that a summary is made of. */
static pc_part_source older_part(const pc_gathered *gathered)
{
    pc_part_source oldest = {.fetched_ns = INT64_MAX};
    for (int kind = 0; kind < PC_PART_COUNT; kind++) {
        const pc_part_source *held = &gathered->held[kind];
        if (held->part != NULL && held->fetched_ns < oldest.fetched_ns) {
            oldest = *held;
        }
    }
    return oldest;
}

/* All that a summary depends on beside the parts and the rules: the key stands for the identity
 * that was asked for, which says what of the consents holds, and the size for the events that are
 * shown. */
static uint64_t variant_of(const pc_cache_key *key, const pc_summary_input *input)
{
    uint64_t rest = (uint64_t)input->events_size << 2 | (uint64_t)input->events_truncated << 1 |
                    (uint64_t)input->has_events;
    return key->low ^ rest * 0x9e3779b97f4a7c15;
}

/* NULL when out of memory. */
static pc_slice *make(const pc_gatherer *gatherer, const pc_summary_input *input, pc_arena *arena)
{
    pc_buffer out;
    pc_buffer_init(&out, gatherer->body_bytes_max);
    pc_status status = pc_summary_put(&out, arena, gatherer->summary, input);
    /* Copied, as it may be kept: a slice of its very size. */
    pc_slice *made =
        pc_status_ok(&status) && !out.failed ? pc_slice_copy(out.bytes, out.size) : NULL;
    pc_status_clear(&status);
    pc_buffer_deinit(&out);
    return made;
}

static pc_slice *find_or_make(const pc_gatherer *gatherer, const pc_gathered *gathered,
                              const pc_cache_key *key, const pc_summary_input *input,
                              pc_arena *arena)
{
    if (gatherer->cache == NULL) {
        return make(gatherer, input, arena);
    }
    uint64_t variant = variant_of(key, input);
    pc_slice *const parts[PC_PART_COUNT] = {gathered->held[PC_PART_PROFILE].part,
                                            gathered->held[PC_PART_EVENTS].part};
    pc_slice *made = pc_cache_get_made(gatherer->cache, key, variant, parts);
    if (made == NULL) {
        made = make(gatherer, input, arena);
        if (made != NULL) {
            pc_cache_put_made(gatherer->cache, key, variant, parts, made);
        }
    }
    return made;
}

void pc_settle_summary(const pc_gatherer *gatherer, const pc_gather_plan *plan,
                       pc_gathered *gathered, const pc_cache_key *key, pc_arena *arena)
{
    if ((plan->sections & PC_SECTION_BIT(PC_SECTION_SUMMARY)) == 0) {
        return;
    }
    pc_profile_part profile;
    if (gathered->held[PC_PART_PROFILE].part != NULL) {
        pc_profile_part_read(&profile, gathered->held[PC_PART_PROFILE].part);
    }
    const pc_summary_input input = summary_input(plan, gathered, &profile, arena);
    const pc_status *failure =
        input.has_profile ? &gathered->events_failure : &gathered->profile_failure;
    if (!input.has_profile && !input.has_events) {
        const pc_part_source none = {.part = NULL};
        pc_settle_failure(plan, gathered, PC_SECTION_SUMMARY, failure, &none);
        return;
    }
    pc_slice *made = find_or_make(gatherer, gathered, key, &input, arena);
    const pc_moment unknown = {.present = false};
    const pc_part_source source = older_part(gathered);
    pc_settle(gatherer, gathered, PC_SECTION_SUMMARY, &source, &unknown,
              pc_mask_message(made, plan->masks[PC_SECTION_SUMMARY], gatherer->body_bytes_max));
    pc_section_result *result = &gathered->sections[PC_SECTION_SUMMARY];
    if (pc_section_has_data(result) && !(input.has_profile && input.has_events)) {
        result->status = pc_section_verdict(failure);
        result->reason = pc_status_reason(failure);
    }
    result->truncated = input.events_truncated;
}
