/* Keys are built from their numbers with OpenSSL, which checks them. */
#include "identity/jwks.h"

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "util/base64url.h"

enum {
    RSA_BITS_MIN = 2048,
    RSA_BITS_MAX = 8192,
    NUMBER_BYTES_MAX = RSA_BITS_MAX / 8,
    EXPONENT_BYTES_MAX = 8,
    P256_BYTES = 32
};

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

static EVP_PKEY *build_rsa(const json_t *from)
{
    uint8_t modulus[NUMBER_BYTES_MAX];
    uint8_t exponent[EXPONENT_BYTES_MAX];
    size_t modulus_size;
    size_t exponent_size;
    if (!read_number(modulus, &modulus_size, sizeof modulus, from, "n") ||
        !read_number(exponent, &exponent_size, sizeof exponent, from, "e")) {
        return NULL;
    }
    EVP_PKEY *key = NULL;
    BIGNUM *n = BN_bin2bn(modulus, (int)modulus_size, NULL);
    BIGNUM *e = BN_bin2bn(exponent, (int)exponent_size, NULL);
    OSSL_PARAM_BLD *parts = OSSL_PARAM_BLD_new();
    if (n != NULL && e != NULL && parts != NULL && BN_num_bits(n) >= RSA_BITS_MIN && BN_is_odd(n) &&
        BN_is_odd(e) && !BN_is_one(e) &&
        OSSL_PARAM_BLD_push_BN(parts, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(parts, OSSL_PKEY_PARAM_RSA_E, e) == 1) {
        key = build("RSA", parts);
    }
    OSSL_PARAM_BLD_free(parts);
    BN_free(e);
    BN_free(n);
    return key;
}

static EVP_PKEY *build_p256(const json_t *from)
{
    uint8_t point[1 + 2 * P256_BYTES] = {POINT_CONVERSION_UNCOMPRESSED};
    size_t x_size;
    size_t y_size;
    const char *curve = json_string_value(json_object_get(from, "crv"));
    if (curve == NULL || strcmp(curve, "P-256") != 0 ||
        !read_number(point + 1, &x_size, P256_BYTES, from, "x") ||
        !read_number(point + 1 + P256_BYTES, &y_size, P256_BYTES, from, "y") ||
        x_size != P256_BYTES || y_size != P256_BYTES) {
        return NULL;
    }
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

/* NULL for a key that is not for us. */
static EVP_PKEY *build_key(pc_jwt_algorithm *algorithm, const json_t *from)
{
    if (!is_for_verifying(from)) {
        return NULL;
    }
    if (says(from, "kty", "RSA") && says_nothing_but(from, "alg", "RS256")) {
        *algorithm = PC_JWT_RS256;
        return build_rsa(from);
    }
    if (says(from, "kty", "EC") && says_nothing_but(from, "alg", "ES256")) {
        *algorithm = PC_JWT_ES256;
        return build_p256(from);
    }
    return NULL;
}

/* False on lack of memory only. */
static bool take_key(pc_jwks *set, const json_t *from)
{
    const json_t *id = json_object_get(from, "kid");
    const char *id_text = json_string_value(id);
    pc_jwt_algorithm algorithm = PC_JWT_RS256;
    EVP_PKEY *key = NULL;
    bool named_well =
        id == NULL || (id_text != NULL && json_string_length(id) <= PC_JWK_ID_BYTES_MAX);
    if (named_well) {
        key = build_key(&algorithm, from);
    }
    ERR_clear_error();
    /* Of two with one name the first counts: which of them is meant cannot be told. */
    if (key == NULL || (id_text != NULL && pc_jwks_find(set, id_text, algorithm) != NULL)) {
        EVP_PKEY_free(key);
        set->passed_over++;
        return true;
    }
    jwk *added = &set->keys[set->count];
    added->id = id_text == NULL ? NULL : strdup(id_text);
    if (id_text != NULL && added->id == NULL) {
        EVP_PKEY_free(key);
        return false;
    }
    added->key = key;
    added->algorithm = algorithm;
    set->count++;
    return true;
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
        if (!take_key(set, json_array_get(list, i))) {
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
    json_t *root = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, NULL);
    pc_status status = take_keys(set, root);
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
