/* The forwarded name comes first, then the token, then the certificate. */
#include "identity/identity.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "identity/refused_tokens.h"
#include "identity/remembered_tokens.h"
#include "util/clock.h"
#include "util/peer_key.h"
#include "util/stripes.h"

enum { DIGEST_BYTES = 32, PEER_BYTES_MAX = 64 };

typedef struct {
    _Alignas(PC_STRIPE_ALIGNMENT) pc_counter remembered;
    pc_counter verified;
    pc_counter refused_again;
    pc_counter unverified;
    pc_counter refused;
} counts;

struct pc_identity {
    pc_identity_options options;
    pc_remembered_tokens *tokens;
    pc_refused_tokens *bad_tokens;
    counts *stripes;
    atomic_uint_least64_t generation; /* of the keys; 0: there are none yet */
    atomic_int_least64_t asked_ns;    /* when keys were asked for last; 0: never */

    pthread_mutex_t lock; /* guards: keys, digest, and the step of `generation` with them */
    pc_jwks *keys;
    uint8_t digest[DIGEST_BYTES]; /* of the bytes that they came in */
};

static pc_status refuse(const char *reason, const char *message)
{
    return pc_status_new(PC_CODE_UNAUTHENTICATED, reason, "%s", message);
}

static counts *own_counts(const pc_identity *identity)
{
    return &identity->stripes[pc_stripe()];
}

/* ---- keys ------------------------------------------------------------------------------------ */

pc_status pc_identity_set_keys(pc_identity *identity, const void *bytes, size_t size)
{
    pc_jwks *fresh = NULL;
    pc_status status = pc_jwks_parse(&fresh, bytes, size);
    if (!pc_status_ok(&status)) {
        return status;
    }
    uint8_t digest[DIGEST_BYTES] = {0};
    bool digested = EVP_Digest(bytes, size, digest, NULL, EVP_sha256(), NULL) == 1;
    pthread_mutex_lock(&identity->lock);
    pc_jwks *old = fresh;
    /* The same keys again forget no tokens. */
    if (!digested || identity->keys == NULL ||
        memcmp(digest, identity->digest, DIGEST_BYTES) != 0) {
        old = identity->keys;
        identity->keys = fresh;
        memcpy(identity->digest, digest, DIGEST_BYTES);
        atomic_fetch_add(&identity->generation, 1);
    }
    pthread_mutex_unlock(&identity->lock);
    pc_jwks_unref(old);
    return PC_OK;
}

/* The present keys and their generation; NULL when there are none. Owned: pc_jwks_unref. */
static pc_jwks *take_keys(pc_identity *identity, uint64_t *generation)
{
    pthread_mutex_lock(&identity->lock);
    pc_jwks *keys = identity->keys == NULL ? NULL : pc_jwks_ref(identity->keys);
    *generation = atomic_load(&identity->generation);
    pthread_mutex_unlock(&identity->lock);
    return keys;
}

static void ask_for_keys(pc_identity *identity)
{
    int64_t now_ns = pc_clock_now_ns();
    int64_t asked_ns = atomic_load(&identity->asked_ns);
    bool is_time =
        asked_ns == 0 || now_ns >= pc_clock_after_ms(asked_ns, identity->options.ask_gap_ms);
    if (is_time && identity->options.ask_for_keys != NULL &&
        atomic_compare_exchange_strong(&identity->asked_ns, &asked_ns, now_ns)) {
        identity->options.ask_for_keys(identity->options.self);
    }
}

/* ---- tokens ---------------------------------------------------------------------------------- */

/* Where a call comes from: the connection's certificate, else its address. */
static uint64_t source_of(pc_call *call)
{
    char peer[PEER_BYTES_MAX];
    if (pc_call_caller(call)[0] != '\0') {
        return pc_call_caller_key(call) + 1;
    }
    pc_call_peer(peer, sizeof peer, call);
    return pc_peer_key(peer);
}

typedef struct {
    pc_identity *identity;
    uint64_t source;
} verification;

static pc_status may_verify(void *self)
{
    const verification *own = self;
    pc_identity *identity = own->identity;
    pc_status status = pc_refused_tokens_take(identity->bad_tokens, own->source, pc_clock_now_ns());
    if (!pc_status_ok(&status)) {
        pc_counter_add(&own_counts(identity)->unverified, pc_stripe(), 1);
    }
    return status;
}

