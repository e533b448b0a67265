/* A table with one place for each remainder of a hash: a newer token takes the place of an older
 * one. Who floods it only has its own tokens verified again, within the bound. */
#include "identity/refused_tokens.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/quotas.h"

enum {
    PLACES = 1024, /* a power of two */
    LOCKS = 16,
    MESSAGE_BYTES = 128,
    KNOWN_S = 60,
    BURST = 10,      /* times the rate, of one source */
    ALL = 100,       /* times the rate, of all */
    ALL_SOURCES = 1, /* stands for them in the quotas */
    GOOD_SOURCES = 1024
};

static const int64_t second_ns = 1000000000;

typedef struct {
    pc_token_hash hash;
    uint64_t generation; /* of the keys; 0: empty */
    int64_t until_ns;
    pc_code code;
    const char *reason;
    char message[MESSAGE_BYTES];
} refused;

struct pc_refused_tokens {
    pc_quota own;
    pc_quota all;
    pc_quotas *quotas;
    /* That had a good token of late; each has the place of its remainder until another comes. */
    atomic_uint_least64_t good_sources[GOOD_SOURCES];
    pthread_mutex_t locks[LOCKS]; /* guards: each the places of its remainder */
    refused places[PLACES];
};

pc_status pc_refused_tokens_new(pc_refused_tokens **out, double rate)
{
    *out = NULL;
    pc_refused_tokens *tokens = calloc(1, sizeof *tokens);
    if (tokens == NULL) {
        return pc_status_out_of_memory();
    }
    pc_status status = pc_quotas_new(&tokens->quotas);
    if (!pc_status_ok(&status)) {
        free(tokens);
        return status;
    }
    tokens->own = (pc_quota){rate, BURST * rate};
    tokens->all = (pc_quota){ALL * rate, ALL * rate};
    for (size_t i = 0; i < LOCKS; i++) {
        pthread_mutex_init(&tokens->locks[i], NULL);
    }
    *out = tokens;
    return PC_OK;
}

void pc_refused_tokens_free(pc_refused_tokens *tokens)
{
    if (tokens == NULL) {
        return;
    }
    for (size_t i = 0; i < LOCKS; i++) {
        pthread_mutex_destroy(&tokens->locks[i]);
    }
    pc_quotas_free(tokens->quotas);
    free(tokens);
}

/* ---- what was refused before ----------------------------------------------------------------- */

static refused *lock_place(pc_refused_tokens *tokens, pc_token_hash hash, pthread_mutex_t **lock)
{
    size_t place = hash.first & (PLACES - 1);
    *lock = &tokens->locks[place % LOCKS];
    pthread_mutex_lock(*lock);
    return &tokens->places[place];
}

pc_status pc_refused_tokens_get(pc_refused_tokens *tokens, pc_token_hash hash, uint64_t generation,
                                int64_t now_ns)
{
    pthread_mutex_t *lock;
    pc_status status = PC_OK;
    const refused *found = lock_place(tokens, hash, &lock);
    if (found->generation == generation && generation != 0 && now_ns < found->until_ns &&
        found->hash.first == hash.first && found->hash.last == hash.last) {
        status = pc_status_new(found->code, found->reason, "%s", found->message);
    }
    pthread_mutex_unlock(lock);
    return status;
}

void pc_refused_tokens_put(pc_refused_tokens *tokens, pc_token_hash hash, uint64_t generation,
                           const pc_status *status, int64_t now_ns)
{
    /* That of which the time has not come may be good in a moment; lack of memory passes, too. */
    if (status->code != PC_CODE_UNAUTHENTICATED ||
        strcmp(pc_status_reason(status), "TOKEN_NOT_YET_VALID") == 0) {
        return;
    }
    pthread_mutex_t *lock;
    refused *place = lock_place(tokens, hash, &lock);
    *place = (refused){.hash = hash,
                       .generation = generation,
                       .until_ns = now_ns + KNOWN_S * second_ns,
                       .code = status->code,
                       .reason = pc_status_reason(status)};
    (void)snprintf(place->message, sizeof place->message, "%s", pc_status_message(status));
    pthread_mutex_unlock(lock);
}

/* ---- how many may be ------------------------------------------------------------------------- */

static atomic_uint_least64_t *good_place(pc_refused_tokens *tokens, uint64_t source)
{
    return &tokens->good_sources[source % GOOD_SOURCES];
}

pc_status pc_refused_tokens_take(pc_refused_tokens *tokens, uint64_t source, int64_t now_ns)
{
    int64_t wait_ns = pc_quotas_take(tokens->quotas, source, &tokens->own, now_ns);
    bool is_good = atomic_load_explicit(good_place(tokens, source), memory_order_relaxed) == source;
    if (wait_ns == 0 && is_good) {
        return PC_OK;
    }
    if (wait_ns == 0) {
        wait_ns = pc_quotas_take(tokens->quotas, ALL_SOURCES, &tokens->all, now_ns);
        if (wait_ns == 0) {
            return PC_OK;
        }
        pc_quotas_give_back(tokens->quotas, source);
    }
    return pc_status_with_retry(
        pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "TOKENS_REFUSED_TOO_OFTEN",
                      "too many bearer tokens from where this call comes from were refused; for a "
                      "moment only those are taken that were accepted before"),
        wait_ns / 1000000 + 1);
}

void pc_refused_tokens_give_back(pc_refused_tokens *tokens, uint64_t source)
{
    uint64_t before =
        atomic_exchange_explicit(good_place(tokens, source), source, memory_order_relaxed);
    pc_quotas_give_back(tokens->quotas, source);
    if (before != source) {
        pc_quotas_give_back(tokens->quotas, ALL_SOURCES);
    }
}
