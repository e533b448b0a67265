/* The whole of upstream/ against a server that shows what it saw. */
#include <stdatomic.h>
#include <stdlib.h>

#include "entity_fixture.h"

static void test_entity__asks_for_a_profile_with_all_headers(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 1);
    fake_answer answer = fake_text(200, PROFILE_BODY);
    answer.headers = "x-request-id: reply-9\r\n";
    fake_http_set(own.server, ENTITIES_PATH, answer);
    pc_entity_query query = profile("jane@example.com");
    query.sandbox = "dev-1";
    query.merge_policy = "mp-1";
    query.fields = "person.name,workEmail";
    query.request_id = "req-7";
    const collected *item = run(&own, 0, &query);
    assert_ended(item, PC_CODE_OK, "");
    assert_string_equal(item->body, PROFILE_BODY);
    assert_string_equal(item->request_id, "reply-9");
    assert_int_equal(item->http_status, 200);
    assert_int_equal(item->attempts, 1);
    assert_sent_line(&own, ENTITIES_PATH, 0,
                     "GET " ENTITIES_PATH "?schema.name=_xdm.context.profile"
                     "&entityId=jane%40example.com&entityIdNS=Email"
                     "&fields=person.name%2CworkEmail&mergePolicyId=mp-1");
    static const char *const headers[] = {
        "Authorization: Bearer t1", "x-api-key: client-1",      "x-gw-ims-org-id: ORG@AdobeOrg",
        "x-sandbox-name: dev-1",    "Accept: application/json", "x-request-id: req-7",
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        assert_sent_header(&own, ENTITIES_PATH, 0, headers[i]);
    }
    finish(&own);
}

static void test_entity__any_id_stays_one_parameter(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        const char *encoded;
    } rows[] = {
        {"a&entityIdNS=b", "a%26entityIdNS%3Db"},
        {"a#b", "a%23b"},
        {"+15550100", "%2B15550100"},
        {"jane@example.com", "jane%40example.com"},
        {"a/../b", "a%2F..%2Fb"},
        {"100%", "100%25"},
        {"%41", "%2541"},
        {"a\r\nX-Evil: 1", "a%0D%0AX-Evil%3A%201"},
        {"J\xc3\xb6rg", "J%C3%B6rg"},
        {" ", "%20"},
        {"\xff", "%FF"},
        {"?", "%3F"},
    };
    enum { COUNT = sizeof rows / sizeof rows[0] };
    fixture own;
    begin(&own, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        pc_entity_query query = profile(rows[i].id);
        assert_ended(run(&own, i, &query), PC_CODE_OK, "");
        char line[512];
        (void)snprintf(line, sizeof line,
                       "GET " ENTITIES_PATH "?schema.name=_xdm.context.profile&entityId=%s"
                       "&entityIdNS=Email",
                       rows[i].encoded);
        assert_sent_line(&own, ENTITIES_PATH, (int)i, line);
        assert_null(strstr(fake_http_request(own.server, ENTITIES_PATH, (int)i), "\r\nX-Evil"));
    }
    finish(&own);
}

static void test_entity__asks_by_xid_and_schema(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 1);
    pc_entity_query query = {.kind = PC_ENTITY_RECORD,
                             .schema = "_xdm.context.account",
                             .xid = "A2_x-y&z",
                             .xid_size = 8,
                             .deadline_ns = PC_NEVER_NS};
    assert_ended(run(&own, 0, &query), PC_CODE_OK, "");
    assert_sent_line(&own, ENTITIES_PATH, 0,
                     "GET " ENTITIES_PATH "?schema.name=_xdm.context.account"
                     "&entityId=A2_x-y%26z");
    assert_sent_header(&own, ENTITIES_PATH, 0, "x-sandbox-name: prod");
    finish(&own);
}

