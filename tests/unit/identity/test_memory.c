/* Every allocation of reading keys and verifying a token fails in turn, those of the libraries
 * included. A set is read whole or not at all, and nobody is let through under another name. It is
 * said that memory lacks, but where OpenSSL does not tell. */
#include "check.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failing/failing.h"
#include "identity/jwt.h"
#include "identity/reading.h"
#include "signing.h"

enum { ALLOCATIONS_MAX = 5000, TEXT_BYTES = 8192 };

static void *openssl_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return malloc(size);
}

static void *openssl_realloc(void *block, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return realloc(block, size);
}

static void openssl_free(void *block, const char *file, int line)
{
    (void)file;
    (void)line;
    free(block);
}

static const char *const audiences[] = {"profile"};
static const pc_jwt_rules rules = {
    .issuer = "issuer",
    .audiences = audiences,
    .audience_count = 1,
    .claim = "sub",
    .prefix = "",
};

static EVP_PKEY *keys[2];
static char set_text[TEXT_BYTES];
static char tokens[2][TEXT_BYTES];

static int make_keys(void **state)
{
    (void)state;
    static const char *const headers[] = {"{\"alg\":\"ES256\",\"kid\":\"e\"}",
                                          "{\"alg\":\"RS256\",\"kid\":\"r\"}"};
    char jwks[2][2048];
    keys[0] = make_ec_key("P-256");
    keys[1] = make_rsa_key(2048);
    write_jwk(jwks[0], sizeof jwks[0], keys[0], "e", "");
    write_jwk(jwks[1], sizeof jwks[1], keys[1], "r", "");
    (void)snprintf(set_text, sizeof set_text, "{\"keys\":[%s,%s]}", jwks[0], jwks[1]);
    for (int i = 0; i < 2; i++) {
        write_token(tokens[i], sizeof tokens[i], keys[i], headers[i],
                    "{\"iss\":\"issuer\",\"aud\":\"profile\",\"sub\":\"crm\",\"exp\":2000}");
    }
    return 0;
}

static int free_keys(void **state)
{
    (void)state;
    EVP_PKEY_free(keys[0]);
    EVP_PKEY_free(keys[1]);
    return 0;
}

static void check_lack(pc_status status, const char *otherwise)
{
    const char *reason = pc_status_reason(&status);
    if (strcmp(reason, "OUT_OF_MEMORY") != 0 && strcmp(reason, otherwise) != 0) {
        fail_msg("%s", reason);
    }
    pc_status_clear(&status);
}

static void test_memory__a_set_is_read_whole_or_not_at_all(void **state)
{
    (void)state;
    pc_jwks *set = NULL;
    check_ok(pc_jwks_parse(&set, set_text, strlen(set_text)));
    pc_jwks_unref(set);
    for (long fail_at = 0; fail_at < ALLOCATIONS_MAX; fail_at++) {
        failing_after(fail_at);
        pc_status status = pc_jwks_parse(&set, set_text, strlen(set_text));
        bool over = !failing_end();
        if (pc_status_ok(&status)) {
            /* A library may do without what it did not get. */
            assert_int_equal(pc_jwks_count(set), 2);
            pc_jwks_unref(set);
        } else {
            assert_null(set);
            check_lack(status, "JWKS_INVALID");
        }
        if (over) {
            return;
        }
    }
    fail_msg("more than %d allocations", ALLOCATIONS_MAX);
}

static void test_memory__a_token_is_verified_or_memory_lacks(void **state)
{
    (void)state;
    pc_jwks *set = NULL;
    check_ok(pc_jwks_parse(&set, set_text, strlen(set_text)));
    for (int i = 0; i < 2; i++) {
        bool over = false;
        for (long fail_at = 0; !over; fail_at++) {
            pc_jwt_caller caller;
            assert_true(fail_at < ALLOCATIONS_MAX);
            failing_after(fail_at);
            pc_status status =
                pc_jwt_verify(&caller, tokens[i], strlen(tokens[i]), set, &rules, NULL, 1000);
            over = !failing_end();
            if (pc_status_ok(&status)) {
                assert_string_equal(caller.name, "crm");
            } else {
                check_lack(status, "TOKEN_SIGNATURE_INVALID");
            }
        }
    }
    pc_jwks_unref(set);
}

int main(void)
{
    /* Before OpenSSL has allocated anything. */
    if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) != 1) {
        return EXIT_FAILURE;
    }
    pc_json_watch_memory();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory__a_set_is_read_whole_or_not_at_all),
        cmocka_unit_test(test_memory__a_token_is_verified_or_memory_lacks),
    };
    return cmocka_run_group_tests_name("identity_memory", tests, make_keys, free_keys);
}
