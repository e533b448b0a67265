/* Which tokens are believed, and why the others are not. */
#include "check.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "identity/jwt.h"
#include "signing.h"
#include "util/base64url.h"

enum { NOW_S = 1700000000, TOKEN_BYTES = 12 * 1024 };

#define GOOD_CLAIMS                                                                                \
    "{\"iss\":\"https://issuer\",\"aud\":\"profile\",\"sub\":\"crm\",\"exp\":1700000600,"          \
    "\"iat\":1699999990,\"nbf\":1699999990}"

static EVP_PKEY *rsa;
static EVP_PKEY *ec;
static char rsa_jwk[2048];
static pc_jwks *keys;

static const char *const audiences[] = {"other", "profile"};
static const pc_jwt_rules rules = {
    .issuer = "https://issuer",
    .audiences = audiences,
    .audience_count = 2,
    .claim = "sub",
    .prefix = "",
    .skew_s = 30,
};

static int make_keys(void **state)
{
    (void)state;
    char ec_jwk[2048];
    char text[8192];
    rsa = make_rsa_key(2048);
    ec = make_ec_key("P-256");
    write_jwk(rsa_jwk, sizeof rsa_jwk, rsa, "r", "");
    write_jwk(ec_jwk, sizeof ec_jwk, ec, "e", "");
    (void)snprintf(text, sizeof text, "{\"keys\":[%s,%s]}", rsa_jwk, ec_jwk);
    check_ok(pc_jwks_parse(&keys, text, strlen(text)));
    return 0;
}

static int free_keys(void **state)
{
    (void)state;
    pc_jwks_unref(keys);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
    return 0;
}

static pc_status verify(pc_jwt_caller *out, const char *token)
{
    return pc_jwt_verify(out, token, strlen(token), keys, &rules, NULL, NOW_S);
}

static void check_refused(const char *token, const char *reason)
{
    pc_jwt_caller caller;
    pc_status status = verify(&caller, token);
    if (strcmp(pc_status_reason(&status), reason) != 0) {
        fail_msg("%s, wanted %s: %s", pc_status_reason(&status), reason, token);
    }
    check_failure(status, PC_CODE_UNAUTHENTICATED, reason);
}

static void check_claims(const char *claims, const char *reason)
{
    char token[TOKEN_BYTES];
    write_token(token, sizeof token, ec, "{\"alg\":\"ES256\",\"kid\":\"e\"}", claims);
    check_refused(token, reason);
}

static void check_header(const char *header, const char *reason)
{
    char token[TOKEN_BYTES];
    write_token(token, sizeof token, ec, header, GOOD_CLAIMS);
    check_refused(token, reason);
}

static void test_jwt__both_algorithms_are_verified_and_name_the_caller(void **state)
{
    (void)state;
    char token[TOKEN_BYTES];
    pc_jwt_caller caller;
    write_token(token, sizeof token, rsa, "{\"alg\":\"RS256\",\"kid\":\"r\",\"typ\":\"JWT\"}",
                GOOD_CLAIMS);
    check_ok(verify(&caller, token));
    assert_string_equal(caller.name, "crm");
    assert_int_equal(caller.until_s, 1700000600);
    /* The only key for an algorithm needs no id. */
    write_token(token, sizeof token, ec, "{\"alg\":\"ES256\",\"typ\":\"application/at+jwt\"}",
                "{\"iss\":\"https://issuer\",\"aud\":[\"x\",\"profile\"],\"sub\":\"crm\","
                "\"exp\":1700000600.5}");
    check_ok(verify(&caller, token));
    assert_int_equal(caller.until_s, 1700000600);
    pc_jwt_rules other = rules;
    other.claim = "client_id";
    other.prefix = "jwt:";
    write_token(token, sizeof token, ec, "{\"alg\":\"ES256\"}",
                "{\"iss\":\"https://issuer\",\"aud\":\"other\",\"client_id\":\"routing\","
                "\"exp\":1700000600}");
    check_ok(pc_jwt_verify(&caller, token, strlen(token), keys, &other, NULL, NOW_S));
    assert_string_equal(caller.name, "jwt:routing");
}

