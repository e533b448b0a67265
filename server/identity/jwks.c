/* Keys are built from their numbers with OpenSSL, which checks them. */
#include "identity/jwks.h"

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "identity/reading.h"
#include "util/base64url.h"

enum {
    RSA_BITS_MIN = 2048,
    RSA_BITS_MAX = 8192,
    NUMBER_BYTES_MAX = RSA_BITS_MAX / 8,
    EXPONENT_BYTES_MAX = 8,
    P256_BYTES = 32
};

/* Of an RSA key modulus and exponent, of a P-256 key x and y. */
typedef struct {
    uint8_t first[NUMBER_BYTES_MAX];
    uint8_t second[P256_BYTES];
    size_t first_size;
    size_t second_size;
} key_numbers;

typedef struct {
    char *id; /* NULL: none */
    pc_jwt_algorithm algorithm;
    EVP_PKEY *key;
} jwk;

struct pc_jwks {
    atomic_int references;
    size_t count;
    size_t passed_over;
    jwk keys[PC_JWKS_KEYS_MAX];
};

static pc_status invalid(const char *what)
{
    return pc_status_new(PC_CODE_FAILED_PRECONDITION, "JWKS_INVALID", "the key set %s", what);
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* A number of the key, in base64url. False when it is not there, not one, or too long. */
static bool read_number(uint8_t *out, size_t *size, size_t size_max, const json_t *from,
                        const char *name)
{
    const json_t *text = json_object_get(from, name);
    size_t length = json_string_length(text);
    return length > 0 && length <= PC_BASE64URL_LENGTH(size_max) &&
           pc_base64url_decode(out, size, json_string_value(text), length);
}

static EVP_PKEY *build(const char *type, OSSL_PARAM_BLD *parts)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(parts);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (parameters == NULL || context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1) {
        key = NULL;
    }
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    return key;
}

static bool read_rsa(key_numbers *out, const json_t *from)
{
    /* Leading zeros, which do not belong there, would make a short number look long. */
    return read_number(out->first, &out->first_size, sizeof out->first, from, "n") &&
           read_number(out->second, &out->second_size, EXPONENT_BYTES_MAX, from, "e") &&
           out->first_size >= RSA_BITS_MIN / 8 && out->first[0] >= 0x80 &&
           (out->first[out->first_size - 1] & 1) != 0 && out->second_size > 0 &&
           (out->second[out->second_size - 1] & 1) != 0 &&
           (out->second_size > 1 || out->second[0] > 1);
}

