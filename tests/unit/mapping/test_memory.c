/* Each allocation fails in turn: the answer is a status, and nothing leaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failing/failing.h"
#include "mapping/envelope.h"
#include "mapping/insights.h"
#include "mapping/mask.h"
#include "mapping/transcode.h"
#include "mapping_tables.h"
#include "util/attributes.h"

static const char document[] =
    "{\"_id\":5,\"x\":{\"y\":[1,12345678901234567890,{\"\\u0061\":\"\\n\"}],\"y\":2},"
    "\"segmentMembership\":{\"u\":{\"b\":{\"z\":1},\"a\":{},\"c\":null}},\"d\":"
    "[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]],\"loyalty\":{\"points\":\"5\"}}";

static const char page[] =
    "{\"_page\":{\"next\":\"n\\u0041\"},\"children\":[{\"entityId\":\"a\",\"entity\":{\"x\":1}},"
    "{\"entity\":{\"y\":1,\"y\":2}}],\"_links\":{\"next\":{\"href\":\"/e?start=b\"}}}";

static pc_status map_document(void)
{
    pc_buffer out;
    pc_buffer_init(&out, SIZE_MAX);
    pc_status status =
        pc_transcode(&out, (const uint8_t *)document, sizeof document - 1, &pc_table_Profile, NULL);
    pc_buffer_deinit(&out);
    return status;
}

static pc_status map_page(void)
{
    pc_buffer out;
    pc_arena arena;
    pc_event_summary summary;
    pc_buffer_init(&out, SIZE_MAX);
    pc_arena_init(&arena, NULL, 0, 1 << 20);
    pc_status status =
        pc_map_events(&out, &summary, &arena, (const uint8_t *)page, sizeof page - 1, 5, NULL);
    pc_buffer_deinit(&out);
    pc_arena_deinit(&arena);
    return status;
}

static pc_status read_envelope(void)
{
    static const char json[] =
        "{\"x\":{\"mergePolicy\":{\"id\":\"m\\u0041\"},\"requestedIdentity\":{"
        "\"entityId\":\"i\",\"entityIdNS\":{\"code\":\"c\"}},\"entity\":{\"a\":1}}}";
    pc_arena arena;
    pc_profile_envelope out;
    pc_arena_init(&arena, NULL, 0, 1 << 20);
    pc_status status = pc_envelope_profile(&out, &arena, (const uint8_t *)json, sizeof json - 1);
    pc_arena_deinit(&arena);
    return status;
}

static pc_status map_answer(void)
{
    static const char json[] = "{\"x\":{\"entity\":{\"a\":{\"b\":1},\"c\":2,\"c\":[],\"person\":5,"
                               "\"a long one that is\":\"more than what is there at once\"}}}";
    pc_insight_rule rules[PC_INSIGHTS_FEW + 1];
    pc_insight_set *set;
    for (size_t i = 0; i < PC_COUNT_OF(rules); i++) {
        rules[i] = (pc_insight_rule){.name = "i", .path = "a.b", .type = PC_INSIGHT_TEXT};
    }
    pc_status status = pc_insight_set_new(&set, rules, PC_COUNT_OF(rules));
    if (!pc_status_ok(&status)) {
        return status;
    }
    pc_buffer out;
    pc_arena arena;
    pc_insight_search search;
    pc_profile_envelope envelope;
    pc_buffer_init(&out, SIZE_MAX);
    pc_arena_init(&arena, NULL, 0, 1 << 20);
    status = pc_insight_search_init(&search, set)
                 ? pc_map_profile(&out, &envelope, &search, &arena, (const uint8_t *)json,
                                  sizeof json - 1)
                 : pc_status_out_of_memory();
    pc_insight_search_deinit(&search);
    pc_buffer_deinit(&out);
    pc_arena_deinit(&arena);
    pc_insight_set_free(set);
    return status;
}

static pc_status use_masks(void)
{
    static const char *const paths[] = {"person.name.first_name", "record_id", "loyalty"};
    pc_arena arena;
    const pc_mask *mask;
    pc_arena_init(&arena, NULL, 0, 1 << 20);
    pc_status status = pc_mask_compile(&mask, &arena, &pc_table_Profile, paths, 3);
    if (pc_status_ok(&status)) {
        const char *fields;
        status = pc_mask_upstream_fields(&fields, &arena, mask);
    }
    pc_arena_deinit(&arena);
    return status;
}

static pc_status use_insights(void)
{
    static const pc_insight_rule rules[] = {
        {.name = "a", .path = "x.y", .type = PC_INSIGHT_TEXT, .factors_path = "x.f"},
        {.name = "b", .path = "_id", .type = PC_INSIGHT_NUMBER}};
    pc_insight_set *set;
    pc_buffer out;
    pc_buffer_init(&out, SIZE_MAX);
    pc_status status = pc_insight_set_new(&set, rules, 2);
    if (pc_status_ok(&status)) {
        status = pc_map_insights(&out, set, (const uint8_t *)document, sizeof document - 1, 6);
        pc_insight_set_free(set);
    }
    pc_buffer_deinit(&out);
    return status;
}

/* Runs `run` with the first, the second, ... allocation failing until it needs no more. */
static void fail_each(pc_status (*run)(void))
{
    for (long i = 0; i < 10000; i++) {
        failing_after(i);
        pc_status status = run();
        bool reached = failing_end();
        if (!reached) {
            assert_true(pc_status_ok(&status));
            assert_true(i > 0);
            return;
        }
        assert_int_equal(status.code, PC_CODE_RESOURCE_EXHAUSTED);
        assert_string_not_equal(pc_status_reason(&status), "UPSTREAM_BODY_TOO_COMPLEX");
        pc_status_clear(&status);
    }
    fail_msg("allocates without end");
}

static void mapping_survives_every_failed_allocation(void **state)
{
    (void)state;
    fail_each(map_document);
}

static void pages_survive_every_failed_allocation(void **state)
{
    (void)state;
    fail_each(map_page);
}

static void envelopes_survive_every_failed_allocation(void **state)
{
    (void)state;
    fail_each(read_envelope);
}

static void answers_survive_every_failed_allocation(void **state)
{
    (void)state;
    fail_each(map_answer);
}

static void masks_survive_every_failed_allocation(void **state)
{
    (void)state;
    fail_each(use_masks);
}

static void insights_survive_every_failed_allocation(void **state)
{
    (void)state;
    fail_each(use_insights);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mapping_survives_every_failed_allocation),
        cmocka_unit_test(pages_survive_every_failed_allocation),
        cmocka_unit_test(envelopes_survive_every_failed_allocation),
        cmocka_unit_test(answers_survive_every_failed_allocation),
        cmocka_unit_test(masks_survive_every_failed_allocation),
        cmocka_unit_test(insights_survive_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
