/* One attempt of a fetch, for which the budget has granted a call: past the breaker, a token, a
 * request to the Entity API, its answer judged; and the same once more after a 401, when there is
 * another token. A request from which nothing more arrives is given up. However it ends, budget and
 * breaker hear of it.
 * Threads: the transfer thread only. */
#ifndef PC_UPSTREAM_ATTEMPT_H
#define PC_UPSTREAM_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "upstream/entity_client.h"
#include "upstream/entity_request.h"

/* What all attempts of a fetch have in common; borrowed until they have ended. */
typedef struct {
    pc_entity_client *client;
    pc_entity_kind kind;
    pc_entity_request request;
    char *sandbox;
    char *request_id; /* NULL: none */
    pc_trace trace;
    int64_t deadline_ns;
    pc_budget_ticket ticket;   /* for whom calls are charged */
    bool wants_new_connection; /* an attempt before had no answer over the one at hand */
} pc_attempt_task;

/* Embedded. Set the first four before pc_attempt_begin, all else zero. */
typedef struct pc_attempt {
    const pc_attempt_task *task;
    bool may_repeat; /* after a 401 */
    /* Called whenever a request has gone out; NULL: nobody asks. */
    void (*sent)(struct pc_attempt *attempt);
    /* Called once for each begin, perhaps within it; takes `status`. `answer` is borrowed for the
     * call, NULL when there was none. */
    void (*ended)(struct pc_attempt *attempt, pc_status status, const pc_transfer_result *answer);

    unsigned requests; /* sent so far */

    /* Used by the attempt: */
    bool is_under_way;
    bool is_cancelled;
    bool is_repeated;
    int64_t sent_ns; /* the latest request */
    int64_t took_ns; /* from then to its end */
    uint64_t token_generation;
    pc_span span; /* of the latest request */
    pc_token_waiter waiter;
    pc_transfer_op *transfer; /* a reference; NULL unless a request is out */
    pc_breaker_pass pass;
    pc_loop_timer silence;
    uint64_t received; /* bytes when it was last looked */
    bool is_given_up;  /* for silence */
} pc_attempt;

void pc_attempt_begin(pc_attempt *attempt);

/* Ends it early: `ended` comes once, with CANCELLED or with the answer when that was first; within
 * this call when no request is out. Harmless when it is not under way. */
void pc_attempt_cancel(pc_attempt *attempt);

/* Whether a request is out that has neither been answered nor cancelled. */
bool pc_attempt_is_out(const pc_attempt *attempt);

#endif
