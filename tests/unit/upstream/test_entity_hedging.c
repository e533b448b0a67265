/* Fetches that are sent a second time because the first request is slow. */
#include "entity_fixture.h"
#include "util/attributes.h"

enum { AFTER_MS = 20, LATER_MS = 500 };

static void hedged(pc_entity_options *options)
{
    options->hedge_after_ms = AFTER_MS;
    options->hedge_percent = 100;
}

static void hedged_later(pc_entity_options *options)
{
    hedged(options);
    options->hedge_after_ms = LATER_MS;
}

static void hedged_a_tenth(pc_entity_options *options)
{
    hedged(options);
    options->hedge_percent = 10;
}

/* The last call is kept from those that hedge. */
static void hedged_with_two_calls(pc_entity_options *options)
{
    hedged(options);
    options->budget.rate = 0.001;
    options->budget.burst = 2;
}

static void hedged_one_at_once(pc_entity_options *options)
{
    hedged(options);
    options->budget.calls_max = 1;
    options->budget.calls_min = 1;
}

static pc_entity_counters counters(const fixture *own)
{
    pc_entity_counters out;
    pc_entity_client_counters(own->client, &out);
    return out;
}

static void wait_under_way(const fixture *own, unsigned count)
{
    int64_t until_ns = pc_clock_after_ms(pc_clock_now_ns(), 10000);
    while (figures(own).under_way != count) {
        assert_true(pc_clock_now_ns() < until_ns);
    }
}

/* Answers in order: `first` to the first request, `second` to the hedge. */
static void push(fixture *own, fake_answer first, fake_answer second)
{
    fake_http_push(own->server, ENTITIES_PATH, first);
    fake_http_push(own->server, ENTITIES_PATH, second);
}

static fake_answer hang(void)
{
    return (fake_answer){.manner = FAKE_HANG};
}

static fake_answer broken(void)
{
    fake_answer answer = fake_text(200, PROFILE_BODY);
    answer.manner = FAKE_HALF;
    return answer;
}

static fake_answer after(int count, fake_answer answer)
{
    answer.after = count;
    return answer;
}

static fake_answer unavailable(const char *reply_header)
{
    fake_answer answer = fake_text(503, "{}");
    answer.headers = reply_header;
    return answer;
}

static pc_entity_query until(pc_entity_query query, int64_t ms)
{
    query.deadline_ns = pc_clock_after_ms(pc_clock_now_ns(), ms);
    return query;
}

static void test_hedging__a_slow_request_is_overtaken_by_a_second(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 1, hedged);
    push(&own, hang(), fake_text(200, PROFILE_BODY));
    pc_entity_query query = profile("x");
    query.request_id = "req-7";
    const collected *item = run(&own, 0, &query);
    assert_ended(item, PC_CODE_OK, "");
    assert_string_equal(item->body, PROFILE_BODY);
    assert_int_equal(item->attempts, 2);
    assert_string_equal(fake_http_request(own.server, ENTITIES_PATH, 0),
                        fake_http_request(own.server, ENTITIES_PATH, 1));
    pc_entity_counters counts = counters(&own);
    assert_int_equal(counts.requests[PC_ENTITY_PROFILE], 2);
    assert_int_equal(counts.failures[PC_ENTITY_PROFILE], 0);
    assert_int_equal(counts.hedges_sent, 1);
    assert_int_equal(counts.hedges_won, 1);
    assert_int_equal(counts.in_flight, 0);
    /* The one that has lost is cancelled. */
    wait_under_way(&own, 0);
    assert_int_equal(figures(&own).granted[PC_CRITICALITY_PREFETCH], 1);
    finish(&own);
}

static void test_hedging__the_first_may_still_win(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 1, hedged);
    push(&own, after(2, fake_text(200, PROFILE_BODY)), hang());
    pc_entity_query query = profile("x");
    const collected *item = run(&own, 0, &query);
    assert_ended(item, PC_CODE_OK, "");
    assert_int_equal(item->attempts, 2);
    assert_int_equal(counters(&own).hedges_sent, 1);
    assert_int_equal(counters(&own).hedges_won, 0);
    wait_under_way(&own, 0);
    finish(&own);
}

