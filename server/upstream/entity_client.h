/* What the client is made of, for the files that make up entity.h; no others. */
#ifndef PC_UPSTREAM_ENTITY_CLIENT_H
#define PC_UPSTREAM_ENTITY_CLIENT_H

#include <stdatomic.h>

#include "upstream/entity.h"
#include "upstream/loop.h"
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

    atomic_bool is_closing; /* pc_entity_client_free has begun: no new fetches */
    atomic_uint_fast64_t requests[PC_ENTITY_KIND_COUNT];
    atomic_uint_fast64_t failures[PC_ENTITY_KIND_COUNT];
    atomic_uint_fast64_t refused[PC_ENTITY_KIND_COUNT];
    atomic_uint_fast64_t hedges_sent;
    atomic_uint_fast64_t hedges_won;
    atomic_uint_fast64_t token_rejections;
    atomic_uint_fast64_t in_flight;
};

/* How a fetch ends that was cancelled, or that the client's end has overtaken. */
pc_status pc_entity_cancelled(void);

/* The job `end_waiting`: ends the fetches that wait for their turn, as they have no transfer that
 * the loop would end. */
void pc_entity_on_end_waiting(pc_job *job);

#endif
