/* Any bytes as the upstream's answer: nothing may crash, and what was mapped must unpack and come
 * through a mask. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/envelope.h"
#include "mapping/insights.h"
#include "mapping/mask.h"
#include "mapping/segments.h"
#include "mapping/transcode.h"
#include "mapping_tables.h"
#include "profilecontext/v1/context.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_unpack(const ProtobufCMessageDescriptor *descriptor, const pc_buffer *wire)
{
    ProtobufCMessage *message =
        protobuf_c_message_unpack(descriptor, NULL, wire->size, wire->bytes);
    if (message == NULL) {
        abort();
    }
    protobuf_c_message_free_unpacked(message, NULL);
}

static void map_profile(const uint8_t *data, size_t size, pc_arena *arena)
{
    static const char *const paths[] = {"person.name", "segment_membership.status", "extensions"};
    pc_buffer wire;
    pc_buffer out;
    const pc_mask *mask;
    pc_buffer_init(&wire, 1 << 24);
    pc_buffer_init(&out, 1 << 24);
    pc_status status = pc_transcode(&wire, data, size, &pc_table_Profile, NULL);
    if (pc_status_ok(&status)) {
        must_unpack(&profilecontext__v1__profile__descriptor, &wire);
        status = pc_mask_compile(&mask, arena, &pc_table_Profile, paths, 3);
        if (pc_status_ok(&status)) {
            status = pc_mask_filter(&out, wire.bytes, wire.size, mask);
        }
        if (!pc_status_ok(&status)) {
            abort();
        }
        must_unpack(&profilecontext__v1__profile__descriptor, &out);
        pc_segment_iterator iterator;
        pc_segment segment;
        pc_segment_iterator_init(&iterator, wire.bytes, wire.size, 41);
        while (pc_segment_iterator_next(&iterator, &segment)) {
            (void)pc_segment_active(&segment, 0);
        }
    }
    pc_status_clear(&status);
    pc_buffer_deinit(&wire);
    pc_buffer_deinit(&out);
}

static void map_rest(const uint8_t *data, size_t size, pc_arena *arena)
{
    static const pc_insight_rule rules[] = {
        {.name = "a", .path = "a", .type = PC_INSIGHT_NUMBER, .has_bounds = true},
        {.name = "b", .path = "a.b", .type = PC_INSIGHT_TEXT, .factors_path = "f"},
        {.name = "c", .path = "c", .type = PC_INSIGHT_LIST}};
    pc_buffer out;
    pc_event_summary summary;
    pc_insight_set *set;
    pc_buffer_init(&out, 1 << 24);
    pc_status status = pc_map_events(&out, &summary, arena, data, size, 5, NULL);
    if (pc_status_ok(&status)) {
        must_unpack(&profilecontext__v1__context__descriptor, &out);
    }
    pc_status_clear(&status);
    out.size = 0;
    status = pc_insight_set_new(&set, rules, 3);
    if (pc_status_ok(&status)) {
        status = pc_map_insights(&out, set, data, size, 6);
        if (pc_status_ok(&status)) {
            must_unpack(&profilecontext__v1__context__descriptor, &out);
        }
        pc_insight_set_free(set);
    }
    pc_status_clear(&status);
    pc_buffer_deinit(&out);
}

static void must_be_equal(const pc_buffer *a, const pc_buffer *b)
{
    if (a->size != b->size || (a->size > 0 && memcmp(a->bytes, b->bytes, a->size) != 0)) {
        abort();
    }
}

/* An answer in one walk must give what its parts give one by one. */
static void map_answer(const uint8_t *data, size_t size, pc_arena *arena)
{
    static const pc_insight_rule rules[] = {
        {.name = "a", .path = "a", .type = PC_INSIGHT_LIST, .factors_path = "f"},
        {.name = "b", .path = "a.b", .type = PC_INSIGHT_TEXT},
        {.name = "c", .path = "_tenant.a", .type = PC_INSIGHT_TEXT},
        {.name = "d", .path = "person.name.firstName", .type = PC_INSIGHT_TEXT}};
    pc_insight_set *set;
    pc_status status = pc_insight_set_new(&set, rules, 4);
    if (!pc_status_ok(&status)) {
        abort();
    }
    pc_profile_envelope one;
    pc_profile_envelope other;
    pc_insight_search search;
    pc_buffer out[4];
    for (size_t i = 0; i < 4; i++) {
        pc_buffer_init(&out[i], 1 << 24);
    }
    bool memory = pc_insight_search_init(&search, set);
    status = pc_map_profile(&out[0], &one, &search, arena, data, size);
    pc_status expected = pc_envelope_profile(&other, arena, data, size);
    if (pc_status_ok(&expected)) {
        expected =
            pc_transcode(&out[1], other.entity.bytes, other.entity.size, &pc_table_Profile, NULL);
    }
    if (!memory || status.code != expected.code) {
        abort();
    }
    if (pc_status_ok(&status)) {
        must_be_equal(&out[0], &out[1]);
        pc_insight_search_put(&out[2], &search, 6);
        status = pc_map_insights(&out[3], set, other.entity.bytes, other.entity.size, 6);
        if (!pc_status_ok(&status)) {
            abort();
        }
        must_be_equal(&out[2], &out[3]);
    }
    pc_status_clear(&status);
    pc_status_clear(&expected);
    for (size_t i = 0; i < 4; i++) {
        pc_buffer_deinit(&out[i]);
    }
    pc_insight_search_deinit(&search);
    pc_insight_set_free(set);
}

/* The wire reader and filter must hold against any bytes as well. */
static void filter_raw(const uint8_t *data, size_t size, pc_arena *arena)
{
    static const char *const paths[] = {"person.name.first_name"};
    pc_buffer out;
    const pc_mask *mask;
    pc_buffer_init(&out, 1 << 24);
    pc_status status = pc_mask_compile(&mask, arena, &pc_table_Profile, paths, 1);
    if (pc_status_ok(&status)) {
        status = pc_mask_filter(&out, data, size, mask);
    }
    pc_status_clear(&status);
    pc_buffer_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pc_arena arena;
    pc_arena_init(&arena, NULL, 0, 1 << 22);
    map_profile(data, size, &arena);
    map_rest(data, size, &arena);
    map_answer(data, size, &arena);
    filter_raw(data, size, &arena);
    pc_arena_deinit(&arena);
    return 0;
}
