/* Reading targets and forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "request.h"

#include <string.h>

static void given_an_encoded_query_it_is_decoded(void **state)
{
    (void)state;
    struct sbx_request request;
    sbx_request_init(&request, "GET", "/a%2Fb?id=%2B1%20x+y&empty=&flag&id=second&&=v");
    assert_false(request.malformed);
    assert_string_equal(request.path, "/a/b");
    assert_string_equal(sbx_request_argument(&request, "id"), "+1 x y");
    assert_string_equal(sbx_request_nth_argument(&request, "id", 1), "second");
    assert_null(sbx_request_nth_argument(&request, "id", 2));
    assert_string_equal(sbx_request_argument(&request, "empty"), "");
    assert_string_equal(sbx_request_argument(&request, "flag"), "");
    assert_null(sbx_request_argument(&request, "absent"));
    sbx_request_deinit(&request);
}

static void given_broken_encoding_the_request_is_malformed(void **state)
{
    (void)state;
    static const char *const bad[] = {"/?a=%", "/?a=%4", "/?a=%zz", "/?%00=1", "/%", "/x%00"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct sbx_request request;
        sbx_request_init(&request, "GET", bad[i]);
        assert_true(request.malformed);
        sbx_request_argument(&request, "a");
        sbx_request_deinit(&request);
    }
}

static void given_what_is_encoded_decoding_gives_it_back(void **state)
{
    (void)state;
    const char wanted[] = "a+b@c&d=e#f%g/ü ,\"";
    struct sbx_text target = {0};
    sbx_text_puts(&target, "/?x=");
    sbx_percent_encode(&target, wanted);
    struct sbx_request request;
    sbx_request_init(&request, "GET", target.data);
    assert_string_equal(sbx_request_argument(&request, "x"), wanted);
    sbx_request_deinit(&request);
    sbx_text_deinit(&target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_an_encoded_query_it_is_decoded),
        cmocka_unit_test(given_broken_encoding_the_request_is_malformed),
        cmocka_unit_test(given_what_is_encoded_decoding_gives_it_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
