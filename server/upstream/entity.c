/* One fetch is one operation on the transfer thread. It is started and cancelled in entity_start.c;
 * the client itself is in entity_client.c.
 *
 * Its steps, in order:                                          thread
 *   pc_entity_fetch    check, build the request, post           any
 *   on_begun           ask the budget for a call                transfer
 *   on_granted         perhaps after waiting; see attempt.h     transfer
 *   on_hedge_due       no answer so far: a second attempt       transfer
 *   on_ended           of one attempt; perhaps the other goes
 *                      on, else there is a result               transfer
 *   on_retry_due       or, after a while, another try: the
 *                      budget is asked again                    transfer
 *   finish             `done`, counters, release: once          transfer
 * and at any time, while not finished:
 *   on_cancel_asked    leaves the queue, gives up the next try
 *                      or cancels the attempts                  transfer
 * After that an attempt that has lost may still end; each holds a reference until it has. */
#include "upstream/entity_op.h"

#include <stdlib.h>
#include <string.h>

#include "util/clock.h"

/* What a hedge takes of what each request brings, which is a percentage; and at most in store. */
enum { HEDGE_CREDIT = 100, HEDGE_CREDIT_MAX = 10 * HEDGE_CREDIT };

enum { RETRIES_MAX = 2 };

/* --- waiting for the next try --- */

static void wait_for_retry(pc_entity_op *op)
{
    pc_entity_op **first = &op->task.client->waiting_for_retry;
    op->is_waiting_for_retry = true;
    op->previous_waiting = NULL;
    op->next_waiting = *first;
    if (op->next_waiting != NULL) {
        op->next_waiting->previous_waiting = op;
    }
    *first = op;
}

/* Harmless when it does not wait. */
static void stop_waiting_for_retry(pc_entity_op *op)
{
    if (!op->is_waiting_for_retry) {
        return;
    }
    pc_entity_op *previous = op->previous_waiting;
    op->is_waiting_for_retry = false;
    pc_loop_timer_cancel(op->loop, &op->retry_due);
    *(previous == NULL ? &op->task.client->waiting_for_retry : &previous->next_waiting) =
        op->next_waiting;
    if (op->next_waiting != NULL) {
        op->next_waiting->previous_waiting = previous;
    }
}

/* --- the end --- */

static void grant_waiting(pc_entity_client *client);

/* Takes `status`. `result` says what is known of the answer. */
static void finish(pc_entity_op *op, pc_status status, pc_entity_result result)
{
    pc_entity_client *client = op->task.client;
    op->is_finished = true;
    pc_budget_leave(client->budget, &op->task.ticket);
    pc_loop_timer_cancel(op->loop, &op->patience);
    pc_loop_timer_cancel(op->loop, &op->hedge_due);
    stop_waiting_for_retry(op);
    pc_attempt_cancel(&op->first);
    pc_attempt_cancel(&op->second);
    if (!pc_status_ok(&status) && status.code != PC_CODE_NOT_FOUND) {
        atomic_fetch_add(&client->failures[op->task.kind], 1);
    } else if (op->retries > 0) {
        atomic_fetch_add(&client->retries_won, 1);
    }
    result.attempts = op->requests_before + op->first.requests + op->second.requests;
    result.started_ns = op->started_ns;
    result.ended_ns = pc_clock_now_ns();
    /* Before `done`, so that who was told that a fetch has ended can start the next one. */
    atomic_fetch_sub(&client->in_flight, 1);
    op->done(op->self, status, &result);
    pc_entity_op_unref(op);
}

void pc_entity_forget_failure(pc_entity_op *op)
{
    pc_status_clear(&op->failed.status);
    free(op->failed.reply_id);
    op->failed = (pc_entity_failure){.reply_id = NULL};
}

/* Takes `status`. */
static void keep_failure(pc_entity_op *op, pc_status status, const pc_entity_result *result)
{
    op->failed.status = status;
    op->failed.http_status = result->http_status;
    /* Without memory for it the fetch still has its status. */
    op->failed.reply_id = strdup(result->reply_id);
}

