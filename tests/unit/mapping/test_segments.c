/* Segment memberships as wire bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mapping/segments.h"
#include "mapping/transcode.h"
#include "mapping_tables.h"
#include "profilecontext/v1/profile.pb-c.h"

static const pc_segment_words nothing = {NULL, NULL};
static const pc_segment_words gold = {"Gold", "the first tier"};
static const pc_segment_words silver = {"Silver", "the second tier"};

static void memberships_are_active_by_status_and_time(void **state)
{
    static const struct {
        const char *json;
        bool active;
    } cases[] = {
        {"{\"status\":\"realized\"}", true},
        {"{\"status\":\"existing\",\"version\":15}", true},
        {"{\"status\":\"exited\"}", false},
        {"{}", true},
        {"{\"status\":null}", true},
        {"{\"status\":\"gone\"}", false},
        {"{\"status\":5,\"x\":{\"status\":\"y\"}}", false},
        {"{\"x\":{\"status\":\"gone\"}}", true},
        {"{\"validUntil\":\"2025-01-01T00:00:00Z\"}", true},
        {"{\"validUntil\":\"2024-12-31T23:59:59.999Z\"}", false},
        {"{\"validUntil\":\"2025-01-01T00:00:00.001Z\",\"status\":\"exited\"}", false},
    };
    const int64_t now_ms = INT64_C(1735689600000);
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char json[256];
        pc_buffer wire;
        pc_buffer out;
        pc_segment_iterator iterator;
        pc_segment segment;
        snprintf(json, sizeof json, "{\"_id\":\"x\",\"segmentMembership\":{\"ups\":{\"s-1\":%s}}}",
                 cases[i].json);
        pc_buffer_init(&wire, SIZE_MAX);
        pc_buffer_init(&out, SIZE_MAX);
        pc_status status =
            pc_transcode(&wire, (const uint8_t *)json, strlen(json), &pc_table_Profile, NULL);
        assert_true(pc_status_ok(&status));
        pc_segment_iterator_init(&iterator, wire.bytes, wire.size, 41);
        assert_true(pc_segment_iterator_next(&iterator, &segment));
        assert_int_equal(segment.name_space_size, 3);
        assert_memory_equal(segment.segment_id, "s-1", 3);
        if (pc_segment_active(&segment, now_ms) != cases[i].active) {
            fail_msg("wrong for %s", cases[i].json);
        }
        pc_segment_put(&out, 41, &segment, &gold, now_ms);
        assert_false(pc_segment_iterator_next(&iterator, &segment));
        assert_false(iterator.reader.failed);
        /* Written again, the computed fields are replaced. */
        pc_segment_iterator_init(&iterator, out.bytes, out.size, 41);
        assert_true(pc_segment_iterator_next(&iterator, &segment));
        wire.size = 0;
        pc_segment_put(&wire, 41, &segment, i == 0 ? &nothing : &silver, now_ms);
        Profilecontext__V1__Profile *p =
            profilecontext__v1__profile__unpack(NULL, wire.size, wire.bytes);
        assert_non_null(p);
        assert_int_equal(p->n_segment_membership, 1);
        assert_int_equal(p->segment_membership[0]->active, cases[i].active);
        if (i == 0) {
            assert_int_equal(p->segment_membership[0]->_display_name_case, 0);
            assert_int_equal(p->segment_membership[0]->_description_case, 0);
        } else {
            assert_string_equal(p->segment_membership[0]->display_name, "Silver");
            assert_string_equal(p->segment_membership[0]->description, "the second tier");
        }
        assert_string_equal(p->segment_membership[0]->segment_id, "s-1");
        profilecontext__v1__profile__free_unpacked(p, NULL);
        pc_buffer_deinit(&wire);
        pc_buffer_deinit(&out);
    }
}

static void malformed_entries_end_the_iteration(void **state)
{
    static const uint8_t wire[] = {0xca, 0x02, 0x02, 0x0a, 0x05};
    pc_segment_iterator iterator;
    pc_segment segment;
    (void)state;
    pc_segment_iterator_init(&iterator, wire, sizeof wire, 41);
    assert_false(pc_segment_iterator_next(&iterator, &segment));
    assert_true(iterator.reader.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memberships_are_active_by_status_and_time),
        cmocka_unit_test(malformed_entries_end_the_iteration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