static void test_hedging__is_off_by_default(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 1);
    fake_http_set(own.server, ENTITIES_PATH, hang());
    pc_entity_query query = until(profile("x"), 5L * AFTER_MS);
    const collected *item = run(&own, 0, &query);
    assert_ended(item, PC_CODE_DEADLINE_EXCEEDED, "UPSTREAM_TIMEOUT");
    assert_int_equal(item->attempts, 1);
    finish(&own);
}

static void test_hedging__what_nobody_waits_for_is_not_hedged(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 1, hedged);
    fake_http_set(own.server, ENTITIES_PATH, hang());
    pc_entity_query query = until(profile("x"), 10L * AFTER_MS);
    query.criticality = PC_CRITICALITY_PREFETCH;
    const collected *item = run(&own, 0, &query);
    assert_ended(item, PC_CODE_DEADLINE_EXCEEDED, "UPSTREAM_TIMEOUT");
    assert_int_equal(item->attempts, 1);
    finish(&own);
}

static void test_hedging__the_deadline_ends_both(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 1, hedged);
    fake_http_set(own.server, ENTITIES_PATH, hang());
    pc_entity_query query = until(profile("x"), 15L * AFTER_MS);
    const collected *item = run(&own, 0, &query);
    assert_ended(item, PC_CODE_DEADLINE_EXCEEDED, "UPSTREAM_TIMEOUT");
    assert_int_equal(item->attempts, 2);
    assert_true(item->at_ns >= query.deadline_ns);
    assert_int_equal(figures(&own).under_way, 0);
    finish(&own);
}

static void test_hedging__an_answer_that_others_would_get_too_wins(void **state)
{
    (void)state;
    static const struct {
        pc_entity_kind kind;
        int status;
        pc_code code;
        const char *reason;
    } rows[] = {
        {PC_ENTITY_PROFILE, 404, PC_CODE_NOT_FOUND, "PROFILE_NOT_FOUND"},
        {PC_ENTITY_EVENTS, 403, PC_CODE_PERMISSION_DENIED, "EVENTS_NOT_ENABLED"},
        {PC_ENTITY_RECORD, 404, PC_CODE_NOT_FOUND, "ENTITY_NOT_FOUND"},
    };
    fixture own;
    begin_with(&own, PC_COUNT_OF(rows), hedged);
    for (size_t i = 0; i < PC_COUNT_OF(rows); i++) {
        push(&own, hang(), fake_text(rows[i].status, "{}"));
        pc_entity_query query = profile("x");
        query.kind = rows[i].kind;
        query.schema = query.kind == PC_ENTITY_RECORD ? "_xdm.context.account" : NULL;
        const collected *item = run(&own, i, &query);
        assert_ended(item, rows[i].code, rows[i].reason);
        assert_int_equal(item->attempts, 2);
    }
    assert_int_equal(counters(&own).hedges_won, PC_COUNT_OF(rows));
    finish(&own);
}

/* One of both requests has failed and is not the result; then a fetch by someone else comes, which
 * the other request has waited for. */
static const collected *run_while_one_has_failed(fixture *own)
{
    pc_entity_query query = profile("x");
    pc_entity_op_unref(start(own, 0, &query));
    fake_http_wait_count(own->server, ENTITIES_PATH, 2);
    wait_under_way(own, 1);
    assert_int_equal(collector_calls(&own->seen), 0);
    query = profile("y");
    query.kind = PC_ENTITY_DELETE;
    pc_entity_op_unref(start(own, 1, &query));
    collector_wait(&own->seen, 2);
    assert_ended(&own->seen.items[1], PC_CODE_OK, "");
    assert_int_equal(own->seen.items[0].attempts, 2);
    assert_int_equal(figures(own).under_way, 0);
    return &own->seen.items[0];
}

