/* Tokens that were verified before, so that the next call with one costs a hash instead of a
 * signature. Kept are a hash under a random key, who it is and until when; never the token.
 * Bounded: when there is no room the one that ends first makes some. Threads: any. */
#ifndef PC_IDENTITY_REMEMBERED_TOKENS_H
#define PC_IDENTITY_REMEMBERED_TOKENS_H

#include "identity/jwt.h"

typedef struct pc_remembered_tokens pc_remembered_tokens;

/* A token by its hash. */
typedef struct {
    uint64_t first;
    uint64_t last;
} pc_token_hash;

/* Room for about `count` tokens; 0 remembers none. Owned: pc_remembered_tokens_free. Errors:
 * RESOURCE_EXHAUSTED; INTERNAL with reason NO_RANDOMNESS. */
PC_NODISCARD pc_status pc_remembered_tokens_new(pc_remembered_tokens **out, size_t count);

pc_token_hash pc_remembered_tokens_hash(const pc_remembered_tokens *tokens, const char *token,
                                        size_t size);

/* Fills `*out` when the token was verified with this generation of keys and ends after `now_s`. */
bool pc_remembered_tokens_get(pc_remembered_tokens *tokens, pc_token_hash hash, uint64_t generation,
                              int64_t now_s, pc_jwt_caller *out);

/* Remembers a token, if there are any to be. */
void pc_remembered_tokens_put(pc_remembered_tokens *tokens, pc_token_hash hash, uint64_t generation,
                              const pc_jwt_caller *caller);

/* NULL is allowed. */
void pc_remembered_tokens_free(pc_remembered_tokens *tokens);

#endif
