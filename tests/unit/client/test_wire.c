/* The check of the wire form before protobuf-c reads it. */
#include "testing.h"

#include <string.h>

#include "google/protobuf/struct.pb-c.h"
#include "internal.h"

enum { BUFFER = 4096 };

/* Wraps a list value in `levels` more, from the inside out; returns the size. */
static size_t nested_lists(uint8_t out[BUFFER], unsigned levels)
{
    size_t at = BUFFER;
    for (unsigned i = 0; i < levels; i++) {
        size_t size = BUFFER - at;
        /* Even levels are the list_value of a Value, odd ones the values of a ListValue. */
        uint8_t tag = i % 2 == 0 ? 0x32 : 0x0a;
        if (size > 127) {
            out[--at] = (uint8_t)(size >> 7);
            out[--at] = (uint8_t)(0x80 | (size & 0x7f));
        } else {
            out[--at] = (uint8_t)size;
        }
        out[--at] = tag;
    }
    memmove(out, out + at, BUFFER - at);
    return BUFFER - at;
}

static void message_within_the_limit_is_read(void **state)
{
    (void)state;
    uint8_t data[BUFFER];
    size_t size = nested_lists(data, PCC_DEPTH_MAX - 1);
    assert_int_equal(
        pcc_wire_check(&google__protobuf__value__descriptor, data, size, PCC_DEPTH_MAX),
        PCC_WIRE_OK);
    ProtobufCMessage *message = pcc_unpack(&google__protobuf__value__descriptor, data, size);
    assert_non_null(message);
    protobuf_c_message_free_unpacked(message, NULL);
}

static void message_beyond_the_limit_is_refused(void **state)
{
    (void)state;
    uint8_t data[BUFFER];
    size_t size = nested_lists(data, PCC_DEPTH_MAX + 1);
    assert_int_equal(
        pcc_wire_check(&google__protobuf__value__descriptor, data, size, PCC_DEPTH_MAX),
        PCC_WIRE_TOO_DEEP);
    assert_null(pcc_unpack(&google__protobuf__value__descriptor, data, size));
}

static void broken_messages_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        size_t size;
    } cases[] = {
        {"\x1a", 1},                                          /* a length is missing */
        {"\x1a\x05ok", 4},                                    /* shorter than its length */
        {"\x11\x01", 2},                                      /* a double of one byte */
        {"\x80", 1},                                          /* a tag without end */
        {"\x00\x00", 2},                                      /* field 0 */
        {"\x0b\x0c", 2},                                      /* a group */
        {"\x1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11}, /* a length beyond memory */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(pcc_wire_check(&google__protobuf__value__descriptor,
                                        (const uint8_t *)cases[i].data, cases[i].size,
                                        PCC_DEPTH_MAX),
                         PCC_WIRE_MALFORMED);
    }
}

static void fields_are_read_one_after_the_other(void **state)
{
    (void)state;
    static const uint8_t data[] = "\x08\x96\x01" /* 1: the varint 150 */
                                  "\x12\x02hi"   /* 2: two bytes */
                                  "\x1d____";    /* 3: 32 bits */
    const uint8_t *at = data;
    const uint8_t *end = data + sizeof data - 1;
    pcc_wire_field field;
    assert_true(pcc_wire_next(&field, &at, end));
    assert_int_equal(field.number, 1);
    assert_int_equal(field.value, 150);
    assert_null(field.data);
    assert_true(pcc_wire_next(&field, &at, end));
    assert_int_equal(field.number, 2);
    assert_int_equal(field.value, 2);
    assert_memory_equal(field.data, "hi", 2);
    assert_true(pcc_wire_next(&field, &at, end));
    assert_int_equal(field.number, 3);
    assert_ptr_equal(at, end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message_within_the_limit_is_read),
        cmocka_unit_test(message_beyond_the_limit_is_refused),
        cmocka_unit_test(broken_messages_are_refused),
        cmocka_unit_test(fields_are_read_one_after_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