static pc_status verify(pc_identity *identity, pc_jwt_caller *out, const char *token, size_t size,
                        const pc_jwks *keys, uint64_t source)
{
    verification own = {identity, source};
    const pc_jwt_gate gate = {may_verify, &own};
    pc_status status = pc_jwt_verify(out, token, size, keys, &identity->options.rules, &gate,
                                     pc_clock_wall_ms() / 1000);
    if (pc_status_ok(&status)) {
        pc_counter_add(&own_counts(identity)->verified, pc_stripe(), 1);
        pc_refused_tokens_give_back(identity->bad_tokens, source);
    }
    return status;
}

/* Of a token that is not remembered. */
static pc_status judge(pc_identity *identity, pc_jwt_caller *out, const char *token, size_t size,
                       pc_token_hash hash, pc_call *call)
{
    uint64_t generation;
    pc_jwks *keys = take_keys(identity, &generation);
    if (keys == NULL) {
        ask_for_keys(identity);
        return pc_status_with_retry(
            pc_status_new(PC_CODE_UNAVAILABLE, "IDENTITY_KEYS_MISSING",
                          "the keys that tokens are verified with could not be had yet"),
            identity->options.ask_gap_ms);
    }
    int64_t now_ns = pc_clock_now_ns();
    pc_status status = pc_refused_tokens_get(identity->bad_tokens, hash, generation, now_ns);
    if (!pc_status_ok(&status)) {
        pc_counter_add(&own_counts(identity)->refused_again, pc_stripe(), 1);
    } else {
        status = verify(identity, out, token, size, keys, source_of(call));
        if (pc_status_ok(&status)) {
            pc_remembered_tokens_put(identity->tokens, hash, generation, out);
        } else {
            pc_refused_tokens_put(identity->bad_tokens, hash, generation, &status, now_ns);
        }
    }
    pc_jwks_unref(keys);
    if (!pc_status_ok(&status) && strcmp(pc_status_reason(&status), "TOKEN_KEY_UNKNOWN") == 0) {
        ask_for_keys(identity);
    }
    return status;
}

/* Sets the caller to whom the token names. */
static pc_status name_by_token(pc_identity *identity, pc_call *call, const char *header,
                               size_t header_size)
{
    static const char scheme[] = "Bearer ";
    const size_t scheme_size = sizeof scheme - 1;
    if (header_size <= scheme_size || strncasecmp(header, scheme, scheme_size) != 0) {
        return refuse("TOKEN_MALFORMED", "the authorization header must be \"Bearer\" and a token");
    }
    const char *token = header + scheme_size;
    size_t size = header_size - scheme_size;
    if (size > PC_JWT_BYTES_MAX) {
        return refuse("TOKEN_TOO_LARGE", "the bearer token has more than 8 KiB");
    }
    pc_jwt_caller caller;
    int64_t now_s = pc_clock_wall_ms() / 1000;
    pc_token_hash hash = pc_remembered_tokens_hash(identity->tokens, token, size);
    if (pc_remembered_tokens_get(identity->tokens, hash, atomic_load(&identity->generation), now_s,
                                 &caller)) {
        pc_counter_add(&own_counts(identity)->remembered, pc_stripe(), 1);
    } else {
        pc_status status = judge(identity, &caller, token, size, hash, call);
        if (!pc_status_ok(&status)) {
            return status;
        }
    }
    const char *name = pc_arena_strndup(pc_call_arena(call), caller.name, strlen(caller.name));
    if (name == NULL) {
        return pc_status_out_of_memory();
    }
    pc_call_name_caller(call, name);
    return PC_OK;
}

/* ---- forwarded names ------------------------------------------------------------------------- */

static bool is_proxy(const pc_identity *identity, pc_call *call)
{
    const pc_identity_options *options = &identity->options;
    if (options->trust_unix_socket && pc_call_over_unix_socket(call)) {
        return true;
    }
    const char *certified = pc_call_caller(call);
    for (size_t i = 0; i < options->proxy_count; i++) {
        if (strcmp(options->proxies[i], certified) == 0) {
            return true;
        }
    }
    return false;
}

