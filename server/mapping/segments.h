/* Segment memberships as wire bytes: reading what a decision or a name look-up needs, and adding
 * the computed fields, without unpacking. The rules stand in segment.proto. Threads: one at a time.
 */
#ifndef PC_MAPPING_SEGMENTS_H
#define PC_MAPPING_SEGMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mapping/wire.h"
#include "util/buffer.h"

/* The numbers are profilecontext.v1.SegmentStatus's. */
typedef enum {
    PC_SEGMENT_UNSPECIFIED = 0,
    PC_SEGMENT_REALIZED = 1,
    PC_SEGMENT_EXISTING = 2,
    PC_SEGMENT_EXITED = 3
} pc_segment_status;

/* One entry. Borrows from the wire bytes; texts are not NUL-terminated. */
typedef struct {
    const uint8_t *name_space;
    size_t name_space_size;
    const uint8_t *segment_id;
    size_t segment_id_size;
    pc_segment_status status;
    bool has_unknown_status; /* the source's status is not in the list, so no membership is assumed
                              */
    bool has_valid_until;
    int64_t valid_until_seconds;
    int32_t valid_until_nanos;
    bool has_computed;   /* display_name, description or active are there already */
    const uint8_t *wire; /* the message SegmentMembership */
    size_t wire_size;
} pc_segment;

typedef struct {
    pc_wire_reader reader;
    uint32_t field_number;
} pc_segment_iterator;

/* Over the fields `field_number` (SegmentMembership) of the message in `wire`; others are passed
 * over. */
void pc_segment_iterator_init(pc_segment_iterator *iterator, const uint8_t *wire, size_t size,
                              uint32_t field_number);

/* True with the next entry; false at the end or when malformed (then `iterator->reader.failed`). */
bool pc_segment_iterator_next(pc_segment_iterator *iterator, pc_segment *out);

/* Whether the membership holds at `now_ms` (milliseconds since 1970): realized, existing or without
 * a status, and not past valid_until. */
bool pc_segment_active(const pc_segment *segment, int64_t now_ms);

/* What people call a segment; NULL: not known. */
typedef struct {
    const char *name;
    const char *description;
} pc_segment_words;

/* Appends the entry as a field `field_number` as the source had it, without computed fields. */
void pc_segment_put_plain(pc_buffer *out, uint32_t field_number, const pc_segment *segment);

/* Appends the entry as a field `field_number` with display_name and description (left out when they
 * are not known) and `active` for `now_ms`. Earlier ones in the entry are replaced. */
void pc_segment_put(pc_buffer *out, uint32_t field_number, const pc_segment *segment,
                    const pc_segment_words *words, int64_t now_ms);

#endif