static void test_hedging__a_failure_does_not_win_while_the_other_is_under_way(void **state)
{
    (void)state;
    const struct {
        fake_answer first;
        fake_answer second;
        unsigned won;
    } rows[] = {
        {after(2, fake_text(503, "{}")), after(3, fake_text(200, PROFILE_BODY)), 1},
        {after(2, broken()), after(3, fake_text(200, PROFILE_BODY)), 1},
        {after(3, fake_text(200, PROFILE_BODY)), fake_text(500, "{}"), 0},
        {after(3, fake_text(200, PROFILE_BODY)), (fake_answer){.manner = FAKE_GARBAGE}, 0},
    };
    for (size_t i = 0; i < PC_COUNT_OF(rows); i++) {
        fixture own;
        begin_with(&own, 2, hedged);
        push(&own, rows[i].first, rows[i].second);
        const collected *item = run_while_one_has_failed(&own);
        assert_ended(item, PC_CODE_OK, "");
        assert_string_equal(item->body, PROFILE_BODY);
        assert_int_equal(counters(&own).hedges_won, rows[i].won);
        assert_int_equal(counters(&own).failures[PC_ENTITY_PROFILE], 0);
        finish(&own);
    }
}

static void test_hedging__when_both_fail_the_first_answer_is_the_result(void **state)
{
    (void)state;
    static const char one[] = "x-request-id: one\r\n";
    static const char two[] = "x-request-id: two\r\n";
    const struct {
        fake_answer first;
        fake_answer second;
        const char *reason;
        const char *reply_id;
        int http_status;
    } rows[] = {
        {after(2, unavailable(one)), after(3, unavailable(two)), "UPSTREAM_UNAVAILABLE", "one",
         503},
        {after(3, unavailable(one)), unavailable(two), "UPSTREAM_UNAVAILABLE", "two", 503},
        {after(2, broken()), after(3, unavailable(two)), "UPSTREAM_UNAVAILABLE", "two", 503},
        {after(3, broken()), unavailable(two), "UPSTREAM_UNAVAILABLE", "two", 503},
        {after(2, broken()), after(3, (fake_answer){.manner = FAKE_GARBAGE}),
         "UPSTREAM_CONNECTION_LOST", "", 0},
    };
    for (size_t i = 0; i < PC_COUNT_OF(rows); i++) {
        fixture own;
        begin_with(&own, 2, hedged);
        push(&own, rows[i].first, rows[i].second);
        const collected *item = run_while_one_has_failed(&own);
        assert_ended(item, PC_CODE_UNAVAILABLE, rows[i].reason);
        assert_string_equal(item->request_id, rows[i].reply_id);
        assert_int_equal(item->http_status, rows[i].http_status);
        assert_int_equal(counters(&own).failures[PC_ENTITY_PROFILE], 1);
        assert_int_equal(counters(&own).hedges_won, 0);
        finish(&own);
    }
}

static void test_hedging__needs_calls_to_spare(void **state)
{
    (void)state;
    static void (*const options[])(pc_entity_options *) = {hedged_with_two_calls,
                                                           hedged_one_at_once};
    for (size_t i = 0; i < PC_COUNT_OF(options); i++) {
        fixture own;
        begin_with(&own, 1, options[i]);
        fake_http_set(own.server, ENTITIES_PATH, hang());
        pc_entity_query query = until(profile("x"), 5L * AFTER_MS);
        const collected *item = run(&own, 0, &query);
        assert_ended(item, PC_CODE_DEADLINE_EXCEEDED, "UPSTREAM_TIMEOUT");
        assert_int_equal(item->attempts, 1);
        assert_int_equal(counters(&own).hedges_sent, 0);
        finish(&own);
    }
}

static void test_hedging__is_bounded_to_a_part_of_the_requests(void **state)
{
    (void)state;
    enum { COUNT = 45 };
    fixture own;
    begin_with(&own, COUNT, hedged_a_tenth);
    fake_http_set(own.server, ENTITIES_PATH, hang());
    pc_entity_query query = until(profile("x"), 25L * AFTER_MS);
    for (size_t i = 0; i < COUNT; i++) {
        pc_entity_op_unref(start(&own, i, &query));
    }
    collector_wait(&own.seen, COUNT);
    assert_int_equal(counters(&own).hedges_sent, COUNT / 10);
    assert_int_equal(counters(&own).requests[PC_ENTITY_PROFILE], COUNT + COUNT / 10);
    finish(&own);
}

