/* Values fall into the buckets that their bounds say, for each kind by itself. */
#include "check.h"

#include "util/distribution.h"

static const int64_t bounds[] = {10, 100};

static void test_distribution__values_fall_into_their_buckets(void **state)
{
    (void)state;
    pc_distribution *distribution;
    check_ok(pc_distribution_new(&distribution, bounds, 2, 2));
    static const int64_t values[] = {-5, 10, 11, 100, 101, INT64_MAX / 2};
    for (size_t i = 0; i < PC_COUNT_OF(values); i++) {
        pc_distribution_add(distribution, 1, values[i]);
    }
    pc_distribution_figures figures;
    pc_distribution_read(distribution, 1, &figures);
    assert_int_equal(figures.counts[0], 2);
    assert_int_equal(figures.counts[1], 2);
    assert_int_equal(figures.counts[2], 2);
    assert_int_equal(figures.count, 6);
    assert_int_equal(figures.sum, 222 + INT64_MAX / 2);
    pc_distribution_read(distribution, 0, &figures);
    assert_int_equal(figures.count, 0);
    pc_distribution_free(distribution);
}

static void test_distribution__without_one_nothing_is_counted(void **state)
{
    (void)state;
    pc_distribution_add(NULL, 0, 1);
    pc_distribution_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distribution__values_fall_into_their_buckets),
        cmocka_unit_test(test_distribution__without_one_nothing_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
