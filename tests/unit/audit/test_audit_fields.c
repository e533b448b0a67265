/* Fields of a line, and of what is none. */
#include "check.h"

#include <stdio.h>
#include <string.h>

#include "audit/fields.h"

static const char line[] =
    "{\"seq\":2,\"caller\":\"a\\u0022b\\u00fc\\u20ac\",\"sections\":{\"profile\":{\"status\":"
    "\"OK\",\"age_ms\":1},\"events\":{\"status\":\"}\"}},\"fields\":[\"a\",\"]\"],\"last\":\"\"}";

static bool get(pc_audit_value *out, const char *name)
{
    return pc_audit_field(out, line, sizeof line - 1, name);
}

static void test_fields__are_found_by_name_and_in_one_another(void **state)
{
    (void)state;
    pc_audit_value value;
    char text[32];
    assert_true(get(&value, "seq"));
    assert_false(value.is_text);
    assert_memory_equal(value.bytes, "2", value.size);
    assert_true(get(&value, "caller"));
    assert_true(pc_audit_value_is(&value, "a\"b\xc3\xbc\xe2\x82\xac"));
    assert_false(pc_audit_value_is(&value, "a"));
    pc_audit_value_text(text, 4, &value);
    assert_string_equal(text, "a\"b"); /* No half of a character. */
    assert_true(get(&value, "last"));
    assert_true(pc_audit_value_is(&value, ""));
    assert_false(get(&value, "age_ms")); /* It is deeper. */
    pc_audit_value sections;
    pc_audit_value one;
    assert_true(get(&sections, "sections"));
    assert_true(pc_audit_field_in(&one, &sections, "events"));
    assert_true(pc_audit_field_in(&value, &one, "status"));
    assert_true(pc_audit_value_is(&value, "}"));
}

static void test_fields__each_comes_once_in_its_order(void **state)
{
    (void)state;
    static const char *const names[] = {"seq", "caller", "sections", "fields", "last"};
    const pc_audit_value all = {.bytes = line, .size = sizeof line - 1};
    pc_audit_value name;
    pc_audit_value value;
    size_t count = 0;
    for (size_t at = 0; pc_audit_next_field(&name, &value, &all, &at); count++) {
        assert_true(count < PC_COUNT_OF(names));
        assert_true(pc_audit_value_is(&name, names[count]));
    }
    assert_int_equal(count, PC_COUNT_OF(names));
}

static void test_fields__what_is_no_line_has_none(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "{",
        "{}",
        "[]",
        "x",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":\"",
        "{\"a\":\"\\",
        "{\"a\":{",
        "{\"a\":[\"",
        "{a:1}",
        "{\"a\":[[[[[[[[[[[[1]]]]]]]]]]]]}",
    };
    pc_audit_value value;
    for (size_t i = 0; i < PC_COUNT_OF(wrong); i++) {
        assert_false(pc_audit_field(&value, wrong[i], strlen(wrong[i]), "b"));
    }
    assert_false(pc_audit_field(&value, wrong[12], strlen(wrong[12]), "a"));
    /* Escapes that are none are left as they are. */
    static const char odd[] = "{\"a\":\"\\n\\ud800\\u12\\u0000\"}";
    assert_true(pc_audit_field(&value, odd, sizeof odd - 1, "a"));
    assert_true(pc_audit_value_is(&value, "\\n\\ud800\\u12\\u0000"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields__are_found_by_name_and_in_one_another),
        cmocka_unit_test(test_fields__each_comes_once_in_its_order),
        cmocka_unit_test(test_fields__what_is_no_line_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