static void test_hedging__only_reads_are_hedged(void **state)
{
    (void)state;
    static const char *const ids[] = {"a"};
    static const pc_entity_ref refs[] = {{"Email", "a@b", NULL}};
    pc_entity_query delete = profile("x");
    delete.kind = PC_ENTITY_DELETE;
    const pc_entity_query queries[] = {
        delete,
        {.kind = PC_ENTITY_AUDIENCES, .audience_ids = ids, .audience_count = 1},
        {.kind = PC_ENTITY_BATCH, .refs = refs, .ref_count = 1},
    };
    fixture own;
    begin_with(&own, PC_COUNT_OF(queries), hedged);
    fake_http_set(own.server, ENTITIES_PATH, hang());
    fake_http_set(own.server, BULK_PATH, hang());
    for (size_t i = 0; i < PC_COUNT_OF(queries); i++) {
        pc_entity_query query = until(queries[i], 5L * AFTER_MS);
        const collected *item = run(&own, i, &query);
        assert_ended(item, PC_CODE_DEADLINE_EXCEEDED, "UPSTREAM_TIMEOUT");
        assert_int_equal(item->attempts, 1);
    }
    assert_int_equal(counters(&own).hedges_sent, 0);
    finish(&own);
}

static void test_hedging__a_refused_token_is_replaced_once(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 1, hedged_later);
    push(&own, after(2, fake_text(401, refused)), after(2, fake_text(401, refused)));
    fake_http_push(own.server, TOKEN_PATH, token_answer());
    fake_http_set(own.server, TOKEN_PATH,
                  fake_text(200, "{\"access_token\":\"t2\",\"expires_in\":86399}"));
    pc_entity_query query = profile("x");
    const collected *item = run(&own, 0, &query);
    assert_ended(item, PC_CODE_OK, "");
    assert_int_equal(item->attempts, 3);
    assert_sent_header(&own, ENTITIES_PATH, 2, "Authorization: Bearer t2");
    assert_int_equal(fake_http_count(own.server, TOKEN_PATH), 2);
    assert_int_equal(counters(&own).token_rejections, 2);
    assert_int_equal(counters(&own).hedges_won, 0);
    finish(&own);
}

static void test_hedging__waiting_for_a_token_is_not_hedged(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 2, hedged_later);
    fake_http_push(own.server, TOKEN_PATH, token_answer());
    fake_http_push(own.server, ENTITIES_PATH, fake_text(401, refused));
    pc_entity_query query = profile("x");
    fake_http_hold(own.server, ENTITIES_PATH);
    pc_entity_op_unref(start(&own, 0, &query));
    fake_http_wait_count(own.server, ENTITIES_PATH, 1);
    fake_http_hold(own.server, TOKEN_PATH);
    fake_http_release(own.server, ENTITIES_PATH);
    fake_http_wait_count(own.server, TOKEN_PATH, 2);
    query = until(profile("y"), LATER_MS);
    assert_ended(run(&own, 1, &query), PC_CODE_DEADLINE_EXCEEDED, "UPSTREAM_TIMEOUT");
    assert_int_equal(figures(&own).under_way, 1);
    fake_http_release(own.server, TOKEN_PATH);
    collector_wait(&own.seen, 2);
    assert_ended(&own.seen.items[0], PC_CODE_OK, "");
    finish(&own);
}

static void test_hedging__two_refused_tokens_are_the_result(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 1, hedged_later);
    push(&own, after(2, fake_text(401, refused)), after(2, fake_text(401, refused)));
    fake_http_set(own.server, ENTITIES_PATH, fake_text(401, refused));
    pc_entity_query query = profile("x");
    const collected *item = run(&own, 0, &query);
    assert_ended(item, PC_CODE_UNAUTHENTICATED, "UPSTREAM_UNAUTHENTICATED");
    assert_int_equal(item->http_status, 401);
    assert_int_equal(item->attempts, 3);
    finish(&own);
}

static void test_hedging__cancels_both(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 1, hedged);
    fake_http_set(own.server, ENTITIES_PATH, hang());
    pc_entity_query query = profile("x");
    pc_entity_op *op = start(&own, 0, &query);
    fake_http_wait_count(own.server, ENTITIES_PATH, 2);
    pc_entity_cancel(op);
    collector_wait(&own.seen, 1);
    assert_ended(&own.seen.items[0], PC_CODE_CANCELLED, "CANCELLED");
    assert_int_equal(own.seen.items[0].attempts, 2);
    assert_int_equal(figures(&own).under_way, 0);
    pc_entity_op_unref(op);
    finish(&own);
}

