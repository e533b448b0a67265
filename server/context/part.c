/* A part's slice begins with a head of varints, which is as small as it can be, since parts are
 * kept by the million; then come the texts, then the sections: profile: last_modified, flags,
 * [segments_hold_ms], sizes of rest, identities, segments; xid events:  last_modified, count, size
 * of notes; cursor; notes */
#include "context/part.h"

#include <string.h>

#include "context/section_bytes.h"
#include "mapping_tables.h"

enum {
    ARENA_BYTES_MAX = 16 * 1024 * 1024,
    TEXT_BYTES_MAX = 64 * 1024,
    HEAD_BYTES_MAX = TEXT_BYTES_MAX + 128,
    NANOS_BITS = 30,
    FLAG_LACKS_NAMES = 1,
    FLAG_HOLDS_FOR_EVER = 2
};

/* A moment in 64 bits; 0: unknown. */
typedef int64_t packed_moment;

static packed_moment pack(const pc_moment *moment)
{
    const int64_t most = INT64_MAX >> NANOS_BITS;
    if (!moment->present || moment->seconds > most || moment->seconds < -most) {
        return 0;
    }
    packed_moment packed = moment->seconds * (INT64_C(1) << NANOS_BITS) + moment->nanos;
    /* 1970 itself is what the upstream says when it knows nothing. */
    return packed;
}

static pc_moment unpack(packed_moment packed)
{
    pc_moment moment = {.present = packed != 0};
    moment.nanos = (int32_t)(packed & ((INT64_C(1) << NANOS_BITS) - 1));
    moment.seconds = (packed - moment.nanos) / (INT64_C(1) << NANOS_BITS);
    return moment;
}

/* The head and what follows it as a slice of its very size, since it may be kept for long. */
static pc_status join(pc_slice **out, const pc_buffer *head, const pc_buffer *rest)
{
    *out = head->failed || rest->failed ? NULL : pc_slice_new(head->size + rest->size);
    if (*out == NULL) {
        return pc_status_out_of_memory();
    }
    uint8_t *at = pc_slice_writable(*out);
    memcpy(at, head->bytes, head->size);
    if (rest->size > 0) {
        memcpy(at + head->size, rest->bytes, rest->size);
    }
    return PC_OK;
}

/* Of what put_varint wrote. */
static uint64_t read_varint(const uint8_t **at)
{
    uint64_t value = 0;
    int shift = 0;
    uint8_t byte;
    do {
        byte = *(*at)++;
        value |= (uint64_t)(byte & 127) << shift;
        shift += 7;
    } while ((byte & 128) != 0);
    return value;
}

static const char *read_text(const uint8_t **at)
{
    const char *text = (const char *)*at;
    *at += strlen(text) + 1;
    return text;
}

static void put_text(pc_buffer *out, const char *text)
{
    pc_buffer_append(out, text, strlen(text) + 1);
}

/* ---- profiles -------------------------------------------------------------------------------- */

static void append_picked(pc_buffer *out, const pc_buffer *profile, uint32_t number)
{
    pc_wire_reader reader;
    pc_wire_field field;
    pc_wire_reader_init(&reader, profile->bytes, profile->size);
    while (pc_wire_next(&reader, &field)) {
        bool of_rest = field.number != PC_PROFILE_IDENTITY_MAP &&
                       field.number != PC_PROFILE_SEGMENT_MEMBERSHIP;
        if (number == 0 ? of_rest : field.number == number) {
            pc_buffer_append(out, field.start, field.whole_size);
        }
    }
}

typedef struct {
    pc_moment last_modified;
    const char *xid;
    size_t rest_size;
    size_t identities_size;
    size_t segments_size;
    pc_segment_verdict segments;
} profile_head;

static void put_profile_head(pc_buffer *out, const profile_head *head)
{
    bool for_ever = head->segments.holds_wall_ms == INT64_MAX;
    pc_wire_put_varint(out, (uint64_t)pack(&head->last_modified));
    pc_wire_put_varint(out, (head->segments.lacks_names ? FLAG_LACKS_NAMES : 0) |
                                (for_ever ? FLAG_HOLDS_FOR_EVER : 0));
    if (!for_ever) {
        pc_wire_put_varint(out, (uint64_t)head->segments.holds_wall_ms);
    }
    pc_wire_put_varint(out, head->rest_size);
    pc_wire_put_varint(out, head->identities_size);
    pc_wire_put_varint(out, head->segments_size);
    put_text(out, head->xid);
}

