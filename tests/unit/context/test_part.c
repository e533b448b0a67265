/* Parts are made in one walk over an answer. Here each step is made alone, over the whole document,
 * and must give the same bytes: for documents of any kind, and for answers with more than one entry
 * or list. */
#include "check.h"

#include <stdio.h>
#include <string.h>

#include "context/part.h"
#include "context/section_bytes.h"
#include "generate.h"
#include "mapping/transcode.h"
#include "mapping_tables.h"
#include "util/attributes.h"
#include "util/clock.h"

enum { DOCUMENTS = 2000, EVENTS = 5, WILDNESS_MAX = 60 };

#define SANDBOX "prod"

static pc_insight_set *insights;
static pc_summary_rules *summary;
static pc_insight_set *cases; /* of the same paths as the summary's */
static pc_audience_names *names;
static pc_part_rules rules;
static pc_arena arena;

static int set_up(void **state)
{
    /* Typed and untyped, scalars and objects, one below the other, and deeper than what is kept
     * structured. */
    static const pc_insight_rule insight_rules[] = {
        {.name = "first", .path = "person.name.firstName", .type = PC_INSIGHT_TEXT},
        {.name = "points", .path = "loyalty.points", .type = PC_INSIGHT_NUMBER, .kind = 1},
        {.name = "list", .path = "organizations", .type = PC_INSIGHT_LIST},
        {.name = "a", .path = "a", .type = PC_INSIGHT_LIST, .factors_path = "b"},
        {.name = "ab", .path = "a.b", .type = PC_INSIGHT_TEXT},
        {.name = "ba", .path = "b.a", .type = PC_INSIGHT_TEXT},
        {.name = "tenant", .path = "_tenant", .type = PC_INSIGHT_TEXT},
        {.name = "score",
         .path = "_tenant.score",
         .type = PC_INSIGHT_NUMBER,
         .has_bounds = true,
         .high_above = 5,
         .factors_path = "_tenant.factors"},
        {.name = "deep",
         .path = "_tenant.1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18",
         .type = PC_INSIGHT_TEXT}};
    static const pc_insight_rule case_rules[] = {
        {.name = "id", .path = "eventType", .type = PC_INSIGHT_TEXT},
        {.name = "status", .path = "a", .type = PC_INSIGHT_TEXT},
        {.name = "subject", .path = "_tenant.subject", .type = PC_INSIGHT_TEXT}};
    static const pc_summary_options options = {.case_id_path = "eventType",
                                               .case_status_path = "a",
                                               .case_subject_path = "_tenant.subject"};
    (void)state;
    check_ok(pc_insight_set_new(&insights, insight_rules, PC_COUNT_OF(insight_rules)));
    check_ok(pc_insight_set_new(&cases, case_rules, PC_COUNT_OF(case_rules)));
    check_ok(pc_summary_rules_new(&summary, &options));
    check_ok(pc_audience_names_new(&names, 100, 3600000, 3600000));
    const pc_segment_words words = {.name = "A name", .description = "and more"};
    pc_audience_names_put(names, SANDBOX, "a", &words, pc_clock_now_ns());
    rules = (pc_part_rules){
        .insights = insights, .summary = summary, .names = names, .body_bytes_max = 1 << 24};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pc_insight_set_free(insights);
    pc_insight_set_free(cases);
    pc_summary_rules_free(summary);
    pc_audience_names_free(names);
    return 0;
}

/* ---- the steps, one after the other -----------------------------------------------------------
 */

static void check_bytes(const char *what, const uint8_t *bytes, size_t size,
                        const pc_buffer *expected)
{
    if (size != expected->size || (size > 0 && memcmp(bytes, expected->bytes, size) != 0)) {
        fail_msg("%s: %zu bytes differ from the %zu expected", what, size, expected->size);
    }
}

static void pick(pc_buffer *out, const pc_buffer *profile, uint32_t number)
{
    pc_wire_reader reader;
    pc_wire_field field;
    out->size = 0;
    pc_wire_reader_init(&reader, profile->bytes, profile->size);
    while (pc_wire_next(&reader, &field)) {
        bool of_rest = field.number != PC_PROFILE_IDENTITY_MAP &&
                       field.number != PC_PROFILE_SEGMENT_MEMBERSHIP;
        if (number == 0 ? of_rest : field.number == number) {
            pc_buffer_append(out, field.start, field.whole_size);
        }
    }
}

