/* A part's slice begins with a head of varints, which is as small as it can be, since parts are
 * kept by the million; then come the texts, then the sections: profile: last_modified, flags,
 * [segments_hold_ms], sizes of rest, identities, segments; xid events:  last_modified, count,
 * second of the oldest, size of notes; cursor; notes */
#include "context/part.h"

#include <string.h>

#include "context/section_bytes.h"
#include "mapping_tables.h"

enum {
    ARENA_BYTES_FIRST = 4 * 1024,
    ARENA_BYTES_MAX = 16 * 1024 * 1024,
    STORAGE_BYTES = 16 * 1024,
    NOTES_BYTES_FIRST = 8 * 1024,
    HEAD_BYTES_SMALL = 256,
    TEXT_BYTES_MAX = 64 * 1024,
    HEAD_BYTES_MAX = TEXT_BYTES_MAX + 128,
    NANOS_BITS = 30,
    FLAG_LACKS_NAMES = 1,
    FLAG_HOLDS_FOR_EVER = 2,
    EVENT_TIMESTAMP = 2 /* ExperienceEvent.timestamp */
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

/* A buffer for up to `expected` bytes, or seldom more. Small ones stand in `storage`, so that they
 * cost nothing. What is made of a body is seldom larger than the body. */
static void begin(pc_buffer *out, uint8_t storage[STORAGE_BYTES], size_t expected, size_t size_max)
{
    if (expected <= STORAGE_BYTES) {
        pc_buffer_init_in(out, storage, STORAGE_BYTES, size_max);
    } else {
        pc_buffer_init(out, size_max);
        (void)pc_buffer_reserve(out, expected < size_max ? expected : size_max);
    }
}

static uint8_t *put(uint8_t *at, const void *bytes, size_t size)
{
    if (size > 0) {
        memcpy(at, bytes, size);
    }
    return at + size;
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

/* Leaves the segments out of a profile, and measures what is left. */
static void drop_segments(profile_head *head, pc_buffer *profile)
{
    uint8_t *to = profile->bytes;
    pc_wire_reader reader;
    pc_wire_field field;
    pc_wire_reader_init(&reader, profile->bytes, profile->size);
    while (pc_wire_next(&reader, &field)) {
        if (field.number == PC_PROFILE_SEGMENT_MEMBERSHIP) {
            continue;
        }
        *(field.number == PC_PROFILE_IDENTITY_MAP ? &head->identities_size : &head->rest_size) +=
            field.whole_size;
        memmove(to, field.start, field.whole_size);
        to += field.whole_size;
    }
    profile->size = head->rest_size + head->identities_size;
}

/* Copies a profile without segments to `at`, where there is room as the head says. */
static uint8_t *put_rest_and_identities(uint8_t *at, const profile_head *head,
                                        const pc_buffer *profile)
{
    uint8_t *identities = at + head->rest_size;
    pc_wire_reader reader;
    pc_wire_field field;
    pc_wire_reader_init(&reader, profile->bytes, profile->size);
    while (pc_wire_next(&reader, &field)) {
        if (field.number == PC_PROFILE_IDENTITY_MAP) {
            identities = put(identities, field.start, field.whole_size);
        } else {
            at = put(at, field.start, field.whole_size);
        }
    }
    return identities;
}

/* Puts the part together, as a slice of its very size, since it may be kept for long. `added` is
 * what follows identities: segments and insights. */
static pc_status join_profile(pc_slice **out, const profile_head *head, const pc_buffer *profile,
                              const pc_buffer *added)
{
    uint8_t storage[HEAD_BYTES_SMALL];
    pc_buffer start;
    pc_buffer_init_in(&start, storage, sizeof storage, HEAD_BYTES_MAX);
    put_profile_head(&start, head);
    if (!start.failed && !profile->failed && !added->failed) {
        *out = pc_slice_new(start.size + head->rest_size + head->identities_size + added->size);
    }
    if (*out != NULL) {
        uint8_t *at = put(pc_slice_writable(*out), start.bytes, start.size);
        at = put_rest_and_identities(at, head, profile);
        (void)put(at, added->bytes, added->size);
    }
    pc_buffer_deinit(&start);
    return *out == NULL ? pc_status_out_of_memory() : PC_OK;
}

static pc_status finish_profile(pc_slice **out, pc_arena *arena, const pc_part_rules *rules,
                                const char *sandbox, const pc_profile_envelope *envelope,
                                const pc_insight_search *search, pc_buffer *profile)
{
    uint8_t storage[STORAGE_BYTES];
    pc_buffer added;
    profile_head head = {.last_modified = envelope->last_modified, .xid = envelope->xid};
    /* No step needs more than twice the body where the part is no larger than the body. */
    pc_buffer_trim(profile);
    begin(&added, storage, profile->size, rules->body_bytes_max * 2);
    head.segments = pc_segments_put(&added, PC_PROFILE_SEGMENT_MEMBERSHIP, profile->bytes,
                                    profile->size, rules->names, sandbox, arena);
    head.segments_size = added.size;
    pc_insight_search_put(&added, search, PC_PART_INSIGHTS);
    drop_segments(&head, profile);
    pc_buffer_trim(profile);
    pc_buffer_trim(&added);
    pc_status status = join_profile(out, &head, profile, &added);
    pc_buffer_deinit(&added);
    return status;
}

static pc_status make_profile(pc_slice **out, pc_arena *arena, const pc_part_rules *rules,
                              const char *sandbox, pc_insight_search *search, const pc_slice *body)
{
    uint8_t storage[STORAGE_BYTES];
    pc_buffer profile;
    pc_profile_envelope envelope;
    begin(&profile, storage, pc_slice_size(body), rules->body_bytes_max);
    pc_status status = pc_map_profile(&profile, &envelope, search, arena, pc_slice_bytes(body),
                                      pc_slice_size(body));
    if (pc_status_ok(&status)) {
        status = finish_profile(out, arena, rules, sandbox, &envelope, search, &profile);
    }
    pc_buffer_deinit(&profile);
    return status;
}

pc_status pc_profile_part_make(pc_slice **out, const pc_part_rules *rules, const char *sandbox,
                               const pc_slice *body)
{
    uint8_t storage[ARENA_BYTES_FIRST];
    pc_arena arena;
    pc_insight_search search;
    *out = NULL;
    pc_arena_init(&arena, storage, sizeof storage, ARENA_BYTES_MAX);
    pc_status status = pc_insight_search_init(&search, rules->insights)
                           ? make_profile(out, &arena, rules, sandbox, &search, body)
                           : pc_status_out_of_memory();
    pc_insight_search_deinit(&search);
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
    uint8_t storage[HEAD_BYTES_SMALL];
    pc_profile_part old;
    pc_buffer start;
    pc_profile_part_read(&old, part);
    const profile_head head = {.last_modified = old.last_modified,
                               .xid = old.xid,
                               .rest_size = old.rest_size,
                               .identities_size = old.identities_size,
                               .segments_size = pc_slice_size(segments),
                               .segments = verdict};
    pc_buffer_init_in(&start, storage, sizeof storage, HEAD_BYTES_MAX);
    put_profile_head(&start, &head);
    pc_slice *better = start.failed
                           ? NULL
                           : pc_slice_new(start.size + head.rest_size + head.identities_size +
                                          head.segments_size + old.insights_size);
    if (better != NULL) {
        uint8_t *at = put(pc_slice_writable(better), start.bytes, start.size);
        at = put(at, old.rest, old.rest_size + old.identities_size);
        at = put(at, pc_slice_bytes(segments), pc_slice_size(segments));
        (void)put(at, old.insights, old.insights_size);
    }
    pc_buffer_deinit(&start);
    return better;
}

/* ---- events ---------------------------------------------------------------------------------- */

/* The case notes of a page's events, written down while those are mapped. */
typedef struct {
    pc_case_reader reader;
    pc_buffer notes;
    uint8_t storage[NOTES_BYTES_FIRST];
} note_taker;

static bool take_note(void *self, size_t index)
{
    note_taker *taker = self;
    taker->notes.size = index == 0 ? 0 : taker->notes.size;
    return pc_case_reader_put(&taker->notes, &taker->reader);
}

static pc_status map_with_notes(pc_buffer *events, pc_event_summary *summary, note_taker *taker,
                                pc_arena *arena, const pc_part_rules *rules, uint32_t number,
                                const pc_slice *body)
{
    if (!pc_summary_has_cases(rules->summary)) {
        return pc_map_events(events, summary, arena, pc_slice_bytes(body), pc_slice_size(body),
                             number, NULL);
    }
    const pc_event_watch watch = {
        .search = &taker->reader.search, .self = taker, .on_event = take_note};
    pc_status status = pc_case_reader_init(&taker->reader, rules->summary)
                           ? pc_map_watched_events(events, summary, arena, pc_slice_bytes(body),
                                                   pc_slice_size(body), number, &watch)
                           : pc_status_out_of_memory();
    pc_case_reader_deinit(&taker->reader);
    return status;
}

bool pc_event_time(const pc_wire_field *event, int64_t *seconds, int32_t *nanos)
{
    pc_wire_reader reader;
    pc_wire_field field;
    pc_wire_reader_init(&reader, event->bytes, event->size);
    while (pc_wire_next(&reader, &field)) {
        if (field.number == EVENT_TIMESTAMP && field.type == PC_WIRE_BYTES) {
            return pc_wire_timestamp(field.bytes, field.size, seconds, nanos);
        }
    }
    return false;
}

static int64_t oldest_second(const pc_buffer *events)
{
    pc_wire_reader reader;
    pc_wire_field event;
    int64_t oldest = INT64_MAX;
    pc_wire_reader_init(&reader, events->bytes, events->size);
    while (pc_wire_next(&reader, &event)) {
        int64_t seconds;
        int32_t nanos;
        if (pc_event_time(&event, &seconds, &nanos) && seconds < oldest) {
            oldest = seconds;
        }
    }
    return oldest;
}

static pc_status join_events(pc_slice **out, const pc_event_summary *summary,
                             const pc_buffer *notes, const pc_buffer *events)
{
    uint8_t storage[HEAD_BYTES_SMALL];
    pc_buffer start;
    if (strlen(summary->next_cursor) >= TEXT_BYTES_MAX) {
        return pc_status_new(PC_CODE_INTERNAL, "UPSTREAM_BODY_UNREADABLE",
                             "the upstream's cursor is longer than any that is known");
    }
    /* Those of a list that another one took the place of. */
    size_t notes_size = summary->count == 0 ? 0 : notes->size;
    pc_buffer_init_in(&start, storage, sizeof storage, HEAD_BYTES_MAX);
    pc_wire_put_varint(&start, (uint64_t)pack(&summary->newest_last_modified));
    pc_wire_put_varint(&start, summary->count);
    pc_wire_put_varint(&start, (uint64_t)oldest_second(events));
    pc_wire_put_varint(&start, notes_size);
    put_text(&start, summary->next_cursor);
    if (!start.failed && !notes->failed && !events->failed) {
        *out = pc_slice_new(start.size + notes_size + events->size);
    }
    if (*out != NULL) {
        uint8_t *at = put(pc_slice_writable(*out), start.bytes, start.size);
        at = put(at, notes->bytes, notes_size);
        (void)put(at, events->bytes, events->size);
    }
    pc_buffer_deinit(&start);
    return *out == NULL ? pc_status_out_of_memory() : PC_OK;
}

pc_status pc_events_part_make(pc_slice **out, const pc_part_rules *rules, uint32_t number,
                              const pc_slice *body)
{
    uint8_t storage[STORAGE_BYTES];
    uint8_t arena_storage[ARENA_BYTES_FIRST];
    pc_arena arena;
    pc_buffer events;
    note_taker taker;
    pc_event_summary summary = {.next_cursor = ""};
    *out = NULL;
    pc_arena_init(&arena, arena_storage, sizeof arena_storage, ARENA_BYTES_MAX);
    begin(&events, storage, pc_slice_size(body), rules->body_bytes_max * 2);
    pc_buffer_init_in(&taker.notes, taker.storage, sizeof taker.storage, rules->body_bytes_max);
    pc_status status = map_with_notes(&events, &summary, &taker, &arena, rules, number, body);
    if (pc_status_ok(&status)) {
        status = join_events(out, &summary, &taker.notes, &events);
    }
    pc_buffer_deinit(&taker.notes);
    pc_buffer_deinit(&events);
    pc_arena_deinit(&arena);
    return status;
}

void pc_events_part_read(pc_events_part *out, const pc_slice *part)
{
    const uint8_t *at = pc_slice_bytes(part);
    const uint8_t *end = at + pc_slice_size(part);
    out->newest_last_modified = unpack((packed_moment)read_varint(&at));
    out->count = read_varint(&at);
    out->oldest_s = (int64_t)read_varint(&at);
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
