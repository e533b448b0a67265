/* Fetches that are tried again, and those that a breaker ends at once. */
#include "entity_fixture.h"
#include "util/attributes.h"

static void retried(pc_entity_options *options)
{
    options->retry_percent = 100;
}

static void retried_a_tenth(pc_entity_options *options)
{
    options->retry_percent = 10;
}

static void never_retried(pc_entity_options *options)
{
    options->retry_percent = 0;
}

static void impatient(pc_entity_options *options)
{
    retried(options);
    options->attempt_timeout_ms = 100;
}

static void with_one_call(pc_entity_options *options)
{
    retried(options);
    options->budget.rate = 0.001;
    options->budget.burst = 1;
}

static void broken_by_three(pc_entity_options *options)
{
    options->breaker = (pc_breaker_options){
        .failure_percent = 100, .calls_min = 3, .window_ms = 60000, .open_ms = 60000, .probes = 1};
}

static void broken_for_a_moment(pc_entity_options *options)
{
    broken_by_three(options);
    options->breaker.open_ms = 50;
}

static pc_entity_counters counters(const fixture *own)
{
    pc_entity_counters out;
    pc_entity_client_counters(own->client, &out);
    return out;
}

static fake_answer manner(fake_manner wanted)
{
    fake_answer answer = fake_text(200, PROFILE_BODY);
    answer.manner = wanted;
    return answer;
}

static fake_answer advised(int status, const char *header)
{
    fake_answer answer = fake_text(status, "{}");
    answer.headers = header;
    return answer;
}

static void push(fixture *own, fake_answer answer)
{
    fake_http_push(own->server, ENTITIES_PATH, answer);
}

static pc_entity_query until(pc_entity_query query, int64_t ms)
{
    query.deadline_ns = pc_clock_after_ms(pc_clock_now_ns(), ms);
    return query;
}

static void test_retry__failures_of_the_moment_are_not_seen(void **state)
{
    (void)state;
    const struct {
        fake_answer answer;
        pc_retry_reason reason;
    } rows[] = {
        {fake_text(502, "{}"), PC_RETRY_UNAVAILABLE},
        {fake_text(503, "{}"), PC_RETRY_UNAVAILABLE},
        {fake_text(504, "<html>"), PC_RETRY_UNAVAILABLE},
        {manner(FAKE_HALF), PC_RETRY_CONNECTION_LOST},
    };
    fixture own;
    begin_with(&own, PC_COUNT_OF(rows), retried);
    for (size_t i = 0; i < PC_COUNT_OF(rows); i++) {
        uint64_t before = counters(&own).retries[rows[i].reason];
        push(&own, rows[i].answer);
        pc_entity_query query = profile("x");
        const collected *item = run(&own, i, &query);
        assert_ended(item, PC_CODE_OK, "");
        assert_string_equal(item->body, PROFILE_BODY);
        assert_int_equal(item->attempts, 2);
        assert_int_equal(counters(&own).retries[rows[i].reason], before + 1);
    }
    pc_entity_counters counts = counters(&own);
    assert_int_equal(counts.requests[PC_ENTITY_PROFILE], 2 * PC_COUNT_OF(rows));
    assert_int_equal(counts.failures[PC_ENTITY_PROFILE], 0);
    assert_int_equal(counts.retries_won, PC_COUNT_OF(rows));
    /* Each is charged. */
    assert_int_equal(figures(&own).granted[0] + figures(&own).granted[1], 2 * PC_COUNT_OF(rows));
    assert_int_equal(figures(&own).under_way, 0);
    finish(&own);
}

static void test_retry__other_failures_are_told_at_once(void **state)
{
    (void)state;
    const struct {
        fake_answer answer;
        pc_code code;
    } rows[] = {
        {fake_text(500, "{}"), PC_CODE_UNAVAILABLE},
        {fake_text(400, "{}"), PC_CODE_INVALID_ARGUMENT},
        {fake_text(403, "{}"), PC_CODE_PERMISSION_DENIED},
        {fake_text(404, "{\"statusCode\":\"404\"}"), PC_CODE_NOT_FOUND},
        {fake_text(422, "{}"), PC_CODE_FAILED_PRECONDITION},
        {fake_text(429, "[]"), PC_CODE_RESOURCE_EXHAUSTED},
        {fake_text(200, ""), PC_CODE_INTERNAL},
        {manner(FAKE_GARBAGE), PC_CODE_UNAVAILABLE},
    };
    fixture own;
    begin_with(&own, PC_COUNT_OF(rows), retried);
    for (size_t i = 0; i < PC_COUNT_OF(rows); i++) {
        push(&own, rows[i].answer);
        pc_entity_query query = profile("x");
        const collected *item = run(&own, i, &query);
        assert_int_equal(item->status.code, rows[i].code);
        assert_int_equal(item->attempts, 1);
    }
    finish(&own);
}

