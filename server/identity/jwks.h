/* The keys that tokens are verified with: a JWK Set (RFC 7517), of which those are taken that can
 * verify RS256 or ES256. Immutable and reference-counted, so that a set can be replaced while
 * tokens are verified with it.
 * Threads: any. */
#ifndef PC_IDENTITY_JWKS_H
#define PC_IDENTITY_JWKS_H

#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

#include "util/status.h"

enum { PC_JWKS_BYTES_MAX = 256 * 1024, PC_JWKS_KEYS_MAX = 64, PC_JWK_ID_BYTES_MAX = 256 };

typedef enum { PC_JWT_RS256, PC_JWT_ES256 } pc_jwt_algorithm;

typedef struct pc_jwks pc_jwks;

/* Reads a set. Keys of other kinds, for other uses, of fewer than 2048 bits (RSA) or without their
 * numbers are passed over: others may need them. Owned: pc_jwks_unref. Errors: FAILED_PRECONDITION
 * with reason JWKS_INVALID when it is no set, is too large, has a key that OpenSSL refuses, or none
 * that can be used; RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_jwks_parse(pc_jwks **out, const void *bytes, size_t size);

pc_jwks *pc_jwks_ref(pc_jwks *keys);
void pc_jwks_unref(pc_jwks *keys); /* NULL is allowed */

/* How many keys can be used, and how many were passed over. */
size_t pc_jwks_count(const pc_jwks *keys);
size_t pc_jwks_passed_over(const pc_jwks *keys);

/* The key of an id for an algorithm; without an id (NULL) the only one for the algorithm. NULL when
 * there is none. Borrowed until the set's reference is given back. */
EVP_PKEY *pc_jwks_find(const pc_jwks *keys, const char *id, pc_jwt_algorithm algorithm);

#endif
