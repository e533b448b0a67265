/* The list of merge policies: the usual one is always in it, and no caller fills it. */
#include "check.h"

#include <stdio.h>
#include <string.h>

#include "context/policies.h"

enum { NOISY = 7, OTHER = 8 };

static void test_policies__the_usual_one_is_known_from_the_start(void **state)
{
    (void)state;
    pc_policies policies;
    pc_policies_init(&policies, "usual");
    assert_string_equal(pc_policies_at(&policies, 0), "usual");
    assert_null(pc_policies_at(&policies, 1));
    assert_true(pc_policies_add(&policies, "usual", NOISY));
    assert_null(pc_policies_at(&policies, 1));
    pc_policies_deinit(&policies);
}

static void test_policies__one_caller_brings_so_many_and_others_theirs(void **state)
{
    (void)state;
    pc_policies policies;
    char name[32];
    int added = 0;
    pc_policies_init(&policies, "");
    for (int i = 0; i < 2 * PC_POLICIES_MAX; i++) {
        (void)snprintf(name, sizeof name, "made-up-%d", i);
        added += pc_policies_add(&policies, name, NOISY);
    }
    assert_int_equal(added, PC_POLICIES_OF_CALLER_MAX);
    assert_true(pc_policies_add(&policies, "theirs", OTHER));
    /* What is known stays so, whoever asks. */
    assert_true(pc_policies_add(&policies, "theirs", NOISY));
    assert_true(pc_policies_add(&policies, "made-up-0", OTHER));
    assert_true(pc_policies_add(&policies, "", NOISY));
    assert_false(pc_policies_add(&policies, "one-more", NOISY));
    pc_policies_deinit(&policies);
}

static void test_policies__what_is_full_or_too_long_is_said(void **state)
{
    (void)state;
    pc_policies policies;
    char name[PC_POLICY_BYTES_MAX + 2];
    pc_policies_init(&policies, "usual");
    memset(name, 'p', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_false(pc_policies_add(&policies, name, NOISY));
    name[sizeof name - 2] = '\0';
    assert_true(pc_policies_add(&policies, name, NOISY));
    int added = 2;
    for (int i = 0; i < 2 * PC_POLICIES_MAX; i++) {
        (void)snprintf(name, sizeof name, "policy-%d", i);
        added += pc_policies_add(&policies, name, (uint64_t)i + 100);
    }
    assert_int_equal(added, PC_POLICIES_MAX);
    assert_null(pc_policies_at(&policies, PC_POLICIES_MAX));
    pc_policies_deinit(&policies);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policies__the_usual_one_is_known_from_the_start),
        cmocka_unit_test(test_policies__one_caller_brings_so_many_and_others_theirs),
        cmocka_unit_test(test_policies__what_is_full_or_too_long_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