static void test_retry__a_deletion_is_sent_once(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 1, retried);
    push(&own, fake_text(503, "{}"));
    pc_entity_query query = profile("x");
    query.kind = PC_ENTITY_DELETE;
    const collected *item = run(&own, 0, &query);
    assert_ended(item, PC_CODE_UNAVAILABLE, "UPSTREAM_UNAVAILABLE");
    assert_int_equal(item->attempts, 1);
    assert_int_equal(fake_http_count(own.server, ENTITIES_PATH), 1);
    finish(&own);
}

static void test_retry__what_is_prefetched_is_sent_once(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 1, retried);
    push(&own, fake_text(503, "{}"));
    pc_entity_query query = profile("x");
    query.criticality = PC_CRITICALITY_PREFETCH;
    assert_int_equal(run(&own, 0, &query)->attempts, 1);
    finish(&own);
}

static void test_retry__two_more_tries_and_the_failure_is_told(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 3, retried);
    for (size_t i = 0; i < 2; i++) { /* what they leave of their allowance is for the third */
        pc_entity_query query = profile("x");
        (void)run(&own, i, &query);
    }
    fake_http_set(own.server, ENTITIES_PATH, advised(503, "x-request-id: r-9\r\n"));
    pc_entity_query query = profile("x");
    const collected *item = run(&own, 2, &query);
    assert_ended(item, PC_CODE_UNAVAILABLE, "UPSTREAM_UNAVAILABLE");
    assert_int_equal(item->attempts, 3);
    assert_int_equal(item->http_status, 503);
    assert_string_equal(item->request_id, "r-9");
    assert_int_equal(counters(&own).failures[PC_ENTITY_PROFILE], 1);
    assert_int_equal(counters(&own).retries_won, 0);
    finish(&own);
}

static void test_retry__a_storm_costs_a_tenth_more(void **state)
{
    (void)state;
    enum { COUNT = 200 };
    fixture own;
    begin_with(&own, COUNT, retried_a_tenth);
    fake_http_set(own.server, ENTITIES_PATH, fake_text(503, "{}"));
    pc_entity_client_free(own.client);
    pc_entity_options options = options_of(&own);
    options.breaker.failure_percent = 0;
    pc_status status = pc_entity_client_new(&own.client, &options);
    assert_true(pc_status_ok(&status));
    for (size_t i = 0; i < COUNT; i++) {
        pc_entity_query query = profile("x");
        pc_entity_op_unref(start(&own, i, &query));
    }
    collector_wait(&own.seen, COUNT);
    int sent = fake_http_count(own.server, ENTITIES_PATH);
    assert_in_range(sent, COUNT + 1, COUNT + COUNT / 10);
    assert_true(counters(&own).retries_withheld > 0);
    finish(&own);
}

static void test_retry__none_without_an_allowance(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 1, never_retried);
    push(&own, fake_text(503, "{}"));
    pc_entity_query query = profile("x");
    assert_int_equal(run(&own, 0, &query)->attempts, 1);
    assert_int_equal(counters(&own).retries_withheld, 0);
    finish(&own);
}

static void test_retry__advice_is_followed_where_it_is_in_time(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 2, retried);
    push(&own, fake_text(429, "[{\"retryAfterMs\":\"150\",\"statusCode\":\"429\"}]"));
    pc_entity_query query = profile("x");
    int64_t began_ns = pc_clock_now_ns();
    const collected *item = run(&own, 0, &query);
    assert_ended(item, PC_CODE_OK, "");
    assert_int_equal(item->attempts, 2);
    assert_true(item->at_ns - began_ns >= 150 * 1000000);
    /* And where it is not, the caller hears of it. */
    push(&own, advised(503, "Retry-After: 30\r\n"));
    query = until(profile("x"), 5000);
    item = run(&own, 1, &query);
    assert_ended(item, PC_CODE_UNAVAILABLE, "UPSTREAM_UNAVAILABLE");
    assert_int_equal(item->attempts, 1);
    assert_int_equal(pc_status_retry_after_ms(&item->status), 30000);
    finish(&own);
}