static void test_entity__deletes(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 2);
    pc_entity_query query = profile("a@b");
    query.kind = PC_ENTITY_DELETE;
    fake_http_push(own.server, ENTITIES_PATH, fake_text(202, ""));
    assert_ended(run(&own, 0, &query), PC_CODE_OK, "");
    assert_sent_line(&own, ENTITIES_PATH, 0,
                     "DELETE " ENTITIES_PATH "?schema.name=_xdm.context.profile&entityId=a%40b"
                     "&entityIdNS=Email");
    fake_http_push(own.server, ENTITIES_PATH, fake_text(404, "{\"statusCode\":\"404\"}"));
    assert_ended(run(&own, 1, &query), PC_CODE_NOT_FOUND, "PROFILE_NOT_FOUND");
    finish(&own);
}

static void test_entity__asks_for_events(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 2);
    pc_entity_query query = profile("a@b");
    query.kind = PC_ENTITY_EVENTS;
    assert_ended(run(&own, 0, &query), PC_CODE_OK, "");
    assert_sent_line(&own, ENTITIES_PATH, 0,
                     "GET " ENTITIES_PATH "?schema.name=_xdm.context.experienceevent"
                     "&relatedSchema.name=_xdm.context.profile&relatedEntityId=a%40b"
                     "&relatedEntityIdNS=Email&orderby=-timestamp");
    static const char *const properties[] = {"a.b=false", "c<=\"2020-07-20\"", "d!=1&e=2"};
    query.properties = properties;
    query.property_count = 3;
    query.has_start_time = true;
    query.has_end_time = true;
    query.start_time_ms = 0;
    query.end_time_ms = 1539838505000;
    query.limit = 20;
    query.oldest_first = true;
    query.cursor = "c/1=";
    query.merge_policy = "m";
    query.fields = "a";
    assert_ended(run(&own, 1, &query), PC_CODE_OK, "");
    assert_sent_line(&own, ENTITIES_PATH, 1,
                     "GET " ENTITIES_PATH "?schema.name=_xdm.context.experienceevent"
                     "&relatedSchema.name=_xdm.context.profile&relatedEntityId=a%40b"
                     "&relatedEntityIdNS=Email&fields=a&mergePolicyId=m&startTime=0"
                     "&endTime=1539838505000&limit=20&orderby=%2Btimestamp"
                     "&property=a.b%3Dfalse&property=c%3C%3D%222020-07-20%22"
                     "&property=d%21%3D1%26e%3D2&start=c%2F1%3D");
    finish(&own);
}

static void test_entity__asks_for_audiences(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 1);
    fake_http_set(own.server, BULK_PATH, fake_text(207, "{\"results\":{}}"));
    static const char *const ids[] = {"a-1", "b\"2"};
    pc_entity_query query = {.kind = PC_ENTITY_AUDIENCES,
                             .audience_ids = ids,
                             .audience_count = 2,
                             .deadline_ns = PC_NEVER_NS};
    const collected *item = run(&own, 0, &query);
    assert_ended(item, PC_CODE_OK, "");
    assert_int_equal(item->http_status, 207);
    assert_string_equal(item->body, "{\"results\":{}}");
    assert_sent_line(&own, BULK_PATH, 0, "POST " BULK_PATH);
    assert_sent_header(&own, BULK_PATH, 0, "Content-Type: application/json");
    assert_non_null(strstr(fake_http_request(own.server, BULK_PATH, 0),
                           "\r\n\r\n{\"ids\":[{\"id\":\"a-1\"},{\"id\":\"b\\\"2\"}]}"));
    finish(&own);
}

