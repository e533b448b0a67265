/* GetProfile: the attributes of a person, identities and segments included. */
#include "mapping/wire.h"
#include "mapping_tables.h"
#include "profilecontext/v1/profile_context.pb-c.h"
#include "service/access.h"
#include "service/answer.h"

/* Field numbers of GetProfileResponse. */
enum { RESPONSE_PROFILE = 1, RESPONSE_INFO = 2, RESPONSE_XID = 3 };

typedef Profilecontext__V1__GetProfileRequest request_message;

/* In the call's arena. */
typedef struct {
    pc_call *call;
    pc_gather_plan plan;
    pc_access access;
} operation;

static void on_gathered(void *self, pc_gathered *gathered)
{
    operation *op = self;
    pc_access_show(&op->access, &op->plan, gathered);
    pc_note_gathered(op->call, gathered);
    const pc_section_result *result = &gathered->sections[PC_SECTION_PROFILE];
    if (!pc_section_has_data(result)) {
        pc_call_fail(op->call, pc_take_failure(gathered, PC_SECTION_PROFILE));
        return;
    }
    pc_slice *profile = pc_take_data(gathered, PC_SECTION_PROFILE);
    pc_buffer head;
    pc_buffer_init(&head, PC_HEAD_BYTES_MAX);
    pc_put_section_info(&head, RESPONSE_INFO, PC_SECTION_PROFILE, result, gathered->now.wall_ms);
    if (gathered->xid[0] != '\0' && !gathered->xid_withheld) {
        pc_wire_put_text(&head, RESPONSE_XID, gathered->xid);
    }
    pc_wire_put_tag(&head, RESPONSE_PROFILE, PC_WIRE_BYTES);
    pc_wire_put_varint(&head, profile == NULL ? 0 : pc_slice_size(profile));
    pc_slice *pieces[2] = {pc_buffer_take_slice(&head), profile};
    pc_buffer_deinit(&head);
    if (pieces[0] == NULL) {
        pc_slice_unref(profile);
        pc_call_fail(op->call, pc_status_out_of_memory());
        return;
    }
    pc_call_answer(op->call, pieces, profile == NULL ? 1 : 2);
}

static void on_released(void *self)
{
    pc_call_unref(((operation *)self)->call);
}

/* What is shown, and what is asked for to show it. */
static void plan_fields(operation *op, pc_status *status, const Google__Protobuf__FieldMask *paths)
{
    pc_gather_plan *plan = &op->plan;
    pc_arena *arena = pc_call_arena(op->call);
    const pc_mask *mask;
    pc_request_mask(&mask, status, arena, paths, &pc_table_Profile);
    mask = pc_access_only_mask(&op->access, status, arena, PC_VIEW_WHOLE_PROFILE, mask);
    if (!pc_status_ok(status)) {
        return;
    }
    plan->masks[PC_SECTION_PROFILE] =
        pc_access_needs_whole(&op->access, PC_VIEW_WHOLE_PROFILE) ? NULL : mask;
    pc_access_ask_consents(&op->access, plan);
    *status = pc_mask_upstream_fields(&plan->profile_fields, arena, mask);
    if (pc_status_ok(status) && plan->with_profile && plan->profile_fields != NULL) {
        /* Out of memory it asks for all, which will do. */
        plan->profile_fields =
            pc_arena_printf(arena, plan->profile_fields[0] == '\0' ? "%sconsents" : "%s,consents",
                            plan->profile_fields);
    }
}

void pc_get_profile(pc_call *call, const void *request, void *self)
{
    const pc_service *service = self;
    const request_message *message = request;
    operation *op = pc_arena_calloc(pc_call_arena(call), 1, sizeof *op);
    if (op == NULL) {
        pc_call_fail(call, pc_status_out_of_memory());
        return;
    }
    op->call = call;
    pc_gather_plan *plan = &op->plan;
    pc_status status = pc_access_begin(&op->access, call, service, PC_RIGHT_GET_PROFILE);
    if (!pc_status_ok(&status)) {
        pc_call_fail(call, status);
        return;
    }
    pc_read_fields fields = PC_READ_FIELDS(message, PROFILECONTEXT__V1__GET_PROFILE_REQUEST);
    pc_request_person(&plan->person, &status, service, &fields);
    pc_request_staleness(plan, &fields);
    pc_access_where(&op->access, &status, &plan->person, plan);
    pc_access_person(&op->access, &status, &plan->person);
    plan_fields(op, &status, message->read_mask);
    if (pc_status_ok(&status)) {
        status = pc_request_close_ns(&plan->close_ns, service, call);
    }
    if (!pc_status_ok(&status)) {
        pc_call_fail(call, status);
        return;
    }
    plan->sections = PC_SECTION_BIT(PC_SECTION_PROFILE);
    plan->whole_profile = true;
    pc_call_ref(call);
    const pc_gather_callbacks callbacks = {on_gathered, on_released, op};
    pc_gather_for_call(call, service, plan, &callbacks);
}