/* The failure that came first is the result, unless only the other one was an answer. */
static void choose_failure(pc_entity_op *op, pc_status *status, pc_entity_result *result)
{
    pc_entity_failure *failed = &op->failed;
    if (!pc_status_ok(&failed->status) && (failed->http_status != 0 || result->http_status == 0)) {
        pc_status_clear(status);
        *status = failed->status;
        failed->status = PC_OK;
        result->http_status = failed->http_status;
        result->reply_id = failed->reply_id == NULL ? "" : failed->reply_id;
    }
}

/* No request is out: what a try before has brought says more than why there is no other. */
static void finish_unsent(pc_entity_op *op, pc_status status)
{
    pc_entity_result result = {.reply_id = ""};
    choose_failure(op, &status, &result);
    finish(op, status, result);
}

/* --- another try --- */

static void ask_budget(pc_entity_op *op);

static void on_retry_due(pc_loop_timer *timer)
{
    pc_entity_op *op = PC_CONTAINER_OF(timer, pc_entity_op, retry_due);
    stop_waiting_for_retry(op);
    ask_budget(op);
}

/* When the next try may begin, if it is worth one, would be in time, and there may be one;
 * PC_NEVER_NS otherwise. */
static int64_t retry_at_ns(pc_entity_op *op, pc_retry_reason reason, int64_t hint_ms)
{
    pc_entity_client *client = op->task.client;
    if (reason == PC_RETRY_NOT || op->retries >= RETRIES_MAX ||
        op->task.ticket.criticality == PC_CRITICALITY_PREFETCH ||
        client->retry_allowance.percent == 0 || atomic_load(&client->is_closing) ||
        atomic_load(&op->cancel_asked) ||
        pc_breaker_state_of(pc_entity_breaker_of(client, op->task.kind)) != PC_BREAKER_CLOSED) {
        return PC_NEVER_NS;
    }
    int64_t wait_ms = pc_retry_wait_ms(op->retries, hint_ms, pc_retry_dice(&client->dice));
    int64_t at_ns = pc_clock_after_ms(pc_clock_now_ns(), wait_ms);
    /* The ticket's deadline is the patience of who asked, who may leave the fetch to the cache. */
    if (at_ns >= op->task.ticket.deadline_ns ||
        at_ns >= op->task.deadline_ns - client->usual_ns[op->task.kind]) {
        return PC_NEVER_NS;
    }
    if (!pc_retry_spend(&client->retry_allowance)) {
        atomic_fetch_add(&client->retries_withheld, 1);
        return PC_NEVER_NS;
    }
    return at_ns;
}

/* Every attempt has ended and failed. */
static void retry_or_finish(pc_entity_op *op, pc_status status, pc_entity_result result)
{
    choose_failure(op, &status, &result);
    pc_retry_reason reason = pc_retry_reason_of(op->task.kind, &status, result.http_status);
    int64_t at_ns = retry_at_ns(op, reason, pc_status_retry_after_ms(&status));
    if (at_ns == PC_NEVER_NS) {
        finish(op, status, result);
        return;
    }
    char *reply_id = op->failed.reply_id; /* perhaps the one that `result` borrows */
    pc_status_clear(&op->failed.status);
    keep_failure(op, status, &result);
    free(reply_id);
    op->retry_reason = reason;
    op->task.wants_new_connection = reason == PC_RETRY_TIMED_OUT;
    pc_loop_timer_cancel(op->loop, &op->hedge_due);
    wait_for_retry(op);
    op->retry_due.fire = on_retry_due;
    pc_loop_timer_set(op->loop, &op->retry_due, at_ns);
}

/* Whether the same request, sent again, may well be answered otherwise. */
static bool is_failure(pc_code code)
{
    switch (code) {
    case PC_CODE_CANCELLED:
    case PC_CODE_DEADLINE_EXCEEDED:
    case PC_CODE_INTERNAL:
    case PC_CODE_RESOURCE_EXHAUSTED:
    case PC_CODE_UNAUTHENTICATED:
    case PC_CODE_UNAVAILABLE:
        return true;
    default:
        return false;
    }
}

