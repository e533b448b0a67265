/* Denials are counted by reason, and nothing else is. */
#include "check.h"

#include <string.h>

#include "policy/denials.h"

static uint64_t count_of(const pc_denials *denials, const char *reason)
{
    for (size_t i = 0; pc_denials_reason(i) != NULL; i++) {
        if (strcmp(pc_denials_reason(i), reason) == 0) {
            return pc_denials_read(denials, i);
        }
    }
    return UINT64_MAX;
}

static void each_reason_has_a_count_of_its_own(void **state)
{
    (void)state;
    pc_denials denials = {0};
    pc_denials_note(&denials, "POLICY_RPC_DENIED");
    pc_denials_note(&denials, "POLICY_RPC_DENIED");
    pc_denials_note(&denials, "CONSENT_MISSING");
    assert_int_equal(count_of(&denials, "POLICY_RPC_DENIED"), 2);
    assert_int_equal(count_of(&denials, "CONSENT_MISSING"), 1);
    assert_int_equal(count_of(&denials, "POLICY_NO_RULE"), 0);
}

static void what_is_no_denial_of_the_policy_is_not_counted(void **state)
{
    (void)state;
    pc_denials denials = {0};
    pc_denials_note(&denials, "EVENTS_NOT_ENABLED");
    pc_denials_note(&denials, "");
    for (size_t i = 0; pc_denials_reason(i) != NULL; i++) {
        assert_int_equal(pc_denials_read(&denials, i), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_reason_has_a_count_of_its_own),
        cmocka_unit_test(what_is_no_denial_of_the_policy_is_not_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
