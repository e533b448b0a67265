/* The summary of a customer: what it says of profiles and events as the upstream sends them, and
 * where each fact came from. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "context/part.h"
#include "context/summary/summary.h"
#include "mapping/insights.h"
#include "mapping_tables.h"
#include "profilecontext/v1/summary.pb-c.h"

typedef Profilecontext__V1__ContextSummary summary;

/* The numbers are the contract's: InsightDirection, Propensity. */
enum { HIGH_IS_GOOD = 1, HIGH_IS_BAD = 2, CHURN = 1, CONVERSION = 2 };

static pc_arena arena;
static summary *made; /* by the running test */

static int set_up(void **state)
{
    (void)state;
    pc_arena_init(&arena, NULL, 0, 1 << 24);
    return 0;
}

static void drop(void)
{
    if (made != NULL) {
        profilecontext__v1__context_summary__free_unpacked(made, NULL);
    }
    made = NULL;
}

static int tear_down(void **state)
{
    (void)state;
    drop();
    pc_arena_deinit(&arena);
    return 0;
}

static void map_profile(pc_buffer *profile, pc_buffer *insights, const char *json)
{
    static const pc_insight_rule rules[] = {
        {.name = "worth", .path = "_t.worth", .type = PC_INSIGHT_NUMBER, .unit = "EUR"},
        {.name = "leaves",
         .path = "_t.churn.score",
         .type = PC_INSIGHT_NUMBER,
         .direction = HIGH_IS_BAD,
         .propensity = CHURN,
         .has_bounds = true,
         .low_below = 25,
         .high_above = 74,
         .factors_path = "_t.churn.factors"},
        {.name = "buys",
         .path = "_t.conversion",
         .type = PC_INSIGHT_NUMBER,
         .direction = HIGH_IS_GOOD,
         .propensity = CONVERSION,
         .has_bounds = true,
         .low_below = 25,
         .high_above = 74},
    };
    pc_insight_set *set;
    const uint8_t *bytes = (const uint8_t *)json;
    check_ok(pc_insight_set_new(&set, rules, 3));
    check_ok(pc_transcode(profile, bytes, strlen(json), &pc_table_Profile, NULL));
    check_ok(pc_map_insights(insights, set, bytes, strlen(json), 6));
    pc_insight_set_free(set);
}

/* Summarises a profile and events of a page, as JSON; the events end with NULL. NULL for what could
 * not be had. The customer was asked for as email:a@b. */
static const summary *summarise(const char *profile_json, const char *const *event_texts)
{
    static const pc_summary_options options = {.lifetime_value = "worth",
                                               .campaign_contacts = 2,
                                               .case_id_path = "_t.case.id",
                                               .case_status_path = "_t.case.status",
                                               .case_closed = "closed, Resolved"};
    pc_summary_rules *rules;
    pc_buffer profile, insights, page, out;
    pc_buffer *const buffers[] = {&profile, &insights, &page, &out};
    pc_slice *events = NULL;
    for (size_t i = 0; i < PC_COUNT_OF(buffers); i++) {
        pc_buffer_init(buffers[i], SIZE_MAX);
    }
    check_ok(pc_summary_rules_new(&rules, &options));
    pc_summary_input input = {.namespace_code = "Email",
                              .id = "a@b",
                              .has_profile = profile_json != NULL,
                              .has_events = event_texts != NULL};
    if (profile_json != NULL) {
        map_profile(&profile, &insights, profile_json);
        input.profile = profile.bytes;
        input.profile_size = profile.size;
        input.insights = insights.bytes;
        input.insights_size = insights.size;
    }
    if (event_texts != NULL) {
        const pc_part_rules part_rules = {.summary = rules, .body_bytes_max = 1 << 20};
        pc_events_part found;
        pc_buffer_append_text(&page, "{\"children\":[");
        for (const char *const *text = event_texts; *text != NULL; text++) {
            pc_buffer_append_text(&page, text == event_texts ? "" : ",");
            pc_buffer_append_text(&page, *text);
        }
        pc_buffer_append_text(&page, "]}");
        pc_slice *body = pc_buffer_take_slice(&page);
        check_ok(pc_events_part_make(&events, &part_rules, PC_PART_EVENTS_NUMBER, body));
        pc_slice_unref(body);
        pc_events_part_read(&found, events);
        input.notes = pc_events_part_notes(&input.note_count, &arena, &found);
        input.events = found.items;
        input.events_size = found.items_size;
    }
    check_ok(pc_summary_put(&out, &arena, rules, &input));
    drop();
    made = profilecontext__v1__context_summary__unpack(NULL, out.size, out.bytes);
    assert_non_null(made);
    pc_slice_unref(events);
    for (size_t i = 0; i < PC_COUNT_OF(buffers); i++) {
        pc_buffer_deinit(buffers[i]);
    }
    pc_summary_rules_free(rules);
    return made;
}

