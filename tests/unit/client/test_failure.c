/* Exit codes, and what a failure says. */
#include "testing.h"

#include "failure.h"

static void codes_become_exit_codes(void **state)
{
    (void)state;
    static const exit_code expected[] = {
        [PROFILECONTEXT_OK] = EXIT_CODE_OK,
        [PROFILECONTEXT_CANCELLED] = EXIT_CODE_OTHER,
        [PROFILECONTEXT_UNKNOWN] = EXIT_CODE_OTHER,
        [PROFILECONTEXT_INVALID_ARGUMENT] = EXIT_CODE_MISUSE,
        [PROFILECONTEXT_DEADLINE_EXCEEDED] = EXIT_CODE_UNAVAILABLE,
        [PROFILECONTEXT_NOT_FOUND] = EXIT_CODE_NOT_FOUND,
        [PROFILECONTEXT_ALREADY_EXISTS] = EXIT_CODE_OTHER,
        [PROFILECONTEXT_PERMISSION_DENIED] = EXIT_CODE_DENIED,
        [PROFILECONTEXT_RESOURCE_EXHAUSTED] = EXIT_CODE_UNAVAILABLE,
        [PROFILECONTEXT_FAILED_PRECONDITION] = EXIT_CODE_OTHER,
        [PROFILECONTEXT_ABORTED] = EXIT_CODE_OTHER,
        [PROFILECONTEXT_OUT_OF_RANGE] = EXIT_CODE_OTHER,
        [PROFILECONTEXT_UNIMPLEMENTED] = EXIT_CODE_OTHER,
        [PROFILECONTEXT_INTERNAL] = EXIT_CODE_OTHER,
        [PROFILECONTEXT_UNAVAILABLE] = EXIT_CODE_UNAVAILABLE,
        [PROFILECONTEXT_DATA_LOSS] = EXIT_CODE_OTHER,
        [PROFILECONTEXT_UNAUTHENTICATED] = EXIT_CODE_DENIED,
    };
    for (int code = 0; code <= PROFILECONTEXT_UNAUTHENTICATED; code++) {
        assert_int_equal(failure_exit_code((profilecontext_code)code), expected[code]);
    }
}

static void failure_says_what_is_wrong_and_what_to_do(void **state)
{
    (void)state;
    char message[] = "identity.id is empty";
    char field[] = "identity.id";
    char description[] = "is \033empty";
    char reason[] = "INVALID_REQUEST";
    char id[] = "req-1";
    profilecontext_violation violation = {field, description};
    profilecontext_status status = PROFILECONTEXT_STATUS_INIT;
    status.code = PROFILECONTEXT_INVALID_ARGUMENT;
    status.message = message;
    status.reason = reason;
    status.request_id = id;
    status.violations = &violation;
    status.violation_count = 1;
    screen to;
    screen_open(&to, DISPLAY_UNLIMITED, false);
    failure_print(&to.display, &status, "here:1");
    screen_check(&to, "profilectl: wrong request: identity.id is empty. Correct the request; see "
                      "--help.\n"
                      "  identity.id: is �empty\n"
                      "  reason: INVALID_REQUEST\n"
                      "  request id: req-1\n");
}

static void failure_says_when_to_come_back(void **state)
{
    (void)state;
    char message[] = "Too many calls.";
    profilecontext_status status = PROFILECONTEXT_STATUS_INIT;
    status.code = PROFILECONTEXT_RESOURCE_EXHAUSTED;
    status.message = message;
    status.retry_after_ms = 2500;
    screen to;
    screen_open(&to, DISPLAY_UNLIMITED, false);
    failure_print(&to.display, &status, "here:1");
    screen_check(&to, "profilectl: over the limit: Too many calls. Try again in 2 s.\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_become_exit_codes),
        cmocka_unit_test(failure_says_what_is_wrong_and_what_to_do),
        cmocka_unit_test(failure_says_when_to_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
