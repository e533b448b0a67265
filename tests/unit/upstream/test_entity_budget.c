/* Fetches before the budget: which ones wait, and what is charged for. */
#include "entity_fixture.h"

/* Calls that are left, of the class that may take the last. */
static int64_t left(const fixture *own)
{
    return pc_entity_calls_left(own->client, PC_CRITICALITY_ROUTING, 0);
}

static void wait_until_waiting(const fixture *own, pc_criticality criticality, unsigned count)
{
    int64_t until_ns = pc_clock_after_ms(pc_clock_now_ns(), 10000);
    while (figures(own).waiting[criticality] != count) {
        assert_true(pc_clock_now_ns() < until_ns);
    }
}

static void five_calls(pc_entity_options *options)
{
    options->budget.rate = 0.001;
    options->budget.burst = 5;
}

static void one_at_once(pc_entity_options *options)
{
    options->budget.calls_max = 1;
    options->budget.calls_min = 1;
}

static void slow_after_300_ms(pc_entity_options *options)
{
    options->budget.slow_ms = 300;
}

static void test_entity__a_fetch_without_a_token_costs_nothing(void **state)
{
    (void)state;
    enum { COUNT = 8 };
    fixture own;
    begin_with(&own, COUNT, five_calls);
    fake_http_set(own.server, TOKEN_PATH, fake_text(500, "{}"));
    pc_entity_query query = profile("x");
    for (size_t i = 0; i < COUNT; i++) {
        assert_ended(run(&own, i, &query), PC_CODE_UNAVAILABLE, "UPSTREAM_TOKEN_UNAVAILABLE");
    }
    assert_int_equal(left(&own), 5);
    assert_int_equal(figures(&own).under_way, 0);
    finish(&own);
}

static void test_entity__cancelled_before_it_was_sent_costs_nothing(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 1, five_calls);
    fake_http_hold(own.server, TOKEN_PATH);
    pc_entity_query query = profile("x");
    pc_entity_op *op = start(&own, 0, &query);
    fake_http_wait_count(own.server, TOKEN_PATH, 1);
    assert_int_equal(left(&own), 4);
    pc_entity_cancel(op);
    pc_entity_op_unref(op);
    collector_wait(&own.seen, 1);
    assert_int_equal(left(&own), 5);
    assert_int_equal(figures(&own).under_way, 0);
    finish(&own);
}

static void test_entity__a_second_try_is_charged_when_it_is_sent(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 2, five_calls);
    pc_entity_query query = profile("x");
    fake_http_push(own.server, ENTITIES_PATH, fake_text(401, refused));
    const collected *item = run(&own, 0, &query);
    assert_ended(item, PC_CODE_OK, "");
    assert_int_equal(item->attempts, 2);
    assert_int_equal(left(&own), 3);
    finish(&own);

    begin_with(&own, 1, five_calls);
    fake_http_push(own.server, TOKEN_PATH, token_answer());
    fake_http_set(own.server, TOKEN_PATH, fake_text(500, "{}"));
    fake_http_push(own.server, ENTITIES_PATH, fake_text(401, refused));
    item = run(&own, 0, &query);
    assert_ended(item, PC_CODE_UNAVAILABLE, "UPSTREAM_TOKEN_UNAVAILABLE");
    assert_int_equal(item->attempts, 1);
    assert_int_equal(left(&own), 4);
    finish(&own);
}

static void test_entity__a_slow_token_is_no_sign_of_a_slow_upstream(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 2, slow_after_300_ms);
    fake_http_hold(own.server, TOKEN_PATH);
    pc_entity_query query = profile("x");
    pc_entity_op_unref(start(&own, 0, &query));
    query.deadline_ns = pc_clock_after_ms(pc_clock_now_ns(), 350);
    assert_ended(run(&own, 1, &query), PC_CODE_DEADLINE_EXCEEDED, "UPSTREAM_TIMEOUT");
    fake_http_release(own.server, TOKEN_PATH);
    collector_wait(&own.seen, 2);
    assert_ended(&own.seen.items[0], PC_CODE_OK, "");
    assert_int_equal(figures(&own).throttled, 0);
    finish(&own);
}

static void test_entity__a_slow_answer_is_a_sign_of_a_slow_upstream(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 1, slow_after_300_ms);
    fake_http_hold(own.server, ENTITIES_PATH);
    pc_entity_query query = profile("x");
    query.deadline_ns = pc_clock_after_ms(pc_clock_now_ns(), 350);
    assert_ended(run(&own, 0, &query), PC_CODE_DEADLINE_EXCEEDED, "UPSTREAM_TIMEOUT");
    assert_int_equal(figures(&own).throttled, 1);
    finish(&own);
}

typedef struct {
    pc_entity_op *op;
    collected *item;
} raiser;

