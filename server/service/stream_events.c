/* StreamEvents: page after page, the next fetched only when the one before has left, so that a
 * reader that stops stops the upstream too and costs at most one page of memory. */
#include <pthread.h>
#include <string.h>

#include "mapping/wire.h"
#include "profilecontext/v1/profile_context.pb-c.h"
#include "service/answer.h"
#include "service/event_query.h"
#include "service/seen.h"
#include "service/stream_life.h"

/* Field numbers of StreamEventsResponse. */
enum { RESPONSE_EVENTS = 1, RESPONSE_RESUME_TOKEN = 2, RESPONSE_INFO = 3 };

enum { PAGE_ARENA_BYTES_MAX = 64 * 1024 };

typedef Profilecontext__V1__StreamEventsRequest request_message;

/* In the call's arena. A page goes through: fetched, sent and released (in any order), next. */
typedef struct {
    pc_call *call;
    const pc_service *service;
    pc_gather_plan plan;
    pc_access access;
    pc_query_hash query;
    pc_stream_life life;
    int64_t close_ns;
    char cursors[2][PC_CURSOR_BYTES_MAX + 1]; /* of the present page, and of the next */
    int next;                                 /* which of them is the next's */
    char kept[PC_CURSOR_BYTES_MAX + 1];       /* see goes_in_circles */
    uint64_t pages;
    pthread_mutex_t lock;    /* guards all that follows */
    pc_gathering *gathering; /* owned; of the present page */
    bool cancelled;
    bool sent;         /* the present page has left, or will not */
    bool released;     /* its gathering no longer uses the plan */
    bool last;         /* there is no page behind it */
    pc_status failure; /* what ends the stream; owned */
} operation;

/* Steps, in order, over and over:                        thread */
static void fetch_page(operation *op);                 /* rpc, worker        */
static void on_gathered(void *self, pc_gathered *got); /* worker             */
static void on_sent(void *self, bool ok);              /* rpc                */
static void on_released(void *self);                   /* worker or source   */
static void page_done(operation *op);                  /* when sent and released */

/* When no page is under way. */
static void end(operation *op)
{
    pc_stream_life_end(&op->life);
    if (pc_status_ok(&op->failure)) {
        pc_stream_finish(op->call);
    } else {
        pc_call_fail(op->call, op->failure);
        op->failure = PC_OK;
    }
    pc_call_unref(op->call);
}

static void fetch_page(operation *op)
{
    op->plan.close_ns = op->close_ns;
    const pc_gather_callbacks callbacks = {on_gathered, on_released, op};
    pc_gathering *gathering = NULL;
    /* Held back until the handle is stored: a quick page would be done with it before. */
    pthread_mutex_lock(&op->lock);
    op->sent = false;
    op->released = false;
    pc_status status = pc_gather_start(&gathering, op->service->gatherer, &op->plan, &callbacks);
    op->gathering = pc_status_ok(&status) ? gathering : NULL;
    if (op->gathering != NULL && op->cancelled) {
        pc_gather_cancel(op->gathering);
    }
    pthread_mutex_unlock(&op->lock);
    if (!pc_status_ok(&status)) {
        op->failure = status;
        end(op);
    }
}

/* Lets the page be over without anything to send. Takes `failure`. */
static void give_up(operation *op, pc_status failure)
{
    pthread_mutex_lock(&op->lock);
    op->failure = failure;
    pthread_mutex_unlock(&op->lock);
    on_sent(op, true);
}

static pc_status make_page(pc_slice *pieces[2], operation *op, pc_gathered *gathered)
{
    pc_arena arena;
    uint8_t bytes[1024];
    const char *token;
    pc_arena_init(&arena, bytes, sizeof bytes, PAGE_ARENA_BYTES_MAX);
    pc_status status = pc_next_page_token(&token, &arena, op->service, &op->query,
                                          op->plan.event_cursor, gathered->next_cursor);
    pc_buffer head;
    pc_buffer_init(&head, PC_HEAD_BYTES_MAX);
    if (pc_status_ok(&status)) {
        if (token[0] != '\0') {
            pc_wire_put_text(&head, RESPONSE_RESUME_TOKEN, token);
        }
        pc_put_section_info(&head, RESPONSE_INFO, PC_SECTION_EVENTS,
                            &gathered->sections[PC_SECTION_EVENTS], gathered->now.wall_ms);
        pieces[0] = pc_buffer_take_slice(&head);
        status = pieces[0] == NULL ? pc_status_out_of_memory() : PC_OK;
    }
    pc_buffer_deinit(&head);
    pc_arena_deinit(&arena);
    if (!pc_status_ok(&status)) {
        return status;
    }
    pieces[1] = pc_take_data(gathered, PC_SECTION_EVENTS);
    if (pc_slice_size(pieces[0]) + pc_slice_size(pieces[1]) > pc_call_answer_bytes_max(op->call)) {
        pc_slice_unref(pieces[0]);
        pc_slice_unref(pieces[1]);
        return pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "ANSWER_TOO_LARGE",
                             "a page is larger than this server sends: ask for less with read_mask "
                             "or a smaller page_size");
    }
    return PC_OK;
}

/* Whether the pages repeat, in a circle of any length: a cursor is kept, anew after 1, 2, 4, 8 ...
 * pages, and comes again when they do (Brent 1980). A cursor is checked once. */