static void test_entity__maps_errors(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 4);
    pc_entity_query query = profile("x");
    fake_http_push(own.server, ENTITIES_PATH, fake_text(404, "{\"statusCode\":\"404\"}"));
    const collected *item = run(&own, 0, &query);
    assert_ended(item, PC_CODE_NOT_FOUND, "PROFILE_NOT_FOUND");
    assert_int_equal(item->http_status, 404);
    fake_http_push(own.server, ENTITIES_PATH,
                   fake_text(429, "[{\"retryAfterMs\":\"500\",\"statusCode\":\"429\"}]"));
    item = run(&own, 1, &query);
    assert_ended(item, PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_THROTTLED");
    assert_int_equal(pc_status_retry_after_ms(&item->status), 500);
    query.kind = PC_ENTITY_EVENTS;
    fake_http_push(own.server, ENTITIES_PATH, fake_text(403, "{\"statusCode\":\"403\"}"));
    assert_ended(run(&own, 2, &query), PC_CODE_PERMISSION_DENIED, "EVENTS_NOT_ENABLED");
    fake_answer broken = fake_text(200, PROFILE_BODY);
    broken.manner = FAKE_HALF;
    fake_http_push(own.server, ENTITIES_PATH, broken);
    item = run(&own, 3, &query);
    assert_ended(item, PC_CODE_UNAVAILABLE, "UPSTREAM_CONNECTION_LOST");
    assert_int_equal(item->http_status, 0);
    assert_int_equal(item->attempts, 1);
    pc_entity_counters counters;
    pc_entity_client_counters(own.client, &counters);
    assert_int_equal(counters.requests[PC_ENTITY_PROFILE], 2);
    assert_int_equal(counters.failures[PC_ENTITY_PROFILE], 1);
    assert_int_equal(counters.requests[PC_ENTITY_EVENTS], 2);
    assert_int_equal(counters.failures[PC_ENTITY_EVENTS], 2);
    assert_int_equal(counters.token_requests, 1);
    assert_int_equal(counters.in_flight, 0);
    finish(&own);
}

static void test_entity__refreshes_once_after_401(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 3);
    pc_entity_query query = profile("x");
    assert_ended(run(&own, 0, &query), PC_CODE_OK, "");
    fake_http_set(own.server, TOKEN_PATH,
                  fake_text(200, "{\"access_token\":\"t2\",\"expires_in\":86399}"));
    fake_http_push(own.server, ENTITIES_PATH, fake_text(401, refused));
    const collected *item = run(&own, 1, &query);
    assert_ended(item, PC_CODE_OK, "");
    assert_int_equal(item->attempts, 2);
    assert_sent_header(&own, ENTITIES_PATH, 1, "Authorization: Bearer t1");
    assert_sent_header(&own, ENTITIES_PATH, 2, "Authorization: Bearer t2");
    assert_int_equal(fake_http_count(own.server, TOKEN_PATH), 2);
    finish(&own);
}

static void test_entity__gives_up_after_the_second_401(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 2);
    fake_http_set(own.server, ENTITIES_PATH, fake_text(401, refused));
    pc_entity_query query = profile("x");
    const collected *item = run(&own, 0, &query);
    assert_ended(item, PC_CODE_UNAUTHENTICATED, "UPSTREAM_UNAUTHENTICATED");
    assert_int_equal(item->attempts, 2);
    assert_int_equal(item->http_status, 401);
    assert_int_equal(fake_http_count(own.server, ENTITIES_PATH), 2);
    assert_int_equal(fake_http_count(own.server, TOKEN_PATH), 2);
    pc_entity_counters counters;
    pc_entity_client_counters(own.client, &counters);
    assert_int_equal(counters.token_rejections, 2);
    finish(&own);
}

static void use_static_token(pc_entity_options *options)
{
    options->static_token = "fixed";
    options->client_secret = NULL;
}

static void test_entity__static_token_is_not_refreshed(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 1, use_static_token);
    fake_http_set(own.server, ENTITIES_PATH, fake_text(401, refused));
    pc_entity_query query = profile("x");
    const collected *item = run(&own, 0, &query);
    assert_ended(item, PC_CODE_UNAUTHENTICATED, "UPSTREAM_UNAUTHENTICATED");
    assert_int_equal(item->attempts, 1);
    assert_sent_header(&own, ENTITIES_PATH, 0, "Authorization: Bearer fixed");
    assert_int_equal(fake_http_count(own.server, TOKEN_PATH), 0);
    finish(&own);
}