/* RFC 7515, appendix A.2 and A.3. Their claims are not for us, which is only found once the
 * signature was good. */
static void test_jwt__the_examples_of_the_rfc_are_verified(void **state)
{
    (void)state;
    static const char payload[] = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
                                  "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    static const char *const cases[][3] = {
        {"eyJhbGciOiJSUzI1NiJ9",
         "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2"
         "Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjt"
         "QBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6"
         "IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
         "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26"
         "mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ4"
         "7soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtd"
         "VMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2"
         "PAcDTW9gb54h4FRWyuXpoQ\",\"e\":\"AQAB\"}]}"},
        {"eyJhbGciOiJFUzI1NiJ9",
         "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
         "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9u"
         "PHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}"},
    };
    pc_jwt_rules joe = rules;
    joe.issuer = "joe";
    for (size_t i = 0; i < PC_COUNT_OF(cases); i++) {
        char token[TOKEN_BYTES];
        pc_jwt_caller caller;
        pc_jwks *set;
        check_ok(pc_jwks_parse(&set, cases[i][2], strlen(cases[i][2])));
        (void)snprintf(token, sizeof token, "%s.%s.%s", cases[i][0], payload, cases[i][1]);
        check_failure(pc_jwt_verify(&caller, token, strlen(token), set, &joe, NULL, 1300819000),
                      PC_CODE_UNAUTHENTICATED, "TOKEN_AUDIENCE_WRONG");
        check_failure(pc_jwt_verify(&caller, token, strlen(token), set, &joe, NULL, 1300819411),
                      PC_CODE_UNAUTHENTICATED, "TOKEN_EXPIRED");
        token[strlen(cases[i][0]) + 3] ^= 1;
        check_failure(pc_jwt_verify(&caller, token, strlen(token), set, &joe, NULL, 1300819000),
                      PC_CODE_UNAUTHENTICATED, "TOKEN_SIGNATURE_INVALID");
        pc_jwks_unref(set);
    }
}

static void test_jwt__any_other_algorithm_is_refused(void **state)
{
    (void)state;
    char token[TOKEN_BYTES];
    static const char *const others[] = {
        "{\"alg\":\"none\"}",  "{\"alg\":\"None\"}",  "{\"alg\":\"HS256\",\"kid\":\"r\"}",
        "{\"alg\":\"PS256\"}", "{\"alg\":\"ES384\"}", "{\"alg\":\"es256\",\"kid\":\"e\"}",
        "{\"alg\":\"\"}",
    };
    for (size_t i = 0; i < PC_COUNT_OF(others); i++) {
        check_header(others[i], "TOKEN_ALGORITHM_REFUSED");
        write_unsigned(token, sizeof token - 1, others[i], GOOD_CLAIMS);
        size_t length = strlen(token);
        memcpy(token + length, ".", 2);
        check_refused(token, "TOKEN_ALGORITHM_REFUSED");
    }
}

/* The old trick: the public key, which everyone has, as the secret of an HMAC. */
static void test_jwt__an_hmac_with_the_public_key_is_refused(void **state)
{
    (void)state;
    char token[TOKEN_BYTES];
    uint8_t mac[32];
    unsigned size = sizeof mac;
    static const char *const headers[] = {"{\"alg\":\"HS256\",\"kid\":\"r\"}",
                                          "{\"alg\":\"RS256\",\"kid\":\"r\"}"};
    static const char *const reasons[] = {"TOKEN_ALGORITHM_REFUSED", "TOKEN_SIGNATURE_INVALID"};
    for (size_t i = 0; i < PC_COUNT_OF(headers); i++) {
        write_unsigned(token, sizeof token, headers[i], GOOD_CLAIMS);
        size_t length = strlen(token);
        assert_non_null(HMAC(EVP_sha256(), rsa_jwk, (int)strlen(rsa_jwk), (const uint8_t *)token,
                             length, mac, &size));
        token[length] = '.';
        (void)pc_base64url_encode(token + length + 1, mac, size);
        check_refused(token, reasons[i]);
    }
}

