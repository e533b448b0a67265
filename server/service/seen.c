/* The record is made when it is first needed, in the call's arena. */
#include "service/seen.h"

static pc_seen *seen_of(pc_call *call)
{
    pc_seen *seen = pc_call_noted(call);
    if (seen == NULL) {
        seen = pc_arena_calloc(pc_call_arena(call), 1, sizeof *seen);
        if (seen != NULL) {
            seen->persons = -1;
            seen->messages = -1;
            pc_call_note(call, seen);
        }
    }
    return seen;
}

static void note(pc_seen_section *out, const pc_section_result *results, size_t count,
                 int64_t now_wall_ms)
{
    for (size_t i = 0; i < count; i++) {
        int64_t age_ms = now_wall_ms - results[i].fetched_wall_ms;
        out[i].status = results[i].status;
        out[i].age_ms = results[i].fetched_wall_ms == 0 ? -1 : age_ms < 0 ? 0 : age_ms;
    }
}

void pc_keep_sections(pc_call *call, const pc_service *service, pc_section first,
                      const pc_section_result *results, size_t count, int64_t now_wall_ms)
{
    if (service->on_person == NULL) {
        return;
    }
    pc_seen *seen = seen_of(call);
    if (seen != NULL) {
        note(seen->sections + first, results, count, now_wall_ms);
    }
}

void pc_keep_message(pc_call *call)
{
    pc_seen *seen = pc_call_noted(call);
    if (seen != NULL) {
        seen->messages = seen->messages < 0 ? 1 : seen->messages + 1;
    }
}

void pc_keep_batch(pc_call *call, const pc_service *service)
{
    pc_seen *seen = service->on_person == NULL ? NULL : seen_of(call);
    if (seen != NULL) {
        seen->persons = 0;
    }
}

void pc_tell_person(pc_call *call, const pc_service *service, const pc_person *person,
                    const pc_gathered *gathered, pc_code code, const char *reason)
{
    if (service->on_person == NULL) {
        return;
    }
    pc_person_seen seen = {.person = person, .code = code, .reason = reason};
    if (gathered != NULL) {
        note(seen.sections, gathered->sections, PC_SECTION_COUNT, gathered->now.wall_ms);
    }
    service->on_person(service->self, call, &seen);
    pc_seen *kept = pc_call_noted(call);
    if (kept != NULL) {
        kept->persons++;
    }
}
