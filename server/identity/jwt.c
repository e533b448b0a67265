/* In order: the three parts, the header, the signature, and only then the claims. */
#include "identity/jwt.h"

#include <jansson.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "identity/reading.h"
#include "util/base64url.h"

enum { P256_BYTES = 32, ES256_BYTES = 2 * P256_BYTES, ES256_DER_BYTES_MAX = 80 };

/* The texts between the points, and the signature as bytes. */
typedef struct {
    const char *header;
    size_t header_length;
    const char *payload;
    size_t payload_length;
    const char *signature;
    size_t signature_length;
} token_parts;

static pc_status refuse(const char *reason, const char *message)
{
    return pc_status_new(PC_CODE_UNAUTHENTICATED, reason, "%s", message);
}

static pc_status malformed(void)
{
    return refuse("TOKEN_MALFORMED", "the bearer token is no signed JSON Web Token");
}

bool pc_caller_name_valid(const char *name, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (name[i] <= 0x20 || name[i] > 0x7e) {
            return false;
        }
    }
    return size > 0 && size <= PC_CALLER_BYTES_MAX;
}

/* ---- parts ----------------------------------------------------------------------------------- */

static bool split(token_parts *out, const char *token, size_t size)
{
    const char *first = memchr(token, '.', size);
    if (first == NULL) {
        return false;
    }
    size_t left = size - (size_t)(first + 1 - token);
    const char *second = memchr(first + 1, '.', left);
    if (second == NULL) {
        return false;
    }
    *out = (token_parts){
        .header = token,
        .header_length = (size_t)(first - token),
        .payload = first + 1,
        .payload_length = (size_t)(second - first - 1),
        .signature = second + 1,
        .signature_length = size - (size_t)(second + 1 - token),
    };
    /* A third point is no digit, and is refused with the signature. */
    return out->header_length > 0 && out->payload_length > 0;
}

/* A part's JSON object. Owned: json_decref. */
static pc_status read_object(json_t **out, const char *text, size_t length)
{
    uint8_t bytes[PC_JWT_BYTES_MAX];
    size_t size;
    bool no_memory = false;
    *out = NULL;
    if (pc_base64url_decode(bytes, &size, text, length)) {
        *out = pc_json_object_read(bytes, size, &no_memory);
    }
    return *out != NULL ? PC_OK : no_memory ? pc_status_out_of_memory() : malformed();
}

/* ---- the header ------------------------------------------------------------------------------ */

/* Tokens for other purposes say so in their type; access tokens may have none. */
static bool is_type_of_ours(const json_t *header)
{
    const json_t *type = json_object_get(header, "typ");
    const char *text = json_string_value(type);
    if (text != NULL && strncasecmp(text, "application/", 12) == 0) {
        text += 12;
    }
    return type == NULL ||
           (text != NULL && (strcasecmp(text, "JWT") == 0 || strcasecmp(text, "at+jwt") == 0));
}

static pc_status find_key(EVP_PKEY **out, pc_jwt_algorithm *algorithm, const pc_jwks *keys,
                          const json_t *header)
{
    const char *name = json_string_value(json_object_get(header, "alg"));
    const json_t *id = json_object_get(header, "kid");
    if (name == NULL || !is_type_of_ours(header) || json_object_get(header, "crit") != NULL ||
        (id != NULL && !json_is_string(id))) {
        return malformed();
    }
    if (strcmp(name, "RS256") == 0) {
        *algorithm = PC_JWT_RS256;
    } else if (strcmp(name, "ES256") == 0) {
        *algorithm = PC_JWT_ES256;
    } else {
        return refuse("TOKEN_ALGORITHM_REFUSED",
                      "the bearer token must be signed with RS256 or ES256");
    }
    *out = pc_jwks_find(keys, json_string_value(id), *algorithm);
    return *out != NULL ? PC_OK
                        : refuse("TOKEN_KEY_UNKNOWN",
                                 "the bearer token is signed by a key that this server does not "
                                 "have");
}

/* ---- the signature --------------------------------------------------------------------------- */

/* From the two numbers one after the other to what OpenSSL takes. Its size, 0 when it cannot be. */
static size_t write_der(uint8_t *out, const uint8_t *raw)
{
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, P256_BYTES, NULL);
    BIGNUM *s = BN_bin2bn(raw + P256_BYTES, P256_BYTES, NULL);
    int size = 0;
    if (signature != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(signature, r, s) == 1) {
        r = NULL;
        s = NULL;
        size = i2d_ECDSA_SIG(signature, &out);
    }
    BN_free(s);
    BN_free(r);
    ECDSA_SIG_free(signature);
    return size > 0 ? (size_t)size : 0;
}

