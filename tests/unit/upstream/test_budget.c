/* Which calls the budget grants, in which order, and how it adapts; the time is the tests'. */
#include <string.h>

#include "check.h"
#include "upstream/budget.h"
#include "util/attributes.h"
#include "util/caller_key.h"
#include "util/clock.h"

static const int64_t start_ns = INT64_C(1000000000000);
static const int64_t second = INT64_C(1000000000);
static const int64_t ms = INT64_C(1000000);

static pc_budget *make(double rate, double burst, double share, unsigned most, unsigned least)
{
    const pc_budget_options options = {
        .rate = rate, .burst = burst, .caller_share = share, .calls_max = most, .calls_min = least};
    pc_budget *budget;
    check_ok(pc_budget_new(&budget, &options));
    return budget;
}

static pc_budget_ticket ticket(pc_criticality criticality, uint64_t caller)
{
    return (pc_budget_ticket){
        .criticality = criticality, .caller = caller, .deadline_ns = start_ns + 100 * second};
}

static pc_budget_verdict ask(pc_budget *budget, pc_budget_ticket *t, int64_t now_ns)
{
    int64_t retry_ms;
    return pc_budget_ask(budget, t, now_ns, &retry_ms);
}

/* How many of `count` are granted at once; the others are taken back. */
static int grants(pc_budget *budget, pc_criticality criticality, uint64_t caller, int count,
                  int64_t now_ns)
{
    int granted = 0;
    for (int i = 0; i < count; i++) {
        pc_budget_ticket t = ticket(criticality, caller);
        granted += ask(budget, &t, now_ns) == PC_BUDGET_GRANTED;
        pc_budget_leave(budget, &t);
    }
    return granted;
}

static void without_a_rate_only_the_number_under_way_is_bounded(void **state)
{
    (void)state;
    pc_budget *budget = make(0, 1, 1, 10, 1);
    assert_int_equal(grants(budget, PC_CRITICALITY_ROUTING, 1, 20, start_ns), 10);
    pc_budget_end(budget, PC_BUDGET_WENT_WELL, ms, 0, start_ns);
    assert_int_equal(grants(budget, PC_CRITICALITY_ROUTING, 1, 20, start_ns), 1);
    assert_int_equal(pc_budget_left(budget, PC_CRITICALITY_ROUTING, 1, start_ns), -1);
    pc_budget_free(budget);
}

static void one_that_could_not_be_done_in_time_is_refused_at_once(void **state)
{
    (void)state;
    pc_budget *budget = make(0, 1, 1, 2, 1);
    pc_budget_ticket first = ticket(PC_CRITICALITY_ROUTING, 1);
    assert_int_equal(ask(budget, &first, start_ns), PC_BUDGET_GRANTED);
    pc_budget_end(budget, PC_BUDGET_WENT_WELL, 100 * ms, 0, start_ns);
    /* Two at once, 100 ms each: who comes now has a place after 50 ms, and is done after 150. */
    assert_int_equal(grants(budget, PC_CRITICALITY_ROUTING, 1, 2, start_ns), 2);
    pc_budget_ticket late = ticket(PC_CRITICALITY_ROUTING, 1);
    late.deadline_ns = start_ns + 149 * ms;
    int64_t retry_ms;
    assert_int_equal(pc_budget_ask(budget, &late, start_ns, &retry_ms), PC_BUDGET_REFUSED);
    assert_true(retry_ms >= 50);
    late.deadline_ns = start_ns + 151 * ms;
    assert_int_equal(ask(budget, &late, start_ns), PC_BUDGET_WAITS);
    pc_budget_leave(budget, &late);
    pc_budget_free(budget);
}

static void a_rate_lets_a_burst_through_and_then_its_own_pace(void **state)
{
    (void)state;
    pc_budget *budget = make(100, 20, 1, 1000, 1);
    assert_int_equal(grants(budget, PC_CRITICALITY_ROUTING, 1, 50, start_ns), 20);
    assert_int_equal(grants(budget, PC_CRITICALITY_ROUTING, 1, 50, start_ns + 100 * ms), 10);
    assert_int_equal(grants(budget, PC_CRITICALITY_ROUTING, 1, 50, start_ns + 10 * second), 20);
    pc_budget_free(budget);
}

static void each_class_leaves_a_reserve_to_those_above_it(void **state)
{
    (void)state;
    pc_budget *budget = make(1, 100, 1, 1000, 1);
    assert_int_equal(grants(budget, PC_CRITICALITY_PREFETCH, 1, 200, start_ns), 50);
    assert_int_equal(grants(budget, PC_CRITICALITY_BATCH, 1, 200, start_ns), 25);
    assert_int_equal(grants(budget, PC_CRITICALITY_AGENT, 1, 200, start_ns), 20);
    assert_int_equal(grants(budget, PC_CRITICALITY_ROUTING, 1, 200, start_ns), 5);
    pc_budget_free(budget);
}

