/* What is shown: masks set against each other, changed values, consents, and the summary. */
#include "check.h"

#include <stdio.h>
#include <string.h>

#include "mapping/wire.h"
#include "mapping_tables.h"
#include "policy/consents.h"
#include "policy/decide.h"
#include "profilecontext/v1/profile.pb-c.h"

typedef Profilecontext__V1__Profile profile;

/* What the insights are that rules are held against. */
static const pc_config *configured;

static pc_policy *compile(const char *rule)
{
    char text[4096];
    pc_policy *policy;
    pc_config_errors errors = {0};
    (void)snprintf(text, sizeof text,
                   "purposes: [m, s]\n"
                   "consents: [{purposes: m, needs: consents.marketing.email.val, values: [y, dy],"
                   " deny: [events, profile.person]}]\n"
                   "callers: [{name: a, rpcs: '*', sandboxes: '*', merge_policies: '*', "
                   "purposes: '*', %s}]",
                   rule);
    if (!pc_policy_compile(&policy, &errors, "p", (const unsigned char *)text, strlen(text),
                           configured)) {
        fail_msg("%s", errors.lines[0]);
    }
    return policy;
}

/* The paths that a caller does not get, joined by spaces. */
static const char *missing(const pc_policy *policy, pc_view view)
{
    static char text[16384];
    const pc_view_rights *rights = &pc_policy_grant(policy, "a")->views[view];
    pc_wire_reader reader;
    pc_wire_field field;
    size_t size = 0;
    pc_wire_reader_init(&reader, rights->missing, rights->missing_size);
    text[0] = '\0';
    while (pc_wire_next(&reader, &field)) {
        assert_int_equal(field.number, PC_DENIED_PATHS);
        size += (size_t)snprintf(text + size, sizeof text - size, "%s%.*s", size == 0 ? "" : " ",
                                 (int)field.size, (const char *)field.bytes);
    }
    return text;
}

static void what_is_denied_is_missing_and_nothing_else(void **state)
{
    (void)state;
    pc_policy *policy =
        compile("namespaces: '*', sections: [profile, events, identities], "
                "fields: {deny: [profile.person.name.first_name, profile.extensions, events]}, "
                "masks: {profile.person.gender: drop}");
    assert_string_equal(missing(policy, PC_VIEW_PROFILE),
                        "profile.person.name.first_name profile.person.gender profile.extensions");
    assert_string_equal(missing(policy, PC_VIEW_EVENTS), "events");
    assert_string_equal(missing(policy, PC_VIEW_IDENTITIES), "");
    assert_string_equal(missing(policy, PC_VIEW_SEGMENTS), "segment_memberships");
    /* GetProfile's profile has what else are sections of their own. */
    assert_string_equal(missing(policy, PC_VIEW_WHOLE_PROFILE),
                        "person.name.first_name person.gender segment_membership extensions");
    const pc_grant *grant = pc_policy_grant(policy, "a");
    assert_true(pc_mask_is_all(grant->views[PC_VIEW_IDENTITIES].mask));
    assert_null(grant->views[PC_VIEW_EVENTS].mask);
    pc_policy_unref(policy);
}

static void an_allow_list_leaves_out_all_else(void **state)
{
    (void)state;
    pc_policy *policy = compile("namespaces: '*', sections: '*', fields: {allow: "
                                "[identities.namespace, identities.id, segment_memberships], "
                                "deny: identities.id}");
    assert_string_equal(missing(policy, PC_VIEW_IDENTITIES),
                        "identities.id identities.authenticated_state identities.primary "
                        "identities.xid identities.extensions");
    assert_string_equal(missing(policy, PC_VIEW_SEGMENTS), "");
    assert_string_equal(missing(policy, PC_VIEW_PROFILE), "profile");
    pc_policy_unref(policy);
}

static void a_summary_tells_nothing_of_what_is_denied_or_masked(void **state)
{
    (void)state;
    pc_policy *policy = compile("namespaces: '*', sections: summary");
    assert_string_equal(missing(policy, PC_VIEW_SUMMARY), "");
    pc_policy_unref(policy);
    policy = compile("namespaces: '*', sections: '*', fields: {deny: [events.commerce.order, "
                     "profile.consents.marketing.email.reason]}");
    assert_string_equal(missing(policy, PC_VIEW_SUMMARY),
                        "summary.purchases summary.service summary.preferred_channel "
                        "summary.contactability");
    pc_policy_unref(policy);
    policy = compile("namespaces: '*', sections: '*', masks: {insights.text: hash}");
    assert_string_equal(missing(policy, PC_VIEW_SUMMARY),
                        "summary.lifetime_value summary.churn summary.conversion");
    pc_policy_unref(policy);
}

