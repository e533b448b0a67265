/* Pressure from delays, and who goes without at which. */
#include "check.h"

#include "door/shedding.h"

static const int64_t bound = 50000000;

/* Of a hundred calls, how many are turned away. */
static int refused(const pc_shedding *shedding, pc_criticality criticality)
{
    int count = 0;
    for (unsigned dice = 0; dice < 1000; dice += 10) {
        count += pc_shedding_refuses(shedding, criticality, dice);
    }
    return count;
}

static void observe(pc_shedding *shedding, int64_t delay, int times)
{
    for (int i = 0; i < times; i++) {
        pc_shedding_observe(shedding, delay, bound);
    }
}

static void test_shedding__at_ease_all_are_served(void **state)
{
    (void)state;
    pc_shedding shedding = {0};
    observe(&shedding, bound, 100);
    for (int c = 0; c < PC_CRITICALITY_COUNT; c++) {
        assert_int_equal(refused(&shedding, (pc_criticality)c), 0);
    }
}

static void test_shedding__the_least_critical_go_first(void **state)
{
    (void)state;
    pc_shedding shedding = {0};
    observe(&shedding, bound + 1, 2);
    assert_int_equal(refused(&shedding, PC_CRITICALITY_PREFETCH), 50);
    assert_int_equal(refused(&shedding, PC_CRITICALITY_BATCH), 0);
    observe(&shedding, 4 * bound + 1, 4);
    assert_int_equal(refused(&shedding, PC_CRITICALITY_PREFETCH), 100);
    assert_int_equal(refused(&shedding, PC_CRITICALITY_BATCH), 50);
    assert_int_equal(refused(&shedding, PC_CRITICALITY_AGENT), 0);
    observe(&shedding, 16 * bound + 1, 4);
    assert_int_equal(refused(&shedding, PC_CRITICALITY_AGENT), 50);
    assert_int_equal(refused(&shedding, PC_CRITICALITY_ROUTING), 0);
}

static void test_shedding__of_the_most_critical_half_are_always_served(void **state)
{
    (void)state;
    pc_shedding shedding = {0};
    observe(&shedding, 100 * bound, 1000);
    assert_int_equal(refused(&shedding, PC_CRITICALITY_AGENT), 100);
    assert_int_equal(refused(&shedding, PC_CRITICALITY_ROUTING), 50);
}

static void test_shedding__a_small_delay_never_costs_those_who_wait(void **state)
{
    (void)state;
    pc_shedding shedding = {0};
    observe(&shedding, 2 * bound, 1000);
    assert_int_equal(refused(&shedding, PC_CRITICALITY_PREFETCH), 100);
    assert_int_equal(refused(&shedding, PC_CRITICALITY_BATCH), 0);
    observe(&shedding, 5 * bound, 1000);
    assert_int_equal(refused(&shedding, PC_CRITICALITY_BATCH), 100);
    assert_int_equal(refused(&shedding, PC_CRITICALITY_AGENT), 0);
    observe(&shedding, 100 * bound, 1000);
    observe(&shedding, 2 * bound, 1000);
    assert_int_equal(refused(&shedding, PC_CRITICALITY_BATCH), 0);
}

static void test_shedding__two_seconds_of_ease_end_it(void **state)
{
    (void)state;
    pc_shedding shedding = {0};
    observe(&shedding, 100 * bound, 1000);
    observe(&shedding, 0, 40);
    for (int c = 0; c < PC_CRITICALITY_COUNT; c++) {
        assert_int_equal(refused(&shedding, (pc_criticality)c), 0);
    }
}

static void test_shedding__without_a_bound_nothing_is_turned_away(void **state)
{
    (void)state;
    pc_shedding shedding = {0};
    for (int i = 0; i < 100; i++) {
        pc_shedding_observe(&shedding, INT64_MAX, 0);
    }
    assert_int_equal(refused(&shedding, PC_CRITICALITY_PREFETCH), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shedding__at_ease_all_are_served),
        cmocka_unit_test(test_shedding__the_least_critical_go_first),
        cmocka_unit_test(test_shedding__of_the_most_critical_half_are_always_served),
        cmocka_unit_test(test_shedding__a_small_delay_never_costs_those_who_wait),
        cmocka_unit_test(test_shedding__two_seconds_of_ease_end_it),
        cmocka_unit_test(test_shedding__without_a_bound_nothing_is_turned_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