/* Appends the sections to `out`. */
static pc_status put_sections(pc_buffer *out, profile_head *head, pc_arena *arena,
                              const pc_part_rules *rules, const char *sandbox,
                              const pc_profile_envelope *envelope, const pc_buffer *profile)
{
    pc_buffer segments;
    append_picked(out, profile, 0);
    head->rest_size = out->size;
    append_picked(out, profile, PC_PROFILE_IDENTITY_MAP);
    head->identities_size = out->size - head->rest_size;
    size_t mark = out->size;
    pc_buffer_init(&segments, rules->body_bytes_max);
    append_picked(&segments, profile, PC_PROFILE_SEGMENT_MEMBERSHIP);
    head->segments = pc_segments_put(out, PC_PROFILE_SEGMENT_MEMBERSHIP, segments.bytes,
                                     segments.size, rules->names, sandbox, arena);
    out->failed = out->failed || segments.failed;
    pc_buffer_deinit(&segments);
    head->segments_size = out->size - mark;
    return pc_map_insights(out, rules->insights, envelope->entity.bytes, envelope->entity.size,
                           PC_PART_INSIGHTS);
}

static pc_status make_profile(pc_slice **out, pc_arena *arena, const pc_part_rules *rules,
                              const char *sandbox, const pc_profile_envelope *envelope)
{
    pc_buffer profile;
    pc_buffer sections;
    pc_buffer start;
    profile_head head = {.last_modified = envelope->last_modified, .xid = envelope->xid};
    pc_buffer_init(&profile, rules->body_bytes_max);
    pc_buffer_init(&sections, rules->body_bytes_max * 3);
    pc_buffer_init(&start, HEAD_BYTES_MAX);
    pc_status status = pc_transcode(&profile, envelope->entity.bytes, envelope->entity.size,
                                    &pc_table_Profile, NULL);
    if (pc_status_ok(&status)) {
        status = put_sections(&sections, &head, arena, rules, sandbox, envelope, &profile);
    }
    if (pc_status_ok(&status)) {
        put_profile_head(&start, &head);
        status = join(out, &start, &sections);
    }
    pc_buffer_deinit(&profile);
    pc_buffer_deinit(&sections);
    pc_buffer_deinit(&start);
    return status;
}

pc_status pc_profile_part_make(pc_slice **out, const pc_part_rules *rules, const char *sandbox,
                               const pc_slice *body)
{
    *out = NULL;
    pc_arena arena;
    pc_profile_envelope envelope;
    pc_arena_init(&arena, NULL, 0, ARENA_BYTES_MAX);
    pc_status status =
        pc_envelope_profile(&envelope, &arena, pc_slice_bytes(body), pc_slice_size(body));
    if (pc_status_ok(&status)) {
        status = make_profile(out, &arena, rules, sandbox, &envelope);
    }
    pc_arena_deinit(&arena);
    return status;
}

void pc_profile_part_read(pc_profile_part *out, const pc_slice *part)
{
    const uint8_t *at = pc_slice_bytes(part);
    const uint8_t *end = at + pc_slice_size(part);
    out->last_modified = unpack((packed_moment)read_varint(&at));
    uint64_t flags = read_varint(&at);
    out->segments_verdict.lacks_names = (flags & FLAG_LACKS_NAMES) != 0;
    out->segments_verdict.holds_wall_ms =
        (flags & FLAG_HOLDS_FOR_EVER) != 0 ? INT64_MAX : (int64_t)read_varint(&at);
    out->rest_size = read_varint(&at);
    out->identities_size = read_varint(&at);
    out->segments_size = read_varint(&at);
    out->xid = read_text(&at);
    out->rest = at;
    out->identities = out->rest + out->rest_size;
    out->segments = out->identities + out->identities_size;
    out->insights = out->segments + out->segments_size;
    out->insights_size = (size_t)(end - out->insights);
}

