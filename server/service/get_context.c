/* GetContext: the sections that the mask asks for, gathered in parallel, each with its status. */
#include "profilecontext/v1/profile_context.pb-c.h"
#include "service/context_answer.h"
#include "service/context_plan.h"

enum { RESPONSE_CONTEXT = 1 };

typedef Profilecontext__V1__GetContextRequest request_message;

/* In the call's arena. */
typedef struct {
    pc_call *call;
    pc_gather_plan plan;
    pc_access access;
} operation;

static void on_gathered(void *self, pc_gathered *gathered)
{
    operation *op = self;
    pc_pieces pieces;
    pc_status status =
        pc_context_answer(&pieces, RESPONSE_CONTEXT, NULL, &op->plan, &op->access, gathered);
    pc_note_gathered(op->call, gathered);
    if (!pc_status_ok(&status)) {
        pc_call_fail(op->call, status);
        return;
    }
    pc_call_answer(op->call, pieces.slices, pieces.count);
}

static void on_released(void *self)
{
    pc_call_unref(((operation *)self)->call);
}

void pc_get_context(pc_call *call, const void *request, void *self)
{
    const pc_service *service = self;
    const request_message *message = request;
    operation *op = pc_arena_calloc(pc_call_arena(call), 1, sizeof *op);
    if (op == NULL) {
        pc_call_fail(call, pc_status_out_of_memory());
        return;
    }
    op->call = call;
    pc_status status = pc_access_begin(&op->access, call, service, PC_RIGHT_GET_CONTEXT);
    if (!pc_status_ok(&status)) {
        pc_call_fail(call, status);
        return;
    }
    pc_read_fields fields = PC_READ_FIELDS(message, PROFILECONTEXT__V1__GET_CONTEXT_REQUEST);
    pc_request_person(&op->plan.person, &status, service, &fields);
    pc_request_staleness(&op->plan, &fields);
    const pc_context_fields context = {message->read_mask, message->event_start_time,
                                       message->event_limit};
    pc_access_where(&op->access, &status, &op->plan.person, &op->plan);
    pc_access_person(&op->access, &status, &op->plan.person);
    pc_plan_context(&op->plan, &op->access, &status, pc_call_arena(call), service, &context);
    if (pc_status_ok(&status)) {
        status = pc_request_close_ns(&op->plan.close_ns, service, call);
    }
    if (!pc_status_ok(&status)) {
        pc_call_fail(call, status);
        return;
    }
    pc_call_ref(call);
    const pc_gather_callbacks callbacks = {on_gathered, on_released, op};
    pc_gather_for_call(call, service, &op->plan, &callbacks);
}
