/* Histograms, against the sorted times themselves. */
#include "testing.h"

#include <math.h>
#include <string.h>

#include "histogram.h"

enum { COUNT = 100000 };

static const double percents[] = {0, 1, 10, 50, 90, 99, 99.9, 99.99, 99.999, 100};
static const size_t percent_count = sizeof percents / sizeof *percents;

static histogram *make(void)
{
    histogram *made = histogram_new();
    assert_non_null(made);
    return made;
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* Any fixed sequence; the same in every run. */
static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 20;
}

/* Checks the percentiles against the sorted times: never less, and more by the error at most. */
static void check_against(const histogram *of, int64_t *times, size_t count)
{
    qsort(times, count, sizeof *times, compare);
    for (size_t i = 0; i < percent_count; i++) {
        size_t rank = (size_t)ceil((double)count * percents[i] / 100 - 1e-6);
        int64_t exact = times[rank == 0 ? 0 : rank - 1];
        int64_t found = histogram_percentile(of, percents[i]);
        assert_true(found >= exact);
        assert_true((double)(found - exact) <= (double)exact * HISTOGRAM_ERROR);
    }
    assert_int_equal(histogram_count(of), count);
    assert_int_equal(histogram_min(of), times[0]);
    assert_int_equal(histogram_max(of), times[count - 1]);
}

static void percentiles_are_those_of_the_sorted_times(void **state)
{
    (void)state;
    static int64_t times[COUNT];
    uint64_t seed = 7;
    /* From below a microsecond to hours, with as many in each power of two. */
    histogram *wide = make();
    double sum = 0;
    for (size_t i = 0; i < COUNT; i++) {
        times[i] = (int64_t)(next_random(&seed) % (UINT64_C(1) << (5 + i % 40)));
        sum += (double)times[i];
        histogram_add(wide, times[i]);
    }
    assert_true(histogram_mean(wide) == sum / COUNT);
    check_against(wide, times, COUNT);
    histogram_free(wide);
    /* What a server does: much about 200 us, and a tail. */
    histogram *usual = make();
    for (size_t i = 0; i < COUNT; i++) {
        times[i] = 180000 + (int64_t)(next_random(&seed) % 40000);
        times[i] += i % 500 == 0 ? (int64_t)(next_random(&seed) % 900000000) : 0;
        histogram_add(usual, times[i]);
    }
    check_against(usual, times, COUNT);
    histogram_free(usual);
}

static void the_borders_of_buckets_are_exact(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 45; bits++) {
        for (int64_t off = -1; off <= 1; off++) {
            int64_t time = (INT64_C(1) << bits) + off;
            histogram *of = make();
            histogram_add(of, time);
            histogram_add(of, INT64_C(1) << 45); /* so that the maximum does not help */
            int64_t found = histogram_percentile(of, 50);
            assert_true(found >= time);
            assert_true((double)(found - time) <= (double)time * HISTOGRAM_ERROR);
            histogram_free(of);
        }
    }
}

static void ranks_are_not_rounded_up(void **state)
{
    (void)state;
    histogram *of = make();
    for (int64_t time = 1; time <= 1000; time++) {
        histogram_add(of, time);
    }
    assert_int_equal(histogram_percentile(of, 50), 500);
    assert_int_equal(histogram_percentile(of, 99), 990);
    assert_int_equal(histogram_percentile(of, 99.9), 999);
    assert_int_equal(histogram_percentile(of, 99.99), 1000);
    assert_int_equal(histogram_percentile(of, 100), 1000);
    histogram_free(of);
}

static void what_is_too_short_or_too_long_is_counted_all_the_same(void **state)
{
    (void)state;
    histogram *of = make();
    histogram_add(of, -5);
    histogram_add(of, INT64_MAX);
    assert_int_equal(histogram_count(of), 2);
    assert_int_equal(histogram_min(of), 0);
    assert_int_equal(histogram_max(of), INT64_MAX);
    assert_int_equal(histogram_percentile(of, 50), 0);
    assert_int_equal(histogram_percentile(of, 100), INT64_MAX);
    histogram_free(of);
}

static void nothing_has_no_percentiles(void **state)
{
    (void)state;
    histogram *of = make();
    histogram *other = make();
    histogram_merge(of, other);
    assert_int_equal(histogram_count(of), 0);
    assert_int_equal(histogram_percentile(of, 99), 0);
    assert_int_equal(histogram_min(of), 0);
    assert_true(histogram_mean(of) == 0);
    histogram_free(of);
    histogram_free(other);
}

static void merged_ones_are_as_one(void **state)
{
    (void)state;
    static int64_t times[COUNT];
    uint64_t seed = 11;
    histogram *parts[2] = {make(), make()};
    for (size_t i = 0; i < COUNT; i++) {
        times[i] = (int64_t)(next_random(&seed) % 50000000);
        histogram_add(parts[i % 3 == 0], times[i]);
    }
    histogram *all = make();
    histogram_merge(all, parts[0]);
    histogram_merge(all, parts[1]);
    check_against(all, times, COUNT);
    histogram_free(parts[0]);
    histogram_free(parts[1]);
    histogram_free(all);
}

static void the_text_is_what_plotting_tools_read(void **state)
{
    (void)state;
    histogram *of = make();
    for (int64_t i = 1; i <= 8; i++) {
        histogram_add(of, i * 1000);
    }
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    histogram_write(of, out);
    fclose(out);
    const char *const lines[] = {
        "       Value     Percentile TotalCount 1/(1-Percentile)\n\n",
        "    0.001000 0.000000000000          1           1.00\n",
        "    0.001000 0.100000000000          1           1.11\n",
        "    0.002000 0.200000000000          2           1.25\n",
        "    0.004000 0.500000000000          4           2.00\n",
        "    0.008000 1.000000000000          8\n",
        "#[Mean    =     0.004500, StdDeviation   =     0.002",
        "#[Max     =     0.008000, Total count    =            8]\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_non_null(strstr(text, lines[i]));
    }
    free(text);
    histogram_free(of);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_are_those_of_the_sorted_times),
        cmocka_unit_test(the_borders_of_buckets_are_exact),
        cmocka_unit_test(ranks_are_not_rounded_up),
        cmocka_unit_test(what_is_too_short_or_too_long_is_counted_all_the_same),
        cmocka_unit_test(nothing_has_no_percentiles),
        cmocka_unit_test(merged_ones_are_as_one),
        cmocka_unit_test(the_text_is_what_plotting_tools_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
