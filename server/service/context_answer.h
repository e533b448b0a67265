/* From what was gathered to a message Context: pieces of wire bytes, nothing packed or copied but
 * the head. */
#ifndef PC_SERVICE_CONTEXT_ANSWER_H
#define PC_SERVICE_CONTEXT_ANSWER_H

#include "service/access.h"
#include "service/answer.h"

/* Field numbers of Context. */
enum {
    PC_CONTEXT_IDENTITY = 1,
    PC_CONTEXT_XID = 2,
    PC_CONTEXT_SECTIONS = 3,
    PC_CONTEXT_PROFILE = 4,
    PC_CONTEXT_EVENTS = 5,
    PC_CONTEXT_INSIGHTS = 6,
    PC_CONTEXT_SUMMARY = 7,
    PC_CONTEXT_IDENTITIES = 40,
    PC_CONTEXT_SEGMENT_MEMBERSHIPS = 41
};

/* The pieces of a message, in the order in which they go out. */
typedef struct {
    pc_slice *slices[PC_SECTION_COUNT + 3];
    size_t count;
    size_t bytes;
} pc_pieces;

void pc_pieces_unref(pc_pieces *pieces);

/* Makes the field `number` with the Context, behind the bytes of `before` (NULL: none), of what the
 * access lets show. Takes the data out of `gathered`. On failure, when nothing can be said about
 * the person, `out` is empty: NOT_FOUND, or the most telling failure of a section;
 * RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_context_answer(pc_pieces *out, uint32_t number, const pc_buffer *before,
                                         const pc_gather_plan *plan, const pc_access *access,
                                         pc_gathered *gathered);

#endif
