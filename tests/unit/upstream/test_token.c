/* The token's one refresh for all, its ageing, its failures. Everything but the waiting is called
 * on the loop's thread, as the header asks: by small jobs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector.h"
#include "fake_http.h"
#include "upstream/token.h"
#include "util/clock.h"

#define PATH "/ims/token/v3"

enum { LONG_MS = 9000 };

typedef struct {
    fake_http *server;
    pc_transfer *transfer;
    pc_token *token;
    collector seen;
} fixture;

/* One who asks: a job that calls pc_token_get, then waits when it must. */
typedef struct {
    pc_job job;
    pc_job leave;
    pc_token_waiter waiter;
    pc_token *token;
    int64_t deadline_ns;
    collected *item;
    bool left;
} asker;

static void fill(collected *item, const void *result)
{
    const pc_token_present *present = result;
    (void)snprintf(item->body, sizeof item->body, "%s", present->authorization);
    item->attempts = (unsigned)present->generation;
}

static void on_ready(pc_token_waiter *waiter, pc_status status)
{
    asker *own = PC_CONTAINER_OF(waiter, asker, waiter);
    pc_token_present present = {.authorization = NULL};
    if (pc_status_ok(&status)) {
        status = pc_token_get(own->token, &own->waiter, own->deadline_ns, &present);
        assert_true(pc_status_ok(&status));
        assert_non_null(present.authorization);
    }
    collector_record(own->item, status, fill, present.authorization == NULL ? NULL : &present);
}

static void ask(pc_job *job)
{
    asker *own = PC_CONTAINER_OF(job, asker, job);
    pc_token_present present;
    pc_status status = pc_token_get(own->token, &own->waiter, own->deadline_ns, &present);
    if (!pc_status_ok(&status) || present.authorization != NULL) {
        collector_record(own->item, status, fill, present.authorization == NULL ? NULL : &present);
    }
}

static void leave(pc_job *job)
{
    asker *own = PC_CONTAINER_OF(job, asker, leave);
    pc_token_leave(&own->waiter);
    pc_token_leave(&own->waiter);
    own->left = true;
    collector_record(own->item, PC_OK, NULL, NULL);
}

static void begin(fixture *own, size_t count, const char *static_token)
{
    own->server = fake_http_new(0);
    char url[128];
    fake_http_url(own->server, PATH, url, sizeof url);
    collector_init(&own->seen, count);
    const pc_transfer_options transfer_options = {.max_connections = 8};
    pc_status status = pc_transfer_new(&own->transfer, &transfer_options);
    assert_true(pc_status_ok(&status));
    const pc_token_options options = {
        .transfer = own->transfer,
        .url = url,
        .client_id = "client 1",
        .client_secret = "s3cr&t=+",
        .scopes = "openid,AdobeID",
        .static_token = static_token,
        .connect_timeout_ms = 2000,
        .timeout_ms = LONG_MS,
    };
    status = pc_token_new(&own->token, &options);
    assert_true(pc_status_ok(&status));
}

static void finish(fixture *own)
{
    pc_transfer_free(own->transfer);
    pc_token_free(own->token);
    fake_http_free(own->server);
    collector_deinit(&own->seen);
}

static void post(fixture *own, asker *who, size_t index, int64_t timeout_ms)
{
    *who = (asker){.job.run = ask,
                   .leave.run = leave,
                   .waiter.ready = on_ready,
                   .token = own->token,
                   .deadline_ns = pc_clock_after_ms(pc_clock_now_ns(), timeout_ms),
                   .item = &own->seen.items[index]};
    assert_true(pc_loop_post(pc_transfer_loop(own->transfer), &who->job));
}

static const collected *run(fixture *own, size_t index)
{
    asker who;
    int before = collector_calls(&own->seen);
    post(own, &who, index, LONG_MS);
    collector_wait(&own->seen, before + 1);
    return &own->seen.items[index];
}