static void test_retry__not_when_a_usual_answer_would_be_late(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 2, retried);
    fake_http_hold(own.server, ENTITIES_PATH);
    pc_entity_query slow = profile("x");
    pc_entity_op_unref(start(&own, 0, &slow));
    fake_http_wait_count(own.server, ENTITIES_PATH, 1);
    int64_t until_ns = pc_clock_after_ms(pc_clock_now_ns(), 1000);
    while (pc_clock_now_ns() < until_ns) {
    }
    fake_http_release(own.server, ENTITIES_PATH); /* so a second is usual */
    collector_wait(&own.seen, 1);
    push(&own, fake_text(503, "{}"));
    pc_entity_query query = until(profile("x"), 900);
    const collected *item = run(&own, 1, &query);
    assert_ended(item, PC_CODE_UNAVAILABLE, "UPSTREAM_UNAVAILABLE");
    assert_int_equal(item->attempts, 1);
    finish(&own);
}

static void test_retry__not_later_than_who_asked_would_wait(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 1, retried);
    push(&own, fake_text(429, "[{\"retryAfterMs\":\"2000\",\"statusCode\":\"429\"}]"));
    pc_entity_query query = profile("x");
    query.patience_ns = pc_clock_after_ms(pc_clock_now_ns(), 1500);
    int64_t began_ns = pc_clock_now_ns();
    const collected *item = run(&own, 0, &query);
    assert_ended(item, PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_THROTTLED");
    assert_int_equal(item->attempts, 1);
    assert_true(item->at_ns - began_ns < 1500 * INT64_C(1000000));
    finish(&own);
}

static void test_retry__silence_ends_an_attempt_and_not_the_fetch(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 2, impatient);
    push(&own, manner(FAKE_HANG));
    pc_entity_query query = profile("x");
    const collected *item = run(&own, 0, &query);
    assert_ended(item, PC_CODE_OK, "");
    assert_int_equal(item->attempts, 2);
    assert_int_equal(counters(&own).retries[PC_RETRY_TIMED_OUT], 1);
    fake_http_set(own.server, ENTITIES_PATH, manner(FAKE_HANG));
    item = run(&own, 1, &query);
    assert_ended(item, PC_CODE_DEADLINE_EXCEEDED, "UPSTREAM_TIMEOUT");
    finish(&own);
}

static void test_retry__the_budget_may_refuse_it(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 1, with_one_call);
    push(&own, fake_text(503, "{}"));
    pc_entity_query query = profile("x");
    const collected *item = run(&own, 0, &query);
    assert_ended(item, PC_CODE_UNAVAILABLE, "UPSTREAM_UNAVAILABLE");
    assert_int_equal(item->attempts, 1);
    assert_int_equal(fake_http_count(own.server, ENTITIES_PATH), 1);
    finish(&own);
}

/* Until the first answer has been judged. */
static void wait_under_way(const fixture *own, unsigned count)
{
    int64_t until_ns = pc_clock_after_ms(pc_clock_now_ns(), 10000);
    while (figures(own).under_way != count) {
        assert_true(pc_clock_now_ns() < until_ns);
    }
}

static void test_retry__a_fetch_that_waits_for_it_can_be_cancelled(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 1, retried);
    push(&own, fake_text(429, "[{\"retryAfterMs\":\"9000\",\"statusCode\":\"429\"}]"));
    pc_entity_query query = profile("x");
    pc_entity_op *op = start(&own, 0, &query);
    fake_http_wait_count(own.server, ENTITIES_PATH, 1);
    wait_under_way(&own, 0);
    assert_int_equal(collector_calls(&own.seen), 0);
    pc_entity_cancel(op);
    collector_wait(&own.seen, 1);
    pc_entity_op_unref(op);
    assert_int_equal(own.seen.items[0].status.code, PC_CODE_RESOURCE_EXHAUSTED);
    finish(&own);
}

