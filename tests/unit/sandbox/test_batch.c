/* Lookups of profiles, one and several, in every form an answer may take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "calls.h"
#include "entities.h"
#include "lookup.h"

#include <stdio.h>

#define PATH "/data/core/ups/access/entities"
#define PROFILE "'schema':{'name':'_xdm.context.profile'}"
#define ID(ns, id) "{'entityId':'" id "','entityIdNS':{'code':'" ns "'}}"
#define BATCH(identities) "{" PROFILE ",'identities':[" identities "]}"

#define POLICY(id, graph, fallback)                                                                \
    "{\"type\":\"mergePolicy\",\"mergePolicy\":{\"id\":\"" id                                      \
    "\",\"schema\":{\"name\":\"_xdm.context.profile\"},\"identityGraph\":{\"type\":\"" graph       \
    "\"},\"attributeMerge\":{\"type\":\"timestampOrdered\"},\"default\":" fallback "}}\n"

/* One has three identities, Lone has one. */
static const char records[] = POLICY("stitch", "pdg", "true")
    POLICY("apart", "none",
           "false") "{\"type\":\"profile\",\"dataset\":\"d\",\"timestamp\":\"2026-01-01T00:00:"
                    "00Z\",\"identities\":"
                    "[{\"ns\":\"Email\",\"id\":\"one\"},{\"ns\":\"Phone\",\"id\":\"1\"},{\"ns\":"
                    "\"ECID\",\"id\":"
                    "\"11\"}],\"entity\":{\"name\":\"One\"}}\n"
                    "{\"type\":\"profile\",\"dataset\":\"d\",\"timestamp\":\"2026-01-01T00:00:"
                    "00Z\",\"identities\":"
                    "[{\"ns\":\"Email\",\"id\":\"lone\"}],\"entity\":{\"name\":\"Lone\"}}\n";

static void open_records(struct calls *calls)
{
    *calls = (struct calls){0};
    calls_open(calls, records);
}

/* Somebody with more identities than a lookup takes. */
static void add_crowded(struct calls *calls)
{
    struct sbx_text text = {0};
    struct sbx_error error;
    size_t count;
    sbx_text_puts(&text, "{\"type\":\"profile\",\"dataset\":\"d\",\"timestamp\":\"-1d\","
                         "\"identities\":[{\"ns\":\"Email\",\"id\":\"crowded\"}");
    for (int i = 1; i <= SBX_GRAPH_MAX; i++) {
        sbx_text_printf(&text, ",{\"ns\":\"ECID\",\"id\":\"%d\"}", 1000 + i);
    }
    sbx_text_puts(&text, "],\"entity\":{}}");
    assert_true(
        sbx_load_text(calls->service.store, "test", text.data, text.length, &count, &error));
    sbx_text_deinit(&text);
}

static void xid_of(char out[SBX_XID_SIZE], const char *ns, const char *id)
{
    sbx_unknown_xid(out, ns, id);
}

static const json_t *entry_of(const struct calls *calls, const char *ns, const char *id)
{
    char xid[SBX_XID_SIZE];
    xid_of(xid, ns, id);
    return json_object_get(calls->body, xid);
}

static bool is_placeholder(const json_t *entry)
{
    const json_t *sources = json_object_get(entry, "sources");
    const char *source = json_string_value(json_array_get(sources, 0));
    const char *modified = sbx_json_text(entry, "lastModifiedAt");
    return json_array_size(sources) == 1 && source != NULL && source[0] == '\0' &&
           modified != NULL && strcmp(modified, "1970-01-01T00:00:00Z") == 0 &&
           json_is_object(json_object_get(entry, "entity")) &&
           json_object_size(json_object_get(entry, "entity")) == 0;
}

static void given_known_and_unknown_every_one_has_an_entry(void **state)
{
    (void)state;
    struct calls calls;
    open_records(&calls);
    calls_send(&calls, sbx_entities_batch, PATH,
               BATCH(ID("Email", "one") "," ID("Email", "nobody") "," ID("email", "lone")));
    assert_int_equal(calls.status, 200);
    assert_int_equal(json_object_size(calls.body), 3);
    const json_t *one = entry_of(&calls, "email", "one");
    char xid[SBX_XID_SIZE];
    xid_of(xid, "email", "one");
    assert_string_equal(sbx_json_text(one, "entityId"), xid);
    assert_string_equal(sbx_json_text(json_object_get(one, "entity"), "name"), "One");
    assert_null(json_object_get(one, "requestedIdentity"));
    assert_true(is_placeholder(entry_of(&calls, "email", "nobody")));
    assert_false(is_placeholder(entry_of(&calls, "email", "lone")));
    calls_close(&calls);
}

static void given_the_shape_unknown_ones_are_left_out(void **state)
{
    (void)state;
    struct calls calls;
    open_records(&calls);
    calls_shape(&calls, "batchOmitsUnknown=true");
    calls_send(&calls, sbx_entities_batch, PATH,
               BATCH(ID("Email", "one") "," ID("Email", "nobody")));
    assert_int_equal(calls.status, 200);
    assert_int_equal(json_object_size(calls.body), 1);
    assert_non_null(entry_of(&calls, "email", "one"));
    calls_close(&calls);
}

