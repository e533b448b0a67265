/* Its steps, in order:
 *   pc_attempt_begin   past the breaker, ask for a token
 *   on_token_ready     it had to be waited for
 *   send               one request goes out; `sent`
 *   on_silence         nothing more has arrived: given up
 *   on_answer          401 with an old token: ask for a new one and send once more; else judge
 *   end                tell budget and breaker, then `ended`: once */
#include "upstream/attempt.h"

#include "upstream/error_body.h"
#include "util/clock.h"

/* An answer that takes this long is not only late. */
enum { LONG_MS = 1000, LONG_TIMES_USUAL = 2 };

static bool has_waited_long(const pc_attempt *attempt)
{
    const pc_attempt_task *task = attempt->task;
    int64_t long_ns = task->client->usual_ns[task->kind] * LONG_TIMES_USUAL;
    return attempt->took_ns >= (long_ns > LONG_MS * 1000000 ? long_ns : LONG_MS * 1000000);
}

/* What the end of a call says about the host. */
static pc_breaker_outcome outcome_of(const pc_attempt *attempt, const pc_status *status,
                                     const pc_transfer_result *answer)
{
    if (attempt->requests == 0) {
        return PC_BREAKER_SAYS_NOTHING;
    }
    if (answer != NULL) {
        return answer->http_status >= 500 ? PC_BREAKER_FAILURE : PC_BREAKER_SUCCESS;
    }
    switch (status->code) {
    case PC_CODE_RESOURCE_EXHAUSTED: /* our own limits */
        return PC_BREAKER_SAYS_NOTHING;
    case PC_CODE_CANCELLED:
    case PC_CODE_DEADLINE_EXCEEDED:
        return attempt->is_given_up || has_waited_long(attempt) ? PC_BREAKER_FAILURE
                                                                : PC_BREAKER_SAYS_NOTHING;
    default:
        return PC_BREAKER_FAILURE;
    }
}

/* What it says about how much the upstream bears. */
static void settle(const pc_attempt *attempt, const pc_status *status,
                   const pc_transfer_result *answer)
{
    pc_budget *budget = attempt->task->client->budget;
    int64_t now_ns = pc_clock_now_ns();
    if (attempt->requests == 0) {
        pc_budget_give_back(budget, attempt->task->ticket.caller, now_ns);
        return;
    }
    int64_t retry_ms = pc_status_retry_after_ms(status);
    bool throttled = status->code == PC_CODE_RESOURCE_EXHAUSTED ||
                     (status->code == PC_CODE_UNAVAILABLE && retry_ms > 0);
    pc_budget_end(budget,
                  answer == NULL ? PC_BUDGET_SAYS_NOTHING
                  : throttled    ? PC_BUDGET_THROTTLED
                                 : PC_BUDGET_WENT_WELL,
                  attempt->took_ns, retry_ms, now_ns);
}

static void end(pc_attempt *attempt, pc_status status, const pc_transfer_result *answer)
{
    const pc_attempt_task *task = attempt->task;
    attempt->is_under_way = false;
    pc_breaker_leave(pc_entity_breaker_of(task->client, task->kind), &attempt->pass,
                     outcome_of(attempt, &status, answer), pc_clock_now_ns());
    settle(attempt, &status, answer);
    attempt->ended(attempt, status, answer);
}

/* --- the steps, last first --- */

static void ask_for_token(pc_attempt *attempt);

/* A mean of which the latest is an eighth. */
static void note_usual(const pc_attempt *attempt)
{
    int64_t *usual_ns = &attempt->task->client->usual_ns[attempt->task->kind];
    *usual_ns += *usual_ns == 0 ? attempt->took_ns : (attempt->took_ns - *usual_ns) / 8;
}

