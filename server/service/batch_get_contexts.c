/* BatchGetContexts: a fixed number of slots, each gathering one person's context and holding it
 * until it has been sent. So memory and upstream calls are bounded by the slots, whatever the size
 * of the batch and the pace of the reader. */
#include <pthread.h>

#include "mapping/wire.h"
#include "profilecontext/v1/profile_context.pb-c.h"
#include "service/context_answer.h"
#include "service/context_plan.h"
#include "service/entry_error.h"
#include "service/seen.h"
#include "service/stream_life.h"
#include "util/clock.h"

/* Field numbers of BatchGetContextsResponse. */
enum { RESPONSE_INDEX = 1, RESPONSE_CONTEXT = 2, RESPONSE_ERROR = 3 };

enum { PERSONS_MAX = 10000, ENTRY_BYTES_MAX = 64 * 1024 };

typedef Profilecontext__V1__BatchGetContextsRequest request_message;

typedef struct batch batch;

/* A slot goes through: free, gathering, ready, sending, free. Its gathering may outlast the
 * sending. */
typedef struct slot {
    batch *batch;
    struct slot *next; /* in the list of the free or the ready ones */
    size_t person;     /* place in the request */
    pc_gather_plan plan;
    pc_gathering *gathering; /* owned; NULL for an answer without one */
    bool sent;
    bool released;
    pc_pieces answer;
} slot;

/* In the call's arena. */
struct batch {
    pc_call *call;
    const pc_service *service;
    pc_gather_plan common; /* what the plans share */
    pc_access access;
    pc_person_ref *persons;
    size_t person_count;
    int64_t close_ns;
    pc_stream_life life;
    slot *slots;
    size_t slot_count;
    pthread_mutex_t lock; /* guards all that follows and the slots' lists and flags */
    slot *free;
    slot *ready; /* oldest first */
    slot **ready_end;
    size_t next_person;
    size_t busy;   /* slots that are not free */
    bool sending;  /* a send is under way */
    bool gone;     /* the caller is, or reads nothing: nothing is started or sent any more */
    bool stepping; /* a thread is in step(), and will look again */
    bool look_again;
    bool ended;
};

/* Steps, for each person:                                            thread */
static void step_and_unlock(batch *b);                 /* any: start and send what can be     */
static void on_gathered(void *self, pc_gathered *got); /* worker: the answer is ready         */
static void on_sent(void *self, bool ok);              /* any: the next may be sent           */
static void on_released(void *self);                   /* worker or source: slot may be free  */

/* ---- answers --------------------------------------------------------------------------------- */

/* Makes the slot's answer an error, which is taken. Without memory for it the answer is empty, and
 * the stream ends there. */
static void answer_error(slot *s, pc_status failure)
{
    pc_buffer out;
    pc_buffer_init(&out, ENTRY_BYTES_MAX);
    pc_wire_put_int(&out, RESPONSE_INDEX, (int64_t)s->person);
    pc_put_entry_error(&out, RESPONSE_ERROR, &failure);
    s->answer = (pc_pieces){.count = 0};
    pc_slice *slice = pc_buffer_take_slice(&out);
    if (slice != NULL) {
        s->answer = (pc_pieces){.slices = {slice}, .count = 1, .bytes = pc_slice_size(slice)};
    }
    pc_buffer_deinit(&out);
    pc_status_clear(&failure);
}

static void make_answer(slot *s, pc_gathered *gathered)
{
    batch *b = s->batch;
    pc_buffer before;
    pc_buffer_init(&before, ENTRY_BYTES_MAX);
    pc_wire_put_int(&before, RESPONSE_INDEX, (int64_t)s->person);
    pc_status status = pc_context_answer(&s->answer, RESPONSE_CONTEXT, &before, &s->plan,
                                         &s->batch->access, gathered);
    pc_buffer_deinit(&before);
    if (pc_status_ok(&status) && s->answer.bytes > pc_call_answer_bytes_max(b->call)) {
        pc_pieces_unref(&s->answer);
        status = pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "ANSWER_TOO_LARGE",
                               "the context is larger than this server sends: ask for less with "
                               "read_mask or event_limit");
    }
    pthread_mutex_lock(&b->lock);
    pc_tell_person(b->call, b->service, &s->plan.person, gathered, status.code,
                   pc_status_reason(&status));
    pthread_mutex_unlock(&b->lock);
    if (!pc_status_ok(&status)) {
        answer_error(s, status);
    }
}

