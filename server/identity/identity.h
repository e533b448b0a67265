/* Who calls. One object holds the ways in which callers can be named, and names the caller of each
 * call, or refuses it:
 *   the certificate of the connection: its first SPIFFE URI, else DNS name, else common name;
 *   a JSON Web Token in the `authorization` header (jwt.h), verified with keys that can be replaced
 *   at any time;
 *   a header set by a proxy, which is believed of a proxy only: one that came over the UNIX socket,
 *   where that is allowed, or whose certificate names one that is listed. From anyone else the
 *   header is refused, not passed over: who sends it is mistaken or lies.
 *
 * Reasons of refusals, all UNAUTHENTICATED, besides those of jwt.h:
 *   CERTIFICATE_MISSING    or one that names nobody
 *   TOKEN_MISSING
 *   TOKEN_DUPLICATE        more than one `authorization` header
 *   FORWARDED_UNTRUSTED    the forwarded name does not come from a proxy
 *   FORWARDED_DUPLICATE
 *   FORWARDED_INVALID      a name with characters that are not allowed, or too long
 *   FORWARDED_MISSING
 * UNAVAILABLE IDENTITY_KEYS_MISSING while there are no keys yet, and RESOURCE_EXHAUSTED
 * TOKENS_REFUSED_TOO_OFTEN (refused_tokens.h).
 *
 * Threads: pc_identity_admit any, never blocks; pc_identity_set_keys one at a time, any. */
#ifndef PC_IDENTITY_IDENTITY_H
#define PC_IDENTITY_IDENTITY_H

#include "identity/jwt.h"
#include "rpc/call.h"

typedef struct pc_identity pc_identity;

/* The numbers are the places of identity.mode's choices, less one. */
typedef enum {
    PC_IDENTITY_NONE, /* nobody need be named */
    PC_IDENTITY_CERTIFICATE,
    PC_IDENTITY_TOKEN,
    PC_IDENTITY_CERTIFICATE_AND_TOKEN, /* the token names the caller */
    PC_IDENTITY_CERTIFICATE_OR_TOKEN,  /* the token, where there is one */
    PC_IDENTITY_FORWARDED              /* proxies only */
} pc_identity_mode;

/* Texts are borrowed for the life of the identity. */
typedef struct {
    pc_identity_mode mode;
    pc_jwt_rules rules;
    size_t remembered_tokens;     /* room for so many; 0 verifies each anew */
    double refused_token_rate;    /* that are verified in vain; see refused_tokens.h */
    const char *forwarded_header; /* lower-case; NULL: no proxy is believed */
    const char *const *proxies;   /* names in certificates */
    size_t proxy_count;
    bool trust_unix_socket;
    uint64_t open_methods; /* a bit for each method (pc_call_figures) that anyone may call */
    /* Called when a token is signed by an unknown key, at most once in `ask_gap_ms`: there may be
     * new keys. Any thread; must not block. */
    void (*ask_for_keys)(void *self);
    void *self;
    int64_t ask_gap_ms;
} pc_identity_options;

typedef struct {
    uint64_t remembered; /* tokens that were known */
    uint64_t verified;
    uint64_t refused_again; /* tokens that were known to be bad */
    uint64_t unverified;    /* refused since there were too many bad ones */
    uint64_t refused;       /* calls, for whatever reason */
} pc_identity_figures;

/* Owned: pc_identity_free. Errors: RESOURCE_EXHAUSTED; INTERNAL with reason NO_RANDOMNESS. */
PC_NODISCARD pc_status pc_identity_new(pc_identity **out, const pc_identity_options *options);

/* Replaces the keys, a JWK Set; tokens of keys that are gone count no more. Errors: those of
 * pc_jwks_parse, and then the old keys stay. */
PC_NODISCARD pc_status pc_identity_set_keys(pc_identity *identity, const void *bytes, size_t size);

/* Names the caller of a call. Errors: see above. */
PC_NODISCARD pc_status pc_identity_admit(pc_identity *identity, pc_call *call, size_t method);

/* Any thread. */
void pc_identity_read(const pc_identity *identity, pc_identity_figures *out);

/* NULL is allowed. */
void pc_identity_free(pc_identity *identity);

#endif
