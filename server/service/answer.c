/* Small writers over the wire format; the numbers are those of context.proto. */
#include "service/answer.h"

#include "mapping/wire.h"

void pc_put_section_info(pc_buffer *out, uint32_t number, pc_section section,
                         const pc_section_result *result, int64_t now_wall_ms)
{
    size_t mark = pc_wire_begin(out, number);
    pc_wire_put_int(out, 1, section);
    pc_wire_put_int(out, 2, result->status);
    if (result->origin != PC_ORIGIN_NONE) {
        pc_wire_put_int(out, 3, result->origin);
    }
    if (result->fetched_wall_ms > 0) {
        pc_wire_put_timestamp(out, 4, result->fetched_wall_ms / 1000,
                              (int32_t)(result->fetched_wall_ms % 1000) * 1000000);
        int64_t age_ms = now_wall_ms - result->fetched_wall_ms;
        age_ms = age_ms < 0 ? 0 : age_ms;
        /* A Duration has the fields of a Timestamp. */
        pc_wire_put_timestamp(out, 5, age_ms / 1000, (int32_t)(age_ms % 1000) * 1000000);
    }
    if (result->last_modified.present) {
        pc_wire_put_timestamp(out, 6, result->last_modified.seconds, result->last_modified.nanos);
    }
    if (result->reason[0] != '\0') {
        pc_wire_put_text(out, 7, result->reason);
    }
    if (result->truncated) {
        pc_wire_put_bool(out, 8, true);
    }
    pc_wire_end(out, mark);
}

pc_status pc_take_failure(pc_gathered *gathered, pc_section section)
{
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

void pc_note_upstream(pc_call *call, const pc_gathered *gathered)
{
    pc_call_count_upstream(call, gathered->upstream_calls, gathered->upstream_bytes);
}

static void release_gathering(void *self)
{
    pc_gather_release(self);
}

static void on_caller_gone(void *self)
{
    pc_gather_cancel(self);
}

void pc_gather_for_call(pc_call *call, const pc_service *service, const pc_gather_plan *plan,
                        const pc_gather_callbacks *callbacks)
{
    pc_gathered gathered;
    bool at_once = pc_gather_at_once(&gathered, service->gatherer, plan);
    if (at_once) {
        callbacks->done(callbacks->self, &gathered);
    }
    pc_gathered_deinit(&gathered);
    if (at_once) {
        callbacks->released(callbacks->self);
        return;
    }
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
