/* Counts of sections: each under its origin and status, and none that was not asked for. */
#include "check.h"

#include "context/section_counts.h"

static void test_section_counts__what_became_of_each_is_counted(void **state)
{
    (void)state;
    pc_section_counts *counts;
    check_ok(pc_section_counts_new(&counts));
    const pc_section_result results[PC_SECTION_COUNT] = {
        [PC_SECTION_PROFILE] = {.status = PC_SECTION_OK, .origin = PC_ORIGIN_CACHE},
        [PC_SECTION_EVENTS] = {.status = PC_SECTION_LATE, .origin = PC_ORIGIN_NONE},
        [PC_SECTION_SUMMARY] = {.status = PC_SECTION_FAILED, .origin = PC_ORIGIN_UPSTREAM},
    };
    pc_section_counts_add(counts, PC_SECTION_NONE, results, PC_SECTION_COUNT);
    pc_section_counts_add(counts, PC_SECTION_NONE, results, PC_SECTION_COUNT);
    pc_section_counts_add(counts, PC_SECTION_IDENTITIES, &results[PC_SECTION_PROFILE], 1);
    const uint64_t expected[PC_SECTION_COUNT][PC_ORIGIN_COUNT][PC_SECTION_STATUS_COUNT] = {
        [PC_SECTION_PROFILE][PC_ORIGIN_CACHE][PC_SECTION_OK] = 2,
        [PC_SECTION_EVENTS][PC_ORIGIN_NONE][PC_SECTION_LATE] = 2,
        [PC_SECTION_SUMMARY][PC_ORIGIN_UPSTREAM][PC_SECTION_FAILED] = 2,
        [PC_SECTION_IDENTITIES][PC_ORIGIN_CACHE][PC_SECTION_OK] = 1,
    };
    for (int section = 0; section < PC_SECTION_COUNT; section++) {
        for (int origin = 0; origin < PC_ORIGIN_COUNT; origin++) {
            for (int status = 0; status < PC_SECTION_STATUS_COUNT; status++) {
                assert_int_equal(pc_section_counts_read(counts, (pc_section)section,
                                                        (pc_section_origin)origin,
                                                        (pc_section_status)status),
                                 expected[section][origin][status]);
            }
        }
    }
    pc_section_counts_free(counts);
}

static void test_section_counts__without_counters_nothing_is_counted(void **state)
{
    (void)state;
    const pc_section_result result = {.status = PC_SECTION_OK};
    pc_section_counts_add(NULL, PC_SECTION_PROFILE, &result, 1);
    pc_section_counts_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_section_counts__what_became_of_each_is_counted),
        cmocka_unit_test(test_section_counts__without_counters_nothing_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
