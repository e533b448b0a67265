/* Decimal texts as doubles and integers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <float.h>
#include <inttypes.h>
#include <math.h>

#include "mapping/numbers.h"

static void doubles_are_nearest_and_say_when_they_are_exact(void **state)
{
    static const struct {
        const char *text;
        pc_reading reading;
        double value;
    } cases[] = {
        {"0", PC_READING_EXACT, 0.0},
        {"0e999999999999999999999", PC_READING_EXACT, 0.0},
        {"1", PC_READING_EXACT, 1.0},
        {"1.50", PC_READING_EXACT, 1.5},
        {"100e-2", PC_READING_EXACT, 1.0},
        {"0.1", PC_READING_EXACT, 0.1},
        {"0.30000000000000004", PC_READING_EXACT, 0.30000000000000004},
        {"0.300000000000000040", PC_READING_EXACT, 0.30000000000000004},
        {"0.3000000000000000444", PC_READING_LENIENT, 0.30000000000000004},
        {"9007199254740992", PC_READING_EXACT, 9007199254740992.0},
        {"9007199254740993", PC_READING_LENIENT, 9007199254740992.0},
        {"9400100000000000000000", PC_READING_EXACT, 9400100000000000000000.0},
        {"9400100000000000000001", PC_READING_LENIENT, 9400100000000000000000.0},
        {"1e23", PC_READING_EXACT, 1e23},
        {"9.999999999999999e22", PC_READING_LENIENT, 9.999999999999999e22},
        {"1.7976931348623157e308", PC_READING_EXACT, DBL_MAX},
        {"1.7976931348623158e308", PC_READING_LENIENT, DBL_MAX},
        {"1e400", PC_READING_NONE, DBL_MAX},
        {"-1e400", PC_READING_NONE, -DBL_MAX},
        {"1e99999999999999999999", PC_READING_NONE, DBL_MAX},
        {"1e-400", PC_READING_LENIENT, 0.0},
        {"5e-324", PC_READING_EXACT, 5e-324},
        {"4e-324", PC_READING_LENIENT, 5e-324},
        {"4.9e-324", PC_READING_LENIENT, 5e-324},
        {"2.2250738585072014e-308", PC_READING_EXACT, DBL_MIN},
        {"123456789012345678", PC_READING_LENIENT, 123456789012345680.0},
        {"123456789012345680", PC_READING_EXACT, 123456789012345680.0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double value;
        const uint8_t *text = (const uint8_t *)cases[i].text;
        pc_reading reading = pc_number_double(text, strlen(cases[i].text), &value);
        if (reading != cases[i].reading || memcmp(&value, &cases[i].value, sizeof value) != 0) {
            fail_msg("%s gives %.17g, %d", cases[i].text, value, (int)reading);
        }
    }
    double zero;
    assert_int_equal(pc_number_double((const uint8_t *)"-0.0", 4, &zero), PC_READING_EXACT);
    assert_true(zero == 0 && signbit(zero));
}

static void doubles_agree_with_strtod_and_shortest_forms_are_exact(void **state)
{
    uint64_t seed = 42;
    (void)state;
    for (int i = 0; i < 200000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        uint64_t bits = seed ^ seed >> 29;
        double value;
        double read;
        char text[48];
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value)) {
            continue;
        }
        int precision = 1;
        do {
            snprintf(text, sizeof text, "%.*e", precision - 1, value);
        } while (strtod(text, NULL) != value && precision++ < 17);
        if (pc_number_double((const uint8_t *)text, strlen(text), &read) != PC_READING_EXACT ||
            read != value) {
            fail_msg("%s is not exact", text);
        }
        snprintf(text, sizeof text, "%.*e", 19, value);
        (void)pc_number_double((const uint8_t *)text, strlen(text), &read);
        assert_true(read == value);
    }
}

static void very_long_decimals_are_rounded_rightly(void **state)
{
    (void)state;
    /* One half above 2^53: a tie, which only the last of many digits breaks. */
    char text[2100] = "9007199254740993.";
    double value;
    memset(text + 17, '0', 2000);
    text[2017] = '1';
    assert_int_equal(pc_number_double((const uint8_t *)text, 2018, &value), PC_READING_LENIENT);
    assert_true(value == 9007199254740994.0);
    assert_int_equal(pc_number_double((const uint8_t *)text, 2017, &value), PC_READING_LENIENT);
    assert_true(value == 9007199254740992.0);
}

static void integers_are_whole_and_in_range(void **state)
{
    static const struct {
        const char *text;
        pc_reading reading;
        int64_t value;
    } cases[] = {
        {"0", PC_READING_EXACT, 0},
        {"-0", PC_READING_LENIENT, 0},
        {"3.0", PC_READING_EXACT, 3},
        {"30e-1", PC_READING_EXACT, 3},
        {"3e2", PC_READING_EXACT, 300},
        {"3.5", PC_READING_NONE, 0},
        {"9223372036854775807", PC_READING_EXACT, INT64_MAX},
        {"9223372036854775808", PC_READING_NONE, 0},
        {"-9223372036854775808", PC_READING_EXACT, INT64_MIN},
        {"-9223372036854775809", PC_READING_NONE, 0},
        {"18446744073709551616", PC_READING_NONE, 0},
        {"1e18", PC_READING_EXACT, 1000000000000000000},
        {"1e19", PC_READING_NONE, 0},
        {"1e999999999999", PC_READING_NONE, 0},
        {"1e-999999999999", PC_READING_NONE, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t value = 0;
        pc_reading reading = pc_number_integer((const uint8_t *)cases[i].text,
                                               strlen(cases[i].text), INT64_MIN, INT64_MAX, &value);
        if (reading != cases[i].reading ||
            (reading != PC_READING_NONE && value != cases[i].value)) {
            fail_msg("%s gives %" PRId64 ", %d", cases[i].text, value, (int)reading);
        }
    }
    int64_t value;
    assert_int_equal(
        pc_number_integer((const uint8_t *)"2147483648", 10, INT32_MIN, INT32_MAX, &value),
        PC_READING_NONE);
    assert_int_equal(pc_number_integer((const uint8_t *)"-1", 2, 0, 5, &value), PC_READING_NONE);
}

static void only_json_numbers_are_valid(void **state)
{
    static const char *const bad[] = {"", " 1", "1 ", "+1", ".5", "5.", "0x1", "1e", "nan", "1,5"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(pc_number_valid((const uint8_t *)bad[i], strlen(bad[i])));
    }
    assert_true(pc_number_valid((const uint8_t *)"-1.5E+3", 7));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_are_nearest_and_say_when_they_are_exact),
        cmocka_unit_test(doubles_agree_with_strtod_and_shortest_forms_are_exact),
        cmocka_unit_test(very_long_decimals_are_rounded_rightly),
        cmocka_unit_test(integers_are_whole_and_in_range),
        cmocka_unit_test(only_json_numbers_are_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