static void other_namespaces_are_not_named_anywhere(void **state)
{
    (void)state;
    pc_policy *policy = compile("namespaces: Email, sections: '*'");
    assert_string_equal(missing(policy, PC_VIEW_PROFILE), "profile.consents.id_specific");
    assert_string_equal(missing(policy, PC_VIEW_EVENTS),
                        "events.identity_map events.end_user_i_ds events.stitched_id");
    assert_string_equal(missing(policy, PC_VIEW_IDENTITIES), "identities.xid");
    pc_policy_unref(policy);
}

static void what_is_denied_or_masked_cannot_be_searched_by(void **state)
{
    (void)state;
    pc_policy *policy = compile("namespaces: '*', sections: '*', fields: {deny: "
                                "[events.commerce.order.price_total, events.extensions]}, "
                                "masks: {events.web.web_page_details.name: hash}");
    const pc_mask *clear = pc_policy_grant(policy, "a")->views[PC_VIEW_EVENTS].clear;
    static const struct {
        const char *path;
        bool may;
    } paths[] = {
        {"eventType", true},
        {"commerce.order.purchaseID", true},
        {"commerce.order.priceTotal", false},
        {"commerce.order", false},
        {"commerce", false},
        {"_tenant.score", false},
        {"web.webPageDetails.name", false},
        {"web.webPageDetails.URL", true},
        {"", false},
    };
    for (size_t i = 0; i < PC_COUNT_OF(paths); i++) {
        if (pc_mask_keeps_json_path(clear, paths[i].path) != paths[i].may) {
            fail_msg("%s", paths[i].path);
        }
    }
    pc_policy_unref(policy);
}

static void what_is_denied_cannot_be_searched_by_in_another_spelling(void **state)
{
    (void)state;
    pc_policy *policy = compile("namespaces: '*', sections: '*', fields: {deny: events.commerce}");
    const pc_mask *clear = pc_policy_grant(policy, "a")->views[PC_VIEW_EVENTS].clear;
    static const char *const refused[] = {
        "commerce.order.priceTotal",
        "Commerce.order.priceTotal",
        "COMMERCE",
        "xdm:commerce.order",
        "xdm:Commerce",
        "a:b:commerce",
        "@commerce",
        "commerce.",
        ".commerce",
    };
    static const char *const allowed[] = {"eventType", "EventType", "_tenant.commerce",
                                          "commercial", "xdm:"};
    for (size_t i = 0; i < PC_COUNT_OF(refused); i++) {
        if (pc_mask_keeps_json_path(clear, refused[i])) {
            fail_msg("%s", refused[i]);
        }
    }
    for (size_t i = 0; i < PC_COUNT_OF(allowed); i++) {
        if (!pc_mask_keeps_json_path(clear, allowed[i])) {
            fail_msg("%s", allowed[i]);
        }
    }
    pc_policy_unref(policy);
}

/* ---- insights -------------------------------------------------------------------------------- */

static char reads[][48] = {
    "_t.score",
    "person.birthDate",
    "per\\son.birthDate",
    "person._t.score",
    "homeAddress",
    "homeAddress.city",
    "identityMap.Email",
    "consents.idSpecific.x",
    "segmentMembership.ups.a.status",
    "unknown.birthDate",
    "_t.factors",
};
enum { INSIGHTS = PC_COUNT_OF(reads) };

static char names[INSIGHTS][4];

/* An insight for each path, named by its place; the last has factors out of a field. */
static void configure(pc_config *config, pc_config_insight *insights)
{
    static char empty[] = "";
    static char last[] = "loyalty.tier";
    *config = (pc_config){.insights = insights, .insight_count = INSIGHTS};
    for (size_t i = 0; i < INSIGHTS; i++) {
        (void)snprintf(names[i], sizeof names[i], "%zu", i);
        insights[i] = (pc_config_insight){
            .name = names[i], .path = reads[i], .factors_path = i == INSIGHTS - 1 ? last : empty};
    }
    insights[1].propensity = 1;
    insights[5].propensity = 2;
    config->summary.lifetime_value = names[10];
    configured = config;
}

static const char *hidden(const pc_hidden_insights *list)
{
    static char text[256];
    size_t size = 0;
    text[0] = '\0';
    for (size_t i = 0; i < list->count; i++) {
        size += (size_t)snprintf(text + size, sizeof text - size, "%s%s", i == 0 ? "" : " ",
                                 list->insights[i].name);
    }
    return text;
}