static void the_number_under_way_is_shared_the_same_way(void **state)
{
    (void)state;
    pc_budget *budget = make(0, 1, 1, 100, 1);
    assert_int_equal(grants(budget, PC_CRITICALITY_PREFETCH, 1, 200, start_ns), 50);
    assert_int_equal(grants(budget, PC_CRITICALITY_BATCH, 1, 200, start_ns), 25);
    assert_int_equal(grants(budget, PC_CRITICALITY_AGENT, 1, 200, start_ns), 20);
    assert_int_equal(grants(budget, PC_CRITICALITY_ROUTING, 1, 200, start_ns), 5);
    pc_budget_free(budget);
}

static void even_the_smallest_budget_lets_every_class_come_to_its_turn(void **state)
{
    (void)state;
    for (int c = 0; c < PC_CRITICALITY_COUNT; c++) {
        pc_budget *budget = make(1, 1, 1, 1, 1);
        assert_int_equal(grants(budget, (pc_criticality)c, 1, 5, start_ns), 1);
        pc_budget_free(budget);
    }
}

static void those_that_wait_go_by_criticality_and_then_by_age(void **state)
{
    (void)state;
    pc_budget *budget = make(0, 1, 1, 1, 1);
    pc_budget_ticket first = ticket(PC_CRITICALITY_AGENT, 1);
    assert_int_equal(ask(budget, &first, start_ns), PC_BUDGET_GRANTED);
    pc_budget_ticket batch = ticket(PC_CRITICALITY_BATCH, 1);
    pc_budget_ticket agent = ticket(PC_CRITICALITY_AGENT, 1);
    pc_budget_ticket later = ticket(PC_CRITICALITY_AGENT, 1);
    pc_budget_ticket routing = ticket(PC_CRITICALITY_ROUTING, 1);
    pc_budget_ticket *const in_order[] = {&routing, &agent, &later, &batch};
    assert_int_equal(ask(budget, &batch, start_ns), PC_BUDGET_WAITS);
    assert_int_equal(ask(budget, &agent, start_ns), PC_BUDGET_WAITS);
    assert_int_equal(ask(budget, &later, start_ns), PC_BUDGET_WAITS);
    assert_int_equal(ask(budget, &routing, start_ns), PC_BUDGET_WAITS);
    assert_null(pc_budget_next(budget, start_ns));
    for (size_t i = 0; i < PC_COUNT_OF(in_order); i++) {
        pc_budget_end(budget, PC_BUDGET_WENT_WELL, ms, 0, start_ns);
        assert_ptr_equal(pc_budget_next(budget, start_ns), in_order[i]);
        assert_null(pc_budget_next(budget, start_ns));
    }
    pc_budget_free(budget);
}

static void one_that_is_joined_by_a_more_critical_one_goes_with_it(void **state)
{
    (void)state;
    pc_budget *budget = make(0, 1, 1, 1, 1);
    pc_budget_ticket first = ticket(PC_CRITICALITY_AGENT, 1);
    pc_budget_ticket agent = ticket(PC_CRITICALITY_AGENT, 1);
    pc_budget_ticket prefetch = ticket(PC_CRITICALITY_PREFETCH, 1);
    assert_int_equal(ask(budget, &first, start_ns), PC_BUDGET_GRANTED);
    assert_int_equal(ask(budget, &agent, start_ns), PC_BUDGET_WAITS);
    assert_int_equal(ask(budget, &prefetch, start_ns), PC_BUDGET_WAITS);
    pc_budget_raise(budget, &prefetch, PC_CRITICALITY_ROUTING);
    pc_budget_raise(budget, &prefetch, PC_CRITICALITY_BATCH);
    pc_budget_end(budget, PC_BUDGET_WENT_WELL, ms, 0, start_ns);
    assert_ptr_equal(pc_budget_next(budget, start_ns), &prefetch);
    pc_budget_leave(budget, &agent);
    pc_budget_leave(budget, &agent);
    pc_budget_free(budget);
}

