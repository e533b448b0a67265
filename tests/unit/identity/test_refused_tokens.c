/* What bad tokens may cost, with a clock of the test's. */
#include "check.h"

#include <stdio.h>
#include <string.h>

#include "identity/refused_tokens.h"

static const int64_t second = 1000000000;

static int open_tokens(void **state)
{
    check_ok(pc_refused_tokens_new((pc_refused_tokens **)state, 2));
    return 0;
}

static int close_tokens(void **state)
{
    pc_refused_tokens_free(*state);
    return 0;
}

static void put(pc_refused_tokens *tokens, pc_token_hash hash, const char *reason)
{
    pc_status status = pc_status_new(PC_CODE_UNAUTHENTICATED, reason, "no");
    pc_refused_tokens_put(tokens, hash, 1, &status, 0);
    pc_status_clear(&status);
}

static bool knows(pc_refused_tokens *tokens, pc_token_hash hash, uint64_t generation, int64_t now)
{
    pc_status status = pc_refused_tokens_get(tokens, hash, generation, now);
    bool known = !pc_status_ok(&status);
    pc_status_clear(&status);
    return known;
}

static bool may(pc_refused_tokens *tokens, uint64_t source, int64_t now)
{
    pc_status status = pc_refused_tokens_take(tokens, source, now);
    bool good = pc_status_ok(&status);
    if (!good) {
        assert_int_equal(status.code, PC_CODE_RESOURCE_EXHAUSTED);
        assert_true(pc_status_retry_after_ms(&status) > 0);
    }
    pc_status_clear(&status);
    return good;
}

static void test_refused_tokens__one_is_known_for_a_while_and_with_its_keys(void **state)
{
    const pc_token_hash hash = {5, 6};
    assert_false(knows(*state, hash, 1, 0));
    put(*state, hash, "TOKEN_SIGNATURE_INVALID");
    pc_status status = pc_refused_tokens_get(*state, hash, 1, 59 * second);
    assert_int_equal(status.code, PC_CODE_UNAUTHENTICATED);
    assert_string_equal(pc_status_reason(&status), "TOKEN_SIGNATURE_INVALID");
    assert_string_equal(pc_status_message(&status), "no");
    pc_status_clear(&status);
    assert_false(knows(*state, hash, 1, 60 * second));
    assert_false(knows(*state, hash, 2, 0));
    assert_false(knows(*state, (pc_token_hash){5, 7}, 1, 0));
    /* Another at the same place. */
    put(*state, (pc_token_hash){5 + 1024, 6}, "TOKEN_EXPIRED");
    assert_false(knows(*state, hash, 1, 0));
    assert_true(knows(*state, (pc_token_hash){5 + 1024, 6}, 1, 0));
}

static void test_refused_tokens__what_may_be_good_later_is_not_known(void **state)
{
    const pc_token_hash hash = {1, 1};
    put(*state, hash, "TOKEN_NOT_YET_VALID");
    pc_status lack = pc_status_out_of_memory();
    pc_refused_tokens_put(*state, hash, 1, &lack, 0);
    assert_false(knows(*state, hash, 1, 0));
    /* There are no keys yet, and no token of that time. */
    assert_false(knows(*state, (pc_token_hash){0, 0}, 0, 0));
}

static void test_refused_tokens__a_source_has_a_burst_then_its_rate(void **state)
{
    for (int i = 0; i < 20; i++) {
        assert_true(may(*state, 7, 0));
    }
    assert_false(may(*state, 7, 0));
    assert_true(may(*state, 8, 0));
    assert_true(may(*state, 7, second / 2));
    assert_false(may(*state, 7, second / 2));
}

static void test_refused_tokens__good_ones_are_not_counted(void **state)
{
    for (int i = 0; i < 1000; i++) {
        assert_true(may(*state, 7, 0));
        pc_refused_tokens_give_back(*state, 7);
    }
}

static void test_refused_tokens__all_sources_have_a_bound_that_costs_none_its_own(void **state)
{
    int taken = 0;
    for (uint64_t source = 2; source < 1002; source++) {
        taken += may(*state, source, 0);
    }
    assert_int_equal(taken, 200);
    /* Whom the bound of all has turned away has lost nothing of its own. */
    for (int i = 0; i < 20; i++) {
        assert_true(may(*state, 1001, second));
    }
}

static void test_refused_tokens__a_source_that_had_a_good_one_is_not_held_up_by_all(void **state)
{
    assert_true(may(*state, 7, 0));
    pc_refused_tokens_give_back(*state, 7);
    int taken = 0;
    for (uint64_t source = 1000; source < 2000; source++) {
        taken += may(*state, source, 0);
    }
    assert_int_equal(taken, 200); /* The good one has not cost one of these. */
    assert_false(may(*state, 8, 0));
    for (int i = 0; i < 20; i++) {
        assert_true(may(*state, 7, 0));
    }
    assert_false(may(*state, 7, 0)); /* It has its own bound. */
    /* Another at the same place, and the first is one of all again. */
    assert_true(may(*state, 7 + 1024, second));
    pc_refused_tokens_give_back(*state, 7 + 1024);
    for (uint64_t source = 3000; may(*state, source, second); source++) {
    }
    assert_false(may(*state, 7, second));
    assert_true(may(*state, 7 + 1024, second));
}

static void test_refused_tokens__without_a_rate_there_is_no_bound(void **state)
{
    (void)state;
    pc_refused_tokens *tokens;
    check_ok(pc_refused_tokens_new(&tokens, 0));
    for (int i = 0; i < 1000; i++) {
        assert_true(may(tokens, 7, 0));
    }
    pc_refused_tokens_free(tokens);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(test_refused_tokens__##name, open_tokens, close_tokens)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_is_known_for_a_while_and_with_its_keys),
        TEST(what_may_be_good_later_is_not_known),
        TEST(a_source_has_a_burst_then_its_rate),
        TEST(good_ones_are_not_counted),
        TEST(all_sources_have_a_bound_that_costs_none_its_own),
        TEST(a_source_that_had_a_good_one_is_not_held_up_by_all),
        TEST(without_a_rate_there_is_no_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