/* Asks until the answer is as wanted: for what happens by itself after a while. */
static const collected *run_until(fixture *own, size_t first, pc_code code, const char *text)
{
    int64_t end_ns = pc_clock_after_ms(pc_clock_now_ns(), LONG_MS);
    for (;;) {
        collected *item = &own->seen.items[first];
        pc_status_clear(&item->status);
        item->calls = 0;
        item->body[0] = '\0';
        (void)run(own, first);
        if (item->status.code == code && strcmp(item->body, text) == 0) {
            return item;
        }
        assert_true(pc_clock_now_ns() < end_ns);
    }
}

static void assert_ended(const collected *item, pc_code code, const char *reason)
{
    if (item->calls != 1 || item->status.code != code ||
        strcmp(pc_status_reason(&item->status), reason) != 0) {
        fail_msg("%d calls, %s %s", item->calls, pc_code_name(item->status.code),
                 pc_status_reason(&item->status));
    }
}

#define TOKEN(name, seconds)                                                                       \
    fake_text(200, "{\"access_token\":\"" name "\",\"token_type\":\"bearer\","                     \
                   "\"expires_in\":" seconds "}")

static void test_token__sends_a_form_with_encoded_secret(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 2, NULL);
    fake_http_set(own.server, PATH, TOKEN("t1", "86399"));
    const collected *item = run(&own, 0);
    assert_ended(item, PC_CODE_OK, "");
    assert_string_equal(item->body, "Bearer t1");
    const char *sent = fake_http_request(own.server, PATH, 0);
    assert_ptr_equal(strstr(sent, "POST /ims/token/v3 HTTP/1.1\r\n"), sent);
    assert_non_null(strstr(sent, "\r\nContent-Type: application/x-www-form-urlencoded\r\n"));
    assert_non_null(strstr(sent, "\r\n\r\ngrant_type=client_credentials&client_id=client%201"
                                 "&client_secret=s3cr%26t%3D%2B&scope=openid%2CAdobeID"));
    /* The next one is served from memory. */
    assert_string_equal(run(&own, 1)->body, "Bearer t1");
    assert_int_equal(fake_http_count(own.server, PATH), 1);
    finish(&own);
}

static void test_token__one_request_for_all_who_wait(void **state)
{
    (void)state;
    enum { COUNT = 100 };
    fixture own;
    begin(&own, COUNT, NULL);
    fake_http_set(own.server, PATH, TOKEN("t1", "86399"));
    fake_http_hold(own.server, PATH);
    static asker askers[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        post(&own, &askers[i], i, LONG_MS);
    }
    fake_http_wait_count(own.server, PATH, 1);
    assert_int_equal(collector_calls(&own.seen), 0);
    fake_http_release(own.server, PATH);
    collector_wait(&own.seen, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_string_equal(own.seen.items[i].body, "Bearer t1");
    }
    assert_int_equal(fake_http_count(own.server, PATH), 1);
    finish(&own);
}

static void test_token__waiters_have_their_own_ends(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 4, NULL);
    fake_http_set(own.server, PATH, TOKEN("t1", "86399"));
    fake_http_hold(own.server, PATH);
    asker patient;
    asker hasty;
    asker leaver;
    post(&own, &patient, 0, LONG_MS);
    post(&own, &hasty, 1, 30);
    post(&own, &leaver, 2, LONG_MS);
    collector_wait(&own.seen, 1);
    assert_ended(&own.seen.items[1], PC_CODE_DEADLINE_EXCEEDED, "UPSTREAM_TIMEOUT");
    assert_true(own.seen.items[1].at_ns >= hasty.deadline_ns);
    assert_true(pc_loop_post(pc_transfer_loop(own.transfer), &leaver.leave));
    collector_wait(&own.seen, 2);
    fake_http_release(own.server, PATH);
    collector_wait(&own.seen, 3);
    assert_string_equal(own.seen.items[0].body, "Bearer t1");
    assert_string_equal(own.seen.items[2].body, "");
    assert_int_equal(own.seen.items[2].calls, 1);
    finish(&own);
}

