/* GetProfile: the attributes of a person, identities and segments included. */
#include "mapping/wire.h"
#include "mapping_tables.h"
#include "profilecontext/v1/profile_context.pb-c.h"
#include "service/answer.h"

/* Field numbers of GetProfileResponse. */
enum { RESPONSE_PROFILE = 1, RESPONSE_INFO = 2, RESPONSE_XID = 3 };

typedef Profilecontext__V1__GetProfileRequest request_message;

/* In the call's arena. */
typedef struct {
    pc_call *call;
    pc_gather_plan plan;
} operation;

static void on_gathered(void *self, pc_gathered *gathered)
{
    operation *op = self;
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
    if (gathered->xid[0] != '\0') {
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
    pc_status status = PC_OK;
    pc_read_fields fields = PC_READ_FIELDS(message, PROFILECONTEXT__V1__GET_PROFILE_REQUEST);
    pc_request_person(&plan->person, &status, service, &fields);
    pc_request_staleness(plan, &fields);
    pc_request_mask(&plan->masks[PC_SECTION_PROFILE], &status, pc_call_arena(call),
                    message->read_mask, &pc_table_Profile);
    if (pc_status_ok(&status)) {
        status = pc_mask_upstream_fields(&plan->profile_fields, pc_call_arena(call),
                                         plan->masks[PC_SECTION_PROFILE]);
    }
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
