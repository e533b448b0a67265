/* Every shape of error that the reference knows, as (kind, status, body) -> (code, reason, wait).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "upstream/error_body.h"
#include "upstream/retry_after.h"

#define P PC_ENTITY_PROFILE
#define E PC_ENTITY_EVENTS
#define A PC_ENTITY_AUDIENCES
#define B PC_ENTITY_BATCH
#define D PC_ENTITY_DELETE
#define G PC_ENTITY_GRAPH
#define R PC_ENTITY_RECORD

typedef struct {
    const char *name;
    pc_entity_kind kind;
    int http_status;
    const char *body;
    int64_t header_ms;
    pc_code code;
    const char *reason;
    int64_t wait_ms;
} row;

static void assert_row(const row *own)
{
    pc_status status = pc_error_body_judge(own->kind, own->http_status, own->body,
                                           strlen(own->body), own->header_ms);
    if (status.code != own->code || strcmp(pc_status_reason(&status), own->reason) != 0 ||
        pc_status_retry_after_ms(&status) != own->wait_ms) {
        fail_msg("%s: %s %s %lld", own->name, pc_code_name(status.code), pc_status_reason(&status),
                 (long long)pc_status_retry_after_ms(&status));
    }
    assert_null(strstr(pc_status_message(&status), "SECRET"));
    pc_status_clear(&status);
}

#define PLACEHOLDER                                                                                \
    "{\"entityId\":\"X1\",\"sources\":[\"\"],\"entity\":{},"                                       \
    "\"lastModifiedAt\":\"1970-01-01T00:00:00Z\"}"

static void test_error_body__maps_every_documented_shape(void **state)
{
    (void)state;
    static const row rows[] = {
        {"400 entity", P, 400, "{\"message\":\"SECRET\",\"cause\":\"c\",\"statusCode\":\"400\"}", 0,
         PC_CODE_INVALID_ARGUMENT, "UPSTREAM_REJECTED_REQUEST", 0},
        {"400 problem+json", P, 400, "{\"status\":400,\"title\":\"t\",\"detail\":\"SECRET\"}", 0,
         PC_CODE_INVALID_ARGUMENT, "UPSTREAM_REJECTED_REQUEST", 0},
        {"400003 gateway", P, 400, "{\"error_code\":\"400003\",\"message\":\"Missing header\"}", 0,
         PC_CODE_INVALID_ARGUMENT, "UPSTREAM_REJECTED_REQUEST", 0},
        {"401013 gateway", P, 401, "{\"error_code\":\"401013\",\"message\":\"SECRET\"}", 0,
         PC_CODE_UNAUTHENTICATED, "UPSTREAM_UNAUTHENTICATED", 0},
        {"401 bare", A, 401, "", 0, PC_CODE_UNAUTHENTICATED, "UPSTREAM_UNAUTHENTICATED", 0},
        {"401013 under 400", P, 400, "{\"error_code\":\"401013\"}", 0, PC_CODE_UNAUTHENTICATED,
         "UPSTREAM_UNAUTHENTICATED", 0},
        {"403 not provisioned", P, 403,
         "{\"message\":\"UPS-ACC-1000004: IMS Org SECRET.\",\"statusCode\":\"403\"}", 0,
         PC_CODE_PERMISSION_DENIED, "UPSTREAM_NOT_PROVISIONED", 0},
        {"403 attribute rule", A, 403,
         "{\"requestId\":\"r\",\"errors\":{\"403\":[{\"code\":\"UPAPI-113752-403\"}]}}", 0,
         PC_CODE_PERMISSION_DENIED, "UPSTREAM_FORBIDDEN", 0},
        {"403 events", E, 403, "{\"message\":\"SECRET\",\"statusCode\":\"403\"}", 0,
         PC_CODE_PERMISSION_DENIED, "EVENTS_NOT_ENABLED", 0},
        {"403 events not provisioned", E, 403,
         "{\"message\":\"UPS-ACC-1000004: no\",\"statusCode\":\"403\"}", 0,
         PC_CODE_PERMISSION_DENIED, "EVENTS_NOT_ENABLED", 0},
        {"403 events bare", E, 403, "", 0, PC_CODE_PERMISSION_DENIED, "EVENTS_NOT_ENABLED", 0},
        {"403025 events", E, 403, "{\"error_code\":\"403025\",\"message\":\"SECRET\"}", 0,
         PC_CODE_PERMISSION_DENIED, "UPSTREAM_FORBIDDEN", 0},
        {"403000", P, 403, "{\"error_code\":403000}", 0, PC_CODE_PERMISSION_DENIED,
         "UPSTREAM_FORBIDDEN", 0},
        {"404 bare statusCode", P, 404, "{\"statusCode\":\"404\"}", 0, PC_CODE_NOT_FOUND,
         "PROFILE_NOT_FOUND", 0},
        {"404 empty", P, 404, "", 0, PC_CODE_NOT_FOUND, "PROFILE_NOT_FOUND", 0},
        {"404 events", E, 404, "{\"statusCode\":404}", 0, PC_CODE_NOT_FOUND, "PROFILE_NOT_FOUND",
         0},
        {"404 errors map", A, 404,
         "{\"requestId\":\"r\",\"errors\":{\"404\":[{\"code\":\"404\",\"message\":\"SECRET\"}]},"
         "\"status\":404}",
         0, PC_CODE_NOT_FOUND, "AUDIENCE_NOT_FOUND", 0},
        {"404 of a batch", B, 404, "{\"statusCode\":404}", 0, PC_CODE_NOT_FOUND,
         "PROFILE_NOT_FOUND", 0},
        {"404 of a record", R, 404, "{\"statusCode\":404}", 0, PC_CODE_NOT_FOUND,
         "ENTITY_NOT_FOUND", 0},
        {"empty record", R, 200, "{}", 0, PC_CODE_NOT_FOUND, "ENTITY_NOT_FOUND", 0},
        {"413 of a batch", B, 413, "", 0, PC_CODE_INVALID_ARGUMENT, "UPSTREAM_REQUEST_TOO_LARGE",
         0},
        {"207 of a batch", B, 207, "[{\"xid\":\"X\",\"error\":{\"statusCode\":\"422\"}}]", 0,
         PC_CODE_OK, "", 0},
        {"placeholders of a batch", B, 200, "{\"X1\":" PLACEHOLDER "}", 0, PC_CODE_OK, "", 0},
        {"202 of a delete", D, 202, "", 0, PC_CODE_OK, "", 0},
        {"207 of a delete", D, 207, "[{\"xid\":\"X\",\"error\":{\"statusCode\":\"422\"}}]", 0,
         PC_CODE_FAILED_PRECONDITION, "UPSTREAM_UNPROCESSABLE", 0},
        {"202 of a get", P, 202, "{}", 0, PC_CODE_INTERNAL, "UPSTREAM_UNEXPECTED_STATUS", 0},
        {"429 of the graph", G, 429,
         "{\"title\":\"RequestRateTooLarge\",\"status\":429,\"detail\":\"SECRET\"}", 2000,
         PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_THROTTLED", 2000},
        {"403 of the graph", G, 403, "{\"code\":\"UIS-4064-403\",\"message\":\"SECRET\"}", 0,
         PC_CODE_PERMISSION_DENIED, "UPSTREAM_FORBIDDEN", 0},
        {"404 problem+json", P, 404, "{\"status\":404,\"title\":\"t\",\"type\":\"u\"}", 0,
         PC_CODE_NOT_FOUND, "PROFILE_NOT_FOUND", 0},
        {"404 array", P, 404, "[{\"statusCode\":\"404\"}]", 0, PC_CODE_NOT_FOUND,
         "PROFILE_NOT_FOUND", 0},
        {"404 of a wrong path", P, 404, "<html>SECRET</html>", 0, PC_CODE_INTERNAL,
         "UPSTREAM_UNEXPECTED_STATUS", 0},
        {"404 of the gateway", P, 404, "{\"error_code\":\"404000\"}", 0, PC_CODE_INTERNAL,
         "UPSTREAM_UNEXPECTED_STATUS", 0},
        {"422 too many", P, 422,
         "{\"message\":\"Too many related identities\",\"statusCode\":\"422\"}", 0,
         PC_CODE_FAILED_PRECONDITION, "UPSTREAM_TOO_MANY_IDENTITIES", 0},
        {"422 other", P, 422,
         "{\"message\":\"UPS-MRG-1000001: SECRET\",\"cause\":\"SECRET\",\"statusCode\":\"422\"}", 0,
         PC_CODE_FAILED_PRECONDITION, "UPSTREAM_UNPROCESSABLE", 0},
        {"429 array", P, 429,
         "[{\"message\":\"m\",\"cause\":\"SECRET\",\"retryAfterMs\":\"500\","
         "\"statusCode\":\"429\"}]",
         0, PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_THROTTLED", 500},
        {"429 object number", E, 429, "{\"retryAfterMs\":750,\"statusCode\":429}", 0,
         PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_THROTTLED", 750},
        {"429 real", E, 429, "{\"retryAfterMs\":750.9}", 0, PC_CODE_RESOURCE_EXHAUSTED,
         "UPSTREAM_THROTTLED", 750},
        {"429 header longer", P, 429, "[{\"retryAfterMs\":\"500\"}]", 2000,
         PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_THROTTLED", 2000},
        {"429 body longer", P, 429, "[{\"retryAfterMs\":\"5000\"}]", 2000,
         PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_THROTTLED", 5000},
        {"429 header only", P, 429, "slow down", 3000, PC_CODE_RESOURCE_EXHAUSTED,
         "UPSTREAM_THROTTLED", 3000},
        {"429 no advice", P, 429, "[]", 0, PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_THROTTLED", 0},
        {"429 bad advice", P, 429, "[{\"retryAfterMs\":\"-5\"}]", 0, PC_CODE_RESOURCE_EXHAUSTED,
         "UPSTREAM_THROTTLED", 0},
        {"429 huge advice", P, 429, "[{\"retryAfterMs\":\"999999999999\"}]", 0,
         PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_THROTTLED", PC_RETRY_AFTER_MAX_MS},
        {"429 advice no number", P, 429, "[{\"retryAfterMs\":\"soon\"}]", 0,
         PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_THROTTLED", 0},
        {"429 identity", P, 429, "{\"title\":\"RequestRateTooLarge\",\"status\":429}", 0,
         PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_THROTTLED", 0},
        {"429050 under 400", P, 400, "{\"error_code\":\"429050\",\"message\":\"m\"}", 1000,
         PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_THROTTLED", 1000},
        {"500 entity", P, 500, "{\"message\":\"SECRET\",\"statusCode\":\"500\"}", 0,
         PC_CODE_UNAVAILABLE, "UPSTREAM_UNAVAILABLE", 0},
        {"502 html", E, 502, "<html>", 0, PC_CODE_UNAVAILABLE, "UPSTREAM_UNAVAILABLE", 0},
        {"503 with header", A, 503, "", 4000, PC_CODE_UNAVAILABLE, "UPSTREAM_UNAVAILABLE", 4000},
        {"504", P, 504, "", 0, PC_CODE_UNAVAILABLE, "UPSTREAM_UNAVAILABLE", 0},
        {"408", P, 408, "", 0, PC_CODE_UNAVAILABLE, "UPSTREAM_UNAVAILABLE", 0},
        {"302", P, 302, "", 0, PC_CODE_INTERNAL, "UPSTREAM_UNEXPECTED_STATUS", 0},
        {"204", P, 204, "", 0, PC_CODE_INTERNAL, "UPSTREAM_UNEXPECTED_STATUS", 0},
        {"418", P, 418, "{\"statusCode\":\"418\"}", 0, PC_CODE_INTERNAL,
         "UPSTREAM_UNEXPECTED_STATUS", 0},
        {"0", P, 0, "", 0, PC_CODE_INTERNAL, "UPSTREAM_UNEXPECTED_STATUS", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_row(&rows[i]);
    }
}

static void test_error_body__knows_not_found_within_success(void **state)
{
    (void)state;
    static const row rows[] = {
        {"entity", P, 200, "{\"X1\":{\"entityId\":\"X1\",\"entity\":{\"a\":1}}}", 0, PC_CODE_OK, "",
         0},
        {"{}", P, 200, "{}", 0, PC_CODE_NOT_FOUND, "PROFILE_NOT_FOUND", 0},
        {"{} with blanks", P, 200, " \r\n{ }\n", 0, PC_CODE_NOT_FOUND, "PROFILE_NOT_FOUND", 0},
        {"placeholder", P, 200, "{\"X1\":" PLACEHOLDER "}", 0, PC_CODE_NOT_FOUND,
         "PROFILE_NOT_FOUND", 0},
        {"bare placeholder", P, 200, "{\"X1\":{\"entity\":{}}}", 0, PC_CODE_NOT_FOUND,
         "PROFILE_NOT_FOUND", 0},
        {"fields that match nothing", P, 200,
         "{\"X1\":{\"sources\":[\"ds\"],\"entity\":{},"
         "\"lastModifiedAt\":\"2026-01-01T00:00:00Z\"}}",
         0, PC_CODE_OK, "", 0},
        {"empty with a time", P, 200,
         "{\"X1\":{\"sources\":[\"\"],\"entity\":{},\"lastModifiedAt\":\"2026-01-01T00:00:00Z\"}}",
         0, PC_CODE_OK, "", 0},
        {"one of two is real", P, 200, "{\"X1\":" PLACEHOLDER ",\"X2\":{\"entity\":{\"a\":1}}}", 0,
         PC_CODE_OK, "", 0},
        {"unreadable is the mapping's", P, 200, "{\"X1\":", 0, PC_CODE_OK, "", 0},
        {"empty", P, 200, "", 0, PC_CODE_INTERNAL, "UPSTREAM_BAD_ANSWER", 0},
        {"blank", E, 200, " \n", 0, PC_CODE_INTERNAL, "UPSTREAM_BAD_ANSWER", 0},
        {"a proxy's page", P, 200, "\n<!DOCTYPE html><html></html>", 0, PC_CODE_INTERNAL,
         "UPSTREAM_BAD_ANSWER", 0},
        {"a proxy's word", PC_ENTITY_BATCH, 200, "OK", 0, PC_CODE_INTERNAL, "UPSTREAM_BAD_ANSWER",
         0},
        {"events {}", E, 200, "{}", 0, PC_CODE_OK, "", 0},
        {"audiences 207", A, 207, "{\"results\":{\"x\":{\"errors\":{\"404\":[]}}}}", 0, PC_CODE_OK,
         "", 0},
        {"207 error 500", P, 207,
         "[{\"xid\":\"SECRET\",\"error\":{\"message\":\"SECRET\",\"statusCode\":\"500\"}}]", 0,
         PC_CODE_UNAVAILABLE, "UPSTREAM_UNAVAILABLE", 0},
        {"207 error 404", P, 207, "[{\"xid\":\"x\",\"error\":{\"statusCode\":404}}]", 0,
         PC_CODE_NOT_FOUND, "PROFILE_NOT_FOUND", 0},
        {"207 error 429", P, 207,
         "[{\"xid\":\"x\",\"error\":{\"statusCode\":\"429\",\"retryAfterMs\":\"40\"}}]", 0,
         PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_THROTTLED", 40},
        {"207 error without status", P, 207, "[{\"xid\":\"x\",\"error\":{}}]", 0, PC_CODE_INTERNAL,
         "UPSTREAM_UNEXPECTED_STATUS", 0},
        {"207 object of errors", P, 207, "{\"x\":{\"error\":{\"statusCode\":\"422\"}}}", 0,
         PC_CODE_FAILED_PRECONDITION, "UPSTREAM_UNPROCESSABLE", 0},
        {"207 one error", P, 207, "{\"xid\":\"x\",\"error\":{\"statusCode\":\"500\"}}", 0,
         PC_CODE_UNAVAILABLE, "UPSTREAM_UNAVAILABLE", 0},
        {"207 with a success", P, 207, "{\"x\":{\"entity\":{\"a\":1}}}", 0, PC_CODE_OK, "", 0},
        {"207 []", P, 207, "[]", 0, PC_CODE_NOT_FOUND, "PROFILE_NOT_FOUND", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_row(&rows[i]);
    }
}

/* Whatever comes as a body, there is a verdict and no crash. */
static void test_error_body__survives_anything(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "null",
        "0",
        "\"x\"",
        "[",
        "[[]]",
        "[null]",
        "[1]",
        "{\"error\":1}",
        "{\"errors\":[]}",
        "{\"errors\":{}}",
        "{\"errors\":{\"x\":1}}",
        "{\"statusCode\":{}}",
        "{\"statusCode\":null}",
        "{\"error_code\":\"\"}",
        "{\"error_code\":\"99999999999999999999\"}",
        "{\"error_code\":-401013}",
        "{\"retryAfterMs\":1e300}",
        "{\"x\":null}",
        "\xff\xfe",
        "{\"error_code\":\"401013x\"}",
    };
    static const int statuses[] = {200, 207, 400, 404, 429, 500, -1, 99999};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        for (size_t k = 0; k < sizeof statuses / sizeof statuses[0]; k++) {
            for (int kind = 0; kind < PC_ENTITY_KIND_COUNT; kind++) {
                pc_status status = pc_error_body_judge((pc_entity_kind)kind, statuses[k], bodies[i],
                                                       strlen(bodies[i]), 0);
                assert_true(statuses[k] == 200 || statuses[k] == 207 || status.code != PC_CODE_OK);
                assert_int_not_equal(status.code, PC_CODE_UNAUTHENTICATED);
                pc_status_clear(&status);
            }
        }
    }
    size_t size = 200000;
    char *deep = malloc(size);
    memset(deep, '[', size);
    pc_status status = pc_error_body_judge(PC_ENTITY_PROFILE, 500, deep, size, 0);
    assert_int_equal(status.code, PC_CODE_UNAVAILABLE);
    pc_status_clear(&status);
    status = pc_error_body_judge(PC_ENTITY_PROFILE, 207, deep, 60000, 0);
    pc_status_clear(&status);
    free(deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_body__maps_every_documented_shape),
        cmocka_unit_test(test_error_body__knows_not_found_within_success),
        cmocka_unit_test(test_error_body__survives_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