/* An event of second `second`. */
#define EVENT(id, second, body)                                                                    \
    "{\"entityId\":\"" id "\",\"timestamp\":" second "000,\"entity\":{" body "}}"

/* ---- insights -------------------------------------------------------------------------------- */

static void insights_are_told_with_band_direction_and_factors(void **state)
{
    (void)state;
    const summary *s =
        summarise("{\"_t\":{\"worth\":8412.35,\"conversion\":\"18\",\"churn\":{\"score\":91,"
                  "\"factors\":[{\"code\":\"f1\",\"value\":\"v\",\"importance\":\"high\"}]}}}",
                  NULL);
    assert_true(s->lifetime_value->value == 8412.35);
    assert_string_equal(s->lifetime_value->unit, "EUR");
    assert_string_equal(s->lifetime_value->source->insight, "worth");
    assert_string_equal(s->lifetime_value->source->path, "_t.worth");
    assert_true(s->churn->score == 91);
    assert_int_equal(s->churn->band, PROFILECONTEXT__V1__INSIGHT_BAND__INSIGHT_BAND_HIGH);
    assert_int_equal(s->churn->direction, HIGH_IS_BAD);
    assert_int_equal(s->churn->n_factors, 1);
    assert_string_equal(s->churn->factors[0]->code, "f1");
    assert_string_equal(s->churn->source->insight, "leaves");
    assert_true(s->conversion->score == 18);
    assert_int_equal(s->conversion->band, PROFILECONTEXT__V1__INSIGHT_BAND__INSIGHT_BAND_LOW);
    s = summarise("{\"_t\":{\"churn\":{}}}", NULL);
    assert_null(s->lifetime_value);
    assert_null(s->churn);
    assert_null(s->conversion);
}

/* ---- purchases ------------------------------------------------------------------------------- */

#define BOUGHT "\"eventType\":\"commerce.purchases\",\"commerce\":"
#define ORDER(id, total, currency)                                                                 \
    "{\"order\":{\"purchaseID\":\"" id "\",\"priceTotal\":" total ",\"currencyCode\":\"" currency  \
    "\"}}"

static void check_money(const Google__Type__Money *money, const char *currency, int64_t units,
                        int32_t nanos)
{
    assert_string_equal(money->currency_code, currency);
    assert_int_equal(money->units, units);
    assert_int_equal(money->nanos, nanos);
}

static void purchases_are_counted_and_added_up_by_currency(void **state)
{
    static const char *const events[] = {
        EVENT("e1", "100", BOUGHT ORDER("p1", "0.1", "EUR")),
        EVENT("e2", "300",
              BOUGHT ORDER("p2", "\"0.20\"", "EUR") ",\"productListItems\":[{\"name\":\"Tent\","
                                                    "\"SKU\":\"s1\"},{\"SKU\":\"s2\"}]"),
        EVENT("e3", "200", BOUGHT ORDER("p3", "1e3", "CHF")),
        EVENT("e4", "250", BOUGHT "{\"order\":{\"purchaseID\":\"p4\",\"priceTotal\":5}}"),
        NULL,
    };
    (void)state;
    const summary *s = summarise(NULL, events);
    assert_int_equal(s->purchases->count, 4);
    assert_int_equal(s->purchases->n_totals, 2);
    check_money(s->purchases->totals[0], "CHF", 1000, 0);
    check_money(s->purchases->totals[1], "EUR", 0, 300000000);
    assert_int_equal(s->purchases->count_without_total, 1);
    const Profilecontext__V1__Purchase *last = s->purchases->last;
    assert_string_equal(last->purchase_id, "p2");
    assert_int_equal(last->time->seconds, 300);
    check_money(last->total, "EUR", 0, 200000000);
    assert_int_equal(last->n_products, 2);
    assert_string_equal(last->products[0], "Tent");
    assert_string_equal(last->products[1], "s2");
    assert_string_equal(last->source->event_id, "e2");
    assert_string_equal(last->source->path, "commerce.order");
    assert_int_equal(s->events_considered, 4);
}

