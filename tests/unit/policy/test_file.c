/* The policy file: what is wrong with it is told with its place, all at once; and who is matched.
 */
#include "check.h"

#include <stdio.h>
#include <string.h>

#include "policy/decide.h"
#include "policy/quota.h"

/* A rule that grants all, up to its name and what a test adds. */
#define ALL "rpcs: '*', sections: '*', namespaces: '*', sandboxes: '*', merge_policies: '*'"

static pc_policy *compile(pc_config_errors *errors, const char *text)
{
    pc_policy *policy;
    *errors = (pc_config_errors){.count = 0};
    bool good =
        pc_policy_compile(&policy, errors, "p", (const unsigned char *)text, strlen(text), NULL);
    assert_true(good == (errors->count == 0));
    assert_true(good == (policy != NULL));
    return policy;
}

static pc_policy *compile_well(const char *text)
{
    pc_config_errors errors;
    pc_policy *policy = compile(&errors, text);
    if (policy == NULL) {
        fail_msg("%s", errors.lines[0]);
    }
    return policy;
}

/* The text has just these mistakes, in this order. */
static void check_errors(const char *text, const char *const *lines, size_t count)
{
    pc_config_errors errors;
    assert_null(compile(&errors, text));
    for (size_t i = 0; i < errors.count && i < count; i++) {
        assert_string_equal(errors.lines[i], lines[i]);
    }
    assert_int_equal(errors.count, count);
    pc_config_errors_deinit(&errors);
}

#define CHECK_ERRORS(text, ...)                                                                    \
    do {                                                                                           \
        static const char *const lines_[] = {__VA_ARGS__};                                         \
        check_errors(text, lines_, PC_COUNT_OF(lines_));                                           \
    } while (0)

static void mistakes_are_told_with_their_places_all_at_once(void **state)
{
    (void)state;
    CHECK_ERRORS("callers:\n"
                 "  - name: a\n"
                 "    rpcs: [GetContext, GetContex]\n"
                 "    sections: [profile, profile]\n"
                 "    fields:\n"
                 "      deny: [profile.person.brith_date, profil]\n"
                 "    namespace: '*'\n"
                 "    sandboxes: '*'\n"
                 "    merge_policies: '*'\n",
                 "p:7:5: a caller has no key namespace; did you mean namespaces",
                 "p:3:24: rpcs: there is no GetContex; did you mean GetContext",
                 "p:4:25: profile stands twice",
                 "p:6:14: profile.person.brith_date: there is no field brith_date; did you mean "
                 "birth_date",
                 "p:6:41: profil: there is no field profil; did you mean profile",
                 "p:2:5: namespaces: is not given, so nothing could be asked for; \"*\" grants all "
                 "of them");
}

static void what_is_no_policy_is_refused(void **state)
{
    (void)state;
    CHECK_ERRORS("", "p:1:1: is empty; a policy needs callers");
    CHECK_ERRORS("[1]", "p:1:1: a policy must be a group of keys");
    CHECK_ERRORS("roles: {}", "p:1:1: callers: is not given, so nobody could call");
    CHECK_ERRORS("callers: {}", "p:1:10: callers must be a list of at most 10000 rules");
    CHECK_ERRORS("a: &x b\nc: *x", "p:2:4: aliases are not supported");
    CHECK_ERRORS("[[[[[[[[[1]]]]]]]]]", "p:1:9: nested too deeply");
    CHECK_ERRORS("callers: []\n---\ncallers: []", "p:2:1: must be one document");
    CHECK_ERRORS("callers: [", "p:2:1: not YAML: did not find expected node content");
    CHECK_ERRORS("callers: [{name: a, " ALL ", rpcs: '*'}]", "p:1:101: rpcs stands twice");
}

static void names_that_stand_twice_are_ambiguous(void **state)
{
    (void)state;
    CHECK_ERRORS("callers:\n"
                 "  - {name: a, " ALL "}\n"
                 "  - {name: [b, a], " ALL "}\n",
                 "p:2:3: a stands twice, in the rules of lines 2 and 3");
    CHECK_ERRORS("callers:\n"
                 "  - {name: 'a/*', " ALL "}\n"
                 "  - {name: 'a/*', " ALL "}\n",
                 "p:2:3: a/ stands twice, in the rules of lines 2 and 3");
    CHECK_ERRORS(
        "callers: [{name: 'a*b', " ALL "}]",
        "p:1:18: name must be a caller's name, or the beginning of one with a * behind it");
}