static void on_answer(void *self, pc_status status, const pc_transfer_result *answer)
{
    pc_attempt *attempt = self;
    const pc_attempt_task *task = attempt->task;
    pc_transfer_op_unref(attempt->transfer);
    attempt->transfer = NULL;
    pc_loop_timer_cancel(pc_transfer_loop(task->client->transfer), &attempt->silence);
    attempt->took_ns = pc_clock_now_ns() - attempt->sent_ns;
    if (attempt->is_given_up && status.code == PC_CODE_CANCELLED) {
        pc_status_clear(&status);
        status = pc_status_new(PC_CODE_DEADLINE_EXCEEDED, "UPSTREAM_TIMEOUT",
                               "The upstream did not answer in time.");
    }
    if (!pc_status_ok(&status)) {
        pc_answer_counts_add(&task->client->answers, task->kind, status.code, 0, attempt->took_ns);
        pc_span_end(&attempt->span, &status);
        end(attempt, status, NULL);
        return;
    }
    pc_answer_counts_add(&task->client->answers, task->kind, PC_CODE_OK, answer->http_status,
                         attempt->took_ns);
    status = pc_error_body_judge(task->kind, answer->http_status, pc_slice_bytes(answer->body),
                                 pc_slice_size(answer->body), answer->retry_after_ms);
    if (pc_status_ok(&status) || status.code == PC_CODE_NOT_FOUND) {
        note_usual(attempt);
    }
    pc_span_int(&attempt->span, "http.response.status_code", answer->http_status);
    pc_span_int(&attempt->span, "http.response.body.size", (int64_t)pc_slice_size(answer->body));
    pc_span_end(&attempt->span, &status);
    if (status.code == PC_CODE_UNAUTHENTICATED) {
        atomic_fetch_add(&task->client->token_rejections, 1);
        /* Every refused token is reported, so that not the next fetch has to find out again; but
         * only a first request is worth a second. */
        bool has_other_token = pc_token_invalidate(task->client->token, attempt->token_generation);
        if (has_other_token && attempt->may_repeat && !attempt->is_repeated &&
            !attempt->is_cancelled) {
            attempt->is_repeated = true;
            pc_status_clear(&status);
            ask_for_token(attempt);
            return;
        }
    }
    end(attempt, status, answer);
}

static void listen_for_more(pc_attempt *attempt);

static void on_silence(pc_loop_timer *timer)
{
    pc_attempt *attempt = PC_CONTAINER_OF(timer, pc_attempt, silence);
    uint64_t received = pc_transfer_received(attempt->transfer);
    if (received > attempt->received) {
        attempt->received = received;
        listen_for_more(attempt);
        return;
    }
    attempt->is_given_up = true;
    pc_transfer_cancel(attempt->transfer); /* on_answer comes */
}

static void listen_for_more(pc_attempt *attempt)
{
    const pc_entity_client *client = attempt->task->client;
    if (client->attempt_timeout_ms > 0) {
        attempt->silence.fire = on_silence;
        pc_loop_timer_set(pc_transfer_loop(client->transfer), &attempt->silence,
                          pc_clock_after_ms(pc_clock_now_ns(), client->attempt_timeout_ms));
    }
}

static void begin_span(pc_attempt *attempt)
{
    static const char *const names[PC_ENTITY_KIND_COUNT] = {
        [PC_ENTITY_PROFILE] = "upstream profile",     [PC_ENTITY_EVENTS] = "upstream events",
        [PC_ENTITY_AUDIENCES] = "upstream audiences", [PC_ENTITY_BATCH] = "upstream batch",
        [PC_ENTITY_RECORD] = "upstream record",       [PC_ENTITY_GRAPH] = "upstream graph",
        [PC_ENTITY_DELETE] = "upstream delete",       [PC_ENTITY_XID] = "upstream xid",
    };
    const pc_attempt_task *task = attempt->task;
    pc_span_begin(&attempt->span, &task->trace, names[task->kind], PC_SPAN_CLIENT);
    pc_span_text(&attempt->span, "http.request.method",
                 task->request.is_delete      ? "DELETE"
                 : task->request.body != NULL ? "POST"
                                              : "GET");
    pc_span_int(&attempt->span, "http.request.resend_count", attempt->requests);
}