static void test_token__refreshes_ahead_while_serving_the_present(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 3, NULL);
    fake_http_push(own.server, PATH, TOKEN("t1", "3"));
    fake_http_set(own.server, PATH, TOKEN("t2", "86399"));
    assert_string_equal(run(&own, 0)->body, "Bearer t1");
    fake_http_hold(own.server, PATH);
    /* Comes by itself: nobody asks. */
    fake_http_wait_count(own.server, PATH, 2);
    assert_string_equal(run(&own, 1)->body, "Bearer t1");
    fake_http_release(own.server, PATH);
    run_until(&own, 2, PC_CODE_OK, "Bearer t2");
    assert_int_equal(fake_http_count(own.server, PATH), 2);
    finish(&own);
}

static void test_token__failed_refresh_ahead_keeps_the_present(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 3, NULL);
    fake_http_push(own.server, PATH, TOKEN("t1", "3"));
    fake_http_push(own.server, PATH, fake_text(500, ""));
    fake_http_set(own.server, PATH, TOKEN("t2", "86399"));
    assert_string_equal(run(&own, 0)->body, "Bearer t1");
    /* The failure, and then the next try by itself. */
    fake_http_wait_count(own.server, PATH, 2);
    assert_int_equal(run(&own, 1)->status.code, PC_CODE_OK);
    fake_http_wait_count(own.server, PATH, 3);
    run_until(&own, 2, PC_CODE_OK, "Bearer t2");
    finish(&own);
}

static void test_token__failure_is_remembered_then_retried(void **state)
{
    (void)state;
    enum { COUNT = 50 };
    fixture own;
    begin(&own, COUNT + 2, NULL);
    fake_http_set(own.server, PATH, fake_text(503, ""));
    int64_t begun_ns = pc_clock_now_ns();
    for (size_t i = 0; i < COUNT; i++) {
        const collected *item = run(&own, i);
        assert_ended(item, PC_CODE_UNAVAILABLE, "UPSTREAM_TOKEN_UNAVAILABLE");
        assert_true(pc_status_retry_after_ms(&item->status) > 0);
    }
    /* One request per 100 ms at most, however many asked. */
    int64_t took_ms = (pc_clock_now_ns() - begun_ns) / 1000000;
    assert_true(fake_http_count(own.server, PATH) <= 1 + took_ms / 100);
    fake_http_set(own.server, PATH, TOKEN("t1", "86399"));
    int64_t healed_ns = pc_clock_now_ns();
    const collected *item = run_until(&own, COUNT, PC_CODE_OK, "Bearer t1");
    assert_true(item->at_ns - healed_ns < 2 * INT64_C(1000000000));
    finish(&own);
}

static void test_token__dead_endpoint_is_unavailable_with_cause(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 1, NULL);
    fake_http_set(own.server, PATH, (fake_answer){.manner = FAKE_CUT});
    const collected *item = run(&own, 0);
    assert_ended(item, PC_CODE_UNAVAILABLE, "UPSTREAM_TOKEN_UNAVAILABLE");
    const pc_status *cause = pc_status_cause(&item->status);
    assert_non_null(cause);
    assert_string_equal(pc_status_reason(cause), "UPSTREAM_CONNECTION_LOST");
    finish(&own);
}

static void test_token__rotated_secret_is_used_at_once(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 3, NULL);
    fake_http_push(own.server, PATH,
                   fake_text(400, "{\"error\":\"invalid_client\",\"error_description\":\"x\"}"));
    fake_http_set(own.server, PATH, TOKEN("t1", "86399"));
    assert_ended(run(&own, 0), PC_CODE_UNAUTHENTICATED, "UPSTREAM_TOKEN_REFUSED");
    pc_status status = pc_token_set_secret(own.token, "new one");
    assert_true(pc_status_ok(&status));
    assert_ended(run(&own, 1), PC_CODE_OK, "");
    assert_non_null(strstr(fake_http_request(own.server, PATH, 1), "&client_secret=new%20one&"));
    finish(&own);
}

