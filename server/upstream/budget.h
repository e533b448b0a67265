/* The spent-call budget: which upstream calls may be made when. The upstream bills by the call, and
 * publishes no rate that it bears, so calls are bounded by rate (a token bucket) and by number
 * under way, and the bound on the latter adapts to what the upstream bears.
 *
 * What is left is shared by criticality: each class leaves a reserve for those above it, so that a
 * batch cannot keep an agent waiting, nor prefetching a batch. Within a class callers take turns in
 * the order of their coming, but one that has had its share waits while others may go.
 *
 * The bound on calls under way grows by one for each round of answers that go well, and is
 * multiplied by 0.7 when the upstream throttles or is slow (additive increase, multiplicative
 * decrease; Chiu and Jain, 1989), at most once for each round. A throttled upstream also lowers the
 * rate, which recovers by a twentieth of what is configured for each second. While it has said when
 * to come again, nothing is sent.
 *
 * Threads: any. The time is passed in, as pc_clock_now_ns. */
#ifndef PC_UPSTREAM_BUDGET_H
#define PC_UPSTREAM_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/criticality.h"
#include "util/status.h"

typedef struct pc_budget pc_budget;

typedef struct {
    double rate;         /* calls a second; 0: no bound */
    double burst;        /* calls at once after a pause; at least 1 */
    double caller_share; /* of rate and burst, for one caller whose key has no share of its own; 1:
                            no bound of its own */
    unsigned calls_max;  /* under way at once */
    unsigned calls_min;  /* and at least, however the upstream behaves; 1 or more */
    int64_t slow_ms;     /* an answer that takes longer is a sign of overload; 0: never */
} pc_budget_options;

/* Owned: pc_budget_free. Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_budget_new(pc_budget **out, const pc_budget_options *options);

/* Nobody may wait any more. NULL is allowed. */
void pc_budget_free(pc_budget *budget);

/* One who wants to make a call; embedded. Set criticality, caller and deadline_ns before asking. */
typedef struct pc_budget_ticket {
    pc_criticality criticality;
    uint64_t caller;     /* see util/caller_key.h; 0: nobody in particular */
    int64_t deadline_ns; /* waiting longer is of no use */
    /* Used by the budget. */
    struct pc_budget_ticket *next;
    struct pc_budget_ticket **link; /* what points to it; NULL: does not wait */
} pc_budget_ticket;

typedef enum {
    PC_BUDGET_GRANTED, /* the call is counted: pc_budget_end when it has ended */
    PC_BUDGET_WAITS,   /* until pc_budget_next gives it out, or pc_budget_leave */
    PC_BUDGET_REFUSED  /* its turn would come after its deadline, or too late to be done by then */
} pc_budget_verdict;

/* `*retry_ms` is set with REFUSED: when there is likely to be something left. */
pc_budget_verdict pc_budget_ask(pc_budget *budget, pc_budget_ticket *ticket, int64_t now_ns,
                                int64_t *retry_ms);

/* Takes a call that is made only while there is plenty: as one of PC_CRITICALITY_PREFETCH, at once
 * or not at all. True: it is counted, like one that was granted. */
bool pc_budget_take_spare(pc_budget *budget, uint64_t caller, int64_t now_ns);

/* The next of those that wait whose call may be made now, and is counted; NULL when there is none.
 */
pc_budget_ticket *pc_budget_next(pc_budget *budget, int64_t now_ns);

/* When pc_budget_next is worth another try without any call having ended; PC_NEVER_NS: not before
 * one has. */
int64_t pc_budget_due_ns(pc_budget *budget, int64_t now_ns);

/* Stops waiting; harmless for one that does not. */
void pc_budget_leave(pc_budget *budget, pc_budget_ticket *ticket);

/* One of those that wait, which then does no more; NULL when there is none. For the end. */
pc_budget_ticket *pc_budget_take_back(pc_budget *budget);

/* Gives one that waits a higher criticality, as when someone joins in. A lower one changes nothing.
 */
void pc_budget_raise(pc_budget *budget, pc_budget_ticket *ticket, pc_criticality criticality);

/* Takes a call without asking, for one that has to be made: a second try with a new token. Counted
 * as spent, not as under way. */
void pc_budget_spend(pc_budget *budget, const pc_budget_ticket *ticket, int64_t now_ns);

/* How a call went, as a sign of what the upstream bears. */
typedef enum {
    PC_BUDGET_WENT_WELL,
    PC_BUDGET_THROTTLED,
    PC_BUDGET_SAYS_NOTHING /* it was cancelled, or brought no answer */
} pc_budget_outcome;

/* A call that was granted has ended. `took_ns` since it was sent; `retry_after_ms` is the
 * upstream's advice, 0 without. */
void pc_budget_end(pc_budget *budget, pc_budget_outcome outcome, int64_t took_ns,
                   int64_t retry_after_ms, int64_t now_ns);

/* A call that was granted to `caller` was not made: it is neither spent nor under way. */
void pc_budget_give_back(pc_budget *budget, uint64_t caller, int64_t now_ns);

/* Calls that this caller could make now with this criticality, by rate; -1 where no rate is set. */
int64_t pc_budget_left(pc_budget *budget, pc_criticality criticality, uint64_t caller,
                       int64_t now_ns);

typedef struct {
    double calls_bound; /* on calls under way, now */
    double rate;        /* calls a second, now; 0: no bound */
    double tokens;      /* calls that could be made at once, by rate */
    unsigned under_way;
    unsigned waiting[PC_CRITICALITY_COUNT];
    uint64_t granted[PC_CRITICALITY_COUNT]; /* all since the start */
    uint64_t refused[PC_CRITICALITY_COUNT];
    uint64_t throttled; /* times that the bound was lowered */
} pc_budget_figures;

void pc_budget_read(pc_budget *budget, pc_budget_figures *out, int64_t now_ns);

#endif