/* With the lock. */
static void add_ready(batch *b, slot *s)
{
    s->next = NULL;
    *b->ready_end = s;
    b->ready_end = &s->next;
}

static void on_gathered(void *self, pc_gathered *gathered)
{
    slot *s = self;
    batch *b = s->batch;
    make_answer(s, gathered);
    pc_note_entry(b->call, gathered);
    pthread_mutex_lock(&b->lock);
    add_ready(b, s);
    step_and_unlock(b);
}

/* ---- slots ----------------------------------------------------------------------------------- */

/* Nobody wants the rest: what is under way is given up. With the lock. */
static void stop(batch *b)
{
    if (b->gone) {
        return;
    }
    b->gone = true;
    for (size_t i = 0; i < b->slot_count; i++) {
        if (b->slots[i].gathering != NULL) {
            pc_gather_cancel(b->slots[i].gathering);
        }
    }
}

/* With the lock. */
static void free_if_done(batch *b, slot *s)
{
    if (!s->sent || !s->released) {
        return;
    }
    pc_gather_release(s->gathering);
    s->gathering = NULL;
    s->next = b->free;
    b->free = s;
    b->busy--;
}

static void on_released(void *self)
{
    slot *s = self;
    batch *b = s->batch;
    pthread_mutex_lock(&b->lock);
    s->released = true;
    free_if_done(b, s);
    step_and_unlock(b);
}

static void on_sent(void *self, bool ok)
{
    slot *s = self;
    batch *b = s->batch;
    pthread_mutex_lock(&b->lock);
    b->sending = false;
    s->sent = true;
    free_if_done(b, s);
    if (!ok) {
        stop(b);
    }
    step_and_unlock(b);
}

/* With the lock; callbacks of the gathering come on other threads and wait for it. */
static void start_person(batch *b, slot *s)
{
    int64_t now = pc_clock_now_ns();
    int64_t own = pc_clock_after_ms(now, b->service->default_deadline_ms);
    const pc_person_ref *ref = &b->persons[b->next_person];
    s->person = b->next_person++;
    s->sent = false;
    s->released = false;
    s->plan = b->common;
    s->plan.person.namespace_code = ref->namespace_code;
    s->plan.person.id = ref->id;
    s->plan.person.xid = ref->xid;
    s->plan.close_ns = own < b->close_ns ? own : b->close_ns;
    b->busy++;
    pc_status status = pc_access_one(&b->access, ref);
    if (pc_status_ok(&status) && now >= b->close_ns) {
        status = pc_status_new(PC_CODE_DEADLINE_EXCEEDED, "BATCH_OUT_OF_TIME",
                               "the batch's time was up before this person's turn came");
    } else if (pc_status_ok(&status)) {
        const pc_gather_callbacks callbacks = {on_gathered, on_released, s};
        status = pc_gather_start(&s->gathering, b->service->gatherer, &s->plan, &callbacks);
    }
    if (!pc_status_ok(&status)) {
        s->released = true;
        pc_tell_person(b->call, b->service, &s->plan.person, NULL, status.code,
                       pc_status_reason(&status));
        answer_error(s, status);
        add_ready(b, s);
    }
}

/* Takes the oldest answer off; NULL when there is none or it is not its time. With the lock. */
static slot *take_ready(batch *b)
{
    slot *s = b->ready;
    if (s == NULL || b->sending) {
        return NULL;
    }
    b->ready = s->next;
    if (b->ready == NULL) {
        b->ready_end = &b->ready;
    }
    return s;
}

/* Drops an answer that no one wants. With the lock. */
static void drop(batch *b, slot *s)
{
    pc_pieces_unref(&s->answer);
    s->sent = true;
    free_if_done(b, s);
}

static void end(batch *b, bool gone)
{
    pc_stream_life_end(&b->life);
    if (gone) {
        pc_call_fail(b->call,
                     pc_status_new(PC_CODE_CANCELLED, "CALLER_GONE", "the caller has gone"));
    } else {
        pc_stream_finish(b->call);
    }
    pc_call_unref(b->call);
}

/* One thread at a time; what happens meanwhile is seen by its next look. Comes with the lock and
 * gives it back, and then the batch may be gone: in a gap between what a callback notes and its
 * look, another thread could end it. */
