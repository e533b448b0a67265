/* The reader against jansson, which is strict, and the places where it is meant to differ. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "generate.h"
#include "inverse.h"
#include "mapping/json_reader.h"
#include "mapping_tables.h"
#include "oracle.h"

static bool reads(const char *json, size_t size)
{
    pc_json_reader reader;
    uint8_t *exact = malloc(size == 0 ? 1 : size);
    memcpy(exact, json, size);
    pc_json_reader_init(&reader, exact, size, 0);
    bool good = pc_json_skip(&reader, NULL) && pc_json_finish(&reader);
    pc_status status = pc_json_status(&reader);
    assert_int_equal(good, pc_status_ok(&status));
    pc_status_clear(&status);
    free(exact);
    return good;
}

static void reader_agrees_with_jansson_on_what_json_is(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "}",
        "[",
        "]",
        "[]",
        "{}",
        "[1]",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\":1}",
        "{\"a\":1,}",
        "{\"a\"}",
        "{\"a\" 1}",
        "{a:1}",
        "{1:1}",
        "{\"a\":}",
        "{\"a\":1 \"b\":2}",
        "[1}",
        "{\"a\":1]",
        "null",
        "nul",
        "nulll",
        "true",
        "truefalse",
        "fals",
        "TRUE",
        "0",
        "-0",
        "-",
        "+1",
        "01",
        "-01",
        "1.",
        ".5",
        "1.5",
        "1e5",
        "1e",
        "1e+",
        "1E-5",
        "1.e5",
        "0x1",
        "1e5.5",
        "--1",
        "NaN",
        "Infinity",
        "\"",
        "\"a",
        "\"a\"",
        "'a'",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\u1234\"",
        "[\"a\",\"b\"]",
        "[[[]]]",
        "[[[]]",
        "[]]",
        "{}{}",
        "1 2",
        "\t\n\r [ ]",
        "[1,2,3]x",
        "/*c*/1",
        "[//\n]",
        "\xef\xbb\xbf"
        "1",
        "[\"a\" : 1]",
        "{\"a\":{\"b\":[{\"c\":null}]}}",
        "\f1",
        "[\v]",
        "\"\\ud83d\\ude00\"",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_error_t error;
        json_t *oracle = json_loads(texts[i], JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
        if (reads(texts[i], strlen(texts[i])) != (oracle != NULL)) {
            fail_msg("differs on: %s", texts[i]);
        }
        json_decref(oracle);
    }
}

static void generated_documents_read_as_jansson_reads_them(void **state)
{
    uint64_t seed = 7;
    int compared = 0;
    (void)state;
    for (int i = 0; i < 3000; i++) {
        pc_buffer json;
        pc_arena arena;
        pc_buffer_init(&json, SIZE_MAX);
        pc_arena_init(&arena, NULL, 0, SIZE_MAX);
        /* A small type: in a long document something that jansson refuses is all but certain. */
        generate_document(&json, &seed, &pc_table_Person, 30);
        assert_true(reads((const char *)json.bytes, json.size));
        oracle_verdict verdict =
            oracle_compare(value_parse(&arena, json.bytes, json.size), json.bytes, json.size);
        if (verdict == ORACLE_DIFFERS) {
            fail_msg("differs on: %.*s", (int)json.size, (const char *)json.bytes);
        }
        compared += verdict == ORACLE_AGREES;
        pc_arena_deinit(&arena);
        pc_buffer_deinit(&json);
    }
    assert_true(compared > 500);
}

static void reader_tolerates_bad_text_inside_strings_only(void **state)
{
    (void)state;
    assert_true(reads("\"\xff\"", 3));
    assert_true(reads("\"\xed\xa0\x80\"", 5));
    assert_true(reads("\"\x01\"", 3));
    assert_true(reads("\"a\0b\"", 5));
    assert_true(reads("\"\\ud800\"", 8));
    assert_false(reads("\xff", 1));
    assert_false(reads("[1,\0]", 5));
}

