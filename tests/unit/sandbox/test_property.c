/* Property filters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json.h"
#include "property.h"

#include <string.h>

static const char event[] =
    "{\"web\":{\"isHome\":false,\"name\":\"Tents\"},\"at\":\"2026-03-05T10:00:00Z\","
    "\"total\":129.9,\"big\":9400100000000000000000,\"items\":[{\"q\":1},{\"q\":5}],"
    "\"a.b\":7}";

static bool matches(const char *filter)
{
    struct sbx_error error;
    struct sbx_property property;
    json_t *entity = sbx_json_parse(event, strlen(event), &error);
    assert_true(sbx_property_parse(&property, filter, &error));
    bool result = sbx_property_matches(&property, entity);
    sbx_property_deinit(&property);
    json_decref(entity);
    return result;
}

static void given_scalars_equality_compares_their_text(void **state)
{
    (void)state;
    assert_true(matches("web.isHome=false"));
    assert_false(matches("web.isHome=true"));
    assert_true(matches("web.name=Tents"));
    assert_true(matches("web.name=\"Tents\""));
    assert_true(matches("web.name!=Boots"));
}

static void given_numbers_order_is_numeric(void **state)
{
    (void)state;
    assert_true(matches("total>99"));
    assert_true(matches("total<=129.9"));
    assert_false(matches("total<129.9"));
    assert_true(matches("big>9000000000000000000000"));
}

static void given_a_quoted_date_only_the_day_counts(void **state)
{
    (void)state;
    assert_true(matches("at=\"2026-03-05\""));
    assert_true(matches("at<=\"20260305\""));
    assert_true(matches("at>\"2026-03-04\""));
    assert_false(matches("at>\"2026-03-05\""));
}

static void given_an_array_one_match_is_enough(void **state)
{
    (void)state;
    assert_true(matches("items.q>4"));
    assert_false(matches("items.q>5"));
}

static void given_no_value_only_unequal_holds(void **state)
{
    (void)state;
    assert_false(matches("nothing.here=1"));
    assert_true(matches("nothing.here!=1"));
    assert_true(matches("a.b=7"));
}

static void given_no_comparison_it_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "web", "=1", "a!1", "a=", "a=\"open", "a>="};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct sbx_property property;
        struct sbx_error error;
        assert_false(sbx_property_parse(&property, bad[i], &error));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_scalars_equality_compares_their_text),
        cmocka_unit_test(given_numbers_order_is_numeric),
        cmocka_unit_test(given_a_quoted_date_only_the_day_counts),
        cmocka_unit_test(given_an_array_one_match_is_enough),
        cmocka_unit_test(given_no_value_only_unequal_holds),
        cmocka_unit_test(given_no_comparison_it_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