static void send(pc_attempt *attempt, const pc_token_present *token)
{
    const pc_attempt_task *task = attempt->task;
    pc_entity_client *client = task->client;
    pc_transfer_header headers[] = {
        {"Authorization", token->authorization},
        {"x-api-key", client->client_id},
        {"x-gw-ims-org-id", client->org_id},
        {"x-sandbox-name", task->sandbox},
        {"Accept", "application/json"},
        {NULL, NULL},
        {NULL, NULL},
        {NULL, NULL},
    };
    size_t header_count = PC_COUNT_OF(headers) - 3;
    char traceparent[PC_TRACEPARENT_BYTES + 1];
    begin_span(attempt);
    if (attempt->span.trace.is_known) {
        pc_trace_print(traceparent, &attempt->span.trace);
        headers[header_count++] = (pc_transfer_header){"traceparent", traceparent};
    }
    if (task->request_id != NULL) {
        headers[header_count++] = (pc_transfer_header){"x-request-id", task->request_id};
    }
    if (task->request.body != NULL) {
        headers[header_count++] = (pc_transfer_header){"Content-Type", "application/json"};
    }
    const pc_transfer_request request = {
        .url = task->request.url,
        .headers = headers,
        .header_count = header_count,
        .body = task->request.body,
        .body_size = task->request.body_size,
        .is_delete = task->request.is_delete,
        .is_one_of_many = true,
        .wants_new_connection = task->wants_new_connection,
        .deadline_ns = task->deadline_ns,
        .connect_timeout_ms = client->connect_timeout_ms,
        .body_bytes_max = client->body_bytes_max,
    };
    attempt->token_generation = token->generation;
    pc_status status =
        pc_transfer_start(client->transfer, &request, on_answer, attempt, &attempt->transfer);
    if (!pc_status_ok(&status)) {
        pc_span_end(&attempt->span, &status);
        end(attempt, status, NULL);
        return;
    }
    attempt->sent_ns = pc_clock_now_ns();
    if (attempt->requests++ > 0) {
        pc_budget_spend(client->budget, &task->ticket, attempt->sent_ns);
    }
    atomic_fetch_add(&client->requests[task->kind], 1);
    attempt->received = 0;
    listen_for_more(attempt);
    if (attempt->sent != NULL) {
        attempt->sent(attempt);
    }
}

static void on_token_ready(pc_token_waiter *waiter, pc_status status)
{
    pc_attempt *attempt = PC_CONTAINER_OF(waiter, pc_attempt, waiter);
    if (!pc_status_ok(&status)) {
        end(attempt, status, NULL);
        return;
    }
    ask_for_token(attempt);
}

static void ask_for_token(pc_attempt *attempt)
{
    const pc_attempt_task *task = attempt->task;
    pc_token_present token;
    attempt->waiter.ready = on_token_ready;
    pc_status status =
        pc_token_get(task->client->token, &attempt->waiter, task->deadline_ns, &token);
    if (!pc_status_ok(&status)) {
        end(attempt, status, NULL);
    } else if (token.authorization != NULL) {
        send(attempt, &token);
    }
}

/* --- the face --- */

void pc_attempt_begin(pc_attempt *attempt)
{
    const pc_attempt_task *task = attempt->task;
    int64_t now_ns = pc_clock_now_ns();
    attempt->is_under_way = true;
    if (pc_breaker_enter(pc_entity_breaker_of(task->client, task->kind), &attempt->pass, now_ns)) {
        ask_for_token(attempt);
    } else {
        end(attempt, pc_entity_breaker_open(0), NULL);
    }
}

void pc_attempt_cancel(pc_attempt *attempt)
{
    if (!attempt->is_under_way) {
        return;
    }
    attempt->is_cancelled = true;
    if (attempt->transfer != NULL) {
        pc_transfer_cancel(attempt->transfer); /* on_answer comes */
        return;
    }
    pc_token_leave(&attempt->waiter);
    end(attempt, pc_entity_cancelled(), NULL);
}

bool pc_attempt_is_out(const pc_attempt *attempt)
{
    return attempt->transfer != NULL && !attempt->is_cancelled;
}
