/* Loading NDJSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "load.h"

#include <string.h>

#define GOOD                                                                                       \
    "{\"type\":\"profile\",\"dataset\":\"d\",\"timestamp\":\"-1d\",\"identities\":"                \
    "[{\"ns\":\"a\",\"id\":\"1\"}],\"entity\":{}}\n"

static void given_a_bad_line_the_error_has_its_number_and_nothing_is_kept(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{",
        "[]",
        "{}",
        "{\"type\":\"nothing\"}",
        "{\"type\":\"profile\"}",
        "{\"type\":\"link\",\"identities\":[{\"ns\":\"a\"}]}",
        "{\"type\":\"link\",\"identities\":[{\"ns\":\"a\",\"id\":\"\"}]}",
        "{\"type\":\"link\",\"identities\":[{\"ns\":\"a\",\"id\":\"x\\u0000y\"}]}",
        "{\"type\":\"event\",\"dataset\":\"d\",\"timestamp\":\"soon\",\"identities\":"
        "[{\"ns\":\"a\",\"id\":\"1\"}],\"entity\":{}}",
        "{\"type\":\"event\",\"dataset\":\"d\",\"timestamp\":\"-1d\",\"identities\":"
        "[{\"ns\":\"a\",\"id\":\"1\"}],\"entity\":7}",
        "{\"type\":\"audience\",\"audience\":{}}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        sbx_store *store;
        struct sbx_error error;
        struct sbx_text text = {0};
        size_t count;
        assert_true(sbx_store_open(&store, NULL, &error));
        sbx_text_printf(&text, GOOD "\n%s\n", bad[i]);
        assert_false(sbx_load_text(store, "people", text.data, text.length, &count, &error));
        assert_non_null(strstr(error.text, "people:3: "));
        struct sbx_store_totals totals;
        sbx_store_count(store, &totals);
        assert_int_equal(totals.fragments, 0);
        sbx_text_deinit(&text);
        sbx_store_free(store);
    }
}

static void given_blank_lines_and_no_last_newline_all_records_load(void **state)
{
    (void)state;
    sbx_store *store;
    struct sbx_error error;
    size_t count;
    const char text[] = "\n \r\n" GOOD "\n{\"type\":\"audience\",\"audience\":{\"id\":\"x\"}}";
    assert_true(sbx_store_open(&store, NULL, &error));
    assert_true(sbx_load_text(store, "t", text, strlen(text), &count, &error));
    assert_int_equal(count, 2);
    sbx_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_a_bad_line_the_error_has_its_number_and_nothing_is_kept),
        cmocka_unit_test(given_blank_lines_and_no_last_newline_all_records_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
