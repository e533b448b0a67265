/* What counts as a token, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "upstream/token_answer.h"

static void test_token_answer__reads_tokens(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *token; /* NULL: refused */
        int64_t lifetime_ms;
    } rows[] = {
        {"{\"access_token\":\"abc\",\"token_type\":\"bearer\",\"expires_in\":86399}", "abc",
         86399000},
        {"{\"access_token\":\"abc\",\"expires_in\":86399992}", "abc", 86399992},
        {"{\"access_token\":\"abc\",\"expires_in\":\"3600\"}", "abc", 3600000},
        {"{\"access_token\":\"abc\",\"expires_in\":3600.5}", "abc", 3600000},
        {"{\"access_token\":\"abc\"}", "abc", 300000},
        {"{\"access_token\":\"abc\",\"expires_in\":-1}", "abc", 300000},
        {"{\"access_token\":\"abc\",\"expires_in\":99999999999999}", "abc", 864000000},
        {"{\"access_token\":\"\"}", NULL, 0},
        {"{\"access_token\":\"a b\"}", NULL, 0},
        {"{\"access_token\":\"a\\r\\nX: y\"}", NULL, 0},
        {"{\"access_token\":\"\xc3\xb6\"}", NULL, 0},
        {"{\"access_token\":7}", NULL, 0},
        {"[]", NULL, 0},
        {"", NULL, 0},
        {"<html>", NULL, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pc_token_answer answer;
        pc_status status =
            pc_token_answer_read(&answer, 200, rows[i].body, strlen(rows[i].body), 0);
        if (rows[i].token == NULL) {
            assert_int_equal(status.code, PC_CODE_UNAVAILABLE);
            assert_string_equal(pc_status_reason(&status), "UPSTREAM_TOKEN_UNAVAILABLE");
            assert_null(answer.access_token);
        } else {
            assert_int_equal(status.code, PC_CODE_OK);
            assert_string_equal(answer.access_token, rows[i].token);
            assert_int_equal(answer.lifetime_ms, rows[i].lifetime_ms);
        }
        free(answer.access_token);
        pc_status_clear(&status);
    }
}

static void test_token_answer__maps_refusals(void **state)
{
    (void)state;
    static const struct {
        int http_status;
        int64_t retry_after_ms;
        pc_code code;
        const char *reason;
    } rows[] = {
        {400, 0, PC_CODE_UNAUTHENTICATED, "UPSTREAM_TOKEN_REFUSED"},
        {401, 0, PC_CODE_UNAUTHENTICATED, "UPSTREAM_TOKEN_REFUSED"},
        {403, 0, PC_CODE_UNAUTHENTICATED, "UPSTREAM_TOKEN_REFUSED"},
        {404, 0, PC_CODE_UNAVAILABLE, "UPSTREAM_TOKEN_UNAVAILABLE"},
        {429, 7000, PC_CODE_UNAVAILABLE, "UPSTREAM_TOKEN_UNAVAILABLE"},
        {500, 0, PC_CODE_UNAVAILABLE, "UPSTREAM_TOKEN_UNAVAILABLE"},
        {302, 0, PC_CODE_UNAVAILABLE, "UPSTREAM_TOKEN_UNAVAILABLE"},
    };
    static const char body[] =
        "{\"error\":\"invalid_client\",\"error_description\":\"invalid client_secret parameter\"}";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pc_token_answer answer;
        pc_status status = pc_token_answer_read(&answer, rows[i].http_status, body, sizeof body - 1,
                                                rows[i].retry_after_ms);
        assert_int_equal(status.code, rows[i].code);
        assert_string_equal(pc_status_reason(&status), rows[i].reason);
        assert_int_equal(pc_status_retry_after_ms(&status), rows[i].retry_after_ms);
        assert_null(strstr(pc_status_message(&status), "invalid"));
        assert_null(answer.access_token);
        pc_status_clear(&status);
    }
}

static void test_token_answer__refreshes_ahead(void **state)
{
    (void)state;
    static const int64_t rows[][2] = {
        {86399000, 86399000 - 8639900}, /* a day: a tenth is more than five minutes */
        {3600000, 3600000 - 360000},    /* an hour: six minutes */
        {1200000, 900000},              /* twenty minutes: five of them */
        {600000, 300000},
        {60000, 30000}, /* short: half */
        {1000, 500},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(pc_token_refresh_after_ms(rows[i][0]), rows[i][1]);
    }
}

static void test_token_answer__backs_off_below_a_second(void **state)
{
    (void)state;
    static const int64_t expected[] = {100, 100, 200, 400, 800, 800};
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(pc_token_backoff_ms(i), expected[i]);
    }
    assert_int_equal(pc_token_backoff_ms(4000000000u), 800);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token_answer__reads_tokens),
        cmocka_unit_test(test_token_answer__maps_refusals),
        cmocka_unit_test(test_token_answer__refreshes_ahead),
        cmocka_unit_test(test_token_answer__backs_off_below_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