static void given_the_shape_entries_name_the_asked_identity_as_it_was_asked(void **state)
{
    (void)state;
    struct calls calls;
    char xid[SBX_XID_SIZE];
    char body[400];
    open_records(&calls);
    calls_shape(&calls, "requestedIdentity=true");
    xid_of(xid, "email", "lone");
    snprintf(body, sizeof(body), BATCH("%s,%s,{'entityId':'%s'}"), ID("EMAIL", "one"),
             ID("Email", "nobody"), xid);
    calls_send(&calls, sbx_entities_batch, PATH, body);
    const json_t *asked = json_object_get(entry_of(&calls, "email", "one"), "requestedIdentity");
    assert_string_equal(sbx_json_text(asked, "entityId"), "one");
    assert_string_equal(sbx_json_text(json_object_get(asked, "entityIdNS"), "code"), "EMAIL");
    const json_t *unknown = entry_of(&calls, "email", "nobody");
    assert_true(is_placeholder(unknown));
    assert_string_equal(sbx_json_text(json_object_get(unknown, "requestedIdentity"), "entityId"),
                        "nobody");
    const json_t *by_xid = json_object_get(json_object_get(calls.body, xid), "requestedIdentity");
    assert_string_equal(sbx_json_text(by_xid, "entityId"), xid);
    assert_null(json_object_get(by_xid, "entityIdNS"));
    calls_close(&calls);
}

static void given_the_shape_keys_are_of_identities_that_nobody_asked_for(void **state)
{
    (void)state;
    struct calls calls;
    open_records(&calls);
    calls_shape(&calls, "batchKeysAreOther=true");
    calls_send(&calls, sbx_entities_batch, PATH,
               BATCH(ID("Email", "one") "," ID("Phone", "1") "," ID("Email", "lone") "," ID(
                   "Email", "nobody")));
    assert_int_equal(calls.status, 200);
    /* Both of One's are the same entry; Lone has no other identity. */
    assert_int_equal(json_object_size(calls.body), 3);
    const json_t *one = entry_of(&calls, "ecid", "11");
    char xid[SBX_XID_SIZE];
    xid_of(xid, "ecid", "11");
    assert_string_equal(sbx_json_text(one, "entityId"), xid);
    const json_t *map = json_object_get(json_object_get(one, "entity"), "identityMap");
    assert_int_equal(json_object_size(map), 3);
    assert_non_null(entry_of(&calls, "email", "lone"));
    assert_true(is_placeholder(entry_of(&calls, "email", "nobody")));
    /* Without stitching nobody has another identity. */
    calls_send(&calls, sbx_entities_batch, PATH,
               "{" PROFILE ",'mergePolicyId':'apart','identities':[" ID("Email", "one") "]}");
    assert_non_null(entry_of(&calls, "email", "one"));
    calls_close(&calls);
}

static void given_one_that_fails_the_errors_come_alone_or_mixed(void **state)
{
    (void)state;
    struct calls calls;
    char xid[SBX_XID_SIZE];
    char wanted[300];
    open_records(&calls);
    add_crowded(&calls);
    xid_of(xid, "email", "crowded");
    snprintf(wanted, sizeof(wanted),
             "[{'xid':'%s','error':{'message':'Too many related identities','statusCode':'422'}}]",
             xid);
    const char *body = BATCH(ID("Email", "one") "," ID("Email", "crowded"));
    calls_send(&calls, sbx_entities_batch, PATH, body);
    calls_expect(&calls, 207, wanted);
    calls_shape(&calls, "batchErrorsMixed=true");
    calls_send(&calls, sbx_entities_batch, PATH, body);
    assert_int_equal(calls.status, 207);
    assert_int_equal(json_object_size(calls.body), 2);
    assert_non_null(json_object_get(entry_of(&calls, "email", "one"), "entity"));
    assert_string_equal(sbx_json_text(entry_of(&calls, "email", "crowded"), "xid"), xid);
    calls_close(&calls);
}

static void given_an_error_rate_entries_fail(void **state)
{
    (void)state;
    struct calls calls;
    open_records(&calls);
    calls_shape(&calls, "entryErrorRate=1");
    calls_send(&calls, sbx_entities_batch, PATH, BATCH(ID("Email", "one") "," ID("Email", "lone")));
    assert_int_equal(calls.status, 207);
    assert_int_equal(json_array_size(calls.body), 2);
    const json_t *error = json_object_get(json_array_get(calls.body, 0), "error");
    assert_string_equal(sbx_json_text(error, "statusCode"), "500");
    assert_non_null(sbx_json_text(error, "cause"));
    calls_close(&calls);
}