static pc_status name_by_proxy(const pc_identity *identity, pc_call *call, const char *name,
                               size_t size, size_t count)
{
    if (!is_proxy(identity, call)) {
        return refuse("FORWARDED_UNTRUSTED",
                      "only a proxy that this server knows may say who calls");
    }
    if (count > 1) {
        return refuse("FORWARDED_DUPLICATE", "more than one header says who calls");
    }
    if (!pc_caller_name_valid(name, size)) {
        return refuse("FORWARDED_INVALID",
                      "the forwarded name of the caller must be 1 to 200 printable ASCII "
                      "characters without spaces");
    }
    const char *copy = pc_arena_strndup(pc_call_arena(call), name, size);
    if (copy == NULL) {
        return pc_status_out_of_memory();
    }
    pc_call_name_caller(call, copy);
    return PC_OK;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static pc_status check_certificate(pc_call *call)
{
    return pc_call_caller(call)[0] != '\0'
               ? PC_OK
               : refuse("CERTIFICATE_MISSING", "the connection has no certificate that names the "
                                               "caller");
}

static pc_status name_by_mode(pc_identity *identity, pc_call *call)
{
    pc_identity_mode mode = identity->options.mode;
    if (mode == PC_IDENTITY_NONE) {
        return PC_OK;
    }
    if (mode == PC_IDENTITY_FORWARDED) {
        return refuse("FORWARDED_MISSING", "calls must come through a proxy that says who calls");
    }
    if (mode == PC_IDENTITY_CERTIFICATE) {
        return check_certificate(call);
    }
    const char *header = NULL;
    size_t size = 0;
    size_t count = pc_call_headers_named(call, "authorization", &header, &size);
    if (count > 1) {
        return refuse("TOKEN_DUPLICATE", "there is more than one authorization header");
    }
    if (count == 0) {
        return mode == PC_IDENTITY_CERTIFICATE_OR_TOKEN
                   ? check_certificate(call)
                   : refuse("TOKEN_MISSING", "the call needs a bearer token in its authorization "
                                             "header");
    }
    if (mode == PC_IDENTITY_CERTIFICATE_AND_TOKEN) {
        pc_status status = check_certificate(call);
        if (!pc_status_ok(&status)) {
            return status;
        }
    }
    return name_by_token(identity, call, header, size);
}

static bool is_open(const pc_identity *identity, size_t method)
{
    return method < 64 && (identity->options.open_methods >> method & 1) != 0;
}

pc_status pc_identity_admit(pc_identity *identity, pc_call *call, size_t method)
{
    const char *forwarded = NULL;
    size_t size = 0;
    size_t count = 0;
    if (identity->options.forwarded_header != NULL) {
        count = pc_call_headers_named(call, identity->options.forwarded_header, &forwarded, &size);
    }
    pc_status status = count > 0 ? name_by_proxy(identity, call, forwarded, size, count)
                       : is_open(identity, method) ? PC_OK
                                                   : name_by_mode(identity, call);
    if (!pc_status_ok(&status)) {
        pc_counter_add(&own_counts(identity)->refused, pc_stripe(), 1);
    }
    return status;
}

void pc_identity_read(const pc_identity *identity, pc_identity_figures *out)
{
    *out = (pc_identity_figures){.remembered = 0};
    for (size_t i = 0; i < PC_STRIPES; i++) {
        out->remembered += pc_counter_read(&identity->stripes[i].remembered);
        out->verified += pc_counter_read(&identity->stripes[i].verified);
        out->refused_again += pc_counter_read(&identity->stripes[i].refused_again);
        out->unverified += pc_counter_read(&identity->stripes[i].unverified);
        out->refused += pc_counter_read(&identity->stripes[i].refused);
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

pc_status pc_identity_new(pc_identity **out, const pc_identity_options *options)
{
    *out = NULL;
    pc_identity *identity = calloc(1, sizeof *identity);
    if (identity == NULL) {
        return pc_status_out_of_memory();
    }
    identity->options = *options;
    pthread_mutex_init(&identity->lock, NULL);
    identity->stripes = pc_stripes_new(sizeof *identity->stripes);
    pc_status status =
        identity->stripes == NULL
            ? pc_status_out_of_memory()
            : pc_remembered_tokens_new(&identity->tokens, options->remembered_tokens);
    if (pc_status_ok(&status)) {
        status = pc_refused_tokens_new(&identity->bad_tokens, options->refused_token_rate);
    }
    if (!pc_status_ok(&status)) {
        pc_identity_free(identity);
        return status;
    }
    *out = identity;
    return PC_OK;
}

void pc_identity_free(pc_identity *identity)
{
    if (identity == NULL) {
        return;
    }
    pc_jwks_unref(identity->keys);
    pc_remembered_tokens_free(identity->tokens);
    pc_refused_tokens_free(identity->bad_tokens);
    free(identity->stripes);
    pthread_mutex_destroy(&identity->lock);
    free(identity);
}
