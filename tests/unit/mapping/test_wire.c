/* The wire writer and reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mapping/wire.h"

static void what_is_written_is_read(void **state)
{
    static const size_t sizes[] = {0, 1, 126, 127, 128, 129, 16383, 16384, 300000};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        pc_buffer out;
        uint8_t *content = calloc(1, sizes[i] + 1);
        pc_buffer_init(&out, SIZE_MAX);
        size_t outer = pc_wire_begin(&out, 100);
        size_t inner = pc_wire_begin(&out, 536870911);
        pc_wire_put_bytes(&out, 16, content, sizes[i]);
        pc_wire_end(&out, inner);
        pc_wire_put_int(&out, 1, -5);
        pc_wire_put_double(&out, 2, -0.5);
        pc_wire_put_timestamp(&out, 3, -1, 999999999);
        pc_wire_end(&out, outer);
        assert_false(out.failed);
        pc_wire_reader reader;
        pc_wire_field field;
        pc_wire_reader_init(&reader, out.bytes, out.size);
        assert_true(pc_wire_next(&reader, &field));
        assert_int_equal(field.number, 100);
        assert_int_equal(field.whole_size, out.size);
        pc_wire_reader_init(&reader, field.bytes, field.size);
        assert_true(pc_wire_next(&reader, &field));
        assert_int_equal(field.number, 536870911);
        pc_wire_reader deep;
        pc_wire_field leaf;
        pc_wire_reader_init(&deep, field.bytes, field.size);
        assert_true(pc_wire_next(&deep, &leaf));
        assert_int_equal(leaf.size, sizes[i]);
        assert_false(pc_wire_next(&deep, &leaf));
        assert_true(pc_wire_next(&reader, &field) && (int64_t)field.value == -5);
        assert_true(pc_wire_next(&reader, &field) && pc_wire_double(&field) == -0.5);
        int64_t seconds;
        int32_t nanos;
        assert_true(pc_wire_next(&reader, &field));
        assert_true(pc_wire_timestamp(field.bytes, field.size, &seconds, &nanos));
        assert_true(seconds == -1 && nanos == 999999999);
        assert_false(pc_wire_next(&reader, &field) || reader.failed);
        free(content);
        pc_buffer_deinit(&out);
    }
}

static void malformed_bytes_end_the_reader(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
    } cases[] = {
        {"\x08", 1},     /* no value */
        {"\x00\x01", 2}, /* field 0 */
        {"\x0a\x05"
         "abc",
         5},                                                      /* too short */
        {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},     /* a length of 2^64 - 1 */
        {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11},     /* a varint above 64 bits */
        {"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 12}, /* an endless one */
        {"\x0b\x0c", 2},                                          /* a group */
        {"\x0d\x01\x02\x03", 4},                                  /* a short fixed32 */
        {"\x09\x01", 2},                                          /* a short fixed64 */
        {"\x0e", 1},                                              /* no such type */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t *exact = malloc(cases[i].size);
        memcpy(exact, cases[i].bytes, cases[i].size);
        pc_wire_reader reader;
        pc_wire_field field;
        pc_wire_reader_init(&reader, exact, cases[i].size);
        assert_false(pc_wire_next(&reader, &field));
        assert_true(reader.failed);
        assert_false(pc_wire_next(&reader, &field));
        free(exact);
    }
}

static void a_full_buffer_fails_and_stays_failed(void **state)
{
    (void)state;
    for (size_t max = 0; max < 40; max++) {
        pc_buffer out;
        pc_buffer_init(&out, max);
        size_t mark = pc_wire_begin(&out, 1);
        pc_wire_put_text(&out, 1, "thirty-two bytes of text, or so.");
        pc_wire_end(&out, mark);
        assert_int_equal(out.failed, max < 36);
        assert_true(out.size <= max);
        pc_buffer_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(malformed_bytes_end_the_reader),
        cmocka_unit_test(a_full_buffer_fails_and_stays_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
