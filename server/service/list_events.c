/* ListEvents: one page. */
#include "mapping/wire.h"
#include "profilecontext/v1/profile_context.pb-c.h"
#include "service/answer.h"
#include "service/event_query.h"

/* Field numbers of ListEventsResponse. */
enum { RESPONSE_EVENTS = 1, RESPONSE_NEXT_PAGE_TOKEN = 2, RESPONSE_INFO = 3 };

typedef Profilecontext__V1__ListEventsRequest request_message;

/* In the call's arena. */
typedef struct {
    pc_call *call;
    const pc_service *service;
    pc_gather_plan plan;
    pc_access access;
    pc_query_hash query;
} operation;

static void on_gathered(void *self, pc_gathered *gathered)
{
    operation *op = self;
    pc_access_show(&op->access, &op->plan, gathered);
    pc_note_gathered(op->call, gathered);
    const pc_section_result *result = &gathered->sections[PC_SECTION_EVENTS];
    if (!pc_section_has_data(result)) {
        pc_call_fail(op->call, pc_take_failure(gathered, PC_SECTION_EVENTS));
        return;
    }
    const char *token;
    pc_status status = pc_next_page_token(&token, pc_call_arena(op->call), op->service, &op->query,
                                          op->plan.event_cursor, gathered->next_cursor);
    if (!pc_status_ok(&status)) {
        pc_call_fail(op->call, status);
        return;
    }
    pc_buffer head;
    pc_buffer_init(&head, PC_HEAD_BYTES_MAX);
    pc_put_section_info(&head, RESPONSE_INFO, PC_SECTION_EVENTS, result, gathered->now.wall_ms);
    if (token[0] != '\0') {
        pc_wire_put_text(&head, RESPONSE_NEXT_PAGE_TOKEN, token);
    }
    pc_slice *pieces[2] = {pc_buffer_take_slice(&head), NULL};
    pc_buffer_deinit(&head);
    if (pieces[0] == NULL) {
        pc_call_fail(op->call, pc_status_out_of_memory());
        return;
    }
    pieces[1] = pc_take_data(gathered, PC_SECTION_EVENTS);
    pc_call_answer(op->call, pieces, pieces[1] == NULL ? 1 : 2);
}

static void on_released(void *self)
{
    pc_call_unref(((operation *)self)->call);
}

void pc_list_events(pc_call *call, const void *request, void *self)
{
    const pc_service *service = self;
    const request_message *message = request;
    operation *op = pc_arena_calloc(pc_call_arena(call), 1, sizeof *op);
    if (op == NULL) {
        pc_call_fail(call, pc_status_out_of_memory());
        return;
    }
    op->call = call;
    op->service = service;
    pc_gather_plan *plan = &op->plan;
    pc_status status = pc_access_begin(&op->access, call, service, PC_RIGHT_LIST_EVENTS);
    if (!pc_status_ok(&status)) {
        pc_call_fail(call, status);
        return;
    }
    pc_read_fields fields = PC_READ_FIELDS(message, PROFILECONTEXT__V1__LIST_EVENTS_REQUEST);
    const pc_event_fields events = PC_EVENT_FIELDS(message, page_token);
    pc_request_person(&plan->person, &status, service, &fields);
    pc_access_where(&op->access, &status, &plan->person, plan);
    pc_access_person(&op->access, &status, &plan->person);
    pc_plan_events(plan, &op->access, &op->query, &status, pc_call_arena(call), service,
                   pc_call_caller(call), &events);
    if (pc_status_ok(&status)) {
        status = pc_request_close_ns(&plan->close_ns, service, call);
    }
    if (!pc_status_ok(&status)) {
        pc_call_fail(call, status);
        return;
    }
    plan->numbers[PC_SECTION_EVENTS] = RESPONSE_EVENTS;
    pc_call_ref(call);
    const pc_gather_callbacks callbacks = {on_gathered, on_released, op};
    pc_gather_for_call(call, service, plan, &callbacks);
}