static void a_caller_that_has_had_its_share_lets_others_pass(void **state)
{
    (void)state;
    pc_budget *budget = make(100, 40, 0.25, 1000, 1);
    assert_int_equal(grants(budget, PC_CRITICALITY_ROUTING, 7, 40, start_ns), 10);
    assert_int_equal(pc_budget_left(budget, PC_CRITICALITY_ROUTING, 7, start_ns), 0);
    assert_int_equal(pc_budget_left(budget, PC_CRITICALITY_ROUTING, 8, start_ns), 10);
    pc_budget_ticket greedy = ticket(PC_CRITICALITY_ROUTING, 7);
    pc_budget_ticket modest = ticket(PC_CRITICALITY_ROUTING, 8);
    assert_int_equal(ask(budget, &greedy, start_ns), PC_BUDGET_WAITS);
    /* Others are only kept from overtaking by those of their own share. */
    assert_int_equal(ask(budget, &modest, start_ns), PC_BUDGET_WAITS);
    assert_ptr_equal(pc_budget_next(budget, start_ns), &modest);
    assert_null(pc_budget_next(budget, start_ns));
    assert_ptr_equal(pc_budget_next(budget, start_ns + 50 * ms), &greedy);
    pc_budget_free(budget);
}

static void a_caller_may_have_a_share_of_its_own(void **state)
{
    (void)state;
    const uint64_t half = pc_caller_key_with_share(7, 50);
    const uint64_t tenth = pc_caller_key_with_share(8, 10);
    pc_budget *budget = make(100, 40, 1, 1000, 1);
    assert_int_equal(pc_budget_left(budget, PC_CRITICALITY_ROUTING, half, start_ns), 20);
    assert_int_equal(grants(budget, PC_CRITICALITY_ROUTING, half, 40, start_ns), 20);
    assert_int_equal(grants(budget, PC_CRITICALITY_ROUTING, tenth, 40, start_ns), 4);
    /* It comes back at the share's pace: a tenth of 100 a second. */
    pc_budget_ticket t = ticket(PC_CRITICALITY_ROUTING, tenth);
    assert_int_equal(ask(budget, &t, start_ns), PC_BUDGET_WAITS);
    assert_null(pc_budget_next(budget, start_ns + 90 * ms));
    assert_ptr_equal(pc_budget_next(budget, start_ns + 110 * ms), &t);
    /* Who has none is not bounded. */
    assert_int_equal(grants(budget, PC_CRITICALITY_ROUTING, 9, 40, start_ns + 110 * ms), 26);
    pc_budget_free(budget);
    /* And it may be more than others have. */
    budget = make(100, 40, 0.1, 1000, 1);
    assert_int_equal(grants(budget, PC_CRITICALITY_ROUTING, half, 40, start_ns), 20);
    assert_int_equal(grants(budget, PC_CRITICALITY_ROUTING, 9, 40, start_ns), 4);
    pc_budget_free(budget);
}

static void who_would_come_too_late_is_told_at_once_when_to_come_again(void **state)
{
    (void)state;
    pc_budget *budget = make(10, 10, 1, 1000, 1);
    assert_int_equal(grants(budget, PC_CRITICALITY_ROUTING, 1, 10, start_ns), 10);
    pc_budget_ticket hurried = ticket(PC_CRITICALITY_ROUTING, 1);
    int64_t retry_ms = 0;
    hurried.deadline_ns = start_ns + 50 * ms;
    assert_int_equal(pc_budget_ask(budget, &hurried, start_ns, &retry_ms), PC_BUDGET_REFUSED);
    assert_in_range(retry_ms, 90, 110);
    hurried.deadline_ns = start_ns + 150 * ms;
    assert_int_equal(ask(budget, &hurried, start_ns), PC_BUDGET_WAITS);
    int64_t due = pc_budget_due_ns(budget, start_ns);
    assert_in_range(due, start_ns + 90 * ms, start_ns + 110 * ms);
    assert_null(pc_budget_next(budget, start_ns + 80 * ms));
    assert_ptr_equal(pc_budget_next(budget, due), &hurried);
    pc_budget_free(budget);
}

static void throttling_lowers_the_bound_once_a_round_and_success_raises_it(void **state)
{
    (void)state;
    pc_budget *budget = make(0, 1, 1, 100, 5);
    pc_budget_figures figures;
    int64_t now = start_ns;
    assert_int_equal(grants(budget, PC_CRITICALITY_ROUTING, 1, 100, now), 100);
    /* All of them are throttled in the same moment. */
    for (int i = 0; i < 100; i++) {
        pc_budget_end(budget, PC_BUDGET_THROTTLED, 500 * ms, 0, now);
    }
    pc_budget_read(budget, &figures, now);
    assert_int_equal((int)figures.calls_bound, 70);
    assert_int_equal(figures.throttled, 1);
    for (int round = 0; round < 20; round++) {
        now += second;
        assert_int_equal(grants(budget, PC_CRITICALITY_ROUTING, 1, 1, now), 1);
        pc_budget_end(budget, PC_BUDGET_THROTTLED, 500 * ms, 0, now);
    }
    pc_budget_read(budget, &figures, now);
    assert_int_equal((int)figures.calls_bound, 5);
    /* Each round of as many successes as the bound adds about one. */
    for (int i = 0; i < 5; i++) {
        assert_int_equal(grants(budget, PC_CRITICALITY_ROUTING, 1, 1, now), 1);
        pc_budget_end(budget, PC_BUDGET_WENT_WELL, 500 * ms, 0, now);
    }
    pc_budget_read(budget, &figures, now);
    assert_true(figures.calls_bound > 5.8 && figures.calls_bound < 6.1);
    pc_budget_free(budget);
}

