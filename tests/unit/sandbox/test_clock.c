/* Reading and writing times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clock.h"

static const int64_t new_year = 1767225600000; /* 2026-01-01T00:00:00Z */

static int64_t parse(const char *text)
{
    int64_t ms;
    assert_true(sbx_time_parse(&ms, text, new_year));
    return ms;
}

static void given_offsets_they_count_from_now(void **state)
{
    (void)state;
    assert_int_equal(parse("-1d"), new_year - 86400000);
    assert_int_equal(parse("+2h30m"), new_year + 9000000);
    assert_int_equal(parse("-1w1s"), new_year - 604801000);
}

static void given_dates_every_notation_is_read(void **state)
{
    (void)state;
    assert_int_equal(parse("2026-01-01"), new_year);
    assert_int_equal(parse("2026-01-01T00:00:00Z"), new_year);
    assert_int_equal(parse("2026-01-01T02:00:00+02:00"), new_year);
    assert_int_equal(parse("2025-12-31T17:00:00-0700"), new_year);
    assert_int_equal(parse("2026-01-01 00:00:00.250"), new_year + 250);
    assert_int_equal(parse("1969-12-31T23:59:59Z"), -1000);
}

static void given_anything_else_it_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",          "-",   "-3",         "-d",          "3d",          "-1y",
        "soon",      "now", "2026-13-01", "2026-01-01T", "2026-01-01x", "2026-01-01T00:00:00+99:00",
        "-99999999d"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t ms;
        assert_false(sbx_time_parse(&ms, bad[i], new_year));
    }
}

static void given_a_form_the_time_is_written_in_it(void **state)
{
    (void)state;
    char out[SBX_TIME_SIZE];
    sbx_time_format(out, new_year + 7, SBX_TIME_MILLIS);
    assert_string_equal(out, "2026-01-01T00:00:00.007Z");
    sbx_time_format(out, -1, SBX_TIME_MILLIS);
    assert_string_equal(out, "1969-12-31T23:59:59.999Z");
    sbx_time_format(out, new_year, SBX_TIME_SPACE);
    assert_string_equal(out, "2026-01-01 00:00:00.0");
    sbx_time_format(out, new_year, SBX_TIME_DATE);
    assert_string_equal(out, "2026-01-01");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_offsets_they_count_from_now),
        cmocka_unit_test(given_dates_every_notation_is_read),
        cmocka_unit_test(given_anything_else_it_is_refused),
        cmocka_unit_test(given_a_form_the_time_is_written_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
