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
                                     "crmid:1",    "--follow-pages",  "--since",
                                     "1d",         "--mask",          "a,b"};
    options chosen;
    char problem[OPTIONS_PROBLEM_SIZE] = "";
    assert_true(options_parse(&chosen, 9, arguments, NOW_MS, problem));
    assert_int_equal(chosen.command, COMMAND_EVENTS);
    assert_int_equal(chosen.deadline_ms, 1500);
    assert_int_equal(chosen.since_ms, NOW_MS - 86400000);
    assert_int_equal(chosen.until_ms, -1);
    assert_true(chosen.follow_pages);
    assert_string_equal(chosen.mask, "a,b");
    assert_string_equal(chosen.person.namespace_code, "CRMID");
}

static void answers_that_go_on_have_no_deadline_unless_one_is_given(void **state)
{
    (void)state;
    const char *const batch[] = {"profilectl", "batch", "--deadline", "1m"};
    const char *const follow[] = {"profilectl", "events", "a:b", "--follow-pages"};
    options chosen;
    char problem[OPTIONS_PROBLEM_SIZE] = "";
    assert_true(options_parse(&chosen, 2, batch, NOW_MS, problem));
    assert_int_equal(chosen.deadline_ms, -1);
    assert_true(options_parse(&chosen, 4, batch, NOW_MS, problem));
    assert_int_equal(chosen.deadline_ms, 60000);
    assert_true(options_parse(&chosen, 4, follow, NOW_MS, problem));
    assert_int_equal(chosen.deadline_ms, -1);
    assert_true(options_parse(&chosen, 3, follow, NOW_MS, problem));
    assert_int_equal(chosen.deadline_ms, 5000);
}

static void lists_gather_what_is_given_more_than_once(void **state)
{
    (void)state;
    const char *const arguments[] = {
        "profilectl", "events",   "a:b",      "--event-type=x", "--event-type",
        "y",          "--filter", "a.b>=1.5", "--filter",       "c='2025-01-01"};
    options chosen;
    char problem[OPTIONS_PROBLEM_SIZE] = "";
    assert_true(options_parse(&chosen, 10, arguments, NOW_MS, problem));
    assert_int_equal(chosen.event_types.count, 2);
    assert_string_equal(chosen.event_types.items[0], "x");
    assert_string_equal(chosen.event_types.items[1], "y");
    assert_int_equal(chosen.filter_count, 2);
    assert_string_equal(chosen.filters[0].path, "a.b");
    assert_int_equal(chosen.filters[0].kind, FILTER_NUMBER);
    assert_true(chosen.filters[0].number == 1.5);
    assert_int_equal(chosen.filters[1].kind, FILTER_TEXT);
    assert_string_equal(chosen.filters[1].text, "2025-01-01");
}

static void filters_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        Profilecontext__V1__ComparisonOperator operator_;
        filter_kind kind;
    } cases[] = {
        {"a=true", PROFILECONTEXT__V1__COMPARISON_OPERATOR__COMPARISON_OPERATOR_EQUAL, FILTER_FLAG},
        {"a!=x", PROFILECONTEXT__V1__COMPARISON_OPERATOR__COMPARISON_OPERATOR_NOT_EQUAL,
         FILTER_TEXT},
        {"a<2025-01-31", PROFILECONTEXT__V1__COMPARISON_OPERATOR__COMPARISON_OPERATOR_LESS,
         FILTER_DATE},
        {"a<=-1e3", PROFILECONTEXT__V1__COMPARISON_OPERATOR__COMPARISON_OPERATOR_LESS_OR_EQUAL,
         FILTER_NUMBER},
        {"a>1", PROFILECONTEXT__V1__COMPARISON_OPERATOR__COMPARISON_OPERATOR_GREATER,
         FILTER_NUMBER},
        {"a>=inf", PROFILECONTEXT__V1__COMPARISON_OPERATOR__COMPARISON_OPERATOR_GREATER_OR_EQUAL,
         FILTER_TEXT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        filter read;
        assert_null(filter_parse(&read, cases[i].text));
        assert_string_equal(read.path, "a");
        assert_int_equal(read.operator_, cases[i].operator_);
        assert_int_equal(read.kind, cases[i].kind);
    }
    static const char *const wrong[] = {"", "a", "=1", "a=", "a!b", "a<="};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        filter read;
        assert_non_null(filter_parse(&read, wrong[i]));
    }
}