static void events_of_one_order_are_one_purchase(void **state)
{
    static const char *const events[] = {
        EVENT("e1", "100", BOUGHT "{\"order\":{\"purchaseID\":\"p1\"}}"),
        EVENT("e2", "101", BOUGHT ORDER("p1", "12.50", "EUR")),
        EVENT("e3", "102",
              "\"eventType\":\"commerce.checkouts\",\"commerce\":" ORDER("p2", "99", "EUR")),
        EVENT("e4", "103", BOUGHT "{\"purchases\":{\"value\":0}}"),
        EVENT("e5", "104", "\"commerce\":{\"purchases\":{\"value\":1}}"),
        NULL,
    };
    (void)state;
    const summary *s = summarise(NULL, events);
    assert_int_equal(s->purchases->count, 2);
    assert_int_equal(s->purchases->n_totals, 1);
    check_money(s->purchases->totals[0], "EUR", 12, 500000000);
    assert_int_equal(s->purchases->count_without_total, 1);
}

static void an_order_without_a_total_has_that_of_its_lines(void **state)
{
#define LINE(total, currency) "{\"priceTotal\":" total ",\"currencyCode\":\"" currency "\"}"
#define LINES(one, other) BOUGHT "{},\"productListItems\":[" one "," other "]"
    static const char *const same[] = {
        EVENT("e1", "100", LINES(LINE("10.1", "EUR"), LINE("0.2", "EUR"))), NULL};
    static const char *const mixed[] = {
        EVENT("e1", "100", LINES(LINE("10.1", "EUR"), LINE("0.2", "CHF"))), NULL};
#undef LINES
#undef LINE
    (void)state;
    check_money(summarise(NULL, same)->purchases->totals[0], "EUR", 10, 300000000);
    assert_int_equal(summarise(NULL, mixed)->purchases->n_totals, 0);
    assert_int_equal(made->purchases->count_without_total, 1);
}

static void refunds_stand_beside_the_totals(void **state)
{
    static const char *const events[] = {
        EVENT("e1", "100", BOUGHT ORDER("p1", "100", "EUR")),
        EVENT("e2", "200",
              "\"commerce\":{\"order\":{\"purchaseID\":\"p1\",\"currencyCode\":\"EUR\",\"refunds\":"
              "[{\"refundAmount\":30},{\"refundAmount\":1,\"currencyCode\":\"USD\"}]}}"),
        EVENT("e3", "300",
              "\"commerce\":{\"order\":{\"currencyCode\":\"EUR\",\"refundTotal\":2.5}}"),
        NULL,
    };
    (void)state;
    const summary *s = summarise(NULL, events);
    assert_int_equal(s->purchases->count, 1);
    check_money(s->purchases->totals[0], "EUR", 100, 0);
    assert_int_equal(s->purchases->n_refunds, 2);
    check_money(s->purchases->refunds[0], "EUR", 32, 500000000);
    check_money(s->purchases->refunds[1], "USD", 1, 0);
}

static void without_events_nothing_is_said_of_them(void **state)
{
    static const char *const none[] = {NULL};
    (void)state;
    const summary *s = summarise("{}", NULL);
    assert_null(s->purchases);
    assert_null(s->campaigns);
    assert_null(s->service);
    s = summarise(NULL, none);
    assert_int_equal(s->purchases->count, 0);
    assert_null(s->purchases->last);
    assert_int_equal(s->campaigns->count, 0);
    assert_int_equal(s->service->open_case_count, 0);
    assert_int_equal(s->n_contactability, 0);
}

/* ---- campaigns ------------------------------------------------------------------------------- */

#define MAIL(type, message, measure)                                                               \
    "\"eventType\":\"directMarketing." type "\",\"directMarketing\":{\"messageID\":\"" message     \
    "\",\"" measure "\":{\"value\":1}}"

