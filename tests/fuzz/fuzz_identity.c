/* Tokens and key sets. The first byte says what the rest is: a key set; a token, for a server that
 * has a key of its own; or the claims of a token that is signed by that key. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "identity/jwt.h"
#include "signing.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { NOW_S = 1700000000, CLAIMS_BYTES_MAX = 5000 };

static const char *const audiences[] = {"profile-context"};
static const pc_jwt_rules rules = {
    .issuer = "issuer",
    .audiences = audiences,
    .audience_count = 1,
    .claim = "sub",
    .prefix = "",
    .skew_s = 30,
};

static EVP_PKEY *own_key;
static pc_jwks *own_keys;

static void make_own(void)
{
    char jwk[1024];
    char set[1100];
    own_key = make_ec_key("P-256");
    write_jwk(jwk, sizeof jwk, own_key, "k", "");
    (void)snprintf(set, sizeof set, "{\"keys\":[%s]}", jwk);
    pc_status status = pc_jwks_parse(&own_keys, set, strlen(set));
    if (!pc_status_ok(&status)) {
        abort();
    }
}

static void read_set(const uint8_t *bytes, size_t size)
{
    pc_jwks *keys = NULL;
    pc_status status = pc_jwks_parse(&keys, bytes, size);
    if (pc_status_ok(&status) != (keys != NULL) || (keys != NULL && pc_jwks_count(keys) == 0)) {
        abort();
    }
    pc_status_clear(&status);
    pc_jwks_unref(keys);
}

static void read_token(const char *token, size_t size, bool is_own)
{
    pc_jwt_caller caller;
    pc_status status = pc_jwt_verify(&caller, token, size, own_keys, &rules, NULL, NOW_S);
    if (pc_status_ok(&status) &&
        (!is_own || !pc_caller_name_valid(caller.name, strlen(caller.name)) ||
         caller.until_s + rules.skew_s <= NOW_S)) {
        abort();
    }
    pc_status_clear(&status);
}

static void read_claims(const uint8_t *bytes, size_t size)
{
    char claims[CLAIMS_BYTES_MAX + 1];
    char token[PC_JWT_BYTES_MAX];
    size = size < CLAIMS_BYTES_MAX ? size : CLAIMS_BYTES_MAX;
    memcpy(claims, bytes, size);
    claims[size] = '\0';
    write_token(token, sizeof token, own_key, "{\"alg\":\"ES256\",\"kid\":\"k\"}", claims);
    read_token(token, strlen(token), true);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (own_keys == NULL) {
        make_own();
    }
    if (size == 0) {
        return 0;
    }
    switch (bytes[0] % 3) {
    case 0:
        read_set(bytes + 1, size - 1);
        break;
    case 1:
        read_token((const char *)bytes + 1, size - 1, false);
        break;
    default:
        read_claims(bytes + 1, size - 1);
        break;
    }
    return 0;
}
