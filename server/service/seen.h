/* What calls saw of persons, for the audit trail: kept with a call until it ends, or told at once
 * for each person of a batch. Nothing is done where nobody wants to know (pc_service.on_person).
 * Threads: any; for one call one at a time, but pc_tell_person. */
#ifndef PC_SERVICE_SEEN_H
#define PC_SERVICE_SEEN_H

#include "context/gather.h"
#include "rpc/call.h"
#include "service/service.h"

typedef struct {
    pc_section_status status;
    int64_t age_ms; /* -1: never fetched */
} pc_seen_section;

/* Kept with the call (pc_call_noted), where it got so far. */
typedef struct {
    pc_seen_section sections[PC_SECTION_COUNT]; /* UNDECIDED: it was not asked for */
    int64_t persons;                            /* that were answered, of a batch; -1: none is */
    int64_t messages;                           /* that were made, of a stream; -1: likewise */
} pc_seen;

/* One person of a batch. Borrowed for the callback. */
struct pc_person_seen {
    const pc_person *person;
    pc_seen_section sections[PC_SECTION_COUNT];
    pc_code code;
    const char *reason; /* constant; "" for OK */
};

/* Keeps, with the call, what became of `count` sections, of which the first is `first`. */
void pc_keep_sections(pc_call *call, const pc_service *service, pc_section first,
                      const pc_section_result *results, size_t count, int64_t now_wall_ms);

/* Counts a message of a stream. */
void pc_keep_message(pc_call *call);

/* Begins to count the persons of a batch. */
void pc_keep_batch(pc_call *call, const pc_service *service);

/* Tells of a person of a batch, with its sections where there are (`gathered` may be NULL), and
 * counts it. One at a time for each call. */
void pc_tell_person(pc_call *call, const pc_service *service, const pc_person *person,
                    const pc_gathered *gathered, pc_code code, const char *reason);

#endif