static void check_reactions(const Profilecontext__V1__CampaignContact *contact, const int *wanted,
                            size_t count)
{
    assert_int_equal(contact->n_reactions, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(contact->reactions[i], wanted[i]);
    }
}

static void events_of_one_message_are_one_contact(void **state)
{
    enum { SENT = 1, OPENED = 3, CLICKED = 4, CONVERTED = 5, BOUNCED = 6 };
    static const char *const events[] = {
        EVENT("e3", "120", MAIL("emailClicked", "m1", "clicks")),
        EVENT("e2", "110", MAIL("emailOpened", "m1", "opens")),
        EVENT("e1", "100",
              MAIL("emailSent", "m1",
                   "sends") ",\"marketing\":{\"campaignName\":\"Spring\",\"trackingCode\":\"t1\"}"),
        EVENT("e4", "130",
              "\"eventType\":\"commerce.purchases\",\"marketing\":{\"trackingCode\":\"t1\"}"),
        EVENT("e5", "200", MAIL("emailBounced", "m2", "bounces")),
        EVENT("e6", "50", MAIL("emailSent", "m3", "sends")),
        NULL,
    };
    (void)state;
    const summary *s = summarise(NULL, events);
    assert_int_equal(s->campaigns->count, 3);
    /* The latest, and at most as many as are configured. */
    assert_int_equal(s->campaigns->n_contacts, 2);
    assert_string_equal(s->campaigns->contacts[0]->message_id, "m2");
    check_reactions(s->campaigns->contacts[0], (const int[]){BOUNCED}, 1);
    const Profilecontext__V1__CampaignContact *first = s->campaigns->contacts[1];
    assert_string_equal(first->message_id, "m1");
    assert_string_equal(first->campaign_name, "Spring");
    assert_string_equal(first->channel, "email");
    assert_int_equal(first->first_time->seconds, 100);
    assert_int_equal(first->last_time->seconds, 120);
    check_reactions(first, (const int[]){SENT, OPENED, CLICKED, CONVERTED}, 4);
    assert_string_equal(first->source->event_id, "e3");
    assert_string_equal(first->source->path, "directMarketing");
}

static void a_journey_tells_its_channel_and_what_became_of_the_message(void **state)
{
    enum { NOT_SENT = 10 };
    static const char *const events[] = {
        EVENT("e1", "100",
              "\"eventType\":\"message.feedback\",\"channel\":{\"_type\":"
              "\"https://ns.adobe.com/xdm/channel-types/sms\"},\"_experience\":{"
              "\"customerJourneyManagement\":{\"messageExecution\":{\"messageExecutionID\":\"x1\"},"
              "\"messageDeliveryfeedback\":{\"feedbackStatus\":\"exclude\"}}}"),
        NULL,
    };
    (void)state;
    const summary *s = summarise(NULL, events);
    assert_int_equal(s->campaigns->count, 1);
    assert_string_equal(s->campaigns->contacts[0]->message_id, "x1");
    assert_string_equal(s->campaigns->contacts[0]->channel, "sms");
    check_reactions(s->campaigns->contacts[0], (const int[]){NOT_SENT}, 1);
}

/* ---- service --------------------------------------------------------------------------------- */

#define CASE(id, status) "\"_t\":{\"case\":{\"id\":\"" id "\",\"status\":\"" status "\"}}"
#define FEEDBACK(subject) "\"customerFeedback\":{\"subject\":\"" subject "\"}"

