/* Selecting fields. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fields.h"

#include <stdlib.h>

static void expect(const char *entity, const char *const *paths, size_t count, const char *wanted)
{
    json_t *value = json_loads(entity, 0, NULL);
    assert_non_null(value);
    json_t *selected = sbx_fields_select(value, paths, count);
    char *text = json_dumps(selected, JSON_COMPACT);
    assert_string_equal(text, wanted);
    free(text);
    json_decref(selected);
    json_decref(value);
}

static void given_no_paths_everything_is_selected(void **state)
{
    (void)state;
    expect("{\"a\":1}", NULL, 0, "{\"a\":1}");
}

static void given_a_nested_path_its_siblings_are_left_out(void **state)
{
    (void)state;
    const char *const paths[] = {"person.name.first", "mail"};
    expect("{\"person\":{\"name\":{\"first\":\"A\",\"last\":\"B\"},\"age\":3},\"mail\":{\"x\":1}}",
           paths, 2, "{\"person\":{\"name\":{\"first\":\"A\"}},\"mail\":{\"x\":1}}");
}

static void given_two_paths_into_one_object_both_are_there(void **state)
{
    (void)state;
    const char *const paths[] = {"p.c", "p.a"};
    expect("{\"p\":{\"a\":1,\"b\":2,\"c\":3}}", paths, 2, "{\"p\":{\"a\":1,\"c\":3}}");
}

static void given_an_array_the_path_applies_to_each_item(void **state)
{
    (void)state;
    const char *const paths[] = {"items.sku"};
    expect("{\"items\":[{\"sku\":1,\"n\":2},\"x\",{\"sku\":3}]}", paths, 1,
           "{\"items\":[{\"sku\":1},{\"sku\":3}]}");
}

static void given_keys_with_dots_they_match_as_they_stand(void **state)
{
    (void)state;
    const char *const paths[] = {"a.b.c"};
    expect("{\"a.b\":{\"c\":1,\"d\":2},\"a\":{\"x\":3}}", paths, 1, "{\"a.b\":{\"c\":1}}");
}

static void given_a_path_through_a_scalar_nothing_is_selected(void **state)
{
    (void)state;
    const char *const paths[] = {"a.b", "ab", "missing"};
    expect("{\"a\":1,\"abc\":2}", paths, 3, "{}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_no_paths_everything_is_selected),
        cmocka_unit_test(given_a_nested_path_its_siblings_are_left_out),
        cmocka_unit_test(given_two_paths_into_one_object_both_are_there),
        cmocka_unit_test(given_an_array_the_path_applies_to_each_item),
        cmocka_unit_test(given_keys_with_dots_they_match_as_they_stand),
        cmocka_unit_test(given_a_path_through_a_scalar_nothing_is_selected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