static void values_out_of_range_are_refused(void **state)
{
    (void)state;
    CHECK_ERRORS("purposes: [Sales]\n"
                 "consents: [{purposes: x, needs: person.name, values: y, deny: events}]\n"
                 "callers:\n"
                 "  - {name: a, " ALL ", role: r}\n"
                 "  - {name: b, " ALL ", purposes: none, rate: 0, share: 101, burst: .5,\n"
                 "     criticality: high, max_staleness: {least: 2s, most: 1s},\n"
                 "     masks: {profile.person: hash, profile.person.gender: {partial: 17},\n"
                 "             profile.mobile_phone.number: partly}}\n",
                 "p:1:12: a purpose is 1 to 64 lower-case letters, digits, _ or -",
                 "p:2:23: purposes at the top of the file have no x",
                 "p:2:33: needs must be a consent, such as consents.marketing.any.val",
                 "p:4:101: there is no role r",
                 "p:7:14: profile.person: only texts can be shown in part; drop it, or deny it",
                 "p:7:69: partial must be 0 to 16 characters", "p:8:43: masks: there is no partly",
                 "p:5:105: purposes at the top of the file have no none",
                 "p:6:40: max_staleness: least must not be above most",
                 "p:5:117: rate must be a number above 0, at most 1000000",
                 "p:5:139: burst must be at least 1", "p:5:127: share must be 1 to 100 percent",
                 "p:6:19: criticality: there is no high");
}

static void a_mistake_in_a_role_is_told_once(void **state)
{
    (void)state;
    CHECK_ERRORS("roles: {r: {" ALL ", rate: x}}\n"
                 "callers: [{name: a, role: r}, {name: b, role: r}]\n",
                 "p:1:99: rate must be a number above 0, at most 1000000");
}

static const char *matched(const pc_policy *policy, const char *caller)
{
    const pc_grant *grant = pc_policy_grant(policy, caller);
    return grant == NULL ? "none" : grant->name;
}

static void the_whole_name_decides_then_the_longest_pattern(void **state)
{
    (void)state;
    pc_policy *policy = compile_well("callers:\n"
                                     "  - {name: '*', " ALL "}\n"
                                     "  - {name: 'a/*', " ALL "}\n"
                                     "  - {name: 'a/b/*', " ALL "}\n"
                                     "  - {name: [a/b/c, d], " ALL "}\n");
    assert_string_equal(matched(policy, "a/b/c"), "a/b/c");
    assert_string_equal(matched(policy, "d"), "a/b/c");
    assert_string_equal(matched(policy, "a/b/d"), "a/b/*");
    assert_string_equal(matched(policy, "a/b"), "a/*");
    assert_string_equal(matched(policy, "x"), "*");
    /* Whom nobody has named has the rights of its own rule only. */
    assert_string_equal(matched(policy, ""), "none");
    assert_int_equal(strlen(pc_policy_version(policy)), 12);
    pc_policy_unref(policy);
}

static void a_callers_keys_stand_before_its_roles(void **state)
{
    (void)state;
    pc_policy *policy = compile_well("roles: {r: {" ALL ", rate: 5, share: 10}}\n"
                                     "callers: [{name: a, role: r}, {name: b, role: r, rate: 7,\n"
                                     "  burst: 9, sandboxes: dev}]\n");
    double rate;
    double burst;
    size_t line;
    assert_true(pc_policy_quota(policy, "a", &rate, &burst));
    assert_true(rate == 5 && burst == 5);
    assert_true(pc_policy_quota(policy, "b", &rate, &burst));
    assert_true(rate == 7 && burst == 9);
    assert_false(pc_policy_quota(policy, "c", &rate, &burst));
    assert_int_equal(pc_policy_share(policy, "b"), 10);
    check_ok(pc_decide_sandbox(&line, pc_policy_grant(policy, "a"), "prod"));
    check_failure(pc_decide_sandbox(&line, pc_policy_grant(policy, "b"), "prod"),
                  PC_CODE_PERMISSION_DENIED, "POLICY_SANDBOX_DENIED");
    assert_int_equal(line, 3);
    pc_policy_unref(policy);
}

static void a_star_grants_no_deletions(void **state)
{
    (void)state;
    pc_policy *policy = compile_well("callers:\n"
                                     "  - {name: a, " ALL "}\n"
                                     "  - {name: b, rpcs: Health}\n");
    size_t line;
    const pc_grant *a = pc_policy_grant(policy, "a");
    check_ok(pc_decide_right(&line, a, PC_RIGHT_STREAM_EVENTS));
    const pc_right named[] = {PC_RIGHT_DELETE_PROFILE, PC_RIGHT_HEALTH, PC_RIGHT_REFLECTION,
                              PC_RIGHT_CHANNELZ};
    for (size_t i = 0; i < PC_COUNT_OF(named); i++) {
        check_failure(pc_decide_right(&line, a, named[i]), PC_CODE_PERMISSION_DENIED,
                      "POLICY_RPC_DENIED");
    }
    check_ok(pc_decide_right(&line, pc_policy_grant(policy, "b"), PC_RIGHT_HEALTH));
    check_failure(pc_decide_right(&line, pc_policy_grant(policy, "c"), PC_RIGHT_HEALTH),
                  PC_CODE_PERMISSION_DENIED, "POLICY_NO_RULE");
    pc_policy_unref(policy);
}

