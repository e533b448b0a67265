/* Which calls are kept for who looks into them. */
#include "check.h"

#include "telemetry/recent_calls.h"

static void note(pc_recent_calls *recent, pc_code code, int64_t duration_ns, unsigned mark)
{
    if (pc_recent_calls_wants(recent, code, duration_ns)) {
        const pc_recent_call call = {.method = "/a/b",
                                     .code = code,
                                     .reason = "",
                                     .duration_ns = duration_ns,
                                     .upstream_calls = mark};
        pc_recent_calls_note(recent, &call);
    }
}

static void test_recent_calls__failed_and_slow_ones_are_kept_latest_first(void **state)
{
    (void)state;
    pc_recent_calls *recent;
    pc_recent_call calls[PC_RECENT_CALLS];
    check_ok(pc_recent_calls_new(&recent, 1000));
    note(recent, PC_CODE_OK, 999, 1);
    note(recent, PC_CODE_NOT_FOUND, 1, 2);
    note(recent, PC_CODE_CANCELLED, 1, 3);
    note(recent, PC_CODE_INTERNAL, 1, 4);
    note(recent, PC_CODE_OK, 1000, 5);
    note(recent, PC_CODE_UNAVAILABLE, 2000, 6);
    assert_int_equal(pc_recent_calls_read(recent, PC_RECENT_FAILED, calls), 2);
    assert_int_equal(calls[0].upstream_calls, 6);
    assert_int_equal(calls[1].upstream_calls, 4);
    assert_int_equal(pc_recent_calls_read(recent, PC_RECENT_SLOW, calls), 2);
    assert_int_equal(calls[1].upstream_calls, 5);
    pc_recent_calls_free(recent);
}

static void test_recent_calls__the_oldest_go(void **state)
{
    (void)state;
    pc_recent_calls *recent;
    pc_recent_call calls[PC_RECENT_CALLS];
    check_ok(pc_recent_calls_new(&recent, 1000));
    for (unsigned i = 0; i < 3 * PC_RECENT_CALLS; i++) {
        note(recent, PC_CODE_INTERNAL, 1, i);
    }
    assert_int_equal(pc_recent_calls_read(recent, PC_RECENT_FAILED, calls), PC_RECENT_CALLS);
    assert_int_equal(calls[0].upstream_calls, 3 * PC_RECENT_CALLS - 1);
    assert_int_equal(calls[PC_RECENT_CALLS - 1].upstream_calls, 2 * PC_RECENT_CALLS);
    pc_recent_calls_free(recent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recent_calls__failed_and_slow_ones_are_kept_latest_first),
        cmocka_unit_test(test_recent_calls__the_oldest_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