static void slow_answers_are_a_sign_too_where_configured(void **state)
{
    (void)state;
    const pc_budget_options options = {
        .burst = 1, .caller_share = 1, .calls_max = 10, .calls_min = 1, .slow_ms = 100};
    pc_budget *budget;
    pc_budget_figures figures;
    check_ok(pc_budget_new(&budget, &options));
    assert_int_equal(grants(budget, PC_CRITICALITY_ROUTING, 1, 2, start_ns), 2);
    pc_budget_end(budget, PC_BUDGET_WENT_WELL, 99 * ms, 0, start_ns);
    pc_budget_read(budget, &figures, start_ns);
    assert_int_equal(figures.throttled, 0);
    pc_budget_end(budget, PC_BUDGET_SAYS_NOTHING, 101 * ms, 0, start_ns);
    pc_budget_read(budget, &figures, start_ns);
    assert_int_equal(figures.throttled, 1);
    assert_int_equal((int)figures.calls_bound, 7);
    pc_budget_free(budget);
}

static void nothing_is_sent_before_the_upstream_wants_to_be_asked_again(void **state)
{
    (void)state;
    pc_budget *budget = make(100, 10, 1, 10, 1);
    pc_budget_figures figures;
    assert_int_equal(grants(budget, PC_CRITICALITY_ROUTING, 1, 1, start_ns), 1);
    pc_budget_end(budget, PC_BUDGET_THROTTLED, ms, 2000, start_ns);
    assert_int_equal(grants(budget, PC_CRITICALITY_ROUTING, 1, 5, start_ns + 1900 * ms), 0);
    pc_budget_read(budget, &figures, start_ns);
    assert_true(figures.rate < 85);
    pc_budget_ticket waits = ticket(PC_CRITICALITY_ROUTING, 1);
    assert_int_equal(ask(budget, &waits, start_ns + 1900 * ms), PC_BUDGET_WAITS);
    int64_t due = pc_budget_due_ns(budget, start_ns + 1900 * ms);
    assert_in_range(due, start_ns + 1999 * ms, start_ns + 2001 * ms);
    assert_ptr_equal(pc_budget_next(budget, due), &waits);
    /* The rate recovers. */
    pc_budget_read(budget, &figures, start_ns + 60 * second);
    assert_int_equal((int)figures.rate, 100);
    pc_budget_free(budget);
}

static void a_second_try_is_spent_without_asking(void **state)
{
    (void)state;
    pc_budget *budget = make(1, 10, 1, 10, 1);
    pc_budget_ticket t = ticket(PC_CRITICALITY_ROUTING, 1);
    assert_int_equal(ask(budget, &t, start_ns), PC_BUDGET_GRANTED);
    pc_budget_spend(budget, &t, start_ns);
    assert_int_equal(pc_budget_left(budget, PC_CRITICALITY_ROUTING, 1, start_ns), 8);
    pc_budget_end(budget, PC_BUDGET_WENT_WELL, ms, 0, start_ns);
    pc_budget_figures figures;
    pc_budget_read(budget, &figures, start_ns);
    assert_int_equal(figures.under_way, 0);
    pc_budget_free(budget);
}

static void a_call_that_was_not_made_is_as_if_it_had_not_been_asked_for(void **state)
{
    (void)state;
    pc_budget *budget = make(1, 10, 0.5, 1, 1);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(grants(budget, PC_CRITICALITY_ROUTING, 7, 2, start_ns), 1);
        pc_budget_give_back(budget, 7, start_ns);
    }
    assert_int_equal(pc_budget_left(budget, PC_CRITICALITY_ROUTING, 7, start_ns), 5);
    assert_int_equal(pc_budget_left(budget, PC_CRITICALITY_ROUTING, 0, start_ns), 10);
    pc_budget_free(budget);
}

