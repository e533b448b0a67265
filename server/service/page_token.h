/* Page tokens (AIP-158): a cursor, sealed so that callers can neither read nor make one, and bound
 * to the query it came from. Servers that share a key understand each other's tokens.
 * Threads: any. */
#ifndef PC_SERVICE_PAGE_TOKEN_H
#define PC_SERVICE_PAGE_TOKEN_H

#include <stdint.h>

#include "util/arena.h"
#include "util/status.h"

enum { PC_QUERY_HASH_BYTES = 32, PC_CURSOR_BYTES_MAX = 2048 };

/* AES-256-GCM, with 96 random bits a token. */
typedef struct {
    uint8_t bytes[32];
} pc_page_token_key;

/* Derives a key from a secret of any length above 15 bytes. Errors: INVALID_ARGUMENT with reason
 * PAGE_TOKEN_KEY_TOO_SHORT. */
PC_NODISCARD pc_status pc_page_token_key_derive(pc_page_token_key *out, const void *secret,
                                                size_t size);

/* A random key, for a server by itself. Errors: INTERNAL when the system has no randomness. */
PC_NODISCARD pc_status pc_page_token_key_random(pc_page_token_key *out);

/* What a token is bound to: an order of texts and numbers. */
typedef struct {
    uint8_t bytes[PC_QUERY_HASH_BYTES];
} pc_query_hash;

/* Hashes `count` texts (NULL counts as absent), each with its length. Errors: RESOURCE_EXHAUSTED.
 */
PC_NODISCARD pc_status pc_query_hash_of(pc_query_hash *out, const char *const *texts, size_t count);

/* `*out` is a NUL-terminated text of letters, digits, `-` and `_` in the arena. `size` is at most
 * PC_CURSOR_BYTES_MAX. Errors: RESOURCE_EXHAUSTED, INTERNAL. */
PC_NODISCARD pc_status pc_page_token_seal(const char **out, pc_arena *arena,
                                          const pc_page_token_key *key, const pc_query_hash *query,
                                          const char *cursor, size_t size);

/* The cursor of a token, NUL-terminated in the arena. Errors: INVALID_ARGUMENT with a violation of
 * `page_token` for a token that is not ours or belongs to another query. */
PC_NODISCARD pc_status pc_page_token_open(const char **out, size_t *size_out, pc_arena *arena,
                                          const pc_page_token_key *key, const pc_query_hash *query,
                                          const char *token);

#endif
