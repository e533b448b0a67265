/* The identity service. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "calls.h"
#include "identity.h"

#include <stdio.h>

/* A person of three identities, one of them in a namespace that is not listed. */
static const char records[] =
    "{\"type\":\"namespace\",\"namespace\":{\"id\":6,\"code\":\"Email\"}}\n"
    "{\"type\":\"namespace\",\"namespace\":{\"id\":4,\"code\":\"ECID\"}}\n"
    "{\"type\":\"link\",\"identities\":[{\"ns\":\"Email\",\"id\":\"a@b\"},"
    "{\"ns\":\"ECID\",\"id\":\"12\"},{\"ns\":\"Card\",\"id\":\"7\"}]}\n";

static void xid_of(char out[SBX_XID_SIZE], struct calls *calls, const char *query)
{
    struct sbx_text target = {0};
    sbx_text_printf(&target, "/data/core/identity/identity?%s", query);
    calls_send(calls, sbx_identity_get, target.data, NULL);
    assert_int_equal(calls->status, 200);
    snprintf(out, SBX_XID_SIZE, "%s", sbx_json_text(calls->body, "xid"));
    assert_true(sbx_xid_valid(out));
    sbx_text_deinit(&target);
}

static void given_a_name_the_xid_is_the_one_entities_use(void **state)
{
    (void)state;
    struct calls calls = {0};
    char by_code[SBX_XID_SIZE];
    char by_number[SBX_XID_SIZE];
    struct sbx_found_identity identity = {0};
    calls_open(&calls, records);
    xid_of(by_code, &calls, "namespace=email&id=a%40b");
    xid_of(by_number, &calls, "nsid=6&id=a%40b");
    assert_string_equal(by_code, by_number);
    assert_true(sbx_store_find(calls.service.store, NULL, by_code, &identity));
    assert_string_equal(identity.id, "a@b");
    sbx_found_identity_deinit(&identity);
    calls_close(&calls);
}

static void given_an_unlisted_namespace_only_its_known_identities_have_xids(void **state)
{
    (void)state;
    struct calls calls = {0};
    char xid[SBX_XID_SIZE];
    calls_open(&calls, records);
    xid_of(xid, &calls, "namespace=Card&id=7");
    xid_of(xid, &calls, "namespace=Email&id=nobody");
    static const char *const bad[] = {
        "namespace=Card&id=8", "nsid=5&id=a%40b", "nsid=x&id=a%40b",    "id=a%40b",
        "namespace=Email",     "namespace=&id=1", "namespace=Email&id="};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct sbx_text target = {0};
        sbx_text_printf(&target, "/data/core/identity/identity?%s", bad[i]);
        calls_send(&calls, sbx_identity_get, target.data, NULL);
        assert_int_equal(calls.status, 400);
        assert_string_equal(sbx_json_text(calls.body, "title"), "InvalidInput");
        assert_int_equal(json_integer_value(json_object_get(calls.body, "status")), 400);
        sbx_text_deinit(&target);
    }
    calls_close(&calls);
}

#define GRAPH "/data/core/identity/v2/graph"

static void given_names_the_members_are_named_as_asked(void **state)
{
    (void)state;
    struct calls calls = {0};
    calls_open(&calls, records);
    calls_send(&calls, sbx_identity_graph, GRAPH,
               "{'composite_xids':[{'ns':'ecid','id':'12'},{'ns':'Email','id':'x'}]}");
    calls_expect(&calls, 200,
                 "{'version':'2.0','graphs':[{'composite_xid':{'ns':'ECID','id':'12'},'members':["
                 "{'ns':'Email','id':'a@b'},{'ns':'ECID','id':'12'},{'ns':'card','id':'7'}]}],"
                 "'unprocessed_composite_xids':[{'ns':'Email','id':'x'}],"
                 "'algo_type':'STITCH_ALL'}");
    calls_send(&calls, sbx_identity_graph, GRAPH,
               "{'composite_xids':[{'nsid':6,'id':'a@b'},{'nsid':99,'id':'a@b'}],"
               "'projection_type':'set'}");
    calls_expect(&calls, 200,
                 "{'version':'2.0','graphs':[{'composite_xid':{'nsid':6,'id':'a@b'},'members':["
                 "{'nsid':6,'id':'a@b'},{'nsid':4,'id':'12'},{'ns':'card','id':'7'}]}],"
                 "'unprocessed_composite_xids':[{'nsid':99,'id':'a@b'}],"
                 "'algo_type':'STITCH_ALL'}");
    calls_close(&calls);
}

