/* JSON that keeps its numbers, and times in templates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json.h"

#include <string.h>

static void expect_unchanged(const char *text)
{
    struct sbx_error error;
    json_t *value = sbx_json_parse(text, strlen(text), &error);
    assert_non_null(value);
    struct sbx_text out = {0};
    sbx_json_print(&out, value);
    assert_string_equal(out.data, text);
    sbx_text_deinit(&out);
    json_decref(value);
}

static void given_any_number_its_digits_survive(void **state)
{
    (void)state;
    expect_unchanged("[9400100000000000000000,0.1,129.9,-0.0,1E-400,1e+308,18446744073709551615]");
    expect_unchanged("{\"a\":1706356200000000000,\"b\":-12,\"c\":0,\"d\":123456789012345}");
}

static void given_strings_that_look_like_numbers_they_stay_strings(void **state)
{
    (void)state;
    expect_unchanged("[\"0.1\",\"a\\\\\",\"\\\"0.5\\\"\",\"\\u00001\"]");
    expect_unchanged("[\"\\u0001#not a number\",{\"\\u0001#1\":\"\\\\\\u0001#\"}]");
}

static void given_broken_json_it_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "{",       "[1,]",    "01",     "1.",
                                      "-",    "[0.5.5]", "\"\\x\"", "\"open", "{\"a\":1.e5}",
                                      "\"\\", "nul",     "\"\xff\""};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct sbx_error error;
        assert_null(sbx_json_parse(bad[i], strlen(bad[i]), &error));
    }
}

static void given_templates_they_become_times(void **state)
{
    (void)state;
    struct sbx_error error;
    const char text[] = "[\"{{-1d}}\",\"{{+2h|date}}\",{\"x\":\"{{-1h30m|basic}}\"},\"{{}}x\"]";
    json_t *value = sbx_json_parse(text, strlen(text), &error);
    assert_true(sbx_json_resolve_times(value, 1767225600000, &error));
    struct sbx_text out = {0};
    sbx_json_print(&out, value);
    assert_string_equal(out.data, "[\"2025-12-31T00:00:00Z\",\"2026-01-01\","
                                  "{\"x\":\"2025-12-31T22:30:00+0000\"},\"{{}}x\"]");
    sbx_text_deinit(&out);
    json_decref(value);
}

static void given_an_unknown_form_the_template_is_refused(void **state)
{
    (void)state;
    struct sbx_error error;
    json_t *value = json_loads("[\"{{-1d|stardate}}\"]", 0, NULL);
    assert_false(sbx_json_resolve_times(value, 0, &error));
    json_decref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_any_number_its_digits_survive),
        cmocka_unit_test(given_strings_that_look_like_numbers_they_stay_strings),
        cmocka_unit_test(given_broken_json_it_is_refused),
        cmocka_unit_test(given_templates_they_become_times),
        cmocka_unit_test(given_an_unknown_form_the_template_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
