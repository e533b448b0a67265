/* JSON Web Tokens (RFC 7519) as RFC 8725 wants them read: signed with RS256 or ES256 and nothing
 * else, by a key that we hold, for us, from the one issuer, within its time.
 *
 * No text of a failure has anything of the token in it. Reasons, all UNAUTHENTICATED:
 *   TOKEN_TOO_LARGE          more than 8 KiB
 *   TOKEN_MALFORMED          no signed token of three parts, or one that wants what we do not do
 *   TOKEN_ALGORITHM_REFUSED  signed with another algorithm, or not at all
 *   TOKEN_KEY_UNKNOWN        by a key that is not in the set
 *   TOKEN_SIGNATURE_INVALID
 *   TOKEN_EXPIRED            or without an expiry
 *   TOKEN_NOT_YET_VALID
 *   TOKEN_ISSUER_WRONG
 *   TOKEN_AUDIENCE_WRONG
 *   TOKEN_CALLER_INVALID     its claim names no caller, or not in printable ASCII without spaces
 * Threads: pure. */
#ifndef PC_IDENTITY_JWT_H
#define PC_IDENTITY_JWT_H

#include "identity/jwks.h"

enum { PC_JWT_BYTES_MAX = 8 * 1024, PC_CALLER_BYTES_MAX = 200 };

/* What a token must say. Borrowed. */
typedef struct {
    const char *issuer;
    const char *const *audiences; /* any of them */
    size_t audience_count;
    const char *claim;  /* that names the caller */
    const char *prefix; /* put before the name */
    int64_t skew_s;     /* how far clocks may differ */
} pc_jwt_rules;

/* Who the token stands for, and until when (seconds since 1970, without the skew). */
typedef struct {
    char name[PC_CALLER_BYTES_MAX + 1];
    int64_t until_s;
} pc_jwt_caller;

/* Says whether a signature may be verified, which is what costs. */
typedef struct {
    pc_status (*may_verify)(void *self);
    void *self;
} pc_jwt_gate;

/* Verifies a token at the time `now_s`. What is refused before its signature is looked at does not
 * pass the gate, which may be NULL. Errors: as above; those of the gate; RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_jwt_verify(pc_jwt_caller *out, const char *token, size_t size,
                                     const pc_jwks *keys, const pc_jwt_rules *rules,
                                     const pc_jwt_gate *gate, int64_t now_s);

/* Whether a text can be a caller's name: 1 to PC_CALLER_BYTES_MAX characters of printable ASCII
 * without spaces. */
bool pc_caller_name_valid(const char *name, size_t size);

#endif