static void test_jwt__headers_that_want_something_else_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "{}",
        "[]",
        "{\"alg\":7}",
        "{\"alg\":[\"ES256\"]}",
        "{\"alg\":\"ES256\",\"alg\":\"none\"}",
        "{\"alg\":\"ES256\",\"crit\":[\"exp\"]}",
        "{\"alg\":\"ES256\",\"b64\":false,\"crit\":[\"b64\"]}",
        "{\"alg\":\"ES256\",\"typ\":\"dpop+jwt\"}",
        "{\"alg\":\"ES256\",\"typ\":7}",
        "{\"alg\":\"ES256\",\"kid\":7}",
        "{\"alg\":\"ES256\"} ",
    };
    for (size_t i = 0; i + 1 < PC_COUNT_OF(wrong); i++) {
        check_header(wrong[i], "TOKEN_MALFORMED");
    }
    check_header("{\"alg\":\"ES256\",\"kid\":\"unknown\"}", "TOKEN_KEY_UNKNOWN");
    check_header("{\"alg\":\"ES256\",\"kid\":\"../e\"}", "TOKEN_KEY_UNKNOWN");
    /* The id of the key for the other algorithm, and a key of the token's own. */
    check_header("{\"alg\":\"ES256\",\"kid\":\"r\"}", "TOKEN_KEY_UNKNOWN");
    EVP_PKEY *own = make_ec_key("P-256");
    char own_jwk[2048];
    char header[4096];
    char token[TOKEN_BYTES];
    write_jwk(own_jwk, sizeof own_jwk, own, "e", "");
    (void)snprintf(header, sizeof header,
                   "{\"alg\":\"ES256\",\"kid\":\"e\",\"jwk\":%s,\"jku\":\"https://evil\"}",
                   own_jwk);
    write_token(token, sizeof token, own, header, GOOD_CLAIMS);
    check_refused(token, "TOKEN_SIGNATURE_INVALID");
    EVP_PKEY_free(own);
}

static void test_jwt__times_are_kept_with_the_skew_and_no_more(void **state)
{
    (void)state;
    static const struct {
        const char *times;
        const char *reason; /* "": good */
    } cases[] = {
        {"\"exp\":1699999971", ""},
        {"\"exp\":1699999970", "TOKEN_EXPIRED"},
        {"\"exp\":0", "TOKEN_EXPIRED"},
        {"\"x\":0", "TOKEN_EXPIRED"},
        {"\"exp\":1700000600,\"nbf\":1700000030", ""},
        {"\"exp\":1700000600,\"nbf\":1700000031", "TOKEN_NOT_YET_VALID"},
        {"\"exp\":1700000600,\"iat\":1700000030", ""},
        {"\"exp\":1700000600,\"iat\":1700000031", "TOKEN_NOT_YET_VALID"},
        {"\"exp\":\"1700000600\"", "TOKEN_MALFORMED"},
        {"\"exp\":null", "TOKEN_MALFORMED"},
        {"\"exp\":-1", "TOKEN_MALFORMED"},
        {"\"exp\":9223372036854775807", "TOKEN_MALFORMED"},
        {"\"exp\":1e300", "TOKEN_MALFORMED"},
        {"\"exp\":99999999999999999999", "TOKEN_MALFORMED"},
        {"\"exp\":1700000600,\"nbf\":true", "TOKEN_MALFORMED"},
        {"\"exp\":1700000600,\"iat\":[]", "TOKEN_MALFORMED"},
    };
    for (size_t i = 0; i < PC_COUNT_OF(cases); i++) {
        char claims[512];
        char token[TOKEN_BYTES];
        pc_jwt_caller caller;
        (void)snprintf(claims, sizeof claims,
                       "{\"iss\":\"https://issuer\",\"aud\":\"profile\",\"sub\":\"crm\",%s}",
                       cases[i].times);
        if (cases[i].reason[0] != '\0') {
            check_claims(claims, cases[i].reason);
        } else {
            write_token(token, sizeof token, ec, "{\"alg\":\"ES256\"}", claims);
            check_ok(verify(&caller, token));
        }
    }
}

