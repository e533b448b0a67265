/* Seconds and dates in Retry-After. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "upstream/retry_after.h"

static void test_retry_after__reads_seconds_and_dates(void **state)
{
    (void)state;
    /* 1994-11-06 08:49:37 UTC, the date of RFC 9110's examples. */
    const int64_t example_ms = 784111777000;
    static const struct {
        const char *text;
        int64_t before_ms; /* how long before the example's moment it is now */
        int64_t expected;
    } rows[] = {
        {"120", 0, 120000},
        {" 7 \r\n", 0, 7000},
        {"0", 0, 0},
        {"", 0, 0},
        {"-5", 0, 0},
        {"1.5", 0, 0},
        {"soon", 0, 0},
        {"20991231", 0, PC_RETRY_AFTER_MAX_MS},
        {"2099-12-31", 0, 0},
        {"99999999999999999999999", 0, PC_RETRY_AFTER_MAX_MS},
        {"Sun, 06 Nov 1994 08:49:37 GMT", 5000, 5000},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 5000, 5000},
        {"Sun Nov  6 08:49:37 1994", 5000, 5000},
        {"Sun, 06 Nov 1994 08:49:37 GMT", -5000, 0},
        {"Sun, 06 Nov 1994 08:49:37 GMT", 86400000, PC_RETRY_AFTER_MAX_MS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t got =
            pc_retry_after_ms(rows[i].text, strlen(rows[i].text), example_ms - rows[i].before_ms);
        if (got != rows[i].expected) {
            fail_msg("\"%s\": %lld", rows[i].text, (long long)got);
        }
    }
}

static void test_http_date__only_a_date_is_one(void **state)
{
    (void)state;
    assert_int_equal(pc_http_date_ms("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777000);
    assert_int_equal(pc_http_date_ms(""), 0);
    assert_int_equal(pc_http_date_ms("soon"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_date__only_a_date_is_one),
        cmocka_unit_test(test_retry_after__reads_seconds_and_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
