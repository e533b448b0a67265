/* Lookups of events, of one profile and of several. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "calls.h"
#include "events.h"
#include "lookup.h"

#define PATH "/data/core/ups/access/entities"
#define QUERY                                                                                      \
    PATH "?schema.name=_xdm.context.experienceevent&relatedSchema.name=_xdm.context.profile"       \
         "&relatedEntityIdNS=Email&relatedEntityId="
#define BODY                                                                                       \
    "'schema':{'name':'_xdm.context.experienceevent'},"                                            \
    "'relatedSchema':{'name':'_xdm.context.profile'}"
#define ID(id) "{'relatedEntityId':'" id "','relatedEntityIdNS':{'code':'Email'}}"
#define BATCH(identities) "{" BODY ",'identities':[" identities "]}"

#define EVENT(id, who, second)                                                                     \
    "{\"type\":\"event\",\"dataset\":\"d\",\"id\":\"" id                                           \
    "\",\"timestamp\":\"2026-01-01T00:00:0" second                                                 \
    "Z\",\"identities\":[{\"ns\":\"Email\",\"id\":\"" who "\"}],\"entity\":{}}\n"

/* Busy has three events, Once has one, Quiet has none. */
static const char records[] =
    "{\"type\":\"mergePolicy\",\"mergePolicy\":{\"id\":\"p\",\"schema\":{\"name\":"
    "\"_xdm.context.profile\"},\"identityGraph\":{\"type\":\"pdg\"},\"default\":true}}\n"
    "{\"type\":\"link\",\"identities\":[{\"ns\":\"Email\",\"id\":\"quiet\"}]}\n" EVENT("b1", "busy",
                                                                                       "1")
        EVENT("b2", "busy", "2") EVENT("b3", "busy", "3") EVENT("o1", "once", "1");

#define EMPTY_PAGE                                                                                 \
    "{'_page':{'orderby':'timestamp','start':'','count':0,'next':''},'children':[],"               \
    "'_links':{'next':{'href':''}}}"
#define NOT_FOUND "{'statusCode':'404'}"

static void open_records(struct calls *calls)
{
    *calls = (struct calls){0};
    calls_open(calls, records);
}

static json_t *page_of(const struct calls *calls, const char *id)
{
    char xid[SBX_XID_SIZE];
    sbx_unknown_xid(xid, "email", id);
    return json_object_get(calls->body, xid);
}

static const char *next_of(const json_t *page)
{
    return sbx_json_text(json_object_get(page, "_page"), "next");
}

static json_t *link_of(const json_t *page)
{
    return json_object_get(json_object_get(page, "_links"), "next");
}

static void given_several_profiles_each_has_a_page_and_a_payload_for_the_next(void **state)
{
    (void)state;
    struct calls calls;
    open_records(&calls);
    calls_send(&calls, sbx_events_batch, PATH,
               "{" BODY
               ",'limit':2,'identities':[" ID("busy") "," ID("once") "," ID("nobody") "]}");
    assert_int_equal(calls.status, 200);
    assert_int_equal(json_object_size(calls.body), 2);
    const json_t *once = page_of(&calls, "once");
    assert_int_equal(json_array_size(json_object_get(once, "children")), 1);
    assert_string_equal(next_of(once), "");
    assert_string_equal(sbx_json_text(link_of(once), "href"), "");
    assert_null(json_object_get(link_of(once), "payload"));
    const json_t *busy = page_of(&calls, "busy");
    assert_int_equal(json_array_size(json_object_get(busy, "children")), 2);
    assert_string_equal(next_of(busy), "b3");
    assert_string_equal(sbx_json_text(link_of(busy), "href"), "/entities");

    /* The payload is the next body as it stands. */
    struct sbx_text payload = {0};
    sbx_json_print(&payload, json_object_get(link_of(busy), "payload"));
    calls_send(&calls, sbx_events_batch, PATH, payload.data);
    sbx_text_deinit(&payload);
    assert_int_equal(json_object_size(calls.body), 1);
    const json_t *last = page_of(&calls, "busy");
    const json_t *children = json_object_get(last, "children");
    assert_int_equal(json_array_size(children), 1);
    assert_string_equal(sbx_json_text(json_array_get(children, 0), "entityId"), "b3");
    assert_string_equal(next_of(last), "");
    calls_close(&calls);
}

