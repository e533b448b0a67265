/* Whether a fetch that has failed is worth another try, when, and how many such tries there may be:
 * a share of all calls, so that retries cannot double the load of an upstream in trouble.
 * Threads: pure, but for the allowance, which belongs to one thread. */
#ifndef PC_UPSTREAM_RETRY_H
#define PC_UPSTREAM_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "upstream/entity.h"
#include "util/status.h"

/* Why, when the same may well be answered otherwise: only what reads is sent again, and only where
 * the failure is one of the moment. */
pc_retry_reason pc_retry_reason_of(pc_entity_kind kind, const pc_status *status, int http_status);

/* How long to wait before the next try after `tries` (0: the first retry): full jitter below a
 * bound that doubles (Brooker, 2015), after what the upstream has asked for. `dice` is random. */
int64_t pc_retry_wait_ms(unsigned tries, int64_t hint_ms, uint64_t dice);

/* The next random number; the state is not 0. */
uint64_t pc_retry_dice(uint64_t *state);

/* Each call brings a hundredth of `percent` retries; no more than a few are kept for later. */
typedef struct {
    unsigned percent; /* 0: none */
    unsigned credit;  /* hundredths of a retry */
} pc_retry_allowance;

void pc_retry_earn(pc_retry_allowance *allowance);
bool pc_retry_spend(pc_retry_allowance *allowance); /* false: there is none left */

#endif