static void a_call_states_a_purpose_that_it_is_granted(void **state)
{
    (void)state;
    pc_policy *policy = compile_well("purposes: [x, y]\n"
                                     "callers:\n"
                                     "  - {name: a, " ALL ", purposes: y, default_purpose: y}\n"
                                     "  - {name: b, " ALL ", purposes: '*'}\n");
    int purpose;
    size_t line;
    const pc_grant *a = pc_policy_grant(policy, "a");
    const pc_grant *b = pc_policy_grant(policy, "b");
    check_ok(pc_decide_purpose(&purpose, &line, policy, a, NULL));
    assert_string_equal(pc_policy_purpose_name(policy, purpose), "y");
    check_failure(pc_decide_purpose(&purpose, &line, policy, a, "x"), PC_CODE_PERMISSION_DENIED,
                  "POLICY_PURPOSE_DENIED");
    check_failure(pc_decide_purpose(&purpose, &line, policy, b, NULL), PC_CODE_PERMISSION_DENIED,
                  "POLICY_PURPOSE_DENIED");
    check_failure(pc_decide_purpose(&purpose, &line, policy, b, "z"), PC_CODE_PERMISSION_DENIED,
                  "POLICY_PURPOSE_DENIED");
    check_ok(pc_decide_purpose(&purpose, &line, policy, b, "x"));
    pc_policy_unref(policy);
}

static void bounds_are_kept(void **state)
{
    (void)state;
    pc_policy *policy = compile_well(
        "callers:\n"
        "  - {name: a, " ALL ", criticality: batch, max_staleness: {least: 1s, most: 1m}}\n"
        "  - {name: b, rpcs: '*', sections: '*', namespaces: [Email], sandboxes: '*',\n"
        "     merge_policies: default}\n");
    size_t line;
    const pc_grant *a = pc_policy_grant(policy, "a");
    const pc_grant *b = pc_policy_grant(policy, "b");
    check_ok(pc_decide_staleness(&line, a, 1000));
    check_ok(pc_decide_staleness(&line, a, 60000));
    check_failure(pc_decide_staleness(&line, a, 999), PC_CODE_PERMISSION_DENIED,
                  "POLICY_STALENESS_DENIED");
    check_failure(pc_decide_staleness(&line, a, 60001), PC_CODE_PERMISSION_DENIED,
                  "POLICY_STALENESS_DENIED");
    check_ok(pc_decide_criticality(&line, a, PC_CRITICALITY_PREFETCH));
    check_failure(pc_decide_criticality(&line, a, PC_CRITICALITY_AGENT), PC_CODE_PERMISSION_DENIED,
                  "POLICY_CRITICALITY_DENIED");
    check_ok(pc_decide_namespace(&line, b, "email"));
    check_failure(pc_decide_namespace(&line, b, NULL), PC_CODE_PERMISSION_DENIED,
                  "POLICY_NAMESPACE_DENIED");
    check_ok(pc_decide_merge_policy(&line, b, "", ""));
    check_ok(pc_decide_merge_policy(&line, b, "usual", "usual"));
    check_failure(pc_decide_merge_policy(&line, b, "default", "usual"), PC_CODE_PERMISSION_DENIED,
                  "POLICY_MERGE_POLICY_DENIED");
    check_failure(pc_decide_merge_policy(&line, b, "x", "usual"), PC_CODE_PERMISSION_DENIED,
                  "POLICY_MERGE_POLICY_DENIED");
    pc_policy_unref(policy);
}

static void the_example_is_right(void **state)
{
    (void)state;
    pc_policy *policy;
    pc_config_errors errors = {0};
    if (!pc_policy_load(&policy, &errors, PC_SOURCE_DIR "/server/policy/example.yaml", NULL)) {
        fail_msg("%s", errors.lines[0]);
    }
    assert_int_equal(pc_policy_caller_count(policy), 6);
    pc_policy_unref(policy);
}

static void a_file_that_cannot_be_read_is_told(void **state)
{
    (void)state;
    pc_policy *policy;
    pc_config_errors errors = {0};
    assert_false(pc_policy_load(&policy, &errors, "/nowhere/policy.yaml", NULL));
    assert_int_equal(errors.count, 1);
    pc_config_errors_deinit(&errors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes_are_told_with_their_places_all_at_once),
        cmocka_unit_test(what_is_no_policy_is_refused),
        cmocka_unit_test(names_that_stand_twice_are_ambiguous),
        cmocka_unit_test(values_out_of_range_are_refused),
        cmocka_unit_test(a_mistake_in_a_role_is_told_once),
        cmocka_unit_test(the_whole_name_decides_then_the_longest_pattern),
        cmocka_unit_test(a_callers_keys_stand_before_its_roles),
        cmocka_unit_test(a_star_grants_no_deletions),
        cmocka_unit_test(a_call_states_a_purpose_that_it_is_granted),
        cmocka_unit_test(bounds_are_kept),
        cmocka_unit_test(the_example_is_right),
        cmocka_unit_test(a_file_that_cannot_be_read_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