/* That the part has what the entity, a JSON object, gives. */
static void check_profile(const pc_slice *part, const uint8_t *json, size_t size)
{
    pc_buffer profile;
    pc_buffer expected;
    pc_profile_part read;
    pc_buffer_init(&profile, SIZE_MAX);
    pc_buffer_init(&expected, SIZE_MAX);
    check_ok(pc_transcode(&profile, json, size, &pc_table_Profile, NULL));
    pc_profile_part_read(&read, part);
    pick(&expected, &profile, 0);
    check_bytes("rest", read.rest, read.rest_size, &expected);
    pick(&expected, &profile, PC_PROFILE_IDENTITY_MAP);
    check_bytes("identities", read.identities, read.identities_size, &expected);
    expected.size = 0;
    pc_segment_verdict verdict =
        pc_segments_put(&expected, PC_PROFILE_SEGMENT_MEMBERSHIP, profile.bytes, profile.size,
                        names, SANDBOX, &arena);
    check_bytes("segments", read.segments, read.segments_size, &expected);
    assert_int_equal(read.segments_verdict.lacks_names, verdict.lacks_names);
    assert_int_equal(read.segments_verdict.holds_wall_ms, verdict.holds_wall_ms);
    expected.size = 0;
    check_ok(pc_map_insights(&expected, insights, json, size, PC_PART_INSIGHTS));
    check_bytes("insights", read.insights, read.insights_size, &expected);
    pc_buffer_deinit(&profile);
    pc_buffer_deinit(&expected);
}

/* The text of the insight `name` in `found`, up to a NUL; "" when there is none. */
static const char *text_of(const pc_buffer *found, const char *name)
{
    enum { NAME = 1, TEXT = 5 };
    pc_wire_reader reader;
    pc_wire_field item;
    pc_wire_reader_init(&reader, found->bytes, found->size);
    while (pc_wire_next(&reader, &item)) {
        pc_wire_reader inner;
        pc_wire_field field;
        bool named = false;
        pc_wire_reader_init(&inner, item.bytes, item.size);
        while (pc_wire_next(&inner, &field)) {
            named = named || (field.number == NAME && field.size == strlen(name) &&
                              memcmp(field.bytes, name, field.size) == 0);
            if (named && field.number == TEXT) {
                return pc_arena_strndup(&arena, (const char *)field.bytes, field.size);
            }
        }
    }
    return "";
}

static void check_events(const pc_slice *part, const pc_slice *body)
{
    const uint8_t *bytes = pc_slice_bytes(body);
    pc_buffer expected;
    pc_event_summary found;
    pc_events_part read;
    pc_event_page page;
    pc_event_iterator iterator;
    size_t count;
    pc_buffer_init(&expected, SIZE_MAX);
    check_ok(pc_map_events(&expected, &found, &arena, bytes, pc_slice_size(body),
                           PC_PART_EVENTS_NUMBER, NULL));
    pc_events_part_read(&read, part);
    check_bytes("events", read.items, read.items_size, &expected);
    assert_int_equal(read.count, found.count);
    assert_string_equal(read.next_cursor, found.next_cursor);
    assert_int_equal(read.newest_last_modified.seconds, found.newest_last_modified.seconds);
    const pc_case_note *notes = pc_events_part_notes(&count, &arena, &read);
    assert_int_equal(count, found.count);
    check_ok(pc_envelope_event_page(&page, &arena, bytes, pc_slice_size(body)));
    pc_event_iterator_init(&iterator, &page);
    for (size_t i = 0; i < count; i++) {
        pc_event_envelope event;
        bool more;
        check_ok(pc_event_iterator_next(&iterator, &event, &more));
        assert_true(more);
        expected.size = 0;
        if (event.entity.size > 0) {
            check_ok(pc_map_insights(&expected, cases, event.entity.bytes, event.entity.size, 1));
        }
        assert_string_equal(notes[i].case_id, text_of(&expected, "id"));
        assert_string_equal(notes[i].status, text_of(&expected, "status"));
        assert_string_equal(notes[i].subject, text_of(&expected, "subject"));
    }
    pc_buffer_deinit(&expected);
}

/* ---- tests ------------------------------------------------------------------------------------
 */

static pc_slice *text_slice(const char *text)
{
    return pc_slice_copy(text, strlen(text));
}

