/* Which queries become no request. What the others become is seen by the server of test_entity.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "upstream/entity_request.h"
#include "util/clock.h"

static const pc_entity_bases bases = {"https://h:1/proxy/", "https://i:2"};

static pc_entity_query profile(const char *id)
{
    return (pc_entity_query){.kind = PC_ENTITY_PROFILE,
                             .namespace_code = "Email",
                             .namespace_size = 5,
                             .id = id,
                             .id_size = strlen(id),
                             .deadline_ns = PC_NEVER_NS};
}

/* Each row breaks one thing. */
static void test_entity_request__refuses_bad_queries(void **state)
{
    (void)state;
    static const char *const many[4] = {"a", "b", "c", "d"};
    static const char *const not_utf8[1] = {"\xff"};
    /* Within its own bound, but not once encoded and beside the rest. */
    static char long_fields[16 * 1024 + 1];
    static char long_text[4 * 1024 + 1];
    memset(long_fields, ',', sizeof long_fields - 1);
    memset(long_text, ',', sizeof long_text - 1);
    pc_entity_query rows[32];
    size_t count = 0;
    const char *fields[32];
#define BAD(field_name, ...)                                                                       \
    do {                                                                                           \
        pc_entity_query query = profile("x");                                                      \
        __VA_ARGS__;                                                                               \
        fields[count] = (field_name);                                                              \
        rows[count++] = query;                                                                     \
    } while (0)
    BAD("id", query.id = NULL);
    BAD("id", query.id_size = 0);
    BAD("id", query.id = "a\0b", query.id_size = 3);
    BAD("namespace_code", query.namespace_size = 0);
    BAD("xid", query.xid = "x", query.xid_size = 1);
    BAD("sandbox", query.sandbox = "a\r\nX: y");
    BAD("sandbox", query.sandbox = "");
    BAD("request_id", query.request_id = "\xc3\xb6");
    BAD("fields", query.kind = PC_ENTITY_RECORD, query.fields = long_fields,
        query.schema = long_text, query.merge_policy = long_text);
    BAD("properties", query.kind = PC_ENTITY_EVENTS, query.properties = many,
        query.property_count = 4);
    BAD("limit", query.kind = PC_ENTITY_EVENTS, query.limit = -1);
    BAD("end_time_ms", query.kind = PC_ENTITY_EVENTS, query.has_start_time = true,
        query.has_end_time = true, query.start_time_ms = 5, query.end_time_ms = 5);
    BAD("audience_ids", query.kind = PC_ENTITY_AUDIENCES);
    BAD("audience_ids", query.kind = PC_ENTITY_AUDIENCES, query.audience_ids = not_utf8,
        query.audience_count = 1);
    BAD("audience_ids", query.kind = PC_ENTITY_AUDIENCES, query.audience_ids = many,
        query.audience_count = 101);
    static const pc_entity_ref nobody[1] = {{.namespace_code = "Email"}};
    static const pc_entity_ref mixed[2] = {{.xid = "X"}, {.namespace_code = "Email", .id = "a"}};
    static const pc_entity_ref no_text[1] = {{.namespace_code = "Email", .id = "\xff"}};
    BAD("refs", query.kind = PC_ENTITY_BATCH);
    BAD("refs", query.kind = PC_ENTITY_BATCH, query.refs = nobody, query.ref_count = 1);
    BAD("refs", query.kind = PC_ENTITY_BATCH, query.refs = nobody, query.ref_count = 1001);
    BAD("refs", query.kind = PC_ENTITY_BATCH, query.refs = no_text, query.ref_count = 1);
    BAD("refs", query.kind = PC_ENTITY_GRAPH, query.refs = mixed, query.ref_count = 2);
#undef BAD
    for (size_t i = 0; i < count; i++) {
        pc_entity_request request;
        pc_status status = pc_entity_request_build(&request, &bases, &rows[i]);
        assert_int_equal(status.code, PC_CODE_INVALID_ARGUMENT);
        assert_non_null(pc_status_violations(&status));
        assert_string_equal(pc_status_violations(&status)->field, fields[i]);
        assert_null(request.url);
        assert_null(request.body);
        pc_status_clear(&status);
    }
}

