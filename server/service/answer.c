/* Small writers over the wire format; the numbers are those of context.proto. */
#include "service/answer.h"

#include <string.h>

#include "mapping/wire.h"
#include "service/access.h"
#include "service/seen.h"

enum {
    TIME_BYTES_MAX = 2 + 2 * (1 + PC_WIRE_VARINT_MAX),
    /* Five numbers with a tag of one byte, and three times. */
    INFO_BYTES_MAX = 5 * (1 + PC_WIRE_VARINT_MAX) + 3 * TIME_BYTES_MAX
};

/* A Timestamp, or a Duration, whose fields are the same. At most TIME_BYTES_MAX bytes. */
static uint8_t *write_time(uint8_t *at, uint32_t number, int64_t seconds, int32_t nanos)
{
    uint8_t *size = at + 1;
    at[0] = (uint8_t)(number << 3 | PC_WIRE_BYTES);
    at += 2;
    if (seconds != 0) {
        at = pc_wire_write_int(at, 1, PC_WIRE_VARINT, (uint64_t)seconds);
    }
    if (nanos != 0) {
        at = pc_wire_write_int(at, 2, PC_WIRE_VARINT, (uint64_t)nanos);
    }
    *size = (uint8_t)(at - size - 1);
    return at;
}

static uint8_t *write_time_ms(uint8_t *at, uint32_t number, int64_t ms)
{
    return write_time(at, number, ms / 1000, (int32_t)(ms % 1000) * 1000000);
}

/* Every answer has some of these, so they are written in one go. */
void pc_put_section_info(pc_buffer *out, uint32_t number, pc_section section,
                         const pc_section_result *result, int64_t now_wall_ms)
{
    uint8_t bytes[INFO_BYTES_MAX];
    uint8_t *at = pc_wire_write_int(bytes, 1, PC_WIRE_VARINT, section);
    at = pc_wire_write_int(at, 2, PC_WIRE_VARINT, result->status);
    if (result->origin != PC_ORIGIN_NONE) {
        at = pc_wire_write_int(at, 3, PC_WIRE_VARINT, result->origin);
    }
    if (result->fetched_wall_ms > 0) {
        int64_t age_ms = now_wall_ms - result->fetched_wall_ms;
        at = write_time_ms(at, 4, result->fetched_wall_ms);
        at = write_time_ms(at, 5, age_ms < 0 ? 0 : age_ms);
    }
    if (result->last_modified.present) {
        at = write_time(at, 6, result->last_modified.seconds, result->last_modified.nanos);
    }
    size_t reason_size = strlen(result->reason);
    if (reason_size > 0) {
        at = pc_wire_write_int(at, 7, PC_WIRE_BYTES, reason_size);
    }
    uint8_t *after_reason = at;
    if (result->truncated) {
        at = pc_wire_write_int(at, 8, PC_WIRE_VARINT, 1);
    }
    pc_wire_put_tag(out, number, PC_WIRE_BYTES);
    size_t later_size = pc_slice_size(result->denied_later);
    pc_wire_put_varint(out, (size_t)(at - bytes) + reason_size + result->denied_size + later_size);
    pc_buffer_append(out, bytes, (size_t)(after_reason - bytes));
    pc_buffer_append(out, result->reason, reason_size);
    pc_buffer_append(out, after_reason, (size_t)(at - after_reason));
    if (result->denied_size > 0) {
        pc_buffer_append(out, result->denied, result->denied_size);
    }
    if (later_size > 0) {
        pc_buffer_append(out, pc_slice_bytes(result->denied_later), later_size);
    }
}

pc_status pc_take_failure(pc_gathered *gathered, pc_section section)
{
    if (gathered->sections[section].withheld) {
        return pc_access_withheld(gathered->sections[section].reason);
    }
    pc_status *failure =
        section == PC_SECTION_EVENTS ? &gathered->events_failure : &gathered->profile_failure;
    pc_status taken = *failure;
    *failure = PC_OK;
    if (pc_status_ok(&taken)) {
        /* The fetch went well, so making the section did not. */
        taken = pc_status_out_of_memory();
    }
    return taken;
}

pc_slice *pc_take_data(pc_gathered *gathered, pc_section section)
{
    pc_slice *data = gathered->sections[section].data;
    if (data == NULL || pc_slice_size(data) == 0) {
        return NULL;
    }
    gathered->sections[section].data = NULL;
    return data;
}

void pc_note_entry(pc_call *call, const pc_gathered *gathered)
{
    const pc_service *service = pc_call_service(call);
    pc_call_count_upstream(call, gathered->upstream_calls, gathered->upstream_bytes);
    pc_section_counts_add(service->section_counts, PC_SECTION_NONE, gathered->sections,
                          PC_SECTION_COUNT);
    pc_part_ages_add(service->part_ages, gathered);
}

void pc_note_gathered(pc_call *call, const pc_gathered *gathered)
{
    pc_note_entry(call, gathered);
    const pc_service *service = pc_call_service(call);
    pc_keep_sections(call, service, PC_SECTION_NONE, gathered->sections, PC_SECTION_COUNT,
                     gathered->now.wall_ms);
}

static void release_gathering(void *self)
{
    pc_gather_release(self);
}

static void on_caller_gone(void *self)
{
    pc_gather_cancel(self);
}

static bool gather_at_once(pc_gathered *out, const pc_call *call, const pc_service *service,
                           const pc_gather_plan *plan)
{
    const pc_trace *trace = pc_call_recorded_trace(call);
    if (trace == NULL) {
        return pc_gather_at_once(out, service->gatherer, plan);
    }
    pc_span span;
    const pc_status ok = PC_OK;
    pc_span_begin(&span, trace, "cache", PC_SPAN_INTERNAL);
    bool at_once = pc_gather_at_once(out, service->gatherer, plan);
    pc_span_text(&span, "profilecontext.cache", at_once ? "hit" : "miss");
    pc_span_end(&span, &ok);
    return at_once;
}

void pc_gather_for_call(pc_call *call, const pc_service *service, pc_gather_plan *plan,
                        const pc_gather_callbacks *callbacks)
{
    pc_gathered gathered;
    plan->criticality = pc_call_criticality(call);
    bool at_once = gather_at_once(&gathered, call, service, plan);
    if (at_once) {
        callbacks->done(callbacks->self, &gathered);
    }
    pc_gathered_deinit(&gathered);
    if (at_once) {
        callbacks->released(callbacks->self);
        return;
    }
    plan->request_id = pc_call_request_id(call);
    plan->trace = *pc_call_trace(call);
    plan->caller = pc_call_caller_key(call);
    /* The answer may be out, and the call gone, before the start returns. */
    pc_call_ref(call);
    pc_gathering *gathering;
    pc_status status = pc_gather_start(&gathering, service->gatherer, plan, callbacks);
    if (!pc_status_ok(&status)) {
        pc_call_fail(call, status);
        callbacks->released(callbacks->self);
        pc_call_unref(call);
        return;
    }
    pc_call_at_end(call, release_gathering, gathering);
    pc_call_on_cancel(call, on_caller_gone, gathering);
    pc_call_unref(call);
}
