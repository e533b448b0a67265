/* The access token: one request to IMS however many wait for it, a new one ahead of expiry while
 * the present one still serves, and a short memory of failure so that an endpoint in trouble is not
 * hammered: a breaker that one failure opens, that the next request after a short wait probes, and
 * that a token closes.
 *
 * Threads: everything lives on the loop of the pc_transfer it was made with, and is called there
 * only, but for pc_token_new and _free (which need that loop idle or ended), pc_token_set_secret,
 * pc_token_counters and pc_token_age_ms, which any thread may call. */
#ifndef PC_UPSTREAM_TOKEN_H
#define PC_UPSTREAM_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "upstream/breaker.h"
#include "upstream/loop.h"
#include "upstream/transfer.h"
#include "util/status.h"

typedef struct pc_token pc_token;

/* Texts are copied. */
typedef struct {
    pc_transfer *transfer; /* borrowed; outlives no call of this module but _free */
    const char *url;       /* of the token endpoint */
    const char *client_id;
    const char *client_secret;
    const char *scopes;       /* joined by commas */
    const char *static_token; /* not NULL: this is the token, for ever; IMS is never asked */
    int64_t connect_timeout_ms;
    int64_t timeout_ms; /* of one request for a token */
    /* Called on the loop when the breaker's state has changed; NULL: nobody asks. */
    void (*on_breaker)(void *self, const pc_breaker *breaker, pc_breaker_state from,
                       pc_breaker_state to);
    void *self;
} pc_token_options;

/* A token at the moment of asking. */
typedef struct {
    const char
        *authorization;  /* "Bearer ..."; borrowed until the loop's next job; NULL: none yet */
    uint64_t generation; /* which token this is, for pc_token_invalidate */
} pc_token_present;

/* One who waits. Embedded in what waits; all zero but `ready` when not waiting. */
typedef struct pc_token_waiter {
    /* Called once with OK (ask pc_token_get again, it has a token) or with a failure; takes the
     * status. */
    void (*ready)(struct pc_token_waiter *waiter, pc_status status);
    /* Used by the token. */
    pc_token *token;
    struct pc_token_waiter *next;
    struct pc_token_waiter *previous;
    pc_loop_timer deadline;
    uint64_t ticket; /* rises from waiter to waiter */
    bool is_waiting;
} pc_token_waiter;

/* Owned: pc_token_free, after pc_transfer_free. Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_token_new(pc_token **out, const pc_token_options *options);

/* Nobody may be waiting any more. Wipes secret and token. NULL is allowed. */
void pc_token_free(pc_token *token);

/* The present token, or a place in the queue. On OK with `authorization` the token is there and
 * `waiter` is left alone; on OK with NULL `waiter->ready` comes once, at `deadline_ns` at the
 * latest, never inside this call. Errors, and then `ready` never comes: those of the last request
 * while its failure is remembered; CANCELLED when the transfer is being freed. */
PC_NODISCARD pc_status pc_token_get(pc_token *token, pc_token_waiter *waiter, int64_t deadline_ns,
                                    pc_token_present *out);

/* Takes `waiter` off the queue; `ready` will not come. Harmless when it is not waiting. */
void pc_token_leave(pc_token_waiter *waiter);

/* The upstream refused the token of this generation. True when asking again with what pc_token_get
 * gives now is worth it: there is, or will be, another token. False for a static token, and when a
 * token was replaced for the same cause less than a second ago: then new tokens do not help. */
bool pc_token_invalidate(pc_token *token, uint64_t generation);

/* Replaces the secret for the next request; the old one is wiped, a remembered failure forgotten.
 * Errors: RESOURCE_EXHAUSTED, and then the old one stays. */
PC_NODISCARD pc_status pc_token_set_secret(pc_token *token, const char *client_secret);

/* How many requests were sent, and how many of them brought no token. */
void pc_token_counters(const pc_token *token, uint64_t *requests_out, uint64_t *failures_out);

/* Any thread. */
void pc_token_breaker(const pc_token *token, pc_breaker_figures *out);

/* The age of the token in use, and in `*left_out` how long it is still good; -1 for both when there
 * is none, for `*left_out` also when it never expires. */
int64_t pc_token_age_ms(const pc_token *token, int64_t *left_out);

#endif
