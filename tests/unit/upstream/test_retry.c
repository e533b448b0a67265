/* What is worth another try, when, and how many there may be. */
#include "check.h"
#include "upstream/retry.h"
#include "util/attributes.h"

typedef struct {
    pc_code code;
    const char *reason;
    int http_status;
    int64_t hint_ms;
    pc_retry_reason expected;
} row;

static const row rows[] = {
    {PC_CODE_UNAVAILABLE, "UPSTREAM_UNAVAILABLE", 502, 0, PC_RETRY_UNAVAILABLE},
    {PC_CODE_UNAVAILABLE, "UPSTREAM_UNAVAILABLE", 503, 0, PC_RETRY_UNAVAILABLE},
    {PC_CODE_UNAVAILABLE, "UPSTREAM_UNAVAILABLE", 503, 700, PC_RETRY_UNAVAILABLE},
    {PC_CODE_UNAVAILABLE, "UPSTREAM_UNAVAILABLE", 504, 0, PC_RETRY_UNAVAILABLE},
    {PC_CODE_UNAVAILABLE, "UPSTREAM_UNAVAILABLE", 500, 0, PC_RETRY_NOT},
    {PC_CODE_UNAVAILABLE, "UPSTREAM_UNAVAILABLE", 501, 0, PC_RETRY_NOT},
    {PC_CODE_UNAVAILABLE, "UPSTREAM_UNAVAILABLE", 408, 0, PC_RETRY_NOT},
    {PC_CODE_UNAVAILABLE, "UPSTREAM_UNREACHABLE", 0, 0, PC_RETRY_UNREACHABLE},
    {PC_CODE_UNAVAILABLE, "UPSTREAM_CONNECTION_LOST", 0, 0, PC_RETRY_CONNECTION_LOST},
    {PC_CODE_DEADLINE_EXCEEDED, "UPSTREAM_TIMEOUT", 0, 0, PC_RETRY_TIMED_OUT},
    {PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_THROTTLED", 429, 500, PC_RETRY_THROTTLED},
    {PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_THROTTLED", 429, 0, PC_RETRY_NOT},
    {PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_BODY_TOO_LARGE", 0, 0, PC_RETRY_NOT},
    {PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_BUDGET_SPENT", 0, 100, PC_RETRY_NOT},
    {PC_CODE_UNAVAILABLE, "UPSTREAM_TLS_FAILED", 0, 0, PC_RETRY_NOT},
    {PC_CODE_UNAVAILABLE, "UPSTREAM_PROTOCOL_ERROR", 0, 0, PC_RETRY_NOT},
    {PC_CODE_UNAVAILABLE, "UPSTREAM_TOKEN_UNAVAILABLE", 0, 100, PC_RETRY_NOT},
    {PC_CODE_UNAVAILABLE, "UPSTREAM_BREAKER_OPEN", 0, 100, PC_RETRY_NOT},
    {PC_CODE_UNAUTHENTICATED, "UPSTREAM_UNAUTHENTICATED", 401, 0, PC_RETRY_NOT},
    {PC_CODE_NOT_FOUND, "PROFILE_NOT_FOUND", 404, 0, PC_RETRY_NOT},
    {PC_CODE_INTERNAL, "UPSTREAM_BAD_ANSWER", 200, 0, PC_RETRY_NOT},
    {PC_CODE_CANCELLED, "CANCELLED", 0, 0, PC_RETRY_NOT},
};

static void only_failures_of_the_moment_are_worth_it_and_no_deletion_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < PC_COUNT_OF(rows); i++) {
        const row *r = &rows[i];
        pc_status status = pc_status_new(r->code, r->reason, "x");
        if (r->hint_ms > 0) {
            status = pc_status_with_retry(status, r->hint_ms);
        }
        for (int kind = 0; kind < PC_ENTITY_KIND_COUNT; kind++) {
            pc_retry_reason wanted = kind == PC_ENTITY_DELETE ? PC_RETRY_NOT : r->expected;
            if (pc_retry_reason_of((pc_entity_kind)kind, &status, r->http_status) != wanted) {
                fail_msg("row %zu %s, kind %d", i, r->reason, kind);
            }
        }
        pc_status_clear(&status);
    }
}

static void waits_are_spread_below_a_bound_that_doubles(void **state)
{
    (void)state;
    const int64_t bounds[] = {50, 100, 200, 400, 800, 1000, 1000};
    uint64_t dice = 42;
    for (unsigned tries = 0; tries < PC_COUNT_OF(bounds); tries++) {
        int64_t least = INT64_MAX;
        int64_t most = 0;
        for (int i = 0; i < 5000; i++) {
            int64_t wait = pc_retry_wait_ms(tries, 0, pc_retry_dice(&dice));
            least = wait < least ? wait : least;
            most = wait > most ? wait : most;
        }
        assert_in_range(least, 0, bounds[tries] / 20);
        assert_in_range(most, bounds[tries] * 95 / 100, bounds[tries]);
    }
    assert_in_range(pc_retry_wait_ms(UINT32_MAX, 0, UINT64_MAX), 0, 1000);
}

static void advice_is_a_lower_bound(void **state)
{
    (void)state;
    uint64_t dice = 7;
    for (int i = 0; i < 1000; i++) {
        assert_in_range(pc_retry_wait_ms(0, 700, pc_retry_dice(&dice)), 700, 750);
    }
}

static int spend_all(pc_retry_allowance *allowance)
{
    int count = 0;
    while (pc_retry_spend(allowance)) {
        count++;
    }
    return count;
}

static void a_share_of_the_calls_may_be_retried(void **state)
{
    (void)state;
    pc_retry_allowance allowance = {.percent = 10};
    int retries = spend_all(&allowance);
    assert_int_equal(retries, 0);
    for (int i = 0; i < 1000; i++) {
        pc_retry_earn(&allowance);
        retries += spend_all(&allowance);
    }
    assert_int_equal(retries, 100);
}

static void little_is_kept_for_later(void **state)
{
    (void)state;
    pc_retry_allowance allowance = {.percent = 10};
    for (int i = 0; i < 100000; i++) {
        pc_retry_earn(&allowance);
    }
    assert_int_equal(spend_all(&allowance), 10);
}

static void nothing_is_earned_at_no_percent(void **state)
{
    (void)state;
    pc_retry_allowance allowance = {.percent = 0};
    for (int i = 0; i < 1000; i++) {
        pc_retry_earn(&allowance);
    }
    assert_int_equal(spend_all(&allowance), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_failures_of_the_moment_are_worth_it_and_no_deletion_is),
        cmocka_unit_test(waits_are_spread_below_a_bound_that_doubles),
        cmocka_unit_test(advice_is_a_lower_bound),
        cmocka_unit_test(a_share_of_the_calls_may_be_retried),
        cmocka_unit_test(little_is_kept_for_later),
        cmocka_unit_test(nothing_is_earned_at_no_percent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