/* Makes the part of the answer and checks it against the entity. */
static void check_answer(const char *answer, const char *entity)
{
    pc_slice *body = text_slice(answer);
    pc_slice *part;
    pc_arena_init(&arena, NULL, 0, 1 << 24);
    check_ok(pc_profile_part_make(&part, &rules, SANDBOX, body));
    check_profile(part, (const uint8_t *)entity, strlen(entity));
    pc_slice_unref(part);
    pc_slice_unref(body);
    pc_arena_deinit(&arena);
}

static void check_page(const char *page)
{
    pc_slice *body = text_slice(page);
    pc_slice *part;
    pc_arena_init(&arena, NULL, 0, 1 << 24);
    check_ok(pc_events_part_make(&part, &rules, PC_PART_EVENTS_NUMBER, body));
    check_events(part, body);
    pc_slice_unref(part);
    pc_slice_unref(body);
    pc_arena_deinit(&arena);
}

static void profiles_of_any_kind_are_as_when_each_step_is_made_alone(void **state)
{
    (void)state;
    uint64_t seed = 20251;
    for (unsigned i = 0; i < DOCUMENTS; i++) {
        pc_buffer entity;
        pc_buffer answer;
        pc_slice *part;
        pc_buffer_init(&entity, SIZE_MAX);
        pc_buffer_init(&answer, SIZE_MAX);
        pc_arena_init(&arena, NULL, 0, 1 << 24);
        generate_document(&entity, &seed, &pc_table_Profile, i % WILDNESS_MAX);
        pc_buffer_append_text(&answer, "{\"X\":{\"sources\":[\"d\"],\"entity\":");
        pc_buffer_append(&answer, entity.bytes, entity.size);
        pc_buffer_append_text(&answer, ",\"lastModifiedAt\":\"2025-08-21T06:49:02Z\"}}");
        pc_slice *body = pc_buffer_take_slice(&answer);
        check_ok(pc_profile_part_make(&part, &rules, SANDBOX, body));
        check_profile(part, entity.bytes, entity.size);
        pc_slice_unref(part);
        pc_slice_unref(body);
        pc_buffer_deinit(&entity);
        pc_arena_deinit(&arena);
    }
}

static void pages_of_any_kind_are_as_when_each_step_is_made_alone(void **state)
{
    (void)state;
    uint64_t seed = 20252;
    for (unsigned i = 0; i < DOCUMENTS / EVENTS; i++) {
        pc_buffer page;
        pc_slice *part;
        pc_buffer_init(&page, SIZE_MAX);
        pc_arena_init(&arena, NULL, 0, 1 << 24);
        pc_buffer_append_text(&page, "{\"_page\":{\"next\":\"c\"},\"children\":[{},7");
        for (unsigned event = 0; event < EVENTS; event++) {
            pc_buffer_append_text(&page, ",{\"entityId\":\"e\",\"entity\":");
            generate_document(&page, &seed, &pc_table_ExperienceEvent, i % WILDNESS_MAX);
            pc_buffer_append_text(&page, ",\"timestamp\":1756260476000}");
        }
        pc_buffer_append_text(&page, "]}");
        pc_slice *body = pc_buffer_take_slice(&page);
        check_ok(pc_events_part_make(&part, &rules, PC_PART_EVENTS_NUMBER, body));
        check_events(part, body);
        pc_slice_unref(part);
        pc_slice_unref(body);
        pc_arena_deinit(&arena);
    }
}

#define SCORE "{\"_tenant\":{\"score\":7,\"factors\":[{\"code\":\"x\"}]},\"_id\":\"s\"}"
#define OTHER                                                                                      \
    "{\"_tenant\":{\"score\":1},\"a\":[\"other\"],\"identityMap\":{\"E\":[{\"id\":\"o\"}]}}"

static void of_several_entries_the_first_that_is_a_profile_counts(void **state)
{
    (void)state;
    check_answer("{\"P\":{\"entity\":{},\"sources\":[\"\"]},\"X\":{\"entity\":" SCORE
                 ",\"sources\":[\"d\"]},\"Y\":{\"entity\":" OTHER ",\"sources\":[\"d\"]}}",
                 SCORE);
    check_answer("{\"E\":{\"error\":{\"statusCode\":500},\"entity\":" OTHER
                 "},\"X\":{\"sources\":[\"d\"],\"entity\":" SCORE "}}",
                 SCORE);
    check_answer("{\"E\":{\"entity\":" OTHER
                 ",\"error\":{\"statusCode\":404}},\"X\":{\"sources\":[]"
                 ",\"lastModifiedAt\":5000,\"entity\":" SCORE "}}",
                 SCORE);
}

