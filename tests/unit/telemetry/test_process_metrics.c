/* Metrics of the process, held against what the process does. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "telemetry/process_metrics.h"

enum { PAGE_BYTES_MAX = 16 * 1024, FILES = 5, LARGE = 64 * 1024 * 1024 };

/* The value of a metric on a fresh page. */
static double read_metric(const char *name)
{
    pc_buffer out;
    pc_buffer_init(&out, PAGE_BYTES_MAX);
    pc_process_metrics_write(&out, 1234567);
    char *text = pc_buffer_take_text(&out);
    assert_non_null(text);
    char start[128];
    (void)snprintf(start, sizeof start, "\n%s ", name);
    const char *line = strstr(text, start);
    if (line == NULL) {
        fail_msg("no %s in:\n%s", name, text);
    }
    double value = line == NULL ? 0 : strtod(line + strlen(start), NULL);
    free(text);
    pc_buffer_deinit(&out);
    return value;
}

static void test_process_metrics__open_files_are_counted(void **state)
{
    (void)state;
    int files[FILES];
    double before = read_metric("process_open_fds");
    for (int i = 0; i < FILES; i++) {
        files[i] = dup(STDERR_FILENO);
        assert_true(files[i] >= 0);
    }
    assert_true(read_metric("process_open_fds") == before + FILES);
    for (int i = 0; i < FILES; i++) {
        close(files[i]);
    }
    assert_true(read_metric("process_open_fds") == before);
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(read_metric("process_max_fds") == (double)limit.rlim_cur);
}

static void test_process_metrics__memory_that_is_used_shows(void **state)
{
    (void)state;
    double before = read_metric("process_resident_memory_bytes");
    char *large = malloc(LARGE);
    assert_non_null(large);
    memset(large, 1, LARGE);
    assert_true(read_metric("process_resident_memory_bytes") >= before + LARGE * 0.9);
    assert_true(read_metric("process_virtual_memory_bytes") >=
                read_metric("process_resident_memory_bytes"));
    free(large);
}

static void test_process_metrics__cpu_time_grows(void **state)
{
    (void)state;
    double before = read_metric("process_cpu_seconds_total");
    for (int tries = 0; tries < 1000000 && read_metric("process_cpu_seconds_total") <= before;
         tries++) {
    }
    assert_true(read_metric("process_cpu_seconds_total") > before);
    assert_true(read_metric("process_start_time_seconds") == 1234.567);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_process_metrics__open_files_are_counted),
        cmocka_unit_test(test_process_metrics__memory_that_is_used_shows),
        cmocka_unit_test(test_process_metrics__cpu_time_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