static void a_load_is_closed_unless_a_rate_is_given(void **state)
{
    (void)state;
    const char *const closed[] = {"profilectl", "bench", "email:a@b", "crmid:1"};
    const char *const open[] = {"profilectl",
                                "bench",
                                "--id-template",
                                "crmid:%d",
                                "--id-count",
                                "5",
                                "--rate",
                                "0.5",
                                "--requests",
                                "30000000000",
                                "--method",
                                "events",
                                "--zipf=1.5",
                                "--miss-percent",
                                "2.5",
                                "--miss-template",
                                "a:new-%d",
                                "--check",
                                "all"};
    options chosen;
    char problem[OPTIONS_PROBLEM_SIZE] = "";
    assert_true(options_parse(&chosen, 4, closed, NOW_MS, problem));
    assert_int_equal(chosen.persons.count, 2);
    assert_string_equal(chosen.persons.items[1], "crmid:1");
    assert_true(chosen.rate == 0);
    assert_true(chosen.zipf < 0);
    assert_true(chosen.miss_percent == 0);
    assert_int_equal(chosen.in_flight, 64);
    assert_int_equal(chosen.connections, 8);
    assert_int_equal(chosen.duration_ms, 10000);
    assert_int_equal(chosen.warmup_ms, 2000);
    assert_int_equal(chosen.requests, 0);
    assert_int_equal(chosen.deadline_ms, 5000);
    assert_int_equal(chosen.method, BENCH_CONTEXT);
    assert_true(options_parse(&chosen, 19, open, NOW_MS, problem));
    assert_true(chosen.rate == 0.5);
    assert_true(chosen.zipf == 1.5);
    assert_true(chosen.miss_percent == 2.5);
    assert_int_equal(chosen.in_flight, 10000);
    assert_int_equal(chosen.requests, INT64_C(30000000000));
    assert_int_equal(chosen.duration_ms, 0);
    assert_int_equal(chosen.warmup_ms, 0);
    assert_int_equal(chosen.method, BENCH_EVENTS);
    assert_int_equal(chosen.check, BENCH_CHECK_ALL);
}

static void no_more_connections_than_calls_are_made(void **state)
{
    (void)state;
    const char *const arguments[] = {"profilectl", "bench", "a:b", "--in-flight", "3"};
    options chosen;
    char problem[OPTIONS_PROBLEM_SIZE] = "";
    assert_true(options_parse(&chosen, 5, arguments, NOW_MS, problem));
    assert_int_equal(chosen.connections, 3);
}

static void persons_to_prefetch_are_named_or_listed(void **state)
{
    (void)state;
    const char *const named[] = {"profilectl", "prefetch", "email:a@b", "crmid:1"};
    const char *const listed[] = {"profilectl", "prefetch", "--ids", "list.csv", "--skip-bad"};
    options chosen;
    char problem[OPTIONS_PROBLEM_SIZE] = "";
    assert_true(options_parse(&chosen, 4, named, NOW_MS, problem));
    assert_int_equal(chosen.command, COMMAND_PREFETCH);
    assert_int_equal(chosen.persons.count, 2);
    assert_null(chosen.id_file);
    assert_int_equal(chosen.deadline_ms, 5000);
    assert_true(options_parse(&chosen, 5, listed, NOW_MS, problem));
    assert_int_equal(chosen.persons.count, 0);
    assert_string_equal(chosen.id_file, "list.csv");
}

