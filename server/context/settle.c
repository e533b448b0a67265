/* Slices of parts; nothing is copied where no mask and no other field number makes it necessary. */
#include "context/settle.h"

#include <string.h>

#include "context/section_bytes.h"
#include "mapping/wire.h"

static bool wants(const pc_gather_plan *plan, pc_section section)
{
    return (plan->sections & PC_SECTION_BIT(section)) != 0;
}

const char *pc_section_name(pc_section section)
{
    static const char *const names[PC_SECTION_COUNT] = {
        [PC_SECTION_NONE] = "none",
        [PC_SECTION_PROFILE] = "profile",
        [PC_SECTION_EVENTS] = "events",
        [PC_SECTION_SEGMENTS] = "segment_memberships",
        [PC_SECTION_IDENTITIES] = "identities",
        [PC_SECTION_INSIGHTS] = "insights",
        [PC_SECTION_SUMMARY] = "summary",
    };
    return names[section];
}

pc_section_status pc_section_verdict(const pc_status *failure)
{
    if (failure->code == PC_CODE_NOT_FOUND) {
        return PC_SECTION_MISSING;
    }
    if (strcmp(pc_status_reason(failure), "EVENTS_NOT_ENABLED") == 0) {
        return PC_SECTION_NOT_ENABLED;
    }
    if (failure->code == PC_CODE_PERMISSION_DENIED) {
        return PC_SECTION_DENIED;
    }
    return failure->code == PC_CODE_DEADLINE_EXCEEDED ? PC_SECTION_LATE : PC_SECTION_FAILED;
}

static int64_t age_of(const pc_gathered *gathered, const pc_part_source *source)
{
    return (gathered->now.ns - source->fetched_ns) / 1000000;
}

static void set_origin(const pc_gathered *gathered, pc_section_result *result,
                       const pc_part_source *source)
{
    result->origin = source->remembered ? PC_ORIGIN_CACHE : PC_ORIGIN_UPSTREAM;
    result->fetched_wall_ms = gathered->now.wall_ms - age_of(gathered, source);
}

void pc_settle_failure(const pc_gather_plan *plan, pc_gathered *gathered, pc_section section,
                       const pc_status *failure, const pc_part_source *source)
{
    pc_section_result *result = &gathered->sections[section];
    if (wants(plan, section) && result->status == PC_SECTION_UNDECIDED) {
        result->status = pc_section_verdict(failure);
        result->reason = pc_status_reason(failure);
        if (source->remembered) {
            set_origin(gathered, result, source);
        }
    }
}

void pc_settle(const pc_gatherer *gatherer, pc_gathered *gathered, pc_section section,
               const pc_part_source *source, const pc_moment *last_modified, pc_slice *data)
{
    pc_section_result *result = &gathered->sections[section];
    if (data == NULL) {
        result->status = PC_SECTION_FAILED;
        result->reason = "OUT_OF_MEMORY";
        return;
    }
    int64_t age_ms = age_of(gathered, source);
    bool stale = source->remembered && pc_freshness_is_stale(&gatherer->freshness, section, age_ms);
    result->status = stale ? PC_SECTION_STALE : PC_SECTION_OK;
    set_origin(gathered, result, source);
    result->reason = "";
    result->last_modified = *last_modified;
    result->data = data;
}

/* ---- the profile ----------------------------------------------------------------------------- */

/* Repeated fields under the number that the plan wants. */
static pc_slice *items(const pc_gather_plan *plan, pc_section section, pc_slice *part,
                       const uint8_t *bytes, size_t size, uint32_t number)
{
    pc_slice *slice = pc_slice_part(part, bytes, size);
    if (slice == NULL || plan->numbers[section] == number) {
        return slice;
    }
    pc_slice *renumbered = pc_pick_profile_fields(slice, number, plan->numbers[section]);
    pc_slice_unref(slice);
    return renumbered;
}

static void settle_items(const pc_gatherer *gatherer, const pc_gather_plan *plan,
                         pc_gathered *gathered, const pc_part_source *source, pc_section section,
                         const pc_moment *last_modified, pc_slice *slice)
{
    pc_settle(gatherer, gathered, section, source, last_modified,
              pc_mask_items(slice, plan->masks[section], gatherer->body_bytes_max));
}

void pc_settle_segments(const pc_gatherer *gatherer, const pc_gather_plan *plan,
                        pc_gathered *gathered, const pc_part_source *source, pc_slice *segments)
{
    pc_profile_part part;
    pc_profile_part_read(&part, source->part);
    settle_items(gatherer, plan, gathered, source, PC_SECTION_SEGMENTS, &part.last_modified,
                 segments);
}

/* The profile as the upstream has it: segments without what was computed. */
static pc_slice *whole_profile(const pc_profile_part *part)
{
    pc_buffer out;
    pc_segment_iterator iterator;
    pc_segment segment;
    pc_buffer_init(&out, SIZE_MAX / 2);
    pc_buffer_append(&out, part->rest, part->rest_size + part->identities_size);
    pc_segment_iterator_init(&iterator, part->segments, part->segments_size,
                             PC_PROFILE_SEGMENT_MEMBERSHIP);
    while (pc_segment_iterator_next(&iterator, &segment)) {
        pc_segment_put_plain(&out, PC_PROFILE_SEGMENT_MEMBERSHIP, &segment);
    }
    pc_slice *slice = pc_buffer_take_slice(&out);
    pc_buffer_deinit(&out);
    return slice;
}

