/* Requests from the wire, hostile ones above all. */
#include "check.h"

#include <string.h>

#include "mapping/wire.h"
#include "profilecontext/v1/profile_context.pb-c.h"
#include "rpc/decode.h"
#include "unpack_oracle.h"

typedef Profilecontext__V1__GetProfileRequest request_message;

static pc_status decode(const request_message **out, pc_arena *arena, const char *bytes,
                        size_t size)
{
    const ProtobufCMessage *message = NULL;
    pc_status status = pc_decode(&message, &profilecontext__v1__get_profile_request__descriptor,
                                 (const uint8_t *)bytes, size, arena);
    *out = (const request_message *)message;
    return status;
}

#define DECODE(out, arena, literal) decode(out, arena, literal, sizeof(literal) - 1)

static void test_decode__reads_a_request(void **state)
{
    (void)state;
    pc_arena arena;
    pc_arena_init(&arena, NULL, 0, 1 << 20);
    const request_message *request;
    check_ok(DECODE(&request, &arena,
                    "\x0a\x0c\x0a\x05"
                    "Email"
                    "\x12\x03"
                    "a@b"
                    "\x1a\x04"
                    "prod"));
    assert_int_equal(request->person_case,
                     PROFILECONTEXT__V1__GET_PROFILE_REQUEST__PERSON_IDENTITY);
    assert_string_equal(request->identity->namespace_, "Email");
    assert_string_equal(request->sandbox, "prod");
    check_ok(DECODE(&request, &arena, ""));
    pc_arena_deinit(&arena);
}

static void check_refused(const char *bytes, size_t size, const char *reason, const char *field)
{
    pc_arena arena;
    pc_arena_init(&arena, NULL, 0, 1 << 20);
    const request_message *request;
    pc_status status = decode(&request, &arena, bytes, size);
    if (field != NULL) {
        assert_string_equal(pc_status_violations(&status)->field, field);
    }
    check_failure(status, PC_CODE_INVALID_ARGUMENT, reason);
    pc_arena_deinit(&arena);
}

#define REFUSED(literal, reason, field) check_refused(literal, sizeof(literal) - 1, reason, field)

static void test_decode__names_the_field_of_bad_text(void **state)
{
    (void)state;
    REFUSED("\x0a\x05\x12\x03"
            "a\0b",
            "INVALID_REQUEST", "identity.id");
    REFUSED("\x0a\x04\x0a\x02\xc3\x28", "INVALID_REQUEST", "identity.namespace");
    REFUSED("\x1a\x01\xff", "INVALID_REQUEST", "sandbox");
}

static void test_decode__refuses_damaged_bytes(void **state)
{
    (void)state;
    REFUSED("\x0a\x05\x12", "REQUEST_UNREADABLE", NULL);
    REFUSED("\x0a", "REQUEST_UNREADABLE", NULL);
    REFUSED("\x0b\x0c", "REQUEST_UNREADABLE", NULL);
    REFUSED("\x00\x01", "REQUEST_UNREADABLE", NULL);
    REFUSED("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "REQUEST_UNREADABLE", NULL);
    REFUSED("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "REQUEST_UNREADABLE", NULL);
}

static void test_decode__passes_over_unknown_fields(void **state)
{
    (void)state;
    pc_arena arena;
    pc_arena_init(&arena, NULL, 0, 1 << 20);
    const request_message *request;
    check_ok(DECODE(&request, &arena, "\xf8\x07\x01\xfa\x07\x02\xff\xff"));
    pc_arena_deinit(&arena);
}

static void test_decode__bounds_the_number_of_fields(void **state)
{
    (void)state;
    static char many[2 * (PC_DECODE_FIELDS_MAX + 1)];
    for (size_t i = 0; i < sizeof many; i += 2) {
        many[i] = 0x32; /* an empty max_staleness */
        many[i + 1] = 0;
    }
    check_refused(many, sizeof many, "REQUEST_UNREADABLE", NULL);
}

/* Every prefix and every single changed byte of a good request ends in a status, never a crash. */
static void test_decode__survives_every_truncation_and_byte(void **state)
{
    (void)state;
    static const char good[] = "\x0a\x0c\x0a\x05"
                               "Email"
                               "\x12\x03"
                               "a@b"
                               "\x1a\x04"
                               "prod"
                               "\x2a\x06\x0a\x04"
                               "a.bc"
                               "\x32\x02\x08\x05";
    char changed[sizeof good];
    for (size_t size = 0; size < sizeof good; size++) {
        for (int byte = 0; byte < 256; byte++) {
            memcpy(changed, good, sizeof good);
            changed[size] = (char)byte;
            pc_arena arena;
            pc_arena_init(&arena, NULL, 0, 1 << 20);
            const request_message *request;
            pc_status status = decode(&request, &arena, changed, size + 1);
            pc_status_clear(&status);
            pc_arena_deinit(&arena);
        }
    }
}

/* ---- beside protobuf-c ------------------------------------------------------------------------
 */

/* xorshift; never 0. */
static uint64_t roll(uint64_t *dice)
{
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    return *dice;
}

static void put_message(pc_buffer *out, const ProtobufCMessageDescriptor *descriptor,
                        uint64_t *dice, int depth);

static void put_varint_of_any_size(pc_buffer *out, uint64_t *dice)
{
    pc_wire_put_varint(out, roll(dice) >> roll(dice) % 64);
}

static void put_number(pc_buffer *out, ProtobufCType type, uint64_t *dice)
{
    uint64_t bits = roll(dice);
    switch (type) {
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
        pc_buffer_append(out, &bits, 8);
        break;
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32:
        pc_buffer_append(out, &bits, 4);
        break;
    default:
        put_varint_of_any_size(out, dice);
        break;
    }
}

static pc_wire_type wire_type(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return PC_WIRE_FIXED64;
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return PC_WIRE_FIXED32;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return PC_WIRE_BYTES;
    default:
        return PC_WIRE_VARINT;
    }
}

static void put_field(pc_buffer *out, const ProtobufCFieldDescriptor *field, uint64_t *dice,
                      int depth)
{
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        size_t mark = pc_wire_begin(out, field->id);
        if (depth < 4) {
            put_message(out, field->descriptor, dice, depth + 1);
        }
        pc_wire_end(out, mark);
    } else if (wire_type(field->type) == PC_WIRE_BYTES) {
        pc_wire_put_bytes(out, field->id, "some words of text", roll(dice) % 19);
    } else if (field->label == PROTOBUF_C_LABEL_REPEATED && roll(dice) % 2 == 0) {
        size_t mark = pc_wire_begin(out, field->id);
        for (uint64_t n = roll(dice) % 5; n > 0; n--) {
            put_number(out, field->type, dice);
        }
        pc_wire_end(out, mark);
    } else {
        pc_wire_put_tag(out, field->id, wire_type(field->type));
        put_number(out, field->type, dice);
    }
}