static EVP_PKEY *build_rsa(const key_numbers *numbers)
{
    EVP_PKEY *key = NULL;
    BIGNUM *n = BN_bin2bn(numbers->first, (int)numbers->first_size, NULL);
    BIGNUM *e = BN_bin2bn(numbers->second, (int)numbers->second_size, NULL);
    OSSL_PARAM_BLD *parts = OSSL_PARAM_BLD_new();
    if (n != NULL && e != NULL && parts != NULL &&
        OSSL_PARAM_BLD_push_BN(parts, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(parts, OSSL_PKEY_PARAM_RSA_E, e) == 1) {
        key = build("RSA", parts);
    }
    OSSL_PARAM_BLD_free(parts);
    BN_free(e);
    BN_free(n);
    return key;
}

static bool read_p256(key_numbers *out, const json_t *from)
{
    const char *curve = json_string_value(json_object_get(from, "crv"));
    return curve != NULL && strcmp(curve, "P-256") == 0 &&
           read_number(out->first, &out->first_size, P256_BYTES, from, "x") &&
           read_number(out->second, &out->second_size, P256_BYTES, from, "y") &&
           out->first_size == P256_BYTES && out->second_size == P256_BYTES;
}

static EVP_PKEY *build_p256(const key_numbers *numbers)
{
    uint8_t point[1 + 2 * P256_BYTES] = {POINT_CONVERSION_UNCOMPRESSED};
    memcpy(point + 1, numbers->first, P256_BYTES);
    memcpy(point + 1 + P256_BYTES, numbers->second, P256_BYTES);
    EVP_PKEY *key = NULL;
    OSSL_PARAM_BLD *parts = OSSL_PARAM_BLD_new();
    /* A point that is not on the curve is refused here. */
    if (parts != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(parts, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(parts, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) ==
            1) {
        key = build("EC", parts);
    }
    OSSL_PARAM_BLD_free(parts);
    return key;
}

/* ---- keys ------------------------------------------------------------------------------------ */

static bool says(const json_t *from, const char *name, const char *value)
{
    const char *text = json_string_value(json_object_get(from, name));
    return text != NULL && strcmp(text, value) == 0;
}

static bool says_nothing_but(const json_t *from, const char *name, const char *value)
{
    return json_object_get(from, name) == NULL || says(from, name, value);
}

static bool is_for_verifying(const json_t *from)
{
    const json_t *operations = json_object_get(from, "key_ops");
    bool listed = operations == NULL;
    for (size_t i = 0; i < json_array_size(operations); i++) {
        const char *operation = json_string_value(json_array_get(operations, i));
        listed = listed || (operation != NULL && strcmp(operation, "verify") == 0);
    }
    return listed && says_nothing_but(from, "use", "sig");
}

typedef enum { KEY_TAKEN, KEY_NOT_FOR_US, KEY_REFUSED, KEY_NO_MEMORY } key_outcome;

static key_outcome build_key(jwk *out, const json_t *from)
{
    key_numbers numbers;
    if (!is_for_verifying(from)) {
        return KEY_NOT_FOR_US;
    }
    if (says(from, "kty", "RSA") && says_nothing_but(from, "alg", "RS256")) {
        out->algorithm = PC_JWT_RS256;
        if (!read_rsa(&numbers, from)) {
            return KEY_NOT_FOR_US;
        }
        out->key = build_rsa(&numbers);
    } else if (says(from, "kty", "EC") && says_nothing_but(from, "alg", "ES256")) {
        out->algorithm = PC_JWT_ES256;
        if (!read_p256(&numbers, from)) {
            return KEY_NOT_FOR_US;
        }
        out->key = build_p256(&numbers);
    } else {
        return KEY_NOT_FOR_US;
    }
    bool no_memory = pc_openssl_lacked_memory();
    return out->key != NULL ? KEY_TAKEN : no_memory ? KEY_NO_MEMORY : KEY_REFUSED;
}

static key_outcome take_key(pc_jwks *set, const json_t *from)
{
    const json_t *id = json_object_get(from, "kid");
    const char *id_text = json_string_value(id);
    if (id != NULL && (id_text == NULL || json_string_length(id) > PC_JWK_ID_BYTES_MAX)) {
        return KEY_NOT_FOR_US;
    }
    jwk made = {.id = NULL};
    key_outcome outcome = build_key(&made, from);
    if (outcome != KEY_TAKEN) {
        return outcome;
    }
    /* Of two with one name the first counts: which of them is meant cannot be told. */
    if (id_text != NULL && pc_jwks_find(set, id_text, made.algorithm) != NULL) {
        EVP_PKEY_free(made.key);
        return KEY_NOT_FOR_US;
    }
    made.id = id_text == NULL ? NULL : strdup(id_text);
    if (id_text != NULL && made.id == NULL) {
        EVP_PKEY_free(made.key);
        return KEY_NO_MEMORY;
    }
    set->keys[set->count++] = made;
    return KEY_TAKEN;
}

static pc_status take_keys(pc_jwks *set, const json_t *root)
{
    const json_t *list = json_object_get(root, "keys");
    if (!json_is_array(list)) {
        return invalid("is no JSON object with an array \"keys\"");
    }
    if (json_array_size(list) > PC_JWKS_KEYS_MAX) {
        return pc_status_new(PC_CODE_FAILED_PRECONDITION, "JWKS_INVALID",
                             "the key set has more than %d keys", PC_JWKS_KEYS_MAX);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        switch (take_key(set, json_array_get(list, i))) {
        case KEY_TAKEN:
            break;
        case KEY_NOT_FOR_US:
            set->passed_over++;
            break;
        case KEY_REFUSED:
            return invalid("has a key that OpenSSL refuses");
        case KEY_NO_MEMORY:
            return pc_status_out_of_memory();
        }
    }
    return set->count > 0 ? PC_OK : invalid("has no key for RS256 (2048 bits or more) or ES256");
}

pc_status pc_jwks_parse(pc_jwks **out, const void *bytes, size_t size)
{
    *out = NULL;
    if (size > PC_JWKS_BYTES_MAX) {
        return invalid("is larger than 256 KiB");
    }
    pc_jwks *set = calloc(1, sizeof *set);
    if (set == NULL) {
        return pc_status_out_of_memory();
    }
    atomic_init(&set->references, 1);
    bool no_memory;
    json_t *root = pc_json_object_read(bytes, size, &no_memory);
    pc_status status = no_memory ? pc_status_out_of_memory() : take_keys(set, root);
    json_decref(root);
    if (!pc_status_ok(&status)) {
        pc_jwks_unref(set);
        return status;
    }
    *out = set;
    return PC_OK;
}

pc_jwks *pc_jwks_ref(pc_jwks *keys)
{
    atomic_fetch_add_explicit(&keys->references, 1, memory_order_relaxed);
    return keys;
}

void pc_jwks_unref(pc_jwks *keys)
{
    if (keys == NULL ||
        atomic_fetch_sub_explicit(&keys->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < keys->count; i++) {
        free(keys->keys[i].id);
        EVP_PKEY_free(keys->keys[i].key);
    }
    free(keys);
}

size_t pc_jwks_count(const pc_jwks *keys)
{
    return keys->count;
}

size_t pc_jwks_passed_over(const pc_jwks *keys)
{
    return keys->passed_over;
}

EVP_PKEY *pc_jwks_find(const pc_jwks *keys, const char *id, pc_jwt_algorithm algorithm)
{
    EVP_PKEY *found = NULL;
    for (size_t i = 0; i < keys->count; i++) {
        const jwk *at = &keys->keys[i];
        if (at->algorithm != algorithm) {
            continue;
        }
        if (id == NULL) {
            if (found != NULL) {
                return NULL;
            }
            found = at->key;
        } else if (at->id != NULL && strcmp(at->id, id) == 0) {
            return at->key;
        }
    }
    return found;
}
