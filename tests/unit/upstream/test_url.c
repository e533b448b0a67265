/* What goes into a URL, and which bases are acceptable. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "upstream/url.h"

static void assert_encoded(const void *bytes, size_t size, const char *expected)
{
    pc_buffer buffer;
    pc_buffer_init(&buffer, 4096);
    pc_url_encode(&buffer, bytes, size);
    char *text = pc_buffer_take_text(&buffer);
    assert_string_equal(text, expected);
    free(text);
}

static void test_url__encodes_all_but_unreserved(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        const char *out;
    } rows[] = {
        {"", ""},
        {"azAZ09-._~", "azAZ09-._~"},
        {"a b", "a%20b"},
        {"+15550100", "%2B15550100"},
        {"jane@example.com", "jane%40example.com"},
        {"a&b=c", "a%26b%3Dc"},
        {"#/?;:%", "%23%2F%3F%3B%3A%25"},
        {"\r\nX: y", "%0D%0AX%3A%20y"},
        {"J\xc3\xb6rg", "J%C3%B6rg"},
        {"\xff\x80\x01\x7f", "%FF%80%01%7F"},
        {"../..", "..%2F.."},
        {"*'(),!$[]\"<>\\^`{|}", "%2A%27%28%29%2C%21%24%5B%5D%22%3C%3E%5C%5E%60%7B%7C%7D"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_encoded(rows[i].in, strlen(rows[i].in), rows[i].out);
    }
    assert_encoded("a\0b", 3, "a%00b");
}

static void test_url__every_byte_decodes_to_itself(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        uint8_t in = (uint8_t)byte;
        pc_buffer buffer;
        pc_buffer_init(&buffer, 16);
        pc_url_encode(&buffer, &in, 1);
        char *text = pc_buffer_take_text(&buffer);
        if (text[0] == '%') {
            assert_int_equal(strtoul(text + 1, NULL, 16), byte);
            assert_int_equal(strlen(text), 3);
        } else {
            assert_int_equal((uint8_t)text[0], byte);
        }
        free(text);
    }
}

static void test_url__joins_with_one_slash(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"https://h", "a/b", "https://h/a/b"},
        {"https://h/", "/a/b", "https://h/a/b"},
        {"https://h/p//", "//a", "https://h/p/a"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pc_buffer buffer;
        pc_buffer_init(&buffer, 256);
        (void)pc_url_begin(&buffer, rows[i][0], rows[i][1]);
        char *text = pc_buffer_take_text(&buffer);
        assert_string_equal(text, rows[i][2]);
        free(text);
    }
}

static void test_url__separates_parameters(void **state)
{
    (void)state;
    pc_buffer buffer;
    pc_buffer_init(&buffer, 256);
    pc_url url = pc_url_begin(&buffer, "https://h", "p");
    pc_url_add_text(&url, "schema.name", "_xdm.context.profile");
    pc_url_add(&url, "id", "a&id=b", 6);
    pc_url_add_integer(&url, "start", INT64_MIN);
    char *text = pc_buffer_take_text(&buffer);
    assert_string_equal(text, "https://h/p?schema.name=_xdm.context.profile&id=a%26id%3Db&"
                              "start=-9223372036854775808");
    free(text);
    pc_buffer_init(&buffer, 256);
    url = pc_url_begin_form(&buffer);
    pc_url_add_text(&url, "a", "1 2");
    pc_url_add_text(&url, "b", "");
    text = pc_buffer_take_text(&buffer);
    assert_string_equal(text, "a=1%202&b=");
    free(text);
}

static void test_url__fails_when_too_long(void **state)
{
    (void)state;
    pc_buffer buffer;
    pc_buffer_init(&buffer, 8);
    pc_url_encode(&buffer, "@@@", 3);
    assert_true(buffer.failed);
    assert_null(pc_buffer_take_text(&buffer));
    pc_buffer_deinit(&buffer);
}

static void test_url__judges_bases(void **state)
{
    (void)state;
    static const struct {
        const char *base;
        pc_url_base_verdict verdict;
    } rows[] = {
        {"https://platform.adobe.io", PC_URL_BASE_OK},
        {"HTTPS://platform.adobe.io:443/x/y/", PC_URL_BASE_OK},
        {"https://[2001:db8::1]:8443", PC_URL_BASE_OK},
        {"http://127.0.0.1:8080", PC_URL_BASE_OK},
        {"http://127.255.0.9", PC_URL_BASE_OK},
        {"http://LocalHost:1", PC_URL_BASE_OK},
        {"http://[::1]:80/", PC_URL_BASE_OK},
        {"http://platform.adobe.io", PC_URL_BASE_PLAIN},
        {"http://127.0.0.1.evil.example", PC_URL_BASE_PLAIN},
        {"http://127.evil", PC_URL_BASE_PLAIN},
        {"http://127.0.0", PC_URL_BASE_PLAIN},
        {"http://127.0.0.256", PC_URL_BASE_PLAIN},
        {"http://localhost.evil", PC_URL_BASE_PLAIN},
        {"http://10.0.0.1", PC_URL_BASE_PLAIN},
        {"http://[::2]", PC_URL_BASE_PLAIN},
        {"", PC_URL_BASE_MALFORMED},
        {"platform.adobe.io", PC_URL_BASE_MALFORMED},
        {"ftp://h", PC_URL_BASE_MALFORMED},
        {"file:///etc/passwd", PC_URL_BASE_MALFORMED},
        {"https://", PC_URL_BASE_MALFORMED},
        {"https:///x", PC_URL_BASE_MALFORMED},
        {"https://u:p@h", PC_URL_BASE_MALFORMED},
        {"http://127.0.0.1@evil", PC_URL_BASE_MALFORMED},
        {"https://h?x=1", PC_URL_BASE_MALFORMED},
        {"https://h/p?x=1", PC_URL_BASE_MALFORMED},
        {"https://h/p#f", PC_URL_BASE_MALFORMED},
        {"https://h:", PC_URL_BASE_MALFORMED},
        {"https://h:0", PC_URL_BASE_MALFORMED},
        {"https://h:65536", PC_URL_BASE_MALFORMED},
        {"https://h:1x", PC_URL_BASE_MALFORMED},
        {"https://h h", PC_URL_BASE_MALFORMED},
        {"https://h\r\nX: y", PC_URL_BASE_MALFORMED},
        {"https://[::1", PC_URL_BASE_MALFORMED},
        {"https://[::1]x", PC_URL_BASE_MALFORMED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (pc_url_base_check(rows[i].base) != rows[i].verdict) {
            fail_msg("%s: verdict %d", rows[i].base, (int)pc_url_base_check(rows[i].base));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_url__encodes_all_but_unreserved),
        cmocka_unit_test(test_url__every_byte_decodes_to_itself),
        cmocka_unit_test(test_url__joins_with_one_slash),
        cmocka_unit_test(test_url__separates_parameters),
        cmocka_unit_test(test_url__fails_when_too_long),
        cmocka_unit_test(test_url__judges_bases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