static void test_jwt__tokens_of_or_for_others_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *issuer;
        const char *audience;
        const char *reason;
    } cases[] = {
        {"\"https://issuer/\"", "\"profile\"", "TOKEN_ISSUER_WRONG"},
        {"\"HTTPS://ISSUER\"", "\"profile\"", "TOKEN_ISSUER_WRONG"},
        {"[\"https://issuer\"]", "\"profile\"", "TOKEN_ISSUER_WRONG"},
        {"null", "\"profile\"", "TOKEN_ISSUER_WRONG"},
        {"\"https://issuer\"", "\"profiles\"", "TOKEN_AUDIENCE_WRONG"},
        {"\"https://issuer\"", "\"Profile\"", "TOKEN_AUDIENCE_WRONG"},
        {"\"https://issuer\"", "[]", "TOKEN_AUDIENCE_WRONG"},
        {"\"https://issuer\"", "[\"a\",7,null,[\"profile\"]]", "TOKEN_AUDIENCE_WRONG"},
        {"\"https://issuer\"", "{\"profile\":1}", "TOKEN_AUDIENCE_WRONG"},
        {"\"https://issuer\"", "null", "TOKEN_AUDIENCE_WRONG"},
    };
    for (size_t i = 0; i < PC_COUNT_OF(cases); i++) {
        char claims[512];
        (void)snprintf(claims, sizeof claims,
                       "{\"iss\":%s,\"aud\":%s,\"sub\":\"crm\",\"exp\":1700000600}",
                       cases[i].issuer, cases[i].audience);
        check_claims(claims, cases[i].reason);
    }
}

static void test_jwt__names_that_could_deceive_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {
        "\"\"", "\"a b\"",   "\"a\\nb\"", "\"a\\tb\"",   "\"\\u00e9\"",
        "7",    "[\"crm\"]", "null",      "\"\\u007f\"",
    };
    char claims[1024];
    for (size_t i = 0; i < PC_COUNT_OF(names); i++) {
        (void)snprintf(claims, sizeof claims,
                       "{\"iss\":\"https://issuer\",\"aud\":\"profile\",\"sub\":%s,"
                       "\"exp\":1700000600}",
                       names[i]);
        check_claims(claims, "TOKEN_CALLER_INVALID");
    }
    char longest[PC_CALLER_BYTES_MAX + 2];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    (void)snprintf(claims, sizeof claims,
                   "{\"iss\":\"https://issuer\",\"aud\":\"profile\",\"sub\":\"%s\","
                   "\"exp\":1700000600}",
                   longest);
    check_claims(claims, "TOKEN_CALLER_INVALID");
    /* A zero in it ends the text for JSON's reader already. */
    check_claims("{\"iss\":\"https://issuer\",\"aud\":\"profile\",\"sub\":\"a\\u0000b\","
                 "\"exp\":1700000600}",
                 "TOKEN_MALFORMED");
}

static void test_jwt__what_is_cut_or_changed_anywhere_is_refused(void **state)
{
    (void)state;
    char token[TOKEN_BYTES];
    char changed[TOKEN_BYTES + 2];
    pc_jwt_caller caller;
    write_token(token, sizeof token, ec, "{\"alg\":\"ES256\",\"kid\":\"e\"}", GOOD_CLAIMS);
    size_t size = strlen(token);
    for (size_t i = 0; i < size; i++) {
        pc_status status = pc_jwt_verify(&caller, token, i, keys, &rules, NULL, NOW_S);
        assert_int_equal(status.code, PC_CODE_UNAUTHENTICATED);
        pc_status_clear(&status);
        memcpy(changed, token, size + 1);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        status = verify(&caller, changed);
        assert_int_equal(status.code, PC_CODE_UNAUTHENTICATED);
        pc_status_clear(&status);
    }
    (void)snprintf(changed, sizeof changed, "%s.", token);
    check_refused(changed, "TOKEN_SIGNATURE_INVALID");
    (void)snprintf(changed, sizeof changed, "%s=", token);
    check_refused(changed, "TOKEN_SIGNATURE_INVALID");
    (void)snprintf(changed, sizeof changed, " %s", token);
    check_refused(changed, "TOKEN_MALFORMED");
    static const char *const rubbish[] = {"", ".", "..", "...", "a.b", "a.b.c", "a..c", ".b.c"};
    for (size_t i = 0; i < PC_COUNT_OF(rubbish); i++) {
        check_refused(rubbish[i], "TOKEN_MALFORMED");
    }
}

