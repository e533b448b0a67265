/* Questions to documents, hostile ones among them. */
#include "check.h"

#include <string.h>

#include "check/find.h"

static const char document[] = "{\"a\":{\"b.c\":[1,{\"d\":\"x\"}],\"e\":\"first\",\"e\":\"last\"},"
                               "\"odd\":\"\\u00e9\",\"f\":7}";

static pc_json_range range_of(const char *text)
{
    return (pc_json_range){(const uint8_t *)text, strlen(text)};
}

static void test_find__paths_lead_to_values(void **state)
{
    (void)state;
    pc_json_range whole = range_of(document);
    pc_json_range value;
    pc_json_range items[4];
    pc_json_text names[1];
    char text[8];
    assert_true(pc_find(&value, &whole, ""));
    assert_int_equal(value.size, whole.size);
    assert_true(pc_find(&value, &whole, "a.e"));
    assert_true(pc_find_is(&value, "last"));
    assert_true(pc_find(&value, &whole, "a.b\\.c"));
    assert_int_equal(pc_find_items(items, 4, &value), 2);
    assert_true(pc_find(&value, &items[1], "d"));
    pc_find_text(text, sizeof text, &value);
    assert_string_equal(text, "x");
    assert_int_equal(pc_find_names(names, 1, &whole), 3);
    assert_true(pc_json_text_is(&names[0], "a"));
}

static void test_find__what_is_not_there_is_not_found(void **state)
{
    (void)state;
    pc_json_range whole = range_of(document);
    pc_json_range value;
    char text[4] = "xyz";
    assert_false(pc_find(&value, &whole, "a.x"));
    assert_false(pc_find(&value, &whole, "f.g"));
    assert_false(pc_find(&value, &whole, "a..e"));
    assert_true(pc_find(&value, &whole, "odd"));
    pc_find_text(text, sizeof text, &value); /* only what is plain is printed */
    assert_string_equal(text, "");
    assert_true(pc_find(&value, &whole, "a.e"));
    pc_find_text(text, sizeof text, &value);
    assert_string_equal(text, "las");
    assert_int_equal(pc_find_items(NULL, 0, &value), 0);
}

static void test_find__what_is_no_json_is_not_found_in(void **state)
{
    (void)state;
    static const char *const broken[] = {"", "{", "{\"a\":", "[", "nonsense", "{\"a\":{\"b\":1}"};
    for (size_t i = 0; i < PC_COUNT_OF(broken); i++) {
        pc_json_range whole = range_of(broken[i]);
        pc_json_range value;
        assert_false(pc_find(&value, &whole, "a.b"));
        assert_int_equal(pc_find_items(NULL, 0, &whole), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find__paths_lead_to_values),
        cmocka_unit_test(test_find__what_is_not_there_is_not_found),
        cmocka_unit_test(test_find__what_is_no_json_is_not_found_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