static void an_insight_is_hidden_where_the_field_that_it_reads_is(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        const char *hidden;
        const char *missing;
    } cases[] = {
        {"namespaces: '*', sections: '*'", "", ""},
        {"namespaces: '*', sections: insights", "", "summary"},
        {"namespaces: '*', sections: '*', fields: {deny: profile.extensions}", "", ""},
        {"namespaces: '*', sections: '*', fields: {deny: profile.person.birth_date}", "1 2",
         "summary.churn"},
        {"namespaces: '*', sections: '*', fields: {deny: profile.person}", "1 2 3",
         "summary.churn"},
        {"namespaces: '*', sections: '*', masks: {profile.home_address.city: hash}", "4 5",
         "summary.conversion"},
        {"namespaces: '*', sections: '*', masks: {profile.home_address.street1: drop}", "4", ""},
        {"namespaces: '*', sections: '*', fields: {deny: profile.loyalty.tier}", "10",
         "summary.lifetime_value"},
        {"namespaces: '*', sections: '*', fields: {deny: identities.id}", "6", ""},
        {"namespaces: '*', sections: '*', fields: {deny: segment_memberships.status}", "8", ""},
        {"namespaces: Email, sections: insights", "6 7", "summary"},
        {"namespaces: '*', sections: '*', fields: {allow: insights}", "1 2 3 4 5 6 7 8 10",
         "summary"},
    };
    pc_config config;
    pc_config_insight insights[INSIGHTS];
    configure(&config, insights);
    for (size_t i = 0; i < PC_COUNT_OF(cases); i++) {
        pc_policy *policy = compile(cases[i].rule);
        const pc_grant *grant = pc_policy_grant(policy, "a");
        if (strcmp(hidden(&grant->hidden), cases[i].hidden) != 0 ||
            strcmp(missing(policy, PC_VIEW_SUMMARY), cases[i].missing) != 0) {
            fail_msg("%s: %s; %s", cases[i].rule, hidden(&grant->hidden),
                     missing(policy, PC_VIEW_SUMMARY));
        }
        pc_policy_unref(policy);
    }
    configured = NULL;
}

static void an_insight_needs_the_consent_that_the_field_needs_which_it_reads(void **state)
{
    (void)state;
    pc_config config;
    pc_config_insight insights[INSIGHTS];
    configure(&config, insights);
    pc_policy *policy = compile("namespaces: '*', sections: '*'");
    size_t count;
    int m = pc_policy_purpose(policy, "m");
    assert_string_equal(hidden(&pc_policy_consents(policy, &count)->hidden), "1 2 3");
    assert_int_equal(pc_consents_for(policy, m, PC_VIEW_BIT(PC_VIEW_INSIGHTS)), 1);
    assert_int_equal(pc_policy_grant(policy, "a")->hidden.count, 0);
    pc_policy_unref(policy);
    configured = NULL;
}

/* ---- values ---------------------------------------------------------------------------------- */

/* The profile that is left of one when the rules' value masks have been applied. */
static profile *mask(const pc_policy *policy, const profile *before)
{
    static const uint8_t key[PC_VALUE_KEY_BYTES] = {1};
    uint8_t bytes[4096];
    pc_buffer out;
    size_t size = profilecontext__v1__profile__pack(before, bytes);
    pc_buffer_init(&out, sizeof bytes);
    assert_true(pc_value_masks_apply(
        &out, bytes, size, pc_policy_grant(policy, "a")->views[PC_VIEW_WHOLE_PROFILE].values, key));
    assert_false(out.failed);
    profile *after = profilecontext__v1__profile__unpack(NULL, out.size, out.bytes);
    assert_non_null(after);
    pc_buffer_deinit(&out);
    return after;
}