static bool goes_in_circles(operation *op, const char *cursor)
{
    if (op->pages > 0 && strcmp(cursor, op->kept) == 0) {
        return true;
    }
    op->pages++;
    if ((op->pages & (op->pages - 1)) == 0) {
        memcpy(op->kept, cursor, strlen(cursor) + 1);
    }
    return false;
}

static void on_gathered(void *self, pc_gathered *gathered)
{
    operation *op = self;
    pc_access_show(&op->access, &op->plan, gathered);
    pc_note_gathered(op->call, gathered);
    const pc_section_result *result = &gathered->sections[PC_SECTION_EVENTS];
    if (!pc_section_has_data(result)) {
        give_up(op, pc_take_failure(gathered, PC_SECTION_EVENTS));
        return;
    }
    size_t cursor_size = strlen(gathered->next_cursor);
    pc_slice *pieces[2] = {NULL, NULL};
    pc_status status = make_page(pieces, op, gathered);
    if (!pc_status_ok(&status)) {
        give_up(op, status);
        return;
    }
    /* make_page has sealed the cursor, which checks its size. */
    if (cursor_size > 0 && goes_in_circles(op, gathered->next_cursor)) {
        pc_slice_unref(pieces[0]);
        pc_slice_unref(pieces[1]);
        give_up(op, pc_cursor_repeats());
        return;
    }
    memcpy(op->cursors[op->next], gathered->next_cursor, cursor_size + 1);
    op->last = cursor_size == 0;
    pc_keep_message(op->call);
    pc_stream_send(op->call, pieces, pieces[1] == NULL ? 1 : 2, on_sent, op);
}

static void on_sent(void *self, bool ok)
{
    operation *op = self;
    pthread_mutex_lock(&op->lock);
    op->sent = true;
    op->cancelled = op->cancelled || !ok;
    bool both = op->released;
    pthread_mutex_unlock(&op->lock);
    if (both) {
        page_done(op);
    }
}

static void on_released(void *self)
{
    operation *op = self;
    pthread_mutex_lock(&op->lock);
    op->released = true;
    bool both = op->sent;
    pthread_mutex_unlock(&op->lock);
    if (both) {
        page_done(op);
    }
}

static void page_done(operation *op)
{
    pthread_mutex_lock(&op->lock);
    if (op->cancelled && pc_status_ok(&op->failure) && !op->last) {
        op->failure = pc_status_new(PC_CODE_CANCELLED, "CALLER_GONE", "the caller has gone");
    }
    pc_gathering *done = op->gathering;
    op->gathering = NULL;
    bool more = pc_status_ok(&op->failure) && !op->last;
    pthread_mutex_unlock(&op->lock);
    pc_gather_release(done);
    if (!more) {
        end(op);
        return;
    }
    op->plan.event_cursor = op->cursors[op->next];
    op->next = 1 - op->next;
    fetch_page(op);
}

static void on_caller_gone(void *self)
{
    operation *op = self;
    pthread_mutex_lock(&op->lock);
    op->cancelled = true;
    if (op->gathering != NULL) {
        pc_gather_cancel(op->gathering);
    }
    pthread_mutex_unlock(&op->lock);
}

static void on_call_ended(void *self)
{
    pthread_mutex_destroy(&((operation *)self)->lock);
}

void pc_stream_events(pc_call *call, const void *request, void *self)
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
    pc_status status = pc_access_begin(&op->access, call, service, PC_RIGHT_STREAM_EVENTS);
    if (!pc_status_ok(&status)) {
        pc_call_fail(call, status);
        return;
    }
    int64_t break_ns = 0;
    bool by_xid = message->person_case == PROFILECONTEXT__V1__STREAM_EVENTS_REQUEST__PERSON_XID;
    bool by_identity =
        message->person_case == PROFILECONTEXT__V1__STREAM_EVENTS_REQUEST__PERSON_IDENTITY;
    const pc_read_fields fields = {.identity = by_identity ? message->identity : NULL,
                                   .xid = by_xid ? message->xid : NULL,
                                   .sandbox = message->sandbox,
                                   .merge_policy_id = message->merge_policy_id};
    pc_event_fields events = PC_EVENT_FIELDS(message, resume_token);
    events.page_size = events.page_size == 0 ? service->event_limit_max : events.page_size;
    pc_request_person(&plan->person, &status, service, &fields);
    pc_access_where(&op->access, &status, &plan->person, plan);
    pc_access_person(&op->access, &status, &plan->person);
    pc_plan_events(plan, &op->access, &op->query, &status, pc_call_arena(call), service,
                   pc_call_caller(call), &events);
    if (pc_status_ok(&status)) {
        status = pc_request_stream_close_ns(&op->close_ns, &break_ns, service, call);
    }
    if (!pc_status_ok(&status)) {
        pc_call_fail(call, status);
        return;
    }
    plan->numbers[PC_SECTION_EVENTS] = RESPONSE_EVENTS;
    plan->request_id = pc_call_request_id(call);
    plan->trace = *pc_call_trace(call);
    plan->caller = pc_call_caller_key(call);
    plan->criticality = pc_call_criticality(call);
    pthread_mutex_init(&op->lock, NULL);
    pc_call_at_end(call, on_call_ended, op);
    pc_stream_life_begin(&op->life, call, service->gatherer->timers, break_ns);
    pc_call_ref(call); /* the stream's, given back at its end */
    pc_call_ref(call);
    pc_call_on_cancel(call, on_caller_gone, op);
    fetch_page(op);
    pc_call_unref(call);
}