static void of_several_entities_in_an_entry_the_last_counts(void **state)
{
    (void)state;
    check_answer("{\"X\":{\"entity\":" OTHER ",\"sources\":[\"d\"],\"entity\":" SCORE "}}", SCORE);
}

static void of_equal_keys_the_last_counts(void **state)
{
    static const char *const entities[] = {
        "{\"_tenant\":{\"score\":1,\"score\":9},\"_tenant\":{\"score\":8,\"x\":1}}",
        "{\"_tenant\":{\"score\":1},\"_tenant\":5}", "{\"a\":1,\"a\":{\"b\":2}}",
        "{\"a\":{\"b\":2},\"a\":1}", "{\"person\":{\"name\":{\"firstName\":\"x\"}},\"person\":5}"};
    (void)state;
    for (size_t i = 0; i < PC_COUNT_OF(entities); i++) {
        char answer[512];
        (void)snprintf(answer, sizeof answer, "{\"X\":{\"sources\":[\"d\"],\"entity\":%s}}",
                       entities[i]);
        check_answer(answer, entities[i]);
    }
}

static void insights_are_found_below_the_levels_that_are_kept_structured(void **state)
{
    static const char deep[] =
        "{\"_tenant\":{\"1\":{\"2\":{\"3\":{\"4\":{\"5\":{\"6\":{\"7\":{\"8\":{\"9\":{\"10\":{"
        "\"11\":{\"12\":{\"13\":{\"14\":{\"15\":{\"16\":{\"17\":{\"18\":\"found\"}}}}}}}}}}}}}}}}"
        "}}}";
    char answer[512];
    pc_buffer found;
    (void)state;
    (void)snprintf(answer, sizeof answer, "{\"X\":{\"sources\":[\"d\"],\"entity\":%s}}", deep);
    check_answer(answer, deep);
    pc_buffer_init(&found, SIZE_MAX);
    check_ok(pc_map_insights(&found, insights, (const uint8_t *)deep, sizeof deep - 1, 6));
    assert_true(found.size > 0);
    pc_buffer_deinit(&found);
}

static void an_entry_without_an_entity_cannot_be_read(void **state)
{
    static const char *const answers[] = {
        "{\"X\":{\"sources\":[\"d\"]}}", "{\"X\":{\"sources\":[\"d\"],\"entity\":5}}",
        "{\"P\":{\"entity\":{},\"sources\":[\"\"]},\"X\":{\"sources\":[\"d\"],"
        "\"lastModifiedAt\":5000}}"};
    (void)state;
    for (size_t i = 0; i < PC_COUNT_OF(answers); i++) {
        pc_slice *body = text_slice(answers[i]);
        pc_slice *part;
        check_failure(pc_profile_part_make(&part, &rules, SANDBOX, body), PC_CODE_INTERNAL,
                      "UPSTREAM_BODY_UNREADABLE");
        assert_null(part);
        pc_slice_unref(body);
    }
}

static void notes_stand_beside_their_events(void **state)
{
    (void)state;
    check_page("{\"children\":[{\"entity\":{\"eventType\":\"t\",\"a\":\"open\"}},{},{\"entity\":5},"
               "{\"entity\":{\"_tenant\":{\"subject\":\"s\"}}}]}");
    /* A second list takes the place of the first, with its notes. */
    check_page("{\"children\":[{\"entity\":{\"a\":\"x\"}}],\"children\":[{\"entity\":{\"a\":\"y\"}}"
               "]}");
    check_page("{\"children\":[{\"entity\":{\"a\":\"x\"}}],\"children\":[]}");
    check_page("{}");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(profiles_of_any_kind_are_as_when_each_step_is_made_alone),
        cmocka_unit_test(pages_of_any_kind_are_as_when_each_step_is_made_alone),
        cmocka_unit_test(of_several_entries_the_first_that_is_a_profile_counts),
        cmocka_unit_test(of_several_entities_in_an_entry_the_last_counts),
        cmocka_unit_test(of_equal_keys_the_last_counts),
        cmocka_unit_test(insights_are_found_below_the_levels_that_are_kept_structured),
        cmocka_unit_test(an_entry_without_an_entity_cannot_be_read),
        cmocka_unit_test(notes_stand_beside_their_events),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
