/* Which delays are held against calls. */
#include "check.h"

#include "door/lasting.h"

static const int64_t ms = 1000000;

static int64_t after(pc_lasting *lasting, int64_t delay_ms, bool answered)
{
    pc_lasting_observe(lasting, delay_ms * ms, answered);
    return pc_lasting_ns(lasting) / ms;
}

static void test_lasting__one_stall_is_over_when_it_is_answered(void **state)
{
    (void)state;
    pc_lasting lasting = {0};
    assert_int_equal(after(&lasting, 1, true), 0);
    assert_int_equal(after(&lasting, 1, true), 1);
    for (int64_t waited = 50; waited <= 150; waited += 50) {
        assert_int_equal(after(&lasting, waited, false), 1);
    }
    assert_int_equal(after(&lasting, 180, true), 1);
    assert_int_equal(after(&lasting, 1, true), 1);
}

static void test_lasting__what_two_answers_felt_lasts_until_one_did_not(void **state)
{
    (void)state;
    pc_lasting lasting = {0};
    assert_int_equal(after(&lasting, 200, true), 0);
    /* The next is on its way: it has been felt for as long as it is waited for. */
    assert_int_equal(after(&lasting, 50, false), 50);
    assert_int_equal(after(&lasting, 100, false), 100);
    assert_int_equal(after(&lasting, 120, true), 120);
    assert_int_equal(after(&lasting, 50, false), 50);
    assert_int_equal(after(&lasting, 300, true), 120);
    assert_int_equal(after(&lasting, 2, true), 2);
}

static void test_lasting__what_is_not_answered_for_long_lasts(void **state)
{
    (void)state;
    pc_lasting lasting = {0};
    assert_int_equal(after(&lasting, 1, true), 0);
    assert_int_equal(after(&lasting, PC_LASTING_UNANSWERED_MS, false), 1);
    assert_int_equal(after(&lasting, PC_LASTING_UNANSWERED_MS + 1, false),
                     PC_LASTING_UNANSWERED_MS + 1);
    assert_int_equal(after(&lasting, 900, false), 900);
    assert_int_equal(after(&lasting, 901, true), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lasting__one_stall_is_over_when_it_is_answered),
        cmocka_unit_test(test_lasting__what_two_answers_felt_lasts_until_one_did_not),
        cmocka_unit_test(test_lasting__what_is_not_answered_for_long_lasts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
