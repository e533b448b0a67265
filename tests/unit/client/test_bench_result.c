/* What a load tells in the end, and on the way. */
#include "testing.h"

#include <string.h>

#include "bench_result.h"

/* Ten seconds of an open loop in which one call of five failed. */
static void fill(bench_result *of)
{
    assert_true(bench_result_init(of));
    of->requests = 1000;
    of->dropped = 7;
    of->codes[PROFILECONTEXT_OK] = 790;
    of->codes[PROFILECONTEXT_NOT_FOUND] = 10;
    of->codes[PROFILECONTEXT_DEADLINE_EXCEEDED] = 200;
    (void)snprintf(of->messages[PROFILECONTEXT_DEADLINE_EXCEEDED], BENCH_MESSAGE_SIZE, "too slow");
    for (int i = 0; i < 800; i++) {
        histogram_add(of->latency, 1000);
    }
    for (int i = 0; i < 200; i++) {
        histogram_add(of->latency, 2000);
        histogram_add(of->lag, 500);
    }
    histogram_add(of->latency_ok, 1000);
    histogram_add(of->hits, 1000);
    histogram_add(of->misses, 2000);
    of->looked_into = 50;
    of->sections[1] = 290;
    of->sections[6] = 10;
    of->bytes = 2000000;
    of->upstream_calls = 12;
    of->seconds = 10;
    of->answered = 1001;
    of->answered_ok = 791;
    of->client_cpu_s = 9;
    of->client_spin_s = 8;
}

static const bench_load load = {.method = BENCH_CONTEXT,
                                .rate = 100,
                                .connections = 8,
                                .in_flight = 10000,
                                .persons = 1000,
                                .miss_percent = 1,
                                .sample = 16};

static void programs_get_one_object(void **state)
{
    (void)state;
    bench_result result;
    fill(&result);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    bench_result_print_json(out, &result, &load);
    fclose(out);
    assert_string_equal(
        text,
        "{\"method\":\"context\",\"mode\":\"open\",\"connections\":8,\"in_flight\":10000,"
        "\"rate_asked\":100.000,\"seconds\":10.000000,\"requests\":1000,\"rate\":100.100,"
        "\"rate_ok\":79.100,\"codes\":{\"OK\":790,\"DEADLINE_EXCEEDED\":200,\"NOT_FOUND\":10},"
        "\"sections\":{\"OK\":290,\"LATE\":10},\"looked_into\":50,\"malformed\":0,"
        "\"bytes\":2000000,\"dropped\":7,\"unfinished\":0,"
        "\"latency_ms\":{\"mean\":0.001200,\"min\":0.001000,\"p50\":0.001000,\"p90\":0.002000,"
        "\"p99\":0.002000,\"p99_9\":0.002000,\"p99_99\":0.002000,\"max\":0.002000},"
        "\"latency_ok_ms\":{\"mean\":0.001000,\"min\":0.001000,\"p50\":0.001000,\"p90\":0.001000,"
        "\"p99\":0.001000,\"p99_9\":0.001000,\"p99_99\":0.001000,\"max\":0.001000},"
        "\"hits\":{\"mean\":0.001000,\"min\":0.001000,\"p50\":0.001000,\"p90\":0.001000,"
        "\"p99\":0.001000,\"p99_9\":0.001000,\"p99_99\":0.001000,\"max\":0.001000},"
        "\"misses\":{\"mean\":0.002000,\"min\":0.002000,\"p50\":0.002000,\"p90\":0.002000,"
        "\"p99\":0.002000,\"p99_9\":0.002000,\"p99_99\":0.002000,\"max\":0.002000},"
        "\"start_lag_ms\":{\"mean\":0.000500,\"min\":0.000500,\"p50\":0.000500,\"p90\":0.000500,"
        "\"p99\":0.000500,\"p99_9\":0.000500,\"p99_99\":0.000500,\"max\":0.000500},"
        "\"upstream_calls\":12,\"client_cpu_s\":9.000000,\"client_spin_s\":8.000000,"
        "\"interrupted\":false}\n");
    free(text);
    bench_result_deinit(&result);
}