bool pc_settle_profile(const pc_gatherer *gatherer, const pc_gather_plan *plan,
                       pc_gathered *gathered, const pc_part_source *source)
{
    pc_profile_part part;
    pc_profile_part_read(&part, source->part);
    gathered->xid = part.xid;
    if (wants(plan, PC_SECTION_PROFILE)) {
        pc_slice *profile = plan->whole_profile
                                ? whole_profile(&part)
                                : pc_slice_part(source->part, part.rest, part.rest_size);
        pc_settle(
            gatherer, gathered, PC_SECTION_PROFILE, source, &part.last_modified,
            pc_mask_message(profile, plan->masks[PC_SECTION_PROFILE], gatherer->body_bytes_max));
    }
    if (wants(plan, PC_SECTION_IDENTITIES)) {
        settle_items(gatherer, plan, gathered, source, PC_SECTION_IDENTITIES, &part.last_modified,
                     items(plan, PC_SECTION_IDENTITIES, source->part, part.identities,
                           part.identities_size, PC_PROFILE_IDENTITY_MAP));
    }
    if (wants(plan, PC_SECTION_INSIGHTS)) {
        settle_items(gatherer, plan, gathered, source, PC_SECTION_INSIGHTS, &part.last_modified,
                     items(plan, PC_SECTION_INSIGHTS, source->part, part.insights,
                           part.insights_size, PC_PART_INSIGHTS));
    }
    if (!wants(plan, PC_SECTION_SEGMENTS)) {
        return false;
    }
    if (part.segments_verdict.lacks_names ||
        gathered->now.wall_ms >= part.segments_verdict.holds_wall_ms) {
        return true;
    }
    settle_items(gatherer, plan, gathered, source, PC_SECTION_SEGMENTS, &part.last_modified,
                 items(plan, PC_SECTION_SEGMENTS, source->part, part.segments, part.segments_size,
                       PC_PROFILE_SEGMENT_MEMBERSHIP));
    return false;
}

/* ---- events ---------------------------------------------------------------------------------- */

static bool is_before(const pc_wire_field *event, int64_t start_ms)
{
    int64_t seconds;
    int32_t nanos;
    return pc_event_time(event, &seconds, &nanos) &&
           (seconds < start_ms / 1000 ||
            (seconds == start_ms / 1000 && nanos / 1000000 < start_ms % 1000));
}

/* How many bytes of a remembered page, which is newest first, are within the plan's limits. */
static size_t bytes_within(const pc_gather_plan *plan, const pc_events_part *part, size_t *count,
                           bool *more)
{
    /* Mostly all are. */
    bool all_in_time = !plan->has_event_start || part->oldest_s > plan->event_start_ms / 1000;
    *more = part->next_cursor[0] != '\0';
    *count = part->count;
    if (all_in_time && part->count <= (size_t)plan->event_limit) {
        return part->items_size;
    }
    pc_wire_reader reader;
    pc_wire_field event;
    size_t size = 0;
    *count = 0;
    pc_wire_reader_init(&reader, part->items, part->items_size);
    while (pc_wire_next(&reader, &event)) {
        if (!all_in_time && is_before(&event, plan->event_start_ms)) {
            *more = false;
            break;
        }
        if (*count == (size_t)plan->event_limit) {
            *more = true;
            break;
        }
        ++*count;
        size += event.whole_size;
    }
    return size;
}

void pc_settle_events(const pc_gatherer *gatherer, const pc_gather_plan *plan,
                      pc_gathered *gathered, const pc_part_source *source)
{
    pc_events_part part;
    pc_events_part_read(&part, source->part);
    size_t size = part.items_size;
    bool more = part.next_cursor[0] != '\0';
    gathered->event_count = part.count;
    gathered->next_cursor = part.next_cursor;
    if (pc_gather_remembers(gatherer, plan, PC_PART_EVENTS)) {
        size = bytes_within(plan, &part, &gathered->event_count, &more);
    }
    pc_slice *slice = pc_slice_part(source->part, part.items, size);
    if (wants(plan, PC_SECTION_SUMMARY)) {
        gathered->shown_events = pc_slice_ref(slice);
    }
    slice = pc_keep_event_types(slice, plan->event_types, plan->event_type_count,
                                gatherer->body_bytes_max, &gathered->event_count);
    if (wants(plan, PC_SECTION_EVENTS)) {
        settle_items(gatherer, plan, gathered, source, PC_SECTION_EVENTS,
                     &part.newest_last_modified, slice);
        gathered->sections[PC_SECTION_EVENTS].truncated = more;
    } else {
        pc_slice_unref(slice);
    }
    gathered->events_truncated = more;
}