static void values_are_shown_changed(void **state)
{
    (void)state;
    pc_policy *policy =
        compile("namespaces: '*', sections: '*', masks: {profile.person.name.first_name: hash, "
                "profile.person.name.last_name: {partial: 2}, profile.mobile_phone.number: "
                "{partial: 4}, identities.id: {partial: 3}}");
    Profilecontext__V1__PersonName name = PROFILECONTEXT__V1__PERSON_NAME__INIT;
    Profilecontext__V1__Person person = PROFILECONTEXT__V1__PERSON__INIT;
    Profilecontext__V1__PhoneNumber phone = PROFILECONTEXT__V1__PHONE_NUMBER__INIT;
    Profilecontext__V1__LinkedIdentity linked[2] = {PROFILECONTEXT__V1__LINKED_IDENTITY__INIT,
                                                    PROFILECONTEXT__V1__LINKED_IDENTITY__INIT};
    Profilecontext__V1__LinkedIdentity *list[2] = {&linked[0], &linked[1]};
    profile before = PROFILECONTEXT__V1__PROFILE__INIT;
    char first[] = "Ada";
    char last[] = "Bÿrön";
    char middle[] = "King";
    char number[] = "+15550100";
    char email[] = "ada@example.com";
    char short_id[] = "47";
    name._first_name_case = PROFILECONTEXT__V1__PERSON_NAME___FIRST_NAME_FIRST_NAME;
    name.first_name = first;
    name._last_name_case = PROFILECONTEXT__V1__PERSON_NAME___LAST_NAME_LAST_NAME;
    name.last_name = last;
    name._middle_name_case = PROFILECONTEXT__V1__PERSON_NAME___MIDDLE_NAME_MIDDLE_NAME;
    name.middle_name = middle;
    person.name = &name;
    phone._number_case = PROFILECONTEXT__V1__PHONE_NUMBER___NUMBER_NUMBER;
    phone.number = number;
    linked[0]._id_case = PROFILECONTEXT__V1__LINKED_IDENTITY___ID_ID;
    linked[0].id = email;
    linked[1]._id_case = PROFILECONTEXT__V1__LINKED_IDENTITY___ID_ID;
    linked[1].id = short_id;
    before.person = &person;
    before.mobile_phone = &phone;
    before.identity_map = list;
    before.n_identity_map = 2;
    profile *after = mask(policy, &before);
    assert_int_equal(strlen(after->person->name->first_name), PC_VALUE_HASH_DIGITS);
    assert_int_equal(strspn(after->person->name->first_name, "0123456789abcdef"),
                     PC_VALUE_HASH_DIGITS);
    assert_string_equal(after->person->name->last_name, "***ön");
    assert_string_equal(after->person->name->middle_name, "King");
    assert_string_equal(after->mobile_phone->number, "*****0100");
    assert_string_equal(after->identity_map[0]->id, "************com");
    /* A value that is no longer than what may be kept would be shown whole. */
    assert_string_equal(after->identity_map[1]->id, "**");
    profile *again = mask(policy, &before);
    assert_string_equal(after->person->name->first_name, again->person->name->first_name);
    profilecontext__v1__profile__free_unpacked(after, NULL);
    profilecontext__v1__profile__free_unpacked(again, NULL);
    pc_policy_unref(policy);
}

static void malformed_bytes_are_not_masked(void **state)
{
    (void)state;
    pc_policy *policy =
        compile("namespaces: '*', sections: '*', masks: {profile.person.gender: drop, "
                "profile.mobile_phone.number: hash}");
    static const uint8_t key[PC_VALUE_KEY_BYTES] = {0};
    const pc_value_masks *masks = pc_policy_grant(policy, "a")->views[PC_VIEW_PROFILE].values;
    const uint32_t field = masks->masks[0].path.numbers[0];
    uint8_t number[] = {0, 0, 1};
    pc_buffer out;
    (void)pc_wire_write_int(number, field, PC_WIRE_VARINT, 1);
    pc_buffer_init(&out, 64);
    assert_false(pc_value_masks_apply(&out, number, sizeof number, masks, key));
    assert_false(pc_value_masks_apply(&out, (const uint8_t *)"\x0a\x05x", 3, masks, key));
    pc_buffer_deinit(&out);
    pc_policy_unref(policy);
}

/* ---- consents -------------------------------------------------------------------------------- */

typedef struct {
    int email;
    int any;
    int identity; /* of Email:ada */
    bool given;   /* by someone else */
    bool given_to_ada;
} consent_case;

