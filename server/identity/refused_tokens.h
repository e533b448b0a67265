/* Keeps what bad tokens cost within bounds, since whoever reaches the port can send them, each for
 * the price of a signature's verification. A token that was refused of late is refused again
 * without one. And where new ones come from that are all refused, a source may have only so many of
 * them verified in a second, and all sources together that had no good one of late some more; the
 * rest is told to come again. Tokens that were verified before are not concerned, nor are those
 * that are refused for less than a signature.
 *
 * A verification takes 12 us with RSA of 2048 bits, 48 with 4096 and 42 with P-256 (`openssl speed`
 * 3.0 on an AMD EPYC): at the default rate all bad tokens together cost a tenth of a core at most;
 * with RSA of 8192 bits four times as much.
 *
 * Kept are hashes (remembered_tokens.h); memory is fixed. Threads: any. */
#ifndef PC_IDENTITY_REFUSED_TOKENS_H
#define PC_IDENTITY_REFUSED_TOKENS_H

#include "identity/remembered_tokens.h"
#include "util/status.h"

typedef struct pc_refused_tokens pc_refused_tokens;

/* `rate` is how many tokens of a source may be verified in vain in a second, ten times as many at
 * once; 100 times as many of all. 0: no bound. Owned: pc_refused_tokens_free. Errors:
 * RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_refused_tokens_new(pc_refused_tokens **out, double rate);

/* The failure of a token that was refused with this generation of keys, or OK when nothing is known
 * of it. */
PC_NODISCARD pc_status pc_refused_tokens_get(pc_refused_tokens *tokens, pc_token_hash hash,
                                             uint64_t generation, int64_t now_ns);

/* Whether a token of this source (not 0 or 1) may be verified: it is counted as one in vain until
 * pc_refused_tokens_give_back says otherwise. Errors: RESOURCE_EXHAUSTED with reason
 * TOKENS_REFUSED_TOO_OFTEN. */
PC_NODISCARD pc_status pc_refused_tokens_take(pc_refused_tokens *tokens, uint64_t source,
                                              int64_t now_ns);

/* It was a good one. */
void pc_refused_tokens_give_back(pc_refused_tokens *tokens, uint64_t source);

/* Remembers that it was refused, for a minute, when another time it would be, too. */
void pc_refused_tokens_put(pc_refused_tokens *tokens, pc_token_hash hash, uint64_t generation,
                           const pc_status *status, int64_t now_ns);

/* NULL is allowed. */
void pc_refused_tokens_free(pc_refused_tokens *tokens);

#endif