static void on_ended(pc_entity_op *op, const pc_attempt *attempt, pc_status status,
                     const pc_transfer_result *answer)
{
    pc_entity_client *client = op->task.client;
    const pc_attempt *other = attempt == &op->first ? &op->second : &op->first;
    const pc_entity_result result = {
        .body = answer != NULL && pc_status_ok(&status) ? answer->body : NULL,
        .http_status = answer == NULL ? 0 : answer->http_status,
        .reply_id = answer == NULL ? "" : answer->request_id,
    };
    if (op->is_finished) {
        pc_status_clear(&status); /* the other was first */
    } else if (!is_failure(status.code)) {
        if (attempt == &op->second) {
            atomic_fetch_add(&client->hedges_won, 1);
        }
        finish(op, status, result);
    } else if (other->is_under_way) {
        keep_failure(op, status, &result);
    } else {
        retry_or_finish(op, status, result);
    }
    pc_entity_op_unref(op);
    grant_waiting(client);
}

/* --- the attempts --- */

/* The attempt has a reference until it has ended, which for one that has lost is after `done`. */
static void begin_attempt(pc_entity_op *op, pc_attempt *attempt)
{
    atomic_fetch_add_explicit(&op->references, 1, memory_order_relaxed);
    attempt->task = &op->task;
    pc_attempt_begin(attempt);
}

static void on_second_sent(pc_attempt *attempt)
{
    atomic_fetch_add(&attempt->task->client->hedges_sent, 1);
}

static void on_second_ended(pc_attempt *attempt, pc_status status, const pc_transfer_result *answer)
{
    on_ended(PC_CONTAINER_OF(attempt, pc_entity_op, second), attempt, status, answer);
}

static void on_hedge_due(pc_loop_timer *timer)
{
    pc_entity_op *op = PC_CONTAINER_OF(timer, pc_entity_op, hedge_due);
    pc_entity_client *client = op->task.client;
    /* One that waits for another token has had an answer, and will be sent again; for one that
     * nobody waits for yet a second call would be spent for nothing. */
    if (!pc_attempt_is_out(&op->first) || op->task.ticket.criticality == PC_CRITICALITY_PREFETCH ||
        client->hedge_credit < HEDGE_CREDIT || atomic_load(&client->is_closing) ||
        pc_breaker_state_of(pc_entity_breaker_of(client, op->task.kind)) != PC_BREAKER_CLOSED ||
        !pc_budget_take_spare(client->budget, op->task.ticket.caller, pc_clock_now_ns())) {
        return;
    }
    client->hedge_credit -= HEDGE_CREDIT;
    op->second.sent = on_second_sent;
    op->second.ended = on_second_ended;
    begin_attempt(op, &op->second);
}

static bool may_be_hedged(const pc_entity_op *op)
{
    pc_entity_kind kind = op->task.kind;
    return op->task.client->hedge_after_ms > 0 && op->second.task == NULL &&
           (kind == PC_ENTITY_PROFILE || kind == PC_ENTITY_EVENTS || kind == PC_ENTITY_RECORD);
}

static void on_first_sent(pc_attempt *attempt)
{
    pc_entity_op *op = PC_CONTAINER_OF(attempt, pc_entity_op, first);
    pc_entity_client *client = op->task.client;
    if (attempt->requests == 1 && op->retries == 0) {
        pc_retry_earn(&client->retry_allowance);
    } else if (attempt->requests == 1) {
        atomic_fetch_add(&client->retries[op->retry_reason], 1);
    }
    if (!may_be_hedged(op)) {
        return;
    }
    client->hedge_credit += client->hedge_percent;
    if (client->hedge_credit > HEDGE_CREDIT_MAX) {
        client->hedge_credit = HEDGE_CREDIT_MAX;
    }
    pc_loop_timer_cancel(op->loop, &op->hedge_due);
    op->hedge_due.fire = on_hedge_due;
    pc_loop_timer_set(op->loop, &op->hedge_due,
                      pc_clock_after_ms(attempt->sent_ns, client->hedge_after_ms));
}

static void on_first_ended(pc_attempt *attempt, pc_status status, const pc_transfer_result *answer)
{
    on_ended(PC_CONTAINER_OF(attempt, pc_entity_op, first), attempt, status, answer);
}

static void begin_next_try(pc_entity_op *op)
{
    op->requests_before += op->first.requests + op->second.requests;
    op->first = (pc_attempt){.task = NULL};
    op->second = (pc_attempt){.task = NULL};
    op->retries++;
    pc_entity_forget_failure(op);
}

