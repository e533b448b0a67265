/* Metrics of calls: what is counted where, from many threads too. */
#include "check.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "telemetry/rpc_metrics.h"

enum { PAGE_BYTES_MAX = 1 << 20, THREADS = 48, CALLS_OF_A_THREAD = 2500, MS = 1000000 };

static const char *const paths[] = {"/a.b.Service/Get", "/a.b.Service/List"};

static pc_rpc_metrics *make(void)
{
    pc_rpc_metrics *metrics;
    check_ok(pc_rpc_metrics_new(&metrics, paths, PC_COUNT_OF(paths)));
    return metrics;
}

static char *page(const pc_rpc_metrics *metrics)
{
    pc_buffer out;
    pc_buffer_init(&out, PAGE_BYTES_MAX);
    pc_rpc_metrics_write(metrics, &out);
    char *text = pc_buffer_take_text(&out);
    assert_non_null(text);
    pc_buffer_deinit(&out);
    return text;
}

/* Checks one line of the page: `sample` is its name and labels. */
static void check_sample(const char *text, const char *sample, const char *value)
{
    char line[256];
    (void)snprintf(line, sizeof line, "\nprofilecontext_rpc_%s %s\n", sample, value);
    if (strstr(text, line) == NULL) {
        fail_msg("no line%sin:\n%s", line, text);
    }
}

#define GET "grpc_service=\"a.b.Service\",grpc_method=\"Get\""
#define LIST "grpc_service=\"a.b.Service\",grpc_method=\"List\""
#define UNKNOWN "grpc_service=\"unknown\",grpc_method=\"unknown\""

static void test_rpc_metrics__calls_are_counted_by_method_and_code(void **state)
{
    (void)state;
    pc_rpc_metrics *metrics = make();
    for (int i = 0; i < 4; i++) {
        pc_rpc_metrics_begun(metrics, 0);
    }
    pc_rpc_metrics_ended(metrics, 0, PC_CODE_OK, MS, 10, 200);
    pc_rpc_metrics_ended(metrics, 0, PC_CODE_OK, MS, 10, 200);
    pc_rpc_metrics_ended(metrics, 0, PC_CODE_UNAUTHENTICATED, MS, 10, 0);
    char *text = page(metrics);
    check_sample(text, "calls_total{" GET ",grpc_code=\"OK\"}", "2");
    check_sample(text, "calls_total{" GET ",grpc_code=\"UNAUTHENTICATED\"}", "1");
    check_sample(text, "calls_total{" GET ",grpc_code=\"NOT_FOUND\"}", "0");
    check_sample(text, "calls_total{" LIST ",grpc_code=\"OK\"}", "0");
    check_sample(text, "in_flight{" GET "}", "1");
    check_sample(text, "in_flight{" LIST "}", "0");
    check_sample(text, "request_bytes_total{" GET "}", "30");
    check_sample(text, "answer_bytes_total{" GET "}", "400");
    free(text);
    pc_rpc_metrics_free(metrics);
}

static void test_rpc_metrics__what_is_unknown_does_not_add_labels(void **state)
{
    (void)state;
    pc_rpc_metrics *metrics = make();
    pc_rpc_metrics_begun(metrics, 2);
    pc_rpc_metrics_begun(metrics, 999);
    pc_rpc_metrics_ended(metrics, 2, PC_CODE_UNIMPLEMENTED, MS, 0, 0);
    pc_rpc_metrics_ended(metrics, 999, (pc_code)4711, MS, 0, 0);
    char *text = page(metrics);
    check_sample(text, "calls_total{" UNKNOWN ",grpc_code=\"UNIMPLEMENTED\"}", "1");
    check_sample(text, "calls_total{" UNKNOWN ",grpc_code=\"UNKNOWN\"}", "1");
    check_sample(text, "in_flight{" UNKNOWN "}", "0");
    free(text);
    pc_rpc_metrics_free(metrics);
}

static void test_rpc_metrics__a_duration_is_in_all_buckets_that_it_is_not_above(void **state)
{
    (void)state;
    pc_rpc_metrics *metrics = make();
    const int64_t durations[] = {0, 100000, 100001, 50 * MS, INT64_C(11000) * MS};
    for (size_t i = 0; i < PC_COUNT_OF(durations); i++) {
        pc_rpc_metrics_begun(metrics, 1);
        pc_rpc_metrics_ended(metrics, 1, PC_CODE_OK, durations[i], 0, 0);
    }
    char *text = page(metrics);
    check_sample(text, "duration_seconds_bucket{" LIST ",le=\"0.0001\"}", "2");
    check_sample(text, "duration_seconds_bucket{" LIST ",le=\"0.0002\"}", "3");
    check_sample(text, "duration_seconds_bucket{" LIST ",le=\"0.02\"}", "3");
    check_sample(text, "duration_seconds_bucket{" LIST ",le=\"0.05\"}", "4");
    check_sample(text, "duration_seconds_bucket{" LIST ",le=\"10\"}", "4");
    check_sample(text, "duration_seconds_bucket{" LIST ",le=\"+Inf\"}", "5");
    check_sample(text, "duration_seconds_sum{" LIST "}", "11.050200001");
    check_sample(text, "duration_seconds_count{" LIST "}", "5");
    check_sample(text, "duration_seconds_count{" GET "}", "0");
    free(text);
    pc_rpc_metrics_free(metrics);
}

static void *call_often(void *self)
{
    for (int i = 0; i < CALLS_OF_A_THREAD; i++) {
        pc_rpc_metrics_begun(self, 0);
        pc_rpc_metrics_ended(self, 0, PC_CODE_OK, MS, 1, 2);
    }
    return NULL;
}

static void test_rpc_metrics__no_count_is_lost_between_more_threads_than_stripes(void **state)
{
    (void)state;
    pc_rpc_metrics *metrics = make();
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, call_often, metrics), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    char *text = page(metrics);
    check_sample(text, "calls_total{" GET ",grpc_code=\"OK\"}", "120000");
    check_sample(text, "duration_seconds_count{" GET "}", "120000");
    check_sample(text, "duration_seconds_sum{" GET "}", "120");
    check_sample(text, "answer_bytes_total{" GET "}", "240000");
    check_sample(text, "in_flight{" GET "}", "0");
    free(text);
    pc_rpc_metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rpc_metrics__calls_are_counted_by_method_and_code),
        cmocka_unit_test(test_rpc_metrics__what_is_unknown_does_not_add_labels),
        cmocka_unit_test(test_rpc_metrics__a_duration_is_in_all_buckets_that_it_is_not_above),
        cmocka_unit_test(test_rpc_metrics__no_count_is_lost_between_more_threads_than_stripes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
