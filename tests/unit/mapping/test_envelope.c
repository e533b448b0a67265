/* The answers of the Entity API, in all the forms that were seen or are to be tolerated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mapping/envelope.h"
#include "profilecontext/v1/context.pb-c.h"

static pc_arena arena;

static int open_arena(void **state)
{
    (void)state;
    pc_arena_init(&arena, NULL, 0, 1 << 20);
    return 0;
}

static int close_arena(void **state)
{
    (void)state;
    pc_arena_deinit(&arena);
    return 0;
}

static pc_status read_profile(pc_profile_envelope *out, const char *json)
{
    return pc_envelope_profile(out, &arena, (const uint8_t *)json, strlen(json));
}

static void a_profile_is_found_with_what_stands_around_it(void **state)
{
    pc_profile_envelope p;
    (void)state;
    pc_status status = read_profile(
        &p,
        "{\"BV_x-1\":{\"entityId\":\"BV_x-1\",\"requestedIdentity\":{\"entityId\":5001,"
        "\"entityIdNS\":{\"code\":\"CRM\"}},\"mergePolicy\":{\"id\":\"mp\"},\"sources\":[\"s\"],"
        "\"identityGraph\":[\"BV_x-1\"],\"entity\":{\"_id\":\"1\"},"
        "\"lastModifiedAt\":\"2025-08-28T22:57:24.5+02:00\"}}");
    assert_true(pc_status_ok(&status));
    assert_string_equal(p.xid, "BV_x-1");
    assert_string_equal(p.requested_id, "5001");
    assert_string_equal(p.requested_namespace, "CRM");
    assert_string_equal(p.merge_policy_id, "mp");
    assert_int_equal(p.entity.size, 11);
    assert_memory_equal(p.entity.bytes, "{\"_id\":\"1\"}", 11);
    assert_true(p.last_modified.present);
    assert_int_equal(p.last_modified.seconds, 1756414644);
    assert_int_equal(p.last_modified.nanos, 500000000);
    assert_false(p.placeholder);
}

static void nothing_and_placeholders_are_not_found(void **state)
{
    static const char *const answers[] = {
        "{}",
        "[]",
        "{\"statusCode\":\"404\"}",
        "{\"x\":{\"entityId\":\"x\",\"sources\":[\"\"],\"entity\":{},"
        "\"lastModifiedAt\":\"1970-01-01T00:00:00Z\"}}",
        "{\"x\":{\"sources\":[\"\"],\"entity\":{}}}",
        "{\"x\":{\"entity\":{},\"lastModifiedAt\":\"1970-01-01T00:00:00Z\"}}",
        "{\"x\":{\"entityId\":\"x\"}}",
        "{\"x\":null}",
        "[{\"xid\":\"x\",\"error\":{\"message\":\"m\",\"statusCode\":\"404\"}}]",
    };
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        pc_profile_envelope p;
        pc_status status = read_profile(&p, answers[i]);
        assert_int_equal(status.code, PC_CODE_NOT_FOUND);
        assert_string_equal(pc_status_reason(&status), "PROFILE_NOT_FOUND");
        pc_status_clear(&status);
    }
}

static void an_empty_entity_with_a_source_is_found(void **state)
{
    pc_profile_envelope p;
    (void)state;
    pc_status status = read_profile(
        &p,
        "{\"x\":{\"sources\":[\"s\"],\"entity\":{},\"lastModifiedAt\":\"2025-01-01T00:00:00Z\"}}");
    assert_true(pc_status_ok(&status));
    assert_int_equal(p.entity.size, 2);
}

static void the_failure_of_the_entry_is_told(void **state)
{
    pc_profile_envelope p;
    (void)state;
    pc_status status = read_profile(&p, "{\"x\":{\"error\":{\"statusCode\":\"500\"}}}");
    assert_int_equal(status.code, PC_CODE_UNAVAILABLE);
    pc_status_clear(&status);
}

static void unreadable_answers_are_refused_at_every_length(void **state)
{
    static const char json[] =
        "{\"x\":{\"sources\":[\"s\",5],\"entity\":{\"a\":[1,{}]},\"mergePolicy\":"
        "{\"id\":\"m\"},\"requestedIdentity\":{\"entityIdNS\":{\"code\":\"c\"}}},"
        "\"y\":[],\"z\":{\"xid\":\"q\",\"error\":{\"statusCode\":\"404\"}}}";
    (void)state;
    for (size_t size = 0; size < sizeof json - 1; size++) {
        uint8_t *exact = malloc(size == 0 ? 1 : size);
        memcpy(exact, json, size);
        pc_profile_envelope p;
        pc_status status = pc_envelope_profile(&p, &arena, exact, size);
        assert_int_equal(status.code, PC_CODE_INTERNAL);
        pc_status_clear(&status);
        free(exact);
    }
}

static void a_batch_is_iterated_with_its_errors(void **state)
{
    static const char json[] =
        "{\"a\":{\"entity\":{\"x\":1}},\"n\":5,\"b\":{\"sources\":[\"\"],\"entity\":{}},"
        "\"c\":{\"xid\":\"q\",\"error\":{\"statusCode\":\"429\"}}}";
    pc_profile_iterator iterator;
    pc_profile_envelope p;
    bool found;
    (void)state;
    pc_profile_iterator_init(&iterator, &arena, (const uint8_t *)json, sizeof json - 1);
    for (int i = 0; i < 3; i++) {
        pc_status status = pc_profile_iterator_next(&iterator, &p, &found);
        assert_true(pc_status_ok(&status) && found);
        assert_int_equal(p.xid[0], 'a' + i);
        assert_int_equal(p.placeholder, i == 1);
        assert_int_equal(p.failed, i == 2);
    }
    assert_int_equal(p.error_status, 429);
    pc_status status = pc_profile_iterator_next(&iterator, &p, &found);
    assert_true(pc_status_ok(&status) && !found);
}

static void entries_are_kept_as_they_stand(void **state)
{
    static const struct {
        const char *json;
        const char *members[2];
    } cases[] = {
        {"{ \"a\\u0062\" : {\"entity\":{ }} ,\"c\":{}}",
         {"\"a\\u0062\" : {\"entity\":{ }}", "\"c\":{}"}},
        {"[ {\"xid\":\"a\"} ,1,{}]", {"{\"xid\":\"a\"}", "{}"}},
    };
    (void)state;
    for (size_t i = 0; i < PC_COUNT_OF(cases); i++) {
        pc_profile_iterator iterator;
        pc_profile_envelope p;
        bool found;
        pc_profile_iterator_init(&iterator, &arena, (const uint8_t *)cases[i].json,
                                 strlen(cases[i].json));
        for (int j = 0; j < 2; j++) {
            pc_status status = pc_profile_iterator_next(&iterator, &p, &found);
            assert_true(pc_status_ok(&status) && found);
            assert_int_equal(p.member.size, strlen(cases[i].members[j]));
            assert_memory_equal(p.member.bytes, cases[i].members[j], p.member.size);
        }
    }
}

static const char page[] =
    "{\"_page\":{\"orderby\":\"timestamp\",\"start\":\"s\",\"count\":7,\"next\":\"n\\u00e9xt\"},"
    "\"children\":[{\"relatedEntityId\":\"r\",\"entityId\":\"e1\",\"timestamp\":1756260477001,"
    "\"entity\":{\"eventType\":\"a\"},\"lastModifiedAt\":\"2025-08-21T06:49:02Z\"},null,"
    "{\"entityId\":\"e2\",\"timestamp\":-1,\"entity\":{\"_id\":\"own\",\"timestamp\":"
    "\"2020-01-01T00:00:00Z\",\"x\":1,\"x\":2},\"lastModifiedAt\":\"2025-08-22T06:49:02Z\"},"
    "{\"entityId\":\"e3\",\"timestamp\":-1}],\"_links\":{\"next\":{\"href\":\"/"
    "entities?start=z\"}}}";

static void a_page_of_events_is_mapped(void **state)
{
    pc_buffer out;
    pc_event_summary summary;
    (void)state;
    pc_buffer_init(&out, SIZE_MAX);
    pc_status status =
        pc_map_events(&out, &summary, &arena, (const uint8_t *)page, sizeof page - 1, 5, NULL);
    assert_true(pc_status_ok(&status));
    assert_int_equal(summary.count, 3);
    assert_string_equal(summary.next_cursor, "n\xc3\xa9xt");
    assert_int_equal(summary.newest_last_modified.seconds, 1755845342);
    Profilecontext__V1__Context *context =
        profilecontext__v1__context__unpack(NULL, out.size, out.bytes);
    assert_non_null(context);
    assert_int_equal(context->n_events, 3);
    assert_string_equal(context->events[0]->event_id, "e1");
    assert_int_equal(context->events[0]->timestamp->seconds, 1756260477);
    assert_int_equal(context->events[0]->timestamp->nanos, 1000000);
    assert_int_equal(context->events[0]->last_modified_time->seconds, 1755758942);
    assert_string_equal(context->events[1]->event_id, "own");
    assert_int_equal(context->events[1]->timestamp->seconds, 1577836800);
    assert_int_equal(context->events[1]->extensions->fields->n_fields, 1);
    assert_string_equal(context->events[2]->event_id, "e3");
    assert_int_equal(context->events[2]->timestamp->seconds, -1);
    assert_int_equal(context->events[2]->timestamp->nanos, 999000000);
    profilecontext__v1__context__free_unpacked(context, NULL);
    pc_buffer_deinit(&out);
}

static void children_are_iterated(void **state)
{
    pc_event_page p;
    pc_event_iterator iterator;
    pc_event_envelope event;
    bool found;
    (void)state;
    pc_status status = pc_envelope_event_page(&p, &arena, (const uint8_t *)page, sizeof page - 1);
    assert_true(pc_status_ok(&status));
    assert_int_equal(p.count, 7);
    pc_event_iterator_init(&iterator, &p);
    for (int i = 1; i <= 3; i++) {
        status = pc_event_iterator_next(&iterator, &event, &found);
        assert_true(pc_status_ok(&status) && found);
        assert_int_equal(event.entity_id.bytes[1], '0' + i);
    }
    for (int i = 0; i < 2; i++) {
        status = pc_event_iterator_next(&iterator, &event, &found);
        assert_true(pc_status_ok(&status));
        assert_false(found);
    }
}

static void pages_without_events_are_empty(void **state)
{
    static const struct {
        const char *json;
        const char *cursor;
    } cases[] = {
        {"{}", ""},
        {"{\"children\":[]}", ""},
        {"{\"children\":null,\"_page\":5,\"_links\":[]}", ""},
        {"{\"_page\":{\"next\":\"\"},\"_links\":{\"next\":{\"href\":\"/e?start=x\"}}}", ""},
        {"{\"_links\":{\"next\":{\"href\":\"/e?a=b&start=x%2Fy&limit=1\"}}}", "x/y"},
        {"{\"_links\":{\"next\":{\"href\":\"\"}}}", ""},
        {"{\"children\":[{\"entityId\":\"x\"}],\"children\":[]}", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pc_buffer out;
        pc_event_summary summary;
        pc_buffer_init(&out, SIZE_MAX);
        pc_status status = pc_map_events(&out, &summary, &arena, (const uint8_t *)cases[i].json,
                                         strlen(cases[i].json), 5, NULL);
        assert_true(pc_status_ok(&status));
        assert_int_equal(summary.count, 0);
        assert_int_equal(out.size, 0);
        assert_string_equal(summary.next_cursor, cases[i].cursor);
        pc_buffer_deinit(&out);
    }
}

static void truncated_pages_leave_nothing_behind(void **state)
{
    (void)state;
    for (size_t size = 0; size < sizeof page - 1; size++) {
        pc_buffer out;
        pc_event_summary summary;
        uint8_t *exact = malloc(size == 0 ? 1 : size);
        memcpy(exact, page, size);
        pc_buffer_init(&out, SIZE_MAX);
        pc_status status = pc_map_events(&out, &summary, &arena, exact, size, 5, NULL);
        assert_int_equal(status.code, PC_CODE_INTERNAL);
        assert_int_equal(out.size, 0);
        pc_status_clear(&status);
        pc_buffer_deinit(&out);
        free(exact);
    }
}

static void audiences_have_names_or_not(void **state)
{
    static const char json[] =
        "{\"a\":[{}],\"results\":{\"i1\":{\"id\":\"i1\",\"name\":\"Gold\"},"
        "\"i2\":{\"errors\":{\"404\":[{\"code\":404}]}},\"i3\":null},\"z\":1}";
    pc_audience_iterator iterator;
    pc_audience audience;
    bool found;
    (void)state;
    pc_audience_iterator_init(&iterator, &arena, (const uint8_t *)json, sizeof json - 1);
    pc_status status = pc_audience_iterator_next(&iterator, &audience, &found);
    assert_true(pc_status_ok(&status) && found);
    assert_string_equal(audience.id, "i1");
    assert_string_equal(audience.name, "Gold");
    for (int i = 0; i < 2; i++) {
        status = pc_audience_iterator_next(&iterator, &audience, &found);
        assert_true(pc_status_ok(&status) && found);
        assert_null(audience.name);
    }
    status = pc_audience_iterator_next(&iterator, &audience, &found);
    assert_true(pc_status_ok(&status) && !found);
    pc_audience_iterator_init(&iterator, &arena, (const uint8_t *)json, sizeof json - 2);
    do {
        status = pc_audience_iterator_next(&iterator, &audience, &found);
    } while (pc_status_ok(&status) && found);
    assert_int_equal(status.code, PC_CODE_INTERNAL);
    pc_status_clear(&status);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_profile_is_found_with_what_stands_around_it),
        cmocka_unit_test(nothing_and_placeholders_are_not_found),
        cmocka_unit_test(an_empty_entity_with_a_source_is_found),
        cmocka_unit_test(the_failure_of_the_entry_is_told),
        cmocka_unit_test(unreadable_answers_are_refused_at_every_length),
        cmocka_unit_test(a_batch_is_iterated_with_its_errors),
        cmocka_unit_test(entries_are_kept_as_they_stand),
        cmocka_unit_test(a_page_of_events_is_mapped),
        cmocka_unit_test(children_are_iterated),
        cmocka_unit_test(pages_without_events_are_empty),
        cmocka_unit_test(truncated_pages_leave_nothing_behind),
        cmocka_unit_test(audiences_have_names_or_not),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
