/* W3C Trace Context: what is a traceparent and what is none; and spans. */
#include "check.h"

#include <string.h>

#include "util/trace.h"

#define SENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static bool parses(pc_trace *out, const char *text)
{
    return pc_trace_parse(out, text, strlen(text));
}

static void test_trace__what_was_sent_is_printed_alike(void **state)
{
    (void)state;
    pc_trace trace;
    char text[PC_TRACEPARENT_BYTES + 1];
    assert_true(parses(&trace, SENT));
    assert_true(trace.is_known && trace.is_sampled);
    assert_null(trace.sink);
    pc_trace_print(text, &trace);
    assert_string_equal(text, SENT);
    assert_true(parses(&trace, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"));
    assert_false(trace.is_sampled);
}

static void test_trace__a_later_version_may_say_more(void **state)
{
    (void)state;
    pc_trace trace;
    assert_true(parses(&trace, "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
    assert_true(parses(&trace, "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-09-what"));
    assert_true(trace.is_sampled);
}

static void test_trace__what_is_none_is_not_taken(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "00",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what",
        "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.what",
        "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    };
    for (size_t i = 0; i < PC_COUNT_OF(bad); i++) {
        pc_trace trace;
        if (parses(&trace, bad[i]) || trace.is_known) {
            fail_msg("taken: %s", bad[i]);
        }
    }
}

static void keep(const pc_span_sink *sink, const pc_span *span)
{
    *(pc_span *)sink->self = *span;
}

static void test_trace__a_span_is_a_step_of_its_parent(void **state)
{
    (void)state;
    pc_span kept = {.name = NULL};
    const pc_span_sink sink = {keep, &kept};
    pc_trace parent;
    assert_true(parses(&parent, SENT));
    parent.sink = &sink;
    pc_span span;
    pc_span_begin(&span, &parent, "step", PC_SPAN_CLIENT);
    for (int i = 0; i < PC_SPAN_ATTRIBUTES_MAX + 2; i++) {
        pc_span_int(&span, "number", i);
    }
    pc_status status = pc_status_new(PC_CODE_UNAVAILABLE, "REASON", "words");
    pc_span_end(&span, &status);
    pc_status_clear(&status);
    assert_string_equal(kept.name, "step");
    assert_memory_equal(kept.parent_id, parent.span_id, 8);
    assert_memory_equal(kept.trace.trace_id, parent.trace_id, 16);
    assert_memory_not_equal(kept.trace.span_id, parent.span_id, 8);
    assert_true(kept.has_failed);
    assert_string_equal(kept.reason, "REASON");
    assert_int_equal(kept.attribute_count, PC_SPAN_ATTRIBUTES_MAX);
    assert_true(kept.ended_ns >= kept.started_ns);
}

static void test_trace__where_nobody_records_the_parent_is_passed_on(void **state)
{
    (void)state;
    pc_trace parent;
    assert_true(parses(&parent, SENT));
    pc_span span;
    const pc_status ok = PC_OK;
    pc_span_begin(&span, &parent, "step", PC_SPAN_CLIENT);
    pc_span_text(&span, "name", "text");
    pc_span_end(&span, &ok);
    assert_memory_equal(span.trace.span_id, parent.span_id, 8);
}

static void test_trace__ids_are_not_repeated(void **state)
{
    (void)state;
    uint64_t before = pc_trace_random();
    for (int i = 0; i < 1000; i++) {
        uint64_t id = pc_trace_random();
        assert_true(id != 0 && id != before);
        before = id;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trace__what_was_sent_is_printed_alike),
        cmocka_unit_test(test_trace__a_later_version_may_say_more),
        cmocka_unit_test(test_trace__what_is_none_is_not_taken),
        cmocka_unit_test(test_trace__a_span_is_a_step_of_its_parent),
        cmocka_unit_test(test_trace__where_nobody_records_the_parent_is_passed_on),
        cmocka_unit_test(test_trace__ids_are_not_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