static void spare_calls_are_had_only_while_there_is_plenty(void **state)
{
    (void)state;
    pc_budget *budget = make(1, 10, 1, 1000, 1);
    int taken = 0;
    while (pc_budget_take_spare(budget, 1, start_ns)) {
        taken++;
    }
    assert_int_equal(taken, 5);
    pc_budget_figures figures;
    pc_budget_read(budget, &figures, start_ns);
    assert_int_equal(figures.under_way, 5);
    assert_int_equal(figures.granted[PC_CRITICALITY_PREFETCH], 5);
    pc_budget_free(budget);
    /* Nobody is overtaken who waits. */
    budget = make(100, 100, 0.01, 1000, 1);
    pc_budget_ticket t = ticket(PC_CRITICALITY_PREFETCH, 7);
    assert_int_equal(grants(budget, PC_CRITICALITY_ROUTING, 7, 2, start_ns), 1);
    assert_true(pc_budget_take_spare(budget, 8, start_ns));
    assert_int_equal(ask(budget, &t, start_ns), PC_BUDGET_WAITS);
    assert_false(pc_budget_take_spare(budget, 9, start_ns));
    pc_budget_leave(budget, &t);
    /* Nor does a caller have more than its share. */
    assert_false(pc_budget_take_spare(budget, 7, start_ns));
    assert_true(pc_budget_take_spare(budget, 9, start_ns));
    pc_budget_free(budget);
}

static void those_that_wait_at_the_end_are_taken_back(void **state)
{
    (void)state;
    pc_budget *budget = make(0, 1, 1, 1, 1);
    pc_budget_ticket tickets[4];
    for (int i = 0; i < 4; i++) {
        tickets[i] = ticket((pc_criticality)i, 1);
        (void)ask(budget, &tickets[i], start_ns);
    }
    int taken = 0;
    while (pc_budget_take_back(budget) != NULL) {
        taken++;
    }
    assert_int_equal(taken, 3);
    pc_budget_free(budget);
}

/* A quarter of an hour of callers against an upstream that bears 20 calls at once: the bound ends
 * near that, and hardly anything is throttled. */
static void the_bound_finds_what_the_upstream_bears(void **state)
{
    (void)state;
    enum { BEARS = 20, ROUNDS = 1800 };
    pc_budget *budget = make(0, 1, 1, 512, 4);
    int throttled = 0;
    int made = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t now = start_ns + round * second / 2;
        int sent = grants(budget, PC_CRITICALITY_ROUTING, 1, 1000, now);
        for (int i = 0; i < sent; i++) {
            bool refused = i >= BEARS;
            throttled += round > 100 && refused;
            made += round > 100;
            pc_budget_end(budget, refused ? PC_BUDGET_THROTTLED : PC_BUDGET_WENT_WELL,
                          second / 2 - 1, 0, now + second / 2 - 1);
        }
    }
    print_message("%d calls, %d throttled\n", made, throttled);
    assert_true(made > (ROUNDS - 100) * BEARS * 6 / 10);
    assert_true(throttled < made / 10);
    pc_budget_free(budget);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_rate_only_the_number_under_way_is_bounded),
        cmocka_unit_test(a_rate_lets_a_burst_through_and_then_its_own_pace),
        cmocka_unit_test(each_class_leaves_a_reserve_to_those_above_it),
        cmocka_unit_test(the_number_under_way_is_shared_the_same_way),
        cmocka_unit_test(even_the_smallest_budget_lets_every_class_come_to_its_turn),
        cmocka_unit_test(those_that_wait_go_by_criticality_and_then_by_age),
        cmocka_unit_test(one_that_is_joined_by_a_more_critical_one_goes_with_it),
        cmocka_unit_test(a_caller_that_has_had_its_share_lets_others_pass),
        cmocka_unit_test(a_caller_may_have_a_share_of_its_own),
        cmocka_unit_test(who_would_come_too_late_is_told_at_once_when_to_come_again),
        cmocka_unit_test(throttling_lowers_the_bound_once_a_round_and_success_raises_it),
        cmocka_unit_test(slow_answers_are_a_sign_too_where_configured),
        cmocka_unit_test(nothing_is_sent_before_the_upstream_wants_to_be_asked_again),
        cmocka_unit_test(a_second_try_is_spent_without_asking),
        cmocka_unit_test(a_call_that_was_not_made_is_as_if_it_had_not_been_asked_for),
        cmocka_unit_test(one_that_could_not_be_done_in_time_is_refused_at_once),
        cmocka_unit_test(spare_calls_are_had_only_while_there_is_plenty),
        cmocka_unit_test(those_that_wait_at_the_end_are_taken_back),
        cmocka_unit_test(the_bound_finds_what_the_upstream_bears),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
