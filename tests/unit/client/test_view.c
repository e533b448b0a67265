/* What an agent sees of a context. */
#include "testing.h"

#include <string.h>

#include "times.h"
#include "view.h"

#define NOW_MS (INT64_C(1762084800) * 1000) /* 2025-11-02T12:00:00Z */

typedef Profilecontext__V1__SectionInfo section_info;

static section_info section(Profilecontext__V1__Section which,
                            Profilecontext__V1__SectionStatus status)
{
    section_info info = PROFILECONTEXT__V1__SECTION_INFO__INIT;
    info.section = which;
    info.status = status;
    return info;
}

static void context_is_shown_in_groups(void **state)
{
    (void)state;
    char name_space[] = "Email";
    char id[] = "ada@example.com";
    char full_name[] = "Ada \033[31mByron";
    char churn[] = "churn_score";
    char value[] = "lifetime_value";
    char unit[] = "EUR";
    char reason[] = "UPSTREAM_LATE";
    Profilecontext__V1__Identity identity = PROFILECONTEXT__V1__IDENTITY__INIT;
    identity.namespace_ = name_space;
    identity.id = id;
    Profilecontext__V1__Date born = PROFILECONTEXT__V1__DATE__INIT;
    born.year = 1985;
    born.month = 11;
    born.day = 3;
    Profilecontext__V1__PersonName name = PROFILECONTEXT__V1__PERSON_NAME__INIT;
    name._full_name_case = PROFILECONTEXT__V1__PERSON_NAME___FULL_NAME_FULL_NAME;
    name.full_name = full_name;
    Profilecontext__V1__Person person = PROFILECONTEXT__V1__PERSON__INIT;
    person.name = &name;
    person.birth_date = &born;
    Profilecontext__V1__ChannelConsent no = PROFILECONTEXT__V1__CHANNEL_CONSENT__INIT;
    no.val = PROFILECONTEXT__V1__CONSENT_VALUE__CONSENT_VALUE_NO;
    Profilecontext__V1__ChannelConsent yes = PROFILECONTEXT__V1__CHANNEL_CONSENT__INIT;
    yes.val = PROFILECONTEXT__V1__CONSENT_VALUE__CONSENT_VALUE_YES;
    Profilecontext__V1__MarketingConsents marketing = PROFILECONTEXT__V1__MARKETING_CONSENTS__INIT;
    marketing.any = &no;
    marketing.email = &yes;
    Profilecontext__V1__Consents consents = PROFILECONTEXT__V1__CONSENTS__INIT;
    consents.marketing = &marketing;
    Profilecontext__V1__Profile profile = PROFILECONTEXT__V1__PROFILE__INIT;
    profile.person = &person;
    profile.consents = &consents;
    Profilecontext__V1__Insight score = PROFILECONTEXT__V1__INSIGHT__INIT;
    score.name = churn;
    score.kind = PROFILECONTEXT__V1__INSIGHT_KIND__INSIGHT_KIND_PROBABILITY;
    score.band = PROFILECONTEXT__V1__INSIGHT_BAND__INSIGHT_BAND_HIGH;
    score.value_case = PROFILECONTEXT__V1__INSIGHT__VALUE_NUMBER;
    score.number = 0.82;
    Profilecontext__V1__Insight amount = PROFILECONTEXT__V1__INSIGHT__INIT;
    amount.name = value;
    amount.kind = PROFILECONTEXT__V1__INSIGHT_KIND__INSIGHT_KIND_AMOUNT;
    amount.value_case = PROFILECONTEXT__V1__INSIGHT__VALUE_NUMBER;
    amount.number = 1234567.5;
    amount.unit = unit;
    Profilecontext__V1__Insight *insights[] = {&score, &amount};
    section_info infos[] = {
        section(PROFILECONTEXT__V1__SECTION__SECTION_PROFILE,
                PROFILECONTEXT__V1__SECTION_STATUS__SECTION_STATUS_STALE),
        section(PROFILECONTEXT__V1__SECTION__SECTION_EVENTS,
                PROFILECONTEXT__V1__SECTION_STATUS__SECTION_STATUS_LATE),
        section(PROFILECONTEXT__V1__SECTION__SECTION_INSIGHTS,
                PROFILECONTEXT__V1__SECTION_STATUS__SECTION_STATUS_OK),
    };
    Google__Protobuf__Duration age = GOOGLE__PROTOBUF__DURATION__INIT;
    age.seconds = 7200;
    infos[0].age = &age;
    infos[0].origin = PROFILECONTEXT__V1__SECTION_ORIGIN__SECTION_ORIGIN_CACHE;
    infos[1].reason = reason;
    section_info *sections[] = {&infos[0], &infos[1], &infos[2]};
    Profilecontext__V1__Context context = PROFILECONTEXT__V1__CONTEXT__INIT;
    context.identity = &identity;
    context.profile = &profile;
    context.n_insights = 2;
    context.insights = insights;
    context.n_sections = 3;
    context.sections = sections;

    screen to;
    screen_open(&to, 80, false);
    view_context(&to.display, &context, NOW_MS);
    screen_check(&to, "Email:ada@example.com\n"
                      "\n"
                      "Who\n"
                      "  Name                  Ada �[31mByron\n"
                      "  Birthday              1985-11-03 (39)\n"
                      "\n"
                      "Value\n"
                      "  lifetime_value        1,234,567.50 EUR\n"
                      "\n"
                      "Propensities\n"
                      "  churn_score           82 %, high\n"
                      "\n"
                      "Recent purchases\n"
                      "  late: it did not arrive in time\n"
                      "\n"
                      "Consents\n"
                      "  Any marketing         no\n"
                      "  Email                 yes, but refused everything\n"
                      "\n"
                      "Data\n"
                      "  Profile               stale, 2 h old, from the cache\n"
                      "  Events                late: it did not arrive in time (UPSTREAM_LATE)\n"
                      "  Insights              ok\n");
}

