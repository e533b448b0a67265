/* What the client is made of, for the files that make up entity.h; no others. */
#ifndef PC_UPSTREAM_ENTITY_CLIENT_H
#define PC_UPSTREAM_ENTITY_CLIENT_H

#include <stdatomic.h>

#include "upstream/answer_counts.h"
#include "upstream/entity.h"
#include "upstream/loop.h"
#include "upstream/retry.h"
#include "upstream/token.h"
#include "upstream/transfer.h"

struct pc_entity_client {
    pc_transfer *transfer;
    pc_token *token;
    /* Constant after pc_entity_client_new: */
    char *base_url;
    char *identity_url; /* NULL: none */
    char *client_id;
    char *org_id;
    char *sandbox_default;
    int64_t connect_timeout_ms;
    int64_t timeout_ms;
    int64_t attempt_timeout_ms; /* 0: none of its own */
    size_t body_bytes_max;
    unsigned max_in_flight;

    int64_t hedge_after_ms; /* 0: never */
    unsigned hedge_percent;

    pc_budget *budget;
    /* The transfer thread only: */
    pc_loop_timer due; /* when one of those that wait for their turn may have it */
    bool is_granting;
    unsigned hedge_credit; /* hundredths of a second request */
    pc_job end_waiting;    /* of pc_entity_client_free */
    pc_retry_allowance retry_allowance;
    uint64_t dice;
    pc_entity_op *waiting_for_retry;        /* doubly linked */
    int64_t usual_ns[PC_ENTITY_KIND_COUNT]; /* what an answer takes; 0: none so far */
    pc_breaker breakers[PC_UPSTREAM_TOKEN]; /* IMS has its own; some parts for any thread */
    void (*on_breaker)(void *self, const pc_breaker_change *change);
    void *self;

    atomic_bool is_closing; /* pc_entity_client_free has begun: no new fetches */
    atomic_uint_fast64_t requests[PC_ENTITY_KIND_COUNT];
    atomic_uint_fast64_t failures[PC_ENTITY_KIND_COUNT];
    atomic_uint_fast64_t refused[PC_ENTITY_KIND_COUNT];
    atomic_uint_fast64_t hedges_sent;
    atomic_uint_fast64_t hedges_won;
    atomic_uint_fast64_t retries[PC_RETRY_REASON_COUNT];
    atomic_uint_fast64_t retries_won;
    atomic_uint_fast64_t retries_withheld;
    atomic_uint_fast64_t token_rejections;
    atomic_uint_fast64_t in_flight;
    pc_answer_counts answers;
};

/* How a fetch ends that was cancelled, or that the client's end has overtaken. */
pc_status pc_entity_cancelled(void);

/* How a fetch or attempt ends that the breaker does not let pass. */
pc_status pc_entity_breaker_open(int64_t retry_ms);

/* The breaker of the host that answers this kind of query. */
pc_breaker *pc_entity_breaker_of(pc_entity_client *client, pc_entity_kind kind);

/* The job `end_waiting`: ends the fetches that wait for their turn or for a retry, as they have no
 * transfer that the loop would end. */
void pc_entity_on_end_waiting(pc_job *job);

#endif