/* Some of the message's fields in any order, some of them again, and some that it has not. Single
 * messages come once: of two, protobuf-c drops texts that the second has not, where the wire format
 * says that they stay. */
static void put_message(pc_buffer *out, const ProtobufCMessageDescriptor *descriptor,
                        uint64_t *dice, int depth)
{
    bool used[512] = {false};
    assert_true(descriptor->n_fields <= 512);
    for (uint64_t n = roll(dice) % 6; n > 0 && descriptor->n_fields > 0; n--) {
        size_t place = roll(dice) % descriptor->n_fields;
        const ProtobufCFieldDescriptor *field = &descriptor->fields[place];
        bool once =
            field->type == PROTOBUF_C_TYPE_MESSAGE && field->label != PROTOBUF_C_LABEL_REPEATED;
        if (once && used[place]) {
            continue;
        }
        used[place] = true;
        put_field(out, field, dice, depth);
        if (roll(dice) % 16 == 0) {
            pc_wire_put_bytes(out, 50000, "unknown", 7);
        }
    }
}

static void test_decode__reads_what_protobuf_c_reads(void **state)
{
    (void)state;
    static const ProtobufCMessageDescriptor *const descriptors[] = {
        &profilecontext__v1__get_context_request__descriptor,
        &profilecontext__v1__list_events_request__descriptor,
        &profilecontext__v1__batch_get_contexts_request__descriptor,
        &profilecontext__v1__stream_events_request__descriptor,
        /* No request has as many kinds of fields as the answers. */
        &profilecontext__v1__get_context_response__descriptor,
        &profilecontext__v1__list_events_response__descriptor,
        &profilecontext__v1__get_entity_response__descriptor,
    };
    for (uint64_t seed = 1; seed <= 20000; seed++) {
        const ProtobufCMessageDescriptor *descriptor =
            descriptors[seed % (sizeof descriptors / sizeof descriptors[0])];
        uint64_t dice = seed * 0x9e3779b97f4a7c15;
        pc_buffer bytes;
        pc_buffer_init(&bytes, 1 << 20);
        put_message(&bytes, descriptor, &dice, 0);
        assert_false(bytes.failed);
        pc_arena arena;
        pc_arena_init(&arena, NULL, 0, 1 << 24);
        const ProtobufCMessage *message;
        check_ok(pc_decode(&message, descriptor, bytes.bytes, bytes.size, &arena));
        if (!unpack_oracle_agrees(message, bytes.bytes, bytes.size)) {
            fail_msg("seed %llu reads differently", (unsigned long long)seed);
        }
        pc_arena_deinit(&arena);
        pc_buffer_deinit(&bytes);
    }
}

/* Every allocation that a request needs fails in turn. */
static void test_decode__says_when_a_request_takes_too_much_memory(void **state)
{
    (void)state;
    static const char good[] = "\x0a\x0c\x0a\x05"
                               "Email"
                               "\x12\x03"
                               "a@b"
                               "\x2a\x06\x0a\x04"
                               "a.bc";
    uint8_t few[1024];
    const request_message *request = NULL;
    for (size_t room = 0; request == NULL; room += 16) {
        pc_arena arena;
        assert_true(room <= sizeof few);
        pc_arena_init(&arena, few, room, 0);
        pc_status status = DECODE(&request, &arena, good);
        if (request == NULL) {
            check_failure(status, PC_CODE_RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE");
        }
        pc_arena_deinit(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode__reads_a_request),
        cmocka_unit_test(test_decode__names_the_field_of_bad_text),
        cmocka_unit_test(test_decode__refuses_damaged_bytes),
        cmocka_unit_test(test_decode__passes_over_unknown_fields),
        cmocka_unit_test(test_decode__bounds_the_number_of_fields),
        cmocka_unit_test(test_decode__survives_every_truncation_and_byte),
        cmocka_unit_test(test_decode__reads_what_protobuf_c_reads),
        cmocka_unit_test(test_decode__says_when_a_request_takes_too_much_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
