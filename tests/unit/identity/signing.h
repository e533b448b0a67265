/* Makes keys, key sets and tokens, as an identity provider does. */
#ifndef PC_TESTS_IDENTITY_SIGNING_H
#define PC_TESTS_IDENTITY_SIGNING_H

#include <openssl/types.h>
#include <stddef.h>

/* Owned: EVP_PKEY_free. Abort when OpenSSL fails. */
EVP_PKEY *make_rsa_key(unsigned bits);
EVP_PKEY *make_ec_key(const char *curve);

/* The public key as a JWK, with `more`, such as ",\"alg\":\"ES256\"", before its end. Without a
 * key id when `id` is NULL. */
void write_jwk(char *out, size_t size, EVP_PKEY *key, const char *id, const char *more);

/* A signed token of these two JSON texts. */
void write_token(char *out, size_t size, EVP_PKEY *key, const char *header, const char *claims);

/* The part of a token that is signed: two texts in base64url with a point between. */
void write_unsigned(char *out, size_t size, const char *header, const char *claims);

#endif