static void a_case_is_open_until_its_latest_event_closes_it(void **state)
{
    static const char *const events[] = {
        EVENT("e1", "100", CASE("C1", "new") "," FEEDBACK("Late")),
        EVENT("e3", "300", CASE("C1", "waiting")),
        EVENT("e2", "200", CASE("C1", "open")),
        EVENT("e4", "100", CASE("C2", "open")),
        EVENT("e5", "150", CASE("C2", "RESOLVED")),
        EVENT("e6", "400", "\"eventType\":\"chat\"," FEEDBACK("Where is it?")),
        NULL,
    };
    (void)state;
    const summary *s = summarise(NULL, events);
    assert_int_equal(s->service->open_case_count, 1);
    assert_int_equal(s->service->n_open_cases, 1);
    const Profilecontext__V1__ServiceCase *one = s->service->open_cases[0];
    assert_string_equal(one->case_id, "C1");
    assert_string_equal(one->status, "waiting");
    assert_string_equal(one->subject, "Late");
    assert_int_equal(one->first_time->seconds, 100);
    assert_int_equal(one->last_time->seconds, 300);
    assert_string_equal(one->source->event_id, "e3");
    assert_string_equal(one->source->path, "_t.case.id");
    assert_string_equal(s->service->last_contact->subject, "Where is it?");
    assert_string_equal(s->service->last_contact->event_type, "chat");
    assert_string_equal(s->service->last_contact->source->event_id, "e6");
}

/* ---- consents -------------------------------------------------------------------------------- */

enum { NOTHING_KNOWN = 0, ALLOWED = 1, FORBIDDEN = 2, UNDECIDED = 3, OTHER_GROUND = 4 };

#define VAL(value) "{\"val\":\"" value "\"}"
#define OF_IDENTITY(id, marketing)                                                                 \
    ",\"idSpecific\":{\"email\":{\"" id "\":{\"marketing\":{" marketing "}}}}"
#define ANY "consents.marketing.any"
#define SMS "consents.marketing.sms"
#define OWN "consents.idSpecific.marketing.sms"

/* The person's marketing consents, and what follows them, decide about text messages. */
static const struct {
    const char *marketing;
    const char *rest;
    int verdict;
    const char *path; /* NULL: nothing decides */
} consents[] = {
    {"", "", NOTHING_KNOWN, NULL},
    {"\"sms\":" VAL("y"), "", ALLOWED, SMS},
    {"\"sms\":" VAL("dy"), "", ALLOWED, SMS},
    {"\"sms\":" VAL("n"), "", FORBIDDEN, SMS},
    {"\"sms\":" VAL("dn"), "", FORBIDDEN, SMS},
    {"\"sms\":" VAL("p"), "", UNDECIDED, SMS},
    {"\"sms\":" VAL("u"), "", UNDECIDED, SMS},
    {"\"sms\":" VAL("LI"), "", OTHER_GROUND, SMS},
    {"\"sms\":" VAL("Y"), "", UNDECIDED, SMS},
    {"\"sms\":" VAL("yes please"), "", UNDECIDED, SMS},
    {"\"sms\":{\"val\":true}", "", UNDECIDED, SMS},
    {"\"sms\":{\"subscriptions\":{\"l\":" VAL("y") "}}", "", NOTHING_KNOWN, NULL},
    /* `any` = n forbids, whatever else is said. */
    {"\"any\":" VAL("n"), "", FORBIDDEN, ANY},
    {"\"any\":" VAL("n") ",\"sms\":" VAL("y"), OF_IDENTITY("a@b", "\"sms\":" VAL("y")), FORBIDDEN,
     ANY},
    /* `any` = y stands for all that do not say n. */
    {"\"any\":" VAL("y"), "", ALLOWED, ANY},
    {"\"any\":" VAL("y") ",\"sms\":" VAL("n"), "", FORBIDDEN, SMS},
    {"\"any\":" VAL("y") ",\"sms\":" VAL("u"), "", ALLOWED, ANY},
    {"\"any\":" VAL("y") ",\"sms\":" VAL("p"), "", ALLOWED, ANY},
    {"\"any\":" VAL("y") ",\"sms\":" VAL("no way"), "", UNDECIDED, SMS},
    {"\"any\":" VAL("y") ",\"sms\":" VAL("dn"), "", FORBIDDEN, SMS},
    {"\"any\":" VAL("dy") ",\"sms\":" VAL("p"), "", UNDECIDED, SMS},
    /* Any other `any` leaves them as they are. */
    {"\"any\":" VAL("u") ",\"sms\":" VAL("y"), "", ALLOWED, SMS},
    {"\"any\":" VAL("u"), "", UNDECIDED, ANY},
    {"\"any\":" VAL("?") ",\"sms\":" VAL("y"), "", ALLOWED, SMS},
    /* An identity's own choice is narrower, but does not undo the person's n. */
    {"\"sms\":" VAL("y"), OF_IDENTITY("a@b", "\"sms\":" VAL("n")), FORBIDDEN, OWN},
    {"\"any\":" VAL("y"), OF_IDENTITY("a@b", "\"sms\":" VAL("n")), FORBIDDEN, OWN},
    {"\"sms\":" VAL("n"), OF_IDENTITY("a@b", "\"sms\":" VAL("y")), FORBIDDEN, SMS},
    {"\"sms\":" VAL("u"), OF_IDENTITY("a@b", "\"sms\":" VAL("y")), ALLOWED, OWN},
    {"", OF_IDENTITY("a@b", "\"sms\":" VAL("y")), ALLOWED, OWN},
    {"\"sms\":" VAL("y"), OF_IDENTITY("A@b", "\"sms\":" VAL("n")), ALLOWED, SMS},
    {"", OF_IDENTITY("a@b", "\"any\":" VAL("y")), NOTHING_KNOWN, NULL},
    {"\"sms\":" VAL("y"), OF_IDENTITY("a@b", "\"any\":" VAL("n")), FORBIDDEN,
     "consents.idSpecific.marketing.any"},
};