typedef struct {
    pc_job job;
    pc_token *token;
    uint64_t generation;
    bool worthwhile;
    collected *item;
} invalidation;

static void invalidate(pc_job *job)
{
    invalidation *own = PC_CONTAINER_OF(job, invalidation, job);
    own->worthwhile = pc_token_invalidate(own->token, own->generation);
    collector_record(own->item, PC_OK, NULL, NULL);
}

static bool run_invalidate(fixture *own, size_t index, uint64_t generation)
{
    int before = collector_calls(&own->seen);
    invalidation call = {.job.run = invalidate,
                         .token = own->token,
                         .generation = generation,
                         .item = &own->seen.items[index]};
    assert_true(pc_loop_post(pc_transfer_loop(own->transfer), &call.job));
    collector_wait(&own->seen, before + 1);
    return call.worthwhile;
}

static void test_token__invalidates_by_generation_once(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 8, NULL);
    fake_http_push(own.server, PATH, TOKEN("t1", "86399"));
    fake_http_set(own.server, PATH, TOKEN("t2", "86399"));
    const collected *item = run(&own, 0);
    assert_string_equal(item->body, "Bearer t1");
    uint64_t old = item->attempts;
    assert_true(run_invalidate(&own, 1, old));
    assert_true(run_invalidate(&own, 2, old));
    item = run(&own, 3);
    assert_string_equal(item->body, "Bearer t2");
    /* Word of the old one comes late: the new one stays. */
    assert_true(run_invalidate(&own, 4, old));
    assert_string_equal(run(&own, 5)->body, "Bearer t2");
    /* The new one refused as well, at once: a third would not help. */
    assert_false(run_invalidate(&own, 6, item->attempts));
    assert_string_equal(run(&own, 7)->body, "Bearer t2");
    assert_int_equal(fake_http_count(own.server, PATH), 2);
    uint64_t requests = 0;
    uint64_t failures = 0;
    pc_token_counters(own.token, &requests, &failures);
    assert_int_equal(requests, 2);
    assert_int_equal(failures, 0);
    finish(&own);
}

static void test_token__static_token_asks_nobody(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 2, "fixed");
    const collected *item = run(&own, 0);
    assert_string_equal(item->body, "Bearer fixed");
    assert_false(run_invalidate(&own, 1, item->attempts));
    assert_int_equal(fake_http_count(own.server, PATH), 0);
    finish(&own);
}

static void test_token__end_of_transfer_cancels_waiters(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 2, NULL);
    fake_http_set(own.server, PATH, (fake_answer){.manner = FAKE_HANG});
    asker a;
    asker b;
    post(&own, &a, 0, LONG_MS);
    post(&own, &b, 1, LONG_MS);
    fake_http_wait_count(own.server, PATH, 1);
    pc_transfer_free(own.transfer);
    own.transfer = NULL;
    assert_int_equal(collector_calls(&own.seen), 2);
    assert_ended(&own.seen.items[0], PC_CODE_CANCELLED, "CANCELLED");
    assert_ended(&own.seen.items[1], PC_CODE_CANCELLED, "CANCELLED");
    finish(&own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token__sends_a_form_with_encoded_secret),
        cmocka_unit_test(test_token__one_request_for_all_who_wait),
        cmocka_unit_test(test_token__waiters_have_their_own_ends),
        cmocka_unit_test(test_token__refreshes_ahead_while_serving_the_present),
        cmocka_unit_test(test_token__failed_refresh_ahead_keeps_the_present),
        cmocka_unit_test(test_token__failure_is_remembered_then_retried),
        cmocka_unit_test(test_token__dead_endpoint_is_unavailable_with_cause),
        cmocka_unit_test(test_token__rotated_secret_is_used_at_once),
        cmocka_unit_test(test_token__invalidates_by_generation_once),
        cmocka_unit_test(test_token__static_token_asks_nobody),
        cmocka_unit_test(test_token__end_of_transfer_cancels_waiters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
