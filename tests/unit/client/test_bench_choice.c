/* Whom a load asks for: in turn, at random, by number. */
#include "testing.h"

#include <math.h>
#include <string.h>

#include "bench_choice.h"
#include "bench_template.h"

enum { PERSONS = 100, DRAWS = 200000 };

static void persons_come_in_turn(void **state)
{
    (void)state;
    bench_choice choice;
    assert_true(bench_choice_init(&choice, 3, -1, 0, 1));
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(bench_choice_next(&choice), i % 3);
    }
    bench_choice_deinit(&choice);
}

static void popular_persons_come_as_often_as_zipf_says(void **state)
{
    (void)state;
    static const double exponents[] = {0, 0.8, 1, 2};
    for (size_t i = 0; i < sizeof exponents / sizeof *exponents; i++) {
        bench_choice choice;
        size_t seen[PERSONS] = {0};
        double sum = 0;
        assert_true(bench_choice_init(&choice, PERSONS, exponents[i], 0, 42));
        for (size_t draw = 0; draw < DRAWS; draw++) {
            size_t chosen = bench_choice_next(&choice);
            assert_in_range(chosen, 0, PERSONS - 1);
            seen[chosen]++;
        }
        bench_choice_deinit(&choice);
        for (size_t k = 0; k < PERSONS; k++) {
            sum += pow((double)(k + 1), -exponents[i]);
        }
        for (size_t k = 0; k < PERSONS; k++) {
            double expected = DRAWS * pow((double)(k + 1), -exponents[i]) / sum;
            /* Six standard deviations; the seed is fixed. */
            assert_true(fabs((double)seen[k] - expected) <= 6 * sqrt(expected) + 1);
        }
    }
}

static void the_seed_makes_the_choice(void **state)
{
    (void)state;
    bench_choice first;
    bench_choice same;
    bench_choice other;
    assert_true(bench_choice_init(&first, 1000000, 1, 0, 7));
    assert_true(bench_choice_init(&same, 1000000, 1, 0, 7));
    assert_true(bench_choice_init(&other, 1000000, 1, 0, 8));
    size_t different = 0;
    for (size_t i = 0; i < 1000; i++) {
        size_t chosen = bench_choice_next(&first);
        assert_int_equal(bench_choice_next(&same), chosen);
        different += bench_choice_next(&other) != chosen;
    }
    assert_true(different > 500);
    bench_choice_deinit(&first);
    bench_choice_deinit(&same);
    bench_choice_deinit(&other);
}

static void misses_are_an_exact_share_and_evenly_spread(void **state)
{
    (void)state;
    static const double percents[] = {0, 0.01, 1, 12.5, 33.3, 100};
    for (size_t i = 0; i < sizeof percents / sizeof *percents; i++) {
        bench_choice choice;
        size_t misses = 0;
        assert_true(bench_choice_init(&choice, 5, -1, percents[i], 1));
        for (size_t request = 1; request <= 100000; request++) {
            misses += bench_choice_next(&choice) == BENCH_CHOICE_MISS;
            assert_true(fabs((double)misses - (double)request * percents[i] / 100) < 1.001);
        }
        assert_int_equal(misses, lround(percents[i] * 1000));
        bench_choice_deinit(&choice);
    }
}

static void misses_leave_the_turn_alone(void **state)
{
    (void)state;
    bench_choice choice;
    size_t expected = 0;
    assert_true(bench_choice_init(&choice, 4, -1, 25, 1));
    for (size_t i = 0; i < 100; i++) {
        size_t chosen = bench_choice_next(&choice);
        if (chosen != BENCH_CHOICE_MISS) {
            assert_int_equal(chosen, expected++ % 4);
        }
    }
    assert_int_equal(expected, 75);
    bench_choice_deinit(&choice);
}

static void somebody_new_is_all_there_is_without_persons(void **state)
{
    (void)state;
    bench_choice choice;
    assert_true(bench_choice_init(&choice, 0, 1, 100, 1));
    assert_true(bench_choice_next(&choice) == BENCH_CHOICE_MISS);
    bench_choice_deinit(&choice);
}

static void templates_have_a_place_for_the_number(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t number;
        const char *expected;
    } cases[] = {
        {"email:load-%d@example.com", 7, "email:load-7@example.com"},
        {"crmid:C%07d", 12, "crmid:C0000012"},
        {"crmid:%02d", 12345, "crmid:12345"},
        {"a:100%-%d%", INT64_C(123456789012), "a:100%-123456789012%"},
        {"xid:%d", 0, "xid:0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bench_template template;
        char text[BENCH_TEMPLATE_TEXT_SIZE];
        assert_null(bench_template_parse(&template, cases[i].text));
        bench_template_write(text, &template, cases[i].number);
        assert_string_equal(text, cases[i].expected);
    }
}

static void wrong_templates_are_refused(void **state)
{
    (void)state;
    char much[BENCH_TEMPLATE_TEXT_SIZE + 1];
    memset(much, 'x', sizeof much);
    memcpy(much, "a:%d", 4);
    much[BENCH_TEMPLATE_TEXT_SIZE] = '\0';
    const struct {
        const char *text;
        const char *words;
    } cases[] = {
        {"email:load@example.com", "needs %d"},
        {"email:%s", "needs %d"},
        {"email:%00d", "needs %d"},
        {"email:%099d", "needs %d"},
        {"email:%d-%d", "more than one"},
        {"load-%d@example.com", "namespace is missing"},
        {":%d", "before the colon is missing"},
        {much, "longer"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bench_template template;
        const char *wrong = bench_template_parse(&template, cases[i].text);
        assert_non_null(wrong);
        assert_non_null(strstr(wrong, cases[i].words));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(persons_come_in_turn),
        cmocka_unit_test(popular_persons_come_as_often_as_zipf_says),
        cmocka_unit_test(the_seed_makes_the_choice),
        cmocka_unit_test(misses_are_an_exact_share_and_evenly_spread),
        cmocka_unit_test(misses_leave_the_turn_alone),
        cmocka_unit_test(somebody_new_is_all_there_is_without_persons),
        cmocka_unit_test(templates_have_a_place_for_the_number),
        cmocka_unit_test(wrong_templates_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