static void test_entity_request__adds_to_a_base_with_a_path(void **state)
{
    (void)state;
    pc_entity_query query = profile("x");
    pc_entity_request request;
    pc_status status = pc_entity_request_build(&request, &bases, &query);
    assert_true(pc_status_ok(&status));
    assert_string_equal(request.url,
                        "https://h:1/proxy/data/core/ups/access/entities"
                        "?schema.name=_xdm.context.profile&entityId=x&entityIdNS=Email");
    assert_null(request.body);
    pc_entity_request_deinit(&request);
}

static void assert_request(const pc_entity_query *query, const char *url, const char *body)
{
    pc_entity_request request;
    pc_status status = pc_entity_request_build(&request, &bases, query);
    assert_true(pc_status_ok(&status));
    assert_string_equal(request.url, url);
    if (body == NULL) {
        assert_null(request.body);
    } else {
        assert_string_equal(request.body, body);
        assert_int_equal(request.body_size, strlen(body));
    }
    pc_entity_request_deinit(&request);
}

static void test_entity_request__asks_for_several(void **state)
{
    (void)state;
    static const pc_entity_ref refs[] = {{.namespace_code = "Email", .id = "a\"@b"},
                                         {.xid = "X-1_="}};
    pc_entity_query query = {.kind = PC_ENTITY_BATCH,
                             .refs = refs,
                             .ref_count = 2,
                             .fields = "person.name,identityMap",
                             .merge_policy = "m-1"};
    assert_request(&query, "https://h:1/proxy/data/core/ups/access/entities",
                   "{\"schema\":{\"name\":\"_xdm.context.profile\"},\"identities\":[{\"entityId\":"
                   "\"a\\\"@b\",\"entityIdNS\":{\"code\":\"Email\"}},{\"entityId\":\"X-1_=\"}],"
                   "\"fields\":[\"person.name\",\"identityMap\"],\"mergePolicyId\":\"m-1\"}");
    query.kind = PC_ENTITY_GRAPH;
    query.ref_count = 1;
    assert_request(&query, "https://i:2/data/core/identity/v2/graph",
                   "{\"composite_xids\":[{\"ns\":\"Email\",\"id\":\"a\\\"@b\"}],"
                   "\"projection_type\":\"set\"}");
    query.refs = &refs[1];
    assert_request(&query, "https://i:2/data/core/identity/v2/graph",
                   "{\"xids\":[\"X-1_=\"],\"projection_type\":\"set\"}");
}

static void test_entity_request__needs_an_identity_service_for_the_graph(void **state)
{
    (void)state;
    static const pc_entity_ref ref = {.xid = "X"};
    const pc_entity_bases no_identity = {"https://h", NULL};
    const pc_entity_query query = {.kind = PC_ENTITY_GRAPH, .refs = &ref, .ref_count = 1};
    pc_entity_request request;
    pc_status status = pc_entity_request_build(&request, &no_identity, &query);
    assert_string_equal(pc_status_reason(&status), "IDENTITY_SERVICE_NOT_CONFIGURED");
    pc_status_clear(&status);
}

static void test_entity_request__deletes_by_query(void **state)
{
    (void)state;
    pc_entity_query query = profile("x");
    query.kind = PC_ENTITY_DELETE;
    pc_entity_request request;
    pc_status status = pc_entity_request_build(&request, &bases, &query);
    assert_true(pc_status_ok(&status));
    assert_true(request.is_delete);
    assert_null(request.body);
    assert_string_equal(request.url,
                        "https://h:1/proxy/data/core/ups/access/entities"
                        "?schema.name=_xdm.context.profile&entityId=x&entityIdNS=Email");
    pc_entity_request_deinit(&request);
}

static void test_entity_request__knows_header_values(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "a b", "ORG@AdobeOrg", "~!"};
    static const char *const bad[] = {"", " a", "a ", "a\r\nb", "\t", "\x7f", "\xc3\xb6"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(pc_entity_header_value_valid(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(pc_entity_header_value_valid(bad[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entity_request__refuses_bad_queries),
        cmocka_unit_test(test_entity_request__adds_to_a_base_with_a_path),
        cmocka_unit_test(test_entity_request__asks_for_several),
        cmocka_unit_test(test_entity_request__needs_an_identity_service_for_the_graph),
        cmocka_unit_test(test_entity_request__deletes_by_query),
        cmocka_unit_test(test_entity_request__knows_header_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
