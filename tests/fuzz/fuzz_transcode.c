/* Any bytes as the upstream's answer: nothing may crash, and what was mapped must unpack and come
 * through a mask. */
#include <stdint.h>
#include <stdlib.h>

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
    pc_profile_envelope profile;
    status = pc_envelope_profile(&profile, arena, data, size);
    pc_status_clear(&status);
    pc_buffer_deinit(&out);
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
    filter_raw(data, size, &arena);
    pc_arena_deinit(&arena);
    return 0;
}
