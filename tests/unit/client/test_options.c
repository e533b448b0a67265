/* The command line: persons, moments, options. */
#include "testing.h"

#include <string.h>

#include "options.h"
#include "times.h"

#define NOW_MS (INT64_C(1762084800) * 1000) /* 2025-11-02T12:00:00Z */

static void usual_namespaces_are_understood_in_any_case(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *namespace_code;
        const char *id;
    } cases[] = {
        {"email:ada@example.com", "Email", "ada@example.com"},
        {"PHONE:+44", "Phone", "+44"},
        {"ecid:1", "ECID", "1"},
        {"CrmId:a:b", "CRMID", "a:b"},
        {"loyaltyId:7", "loyaltyId", "7"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        person who;
        assert_null(person_parse(&who, cases[i].text));
        assert_false(who.by_xid);
        assert_string_equal(who.namespace_code, cases[i].namespace_code);
        assert_string_equal(who.id, cases[i].id);
    }
}

static void xid_is_no_namespace(void **state)
{
    (void)state;
    person who;
    assert_null(person_parse(&who, "xid:BVrq"));
    assert_true(who.by_xid);
    assert_string_equal(who.namespace_code, "");
    assert_string_equal(who.id, "BVrq");
}

static void incomplete_persons_are_refused(void **state)
{
    (void)state;
    char much[200];
    memset(much, 'n', sizeof much);
    strcpy(much + sizeof much - 3, ":x");
    const char *const cases[] = {"", "ada@example.com", ":x", "email:", much};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        person who;
        assert_non_null(person_parse(&who, cases[i]));
    }
}

static void moments_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"2025-11-02T12:00:00Z", NOW_MS},
        {"2025-11-02T13:30:00.250+01:30", NOW_MS + 250},
        {"2025-11-02", NOW_MS - INT64_C(12) * 3600 * 1000},
        {"2024-02-29", INT64_C(1709164800000)},
        {"30d", NOW_MS - INT64_C(30) * 86400 * 1000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = 0;
        assert_true(times_parse_moment(&ms, cases[i].text, NOW_MS));
        assert_int_equal(ms, cases[i].ms);
    }
    static const char *const wrong[] = {"",
                                        "yesterday",
                                        "2025-02-29",
                                        "2025-13-01",
                                        "2025-1-1",
                                        "2025-11-02T12:00:00",
                                        "2025-11-02T24:00:00Z",
                                        "30",
                                        "-1d",
                                        "2025-11-02T12:00:00Zx",
                                        "1e9d",
                                        "nan"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        int64_t ms = 0;
        assert_false(times_parse_moment(&ms, wrong[i], NOW_MS));
    }
}

static void options_stand_before_and_after_the_command(void **state)
{
    (void)state;
    const char *const arguments[] = {"profilectl", "--deadline=1.5s", "events",
                                     "crmid:1",    "--all",           "--since",
                                     "1d",         "--mask",          "a,b"};
    options chosen;
    char problem[OPTIONS_PROBLEM_SIZE] = "";
    assert_true(options_parse(&chosen, 9, arguments, NOW_MS, problem));
    assert_int_equal(chosen.command, COMMAND_EVENTS);
    assert_int_equal(chosen.deadline_ms, 1500);
    assert_int_equal(chosen.since_ms, NOW_MS - 86400000);
    assert_int_equal(chosen.until_ms, -1);
    assert_true(chosen.all);
    assert_string_equal(chosen.mask, "a,b");
    assert_string_equal(chosen.person.namespace_code, "CRMID");
}

static void misuse_is_told_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *arguments[5];
        int count;
        const char *words;
    } cases[] = {
        {{"profilectl"}, 1, "a command is missing"},
        {{"profilectl", "show"}, 2, "there is no command 'show'"},
        {{"profilectl", "context"}, 2, "who"},
        {{"profilectl", "context", "a:b", "--nope"}, 4, "there is no option --nope"},
        {{"profilectl", "profile", "a:b", "--since", "1d"}, 5, "does not take --since"},
        {{"profilectl", "context", "a:b", "--cert", "c"}, 5, "belong together"},
        {{"profilectl", "context", "a:b", "--mask"}, 4, "needs a value"},
        {{"profilectl", "context", "a:b", "c:d"}, 4, "one argument too many"},
        {{"profilectl", "events", "a:b", "--page-size", "0"}, 5, "above 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        options chosen;
        char problem[OPTIONS_PROBLEM_SIZE] = "";
        assert_false(options_parse(&chosen, cases[i].count, cases[i].arguments, NOW_MS, problem));
        assert_non_null(strstr(problem, cases[i].words));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_namespaces_are_understood_in_any_case),
        cmocka_unit_test(xid_is_no_namespace),
        cmocka_unit_test(incomplete_persons_are_refused),
        cmocka_unit_test(moments_are_read),
        cmocka_unit_test(options_stand_before_and_after_the_command),
        cmocka_unit_test(misuse_is_told_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
