/* How answers are told apart, and when the upstream counts as failing in a row. */
#include "check.h"

#include "upstream/answer_counts.h"

static void test_answer_counts__each_answer_is_of_one_kind(void **state)
{
    (void)state;
    static const struct {
        pc_code code;
        int http_status;
        pc_answer_kind kind;
    } cases[] = {
        {PC_CODE_OK, 200, PC_ANSWER_OK},
        {PC_CODE_OK, 207, PC_ANSWER_OK},
        {PC_CODE_OK, 404, PC_ANSWER_NOT_FOUND},
        {PC_CODE_OK, 401, PC_ANSWER_UNAUTHENTICATED},
        {PC_CODE_OK, 429, PC_ANSWER_THROTTLED},
        {PC_CODE_OK, 403, PC_ANSWER_REFUSED},
        {PC_CODE_OK, 302, PC_ANSWER_REFUSED},
        {PC_CODE_OK, 500, PC_ANSWER_FAILED},
        {PC_CODE_OK, 503, PC_ANSWER_FAILED},
        {PC_CODE_UNAVAILABLE, 0, PC_ANSWER_NONE},
        {PC_CODE_DEADLINE_EXCEEDED, 0, PC_ANSWER_NONE},
        {PC_CODE_CANCELLED, 0, PC_ANSWER_CANCELLED},
    };
    for (size_t i = 0; i < PC_COUNT_OF(cases); i++) {
        pc_answer_counts counts = {.failures_in_row = 0};
        pc_distribution_figures figures;
        check_ok(pc_answer_counts_init(&counts));
        pc_answer_counts_add(&counts, 3, cases[i].code, cases[i].http_status, 1000);
        assert_int_equal(atomic_load(&counts.counts[3][cases[i].kind]), 1);
        pc_distribution_read(counts.took, 3, &figures);
        assert_int_equal(figures.count, cases[i].kind != PC_ANSWER_CANCELLED);
        pc_answer_counts_deinit(&counts);
    }
}

static void test_answer_counts__any_answer_that_is_no_failure_ends_the_row(void **state)
{
    (void)state;
    pc_answer_counts counts = {.failures_in_row = 0};
    check_ok(pc_answer_counts_init(&counts));
    pc_answer_counts_add(&counts, 0, PC_CODE_OK, 503, 1);
    pc_answer_counts_add(&counts, 0, PC_CODE_CANCELLED, 0, 1);
    pc_answer_counts_add(&counts, 1, PC_CODE_UNAVAILABLE, 0, 1);
    assert_int_equal(atomic_load(&counts.failures_in_row), 2);
    assert_int_equal(atomic_load(&counts.last_good_ns), 0);
    pc_answer_counts_add(&counts, 0, PC_CODE_OK, 404, 1);
    assert_int_equal(atomic_load(&counts.failures_in_row), 0);
    assert_true(atomic_load(&counts.last_good_ns) > 0);
    pc_answer_counts_deinit(&counts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer_counts__each_answer_is_of_one_kind),
        cmocka_unit_test(test_answer_counts__any_answer_that_is_no_failure_ends_the_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
