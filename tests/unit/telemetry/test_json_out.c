/* What is written is JSON, whatever the texts are. */
#include "check.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "telemetry/json_out.h"

static void test_json_out__any_text_comes_back_as_it_was(void **state)
{
    (void)state;
    static const char odd[] = "\"\\\n\t\x01 \xc3\xa9 end";
    pc_buffer out;
    pc_buffer_init(&out, 4096);
    pc_json_out json = {.out = &out};
    pc_json_out_open(&json, NULL, '{');
    pc_json_out_text(&json, "odd", odd);
    pc_json_out_text(&json, "broken", "a\xff");
    pc_json_out_open(&json, "list", '[');
    pc_json_out_int(&json, NULL, INT64_MIN);
    pc_json_out_flag(&json, NULL, true);
    pc_json_out_null(&json, NULL);
    pc_json_out_number(&json, NULL, 1.5, 3);
    pc_json_out_number(&json, NULL, 100, 2);
    pc_json_out_number(&json, NULL, INFINITY, 2);
    pc_json_out_close(&json, ']');
    pc_json_out_close(&json, '}');
    json_t *root = json_loadb((const char *)out.bytes, out.size, 0, NULL);
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "odd")), odd);
    assert_string_equal(json_string_value(json_object_get(root, "broken")), "a\xef\xbf\xbd");
    const json_t *list = json_object_get(root, "list");
    assert_int_equal(json_array_size(list), 6);
    assert_int_equal(json_integer_value(json_array_get(list, 0)), INT64_MIN);
    assert_true(json_is_null(json_array_get(list, 5)));
    out.bytes[out.size - 2] = '\0';
    assert_non_null(strstr((const char *)out.bytes, "1.5,100,null"));
    json_decref(root);
    pc_buffer_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_out__any_text_comes_back_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