static void given_nobody_known_every_form_of_not_found_can_be_had(void **state)
{
    (void)state;
    struct calls calls;
    const char *one = PATH "?schema.name=_xdm.context.profile&entityIdNS=Email&entityId=nobody";
    const char *several = BATCH(ID("Email", "nobody") "," ID("Email", "neither"));
    open_records(&calls);
    calls_send(&calls, sbx_entities_get, one, NULL);
    calls_expect(&calls, 404, "{'statusCode':'404'}");
    calls_send(&calls, sbx_entities_batch, PATH, several);
    calls_expect(&calls, 404, "{'statusCode':'404'}");
    calls_shape(&calls, "notFoundAsEmpty=true");
    calls_send(&calls, sbx_entities_get, one, NULL);
    calls_expect(&calls, 200, "{}");
    calls_send(&calls, sbx_entities_batch, PATH, several);
    calls_expect(&calls, 200, "{}");
    calls_shape(&calls, "notFoundAsPlaceholder=true");
    calls_send(&calls, sbx_entities_get, one, NULL);
    assert_int_equal(calls.status, 200);
    assert_true(is_placeholder(entry_of(&calls, "email", "nobody")));
    calls_send(&calls, sbx_entities_batch, PATH, several);
    assert_int_equal(calls.status, 200);
    assert_true(is_placeholder(entry_of(&calls, "email", "nobody")));
    assert_true(is_placeholder(entry_of(&calls, "email", "neither")));
    calls_close(&calls);
}

static void given_a_batch_above_the_limit_it_is_refused_as_set(void **state)
{
    (void)state;
    struct calls calls;
    struct sbx_error error;
    const char *two = BATCH(ID("Email", "one") "," ID("Email", "lone"));
    open_records(&calls);
    calls_shape(&calls, "batchMax=1");
    calls_send(&calls, sbx_entities_batch, PATH, two);
    assert_int_equal(calls.status, 400);
    assert_true(sbx_faults_set_text(calls.service.faults, "shapes.batchRefusal=413", &error));
    calls_send(&calls, sbx_entities_batch, PATH, two);
    assert_int_equal(calls.status, 413);
    assert_string_equal(sbx_json_text(calls.body, "statusCode"), "413");
    calls_send(&calls, sbx_entities_batch, PATH, BATCH(ID("Email", "one")));
    assert_int_equal(calls.status, 200);
    /* The limit of the command line holds when none is set, and gives way when one is. */
    calls.service.batch_max = 1;
    calls_shape(&calls, "");
    calls_send(&calls, sbx_entities_batch, PATH, two);
    assert_int_equal(calls.status, 400);
    calls_shape(&calls, "batchMax=2");
    calls_send(&calls, sbx_entities_batch, PATH, two);
    assert_int_equal(calls.status, 200);
    calls_close(&calls);
}

static void given_no_merge_policy_it_is_a_422(void **state)
{
    (void)state;
    struct calls calls;
    const char *one = PATH "?schema.name=_xdm.context.profile&entityIdNS=Email&entityId=one";
    open_records(&calls);
    calls_send(&calls, sbx_entities_batch, PATH,
               "{" PROFILE ",'mergePolicyId':'none','identities':[" ID("Email", "one") "]}");
    assert_int_equal(calls.status, 422);
    assert_string_equal(sbx_json_text(calls.body, "statusCode"), "422");
    calls_shape(&calls, "noDefaultMergePolicy=true");
    calls_send(&calls, sbx_entities_get, one, NULL);
    assert_int_equal(calls.status, 422);
    calls_send(&calls, sbx_entities_batch, PATH, BATCH(ID("Email", "one")));
    assert_int_equal(calls.status, 422);
    calls_send(&calls, sbx_entities_batch, PATH,
               "{" PROFILE ",'mergePolicyId':'stitch','identities':[" ID("Email", "one") "]}");
    assert_int_equal(calls.status, 200);
    calls_close(&calls);
}

static void given_a_wrong_body_it_is_a_400(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "[]",
        "{}",
        "{" PROFILE "}",
        BATCH(""),
        BATCH("7"),
        BATCH("{'entityId':'one'}"),
        BATCH("{'entityIdNS':{'code':'Email'}}"),
        "{'identities':[" ID("Email", "one") "]}",
        "{'schema':{'name':'nothing'},'identities':[" ID("Email", "one") "]}",
        "{" PROFILE ",'fields':'name','identities':[" ID("Email", "one") "]}",
    };
    struct calls calls;
    open_records(&calls);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        calls_send(&calls, sbx_entities_batch, PATH, bad[i]);
        assert_int_equal(calls.status, 400);
        assert_string_equal(sbx_json_text(calls.body, "statusCode"), "400");
    }
    calls_close(&calls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_known_and_unknown_every_one_has_an_entry),
        cmocka_unit_test(given_the_shape_unknown_ones_are_left_out),
        cmocka_unit_test(given_the_shape_entries_name_the_asked_identity_as_it_was_asked),
        cmocka_unit_test(given_the_shape_keys_are_of_identities_that_nobody_asked_for),
        cmocka_unit_test(given_one_that_fails_the_errors_come_alone_or_mixed),
        cmocka_unit_test(given_an_error_rate_entries_fail),
        cmocka_unit_test(given_nobody_known_every_form_of_not_found_can_be_had),
        cmocka_unit_test(given_a_batch_above_the_limit_it_is_refused_as_set),
        cmocka_unit_test(given_no_merge_policy_it_is_a_422),
        cmocka_unit_test(given_a_wrong_body_it_is_a_400),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
