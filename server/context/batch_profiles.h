/* The profiles of many persons with few upstream calls: persons are asked for in chunks by the
 * upstream's POST, several chunks at once.
 *
 * A chunk that the upstream refuses as too large is halved and asked again. Persons whose entry
 * cannot be found in the answer (batch_match.h) have their XIDs asked of the identity service,
 * where there is one, then are asked for again together, since an answer without any of them says
 * that they are unknown, and at last one by one. So nobody is called unknown on a guess. Threads:
 * as gather.h. */
#ifndef PC_CONTEXT_BATCH_PROFILES_H
#define PC_CONTEXT_BATCH_PROFILES_H

#include "context/gather.h"

/* Borrowed until `done`. */
typedef struct {
    const pc_person_ref *persons;
    size_t person_count;
    const char *sandbox;
    const char *merge_policy;
    const char *fields;  /* what to ask for; NULL: all */
    const pc_mask *mask; /* of Profile */
    const char *request_id;
    pc_trace trace; /* what it is a step of */
    pc_criticality criticality;
    uint64_t caller; /* who pays; 0: nobody in particular */
    int64_t close_ns;
    size_t chunk;              /* persons in one request, 1 to PC_FETCH_REFS_MAX */
    size_t parallel;           /* requests at once, at least 1 */
    bool has_identity_service; /* whether there is an identity service */
} pc_batch_plan;

/* One person's answer: a failure, or a profile. */
typedef struct {
    pc_status failure;       /* owned by the batch */
    bool failed_with_others; /* so did a whole request, about several persons */
    pc_slice *profile;       /* owned by the batch; NULL on failure */
    pc_moment last_modified;
    const char *xid; /* "" when not known */
} pc_batch_result;

typedef struct {
    const pc_batch_result *results; /* one for each person, in their order */
    int64_t fetched_wall_ms;
    unsigned upstream_calls;
    size_t upstream_bytes;
} pc_batch_results;

typedef struct pc_batch pc_batch;

/* Starts. Owned: pc_batch_release; it goes on to its end by itself. `done` comes exactly once, on a
 * worker, never within this call; the results are borrowed for it. An error returned (lack of
 * memory) means that it does not come. */
PC_NODISCARD pc_status pc_batch_start(pc_batch **out, const pc_gatherer *gatherer,
                                      const pc_batch_plan *plan,
                                      void (*done)(void *self, const pc_batch_results *results),
                                      void *self);

/* Ends the upstream's transfers; persons without an answer fail with CANCELLED. `done` still comes.
 */
void pc_batch_cancel(pc_batch *batch);

/* NULL is allowed. */
void pc_batch_release(pc_batch *batch);

#endif
