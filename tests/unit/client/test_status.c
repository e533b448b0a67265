/* Reading the details of a failure. */
#include "testing.h"

#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "internal.h"

enum { BUFFER = 1024 };

typedef struct {
    uint8_t bytes[BUFFER];
    char type_url[128];
    Google__Protobuf__Any any;
} packed_detail;

static void pack_detail(packed_detail *out, const ProtobufCMessage *message)
{
    google__protobuf__any__init(&out->any);
    snprintf(out->type_url, sizeof out->type_url, "type.googleapis.com/%s",
             message->descriptor->name);
    out->any.type_url = out->type_url;
    out->any.value.data = out->bytes;
    out->any.value.len = protobuf_c_message_pack(message, out->bytes);
}

static size_t pack_status(uint8_t out[4 * BUFFER], packed_detail *details, size_t count)
{
    Google__Protobuf__Any *pointers[8];
    for (size_t i = 0; i < count; i++) {
        pointers[i] = &details[i].any;
    }
    Google__Rpc__Status status = GOOGLE__RPC__STATUS__INIT;
    status.n_details = count;
    status.details = pointers;
    return google__rpc__status__pack(&status, out);
}

static void every_kind_of_detail_is_read(void **state)
{
    (void)state;
    char reason[] = "INVALID_REQUEST";
    char domain[] = "profilecontext";
    char field[] = "identity.id";
    char description[] = "is empty";
    char id[] = "req-1";
    Google__Rpc__ErrorInfo info = GOOGLE__RPC__ERROR_INFO__INIT;
    info.reason = reason;
    info.domain = domain;
    Google__Rpc__BadRequest__FieldViolation violation =
        GOOGLE__RPC__BAD_REQUEST__FIELD_VIOLATION__INIT;
    violation.field = field;
    violation.description = description;
    Google__Rpc__BadRequest__FieldViolation *violations[] = {&violation};
    Google__Rpc__BadRequest bad = GOOGLE__RPC__BAD_REQUEST__INIT;
    bad.n_field_violations = 1;
    bad.field_violations = violations;
    Google__Protobuf__Duration delay = GOOGLE__PROTOBUF__DURATION__INIT;
    delay.seconds = 2;
    delay.nanos = 1;
    Google__Rpc__RetryInfo retry = GOOGLE__RPC__RETRY_INFO__INIT;
    retry.retry_delay = &delay;
    Google__Rpc__RequestInfo request = GOOGLE__RPC__REQUEST_INFO__INIT;
    request.request_id = id;
    packed_detail details[4];
    pack_detail(&details[0], &info.base);
    pack_detail(&details[1], &bad.base);
    pack_detail(&details[2], &retry.base);
    pack_detail(&details[3], &request.base);
    uint8_t data[4 * BUFFER];
    size_t size = pack_status(data, details, 4);

    profilecontext_status status = PROFILECONTEXT_STATUS_INIT;
    pcc_status_set(&status, PROFILECONTEXT_INVALID_ARGUMENT, "wrong %d", 1);
    pcc_status_read_details(&status, data, size);

    assert_string_equal(status.message, "wrong 1");
    assert_string_equal(status.reason, reason);
    assert_string_equal(status.domain, domain);
    assert_int_equal(status.violation_count, 1);
    assert_string_equal(status.violations[0].field, field);
    assert_string_equal(status.violations[0].description, description);
    assert_int_equal(status.retry_after_ms, 2001);
    assert_string_equal(status.request_id, id);
    profilecontext_status_clear(&status);
    assert_null(status.violations);
    assert_int_equal(status.retry_after_ms, -1);
}

static void broken_details_leave_code_and_message(void **state)
{
    (void)state;
    profilecontext_status status = PROFILECONTEXT_STATUS_INIT;
    pcc_status_set(&status, PROFILECONTEXT_NOT_FOUND, "%s", "nobody");
    pcc_status_read_details(&status, (const uint8_t *)"\x1a\x7f", 2);
    assert_int_equal(status.code, PROFILECONTEXT_NOT_FOUND);
    assert_string_equal(status.message, "nobody");
    assert_null(status.reason);
    profilecontext_status_clear(&status);
}

static void codes_have_names(void **state)
{
    (void)state;
    assert_string_equal(profilecontext_code_name(PROFILECONTEXT_OK), "OK");
    assert_string_equal(profilecontext_code_name(PROFILECONTEXT_UNAUTHENTICATED),
                        "UNAUTHENTICATED");
    assert_string_equal(profilecontext_code_name((profilecontext_code)99), "UNKNOWN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_detail_is_read),
        cmocka_unit_test(broken_details_leave_code_and_message),
        cmocka_unit_test(codes_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
