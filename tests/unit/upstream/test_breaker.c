/* When the breaker opens, what it lets pass, and when it closes; the time is the tests'. */
#include "check.h"
#include "upstream/breaker.h"
#include "util/attributes.h"

static const int64_t start_ns = INT64_C(1000000000000);
static const int64_t second = INT64_C(1000000000);
static const int64_t ms = INT64_C(1000000);

static const pc_breaker_options usual = {
    .failure_percent = 50, .calls_min = 10, .window_ms = 10000, .open_ms = 5000, .probes = 3};

static pc_breaker make(void)
{
    pc_breaker breaker;
    pc_breaker_init(&breaker, &usual);
    return breaker;
}

/* How many of `count` calls passed; each has ended so. */
static int calls(pc_breaker *breaker, int count, pc_breaker_outcome outcome, int64_t now_ns)
{
    int passed = 0;
    for (int i = 0; i < count; i++) {
        pc_breaker_pass pass;
        passed += pc_breaker_enter(breaker, &pass, now_ns);
        pc_breaker_leave(breaker, &pass, outcome, now_ns);
    }
    return passed;
}

static bool refuses(pc_breaker *breaker, int64_t now_ns)
{
    int64_t retry_ms = 0;
    bool refused = pc_breaker_refuses(breaker, now_ns, &retry_ms);
    assert_true(refused == (retry_ms > 0));
    return refused;
}

static void half_of_the_calls_that_fail_open_it(void **state)
{
    (void)state;
    pc_breaker breaker = make();
    assert_int_equal(calls(&breaker, 10, PC_BREAKER_SUCCESS, start_ns), 10);
    assert_int_equal(calls(&breaker, 9, PC_BREAKER_FAILURE, start_ns), 9);
    assert_int_equal(pc_breaker_state_of(&breaker), PC_BREAKER_CLOSED);
    assert_false(refuses(&breaker, start_ns));
    assert_int_equal(calls(&breaker, 1, PC_BREAKER_FAILURE, start_ns), 1);
    assert_int_equal(pc_breaker_state_of(&breaker), PC_BREAKER_OPEN);
    assert_true(refuses(&breaker, start_ns));
    assert_int_equal(calls(&breaker, 5, PC_BREAKER_SUCCESS, start_ns + 4999 * ms), 0);
}

static void few_calls_say_nothing(void **state)
{
    (void)state;
    pc_breaker breaker = make();
    assert_int_equal(calls(&breaker, 9, PC_BREAKER_FAILURE, start_ns), 9);
    assert_int_equal(pc_breaker_state_of(&breaker), PC_BREAKER_CLOSED);
    assert_int_equal(calls(&breaker, 1, PC_BREAKER_FAILURE, start_ns), 1);
    assert_int_equal(pc_breaker_state_of(&breaker), PC_BREAKER_OPEN);
}

static void calls_given_up_early_do_not_count(void **state)
{
    (void)state;
    pc_breaker breaker = make();
    assert_int_equal(calls(&breaker, 100, PC_BREAKER_SAYS_NOTHING, start_ns), 100);
    assert_int_equal(calls(&breaker, 9, PC_BREAKER_FAILURE, start_ns), 9);
    assert_int_equal(pc_breaker_state_of(&breaker), PC_BREAKER_CLOSED);
}

static void what_is_older_than_the_window_is_forgotten_bit_by_bit(void **state)
{
    (void)state;
    pc_breaker breaker = make();
    unsigned count;
    unsigned failures;
    for (int i = 0; i < 9; i++) {
        assert_int_equal(calls(&breaker, 1, PC_BREAKER_FAILURE, start_ns + i * second), 1);
    }
    assert_int_equal(calls(&breaker, 1, PC_BREAKER_SUCCESS, start_ns + 12 * second), 1);
    pc_breaker_window(&breaker, &count, &failures);
    assert_int_equal(failures, 6);
    assert_int_equal(calls(&breaker, 9, PC_BREAKER_FAILURE, start_ns + 60 * second), 9);
    assert_int_equal(pc_breaker_state_of(&breaker), PC_BREAKER_CLOSED);
}

static pc_breaker opened(void)
{
    pc_breaker breaker = make();
    assert_int_equal(calls(&breaker, 10, PC_BREAKER_FAILURE, start_ns), 10);
    assert_int_equal(pc_breaker_state_of(&breaker), PC_BREAKER_OPEN);
    return breaker;
}

static void later_a_few_may_probe_at_once(void **state)
{
    (void)state;
    pc_breaker breaker = opened();
    int64_t later_ns = start_ns + 5 * second;
    pc_breaker_pass passes[4];
    assert_false(refuses(&breaker, later_ns));
    for (int i = 0; i < 3; i++) {
        assert_true(pc_breaker_enter(&breaker, &passes[i], later_ns));
    }
    assert_int_equal(pc_breaker_state_of(&breaker), PC_BREAKER_HALF_OPEN);
    assert_false(pc_breaker_enter(&breaker, &passes[3], later_ns));
    assert_true(refuses(&breaker, later_ns));
    /* One that tells nothing makes room for another. */
    pc_breaker_leave(&breaker, &passes[0], PC_BREAKER_SAYS_NOTHING, later_ns);
    assert_false(refuses(&breaker, later_ns));
    assert_true(pc_breaker_enter(&breaker, &passes[0], later_ns));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pc_breaker_state_of(&breaker), PC_BREAKER_HALF_OPEN);
        pc_breaker_leave(&breaker, &passes[i], PC_BREAKER_SUCCESS, later_ns);
    }
    assert_int_equal(pc_breaker_state_of(&breaker), PC_BREAKER_CLOSED);
    pc_breaker_leave(&breaker, &passes[3], PC_BREAKER_FAILURE, later_ns); /* never was inside */
    /* What failed before it opened is forgotten. */
    assert_int_equal(calls(&breaker, 9, PC_BREAKER_FAILURE, later_ns), 9);
    assert_int_equal(pc_breaker_state_of(&breaker), PC_BREAKER_CLOSED);
}

