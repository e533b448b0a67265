/* Token buckets by caller, with a clock of the test's. */
#include "check.h"

#include "util/quotas.h"

static const int64_t second = 1000000000;
static const pc_quota ten_a_second = {.rate = 10, .burst = 5};

static int open_quotas(void **state)
{
    check_ok(pc_quotas_new((pc_quotas **)state));
    return 0;
}

static int close_quotas(void **state)
{
    pc_quotas_free(*state);
    return 0;
}

static int take_all(pc_quotas *quotas, uint64_t caller, int64_t now)
{
    int taken = 0;
    while (pc_quotas_take(quotas, caller, &ten_a_second, now) == 0) {
        taken++;
    }
    return taken;
}

static void test_quotas__a_burst_then_the_rate(void **state)
{
    assert_int_equal(take_all(*state, 7, second), 5);
    assert_int_equal(take_all(*state, 7, second), 0);
    assert_int_equal(take_all(*state, 7, second + second / 5), 2);
    assert_int_equal(take_all(*state, 7, 100 * second), 5);
}

static void test_quotas__who_is_refused_is_told_when_to_come(void **state)
{
    (void)take_all(*state, 7, second);
    int64_t wait = pc_quotas_take(*state, 7, &ten_a_second, second);
    assert_true(wait > second / 20 && wait <= second / 10 + 1);
    assert_int_equal(pc_quotas_take(*state, 7, &ten_a_second, second + wait), 0);
}

static void test_quotas__callers_do_not_share(void **state)
{
    (void)take_all(*state, 7, second);
    assert_int_equal(take_all(*state, 8, second), 5);
}

static void test_quotas__without_a_rate_nothing_is_refused(void **state)
{
    const pc_quota none = {.rate = 0};
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(pc_quotas_take(*state, 7, &none, second), 0);
    }
}

static void test_quotas__a_clock_that_goes_back_gives_nothing(void **state)
{
    (void)take_all(*state, 7, 100 * second);
    assert_int_equal(take_all(*state, 7, second), 0);
}

static void test_quotas__many_callers_do_not_make_one_forgotten_that_keeps_calling(void **state)
{
    (void)take_all(*state, 7, second);
    for (uint64_t i = 0; i < 200000; i++) {
        int64_t now = second + (int64_t)i;
        (void)pc_quotas_take(*state, 1000 + i, &ten_a_second, now);
        /* A moment more than nothing has come back: it is still its old bucket. */
        assert_true(pc_quotas_take(*state, 7, &ten_a_second, now) > 0);
    }
}

#define WITH_QUOTAS(test) cmocka_unit_test_setup_teardown(test, open_quotas, close_quotas)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_QUOTAS(test_quotas__a_burst_then_the_rate),
        WITH_QUOTAS(test_quotas__who_is_refused_is_told_when_to_come),
        WITH_QUOTAS(test_quotas__callers_do_not_share),
        WITH_QUOTAS(test_quotas__without_a_rate_nothing_is_refused),
        WITH_QUOTAS(test_quotas__a_clock_that_goes_back_gives_nothing),
        WITH_QUOTAS(test_quotas__many_callers_do_not_make_one_forgotten_that_keeps_calling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