static void decoded_text_is_valid_and_keeps_what_is_good(void **state)
{
    static const struct {
        const char *json;
        const char *want;
        size_t size;
    } cases[] = {
        {"\"a\\u00e9\\u20ac\\ud83d\\ude00\"", "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10},
        {"\"\\ud83dx\"", "\xef\xbf\xbdx", 4},
        {"\"\\ud83d\\ud83d\\ude00\"", "\xef\xbf\xbd\xf0\x9f\x98\x80", 7},
        {"\"\\ude00\"", "\xef\xbf\xbd", 3},
        {"\"a\xff\xc3\"", "a\xef\xbf\xbd\xef\xbf\xbd", 7},
        {"\"\\u0000\"", "\0", 1},
        {"\"\\b\\f\\n\\r\\t\\/\\\\\\\"\"", "\b\f\n\r\t/\\\"", 8},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pc_json_reader reader;
        pc_json_text text;
        uint8_t decoded[256];
        pc_json_reader_init(&reader, (const uint8_t *)cases[i].json, strlen(cases[i].json), 0);
        assert_true(pc_json_read_string(&reader, &text));
        assert_false(text.plain);
        assert_int_equal(pc_json_text_decode(&text, decoded), cases[i].size);
        assert_memory_equal(decoded, cases[i].want, cases[i].size);
        /* The careful way near a buffer's maximum gives the same. */
        pc_buffer tight;
        pc_buffer_init(&tight, cases[i].size);
        pc_json_text_append(&tight, &text);
        assert_false(tight.failed);
        assert_int_equal(tight.size, cases[i].size);
        assert_memory_equal(tight.bytes, cases[i].want, cases[i].size);
        pc_buffer_deinit(&tight);
    }
}

static void depth_is_limited(void **state)
{
    char json[2100];
    (void)state;
    memset(json, '[', sizeof json);
    pc_json_reader reader;
    pc_json_reader_init(&reader, (const uint8_t *)json, sizeof json, 5);
    assert_false(pc_json_skip(&reader, NULL));
    pc_status status = pc_json_status(&reader);
    assert_int_equal(status.code, PC_CODE_RESOURCE_EXHAUSTED);
    assert_string_equal(pc_status_reason(&status), "UPSTREAM_BODY_TOO_COMPLEX");
    pc_status_clear(&status);
    assert_int_equal(reader.at, 5);
    pc_json_reader_init(&reader, (const uint8_t *)json, sizeof json, 100000);
    assert_false(pc_json_skip(&reader, NULL));
    assert_int_equal(reader.at, PC_JSON_DEPTH_MAX);
    memset(json + 512, ']', 512);
    pc_json_reader_init(&reader, (const uint8_t *)json, 1024, 0);
    assert_true(pc_json_skip(&reader, NULL) && pc_json_finish(&reader));
}

static void errors_name_a_position_and_nothing_else(void **state)
{
    pc_json_reader reader;
    (void)state;
    pc_json_reader_init(&reader, (const uint8_t *)"[\"secret\" x]", 12, 0);
    assert_false(pc_json_skip(&reader, NULL));
    pc_status status = pc_json_status(&reader);
    assert_int_equal(status.code, PC_CODE_INTERNAL);
    assert_string_equal(pc_status_reason(&status), "UPSTREAM_BODY_UNREADABLE");
    assert_string_equal(pc_status_message(&status),
                        "the upstream's JSON cannot be read at byte 10 of 12");
    pc_status_clear(&status);
}

static void dropping_duplicates_keeps_the_last(void **state)
{
    static const char *const cases[][2] = {
        {"{}", "{}"},
        {" { \"a\" : 1 } ", "{\"a\":1}"},
        {"{\"a\":1,\"b\":2,\"a\":3}", "{\"b\":2,\"a\":3}"},
        {"{\"a\":{\"x\":1,\"x\":2},\"\\u0061\":{\"y\":[1,{\"z\":1,\"z\":[]}]}}",
         "{\"\\u0061\":{\"y\":[1,{\"z\":[]}]}}"},
        {"[{\"a\":1,\"a\":2,\"a\":3},\"s\",null]", "[{\"a\":3},\"s\",null]"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pc_buffer out;
        pc_buffer_init(&out, SIZE_MAX);
        pc_status status =
            pc_json_drop_duplicates(&out, (const uint8_t *)cases[i][0], strlen(cases[i][0]), 0);
        assert_true(pc_status_ok(&status));
        assert_int_equal(out.size, strlen(cases[i][1]));
        assert_memory_equal(out.bytes, cases[i][1], out.size);
        pc_buffer_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader_agrees_with_jansson_on_what_json_is),
        cmocka_unit_test(generated_documents_read_as_jansson_reads_them),
        cmocka_unit_test(reader_tolerates_bad_text_inside_strings_only),
        cmocka_unit_test(decoded_text_is_valid_and_keeps_what_is_good),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(errors_name_a_position_and_nothing_else),
        cmocka_unit_test(dropping_duplicates_keeps_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
