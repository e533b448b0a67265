/* One walk over the entries. */
#include "context/segment_words.h"

#include <string.h>

#include "context/section_bytes.h"
#include "util/clock.h"

bool pc_segment_has_name(const pc_segment *segment)
{
    return segment->name_space_size == 3 && memcmp(segment->name_space, "ups", 3) == 0 &&
           segment->segment_id_size > 0;
}

/* The first millisecond at which an active entry no longer is. */
static int64_t ends_ms(const pc_segment *segment)
{
    if (!segment->has_valid_until || segment->valid_until_seconds > INT64_MAX / 1000 - 1) {
        return INT64_MAX;
    }
    return segment->valid_until_seconds * 1000 + segment->valid_until_nanos / 1000000 + 1;
}

pc_segment_verdict pc_segments_put(pc_buffer *out, uint32_t number, const uint8_t *wire,
                                   size_t size, pc_audience_names *names, const char *sandbox,
                                   pc_arena *arena)
{
    pc_segment_verdict verdict = {.holds_wall_ms = INT64_MAX};
    int64_t now_ns = pc_clock_now_ns();
    int64_t wall_ms = pc_clock_wall_ms();
    pc_segment_iterator iterator;
    pc_segment segment;
    pc_segment_iterator_init(&iterator, wire, size, PC_PROFILE_SEGMENT_MEMBERSHIP);
    while (pc_segment_iterator_next(&iterator, &segment)) {
        const pc_arena before = *arena;
        pc_segment_words words = {NULL, NULL};
        const char *id =
            pc_arena_strndup(arena, (const char *)segment.segment_id, segment.segment_id_size);
        if (id == NULL) {
            verdict.lacks_names = true;
        } else if (pc_segment_has_name(&segment) &&
                   pc_audience_names_get(names, sandbox, id, now_ns, arena, &words) ==
                       PC_NAME_UNKNOWN) {
            verdict.lacks_names = true;
        }
        if (pc_segment_active(&segment, wall_ms) && ends_ms(&segment) < verdict.holds_wall_ms) {
            verdict.holds_wall_ms = ends_ms(&segment);
        }
        pc_segment_put(out, number, &segment, &words, wall_ms);
        pc_arena_rewind(arena, &before); /* the texts were only needed for this */
    }
    return verdict;
}
