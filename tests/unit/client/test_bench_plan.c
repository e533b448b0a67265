/* When calls of a load are started, and which count. */
#include "testing.h"

#include "bench_plan.h"

static const int64_t second = 1000000000;
static const int64_t begin = INT64_C(123456789) * 1000;

static void a_closed_loop_starts_at_once_until_its_time_is_over(void **state)
{
    (void)state;
    bench_plan plan = {.warmup_ns = 2 * second, .duration_ns = 10 * second};
    bench_plan_begin(&plan, begin);
    assert_int_equal(bench_plan_due(&plan, begin + 5), begin + 5);
    assert_false(bench_plan_take(&plan, begin + 5));
    assert_false(bench_plan_take(&plan, begin + 2 * second - 1));
    assert_true(bench_plan_take(&plan, begin + 2 * second));
    assert_int_equal(bench_plan_window_begin(&plan), begin + 2 * second);
    assert_int_equal(bench_plan_window_end(&plan), begin + 12 * second);
    assert_int_equal(bench_plan_due(&plan, begin + 12 * second - 1), begin + 12 * second - 1);
    assert_int_equal(bench_plan_due(&plan, begin + 12 * second), BENCH_PLAN_NEVER);
    assert_int_equal(plan.counted, 1);
}

static void requests_of_the_warm_up_do_not_count(void **state)
{
    (void)state;
    bench_plan plan = {.warmup_ns = second, .requests = 2};
    bench_plan_begin(&plan, begin);
    for (int i = 0; i < 5; i++) {
        assert_false(bench_plan_take(&plan, bench_plan_due(&plan, begin + i)));
    }
    assert_true(bench_plan_take(&plan, bench_plan_due(&plan, begin + second)));
    assert_true(bench_plan_take(&plan, bench_plan_due(&plan, begin + second)));
    assert_int_equal(bench_plan_due(&plan, begin + second), BENCH_PLAN_NEVER);
    assert_int_equal(bench_plan_window_end(&plan), BENCH_PLAN_NEVER);
}

static void a_rate_is_a_schedule_that_waits_for_nothing(void **state)
{
    (void)state;
    bench_plan plan = {.rate = 4, .duration_ns = second};
    bench_plan_begin(&plan, begin);
    /* However late it is, the moments stay where they were. */
    int64_t late = begin + 900 * second;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(bench_plan_due(&plan, late), begin + i * second / 4);
        assert_true(bench_plan_take(&plan, bench_plan_due(&plan, late)));
    }
    assert_int_equal(bench_plan_due(&plan, late), BENCH_PLAN_NEVER);
}

static void a_schedule_has_all_its_starts_and_does_not_drift(void **state)
{
    (void)state;
    static const double rates[] = {0.5, 3, 999.9, 60000, 1000003};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        bench_plan plan = {.rate = rates[i], .duration_ns = 30 * second};
        bench_plan_begin(&plan, begin);
        uint64_t starts = 0;
        for (;;) {
            int64_t due = bench_plan_due(&plan, 0);
            if (due == BENCH_PLAN_NEVER) {
                break;
            }
            double off = (double)(due - begin) - (double)starts * 1e9 / rates[i];
            assert_true(off > -1.5 && off < 1.5);
            bench_plan_take(&plan, due);
            starts++;
        }
        assert_true((double)starts >= 30 * rates[i] && (double)starts < 30 * rates[i] + 1);
    }
}

static void a_schedule_keeps_its_pace_for_days(void **state)
{
    (void)state;
    bench_plan plan = {.rate = 50000, .requests = UINT64_MAX};
    bench_plan_begin(&plan, begin);
    plan.scheduled = UINT64_C(50000) * 86400 * 10;
    int64_t due = bench_plan_due(&plan, 0);
    assert_in_range(due, begin + 864000 * second - 1, begin + 864000 * second + 1);
}

static void a_stopped_plan_starts_nothing(void **state)
{
    (void)state;
    bench_plan plan = {.rate = 10, .requests = 100};
    bench_plan_begin(&plan, begin);
    bench_plan_stop(&plan);
    assert_int_equal(bench_plan_due(&plan, begin), BENCH_PLAN_NEVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_closed_loop_starts_at_once_until_its_time_is_over),
        cmocka_unit_test(requests_of_the_warm_up_do_not_count),
        cmocka_unit_test(a_rate_is_a_schedule_that_waits_for_nothing),
        cmocka_unit_test(a_schedule_has_all_its_starts_and_does_not_drift),
        cmocka_unit_test(a_schedule_keeps_its_pace_for_days),
        cmocka_unit_test(a_stopped_plan_starts_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