static void test_entity__100_cold_fetches_ask_for_one_token(void **state)
{
    (void)state;
    enum { COUNT = 100 };
    fixture own;
    begin(&own, COUNT);
    fake_http_hold(own.server, TOKEN_PATH);
    pc_entity_query query = profile("x");
    for (size_t i = 0; i < COUNT; i++) {
        pc_entity_op_unref(start(&own, i, &query));
    }
    fake_http_wait_count(own.server, TOKEN_PATH, 1);
    assert_int_equal(fake_http_count(own.server, ENTITIES_PATH), 0);
    fake_http_release(own.server, TOKEN_PATH);
    collector_wait(&own.seen, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_ended(&own.seen.items[i], PC_CODE_OK, "");
    }
    assert_int_equal(fake_http_count(own.server, TOKEN_PATH), 1);
    finish(&own);
}

/* A revoked token found by many at once costs one new token. */
static void test_entity__many_refusals_ask_for_one_token(void **state)
{
    (void)state;
    enum { COUNT = 14 };
    fixture own;
    begin(&own, COUNT + 1);
    pc_entity_query query = profile("x");
    assert_ended(run(&own, COUNT, &query), PC_CODE_OK, "");
    for (size_t i = 0; i < COUNT; i++) {
        fake_http_push(own.server, ENTITIES_PATH, fake_text(401, refused));
    }
    fake_http_hold(own.server, ENTITIES_PATH);
    for (size_t i = 0; i < COUNT; i++) {
        pc_entity_op_unref(start(&own, i, &query));
    }
    fake_http_wait_count(own.server, ENTITIES_PATH, COUNT + 1);
    fake_http_release(own.server, ENTITIES_PATH);
    collector_wait(&own.seen, COUNT + 1);
    for (size_t i = 0; i < COUNT; i++) {
        assert_ended(&own.seen.items[i], PC_CODE_OK, "");
        assert_int_equal(own.seen.items[i].attempts, 2);
    }
    assert_int_equal(fake_http_count(own.server, TOKEN_PATH), 2);
    finish(&own);
}

static void test_entity__cancels_while_waiting_for_token_or_answer(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 3);
    pc_entity_query query = profile("x");
    fake_http_hold(own.server, TOKEN_PATH);
    pc_entity_op *op = start(&own, 0, &query);
    fake_http_wait_count(own.server, TOKEN_PATH, 1);
    pc_entity_cancel(op);
    pc_entity_cancel(op);
    collector_wait(&own.seen, 1);
    assert_ended(&own.seen.items[0], PC_CODE_CANCELLED, "CANCELLED");
    pc_entity_op_unref(op);
    fake_http_release(own.server, TOKEN_PATH);
    fake_http_hold(own.server, ENTITIES_PATH);
    op = start(&own, 1, &query);
    fake_http_wait_count(own.server, ENTITIES_PATH, 1);
    pc_entity_cancel(op);
    collector_wait(&own.seen, 2);
    assert_ended(&own.seen.items[1], PC_CODE_CANCELLED, "CANCELLED");
    assert_int_equal(own.seen.items[1].attempts, 1);
    pc_entity_op_unref(op);
    fake_http_release(own.server, ENTITIES_PATH);
    op = start(&own, 2, &query);
    collector_wait(&own.seen, 3);
    assert_ended(&own.seen.items[2], PC_CODE_OK, "");
    finish(&own);
    /* The reference outlives the client. */
    pc_entity_cancel(op);
    pc_entity_op_unref(op);
}

static void test_entity__deadline_covers_token_and_answer(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 3);
    pc_entity_query query = profile("x");
    fake_http_hold(own.server, TOKEN_PATH);
    query.deadline_ns = pc_clock_after_ms(pc_clock_now_ns(), 40);
    const collected *item = run(&own, 0, &query);
    assert_ended(item, PC_CODE_DEADLINE_EXCEEDED, "UPSTREAM_TIMEOUT");
    assert_int_equal(item->attempts, 0);
    assert_true(item->at_ns >= query.deadline_ns);
    fake_http_release(own.server, TOKEN_PATH);
    query.deadline_ns = PC_NEVER_NS;
    assert_ended(run(&own, 1, &query), PC_CODE_OK, "");
    fake_http_hold(own.server, ENTITIES_PATH);
    query.deadline_ns = pc_clock_after_ms(pc_clock_now_ns(), 60);
    item = run(&own, 2, &query);
    assert_ended(item, PC_CODE_DEADLINE_EXCEEDED, "UPSTREAM_TIMEOUT");
    assert_int_equal(item->attempts, 1);
    finish(&own);
}

