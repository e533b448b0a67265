/* Requests from the wire, hostile ones above all. */
#include "check.h"

#include <string.h>

#include "profilecontext/v1/profile_context.pb-c.h"
#include "rpc/decode.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode__reads_a_request),
        cmocka_unit_test(test_decode__names_the_field_of_bad_text),
        cmocka_unit_test(test_decode__refuses_damaged_bytes),
        cmocka_unit_test(test_decode__passes_over_unknown_fields),
        cmocka_unit_test(test_decode__bounds_the_number_of_fields),
        cmocka_unit_test(test_decode__survives_every_truncation_and_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