static void a_probe_that_fails_opens_it_again(void **state)
{
    (void)state;
    pc_breaker breaker = opened();
    int64_t later_ns = start_ns + 5 * second;
    assert_int_equal(calls(&breaker, 2, PC_BREAKER_SUCCESS, later_ns), 2);
    assert_int_equal(calls(&breaker, 1, PC_BREAKER_FAILURE, later_ns), 1);
    assert_int_equal(pc_breaker_state_of(&breaker), PC_BREAKER_OPEN);
    assert_true(refuses(&breaker, later_ns + 4999 * ms));
    assert_int_equal(calls(&breaker, 3, PC_BREAKER_SUCCESS, later_ns + 5 * second), 3);
    assert_int_equal(pc_breaker_state_of(&breaker), PC_BREAKER_CLOSED);
}

static void who_passed_before_it_opened_is_not_heard_any_more(void **state)
{
    (void)state;
    pc_breaker breaker = make();
    pc_breaker_pass old;
    assert_true(pc_breaker_enter(&breaker, &old, start_ns));
    assert_int_equal(calls(&breaker, 10, PC_BREAKER_FAILURE, start_ns), 10);
    int64_t later_ns = start_ns + 5 * second;
    assert_int_equal(calls(&breaker, 1, PC_BREAKER_SUCCESS, later_ns), 1);
    pc_breaker_leave(&breaker, &old, PC_BREAKER_FAILURE, later_ns);
    assert_int_equal(pc_breaker_state_of(&breaker), PC_BREAKER_HALF_OPEN);
    assert_int_equal(atomic_load(&breaker.probing), 0);
}

static void without_a_share_it_never_opens(void **state)
{
    (void)state;
    pc_breaker_options never = usual;
    never.failure_percent = 0;
    pc_breaker breaker;
    pc_breaker_init(&breaker, &never);
    assert_int_equal(calls(&breaker, 1000, PC_BREAKER_FAILURE, start_ns), 1000);
    assert_int_equal(pc_breaker_state_of(&breaker), PC_BREAKER_CLOSED);
}

static int changes_seen;

static void count_change(pc_breaker *breaker, pc_breaker_state from, pc_breaker_state to)
{
    assert_true(from != to);
    assert_int_equal(pc_breaker_state_of(breaker), to);
    changes_seen++;
}

static void each_change_is_told_and_counted(void **state)
{
    (void)state;
    pc_breaker breaker = make();
    breaker.changed = count_change;
    changes_seen = 0;
    assert_int_equal(calls(&breaker, 15, PC_BREAKER_FAILURE, start_ns), 10);
    assert_int_equal(calls(&breaker, 1, PC_BREAKER_FAILURE, start_ns + 5 * second), 1);
    assert_int_equal(calls(&breaker, 3, PC_BREAKER_SUCCESS, start_ns + 10 * second), 3);
    pc_breaker_figures figures;
    pc_breaker_read(&breaker, &figures);
    assert_int_equal(figures.state, PC_BREAKER_CLOSED);
    assert_int_equal(figures.refused, 5);
    assert_int_equal(figures.changes[PC_BREAKER_OPEN], 2);
    assert_int_equal(figures.changes[PC_BREAKER_HALF_OPEN], 2);
    assert_int_equal(figures.changes[PC_BREAKER_CLOSED], 1);
    assert_int_equal(changes_seen, 5);
    assert_string_equal(pc_breaker_state_name(PC_BREAKER_HALF_OPEN), "half_open");
}

static void it_can_be_moved_by_who_judges_otherwise(void **state)
{
    (void)state;
    pc_breaker breaker = make();
    pc_breaker_move(&breaker, PC_BREAKER_OPEN, start_ns + second);
    assert_true(refuses(&breaker, start_ns));
    assert_false(refuses(&breaker, start_ns + second));
    /* Longer, without a change of state. */
    pc_breaker_move(&breaker, PC_BREAKER_OPEN, start_ns + 2 * second);
    assert_true(refuses(&breaker, start_ns + second));
    pc_breaker_move(&breaker, PC_BREAKER_CLOSED, 0);
    assert_false(refuses(&breaker, start_ns));
    assert_int_equal(atomic_load(&breaker.changes[PC_BREAKER_OPEN]), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_of_the_calls_that_fail_open_it),
        cmocka_unit_test(few_calls_say_nothing),
        cmocka_unit_test(calls_given_up_early_do_not_count),
        cmocka_unit_test(what_is_older_than_the_window_is_forgotten_bit_by_bit),
        cmocka_unit_test(later_a_few_may_probe_at_once),
        cmocka_unit_test(a_probe_that_fails_opens_it_again),
        cmocka_unit_test(who_passed_before_it_opened_is_not_heard_any_more),
        cmocka_unit_test(without_a_share_it_never_opens),
        cmocka_unit_test(each_change_is_told_and_counted),
        cmocka_unit_test(it_can_be_moved_by_who_judges_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
