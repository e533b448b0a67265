/* ListEvents: one page of a person's events. The page token is the upstream's cursor, sealed and
 * bound to everything that decides which events there are. */
#include <inttypes.h>
#include <string.h>

#include "mapping/wire.h"
#include "mapping_tables.h"
#include "profilecontext/v1/profile_context.pb-c.h"
#include "service/answer.h"
#include "util/clock.h"

/* Field numbers of ListEventsResponse. */
enum { RESPONSE_EVENTS = 1, RESPONSE_NEXT_PAGE_TOKEN = 2, RESPONSE_INFO = 3 };

typedef Profilecontext__V1__ListEventsRequest request_message;

/* In the call's arena. */
typedef struct {
    pc_call *call;
    const pc_service *service;
    pc_gather_plan plan;
    pc_query_hash query;
} operation;

static void on_gathered(void *self, pc_gathered *gathered);
static void on_released(void *self);

static void plan_times(pc_gather_plan *plan, const request_message *message, pc_status *status)
{
    if (message->start_time != NULL) {
        plan->has_event_start = true;
        plan->event_start_ms = pc_request_time_ms(status, "start_time", message->start_time);
    }
    if (message->end_time != NULL) {
        plan->has_event_end = true;
        plan->event_end_ms = pc_request_time_ms(status, "end_time", message->end_time);
    }
    if (plan->has_event_start && plan->has_event_end &&
        plan->event_end_ms <= plan->event_start_ms) {
        pc_status_add_violation(status, "end_time", "must be after start_time");
    }
}

static void plan_order(pc_gather_plan *plan, const request_message *message, pc_status *status)
{
    if (strcmp(message->order_by, "timestamp") == 0) {
        plan->oldest_first = true;
    } else if (message->order_by[0] != '\0' && strcmp(message->order_by, "timestamp desc") != 0) {
        pc_status_add_violation(status, "order_by", "must be `timestamp` or `timestamp desc`");
    }
}

/* Not the page size, which may change from page to page, and not the mask, which decides what is
 * shown of an event but not which events there are. */
static pc_status hash_query(operation *op)
{
    const pc_gather_plan *plan = &op->plan;
    pc_arena *arena = pc_call_arena(op->call);
    const char *start =
        plan->has_event_start ? pc_arena_printf(arena, "%" PRId64, plan->event_start_ms) : NULL;
    const char *end =
        plan->has_event_end ? pc_arena_printf(arena, "%" PRId64, plan->event_end_ms) : NULL;
    const char *texts[] = {
        "ListEvents",
        plan->person.namespace_code,
        plan->person.id,
        plan->person.xid,
        plan->person.sandbox,
        plan->person.merge_policy,
        start,
        end,
        plan->oldest_first ? "oldest" : "newest",
    };
    return pc_query_hash_of(&op->query, texts, PC_COUNT_OF(texts));
}

static pc_status plan_page(operation *op, const request_message *message)
{
    pc_status status = hash_query(op);
    size_t size;
    if (pc_status_ok(&status) && message->page_token[0] != '\0') {
        status = pc_page_token_open(&op->plan.event_cursor, &size, pc_call_arena(op->call),
                                    op->service->page_token_key, &op->query, message->page_token);
    }
    return status;
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
    pc_status status = PC_OK;
    pc_read_fields fields = PC_READ_FIELDS(message, PROFILECONTEXT__V1__LIST_EVENTS_REQUEST);
    pc_request_person(&plan->person, &status, service, &fields);
    pc_request_mask(&plan->masks[PC_SECTION_EVENTS], &status, pc_call_arena(call),
                    message->read_mask, &pc_table_ExperienceEvent);
    plan->event_limit = pc_request_limit(&status, "page_size", message->page_size,
                                         service->event_limit, service->event_limit_max);
    plan_times(plan, message, &status);
    plan_order(plan, message, &status);
    if (pc_status_ok(&status)) {
        status = plan_page(op, message);
    }
    if (pc_status_ok(&status)) {
        status = pc_mask_upstream_fields(&plan->event_fields, pc_call_arena(call),
                                         plan->masks[PC_SECTION_EVENTS]);
    }
    if (pc_status_ok(&status)) {
        status = pc_request_close_ns(&plan->close_ns, service, call);
    }
    if (!pc_status_ok(&status)) {
        pc_call_fail(call, status);
        return;
    }
    plan->sections = PC_SECTION_BIT(PC_SECTION_EVENTS);
    plan->numbers[PC_SECTION_EVENTS] = RESPONSE_EVENTS;
    plan->request_id = pc_call_request_id(call);
    pc_call_ref(call);
    const pc_gather_callbacks callbacks = {on_gathered, on_released, op};
    pc_gather_for_call(call, service, plan, &callbacks);
}

static pc_status put_next_page(pc_buffer *out, const operation *op, const pc_gathered *gathered)
{
    const char *cursor = gathered->next_cursor;
    if (cursor[0] == '\0') {
        return PC_OK;
    }
    if (op->plan.event_cursor != NULL && strcmp(cursor, op->plan.event_cursor) == 0) {
        return pc_status_new(PC_CODE_INTERNAL, "UPSTREAM_CURSOR_REPEATS",
                             "the upstream repeats its page; stop here");
    }
    const char *token;
    pc_status status =
        pc_page_token_seal(&token, pc_call_arena(op->call), op->service->page_token_key, &op->query,
                           cursor, strlen(cursor));
    if (pc_status_ok(&status)) {
        pc_wire_put_text(out, RESPONSE_NEXT_PAGE_TOKEN, token);
    }
    return status;
}

static void on_gathered(void *self, pc_gathered *gathered)
{
    operation *op = self;
    pc_note_upstream(op->call, gathered);
    const pc_section_result *result = &gathered->sections[PC_SECTION_EVENTS];
    if (result->status != PC_SECTION_OK) {
        pc_call_fail(op->call, pc_take_failure(gathered, PC_SECTION_EVENTS));
        return;
    }
    pc_buffer head;
    pc_buffer_init(&head, PC_HEAD_BYTES_MAX);
    pc_put_section_info(&head, RESPONSE_INFO, PC_SECTION_EVENTS, result, pc_clock_wall_ms());
    pc_status status = put_next_page(&head, op, gathered);
    pc_slice *pieces[2] = {pc_buffer_take_slice(&head), NULL};
    pc_buffer_deinit(&head);
    if (pc_status_ok(&status) && pieces[0] == NULL) {
        status = pc_status_out_of_memory();
    }
    if (!pc_status_ok(&status)) {
        pc_slice_unref(pieces[0]);
        pc_call_fail(op->call, status);
        return;
    }
    pieces[1] = pc_take_data(gathered, PC_SECTION_EVENTS);
    pc_call_answer(op->call, pieces, pieces[1] == NULL ? 1 : 2);
}

static void on_released(void *self)
{
    pc_call_unref(((operation *)self)->call);
}