static void on_granted(pc_entity_op *op)
{
    if (!pc_status_ok(&op->failed.status)) {
        begin_next_try(op);
    }
    op->first.may_repeat = true;
    op->first.sent = on_first_sent;
    op->first.ended = on_first_ended;
    begin_attempt(op, &op->first);
}

void pc_entity_on_cancel_asked(pc_job *job)
{
    pc_entity_op *op = PC_CONTAINER_OF(job, pc_entity_op, cancel);
    if (!op->is_finished) {
        if (op->first.is_under_way || op->second.is_under_way) {
            pc_attempt_cancel(&op->first); /* on_ended comes, perhaps within */
            pc_attempt_cancel(&op->second);
        } else {
            finish_unsent(op, pc_entity_cancelled());
        }
    }
    pc_entity_op_unref(op);
}

/* --- the budget --- */

static void on_due(pc_loop_timer *timer)
{
    grant_waiting(PC_CONTAINER_OF(timer, pc_entity_client, due));
}

/* Gives calls to those whose turn has come. */
static void grant_waiting(pc_entity_client *client)
{
    /* A fetch may end within its own grant, which comes back here. */
    if (client->is_granting) {
        return;
    }
    client->is_granting = true;
    pc_loop *loop = pc_transfer_loop(client->transfer);
    int64_t now_ns = pc_clock_now_ns();
    pc_budget_ticket *ticket;
    while ((ticket = pc_budget_next(client->budget, now_ns)) != NULL) {
        pc_entity_op *op = PC_CONTAINER_OF(ticket, pc_entity_op, task.ticket);
        pc_loop_timer_cancel(loop, &op->patience);
        on_granted(op);
    }
    client->is_granting = false;
    pc_loop_timer_cancel(loop, &client->due);
    client->due.fire = on_due;
    pc_loop_timer_set(loop, &client->due, pc_budget_due_ns(client->budget, now_ns));
}

static pc_status spent(int64_t retry_ms)
{
    pc_status status =
        pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_BUDGET_SPENT",
                      "The budget of upstream calls has none left that would be in time.");
    return retry_ms > 0 ? pc_status_with_retry(status, retry_ms) : status;
}

static void on_out_of_patience(pc_loop_timer *timer)
{
    finish_unsent(PC_CONTAINER_OF(timer, pc_entity_op, patience), spent(0));
}

static void ask_budget(pc_entity_op *op)
{
    int64_t now_ns = pc_clock_now_ns();
    int64_t retry_ms;
    switch (pc_budget_ask(op->task.client->budget, &op->task.ticket, now_ns, &retry_ms)) {
    case PC_BUDGET_GRANTED:
        on_granted(op);
        break;
    case PC_BUDGET_WAITS:
        op->patience.fire = on_out_of_patience;
        pc_loop_timer_set(op->loop, &op->patience, op->task.ticket.deadline_ns);
        grant_waiting(op->task.client);
        break;
    case PC_BUDGET_REFUSED:
        finish_unsent(op, spent(retry_ms));
        break;
    }
}

void pc_entity_on_raise_asked(pc_job *job)
{
    pc_entity_op *op = PC_CONTAINER_OF(job, pc_entity_op, raise);
    atomic_store(&op->raise_asked, false);
    if (!op->is_finished) {
        pc_budget_raise(op->task.client->budget, &op->task.ticket,
                        (pc_criticality)atomic_load(&op->raise_to));
        grant_waiting(op->task.client);
    }
    pc_entity_op_unref(op);
}

void pc_entity_on_begun(pc_job *job)
{
    pc_entity_op *op = PC_CONTAINER_OF(job, pc_entity_op, begin);
    if (atomic_load(&op->cancel_asked) || atomic_load(&op->task.client->is_closing)) {
        finish_unsent(op, pc_entity_cancelled());
        return;
    }
    ask_budget(op);
}

void pc_entity_on_end_waiting(pc_job *job)
{
    pc_entity_client *client = PC_CONTAINER_OF(job, pc_entity_client, end_waiting);
    pc_budget_ticket *ticket;
    while ((ticket = pc_budget_take_back(client->budget)) != NULL) {
        finish_unsent(PC_CONTAINER_OF(ticket, pc_entity_op, task.ticket), pc_entity_cancelled());
    }
    while (client->waiting_for_retry != NULL) {
        finish_unsent(client->waiting_for_retry, pc_entity_cancelled());
    }
}