static void purchases_are_summed_by_currency(void **state)
{
    (void)state;
    char euro[] = "EUR";
    char pound[] = "GBP";
    char tent[] = "Tent";
    Profilecontext__V1__ProductListItem item = PROFILECONTEXT__V1__PRODUCT_LIST_ITEM__INIT;
    item._name_case = PROFILECONTEXT__V1__PRODUCT_LIST_ITEM___NAME_NAME;
    item.name = tent;
    item._quantity_case = PROFILECONTEXT__V1__PRODUCT_LIST_ITEM___QUANTITY_QUANTITY;
    item.quantity = 2;
    Profilecontext__V1__ProductListItem *items[] = {&item};
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    time.seconds = NOW_MS / 1000;
    enum { ORDERS = 4 };
    Profilecontext__V1__Order orders[ORDERS];
    Profilecontext__V1__Commerce commerce[ORDERS];
    Profilecontext__V1__ExperienceEvent events[ORDERS];
    Profilecontext__V1__ExperienceEvent *pointers[ORDERS];
    for (size_t i = 0; i < ORDERS; i++) {
        profilecontext__v1__order__init(&orders[i]);
        orders[i]._price_total_case = PROFILECONTEXT__V1__ORDER___PRICE_TOTAL_PRICE_TOTAL;
        orders[i].price_total = 100.25;
        orders[i]._currency_code_case = PROFILECONTEXT__V1__ORDER___CURRENCY_CODE_CURRENCY_CODE;
        orders[i].currency_code = i == 1 ? pound : euro;
        profilecontext__v1__commerce__init(&commerce[i]);
        commerce[i].order = &orders[i];
        profilecontext__v1__experience_event__init(&events[i]);
        events[i].timestamp = &time;
        events[i].commerce = &commerce[i];
        pointers[i] = &events[i];
    }
    events[0].n_product_list_items = 1;
    events[0].product_list_items = items;
    orders[3].cancel_date = &time;

    screen to;
    screen_open(&to, 80, false);
    view_purchases(&to.display, pointers, ORDERS);
    screen_check(&to, "  2025-11-02  100.25 EUR      Tent ×2\n"
                      "  2025-11-02  100.25 GBP\n"
                      "  2025-11-02  100.25 EUR\n"
                      "  2025-11-02  100.25 EUR      cancelled\n"
                      "  together    200.50 EUR      in 2 orders\n"
                      "  together    100.25 GBP      in 1 order\n");
}

static void exited_audiences_stand_apart(void **state)
{
    (void)state;
    char name_space[] = "ups";
    char id[] = "1";
    char gold[] = "Gold members";
    Profilecontext__V1__SegmentMembership in = PROFILECONTEXT__V1__SEGMENT_MEMBERSHIP__INIT;
    in.namespace_ = name_space;
    in.segment_id = id;
    in._display_name_case = PROFILECONTEXT__V1__SEGMENT_MEMBERSHIP___DISPLAY_NAME_DISPLAY_NAME;
    in.display_name = gold;
    Profilecontext__V1__SegmentMembership left = PROFILECONTEXT__V1__SEGMENT_MEMBERSHIP__INIT;
    left.namespace_ = name_space;
    left.segment_id = id;
    left._active_case = PROFILECONTEXT__V1__SEGMENT_MEMBERSHIP___ACTIVE_ACTIVE;
    left.active = false;
    Profilecontext__V1__SegmentMembership *memberships[] = {&left, &in};
    screen to;
    screen_open(&to, 80, false);
    view_audiences(&to.display, memberships, 2);
    screen_check(&to, "  Gold members\n"
                      "  No longer in:\n"
                      "  ups:1\n");
}

static void spans_are_rough(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {{999, "999 ms"},  {119999, "119 s"},  {120000, "2 min"},
                 {7200000, "2 h"}, {172800000, "2 d"}, {INT64_MAX, "106751991167 d"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[TIMES_TEXT_SIZE];
        times_format_span(text, cases[i].ms);
        assert_string_equal(text, cases[i].text);
    }
}

static void what_is_denied_is_told(void **state)
{
    (void)state;
    char paths[4][32] = {"profile.person.birth_date", "profile.extensions", "profile.loyalty",
                         "profile.account"};
    char *denied[] = {paths[0], paths[1], paths[2], paths[3]};
    char reason[] = "CONSENT_MISSING";
    section_info info = section(PROFILECONTEXT__V1__SECTION__SECTION_PROFILE,
                                PROFILECONTEXT__V1__SECTION_STATUS__SECTION_STATUS_OK);
    info.denied_paths = denied;
    info.n_denied_paths = 4;
    section_info events = section(PROFILECONTEXT__V1__SECTION__SECTION_EVENTS,
                                  PROFILECONTEXT__V1__SECTION_STATUS__SECTION_STATUS_DENIED);
    events.reason = reason;
    screen to;
    screen_open(&to, 200, false);
    view_section(&to.display, &info);
    view_section(&to.display, &events);
    screen_check(
        &to, "  Profile               ok, without profile.person.birth_date, profile.extensions, "
             "profile.loyalty and more, which you may not see\n"
             "  Events                denied: the person's consent for this purpose is not there "
             "(CONSENT_MISSING)\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(context_is_shown_in_groups),
        cmocka_unit_test(purchases_are_summed_by_currency),
        cmocka_unit_test(exited_audiences_stand_apart),
        cmocka_unit_test(spans_are_rough),
        cmocka_unit_test(what_is_denied_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