static void consents_decide_who_may_be_contacted(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof consents / sizeof consents[0]; i++) {
        char json[512];
        snprintf(json, sizeof json, "{\"consents\":{\"marketing\":{%s}%s}}", consents[i].marketing,
                 consents[i].rest);
        const summary *s = summarise(json, NULL);
        assert_int_equal(s->n_contactability, 8);
        const Profilecontext__V1__ChannelContactability *sms = s->contactability[2];
        assert_string_equal(sms->channel, "sms");
        const char *path = sms->source == NULL ? NULL : sms->source->path;
        bool same_path = path == consents[i].path || (path != NULL && consents[i].path != NULL &&
                                                      strcmp(path, consents[i].path) == 0);
        if ((int)sms->contactability != consents[i].verdict || !same_path) {
            fail_msg("%s: %d by %s", json, sms->contactability, path == NULL ? "nothing" : path);
        }
    }
}

static void every_channel_has_a_verdict_with_reason_and_time(void **state)
{
    static const char *const channels[] = {
        "email", "push", "sms", "whatsApp", "call", "fax", "commercialEmail", "postalMail"};
    (void)state;
    const summary *s =
        summarise("{\"consents\":{\"marketing\":{\"preferred\":\"phone\",\"any\":" VAL(
                      "y") ",\"call\":{\"val\":\"n\",\"reason\":\"Too "
                           "often\",\"time\":\"1970-01-01T00:01:40Z\"}},"
                           "\"metadata\":{\"time\":\"1970-01-01T00:03:20Z\"}}}",
                  NULL);
    for (size_t i = 0; i < 8; i++) {
        const Profilecontext__V1__ChannelContactability *one = s->contactability[i];
        bool is_call = strcmp(channels[i], "call") == 0;
        assert_string_equal(one->channel, channels[i]);
        assert_int_equal(one->contactability, is_call ? FORBIDDEN : ALLOWED);
        assert_int_equal(one->value, is_call ? 2 : 1);
        assert_string_equal(one->reason, is_call ? "Too often" : "");
        /* The set's time where a consent has none. */
        assert_int_equal(one->source->time->seconds, is_call ? 100 : 200);
    }
    assert_int_equal(s->preferred_channel->channel,
                     PROFILECONTEXT__V1__PREFERRED_CHANNEL__PREFERRED_CHANNEL_PHONE);
    assert_string_equal(s->preferred_channel->source->path, "consents.marketing.preferred");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(insights_are_told_with_band_direction_and_factors),
        TEST(purchases_are_counted_and_added_up_by_currency),
        TEST(events_of_one_order_are_one_purchase),
        TEST(an_order_without_a_total_has_that_of_its_lines),
        TEST(refunds_stand_beside_the_totals),
        TEST(without_events_nothing_is_said_of_them),
        TEST(events_of_one_message_are_one_contact),
        TEST(a_journey_tells_its_channel_and_what_became_of_the_message),
        TEST(a_case_is_open_until_its_latest_event_closes_it),
        TEST(consents_decide_who_may_be_contacted),
        TEST(every_channel_has_a_verdict_with_reason_and_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
