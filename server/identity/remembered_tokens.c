/* A table of small buckets, of which each is one cache line or two of hashes away; a lock guards a
 * part of them, for as long as a name is copied. */
#include "identity/remembered_tokens.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "util/siphash.h"

enum { LOCKS = 64, PER_BUCKET = 4, BUCKETS_MAX = 1 << 18 };

typedef struct {
    pc_token_hash hash;
    uint64_t generation; /* of the keys; 0: empty */
    pc_jwt_caller caller;
} remembered;

struct pc_remembered_tokens {
    uint8_t key[PC_SIPHASH_KEY_BYTES];
    size_t bucket_count;          /* a power of two, or 0 */
    remembered *entries;          /* PER_BUCKET for each bucket */
    pthread_mutex_t locks[LOCKS]; /* guards: each the buckets of its remainder */
};

pc_status pc_remembered_tokens_new(pc_remembered_tokens **out, size_t count)
{
    *out = NULL;
    pc_remembered_tokens *tokens = calloc(1, sizeof *tokens);
    if (tokens == NULL) {
        return pc_status_out_of_memory();
    }
    if (RAND_bytes(tokens->key, sizeof tokens->key) != 1) {
        free(tokens);
        return pc_status_new(PC_CODE_INTERNAL, "NO_RANDOMNESS", "the system gives no random bytes");
    }
    while (count > 0 && tokens->bucket_count * PER_BUCKET < count &&
           tokens->bucket_count < BUCKETS_MAX) {
        tokens->bucket_count = tokens->bucket_count == 0 ? 1 : tokens->bucket_count * 2;
    }
    if (tokens->bucket_count > 0) {
        tokens->entries = calloc(tokens->bucket_count * PER_BUCKET, sizeof *tokens->entries);
        if (tokens->entries == NULL) {
            free(tokens);
            return pc_status_out_of_memory();
        }
    }
    for (size_t i = 0; i < LOCKS; i++) {
        pthread_mutex_init(&tokens->locks[i], NULL);
    }
    *out = tokens;
    return PC_OK;
}

void pc_remembered_tokens_free(pc_remembered_tokens *tokens)
{
    if (tokens == NULL) {
        return;
    }
    for (size_t i = 0; i < LOCKS; i++) {
        pthread_mutex_destroy(&tokens->locks[i]);
    }
    free(tokens->entries);
    free(tokens);
}

pc_token_hash pc_remembered_tokens_hash(const pc_remembered_tokens *tokens, const char *token,
                                        size_t size)
{
    pc_siphash state;
    pc_token_hash hash;
    pc_siphash_init(&state, tokens->key);
    pc_siphash_add(&state, token, size);
    pc_siphash_end(&state, &hash.first, &hash.last);
    return hash;
}

static bool is_same(pc_token_hash a, pc_token_hash b)
{
    return a.first == b.first && a.last == b.last;
}

bool pc_remembered_tokens_get(pc_remembered_tokens *tokens, pc_token_hash hash, uint64_t generation,
                              int64_t now_s, pc_jwt_caller *out)
{
    if (tokens->bucket_count == 0) {
        return false;
    }
    size_t bucket = hash.first & (tokens->bucket_count - 1);
    const remembered *entries = &tokens->entries[bucket * PER_BUCKET];
    pthread_mutex_t *lock = &tokens->locks[bucket % LOCKS];
    bool found = false;
    pthread_mutex_lock(lock);
    for (size_t i = 0; i < PER_BUCKET && !found; i++) {
        found = entries[i].generation == generation && is_same(entries[i].hash, hash) &&
                now_s < entries[i].caller.until_s;
        if (found) {
            *out = entries[i].caller;
        }
    }
    pthread_mutex_unlock(lock);
    return found;
}

void pc_remembered_tokens_put(pc_remembered_tokens *tokens, pc_token_hash hash, uint64_t generation,
                              const pc_jwt_caller *caller)
{
    if (tokens->bucket_count == 0) {
        return;
    }
    size_t bucket = hash.first & (tokens->bucket_count - 1);
    remembered *entries = &tokens->entries[bucket * PER_BUCKET];
    pthread_mutex_t *lock = &tokens->locks[bucket % LOCKS];
    pthread_mutex_lock(lock);
    remembered *place = &entries[0];
    for (size_t i = 0; i < PER_BUCKET; i++) {
        remembered *at = &entries[i];
        if (is_same(at->hash, hash)) {
            place = at;
            break;
        }
        /* What keys of before have verified is of no use any more. */
        if ((at->generation != generation && place->generation == generation) ||
            (at->generation == place->generation && at->caller.until_s < place->caller.until_s)) {
            place = at;
        }
    }
    *place = (remembered){hash, generation, *caller};
    pthread_mutex_unlock(lock);
}