static void test_retry__the_clients_end_ends_those_that_wait_for_it(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 2, retried);
    fake_http_set(own.server, ENTITIES_PATH,
                  fake_text(429, "[{\"retryAfterMs\":\"9000\",\"statusCode\":\"429\"}]"));
    pc_entity_query query = profile("x");
    pc_entity_op_unref(start(&own, 0, &query));
    fake_http_wait_count(own.server, ENTITIES_PATH, 1);
    wait_under_way(&own, 0);
    assert_int_equal(collector_calls(&own.seen), 0);
    pc_entity_client_free(own.client);
    assert_int_equal(collector_calls(&own.seen), 1);
    own.client = NULL;
    finish(&own);
}

/* --- the breaker --- */

static void fail_three(fixture *own)
{
    fake_http_set(own->server, ENTITIES_PATH, fake_text(500, "{}"));
    for (size_t i = 0; i < 3; i++) {
        pc_entity_query query = profile("x");
        assert_int_equal(run(own, i, &query)->status.code, PC_CODE_UNAVAILABLE);
    }
}

static void test_breaker__ends_fetches_of_its_host_at_once(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 4, broken_by_three);
    fail_three(&own);
    pc_entity_query query = profile("x");
    pc_status status = pc_entity_fetch(own.client, &query, on_done, &own.seen.items[3], NULL);
    assert_int_equal(status.code, PC_CODE_UNAVAILABLE);
    assert_string_equal(pc_status_reason(&status), "UPSTREAM_BREAKER_OPEN");
    assert_in_range(pc_status_retry_after_ms(&status), 1, 60000);
    pc_status_clear(&status);
    assert_int_equal(fake_http_count(own.server, ENTITIES_PATH), 3);
    pc_entity_counters counts = counters(&own);
    assert_int_equal(counts.breakers[PC_UPSTREAM_ENTITY].state, PC_BREAKER_OPEN);
    assert_int_equal(counts.breakers[PC_UPSTREAM_ENTITY].refused, 1);
    assert_int_equal(counts.breakers[PC_UPSTREAM_IDENTITY].state, PC_BREAKER_CLOSED);
    assert_int_equal(counts.breakers[PC_UPSTREAM_TOKEN].state, PC_BREAKER_CLOSED);
    finish(&own);
}

static void test_breaker__closes_when_the_host_is_well_again(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 4, broken_for_a_moment);
    fail_three(&own);
    fake_http_set(own.server, ENTITIES_PATH, fake_text(200, PROFILE_BODY));
    int64_t until_ns = pc_clock_after_ms(pc_clock_now_ns(), 10000);
    pc_code code;
    do {
        assert_true(pc_clock_now_ns() < until_ns);
        pc_entity_query query = profile("x");
        pc_status status = pc_entity_fetch(own.client, &query, on_done, &own.seen.items[3], NULL);
        code = status.code;
        pc_status_clear(&status);
    } while (code == PC_CODE_UNAVAILABLE);
    collector_wait(&own.seen, 4);
    assert_ended(&own.seen.items[3], PC_CODE_OK, "");
    pc_entity_counters counts = counters(&own);
    assert_int_equal(counts.breakers[PC_UPSTREAM_ENTITY].state, PC_BREAKER_CLOSED);
    assert_int_equal(counts.breakers[PC_UPSTREAM_ENTITY].changes[PC_BREAKER_CLOSED], 1);
    finish(&own);
}

static void test_breaker__those_who_leave_early_do_not_open_it(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 10, broken_by_three);
    fake_http_set(own.server, ENTITIES_PATH, manner(FAKE_HANG));
    for (size_t i = 0; i < 10; i++) {
        pc_entity_query query = until(profile("x"), 30);
        assert_ended(run(&own, i, &query), PC_CODE_DEADLINE_EXCEEDED, "UPSTREAM_TIMEOUT");
    }
    assert_int_equal(counters(&own).breakers[PC_UPSTREAM_ENTITY].state, PC_BREAKER_CLOSED);
    finish(&own);
}

static void test_breaker__no_answer_for_a_second_opens_it(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 3, broken_by_three);
    fake_http_set(own.server, ENTITIES_PATH, manner(FAKE_HANG));
    for (size_t i = 0; i < 3; i++) {
        pc_entity_query query = until(profile("x"), 1100);
        pc_entity_op_unref(start(&own, i, &query));
    }
    collector_wait(&own.seen, 3);
    assert_int_equal(counters(&own).breakers[PC_UPSTREAM_ENTITY].state, PC_BREAKER_OPEN);
    finish(&own);
}

