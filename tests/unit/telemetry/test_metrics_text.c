/* The text that Prometheus reads: heads, samples, escapes, numbers and histograms. */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "telemetry/metrics_text.h"

enum { TEXT_BYTES_MAX = 4096 };

/* Checks what was written, and ends the buffer. */
static void check_text(pc_buffer *out, const char *expected)
{
    char *text = pc_buffer_take_text(out);
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
    pc_buffer_deinit(out);
}

static void test_metrics_text__a_metric_is_a_head_and_samples(void **state)
{
    (void)state;
    pc_buffer out;
    pc_buffer_init(&out, TEXT_BYTES_MAX);
    const pc_metric_label labels[] = {{"method", "Get"}, {"code", "OK"}};
    pc_metrics_head(&out, "calls_total", PC_METRIC_COUNTER, "Calls.");
    pc_metrics_count(&out, "calls_total", labels, 2, 18446744073709551615U);
    pc_metrics_head(&out, "in_flight", PC_METRIC_GAUGE, "Now.");
    pc_metrics_count(&out, "in_flight", NULL, 0, 0);
    check_text(&out, "# HELP calls_total Calls.\n"
                     "# TYPE calls_total counter\n"
                     "calls_total{method=\"Get\",code=\"OK\"} 18446744073709551615\n"
                     "# HELP in_flight Now.\n"
                     "# TYPE in_flight gauge\n"
                     "in_flight 0\n");
}

static void test_metrics_text__nothing_breaks_out_of_a_label_or_a_help_text(void **state)
{
    (void)state;
    pc_buffer out;
    pc_buffer_init(&out, TEXT_BYTES_MAX);
    const pc_metric_label label = {"l", "a\"b\\c\nd"};
    pc_metrics_head(&out, "m", PC_METRIC_GAUGE, "a\"b\\c\nd");
    pc_metrics_count(&out, "m", &label, 1, 1);
    check_text(&out, "# HELP m a\"b\\\\c\\nd\n"
                     "# TYPE m gauge\n"
                     "m{l=\"a\\\"b\\\\c\\nd\"} 1\n");
}

static void test_metrics_text__numbers_are_read_back_as_they_were(void **state)
{
    (void)state;
    pc_buffer out;
    pc_buffer_init(&out, TEXT_BYTES_MAX);
    const double numbers[] = {0.1, 1e-4, 1.0 / 3, 1796567890.123, NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < PC_COUNT_OF(numbers); i++) {
        pc_metrics_number(&out, "n", NULL, 0, numbers[i]);
    }
    check_text(&out, "n 0.1\n"
                     "n 0.0001\n"
                     "n 0.33333333333333331\n"
                     "n 1796567890.123\n"
                     "n NaN\n"
                     "n +Inf\n"
                     "n -Inf\n");
}

static void test_metrics_text__buckets_of_a_histogram_add_up(void **state)
{
    (void)state;
    pc_buffer out;
    pc_buffer_init(&out, TEXT_BYTES_MAX);
    const double bounds[] = {0.5, 1};
    const uint64_t counts[] = {3, 0, 4};
    const pc_metric_label label = {"l", "x"};
    const pc_metric_histogram histogram = {bounds, counts, PC_COUNT_OF(bounds), 12.25};
    pc_metrics_head(&out, "h", PC_METRIC_HISTOGRAM, "H.");
    pc_metrics_histogram(&out, "h", &label, 1, &histogram);
    pc_metrics_histogram(&out, "h", NULL, 0, &histogram);
    check_text(&out, "# HELP h H.\n"
                     "# TYPE h histogram\n"
                     "h_bucket{l=\"x\",le=\"0.5\"} 3\n"
                     "h_bucket{l=\"x\",le=\"1\"} 3\n"
                     "h_bucket{l=\"x\",le=\"+Inf\"} 7\n"
                     "h_sum{l=\"x\"} 12.25\n"
                     "h_count{l=\"x\"} 7\n"
                     "h_bucket{le=\"0.5\"} 3\n"
                     "h_bucket{le=\"1\"} 3\n"
                     "h_bucket{le=\"+Inf\"} 7\n"
                     "h_sum 12.25\n"
                     "h_count 7\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics_text__a_metric_is_a_head_and_samples),
        cmocka_unit_test(test_metrics_text__nothing_breaks_out_of_a_label_or_a_help_text),
        cmocka_unit_test(test_metrics_text__numbers_are_read_back_as_they_were),
        cmocka_unit_test(test_metrics_text__buckets_of_a_histogram_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