static void given_failing_entries_the_errors_come_alone_or_mixed(void **state)
{
    (void)state;
    struct calls calls;
    struct sbx_error error;
    open_records(&calls);
    calls_shape(&calls, "entryErrorRate=1");
    calls_send(&calls, sbx_events_batch, PATH, BATCH(ID("busy") "," ID("nobody")));
    assert_int_equal(calls.status, 207);
    assert_int_equal(json_array_size(calls.body), 1);
    const json_t *failed = json_object_get(json_array_get(calls.body, 0), "error");
    assert_string_equal(sbx_json_text(failed, "statusCode"), "500");
    assert_true(sbx_faults_set_text(calls.service.faults, "shapes.batchErrorsMixed=true", &error));
    calls_send(&calls, sbx_events_batch, PATH, BATCH(ID("busy")));
    assert_int_equal(calls.status, 207);
    assert_non_null(json_object_get(page_of(&calls, "busy"), "error"));
    calls_close(&calls);
}

static void given_a_limit_larger_batches_are_refused(void **state)
{
    (void)state;
    struct calls calls;
    open_records(&calls);
    calls_shape(&calls, "batchMax=1");
    calls_send(&calls, sbx_events_batch, PATH, BATCH(ID("busy") "," ID("once")));
    assert_int_equal(calls.status, 400);
    calls_send(&calls, sbx_events_batch, PATH, BATCH(ID("busy")));
    assert_int_equal(calls.status, 200);
    calls_close(&calls);
}

static void given_no_events_every_form_of_not_found_can_be_had(void **state)
{
    (void)state;
    static const struct {
        const char *shape;
        unsigned quiet_status; /* somebody without events */
        const char *quiet;
        unsigned nobody_status;
        const char *nobody;
    } cases[] = {
        {"", 200, EMPTY_PAGE, 404, NOT_FOUND},
        {"eventsNotFoundAs404=true", 404, NOT_FOUND, 404, NOT_FOUND},
        {"eventsNotFoundAsPage=true", 200, EMPTY_PAGE, 200, EMPTY_PAGE},
        {"eventsNotFoundAsEmpty=true", 200, EMPTY_PAGE, 200, "{}"},
        {"notFoundAsEmpty=true", 200, EMPTY_PAGE, 404, NOT_FOUND},
    };
    struct calls calls;
    open_records(&calls);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        calls_shape(&calls, cases[i].shape);
        calls_send(&calls, sbx_events_get, QUERY "quiet", NULL);
        calls_expect(&calls, cases[i].quiet_status, cases[i].quiet);
        calls_send(&calls, sbx_events_get, QUERY "nobody", NULL);
        calls_expect(&calls, cases[i].nobody_status, cases[i].nobody);
        calls_send(&calls, sbx_events_get, QUERY "once", NULL);
        assert_int_equal(calls.status, 200);
        assert_int_equal(json_array_size(json_object_get(calls.body, "children")), 1);
    }
    calls_close(&calls);
}

static void given_no_events_a_batch_has_an_empty_page_or_none(void **state)
{
    (void)state;
    static const struct {
        const char *shape;
        bool quiet;
        bool nobody;
        unsigned nobody_alone;
    } cases[] = {
        {"", true, false, 404},
        {"eventsNotFoundAs404=true", false, false, 404},
        {"eventsNotFoundAsPage=true", true, true, 200},
        {"eventsNotFoundAsEmpty=true", true, false, 200},
    };
    struct calls calls;
    open_records(&calls);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        calls_shape(&calls, cases[i].shape);
        calls_send(&calls, sbx_events_batch, PATH,
                   BATCH(ID("once") "," ID("quiet") "," ID("nobody")));
        assert_int_equal(calls.status, 200);
        assert_non_null(page_of(&calls, "once"));
        assert_int_equal(page_of(&calls, "quiet") != NULL, cases[i].quiet);
        assert_int_equal(page_of(&calls, "nobody") != NULL, cases[i].nobody);
        calls_send(&calls, sbx_events_batch, PATH, BATCH(ID("nobody")));
        assert_int_equal(calls.status, cases[i].nobody_alone);
    }
    calls_close(&calls);
}