static void step_and_unlock(batch *b)
{
    b->look_again = true;
    if (b->stepping) {
        pthread_mutex_unlock(&b->lock);
        return;
    }
    b->stepping = true;
    while (b->look_again) {
        b->look_again = false;
        while (!b->gone && b->free != NULL && b->next_person < b->person_count) {
            slot *s = b->free;
            b->free = s->next;
            start_person(b, s);
        }
        slot *s = take_ready(b);
        if (s != NULL && (b->gone || s->answer.count == 0)) {
            stop(b);
            b->look_again = true;
            drop(b, s);
        } else if (s != NULL) {
            b->sending = true;
            pc_pieces answer = s->answer;
            s->answer = (pc_pieces){.count = 0};
            pthread_mutex_unlock(&b->lock);
            pc_stream_send(b->call, answer.slices, answer.count, on_sent, s);
            pthread_mutex_lock(&b->lock);
        }
    }
    b->stepping = false;
    bool all = b->gone || b->next_person == b->person_count;
    bool last = all && b->busy == 0 && !b->sending && !b->ended;
    b->ended = b->ended || last;
    bool gone = b->gone;
    pthread_mutex_unlock(&b->lock);
    if (last) {
        end(b, gone);
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

static void on_caller_gone(void *self)
{
    batch *b = self;
    pthread_mutex_lock(&b->lock);
    stop(b);
    step_and_unlock(b);
}

static void on_call_ended(void *self)
{
    pthread_mutex_destroy(&((batch *)self)->lock);
}

static pc_status make_slots(batch *b)
{
    size_t count = (size_t)b->service->batch_parallel;
    count = count < b->person_count ? count : b->person_count;
    b->slots = pc_arena_calloc(pc_call_arena(b->call), count, sizeof *b->slots);
    if (b->slots == NULL) {
        return pc_status_out_of_memory();
    }
    b->slot_count = count;
    for (size_t i = 0; i < count; i++) {
        b->slots[i].batch = b;
        b->slots[i].next = b->free;
        b->free = &b->slots[i];
    }
    b->ready_end = &b->ready;
    return PC_OK;
}

static pc_status plan_batch(batch *b, const request_message *message, int64_t *break_ns)
{
    pc_arena *arena = pc_call_arena(b->call);
    pc_status status =
        pc_access_begin(&b->access, b->call, b->service, PC_RIGHT_BATCH_GET_CONTEXTS);
    if (!pc_status_ok(&status)) {
        return status;
    }
    const pc_read_fields fields = {.sandbox = message->sandbox,
                                   .merge_policy_id = message->merge_policy_id,
                                   .max_staleness = message->max_staleness};
    const pc_context_fields context = {message->read_mask, message->event_start_time,
                                       message->event_limit};
    pc_request_persons(&b->persons, &b->common.person, &status, arena, b->service, &fields,
                       message->persons, message->n_persons, PERSONS_MAX);
    pc_request_staleness(&b->common, &fields);
    pc_access_where(&b->access, &status, &b->common.person, &b->common);
    if (pc_status_ok(&status)) {
        pc_access_persons(&b->access, &status, b->persons, message->n_persons);
    }
    pc_plan_context(&b->common, &b->access, &status, arena, b->service, &context);
    b->person_count = message->n_persons;
    b->common.request_id = pc_call_request_id(b->call);
    b->common.trace = *pc_call_trace(b->call);
    if (pc_status_ok(&status)) {
        status = pc_request_stream_close_ns(&b->close_ns, break_ns, b->service, b->call);
    }
    b->common.caller = pc_call_caller_key(b->call);
    b->common.criticality = pc_call_criticality(b->call);
    return pc_status_ok(&status) ? make_slots(b) : status;
}

void pc_batch_get_contexts(pc_call *call, const void *request, void *self)
{
    batch *b = pc_arena_calloc(pc_call_arena(call), 1, sizeof *b);
    if (b == NULL) {
        pc_call_fail(call, pc_status_out_of_memory());
        return;
    }
    int64_t break_ns = 0;
    b->call = call;
    b->service = self;
    pc_status status = plan_batch(b, request, &break_ns);
    if (!pc_status_ok(&status)) {
        pc_call_fail(call, status);
        return;
    }
    pc_keep_batch(call, b->service);
    pthread_mutex_init(&b->lock, NULL);
    pc_call_at_end(call, on_call_ended, b);
    pc_stream_life_begin(&b->life, call, b->service->gatherer->timers, break_ns);
    pc_call_ref(call); /* the stream's, given back at its end */
    pc_call_ref(call);
    pc_call_on_cancel(call, on_caller_gone, b);
    pthread_mutex_lock(&b->lock);
    step_and_unlock(b);
    pc_call_unref(call);
}
