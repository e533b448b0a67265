#include "signing.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/base64url.h"

enum { NUMBER_BYTES_MAX = 1024, P256_BYTES = 32 };

static void need(int good)
{
    if (!good) {
        abort();
    }
}

EVP_PKEY *make_rsa_key(unsigned bits)
{
    EVP_PKEY *key = EVP_RSA_gen(bits);
    need(key != NULL);
    return key;
}

EVP_PKEY *make_ec_key(const char *curve)
{
    EVP_PKEY *key = EVP_EC_gen(curve);
    need(key != NULL);
    return key;
}

/* A number of the key in base64url, of `width` bytes, or as many as it has for 0. */
static void write_number(char *out, EVP_PKEY *key, const char *name, int width)
{
    BIGNUM *number = NULL;
    uint8_t bytes[NUMBER_BYTES_MAX];
    need(EVP_PKEY_get_bn_param(key, name, &number));
    int size = width == 0 ? BN_num_bytes(number) : width;
    need(size <= NUMBER_BYTES_MAX && BN_bn2binpad(number, bytes, size) == size);
    (void)pc_base64url_encode(out, bytes, (size_t)size);
    BN_free(number);
}

void write_jwk(char *out, size_t size, EVP_PKEY *key, const char *id, const char *more)
{
    char first[PC_BASE64URL_LENGTH(NUMBER_BYTES_MAX) + 1];
    char second[PC_BASE64URL_LENGTH(NUMBER_BYTES_MAX) + 1];
    char named[64] = "";
    if (id != NULL) {
        (void)snprintf(named, sizeof named, ",\"kid\":\"%s\"", id);
    }
    if (EVP_PKEY_is_a(key, "RSA")) {
        write_number(first, key, OSSL_PKEY_PARAM_RSA_N, 0);
        write_number(second, key, OSSL_PKEY_PARAM_RSA_E, 0);
        (void)snprintf(out, size, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"%s%s}", first, second,
                       named, more);
    } else {
        write_number(first, key, OSSL_PKEY_PARAM_EC_PUB_X, P256_BYTES);
        write_number(second, key, OSSL_PKEY_PARAM_EC_PUB_Y, P256_BYTES);
        (void)snprintf(out, size,
                       "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"%s%s}", first,
                       second, named, more);
    }
}

void write_unsigned(char *out, size_t size, const char *header, const char *claims)
{
    need(PC_BASE64URL_LENGTH(strlen(header)) + PC_BASE64URL_LENGTH(strlen(claims)) + 2 < size);
    size_t length = pc_base64url_encode(out, (const uint8_t *)header, strlen(header));
    out[length++] = '.';
    (void)pc_base64url_encode(out + length, (const uint8_t *)claims, strlen(claims));
}

/* From OpenSSL's form of an ECDSA signature to the two numbers one after the other. */
static size_t write_raw(uint8_t *out, const uint8_t *der, size_t size)
{
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long)size);
    need(signature != NULL &&
         BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, P256_BYTES) == P256_BYTES &&
         BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + P256_BYTES, P256_BYTES) == P256_BYTES);
    ECDSA_SIG_free(signature);
    return (size_t)2 * P256_BYTES;
}

void write_token(char *out, size_t size, EVP_PKEY *key, const char *header, const char *claims)
{
    uint8_t signature[NUMBER_BYTES_MAX];
    uint8_t raw[2 * P256_BYTES];
    size_t signature_size = sizeof signature;
    write_unsigned(out, size, header, claims);
    size_t length = strlen(out);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    need(context != NULL && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
         EVP_DigestSign(context, signature, &signature_size, (const uint8_t *)out, length) == 1);
    EVP_MD_CTX_free(context);
    const uint8_t *bytes = signature;
    if (EVP_PKEY_is_a(key, "EC")) {
        signature_size = write_raw(raw, signature, signature_size);
        bytes = raw;
    }
    need(length + 2 + PC_BASE64URL_LENGTH(signature_size) < size);
    out[length++] = '.';
    (void)pc_base64url_encode(out + length, bytes, signature_size);
}