static void given_xids_the_members_are_xids(void **state)
{
    (void)state;
    struct calls calls = {0};
    char email[SBX_XID_SIZE];
    char card[SBX_XID_SIZE];
    char body[200];
    calls_open(&calls, records);
    xid_of(email, &calls, "namespace=Email&id=a%40b");
    xid_of(card, &calls, "namespace=Card&id=7");
    snprintf(body, sizeof(body), "{'xids':['%s','nobody']}", card);
    calls_send(&calls, sbx_identity_graph, GRAPH, body);
    const json_t *graph = json_array_get(json_object_get(calls.body, "graphs"), 0);
    const json_t *members = json_object_get(graph, "members");
    assert_string_equal(sbx_json_text(graph, "xid"), card);
    assert_int_equal(json_array_size(members), 3);
    assert_string_equal(json_string_value(json_array_get(members, 0)), email);
    assert_string_equal(json_string_value(json_array_get(members, 2)), card);
    assert_int_equal(json_array_size(json_object_get(calls.body, "unprocessed_xids")), 1);
    assert_int_equal(json_array_size(json_object_get(calls.body, "unprocessed_composite_xids")), 0);
    calls_close(&calls);
}

static void given_the_graph_projection_every_identity_hangs_on_the_oldest(void **state)
{
    (void)state;
    struct calls calls = {0};
    calls_open(&calls, records);
    calls_send(&calls, sbx_identity_graph, GRAPH,
               "{'composite_xids':[{'ns':'ECID','id':'12'}],'projection_type':'graph'}");
    const json_t *graph = json_array_get(json_object_get(calls.body, "graphs"), 0);
    assert_int_equal(json_array_size(json_object_get(graph, "vertices")), 3);
    assert_int_equal(json_array_size(json_object_get(graph, "edges")), 2);
    const json_t *edge = json_array_get(json_object_get(graph, "edges"), 1);
    const json_t *pair = json_object_get(edge, "composite_xid_pair");
    assert_string_equal(sbx_json_text(json_array_get(pair, 0), "id"), "a@b");
    assert_string_equal(sbx_json_text(json_array_get(pair, 1), "id"), "7");
    calls_close(&calls);
}

static void given_the_shape_members_have_name_and_xid(void **state)
{
    (void)state;
    struct calls calls = {0};
    calls_open(&calls, records);
    calls_shape(&calls, "graphMembersWithXid=true");
    calls_send(&calls, sbx_identity_graph, GRAPH, "{'composite_xids':[{'ns':'ECID','id':'12'}]}");
    const json_t *graph = json_array_get(json_object_get(calls.body, "graphs"), 0);
    const json_t *member = json_array_get(json_object_get(graph, "members"), 1);
    const json_t *name = json_object_get(member, "composite_xid");
    assert_true(sbx_xid_valid(sbx_json_text(member, "xid")));
    assert_int_equal(json_integer_value(json_object_get(name, "nsid")), 4);
    assert_string_equal(sbx_json_text(name, "ns"), "ECID");
    assert_string_equal(sbx_json_text(name, "id"), "12");
    calls_close(&calls);
}

static void given_a_wrong_graph_request_it_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "[]",
        "{}",
        "{'xids':[]}",
        "{'xids':'x'}",
        "{'xids':[7]}",
        "{'xids':['x'],'composite_xids':[{'ns':'Email','id':'x'}]}",
        "{'xids':['x'],'projection_type':'tree'}",
        "{'xids':['x'],'projection_type':7}",
        "{'composite_xids':[{'id':'x'}]}",
        "{'composite_xids':[{'ns':'Email'}]}",
        "{'composite_xids':['x']}",
    };
    struct calls calls = {0};
    calls_open(&calls, records);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        calls_send(&calls, sbx_identity_graph, GRAPH, bad[i]);
        assert_int_equal(calls.status, 400);
        assert_non_null(sbx_json_text(calls.body, "reason"));
        assert_non_null(sbx_json_text(calls.body, "message"));
    }
    calls_close(&calls);
}

static void given_1000_identities_they_are_answered_and_1001_are_not(void **state)
{
    (void)state;
    struct calls calls = {0};
    calls_open(&calls, records);
    for (int count = 1000; count <= 1001; count++) {
        struct sbx_text body = {0};
        sbx_text_puts(&body, "{'xids':['x'");
        for (int i = 1; i < count; i++) {
            sbx_text_puts(&body, ",'x'");
        }
        sbx_text_puts(&body, "]}");
        calls_send(&calls, sbx_identity_graph, GRAPH, body.data);
        assert_int_equal(calls.status, count == 1000 ? 200 : 400);
        sbx_text_deinit(&body);
    }
    calls_close(&calls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_a_name_the_xid_is_the_one_entities_use),
        cmocka_unit_test(given_an_unlisted_namespace_only_its_known_identities_have_xids),
        cmocka_unit_test(given_names_the_members_are_named_as_asked),
        cmocka_unit_test(given_xids_the_members_are_xids),
        cmocka_unit_test(given_the_graph_projection_every_identity_hangs_on_the_oldest),
        cmocka_unit_test(given_the_shape_members_have_name_and_xid),
        cmocka_unit_test(given_a_wrong_graph_request_it_is_refused),
        cmocka_unit_test(given_1000_identities_they_are_answered_and_1001_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
