/* Which keys of a set are taken, and which sets are none. */
#include "check.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "identity/jwks.h"
#include "signing.h"

enum { TEXT_BYTES = 8192 };

static EVP_PKEY *rsa;
static EVP_PKEY *ec;

static int make_keys(void **state)
{
    (void)state;
    rsa = make_rsa_key(2048);
    ec = make_ec_key("P-256");
    return 0;
}

static int free_keys(void **state)
{
    (void)state;
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
    return 0;
}

static pc_status parse(pc_jwks **out, const char *text)
{
    return pc_jwks_parse(out, text, strlen(text));
}

/* Parses a set of this one key. */
static pc_status parse_key(pc_jwks **out, const char *key)
{
    char text[TEXT_BYTES];
    (void)snprintf(text, sizeof text, "{\"keys\":[%s]}", key);
    return parse(out, text);
}

static void check_refused(const char *key)
{
    pc_jwks *set;
    pc_status status = parse_key(&set, key);
    if (pc_status_ok(&status)) {
        fail_msg("taken: %s", key);
    }
    assert_null(set);
    check_failure(status, PC_CODE_FAILED_PRECONDITION, "JWKS_INVALID");
}

static void test_jwks__keys_are_found_by_id_and_algorithm(void **state)
{
    (void)state;
    char first[2048];
    char second[2048];
    char text[TEXT_BYTES];
    write_jwk(first, sizeof first, rsa, "one", ",\"use\":\"sig\",\"alg\":\"RS256\"");
    write_jwk(second, sizeof second, ec, "two", ",\"key_ops\":[\"verify\"]");
    (void)snprintf(text, sizeof text, "{\"keys\":[%s,{\"kty\":\"oct\",\"k\":\"AAAA\"},%s]}", first,
                   second);
    pc_jwks *set;
    check_ok(parse(&set, text));
    assert_int_equal(pc_jwks_count(set), 2);
    assert_int_equal(pc_jwks_passed_over(set), 1);
    assert_int_equal(EVP_PKEY_eq(pc_jwks_find(set, "one", PC_JWT_RS256), rsa), 1);
    assert_int_equal(EVP_PKEY_eq(pc_jwks_find(set, "two", PC_JWT_ES256), ec), 1);
    /* A key for one algorithm is none for the other, whatever the token says. */
    assert_null(pc_jwks_find(set, "one", PC_JWT_ES256));
    assert_null(pc_jwks_find(set, "two", PC_JWT_RS256));
    assert_null(pc_jwks_find(set, "three", PC_JWT_RS256));
    assert_null(pc_jwks_find(set, "", PC_JWT_RS256));
    pc_jwks_unref(set);
}

static void test_jwks__without_an_id_only_an_only_key_is_meant(void **state)
{
    (void)state;
    char first[2048];
    char second[2048];
    char text[TEXT_BYTES];
    pc_jwks *set;
    EVP_PKEY *other = make_ec_key("P-256");
    write_jwk(first, sizeof first, ec, NULL, "");
    check_ok(parse_key(&set, first));
    assert_non_null(pc_jwks_find(set, NULL, PC_JWT_ES256));
    assert_null(pc_jwks_find(set, "any", PC_JWT_ES256));
    pc_jwks_unref(set);
    write_jwk(second, sizeof second, other, "x", "");
    (void)snprintf(text, sizeof text, "{\"keys\":[%s,%s]}", first, second);
    check_ok(parse(&set, text));
    assert_null(pc_jwks_find(set, NULL, PC_JWT_ES256));
    pc_jwks_unref(set);
    EVP_PKEY_free(other);
}

static void test_jwks__of_two_keys_with_one_id_the_first_counts(void **state)
{
    (void)state;
    char first[2048];
    char second[2048];
    char text[TEXT_BYTES];
    pc_jwks *set;
    EVP_PKEY *other = make_ec_key("P-256");
    write_jwk(first, sizeof first, ec, "same", "");
    write_jwk(second, sizeof second, other, "same", "");
    (void)snprintf(text, sizeof text, "{\"keys\":[%s,%s]}", first, second);
    check_ok(parse(&set, text));
    assert_int_equal(pc_jwks_count(set), 1);
    assert_int_equal(EVP_PKEY_eq(pc_jwks_find(set, "same", PC_JWT_ES256), ec), 1);
    pc_jwks_unref(set);
    EVP_PKEY_free(other);
}

