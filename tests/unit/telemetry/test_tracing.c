/* Which calls are traced, and what is sent of them. */
#include "check.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "telemetry/tracing.h"

static pc_tracing *make(double share)
{
    const pc_tracing_options options = {.share = share, .service = "under \"test\""};
    pc_tracing *tracing;
    check_ok(pc_tracing_new(&tracing, &options));
    return tracing;
}

static void add_spans(pc_tracing *tracing, size_t count)
{
    const pc_status ok = PC_OK;
    for (size_t i = 0; i < count; i++) {
        pc_trace trace = {.is_known = true, .is_sampled = true, .trace_id = {1}, .span_id = {2}};
        pc_span span;
        pc_tracing_sample(tracing, &trace);
        pc_span_begin(&span, &trace, "step", PC_SPAN_INTERNAL);
        pc_span_int(&span, "number", 1 + ((int64_t)1 << 60));
        pc_span_end(&span, &ok);
    }
}

static size_t sampled_of(pc_tracing *tracing, size_t count)
{
    size_t sampled = 0;
    for (size_t i = 0; i < count; i++) {
        pc_trace trace = {.is_known = false};
        pc_tracing_sample(tracing, &trace);
        assert_int_equal(trace.sink != NULL, trace.is_sampled);
        sampled += trace.is_sampled;
    }
    return sampled;
}

static void test_tracing__a_share_of_the_calls_is_traced(void **state)
{
    (void)state;
    static const struct {
        double share;
        size_t least;
        size_t most;
    } cases[] = {{0, 0, 0}, {1, 10000, 10000}, {0.1, 800, 1200}};
    for (size_t i = 0; i < PC_COUNT_OF(cases); i++) {
        pc_tracing *tracing = make(cases[i].share);
        size_t sampled = sampled_of(tracing, 10000);
        assert_in_range(sampled, cases[i].least, cases[i].most);
        pc_tracing_free(tracing);
    }
}

static void test_tracing__a_caller_that_has_decided_is_heard(void **state)
{
    (void)state;
    for (int sampled = 0; sampled <= 1; sampled++) {
        pc_tracing *tracing = make(sampled == 1 ? 0 : 1);
        pc_trace trace = {.is_known = true, .is_sampled = sampled == 1, .span_id = {7}};
        pc_tracing_sample(tracing, &trace);
        assert_int_equal(trace.sink != NULL, sampled);
        assert_int_equal(trace.span_id[0], 7);
        pc_tracing_free(tracing);
    }
}

static void test_tracing__a_batch_is_written_as_the_protocol_says(void **state)
{
    (void)state;
    pc_tracing *tracing = make(1);
    add_spans(tracing, 2);
    pc_buffer out;
    pc_buffer_init(&out, 1 << 20);
    assert_int_equal(pc_tracing_write(tracing, &out), 2);
    json_t *root = json_loadb((const char *)out.bytes, out.size, 0, NULL);
    assert_non_null(root);
    const json_t *resource = json_array_get(json_object_get(root, "resourceSpans"), 0);
    const json_t *name =
        json_array_get(json_object_get(json_object_get(resource, "resource"), "attributes"), 0);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(name, "value"), "stringValue")),
        "under \"test\"");
    const json_t *spans =
        json_object_get(json_array_get(json_object_get(resource, "scopeSpans"), 0), "spans");
    assert_int_equal(json_array_size(spans), 2);
    const json_t *span = json_array_get(spans, 1);
    assert_string_equal(json_string_value(json_object_get(span, "traceId")),
                        "01000000000000000000000000000000");
    assert_string_equal(json_string_value(json_object_get(span, "parentSpanId")),
                        "0200000000000000");
    const json_t *value =
        json_object_get(json_array_get(json_object_get(span, "attributes"), 0), "value");
    assert_string_equal(json_string_value(json_object_get(value, "intValue")),
                        "1152921504606846977");
    json_decref(root);
    pc_buffer_deinit(&out);
    pc_buffer_init(&out, 1 << 20);
    assert_int_equal(pc_tracing_write(tracing, &out), 0);
    assert_int_equal(out.size, 0);
    pc_buffer_deinit(&out);
    pc_tracing_free(tracing);
}

static void test_tracing__what_finds_no_room_is_dropped_and_counted(void **state)
{
    (void)state;
    pc_tracing *tracing = make(1);
    pc_tracing_figures figures;
    add_spans(tracing, 5000);
    pc_tracing_read(tracing, &figures);
    assert_int_equal(figures.waiting + figures.dropped, 5000);
    assert_true(figures.dropped > 0);
    pc_buffer out;
    pc_buffer_init(&out, 1 << 20);
    assert_int_equal(pc_tracing_write(tracing, &out), PC_TRACING_BATCH);
    pc_buffer_deinit(&out);
    pc_tracing_note(tracing, PC_TRACING_BATCH, true);
    uint64_t dropped = figures.dropped;
    add_spans(tracing, 1);
    pc_tracing_read(tracing, &figures);
    assert_int_equal(figures.sent, PC_TRACING_BATCH);
    assert_int_equal(figures.dropped, dropped);
    pc_tracing_free(tracing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tracing__a_share_of_the_calls_is_traced),
        cmocka_unit_test(test_tracing__a_caller_that_has_decided_is_heard),
        cmocka_unit_test(test_tracing__a_batch_is_written_as_the_protocol_says),
        cmocka_unit_test(test_tracing__what_finds_no_room_is_dropped_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
