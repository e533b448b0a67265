/* Sections of a context, and what became of each. The numbers are those of context.proto. */
#ifndef PC_CONTEXT_SECTION_H
#define PC_CONTEXT_SECTION_H

#include "mapping/envelope.h"
#include "util/slice.h"
#include "util/status.h"

typedef enum {
    PC_SECTION_NONE = 0, /* of answers that are about no section */
    PC_SECTION_PROFILE = 1,
    PC_SECTION_EVENTS = 2,
    PC_SECTION_SEGMENTS = 3,
    PC_SECTION_IDENTITIES = 4,
    PC_SECTION_INSIGHTS = 5,
    PC_SECTION_SUMMARY = 6,
    PC_SECTION_COUNT = 7 /* one more than the last */
} pc_section;

#define PC_SECTION_BIT(section) (1u << (section))

typedef enum {
    PC_SECTION_UNDECIDED = 0,
    PC_SECTION_OK = 1,
    PC_SECTION_STALE = 2,
    PC_SECTION_MISSING = 3,
    PC_SECTION_DENIED = 4,
    PC_SECTION_NOT_ENABLED = 5,
    PC_SECTION_LATE = 6,
    PC_SECTION_FAILED = 7
} pc_section_status;

typedef enum { PC_ORIGIN_NONE = 0, PC_ORIGIN_UPSTREAM = 1, PC_ORIGIN_CACHE = 2 } pc_section_origin;

typedef struct {
    pc_section_status status;
    pc_section_origin origin;
    int64_t fetched_wall_ms; /* 0: never */
    pc_moment last_modified;
    const char *reason; /* constant; "" for OK */
    bool truncated;
    bool withheld;         /* the caller may not see it, whether or not there is data */
    pc_slice *data;        /* owned; wire bytes, NULL for none. Of the profile and the summary: the
                              message's fields; of the others: repeated fields with the number that the
                              plan gives */
    const uint8_t *denied; /* fields 9 of SectionInfo; borrowed by who answers */
    size_t denied_size;
    pc_slice *denied_later; /* more of them; owned; NULL for none */
} pc_section_result;

/* Whether there is an answer, be it stale. */
static inline bool pc_section_has_data(const pc_section_result *result)
{
    return result->status == PC_SECTION_OK || result->status == PC_SECTION_STALE;
}

/* As callers write it in a read mask. */
const char *pc_section_name(pc_section section);

/* What a failed fetch makes of its sections. */
pc_section_status pc_section_verdict(const pc_status *failure);

#endif