static void test_jwks__keys_for_other_uses_are_passed_over(void **state)
{
    (void)state;
    static const char *const other_uses[] = {
        ",\"use\":\"enc\"",   ",\"use\":1",         ",\"key_ops\":[\"sign\"]",
        ",\"key_ops\":[]",    ",\"alg\":\"RS512\"", ",\"alg\":\"PS256\"",
        ",\"alg\":\"ES256\"", ",\"alg\":null",      ",\"kid\":7",
    };
    for (size_t i = 0; i < PC_COUNT_OF(other_uses); i++) {
        char key[2048];
        write_jwk(key, sizeof key, rsa, NULL, other_uses[i]);
        check_refused(key);
    }
}

static void test_jwks__weak_and_broken_keys_are_passed_over(void **state)
{
    (void)state;
    char key[4096];
    EVP_PKEY *weak = make_rsa_key(1024);
    write_jwk(key, sizeof key, weak, "weak", "");
    check_refused(key);
    EVP_PKEY_free(weak);
    static const char *const broken[] = {
        "{}",
        "7",
        "null",
        "{\"kty\":\"RSA\"}",
        "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}",
        "{\"kty\":\"RSA\",\"n\":7,\"e\":\"AQAB\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"AA\",\"y\":\"AA\"}",
        /* Not on the curve. */
        ("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
         "\"y\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"}"),
        /* A short coordinate, and one with padding. */
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83O\",\"y\":\"f83O\"}",
        ("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU=\","
         "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"),
    };
    for (size_t i = 0; i < PC_COUNT_OF(broken); i++) {
        check_refused(broken[i]);
    }
    /* One that is good is found among them all the same. */
    char good[2048];
    pc_jwks *set;
    write_jwk(good, sizeof good, ec, "good", "");
    (void)snprintf(key, sizeof key, "%s,%s,%s", broken[3], good, broken[9]);
    check_ok(parse_key(&set, key));
    assert_int_equal(pc_jwks_count(set), 1);
    assert_int_equal(pc_jwks_passed_over(set), 2);
    pc_jwks_unref(set);
    /* A point that is not on the curve is no key of another kind: somebody errs or cheats. */
    (void)snprintf(key, sizeof key, "%s,%s", good, broken[8]);
    check_refused(key);
}

static void test_jwks__what_is_no_set_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "", "{", "[]", "{}", "7", "{\"keys\":{}}", "{\"keys\":[]}", "{\"keys\":[],\"keys\":[]}",
    };
    for (size_t i = 0; i < PC_COUNT_OF(wrong); i++) {
        pc_jwks *set;
        check_failure(parse(&set, wrong[i]), PC_CODE_FAILED_PRECONDITION, "JWKS_INVALID");
        assert_null(set);
    }
    /* Good keys after as many as there may be do not make it one. */
    char good[2048];
    write_jwk(good, sizeof good, ec, "good", "");
    char *many = calloc(1, 16384);
    size_t length = (size_t)sprintf(many, "{\"keys\":[");
    for (int i = 0; i < PC_JWKS_KEYS_MAX; i++) {
        length += (size_t)sprintf(many + length, "{},");
    }
    (void)sprintf(many + length, "%s]}", good);
    pc_jwks *set;
    check_failure(parse(&set, many), PC_CODE_FAILED_PRECONDITION, "JWKS_INVALID");
    free(many);
    char *large = malloc(PC_JWKS_BYTES_MAX + 1);
    memset(large, ' ', PC_JWKS_BYTES_MAX + 1);
    check_failure(pc_jwks_parse(&set, large, PC_JWKS_BYTES_MAX + 1), PC_CODE_FAILED_PRECONDITION,
                  "JWKS_INVALID");
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jwks__keys_are_found_by_id_and_algorithm),
        cmocka_unit_test(test_jwks__without_an_id_only_an_only_key_is_meant),
        cmocka_unit_test(test_jwks__of_two_keys_with_one_id_the_first_counts),
        cmocka_unit_test(test_jwks__keys_for_other_uses_are_passed_over),
        cmocka_unit_test(test_jwks__weak_and_broken_keys_are_passed_over),
        cmocka_unit_test(test_jwks__what_is_no_set_is_refused),
    };
    return cmocka_run_group_tests_name("jwks", tests, make_keys, free_keys);
}