static void misuse_of_bench_is_told_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *arguments[6];
        const char *words;
    } cases[] = {
        {{"--json"}, "whom to ask for"},
        {{"nobody"}, "'nobody' names nobody"},
        {{"a:b", "--id-count", "3"}, "belong together"},
        {{"--id-template", "a:%d"}, "belong together"},
        {{"--id-template", "a:x", "--id-count", "3"}, "it needs %d"},
        {{"a:b", "--miss-percent", "1"}, "belong together"},
        {{"a:b", "--miss-percent", "101", "--miss-template", "a:%d"}, "100 at most"},
        {{"a:b", "--miss-percent", "x"}, "takes a number"},
        {{"a:b", "--miss-from", "999999999999999999"}, "17 digits"},
        {{"a:b", "--zipf", "-1"}, "takes a number"},
        {{"a:b", "--zipf", "101"}, "100 at most"},
        {{"a:b", "--rate", "0"}, "--rate must be above 0"},
        {{"a:b", "--rate", "1e8"}, "10000000 at most"},
        {{"a:b", "--requests", "0"}, "--requests must be above 0"},
        {{"a:b", "--in-flight", "0"}, "--in-flight must be above 0"},
        {{"a:b", "--in-flight", "1.5"}, "takes a number from 0 on"},
        {{"a:b", "--duration", "1s", "--requests", "3"}, "do not go together"},
        {{"a:b", "--duration", "31d"}, "30 days at most"},
        {{"a:b", "--deadline", "25h"}, "a day at most"},
        {{"a:b", "--method", "delete"}, "context, profile, events or segments"},
        {{"a:b", "--check", "some"}, "sample, all or none"},
        {{"a:b", "--page-size", "10"}, "--method events and segments"},
        {{"a:b", "--event-limit", "5", "--method=events"}, "--method context"},
        {{"a:b", "--since", "1d", "--method=profile"}, "context and events"},
        {{"a:b", "--namespace", "crmid"}, "about --ids"},
        {{"a:b", "--cost"}, "does not take --cost"},
        {{"a:b", "--request-id", "x"}, "does not take --request-id"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *arguments[8] = {"profilectl", "bench"};
        int count = 2;
        for (; count < 8 && cases[i].arguments[count - 2] != NULL; count++) {
            arguments[count] = cases[i].arguments[count - 2];
        }
        options chosen;
        char problem[OPTIONS_PROBLEM_SIZE] = "";
        assert_false(options_parse(&chosen, count, arguments, NOW_MS, problem));
        assert_non_null(strstr(problem, cases[i].words));
    }
}

static void misuse_is_told_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *arguments[7];
        int count;
        const char *words;
    } cases[] = {
        {{"profilectl"}, 1, "a command is missing"},
        {{"profilectl", "show"}, 2, "there is no command 'show'"},
        {{"profilectl", "context"}, 2, "who"},
        {{"profilectl", "context", "a:b", "--nope"}, 4, "there is no option --nope"},
        {{"profilectl", "profile", "a:b", "--since", "1d"}, 5, "does not take --since"},
        {{"profilectl", "context", "a:b", "--cert", "c"}, 5, "belong together"},
        {{"profilectl", "context", "a:b", "--token-file", "t", "--server", "db:1"},
         7,
         "in the clear"},
        {{"profilectl", "context", "a:b", "--mask"}, 4, "needs a value"},
        {{"profilectl", "context", "a:b", "c:d"}, 4, "one argument too many"},
        {{"profilectl", "events", "a:b", "--page-size", "0"}, 5, "above 0"},
        {{"profilectl", "events", "a:b", "--all"}, 4, "does not take --all"},
        {{"profilectl", "events", "a:b", "--filter", "a"}, 5, "a comparison is missing"},
        {{"profilectl", "entity", "account"}, 3, "what and which"},
        {{"profilectl", "delete", "a:b", "--yes"}, 4, "needs --sandbox"},
        {{"profilectl", "batch", "list", "--resume"}, 4, "needs --output"},
        {{"profilectl", "batch", "--retries", "-1"}, 4, "from 0 on"},
        {{"profilectl", "batch", "--format", "xml"}, 4, "ndjson or csv"},
        {{"profilectl", "batch", "a", "b"}, 4, "one argument too many"},
        {{"profilectl", "prefetch"}, 2, "who"},
        {{"profilectl", "prefetch", "a:b", "nobody"}, 4, "'nobody' names nobody"},
        {{"profilectl", "prefetch", "a:b", "--skip-bad"}, 4, "about --ids"},
        {{"profilectl", "prefetch", "a:b", "--input=csv"}, 4, "about --ids"},
        {{"profilectl", "prefetch", "a:b", "--event-limit", "5"}, 5, "does not take"},
        {{"profilectl", "batch", "--profiles", "--event-limit", "5"}, 5, "leaves out"},
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
        cmocka_unit_test(answers_that_go_on_have_no_deadline_unless_one_is_given),
        cmocka_unit_test(lists_gather_what_is_given_more_than_once),
        cmocka_unit_test(filters_are_read),
        cmocka_unit_test(a_load_is_closed_unless_a_rate_is_given),
        cmocka_unit_test(no_more_connections_than_calls_are_made),
        cmocka_unit_test(persons_to_prefetch_are_named_or_listed),
        cmocka_unit_test(misuse_of_bench_is_told_in_words),
        cmocka_unit_test(misuse_is_told_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