static void test_breaker__refusals_of_all_kinds_are_answers(void **state)
{
    (void)state;
    const int statuses[] = {400, 403, 404, 422, 429};
    fixture own;
    begin_with(&own, PC_COUNT_OF(statuses), broken_by_three);
    for (size_t i = 0; i < PC_COUNT_OF(statuses); i++) {
        push(&own, fake_text(statuses[i], "{\"statusCode\":\"404\"}"));
        pc_entity_query query = profile("x");
        (void)run(&own, i, &query);
    }
    assert_int_equal(counters(&own).breakers[PC_UPSTREAM_ENTITY].state, PC_BREAKER_CLOSED);
    finish(&own);
}

static int opened_and_closed[2];

static void note_change(void *self, const pc_breaker_change *change)
{
    assert_ptr_equal(self, opened_and_closed);
    assert_int_equal(change->host, PC_UPSTREAM_TOKEN);
    opened_and_closed[0] += change->to == PC_BREAKER_OPEN;
    opened_and_closed[1] += change->to == PC_BREAKER_CLOSED;
}

static void told(pc_entity_options *options)
{
    options->on_breaker = note_change;
    options->self = opened_and_closed;
}

static void test_breaker__of_the_token_opens_at_the_first_failure(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 2, told);
    fake_http_push(own.server, TOKEN_PATH, fake_text(500, "{}"));
    pc_entity_query query = profile("x");
    assert_ended(run(&own, 0, &query), PC_CODE_UNAVAILABLE, "UPSTREAM_TOKEN_UNAVAILABLE");
    assert_int_equal(counters(&own).breakers[PC_UPSTREAM_TOKEN].state, PC_BREAKER_OPEN);
    /* It is no failure of the other host. */
    assert_int_equal(counters(&own).breakers[PC_UPSTREAM_ENTITY].state, PC_BREAKER_CLOSED);
    int64_t until_ns = pc_clock_after_ms(pc_clock_now_ns(), 10000);
    const collected *item = NULL;
    do {
        assert_true(pc_clock_now_ns() < until_ns);
        own.seen.items[1].calls = 0;
        pc_status_clear(&own.seen.items[1].status);
        item = run(&own, 1, &query);
    } while (item->status.code != PC_CODE_OK);
    assert_int_equal(counters(&own).breakers[PC_UPSTREAM_TOKEN].state, PC_BREAKER_CLOSED);
    assert_int_equal(opened_and_closed[0], 1);
    assert_int_equal(opened_and_closed[1], 1);
    finish(&own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retry__failures_of_the_moment_are_not_seen),
        cmocka_unit_test(test_retry__other_failures_are_told_at_once),
        cmocka_unit_test(test_retry__a_deletion_is_sent_once),
        cmocka_unit_test(test_retry__what_is_prefetched_is_sent_once),
        cmocka_unit_test(test_retry__two_more_tries_and_the_failure_is_told),
        cmocka_unit_test(test_retry__a_storm_costs_a_tenth_more),
        cmocka_unit_test(test_retry__none_without_an_allowance),
        cmocka_unit_test(test_retry__advice_is_followed_where_it_is_in_time),
        cmocka_unit_test(test_retry__not_when_a_usual_answer_would_be_late),
        cmocka_unit_test(test_retry__not_later_than_who_asked_would_wait),
        cmocka_unit_test(test_retry__silence_ends_an_attempt_and_not_the_fetch),
        cmocka_unit_test(test_retry__the_budget_may_refuse_it),
        cmocka_unit_test(test_retry__a_fetch_that_waits_for_it_can_be_cancelled),
        cmocka_unit_test(test_retry__the_clients_end_ends_those_that_wait_for_it),
        cmocka_unit_test(test_breaker__ends_fetches_of_its_host_at_once),
        cmocka_unit_test(test_breaker__closes_when_the_host_is_well_again),
        cmocka_unit_test(test_breaker__those_who_leave_early_do_not_open_it),
        cmocka_unit_test(test_breaker__no_answer_for_a_second_opens_it),
        cmocka_unit_test(test_breaker__refusals_of_all_kinds_are_answers),
        cmocka_unit_test(test_breaker__of_the_token_opens_at_the_first_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
