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

static void check_near(double value, double wanted)
{
    if (value < wanted - 0.001 || value > wanted + 0.001) {
        fail_msg("%f, wanted %f", value, wanted);
    }
}

static void test_distribution__quantiles_lie_evenly_in_their_bucket(void **state)
{
    (void)state;
    static const uint64_t none[3] = {0, 0, 0};
    static const uint64_t counts[3] = {50, 50, 0};
    static const uint64_t above[3] = {0, 0, 7};
    check_near(pc_distribution_quantile(bounds, 2, none, 0.5), -1);
    check_near(pc_distribution_quantile(bounds, 2, counts, 0.25), 5);
    check_near(pc_distribution_quantile(bounds, 2, counts, 0.5), 10);
    check_near(pc_distribution_quantile(bounds, 2, counts, 0.75), 55);
    check_near(pc_distribution_quantile(bounds, 2, counts, 1), 100);
    check_near(pc_distribution_quantile(bounds, 2, above, 0.5), 100);
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
        cmocka_unit_test(test_distribution__quantiles_lie_evenly_in_their_bucket),
        cmocka_unit_test(test_distribution__without_one_nothing_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
