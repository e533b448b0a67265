/* Keys of the cache: 128 bits of SipHash over what an answer depends on, under a random key of this
 * process. So nobody can choose ids that collide, and no id is kept in memory beside its data.
 * Two different persons have the same key with a probability of 2^-96 (the index compares so much).
 * Threads: any. */
#ifndef PC_CONTEXT_CACHE_KEY_H
#define PC_CONTEXT_CACHE_KEY_H

#include <stdint.h>

#include "context/source.h"

typedef struct {
    uint64_t high;
    uint64_t low;
} pc_cache_key;

typedef struct pc_cache_keys pc_cache_keys;

/* `scope` is what all keys of the process share, such as the organisation. Owned:
 * pc_cache_keys_free. Errors: INTERNAL NO_RANDOMNESS (OpenSSL has failed); RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_cache_keys_new(pc_cache_keys **out, const char *scope);

/* Wipes the secret. NULL is allowed. */
void pc_cache_keys_free(pc_cache_keys *keys);

/* The key of a person in a sandbox under a merge policy. A namespace's case does not matter, as it
 * does not to the upstream; an id's does. */
pc_cache_key pc_cache_key_of(const pc_cache_keys *keys, const pc_person *person);

/* The key of any texts; NULL differs from "". `domain` keeps uses apart. */
pc_cache_key pc_cache_key_of_texts(const pc_cache_keys *keys, const char *domain,
                                   const char *const *texts, size_t count);

#endif