static void test_hedging__cancelled_before_it_is_due_sends_no_second(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 2, hedged_later);
    fake_http_set(own.server, ENTITIES_PATH, hang());
    pc_entity_query query = profile("x");
    pc_entity_op *op = start(&own, 0, &query);
    fake_http_wait_count(own.server, ENTITIES_PATH, 1);
    pc_entity_cancel(op);
    pc_entity_op_unref(op);
    /* Until it would have been due. */
    query = until(profile("y"), LATER_MS);
    query.kind = PC_ENTITY_DELETE;
    pc_entity_op_unref(start(&own, 1, &query));
    collector_wait(&own.seen, 2);
    assert_ended(&own.seen.items[0], PC_CODE_CANCELLED, "CANCELLED");
    assert_int_equal(counters(&own).hedges_sent, 0);
    finish(&own);
}

static void test_hedging__cancels_the_one_that_is_left(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 1, hedged);
    push(&own, after(2, fake_text(503, "{}")), hang());
    pc_entity_query query = profile("x");
    pc_entity_op *op = start(&own, 0, &query);
    fake_http_wait_count(own.server, ENTITIES_PATH, 2);
    wait_under_way(&own, 1);
    pc_entity_cancel(op);
    collector_wait(&own.seen, 1);
    /* There was an answer before. */
    assert_ended(&own.seen.items[0], PC_CODE_UNAVAILABLE, "UPSTREAM_UNAVAILABLE");
    assert_int_equal(figures(&own).under_way, 0);
    pc_entity_op_unref(op);
    finish(&own);
}

/* The first request is out with a token that another fetch finds not to be good any more; that one
 * and the hedge wait for a new one. */
static pc_entity_op *start_with_hedge_without_token(fixture *own)
{
    static const char *const ids[] = {"a"};
    pc_entity_query query = profile("x");
    pc_entity_op *op = start(own, 0, &query);
    fake_http_wait_count(own->server, ENTITIES_PATH, 1);
    fake_http_hold(own->server, TOKEN_PATH);
    fake_http_push(own->server, BULK_PATH, fake_text(401, refused));
    fake_http_set(own->server, BULK_PATH, fake_text(207, "{}"));
    query = (pc_entity_query){.kind = PC_ENTITY_AUDIENCES,
                              .audience_ids = ids,
                              .audience_count = 1,
                              .deadline_ns = PC_NEVER_NS};
    pc_entity_op_unref(start(own, 1, &query));
    fake_http_wait_count(own->server, TOKEN_PATH, 2);
    wait_under_way(own, 3);
    assert_int_equal(counters(own).hedges_sent, 0);
    return op;
}

static void release_token(fixture *own)
{
    assert_int_equal(figures(own).under_way, 1);
    fake_http_release(own->server, TOKEN_PATH);
    collector_wait(&own->seen, 2);
    assert_ended(&own->seen.items[1], PC_CODE_OK, "");
    assert_int_equal(figures(own).under_way, 0);
}

static void test_hedging__cancels_a_hedge_that_waits_for_a_token(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 2, hedged_later);
    fake_http_push(own.server, ENTITIES_PATH, hang());
    pc_entity_op *op = start_with_hedge_without_token(&own);
    pc_entity_cancel(op);
    collector_wait(&own.seen, 1);
    assert_ended(&own.seen.items[0], PC_CODE_CANCELLED, "CANCELLED");
    assert_int_equal(own.seen.items[0].attempts, 1);
    pc_entity_op_unref(op);
    release_token(&own);
    finish(&own);
}

static void test_hedging__a_hedge_that_waits_for_a_token_gives_way_to_an_answer(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 2, hedged_later);
    fake_http_hold(own.server, ENTITIES_PATH);
    pc_entity_op_unref(start_with_hedge_without_token(&own));
    fake_http_release(own.server, ENTITIES_PATH);
    collector_wait(&own.seen, 1);
    assert_ended(&own.seen.items[0], PC_CODE_OK, "");
    assert_int_equal(own.seen.items[0].attempts, 1);
    release_token(&own);
    assert_int_equal(counters(&own).hedges_sent, 0);
    finish(&own);
}