static void people_get_a_table(void **state)
{
    (void)state;
    bench_result result;
    screen shown;
    fill(&result);
    screen_open(&shown, 80, false);
    bench_result_print(&shown.display, &result, &load);
    screen_check(&shown,
                 "context of 1,000 persons and 1 % new ones\n"
                 "\n"
                 "  Load                  open loop, at most 10,000 in flight on 8 connections\n"
                 "  Requests              1,000 in 10.0 s\n"
                 "  Rate                  100.1/s of 100/s asked for, 79.1/s OK\n"
                 "  OK                    790\n"
                 "  DEADLINE_EXCEEDED     200  first: too slow\n"
                 "  NOT_FOUND             10\n"
                 "  Not started           7, since as many as may be were in flight\n"
                 "  Sections              290 OK, 10 LATE  (one answer of 16 looked into)\n"
                 "  Received              2.0 MB, 2,000 bytes an answer\n"
                 "  Upstream calls        12\n"
                 "  Client                1.00 s of CPU, 999.0 us a request; 8.00 s for the clock\n"
                 "\n"
                 "Latency in ms\n"
                 "                   mean      p50      p90      p99    p99.9   p99.99      max\n"
                 "  all             0.001    0.001    0.002    0.002    0.002    0.002    0.002\n"
                 "  OK only         0.001    0.001    0.001    0.001    0.001    0.001    0.001\n"
                 "  hits            0.001    0.001    0.001    0.001    0.001    0.001    0.001\n"
                 "  new persons     0.002    0.002    0.002    0.002    0.002    0.002    0.002\n"
                 "  started late    0.001    0.001    0.001    0.001    0.001    0.001    0.001\n");
    bench_result_deinit(&result);
}

static void nothing_is_no_reason_to_divide_by_it(void **state)
{
    (void)state;
    bench_result result;
    bench_load closed = {.method = BENCH_PROFILE, .connections = 1, .in_flight = 1, .persons = 1};
    screen shown;
    assert_true(bench_result_init(&result));
    result.interrupted = true;
    screen_open(&shown, 80, false);
    bench_result_print(&shown.display, &result, &closed);
    screen_check(&shown,
                 "profile of 1 person\n"
                 "\n"
                 "  Load                  closed loop, 1 in flight on 1 connection\n"
                 "  Requests              0 in 0.0 s, interrupted\n"
                 "  Rate                  0.0/s\n"
                 "  Received              0.0 MB, 0 bytes an answer\n"
                 "  Upstream calls        0\n"
                 "  Client                0.00 s of CPU, 0.0 us a request\n"
                 "\n"
                 "Latency in ms\n"
                 "                   mean      p50      p90      p99    p99.9   p99.99      max\n"
                 "  all             0.000    0.000    0.000    0.000    0.000    0.000    0.000\n");
    bench_result_deinit(&result);
}

static void the_line_on_the_way_says_what_is_known(void **state)
{
    (void)state;
    bench_result result;
    char text[BENCH_PROGRESS_SIZE];
    fill(&result);
    bench_result_progress(text, &result, true, 1.4);
    assert_string_equal(text, "1 s, warming up");
    bench_result_progress(text, &result, false, 10);
    assert_string_equal(text, "10 s, 100/s, p50 0.00 ms, p99 0.00 ms, 200 failed, 7 not started");
    bench_result_deinit(&result);
}

static void not_found_is_no_failure(void **state)
{
    (void)state;
    bench_result result;
    fill(&result);
    assert_int_equal(bench_result_failures(&result), 200);
    bench_result_deinit(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_get_one_object),
        cmocka_unit_test(people_get_a_table),
        cmocka_unit_test(nothing_is_no_reason_to_divide_by_it),
        cmocka_unit_test(the_line_on_the_way_says_what_is_known),
        cmocka_unit_test(not_found_is_no_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
