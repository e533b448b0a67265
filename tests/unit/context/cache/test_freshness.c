/* When data is fresh enough that it need not be fetched before somebody asks. */
#include "check.h"
#include "context/cache/freshness.h"
#include "util/attributes.h"

static const pc_freshness_rules rules = {
    .fresh_ms = {[PC_SECTION_PROFILE] = 1000, [PC_SECTION_EVENTS] = 500},
    .revalidate_ms = 300,
    .if_error_ms = 10000,
    .missing_ms = 200,
    .ahead_percent = 80,
};

static pc_freshness_question question(int64_t age_ms, int64_t staleness_ms)
{
    return (pc_freshness_question){.sections = PC_SECTION_BIT(PC_SECTION_PROFILE),
                                   .staleness_ms = staleness_ms,
                                   .age_ms = age_ms};
}

static void check_warm(int64_t age_ms, int64_t staleness_ms, bool warm)
{
    const pc_freshness_question asked = question(age_ms, staleness_ms);
    if (pc_freshness_is_warm(&rules, &asked) != warm) {
        fail_msg("age %lld, max_staleness %lld: wanted %d", (long long)age_ms,
                 (long long)staleness_ms, warm);
    }
}

static void data_is_warm_while_it_is_fresh_and_not_while_it_is_only_given(void **state)
{
    (void)state;
    check_warm(0, PC_STALENESS_UNSET, true);
    check_warm(1000, PC_STALENESS_UNSET, true);
    check_warm(1001, PC_STALENESS_UNSET, false);
    check_warm(9000, PC_STALENESS_UNSET, false);
}

static void max_staleness_says_what_is_warm(void **state)
{
    (void)state;
    check_warm(1500, 2000, true);
    check_warm(2001, 2000, false);
    check_warm(100, 50, false);
    check_warm(0, 0, false);
}

static void popular_data_is_no_less_warm(void **state)
{
    (void)state;
    pc_freshness_question asked = question(900, PC_STALENESS_UNSET);
    asked.popular = true;
    assert_true(pc_freshness_judge(&rules, &asked).fetch);
    assert_true(pc_freshness_is_warm(&rules, &asked));
}

static void that_there_is_nothing_is_warm_for_its_own_time(void **state)
{
    (void)state;
    pc_freshness_question asked = question(200, PC_STALENESS_UNSET);
    asked.missing = true;
    assert_true(pc_freshness_is_warm(&rules, &asked));
    asked.age_ms = 201;
    assert_false(pc_freshness_is_warm(&rules, &asked));
}

/* By the time of an answer nobody is to learn whether there is a person who is kept from them. */
static void that_there_is_nothing_is_as_good_as_data_for_who_is_not_to_know(void **state)
{
    (void)state;
    static const int64_t ages[] = {0, 200, 201, 1000, 1001, 1300, 1301, 10000, 10001};
    static const int64_t staleness[] = {PC_STALENESS_UNSET, 0, 150, 2000};
    for (size_t i = 0; i < PC_COUNT_OF(ages) * PC_COUNT_OF(staleness) * 2; i++) {
        pc_freshness_question asked = question(ages[i / 2 / PC_COUNT_OF(staleness)],
                                               staleness[i / 2 % PC_COUNT_OF(staleness)]);
        asked.popular = i % 2 == 1;
        const pc_freshness_verdict known = pc_freshness_judge(&rules, &asked);
        asked.missing = asked.is_hidden = true;
        const pc_freshness_verdict unknown = pc_freshness_judge(&rules, &asked);
        if (known.give != unknown.give || known.give_if_bad != unknown.give_if_bad ||
            known.fetch != unknown.fetch) {
            fail_msg("age %lld, max_staleness %lld", (long long)asked.age_ms,
                     (long long)asked.staleness_ms);
        }
    }
}

static void what_is_older_than_the_bound_is_of_no_use(void **state)
{
    (void)state;
    static const struct {
        int64_t age_ms;
        int64_t staleness_ms;
        int64_t bound_ms;
        bool give;
        bool give_if_bad;
    } cases[] = {
        {700, PC_STALENESS_UNSET, 700, true, false},
        {701, PC_STALENESS_UNSET, 700, false, false},
        {5000, PC_STALENESS_UNSET, 5000, false, true},
        {5001, PC_STALENESS_UNSET, 5000, false, false},
        {5000, 5000, 5000, true, false},
        {701, 5000, 700, false, false},
        {0, PC_STALENESS_UNSET, 0, false, false},
    };
    for (size_t i = 0; i < PC_COUNT_OF(cases); i++) {
        pc_freshness_question asked = question(cases[i].age_ms, cases[i].staleness_ms);
        asked.is_bounded = true;
        asked.bound_ms = cases[i].bound_ms;
        const pc_freshness_verdict verdict = pc_freshness_judge(&rules, &asked);
        if (verdict.give != cases[i].give || verdict.give_if_bad != cases[i].give_if_bad) {
            fail_msg("case %zu", i);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_is_warm_while_it_is_fresh_and_not_while_it_is_only_given),
        cmocka_unit_test(max_staleness_says_what_is_warm),
        cmocka_unit_test(popular_data_is_no_less_warm),
        cmocka_unit_test(that_there_is_nothing_is_warm_for_its_own_time),
        cmocka_unit_test(that_there_is_nothing_is_as_good_as_data_for_who_is_not_to_know),
        cmocka_unit_test(what_is_older_than_the_bound_is_of_no_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