static void a_consent_is_what_the_person_said_last_of_all(void **state)
{
    (void)state;
    enum { NONE = 0, YES = 1, NO = 2, PENDING = 3, UNKNOWN = 4, DEFAULT_YES = 5, INTEREST = 7 };
    static const consent_case cases[] = {
        {NONE, NONE, NONE, false, false},      {YES, NONE, NONE, true, true},
        {DEFAULT_YES, NONE, NONE, true, true}, {NO, NONE, NONE, false, false},
        {PENDING, YES, NONE, false, false},    {UNKNOWN, NONE, NONE, false, false},
        {INTEREST, NONE, NONE, false, false},  {YES, NO, NONE, false, false},
        {YES, YES, NONE, true, true},          {YES, NONE, NO, true, false},
        {YES, NONE, YES, true, true},          {NO, NONE, YES, false, false},
    };
    pc_policy *policy = compile("namespaces: '*', sections: '*'");
    size_t count;
    const pc_consent_rule *rule = pc_policy_consents(policy, &count);
    assert_int_equal(count, 1);
    for (size_t i = 0; i < PC_COUNT_OF(cases); i++) {
        Profilecontext__V1__ChannelConsent email = PROFILECONTEXT__V1__CHANNEL_CONSENT__INIT;
        Profilecontext__V1__ChannelConsent any = email;
        Profilecontext__V1__ChannelConsent own = email;
        Profilecontext__V1__MarketingConsents marketing =
            PROFILECONTEXT__V1__MARKETING_CONSENTS__INIT;
        Profilecontext__V1__MarketingConsents own_marketing = marketing;
        Profilecontext__V1__IdentityConsents identity = PROFILECONTEXT__V1__IDENTITY_CONSENTS__INIT;
        Profilecontext__V1__IdentityConsents *identities[1] = {&identity};
        Profilecontext__V1__Consents consents = PROFILECONTEXT__V1__CONSENTS__INIT;
        profile person = PROFILECONTEXT__V1__PROFILE__INIT;
        char code[] = "Email";
        char id[] = "ada";
        uint8_t bytes[512];
        email.val = (Profilecontext__V1__ConsentValue)cases[i].email;
        any.val = (Profilecontext__V1__ConsentValue)cases[i].any;
        own.val = (Profilecontext__V1__ConsentValue)cases[i].identity;
        marketing.email = &email;
        marketing.any = &any;
        own_marketing.email = &own;
        identity.namespace_ = code;
        identity.id = id;
        identity.marketing = &own_marketing;
        consents.marketing = &marketing;
        consents.id_specific = identities;
        consents.n_id_specific = 1;
        person.consents = &consents;
        size_t size = profilecontext__v1__profile__pack(&person, bytes);
        bool to_ada = pc_consent_is_given(rule, bytes, size, "email", "ada");
        bool to_eve = pc_consent_is_given(rule, bytes, size, "email", "eve");
        bool by_xid = pc_consent_is_given(rule, bytes, size, NULL, NULL);
        if (to_ada != cases[i].given_to_ada || to_eve != cases[i].given ||
            by_xid != cases[i].given) {
            fail_msg("case %zu", i);
        }
    }
    assert_false(pc_consent_is_given(rule, (const uint8_t *)"", 0, NULL, NULL));
    pc_policy_unref(policy);
}

static void a_consent_is_asked_for_where_its_purpose_and_what_it_denies_meet(void **state)
{
    (void)state;
    pc_policy *policy = compile("namespaces: '*', sections: '*'");
    int m = pc_policy_purpose(policy, "m");
    int s = pc_policy_purpose(policy, "s");
    assert_int_equal(pc_consents_for(policy, m, PC_VIEW_BIT(PC_VIEW_EVENTS)), 1);
    assert_int_equal(pc_consents_for(policy, m, PC_VIEW_BIT(PC_VIEW_WHOLE_PROFILE)), 1);
    assert_int_equal(pc_consents_for(policy, m, PC_VIEW_BIT(PC_VIEW_SUMMARY)), 1);
    assert_int_equal(pc_consents_for(policy, m, PC_VIEW_BIT(PC_VIEW_SEGMENTS)), 0);
    assert_int_equal(pc_consents_for(policy, s, PC_VIEW_BIT(PC_VIEW_EVENTS)), 0);
    assert_int_equal(pc_consents_for(policy, -1, PC_VIEW_BIT(PC_VIEW_EVENTS)), 0);
    pc_policy_unref(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_denied_is_missing_and_nothing_else),
        cmocka_unit_test(an_allow_list_leaves_out_all_else),
        cmocka_unit_test(a_summary_tells_nothing_of_what_is_denied_or_masked),
        cmocka_unit_test(other_namespaces_are_not_named_anywhere),
        cmocka_unit_test(what_is_denied_or_masked_cannot_be_searched_by),
        cmocka_unit_test(what_is_denied_cannot_be_searched_by_in_another_spelling),
        cmocka_unit_test(an_insight_is_hidden_where_the_field_that_it_reads_is),
        cmocka_unit_test(an_insight_needs_the_consent_that_the_field_needs_which_it_reads),
        cmocka_unit_test(values_are_shown_changed),
        cmocka_unit_test(malformed_bytes_are_not_masked),
        cmocka_unit_test(a_consent_is_what_the_person_said_last_of_all),
        cmocka_unit_test(a_consent_is_asked_for_where_its_purpose_and_what_it_denies_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
