/* Configured insights. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mapping/insights.h"
#include "profilecontext/v1/context.pb-c.h"

static const pc_insight_rule rules[] = {
    {.name = "churn",
     .path = "_t.ai.churn.score",
     .type = PC_INSIGHT_NUMBER,
     .kind = 1,
     .direction = 2,
     .propensity = 1,
     .has_bounds = true,
     .low_below = 25,
     .high_above = 74,
     .factors_path = "_t.ai.churn.factors"},
    {.name = "probability", .path = "_t.ai.churn.probability", .type = PC_INSIGHT_NUMBER},
    {.name = "scored", .path = "_t.ai.churn.scoreDate", .type = PC_INSIGHT_TIME, .kind = 7},
    {.name = "dotted", .path = "_t.a\\.b\\\\c", .type = PC_INSIGHT_TEXT, .unit = "EUR"},
    {.name = "flag", .path = "_t.flag", .type = PC_INSIGHT_FLAG},
    {.name = "list", .path = "_t.list", .type = PC_INSIGHT_LIST},
    {.name = "gone", .path = "_t.gone.value", .type = PC_INSIGHT_NUMBER},
    {.name = "again", .path = "_t.ai.churn.score", .type = PC_INSIGHT_TEXT},
};

static Profilecontext__V1__Context *map(const char *json)
{
    pc_insight_set *set;
    pc_buffer out;
    pc_status status = pc_insight_set_new(&set, rules, sizeof rules / sizeof rules[0]);
    assert_true(pc_status_ok(&status));
    pc_buffer_init(&out, SIZE_MAX);
    status = pc_map_insights(&out, set, (const uint8_t *)json, strlen(json), 6);
    assert_true(pc_status_ok(&status));
    for (size_t size = 0; size < strlen(json); size++) {
        pc_buffer none;
        uint8_t *exact = malloc(size == 0 ? 1 : size);
        memcpy(exact, json, size);
        pc_buffer_init(&none, SIZE_MAX);
        status = pc_map_insights(&none, set, exact, size, 6);
        assert_int_equal(status.code, PC_CODE_INTERNAL);
        assert_int_equal(none.size, 0);
        pc_status_clear(&status);
        pc_buffer_deinit(&none);
        free(exact);
    }
    Profilecontext__V1__Context *context =
        profilecontext__v1__context__unpack(NULL, out.size, out.bytes);
    assert_non_null(context);
    pc_buffer_deinit(&out);
    pc_insight_set_free(set);
    return context;
}

static void values_are_found_in_the_order_of_the_rules(void **state)
{
    (void)state;
    Profilecontext__V1__Context *c = map(
        "{\"x\":[{\"_t\":1}],\"_t\":{\"list\":[\"a\",5,null],\"flag\":\"true\",\"a.b\\\\c\":\"w\","
        "\"ai\":{\"churn\":{\"factors\":[{\"code\":\"c\",\"value\":7,\"importance\":\"high\"},5,{}]"
        ","
        "\"scoreDate\":\"2025-08-27\",\"score\":81,\"probability\":\"0.5\"}},\"gone\":{\"value\":{}"
        "}}}");
    assert_int_equal(c->n_insights, 7);
    assert_string_equal(c->insights[0]->name, "churn");
    assert_string_equal(c->insights[0]->source_path, "_t.ai.churn.score");
    assert_true(c->insights[0]->number == 81);
    assert_int_equal(c->insights[0]->band, 3);
    assert_int_equal(c->insights[0]->direction, 2);
    assert_int_equal(c->insights[0]->propensity, 1);
    assert_int_equal(c->insights[0]->n_factors, 1);
    assert_string_equal(c->insights[0]->factors[0]->value, "7");
    assert_true(c->insights[1]->number == 0.5);
    assert_int_equal(c->insights[1]->band, 0);
    assert_int_equal(c->insights[2]->time->seconds, 1756252800);
    assert_string_equal(c->insights[3]->text, "w");
    assert_string_equal(c->insights[3]->unit, "EUR");
    assert_true(c->insights[4]->flag);
    assert_int_equal(c->insights[5]->list->n_values, 2);
    assert_string_equal(c->insights[5]->list->values[1], "5");
    assert_string_equal(c->insights[6]->text, "81");
    profilecontext__v1__context__free_unpacked(c, NULL);
}

static void bands_include_their_bounds(void **state)
{
    static const struct {
        const char *score;
        int band;
    } cases[] = {{"24.9", 1}, {"25", 2}, {"74", 2}, {"74.1", 3}};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        char json[128];
        snprintf(json, sizeof json, "{\"_t\":{\"ai\":{\"churn\":{\"score\":%s}}}}", cases[i].score);
        Profilecontext__V1__Context *c = map(json);
        assert_int_equal(c->n_insights, 2);
        assert_int_equal((int)c->insights[0]->band, cases[i].band);
        profilecontext__v1__context__free_unpacked(c, NULL);
    }
}

static void what_cannot_be_read_is_left_out_and_the_last_key_counts(void **state)
{
    (void)state;
    Profilecontext__V1__Context *c = map(
        "{\"_t\":{\"ai\":{\"churn\":{\"score\":5}},\"list\":\"one\",\"flag\":1},\"_t\":{\"ai\":{"
        "\"churn\":{\"score\":null,\"probability\":\"x\",\"scoreDate\":\"soon\"}},\"list\":\"two\"}"
        "}");
    assert_int_equal(c->n_insights, 1);
    assert_string_equal(c->insights[0]->name, "list");
    assert_string_equal(c->insights[0]->list->values[0], "two");
    profilecontext__v1__context__free_unpacked(c, NULL);
    c = map("{}");
    assert_int_equal(c->n_insights, 0);
    profilecontext__v1__context__free_unpacked(c, NULL);
}

static void the_upstream_is_asked_for_the_paths(void **state)
{
    pc_insight_set *set;
    (void)state;
    pc_status status = pc_insight_set_new(&set, rules, 3);
    assert_true(pc_status_ok(&status));
    assert_string_equal(pc_insight_set_fields(set),
                        "_t.ai.churn.score,_t.ai.churn.factors,_t.ai.churn.probability,"
                        "_t.ai.churn.scoreDate");
    pc_insight_set_free(set);
    status = pc_insight_set_new(&set, rules, 4);
    assert_true(pc_status_ok(&status));
    assert_null(pc_insight_set_fields(set));
    pc_insight_set_free(set);
    status = pc_insight_set_new(&set, NULL, 0);
    assert_true(pc_status_ok(&status));
    assert_string_equal(pc_insight_set_fields(set), "");
    pc_insight_set_free(set);
}

static void bad_rules_are_refused(void **state)
{
    static const pc_insight_rule bad[] = {{.name = "", .path = "a"},
                                          {.name = "a", .path = ""},
                                          {.name = "a", .path = "a..b"},
                                          {.name = "a", .path = "a."},
                                          {.name = "a", .path = ".a"},
                                          {.name = "a", .path = "a\\"},
                                          {.name = "a", .path = "a", .factors_path = "."},
                                          {.name = NULL, .path = NULL}};
    pc_insight_set *set;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        pc_status status = pc_insight_set_new(&set, &bad[i], 1);
        assert_int_equal(status.code, PC_CODE_INVALID_ARGUMENT);
        assert_string_equal(pc_status_violations(&status)->field, "insights[0]");
        assert_null(set);
        pc_status_clear(&status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_found_in_the_order_of_the_rules),
        cmocka_unit_test(bands_include_their_bounds),
        cmocka_unit_test(what_cannot_be_read_is_left_out_and_the_last_key_counts),
        cmocka_unit_test(the_upstream_is_asked_for_the_paths),
        cmocka_unit_test(bad_rules_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
