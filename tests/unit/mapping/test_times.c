/* Every form of a time that was seen in the sources. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mapping/times.h"

static void times_are_exact_lenient_or_nothing(void **state)
{
    static const struct {
        const char *text;
        pc_reading reading;
        int64_t seconds;
        int32_t nanos;
    } cases[] = {
        {"1970-01-01T00:00:00Z", PC_READING_EXACT, 0, 0},
        {"2025-08-20T02:41:50Z", PC_READING_EXACT, 1755657710, 0},
        {"2025-08-20T02:41:50+0000", PC_READING_EXACT, 1755657710, 0},
        {"2025-08-20T02:41:50+00:00", PC_READING_EXACT, 1755657710, 0},
        {"2025-08-20T02:41:50.000Z", PC_READING_EXACT, 1755657710, 0},
        {"2021-06-30T18:42:27.609626Z", PC_READING_EXACT, 1625078547, 609626000},
        {"1969-12-31T23:59:59.999999999Z", PC_READING_EXACT, -1, 999999999},
        {"0001-01-01T00:00:00Z", PC_READING_EXACT, INT64_C(-62135596800), 0},
        {"9999-12-31T23:59:59.999999999Z", PC_READING_EXACT, INT64_C(253402300799), 999999999},
        {"2025-08-28T22:57:24+02:00", PC_READING_LENIENT, 1756414644, 0},
        {"2025-08-28T22:57:24-0730", PC_READING_LENIENT, 1756448844, 0},
        {"2025-08-28T22:57:24+02", PC_READING_LENIENT, 1756414644, 0},
        {"2025-08-20T02:41:50-00:00", PC_READING_LENIENT, 1755657710, 0},
        {"2025-08-20 02:41:50Z", PC_READING_LENIENT, 1755657710, 0},
        {"2025-08-2002:41:50+00:00", PC_READING_LENIENT, 1755657710, 0},
        {"2025-08-20t02:41:50z", PC_READING_LENIENT, 1755657710, 0},
        {"2025-08-20T02:41Z", PC_READING_LENIENT, 1755657660, 0},
        {"2025-08-20T02:41:50.1234567899Z", PC_READING_LENIENT, 1755657710, 123456789},
        {"2025-08-20T02:41:50", PC_READING_NONE, 0, 0},
        {"2025-08-20 02:41:50", PC_READING_NONE, 0, 0},
        {"2025-08-20", PC_READING_NONE, 0, 0},
        {"2024-03-09 12:21:43.0", PC_READING_NONE, 0, 0},
        {"2025-02-29T00:00:00Z", PC_READING_NONE, 0, 0},
        {"2025-08-20T24:00:00Z", PC_READING_NONE, 0, 0},
        {"2025-08-20T23:59:60Z", PC_READING_NONE, 0, 0},
        {"2025-08-20T02:41:50.Z", PC_READING_NONE, 0, 0},
        {"2025-08-20T02:41:50Zx", PC_READING_NONE, 0, 0},
        {"2025-08-20T02:41:50+24:00", PC_READING_NONE, 0, 0},
        {"0000-01-01T00:00:00Z", PC_READING_NONE, 0, 0},
        {"0001-01-01T00:00:00+00:01", PC_READING_NONE, 0, 0},
        {"9999-12-31T23:59:59-00:01", PC_READING_NONE, 0, 0},
        {"1660324163", PC_READING_NONE, 0, 0},
        {"", PC_READING_NONE, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t seconds = 0;
        int32_t nanos = 0;
        pc_reading reading =
            pc_time_read((const uint8_t *)cases[i].text, strlen(cases[i].text), &seconds, &nanos);
        if (reading != cases[i].reading ||
            (reading != PC_READING_NONE &&
             (seconds != cases[i].seconds || nanos != cases[i].nanos))) {
            fail_msg("%s gives %lld.%09d, %d", cases[i].text, (long long)seconds, nanos,
                     (int)reading);
        }
    }
}

static void days_follow_each_other_for_all_years(void **state)
{
    int64_t day = INT64_C(-62135596800) / 86400;
    (void)state;
    for (int year = 1; year <= 9999; year++) {
        for (int month = 1; month <= 12; month++) {
            for (int d = 1; d <= 31; d++) {
                char text[40];
                int y, m, dd;
                snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, d);
                if (pc_date_read((const uint8_t *)text, 10, &y, &m, &dd)) {
                    assert_int_equal(pc_date_days(y, m, dd), day);
                    day++;
                }
            }
        }
    }
    assert_int_equal(day, INT64_C(253402300800) / 86400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_exact_lenient_or_nothing),
        cmocka_unit_test(days_follow_each_other_for_all_years),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