pc_slice *pc_profile_part_with_segments(const pc_slice *part, const pc_slice *segments,
                                        pc_segment_verdict verdict)
{
    pc_profile_part old;
    pc_buffer start;
    pc_buffer sections;
    pc_slice *better;
    pc_profile_part_read(&old, part);
    const profile_head head = {.last_modified = old.last_modified,
                               .xid = old.xid,
                               .rest_size = old.rest_size,
                               .identities_size = old.identities_size,
                               .segments_size = pc_slice_size(segments),
                               .segments = verdict};
    pc_buffer_init(&start, HEAD_BYTES_MAX);
    pc_buffer_init(&sections, SIZE_MAX / 2);
    put_profile_head(&start, &head);
    pc_buffer_append(&sections, old.rest, old.rest_size + old.identities_size);
    pc_buffer_append(&sections, pc_slice_bytes(segments), pc_slice_size(segments));
    pc_buffer_append(&sections, old.insights, old.insights_size);
    pc_status status = join(&better, &start, &sections);
    pc_status_clear(&status);
    pc_buffer_deinit(&start);
    pc_buffer_deinit(&sections);
    return better;
}

/* ---- events ---------------------------------------------------------------------------------- */

static pc_status put_notes(pc_buffer *out, pc_arena *arena, const pc_part_rules *rules,
                           const pc_slice *body)
{
    const pc_case_note *notes;
    size_t count;
    pc_status status = pc_summary_case_notes(&notes, &count, arena, rules->summary,
                                             pc_slice_bytes(body), pc_slice_size(body));
    for (size_t i = 0; pc_status_ok(&status) && i < count; i++) {
        put_text(out, notes[i].case_id);
        put_text(out, notes[i].status);
        put_text(out, notes[i].subject);
    }
    return status;
}

/* Appends notes and events to `rest`, and writes the head. */
static pc_status put_events(pc_buffer *start, pc_buffer *rest, pc_arena *arena,
                            const pc_part_rules *rules, uint32_t number, const pc_slice *body)
{
    pc_event_summary summary;
    pc_status status = put_notes(rest, arena, rules, body);
    size_t notes_size = rest->size;
    if (pc_status_ok(&status)) {
        status = pc_map_events(rest, &summary, arena, pc_slice_bytes(body), pc_slice_size(body),
                               number, NULL);
    }
    if (!pc_status_ok(&status)) {
        return status;
    }
    if (strlen(summary.next_cursor) >= TEXT_BYTES_MAX) {
        return pc_status_new(PC_CODE_INTERNAL, "UPSTREAM_BODY_UNREADABLE",
                             "the upstream's cursor is longer than any that is known");
    }
    pc_wire_put_varint(start, (uint64_t)pack(&summary.newest_last_modified));
    pc_wire_put_varint(start, summary.count);
    pc_wire_put_varint(start, notes_size);
    put_text(start, summary.next_cursor);
    return PC_OK;
}

pc_status pc_events_part_make(pc_slice **out, const pc_part_rules *rules, uint32_t number,
                              const pc_slice *body)
{
    *out = NULL;
    pc_arena arena;
    pc_buffer start;
    pc_buffer rest;
    pc_arena_init(&arena, NULL, 0, ARENA_BYTES_MAX);
    pc_buffer_init(&start, HEAD_BYTES_MAX);
    pc_buffer_init(&rest, rules->body_bytes_max * 2);
    pc_status status = put_events(&start, &rest, &arena, rules, number, body);
    if (pc_status_ok(&status)) {
        status = join(out, &start, &rest);
    }
    pc_buffer_deinit(&start);
    pc_buffer_deinit(&rest);
    pc_arena_deinit(&arena);
    return status;
}

void pc_events_part_read(pc_events_part *out, const pc_slice *part)
{
    const uint8_t *at = pc_slice_bytes(part);
    const uint8_t *end = at + pc_slice_size(part);
    out->newest_last_modified = unpack((packed_moment)read_varint(&at));
    out->count = read_varint(&at);
    out->notes_size = read_varint(&at);
    out->next_cursor = read_text(&at);
    out->notes = at;
    out->items = at + out->notes_size;
    out->items_size = (size_t)(end - out->items);
}

const pc_case_note *pc_events_part_notes(size_t *count, pc_arena *arena, const pc_events_part *part)
{
    *count = 0;
    pc_case_note *notes = pc_arena_calloc(arena, part->count + 1, sizeof *notes);
    const uint8_t *at = part->notes;
    while (notes != NULL && at < part->items && *count < part->count) {
        pc_case_note *note = &notes[(*count)++];
        note->case_id = read_text(&at);
        note->status = read_text(&at);
        note->subject = read_text(&at);
    }
    return notes;
}