/* On the transfer thread, so that both are asked before either is heard. */
static void raise_twice(void *self, pc_status status, const pc_entity_result *result)
{
    raiser *own = self;
    pc_entity_raise(own->op, PC_CRITICALITY_ROUTING);
    pc_entity_raise(own->op, PC_CRITICALITY_AGENT);
    on_done(own->item, status, result);
}

static void test_entity__of_several_that_raise_it_the_most_critical_counts(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 4, one_at_once);
    fake_http_hold(own.server, ENTITIES_PATH);
    pc_entity_query query = profile("first");
    pc_entity_op_unref(start(&own, 0, &query));
    fake_http_wait_count(own.server, ENTITIES_PATH, 1);
    query = profile("agent");
    query.criticality = PC_CRITICALITY_AGENT;
    pc_entity_op_unref(start(&own, 1, &query));
    query = profile("raised");
    query.criticality = PC_CRITICALITY_BATCH;
    raiser self = {.op = start(&own, 2, &query), .item = &own.seen.items[3]};
    wait_until_waiting(&own, PC_CRITICALITY_BATCH, 1);
    /* Ends at once, as it waits for nothing but its turn. */
    query = profile("impatient");
    query.criticality = PC_CRITICALITY_PREFETCH;
    query.patience_ns = pc_clock_after_ms(pc_clock_now_ns(), 10);
    pc_status status = pc_entity_fetch(own.client, &query, raise_twice, &self, NULL);
    assert_true(pc_status_ok(&status));
    collector_wait(&own.seen, 1);
    assert_ended(self.item, PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_BUDGET_SPENT");
    wait_until_waiting(&own, PC_CRITICALITY_BATCH, 0);
    fake_http_release(own.server, ENTITIES_PATH);
    collector_wait(&own.seen, 4);
    assert_non_null(strstr(fake_http_request(own.server, ENTITIES_PATH, 1), "=raised&"));
    assert_non_null(strstr(fake_http_request(own.server, ENTITIES_PATH, 2), "=agent&"));
    pc_entity_op_unref(self.op);
    finish(&own);
}

static void test_entity__cancels_while_it_waits_for_its_turn(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 3, one_at_once);
    fake_http_hold(own.server, ENTITIES_PATH);
    pc_entity_query query = profile("x");
    pc_entity_op_unref(start(&own, 0, &query));
    pc_entity_op *op = start(&own, 1, &query);
    wait_until_waiting(&own, query.criticality, 1);
    pc_entity_cancel(op);
    collector_wait(&own.seen, 1);
    assert_ended(&own.seen.items[1], PC_CODE_CANCELLED, "CANCELLED");
    assert_int_equal(own.seen.items[1].attempts, 0);
    pc_entity_raise(op, PC_CRITICALITY_ROUTING);
    pc_entity_op_unref(op);
    fake_http_release(own.server, ENTITIES_PATH);
    collector_wait(&own.seen, 2);
    assert_ended(run(&own, 2, &query), PC_CODE_OK, "");
    assert_int_equal(fake_http_count(own.server, ENTITIES_PATH), 2);
    finish(&own);
}

static void test_entity__free_ends_those_that_wait_for_their_turn(void **state)
{
    (void)state;
    enum { COUNT = 20 };
    fixture own;
    begin_with(&own, COUNT, one_at_once);
    fake_http_hold(own.server, ENTITIES_PATH);
    pc_entity_query query = profile("x");
    for (size_t i = 0; i < COUNT; i++) {
        pc_entity_op_unref(start(&own, i, &query));
    }
    wait_until_waiting(&own, query.criticality, COUNT - 1);
    fake_http_wait_count(own.server, ENTITIES_PATH, 1);
    pc_entity_client_free(own.client);
    own.client = NULL;
    for (size_t i = 0; i < COUNT; i++) {
        assert_ended(&own.seen.items[i], PC_CODE_CANCELLED, "CANCELLED");
    }
    assert_int_equal(fake_http_count(own.server, ENTITIES_PATH), 1);
    finish(&own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entity__a_fetch_without_a_token_costs_nothing),
        cmocka_unit_test(test_entity__cancelled_before_it_was_sent_costs_nothing),
        cmocka_unit_test(test_entity__a_second_try_is_charged_when_it_is_sent),
        cmocka_unit_test(test_entity__a_slow_token_is_no_sign_of_a_slow_upstream),
        cmocka_unit_test(test_entity__a_slow_answer_is_a_sign_of_a_slow_upstream),
        cmocka_unit_test(test_entity__of_several_that_raise_it_the_most_critical_counts),
        cmocka_unit_test(test_entity__cancels_while_it_waits_for_its_turn),
        cmocka_unit_test(test_entity__free_ends_those_that_wait_for_their_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