static pc_status close_gate(void *self)
{
    (*(int *)self)++;
    return pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "CLOSED", "not now");
}

static void test_jwt__only_what_wants_a_signature_verified_comes_to_the_gate(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        const char *signature; /* NULL: the good one */
        int times;             /* at the gate */
    } cases[] = {
        {"{\"alg\":\"ES256\",\"kid\":\"e\"}", NULL, 1},
        {"{\"alg\":\"RS256\",\"kid\":\"r\"}", "AAAA", 1},
        {"{\"alg\":\"ES256\",\"kid\":\"e\"}", "AAAA", 0},
        {"{\"alg\":\"RS256\",\"kid\":\"r\"}", "", 0},
        {"{\"alg\":\"RS256\",\"kid\":\"r\"}", "*", 0},
        {"{\"alg\":\"ES256\",\"kid\":\"unknown\"}", NULL, 0},
        {"{\"alg\":\"none\"}", NULL, 0},
        {"{}", NULL, 0},
    };
    for (size_t i = 0; i < PC_COUNT_OF(cases); i++) {
        char token[TOKEN_BYTES];
        write_token(token, sizeof token, ec, cases[i].header, GOOD_CLAIMS);
        if (cases[i].signature != NULL) {
            char *signature = strrchr(token, '.') + 1;
            (void)snprintf(signature, sizeof token - (size_t)(signature - token), "%s",
                           cases[i].signature);
        }
        int times = 0;
        const pc_jwt_gate gate = {close_gate, &times};
        pc_jwt_caller caller;
        pc_status status = pc_jwt_verify(&caller, token, strlen(token), keys, &rules, &gate, NOW_S);
        assert_int_equal(times, cases[i].times);
        assert_int_equal(status.code,
                         times > 0 ? PC_CODE_RESOURCE_EXHAUSTED : PC_CODE_UNAUTHENTICATED);
        pc_status_clear(&status);
    }
}

static void test_jwt__what_is_too_large_or_deep_is_refused(void **state)
{
    (void)state;
    char *token = malloc((size_t)2 * PC_JWT_BYTES_MAX);
    memset(token, 'A', (size_t)2 * PC_JWT_BYTES_MAX);
    pc_jwt_caller caller;
    check_failure(pc_jwt_verify(&caller, token, PC_JWT_BYTES_MAX + 1, keys, &rules, NULL, NOW_S),
                  PC_CODE_UNAUTHENTICATED, "TOKEN_TOO_LARGE");
    check_failure(pc_jwt_verify(&caller, token, PC_JWT_BYTES_MAX, keys, &rules, NULL, NOW_S),
                  PC_CODE_UNAUTHENTICATED, "TOKEN_MALFORMED");
    free(token);
    char deep[4096];
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    check_header(deep, "TOKEN_MALFORMED");
    check_claims(deep, "TOKEN_MALFORMED");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jwt__both_algorithms_are_verified_and_name_the_caller),
        cmocka_unit_test(test_jwt__the_examples_of_the_rfc_are_verified),
        cmocka_unit_test(test_jwt__any_other_algorithm_is_refused),
        cmocka_unit_test(test_jwt__an_hmac_with_the_public_key_is_refused),
        cmocka_unit_test(test_jwt__headers_that_want_something_else_are_refused),
        cmocka_unit_test(test_jwt__times_are_kept_with_the_skew_and_no_more),
        cmocka_unit_test(test_jwt__tokens_of_or_for_others_are_refused),
        cmocka_unit_test(test_jwt__names_that_could_deceive_are_refused),
        cmocka_unit_test(test_jwt__what_is_cut_or_changed_anywhere_is_refused),
        cmocka_unit_test(test_jwt__only_what_wants_a_signature_verified_comes_to_the_gate),
        cmocka_unit_test(test_jwt__what_is_too_large_or_deep_is_refused),
    };
    return cmocka_run_group_tests_name("jwt", tests, make_keys, free_keys);
}
