/* Counts what the Entity API answers: which operation, how it went, how long it took; and whether
 * it answers at all of late.
 * Threads: counting on the transfer thread only, reading on any. */
#ifndef PC_UPSTREAM_ANSWER_COUNTS_H
#define PC_UPSTREAM_ANSWER_COUNTS_H

#include <stdatomic.h>

#include "util/distribution.h"

/* How one request went. */
typedef enum {
    PC_ANSWER_OK,              /* 2xx */
    PC_ANSWER_NOT_FOUND,       /* 404 */
    PC_ANSWER_UNAUTHENTICATED, /* 401 */
    PC_ANSWER_THROTTLED,       /* 429 */
    PC_ANSWER_REFUSED,         /* any other but 5xx */
    PC_ANSWER_FAILED,          /* 5xx */
    PC_ANSWER_NONE,            /* no connection, a broken one, or none in time */
    PC_ANSWER_CANCELLED,       /* nobody waited any more */
    PC_ANSWER_COUNT
} pc_answer_kind;

enum { PC_ANSWER_OPERATIONS = 8 /* those of pc_entity_kind */ };

typedef struct {
    atomic_uint_fast64_t counts[PC_ANSWER_OPERATIONS][PC_ANSWER_COUNT];
    pc_distribution *took;            /* in nanoseconds, by operation; without those cancelled */
    atomic_uint failures_in_row;      /* FAILED and NONE since the last that was neither */
    atomic_int_fast64_t last_good_ns; /* monotonic; 0: never */
} pc_answer_counts;

/* In place; pc_answer_counts_deinit in any case. Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_answer_counts_init(pc_answer_counts *counts);
void pc_answer_counts_deinit(pc_answer_counts *counts);

/* `http_status` is 0 without an answer, for which `code` says why. */
void pc_answer_counts_add(pc_answer_counts *counts, size_t operation, pc_code code, int http_status,
                          int64_t took_ns);

#endif