static void limit_time(pc_entity_options *options)
{
    options->timeout_ms = 50;
}

static void test_entity__own_time_limit_applies_without_deadline(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 1, limit_time);
    fake_http_hold(own.server, ENTITIES_PATH);
    pc_entity_query query = profile("x");
    assert_ended(run(&own, 0, &query), PC_CODE_DEADLINE_EXCEEDED, "UPSTREAM_TIMEOUT");
    finish(&own);
}

static void limit_in_flight(pc_entity_options *options)
{
    options->max_in_flight = 2;
}

static void test_entity__refuses_more_than_max_in_flight(void **state)
{
    (void)state;
    fixture own;
    begin_with(&own, 3, limit_in_flight);
    fake_http_hold(own.server, ENTITIES_PATH);
    pc_entity_query query = profile("x");
    pc_entity_op_unref(start(&own, 0, &query));
    pc_entity_op_unref(start(&own, 1, &query));
    pc_entity_op *op = NULL;
    pc_status status = pc_entity_fetch(own.client, &query, on_done, &own.seen.items[2], &op);
    assert_int_equal(status.code, PC_CODE_RESOURCE_EXHAUSTED);
    assert_string_equal(pc_status_reason(&status), "UPSTREAM_TOO_MANY_IN_FLIGHT");
    assert_null(op);
    pc_status_clear(&status);
    pc_entity_counters counters;
    pc_entity_client_counters(own.client, &counters);
    assert_int_equal(counters.refused[PC_ENTITY_PROFILE], 1);
    assert_int_equal(counters.in_flight, 2);
    fake_http_release(own.server, ENTITIES_PATH);
    collector_wait(&own.seen, 2);
    assert_ended(run(&own, 2, &query), PC_CODE_OK, "");
    finish(&own);
}

static void test_entity__free_ends_every_fetch(void **state)
{
    (void)state;
    enum { COUNT = 20 };
    fixture own;
    begin(&own, COUNT);
    fake_http_hold(own.server, ENTITIES_PATH);
    pc_entity_query query = profile("x");
    for (size_t i = 0; i < COUNT; i++) {
        pc_entity_op_unref(start(&own, i, &query));
        if (i == COUNT / 2) {
            fake_http_wait_count(own.server, ENTITIES_PATH, COUNT / 2);
        }
    }
    pc_entity_client_free(own.client);
    own.client = NULL;
    assert_int_equal(collector_calls(&own.seen), COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_ended(&own.seen.items[i], PC_CODE_CANCELLED, "CANCELLED");
    }
    finish(&own);
}

typedef struct {
    pc_entity_client *client;
    pc_entity_query query;
    atomic_int calls;
    atomic_int refusals;
} stubborn;

static void try_again(void *self, pc_status status, const pc_entity_result *result)
{
    stubborn *own = self;
    (void)result;
    pc_status_clear(&status);
    atomic_fetch_add(&own->calls, 1);
    status = pc_entity_fetch(own->client, &own->query, try_again, own, NULL);
    if (status.code == PC_CODE_CANCELLED) {
        atomic_fetch_add(&own->refusals, 1);
    }
    pc_status_clear(&status);
}

static void test_entity__free_ends_those_who_try_again(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 1);
    stubborn self = {.client = own.client, .query = profile("x")};
    pc_status status = pc_entity_fetch(own.client, &self.query, try_again, &self, NULL);
    assert_true(pc_status_ok(&status));
    fake_http_wait_count(own.server, ENTITIES_PATH, 5);
    pc_entity_client_free(own.client);
    own.client = NULL;
    assert_int_equal(atomic_load(&self.refusals), 1);
    assert_true(atomic_load(&self.calls) >= 5);
    finish(&own);
}