/* Text of the answer at two names, "" when there is none. */
static const char *text_at(const struct calls *calls, const char *name, const char *below)
{
    const char *text =
        json_string_value(json_object_get(json_object_get(calls->body, name), below));
    return text == NULL ? "" : text;
}

static void given_a_circle_the_last_page_leads_to_the_first(void **state)
{
    (void)state;
    struct calls calls;
    open_records(&calls);
    calls_send(&calls, sbx_events_get, QUERY "busy&limit=2", NULL);
    char *first = strdup(text_at(&calls, "_page", "start"));
    char *second = strdup(text_at(&calls, "_page", "next"));
    char query[256];
    snprintf(query, sizeof(query), QUERY "busy&limit=2&start=%s", second);
    calls_send(&calls, sbx_events_get, query, NULL);
    assert_string_equal(text_at(&calls, "_page", "next"), "");
    calls_shape(&calls, "eventsInACircle=true");
    calls_send(&calls, sbx_events_get, query, NULL);
    assert_string_equal(text_at(&calls, "_page", "next"), first);
    calls_send(&calls, sbx_events_get, QUERY "busy&limit=2", NULL);
    assert_string_equal(text_at(&calls, "_page", "next"), second);
    free(first);
    free(second);
    calls_close(&calls);
}

static void given_links_only_the_page_does_not_name_the_next(void **state)
{
    (void)state;
    struct calls calls;
    open_records(&calls);
    calls_shape(&calls, "eventsLinkOnly=true");
    calls_send(&calls, sbx_events_get, QUERY "busy&limit=2", NULL);
    assert_null(json_object_get(json_object_get(calls.body, "_page"), "next"));
    json_t *link = json_object_get(json_object_get(calls.body, "_links"), "next");
    assert_non_null(strstr(json_string_value(json_object_get(link, "href")), "start="));
    calls_close(&calls);
}

static void given_a_wrong_request_it_is_a_400(void **state)
{
    (void)state;
    static const char *const bad[] = {
        BATCH(""),
        BATCH("{'relatedEntityId':'busy'}"),
        BATCH("{'relatedEntityId':'busy','relatedEntityIdNS':{'code':'Email'},'start':'o1'}"),
        "{" BODY ",'limit':0,'identities':[" ID("busy") "]}",
        "{" BODY ",'orderby':'name','identities':[" ID("busy") "]}",
        "{" BODY ",'timeFilter':{'startTime':'now'},'identities':[" ID("busy") "]}",
        "{'schema':{'name':'_xdm.context.experienceevent'},'identities':[" ID("busy") "]}",
    };
    struct calls calls;
    open_records(&calls);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        calls_send(&calls, sbx_events_batch, PATH, bad[i]);
        assert_int_equal(calls.status, 400);
    }
    calls_send(&calls, sbx_events_get, QUERY "busy&start=o1", NULL);
    assert_int_equal(calls.status, 400);
    calls_close(&calls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_several_profiles_each_has_a_page_and_a_payload_for_the_next),
        cmocka_unit_test(given_failing_entries_the_errors_come_alone_or_mixed),
        cmocka_unit_test(given_a_limit_larger_batches_are_refused),
        cmocka_unit_test(given_no_events_every_form_of_not_found_can_be_had),
        cmocka_unit_test(given_no_events_a_batch_has_an_empty_page_or_none),
        cmocka_unit_test(given_a_circle_the_last_page_leads_to_the_first),
        cmocka_unit_test(given_links_only_the_page_does_not_name_the_next),
        cmocka_unit_test(given_a_wrong_request_it_is_a_400),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
