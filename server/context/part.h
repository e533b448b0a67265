/* What one fetch about a person gave, mapped: the wire bytes of its sections in one slice, which
 * never changes and is shared by the cache and all answers.
 * Threads: pure but for the names. */
#ifndef PC_CONTEXT_PART_H
#define PC_CONTEXT_PART_H

#include "context/cache/cache.h"
#include "context/segment_words.h"
#include "context/summary/summary.h"
#include "mapping/envelope.h"
#include "mapping/insights.h"
#include "mapping/wire.h"

/* Field numbers of the sections in a profile part; those of identities and segments are Profile's.
 */
enum { PC_PART_INSIGHTS = 6 };

/* The field number of events in a part that is remembered: that of Context. */
enum { PC_PART_EVENTS_NUMBER = 5 };

/* What mapping needs. */
typedef struct {
    const pc_insight_set *insights;
    const pc_summary_rules *summary;
    pc_audience_names *names;
    size_t body_bytes_max; /* of mapped output */
} pc_part_rules;

/* All point into the part, whose parts follow one another: the profile without identities and
 * segments, identities, segments, insights. */
typedef struct {
    pc_moment last_modified;
    const char *xid; /* "" when not known */
    const uint8_t *rest;
    size_t rest_size;
    const uint8_t *identities;
    size_t identities_size;
    const uint8_t *segments; /* with names, as far as they were known, and `active` */
    size_t segments_size;
    pc_segment_verdict segments_verdict;
    const uint8_t *insights;
    size_t insights_size;
} pc_profile_part;

typedef struct {
    pc_moment newest_last_modified;
    const char *next_cursor; /* "" at the end */
    size_t count;
    int64_t oldest_s; /* none is from before this second since 1970; INT64_MAX: none has a time */
    const uint8_t *items; /* fields of the number that the part was made with */
    size_t items_size;
    const uint8_t *notes; /* see pc_events_part_notes */
    size_t notes_size;
} pc_events_part;

/* Maps the answer to a look-up of one person. Owned. Errors: those of pc_envelope_profile and
 * pc_transcode. */
PC_NODISCARD pc_status pc_profile_part_make(pc_slice **out, const pc_part_rules *rules,
                                            const char *sandbox, const pc_slice *body);

/* Maps a page of events, each as a field `number`. Owned. Errors: those of pc_map_events. */
PC_NODISCARD pc_status pc_events_part_make(pc_slice **out, const pc_part_rules *rules,
                                           uint32_t number, const pc_slice *body);

/* The same profile part with other segments. NULL when out of memory. Owned. */
pc_slice *pc_profile_part_with_segments(const pc_slice *part, const pc_slice *segments,
                                        pc_segment_verdict verdict);

void pc_profile_part_read(pc_profile_part *out, const pc_slice *part);
void pc_events_part_read(pc_events_part *out, const pc_slice *part);

/* When an event was, of its field; false for one without a time. */
bool pc_event_time(const pc_wire_field *event, int64_t *seconds, int32_t *nanos);

/* The case notes of the events, in their order; texts borrow from the part. NULL when out of
 * memory. */
const pc_case_note *pc_events_part_notes(size_t *count, pc_arena *arena,
                                         const pc_events_part *part);

#endif