static void test_hedging__wins_with_another_token(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 2, hedged_later);
    fake_http_push(own.server, ENTITIES_PATH, hang());
    pc_entity_op_unref(start_with_hedge_without_token(&own));
    fake_http_release(own.server, TOKEN_PATH);
    collector_wait(&own.seen, 2);
    assert_ended(&own.seen.items[0], PC_CODE_OK, "");
    assert_int_equal(own.seen.items[0].attempts, 2);
    assert_int_equal(counters(&own).hedges_won, 1);
    finish(&own);
}

static void test_hedging__free_ends_all_that_is_under_way(void **state)
{
    (void)state;
    enum { COUNT = 10 };
    fixture own;
    begin_with(&own, COUNT, hedged);
    fake_http_set(own.server, ENTITIES_PATH, hang());
    pc_entity_query query = profile("x");
    for (size_t i = 0; i < COUNT; i++) {
        pc_entity_op_unref(start(&own, i, &query));
    }
    fake_http_wait_count(own.server, ENTITIES_PATH, 2 * COUNT);
    pc_entity_client_free(own.client);
    own.client = NULL;
    for (size_t i = 0; i < COUNT; i++) {
        assert_ended(&own.seen.items[i], PC_CODE_CANCELLED, "CANCELLED");
    }
    finish(&own);
    begin_with(&own, 2, hedged_later);
    fake_http_push(own.server, ENTITIES_PATH, hang());
    pc_entity_op *op = start_with_hedge_without_token(&own);
    pc_entity_client_free(own.client);
    own.client = NULL;
    assert_ended(&own.seen.items[0], PC_CODE_CANCELLED, "CANCELLED");
    assert_ended(&own.seen.items[1], PC_CODE_CANCELLED, "CANCELLED");
    pc_entity_cancel(op);
    pc_entity_op_unref(op);
    finish(&own);
}

/* The client goes as soon as there are results, while those that have lost are being cancelled. */
static void test_hedging__free_ends_those_that_have_lost(void **state)
{
    (void)state;
    enum { COUNT = 8 };
    fixture own;
    begin_with(&own, COUNT, hedged_later);
    for (size_t i = 0; i < COUNT; i++) {
        fake_http_push(own.server, ENTITIES_PATH, hang());
    }
    pc_entity_query query = profile("x");
    for (size_t i = 0; i < COUNT; i++) {
        pc_entity_op_unref(start(&own, i, &query));
    }
    collector_wait(&own.seen, COUNT);
    pc_entity_client_free(own.client);
    own.client = NULL;
    for (size_t i = 0; i < COUNT; i++) {
        assert_ended(&own.seen.items[i], PC_CODE_OK, "");
    }
    finish(&own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hedging__a_slow_request_is_overtaken_by_a_second),
        cmocka_unit_test(test_hedging__the_first_may_still_win),
        cmocka_unit_test(test_hedging__is_off_by_default),
        cmocka_unit_test(test_hedging__what_nobody_waits_for_is_not_hedged),
        cmocka_unit_test(test_hedging__the_deadline_ends_both),
        cmocka_unit_test(test_hedging__an_answer_that_others_would_get_too_wins),
        cmocka_unit_test(test_hedging__a_failure_does_not_win_while_the_other_is_under_way),
        cmocka_unit_test(test_hedging__when_both_fail_the_first_answer_is_the_result),
        cmocka_unit_test(test_hedging__needs_calls_to_spare),
        cmocka_unit_test(test_hedging__is_bounded_to_a_part_of_the_requests),
        cmocka_unit_test(test_hedging__only_reads_are_hedged),
        cmocka_unit_test(test_hedging__a_refused_token_is_replaced_once),
        cmocka_unit_test(test_hedging__waiting_for_a_token_is_not_hedged),
        cmocka_unit_test(test_hedging__two_refused_tokens_are_the_result),
        cmocka_unit_test(test_hedging__cancels_both),
        cmocka_unit_test(test_hedging__cancelled_before_it_is_due_sends_no_second),
        cmocka_unit_test(test_hedging__cancels_the_one_that_is_left),
        cmocka_unit_test(test_hedging__cancels_a_hedge_that_waits_for_a_token),
        cmocka_unit_test(test_hedging__a_hedge_that_waits_for_a_token_gives_way_to_an_answer),
        cmocka_unit_test(test_hedging__wins_with_another_token),
        cmocka_unit_test(test_hedging__free_ends_all_that_is_under_way),
        cmocka_unit_test(test_hedging__free_ends_those_that_have_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