static pc_status verify_with(EVP_PKEY *key, pc_jwt_algorithm algorithm, const token_parts *parts,
                             const pc_jwt_gate *gate)
{
    static const char wrong[] = "the bearer token's signature is wrong";
    uint8_t bytes[PC_JWT_BYTES_MAX];
    uint8_t der[ES256_DER_BYTES_MAX];
    const uint8_t *signature = bytes;
    size_t size;
    if (!pc_base64url_decode(bytes, &size, parts->signature, parts->signature_length)) {
        return refuse("TOKEN_SIGNATURE_INVALID", wrong);
    }
    if (algorithm == PC_JWT_ES256) {
        size = size == ES256_BYTES ? write_der(der, bytes) : 0;
        signature = der;
    }
    if (size == 0) {
        return pc_openssl_lacked_memory() ? pc_status_out_of_memory()
                                          : refuse("TOKEN_SIGNATURE_INVALID", wrong);
    }
    pc_status status = gate == NULL ? PC_OK : gate->may_verify(gate->self);
    if (!pc_status_ok(&status)) {
        return status;
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t covered = (size_t)(parts->payload + parts->payload_length - parts->header);
    bool good =
        context != NULL && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
        EVP_DigestVerify(context, signature, size, (const uint8_t *)parts->header, covered) == 1;
    EVP_MD_CTX_free(context);
    bool no_memory = pc_openssl_lacked_memory() || context == NULL;
    return good        ? PC_OK
           : no_memory ? pc_status_out_of_memory()
                       : refuse("TOKEN_SIGNATURE_INVALID", wrong);
}

/* ---- the claims ------------------------------------------------------------------------------ */

/* A moment in seconds. False when it is there but no sensible number. */
static bool read_moment(int64_t *out, bool *is_there, const json_t *claims, const char *name)
{
    const json_t *value = json_object_get(claims, name);
    *is_there = value != NULL;
    *out = 0;
    if (json_is_integer(value)) {
        *out = json_integer_value(value);
    } else if (json_is_real(value)) {
        double real = json_real_value(value);
        if (!(real >= 0 && real < 1e15)) {
            return false;
        }
        *out = (int64_t)real;
    } else if (value != NULL) {
        return false;
    }
    return *out >= 0 && *out < INT64_C(1000000000000000);
}

static pc_status check_times(int64_t *until_s, const json_t *claims, int64_t skew_s, int64_t now_s)
{
    bool expires;
    bool begins;
    bool was_issued;
    int64_t begin_s;
    int64_t issued_s;
    if (!read_moment(until_s, &expires, claims, "exp") ||
        !read_moment(&begin_s, &begins, claims, "nbf") ||
        !read_moment(&issued_s, &was_issued, claims, "iat")) {
        return malformed();
    }
    if (!expires || now_s >= *until_s + skew_s) {
        return refuse("TOKEN_EXPIRED",
                      expires ? "the bearer token has expired" : "the bearer token has no expiry");
    }
    if ((begins && begin_s > now_s + skew_s) || (was_issued && issued_s > now_s + skew_s)) {
        return refuse("TOKEN_NOT_YET_VALID", "the bearer token is not valid yet");
    }
    return PC_OK;
}

static bool is_for(const json_t *audience, const pc_jwt_rules *rules)
{
    const char *text = json_string_value(audience);
    for (size_t i = 0; text != NULL && i < rules->audience_count; i++) {
        if (strcmp(text, rules->audiences[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_for_us(const json_t *audience, const pc_jwt_rules *rules)
{
    bool found = is_for(audience, rules);
    for (size_t i = 0; !found && i < json_array_size(audience); i++) {
        found = is_for(json_array_get(audience, i), rules);
    }
    return found;
}

static pc_status read_name(pc_jwt_caller *out, const json_t *claims, const pc_jwt_rules *rules)
{
    const json_t *claim = json_object_get(claims, rules->claim);
    size_t size = json_string_length(claim);
    size_t prefix_size = strlen(rules->prefix);
    if (size > PC_CALLER_BYTES_MAX || prefix_size + size > PC_CALLER_BYTES_MAX ||
        !pc_caller_name_valid(json_string_value(claim), size)) {
        return refuse("TOKEN_CALLER_INVALID", "the bearer token names no caller that can be used");
    }
    (void)snprintf(out->name, sizeof out->name, "%s%s", rules->prefix, json_string_value(claim));
    return PC_OK;
}

static pc_status check_claims(pc_jwt_caller *out, const json_t *claims, const pc_jwt_rules *rules,
                              int64_t now_s)
{
    pc_status status = check_times(&out->until_s, claims, rules->skew_s, now_s);
    if (!pc_status_ok(&status)) {
        return status;
    }
    const char *issuer = json_string_value(json_object_get(claims, "iss"));
    if (issuer == NULL || strcmp(issuer, rules->issuer) != 0) {
        return refuse("TOKEN_ISSUER_WRONG", "the bearer token is from another issuer");
    }
    if (!is_for_us(json_object_get(claims, "aud"), rules)) {
        return refuse("TOKEN_AUDIENCE_WRONG", "the bearer token is not for this server");
    }
    return read_name(out, claims, rules);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static pc_status check_signature(const token_parts *parts, const pc_jwks *keys,
                                 const pc_jwt_gate *gate)
{
    json_t *header;
    pc_status status = read_object(&header, parts->header, parts->header_length);
    if (!pc_status_ok(&status)) {
        return status;
    }
    EVP_PKEY *key = NULL;
    pc_jwt_algorithm algorithm = PC_JWT_RS256;
    status = find_key(&key, &algorithm, keys, header);
    json_decref(header);
    return pc_status_ok(&status) ? verify_with(key, algorithm, parts, gate) : status;
}

pc_status pc_jwt_verify(pc_jwt_caller *out, const char *token, size_t size, const pc_jwks *keys,
                        const pc_jwt_rules *rules, const pc_jwt_gate *gate, int64_t now_s)
{
    *out = (pc_jwt_caller){.until_s = 0};
    if (size > PC_JWT_BYTES_MAX) {
        return refuse("TOKEN_TOO_LARGE", "the bearer token has more than 8 KiB");
    }
    token_parts parts;
    if (!split(&parts, token, size)) {
        return malformed();
    }
    pc_status status = check_signature(&parts, keys, gate);
    if (!pc_status_ok(&status)) {
        return status;
    }
    json_t *claims;
    status = read_object(&claims, parts.payload, parts.payload_length);
    if (pc_status_ok(&status)) {
        status = check_claims(out, claims, rules, now_s);
    }
    json_decref(claims);
    return status;
}
