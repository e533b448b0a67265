/* Segment memberships with what people call their audiences, and whether they hold by now.
 * Threads: any. */
#ifndef PC_CONTEXT_SEGMENT_WORDS_H
#define PC_CONTEXT_SEGMENT_WORDS_H

#include "context/audience_names.h"
#include "mapping/segments.h"

typedef struct {
    bool lacks_names;      /* of some audience, not even that it has none is known */
    int64_t holds_wall_ms; /* until when `active` is right; INT64_MAX: for ever */
} pc_segment_verdict;

/* Appends the memberships (fields PC_PROFILE_SEGMENT_MEMBERSHIP) in `wire` again, as fields
 * `number`, with names and `active`. `arena` is used for working memory. */
pc_segment_verdict pc_segments_put(pc_buffer *out, uint32_t number, const uint8_t *wire,
                                   size_t size, pc_audience_names *names, const char *sandbox,
                                   pc_arena *arena);

/* Whether a membership's audience can be looked up by its id: only the platform's own can. */
bool pc_segment_has_name(const pc_segment *segment);

#endif