static void test_entity__refuses_at_once_without_a_callback(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 1);
    pc_entity_op *op = NULL;
    pc_entity_query query = profile("x");
    query.deadline_ns = pc_clock_now_ns();
    pc_status status = pc_entity_fetch(own.client, &query, on_done, &own.seen.items[0], &op);
    assert_int_equal(status.code, PC_CODE_DEADLINE_EXCEEDED);
    assert_null(op);
    pc_status_clear(&status);
    query = profile("");
    status = pc_entity_fetch(own.client, &query, on_done, &own.seen.items[0], &op);
    assert_int_equal(status.code, PC_CODE_INVALID_ARGUMENT);
    assert_null(op);
    pc_status_clear(&status);
    pc_entity_client_free(own.client);
    own.client = NULL;
    assert_int_equal(collector_calls(&own.seen), 0);
    assert_int_equal(fake_http_connections(own.server), 0);
    finish(&own);
}

static void test_entity__refuses_bad_options(void **state)
{
    (void)state;
    pc_entity_client *client = NULL;
    pc_entity_options good = PC_ENTITY_OPTIONS_DEFAULT;
    good.client_id = "c";
    good.client_secret = "s";
    good.org_id = "o";
    pc_entity_options rows[16];
    const char *fields[16];
    size_t count = 0;
#define BAD(name, value)                                                                           \
    do {                                                                                           \
        rows[count] = good;                                                                        \
        rows[count].name = (value);                                                                \
        fields[count++] = #name;                                                                   \
    } while (0)
    BAD(base_url, "http://platform.adobe.io");
    BAD(base_url, "ftp://x");
    BAD(base_url, NULL);
    BAD(ims_url, "http://10.0.0.1");
    BAD(client_id, "a\nb");
    BAD(org_id, NULL);
    BAD(client_secret, "");
    BAD(static_token, "a b");
    BAD(ca_file, "/nowhere.pem");
    BAD(timeout_ms, 0);
    BAD(max_in_flight, 0);
    BAD(hedge_after_ms, -1);
    BAD(hedge_percent, 0);
    BAD(hedge_percent, 101);
#undef BAD
    for (size_t i = 0; i < count; i++) {
        pc_status status = pc_entity_client_new(&client, &rows[i]);
        assert_int_equal(status.code, PC_CODE_INVALID_ARGUMENT);
        assert_string_equal(pc_status_violations(&status)->field, fields[i]);
        assert_null(client);
        pc_status_clear(&status);
    }
    good.base_url = "http://platform.adobe.io";
    good.allow_plain_http = true;
    pc_status status = pc_entity_client_new(&client, &good);
    assert_true(pc_status_ok(&status));
    pc_entity_client_free(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entity__asks_for_a_profile_with_all_headers),
        cmocka_unit_test(test_entity__any_id_stays_one_parameter),
        cmocka_unit_test(test_entity__asks_by_xid_and_schema),
        cmocka_unit_test(test_entity__deletes),
        cmocka_unit_test(test_entity__asks_for_events),
        cmocka_unit_test(test_entity__asks_for_audiences),
        cmocka_unit_test(test_entity__maps_errors),
        cmocka_unit_test(test_entity__refreshes_once_after_401),
        cmocka_unit_test(test_entity__gives_up_after_the_second_401),
        cmocka_unit_test(test_entity__static_token_is_not_refreshed),
        cmocka_unit_test(test_entity__100_cold_fetches_ask_for_one_token),
        cmocka_unit_test(test_entity__many_refusals_ask_for_one_token),
        cmocka_unit_test(test_entity__cancels_while_waiting_for_token_or_answer),
        cmocka_unit_test(test_entity__deadline_covers_token_and_answer),
        cmocka_unit_test(test_entity__own_time_limit_applies_without_deadline),
        cmocka_unit_test(test_entity__refuses_more_than_max_in_flight),
        cmocka_unit_test(test_entity__free_ends_every_fetch),
        cmocka_unit_test(test_entity__free_ends_those_who_try_again),
        cmocka_unit_test(test_entity__refuses_at_once_without_a_callback),
        cmocka_unit_test(test_entity__refuses_bad_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
