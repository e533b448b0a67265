/* Transfers against a server with bad manners. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "collector.h"
#include "fake_http.h"
#include "upstream/transfer.h"
#include "util/clock.h"

enum { LONG_MS = 9000, BODY_MAX = 1 << 20 };

typedef struct {
    fake_http *server;
    pc_transfer *transfer;
    collector seen;
    char url[128];
} fixture;

static void fill(collected *item, const void *result)
{
    const pc_transfer_result *answer = result;
    item->http_status = answer->http_status;
    item->retry_after_ms = answer->retry_after_ms;
    collector_copy_body(item, pc_slice_bytes(answer->body), pc_slice_size(answer->body));
    (void)snprintf(item->content_type, sizeof item->content_type, "%s", answer->content_type);
    (void)snprintf(item->request_id, sizeof item->request_id, "%s", answer->request_id);
}

static void on_done(void *self, pc_status status, const pc_transfer_result *result)
{
    assert_true(pc_status_ok(&status) == (result != NULL));
    collector_record(self, status, fill, result);
}

static void begin(fixture *own, size_t count)
{
    own->server = fake_http_new(0);
    fake_http_url(own->server, "/x", own->url, sizeof own->url);
    collector_init(&own->seen, count);
    const pc_transfer_options options = {.max_connections = 64};
    pc_status status = pc_transfer_new(&own->transfer, &options);
    assert_true(pc_status_ok(&status));
}

static void finish(fixture *own)
{
    pc_transfer_free(own->transfer);
    fake_http_free(own->server);
    collector_deinit(&own->seen);
}

static pc_transfer_request get(fixture *own, int64_t timeout_ms)
{
    return (pc_transfer_request){
        .url = own->url,
        .deadline_ns = pc_clock_after_ms(pc_clock_now_ns(), timeout_ms),
        .connect_timeout_ms = 2000,
        .body_bytes_max = BODY_MAX,
    };
}

static pc_transfer_op *start(fixture *own, size_t index, const pc_transfer_request *request)
{
    pc_transfer_op *op = NULL;
    pc_status status =
        pc_transfer_start(own->transfer, request, on_done, &own->seen.items[index], &op);
    assert_true(pc_status_ok(&status));
    assert_non_null(op);
    return op;
}

/* Runs one request to its end. */
static const collected *run(fixture *own, size_t index, const pc_transfer_request *request)
{
    int before = collector_calls(&own->seen);
    pc_transfer_op_unref(start(own, index, request));
    collector_wait(&own->seen, before + 1);
    return &own->seen.items[index];
}

static void assert_ended(const collected *item, pc_code code, const char *reason)
{
    if (item->calls != 1 || item->status.code != code ||
        strcmp(pc_status_reason(&item->status), reason) != 0) {
        fail_msg("%d calls, %s %s", item->calls, pc_code_name(item->status.code),
                 pc_status_reason(&item->status));
    }
}

static void test_transfer__brings_answer_and_headers(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 2);
    fake_answer answer = fake_text(418, "{\"a\":1}");
    answer.headers = "Retry-After: 7\r\nX-Request-Id: reply-1\r\n";
    fake_http_set(own.server, "/x", answer);
    pc_transfer_request request = get(&own, LONG_MS);
    const pc_transfer_header headers[] = {{"X-A", "1"}, {"X-B", "two words"}};
    request.headers = headers;
    request.header_count = 2;
    const collected *item = run(&own, 0, &request);
    assert_ended(item, PC_CODE_OK, "");
    assert_int_equal(item->http_status, 418);
    assert_string_equal(item->body, "{\"a\":1}");
    assert_int_equal(item->retry_after_ms, 7000);
    assert_string_equal(item->content_type, "application/json");
    assert_string_equal(item->request_id, "reply-1");
    const char *sent = fake_http_request(own.server, "/x", 0);
    assert_ptr_equal(strstr(sent, "GET /x HTTP/1.1\r\n"), sent);
    assert_non_null(strstr(sent, "\r\nX-A: 1\r\n"));
    assert_non_null(strstr(sent, "\r\nX-B: two words\r\n"));
    assert_non_null(strstr(sent, "\r\nUser-Agent: ProfileContext/"));
    assert_non_null(strstr(sent, "\r\nAccept-Encoding: gzip\r\n"));
    request = get(&own, LONG_MS);
    request.body = "p=1";
    request.body_size = 3;
    assert_ended(run(&own, 1, &request), PC_CODE_OK, "");
    sent = fake_http_request(own.server, "/x", 1);
    assert_ptr_equal(strstr(sent, "POST /x HTTP/1.1\r\n"), sent);
    assert_non_null(strstr(sent, "\r\n\r\np=1"));
    assert_null(strstr(sent, "Expect"));
    assert_int_equal(fake_http_connections(own.server), 1);
    finish(&own);
}

static void test_transfer__does_not_follow_redirects(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 1);
    fake_answer answer = fake_text(302, "");
    answer.headers = "Location: /elsewhere\r\n";
    fake_http_set(own.server, "/x", answer);
    pc_transfer_request request = get(&own, LONG_MS);
    assert_int_equal(run(&own, 0, &request)->http_status, 302);
    assert_int_equal(fake_http_count(own.server, "/elsewhere"), 0);
    finish(&own);
}

static void test_transfer__refuses_header_injection(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 1);
    static const char *const values[] = {"a\r\nX: y", "a\nb", "", "\x7f", "\xc3\xb6", "a\tb"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        pc_transfer_request request = get(&own, LONG_MS);
        const pc_transfer_header header = {"X-A", values[i]};
        request.headers = &header;
        request.header_count = 1;
        pc_transfer_op *op = NULL;
        pc_status status =
            pc_transfer_start(own.transfer, &request, on_done, &own.seen.items[0], &op);
        assert_int_equal(status.code, PC_CODE_INVALID_ARGUMENT);
        assert_string_equal(pc_status_reason(&status), "UPSTREAM_BAD_HEADER");
        assert_null(op);
        pc_status_clear(&status);
    }
    finish(&own);
    assert_int_equal(own.seen.calls, 0);
}

/* The machine may be busy, so one of a few tries has to be exact; none may be early. */
static void test_transfer__keeps_deadline_within_50_ms(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 5);
    fake_http_set(own.server, "/x", (fake_answer){.manner = FAKE_HANG});
    int64_t best_ns = INT64_MAX;
    for (size_t i = 0; i < 5 && best_ns > 50 * 1000000; i++) {
        pc_transfer_request request = get(&own, 120);
        const collected *item = run(&own, i, &request);
        assert_ended(item, PC_CODE_DEADLINE_EXCEEDED, "UPSTREAM_TIMEOUT");
        int64_t late_ns = item->at_ns - request.deadline_ns;
        assert_true(late_ns >= 0);
        best_ns = late_ns < best_ns ? late_ns : best_ns;
    }
    assert_true(best_ns <= 50 * 1000000);
    finish(&own);
}

static void test_transfer__ends_at_once_when_deadline_has_passed(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 1);
    pc_transfer_request request = get(&own, LONG_MS);
    request.deadline_ns = pc_clock_now_ns() - 1;
    assert_ended(run(&own, 0, &request), PC_CODE_DEADLINE_EXCEEDED, "UPSTREAM_TIMEOUT");
    assert_int_equal(fake_http_count(own.server, "/x"), 0);
    finish(&own);
}

static void test_transfer__cancel_comes_exactly_once(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 3);
    /* While the server hangs. */
    fake_http_set(own.server, "/x", (fake_answer){.manner = FAKE_HANG});
    pc_transfer_request request = get(&own, LONG_MS);
    pc_transfer_op *op = start(&own, 0, &request);
    fake_http_wait_count(own.server, "/x", 1);
    pc_transfer_cancel(op);
    pc_transfer_cancel(op);
    collector_wait(&own.seen, 1);
    assert_ended(&own.seen.items[0], PC_CODE_CANCELLED, "CANCELLED");
    pc_transfer_cancel(op);
    pc_transfer_op_unref(op);
    /* Before it was begun, or just after. */
    op = start(&own, 1, &request);
    pc_transfer_cancel(op);
    collector_wait(&own.seen, 2);
    assert_ended(&own.seen.items[1], PC_CODE_CANCELLED, "CANCELLED");
    pc_transfer_op_unref(op);
    /* After the result, even after the end of everything. */
    fake_http_set(own.server, "/x", fake_text(200, "{}"));
    op = start(&own, 2, &request);
    collector_wait(&own.seen, 3);
    pc_transfer_cancel(op);
    finish(&own);
    pc_transfer_cancel(op);
    pc_transfer_op_unref(op);
}

static void test_transfer__late_cancel_keeps_the_result(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 1);
    fake_http_set(own.server, "/x", fake_text(200, "{}"));
    pc_transfer_request request = get(&own, LONG_MS);
    pc_transfer_op *op = start(&own, 0, &request);
    collector_wait(&own.seen, 1);
    pc_transfer_cancel(op);
    pc_transfer_op_unref(op);
    assert_ended(&own.seen.items[0], PC_CODE_OK, "");
    finish(&own);
}

/* Cancels race with answers; whatever wins, each callback comes once. */
static void test_transfer__cancel_races_with_answer(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    fixture own;
    begin(&own, COUNT);
    fake_http_set(own.server, "/x", fake_text(200, "{}"));
    for (size_t i = 0; i < COUNT; i++) {
        pc_transfer_request request = get(&own, LONG_MS);
        pc_transfer_op *op = start(&own, i, &request);
        if (i % 3 == 0) {
            fake_http_wait_count(own.server, "/x", fake_http_count(own.server, "/x"));
        }
        if (i % 2 == 0) {
            pc_transfer_cancel(op);
        }
        pc_transfer_op_unref(op);
    }
    collector_wait(&own.seen, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        pc_code code = own.seen.items[i].status.code;
        assert_true(code == PC_CODE_OK || (i % 2 == 0 && code == PC_CODE_CANCELLED));
    }
    finish(&own);
}

static void test_transfer__free_cancels_all(void **state)
{
    (void)state;
    enum { COUNT = 20 };
    fixture own;
    begin(&own, COUNT);
    fake_http_set(own.server, "/x", (fake_answer){.manner = FAKE_HANG});
    for (size_t i = 0; i < COUNT; i++) {
        pc_transfer_request request = get(&own, LONG_MS);
        pc_transfer_op_unref(start(&own, i, &request));
        if (i == COUNT / 2) {
            fake_http_wait_count(own.server, "/x", COUNT / 2);
        }
    }
    pc_transfer_free(own.transfer);
    own.transfer = NULL;
    assert_int_equal(collector_calls(&own.seen), COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_ended(&own.seen.items[i], PC_CODE_CANCELLED, "CANCELLED");
    }
    finish(&own);
}

static void test_transfer__caps_the_body(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 3);
    fake_http_set(own.server, "/x", fake_text(200, "0123456789"));
    pc_transfer_request request = get(&own, LONG_MS);
    request.body_bytes_max = 10;
    assert_ended(run(&own, 0, &request), PC_CODE_OK, "");
    request.body_bytes_max = 9;
    assert_ended(run(&own, 1, &request), PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_BODY_TOO_LARGE");
    finish(&own);
}

static void test_transfer__caps_header_bytes(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 1);
    /* fake_http writes at most 2 KB of headers, so that many come as interim answers. */
    enum { INTERIM = 20000 };
    static const char interim[] = "HTTP/1.1 103 Early\r\n\r\n";
    size_t size = (sizeof interim - 1) * INTERIM;
    char *bytes = malloc(size);
    for (size_t i = 0; i < INTERIM; i++) {
        memcpy(bytes + i * (sizeof interim - 1), interim, sizeof interim - 1);
    }
    fake_answer answer = {.status = 103, .body = bytes, .body_size = size};
    fake_http_set(own.server, "/x", answer);
    pc_transfer_request request = get(&own, LONG_MS);
    assert_ended(run(&own, 0, &request), PC_CODE_UNAVAILABLE, "UPSTREAM_PROTOCOL_ERROR");
    finish(&own);
    free(bytes);
}

static void *gzip(const void *bytes, size_t size, size_t *size_out)
{
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&stream, size);
    uint8_t *out = malloc(room);
    uint8_t *in = malloc(size);
    memcpy(in, bytes, size);
    stream.next_in = in;
    stream.avail_in = (uInt)size;
    stream.next_out = out;
    stream.avail_out = (uInt)room;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    *size_out = room - stream.avail_out;
    deflateEnd(&stream);
    free(in);
    return out;
}

static void test_transfer__inflates_gzip_but_not_a_bomb(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 3);
    size_t small_size = 0;
    void *small = gzip("{\"a\":\"gzip\"}", 12, &small_size);
    fake_answer answer = {.status = 200,
                          .headers = "Content-Encoding: gzip\r\n",
                          .body = small,
                          .body_size = small_size};
    fake_http_set(own.server, "/x", answer);
    pc_transfer_request request = get(&own, LONG_MS);
    const collected *item = run(&own, 0, &request);
    assert_ended(item, PC_CODE_OK, "");
    assert_string_equal(item->body, "{\"a\":\"gzip\"}");

    enum { BOMB_BYTES = 32 << 20 };
    uint8_t *zeros = calloc(1, BOMB_BYTES);
    size_t bomb_size = 0;
    void *bomb = gzip(zeros, BOMB_BYTES, &bomb_size);
    free(zeros);
    assert_true(bomb_size < BODY_MAX);
    answer.body = bomb;
    answer.body_size = bomb_size;
    fake_http_set(own.server, "/x", answer);
    assert_ended(run(&own, 1, &request), PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_BODY_TOO_LARGE");

    answer.body = "this is no gzip";
    answer.body_size = 15;
    fake_http_set(own.server, "/x", answer);
    assert_ended(run(&own, 2, &request), PC_CODE_UNAVAILABLE, "UPSTREAM_PROTOCOL_ERROR");
    finish(&own);
    free(small);
    free(bomb);
}

static void test_transfer__names_bad_manners(void **state)
{
    (void)state;
    static const struct {
        fake_manner manner;
        const char *reason;
    } rows[] = {
        {FAKE_HALF, "UPSTREAM_CONNECTION_LOST"},
        {FAKE_HEAD, "UPSTREAM_CONNECTION_LOST"},
        {FAKE_CUT, "UPSTREAM_CONNECTION_LOST"},
        {FAKE_GARBAGE, "UPSTREAM_PROTOCOL_ERROR"},
    };
    fixture own;
    begin(&own, PC_COUNT_OF(rows));
    for (size_t i = 0; i < PC_COUNT_OF(rows); i++) {
        fake_answer answer = fake_text(200, "{\"a\":\"1234567890\"}");
        answer.manner = rows[i].manner;
        fake_http_set(own.server, "/x", answer);
        pc_transfer_request request = get(&own, LONG_MS);
        const collected *item = run(&own, i, &request);
        assert_ended(item, PC_CODE_UNAVAILABLE, rows[i].reason);
        assert_null(strstr(pc_status_message(&item->status), "127.0.0.1"));
    }
    finish(&own);
}

static void test_transfer__tls_to_a_plain_port_fails(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 1);
    char url[128];
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%d/x", fake_http_port(own.server));
    pc_transfer_request request = get(&own, LONG_MS);
    request.url = url;
    fake_http_set(own.server, "/x", (fake_answer){.manner = FAKE_GARBAGE});
    /* The server reads the greeting as a request that never ends; it is freed first. */
    pc_transfer_op_unref(start(&own, 0, &request));
    while (fake_http_connections(own.server) == 0 && pc_clock_now_ns() < request.deadline_ns) {
    }
    fake_http_free(own.server);
    own.server = NULL;
    collector_wait(&own.seen, 1);
    assert_ended(&own.seen.items[0], PC_CODE_UNAVAILABLE, "UPSTREAM_TLS_FAILED");
    finish(&own);
}

/* One request to `host` over TLS, with or without the server's certificate as an authority. */
static void run_tls(fake_http *server, const char *host, const char *ca_file, pc_code code,
                    const char *reason)
{
    pc_transfer *transfer = NULL;
    collector seen;
    collector_init(&seen, 1);
    const pc_transfer_options options = {.max_connections = 2, .ca_file = ca_file};
    pc_status status = pc_transfer_new(&transfer, &options);
    assert_true(pc_status_ok(&status));
    char url[128];
    (void)snprintf(url, sizeof url, "https://%s:%d/x", host, fake_http_port(server));
    const pc_transfer_request request = {
        .url = url,
        .deadline_ns = pc_clock_after_ms(pc_clock_now_ns(), LONG_MS),
        .connect_timeout_ms = 2000,
        .body_bytes_max = BODY_MAX,
    };
    status = pc_transfer_start(transfer, &request, on_done, &seen.items[0], NULL);
    assert_true(pc_status_ok(&status));
    collector_wait(&seen, 1);
    assert_ended(&seen.items[0], code, reason);
    pc_transfer_free(transfer);
    collector_deinit(&seen);
}

static void test_transfer__trusts_only_the_right_authority_and_name(void **state)
{
    (void)state;
    fake_tls tls;
    fake_tls_init(&tls);
    fake_http *server = fake_http_new_tls(&tls);
    fake_http_set(server, "/x", fake_text(200, "{}"));
    run_tls(server, "localhost", tls.ca_file, PC_CODE_OK, "");
    run_tls(server, "localhost", NULL, PC_CODE_UNAVAILABLE, "UPSTREAM_TLS_FAILED");
    run_tls(server, "127.0.0.1", tls.ca_file, PC_CODE_UNAVAILABLE, "UPSTREAM_TLS_FAILED");
    run_tls(server, "localhost", "/nowhere.pem", PC_CODE_UNAVAILABLE, "UPSTREAM_TLS_FAILED");
    assert_int_equal(fake_http_count(server, "/x"), 1);
    fake_http_free(server);
    fake_tls_deinit(&tls);
}

/* Asks `count` times at once, and waits until all have arrived. */
static void ask_all(pc_transfer *transfer, fake_http *server, collector *seen, const char *url,
                    size_t first, size_t count)
{
    const pc_transfer_request request = {
        .url = url,
        .is_one_of_many = true,
        .deadline_ns = pc_clock_after_ms(pc_clock_now_ns(), LONG_MS),
        .connect_timeout_ms = 2000,
        .body_bytes_max = BODY_MAX,
    };
    fake_http_hold(server, "/x");
    for (size_t i = first; i < first + count; i++) {
        pc_status status = pc_transfer_start(transfer, &request, on_done, &seen->items[i], NULL);
        assert_true(pc_status_ok(&status));
    }
    fake_http_wait_count(server, "/x", (int)(first + count));
    fake_http_release(server, "/x");
    collector_wait(seen, first + count);
}

static void test_transfer__has_more_connections_where_the_answers_are_http1(void **state)
{
    (void)state;
    enum { FEW = 2, MANY = 6 };
    fake_tls tls;
    fake_tls_init(&tls);
    fake_http *server = fake_http_new_tls(&tls);
    fake_http_set(server, "/x", fake_text(200, "{}"));
    pc_transfer *transfer = NULL;
    collector seen;
    collector_init(&seen, 1 + MANY);
    const pc_transfer_options options = {
        .max_connections = MANY, .http2_connections = FEW, .ca_file = tls.ca_file};
    pc_status status = pc_transfer_new(&transfer, &options);
    assert_true(pc_status_ok(&status));
    char url[128];
    (void)snprintf(url, sizeof url, "https://localhost:%d/x", fake_http_port(server));
    ask_all(transfer, server, &seen, url, 0, 1);
    /* All of them arrive while none is answered, which takes a connection each. */
    ask_all(transfer, server, &seen, url, 1, MANY);
    for (size_t i = 0; i < 1 + MANY; i++) {
        assert_ended(&seen.items[i], PC_CODE_OK, "");
    }
    pc_transfer_free(transfer);
    collector_deinit(&seen);
    fake_http_free(server);
    fake_tls_deinit(&tls);
}

static void test_transfer__speaks_http_only(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 1);
    pc_transfer_request request = get(&own, LONG_MS);
    request.url = "file:///etc/hostname";
    const collected *item = run(&own, 0, &request);
    assert_int_not_equal(item->status.code, PC_CODE_OK);
    finish(&own);
}

static void test_transfer__recovers_after_the_server_was_killed(void **state)
{
    (void)state;
    fixture own;
    begin(&own, 4);
    int port = fake_http_port(own.server);
    fake_http_set(own.server, "/x", fake_text(200, "{}"));
    pc_transfer_request request = get(&own, LONG_MS);
    assert_ended(run(&own, 0, &request), PC_CODE_OK, "");
    fake_http_free(own.server);
    own.server = NULL;
    request = get(&own, LONG_MS);
    assert_ended(run(&own, 1, &request), PC_CODE_UNAVAILABLE, "UPSTREAM_UNREACHABLE");
    own.server = fake_http_new(port);
    fake_http_set(own.server, "/x", fake_text(200, "{\"again\":1}"));
    request = get(&own, LONG_MS);
    const collected *item = run(&own, 2, &request);
    assert_ended(item, PC_CODE_OK, "");
    assert_string_equal(item->body, "{\"again\":1}");
    /* And a kept connection that was closed meanwhile is replaced without a failure. */
    fake_http_free(own.server);
    own.server = fake_http_new(port);
    fake_http_set(own.server, "/x", fake_text(200, "{}"));
    request = get(&own, LONG_MS);
    assert_ended(run(&own, 3, &request), PC_CODE_OK, "");
    finish(&own);
}

static void test_transfer__serves_200_at_once(void **state)
{
    (void)state;
    enum { COUNT = 200, CONNECTIONS = 64 };
    fixture own;
    begin(&own, COUNT);
    fake_http_set(own.server, "/x", fake_text(200, "{\"n\":1}"));
    fake_http_hold(own.server, "/x");
    for (size_t i = 0; i < COUNT; i++) {
        pc_transfer_request request = get(&own, LONG_MS);
        pc_transfer_op_unref(start(&own, i, &request));
    }
    fake_http_wait_count(own.server, "/x", CONNECTIONS);
    assert_int_equal(collector_calls(&own.seen), 0);
    fake_http_release(own.server, "/x");
    collector_wait(&own.seen, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_ended(&own.seen.items[i], PC_CODE_OK, "");
        assert_string_equal(own.seen.items[i].body, "{\"n\":1}");
    }
    assert_int_equal(fake_http_count(own.server, "/x"), COUNT);
    assert_true(fake_http_connections(own.server) <= CONNECTIONS);
    finish(&own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transfer__brings_answer_and_headers),
        cmocka_unit_test(test_transfer__does_not_follow_redirects),
        cmocka_unit_test(test_transfer__refuses_header_injection),
        cmocka_unit_test(test_transfer__keeps_deadline_within_50_ms),
        cmocka_unit_test(test_transfer__ends_at_once_when_deadline_has_passed),
        cmocka_unit_test(test_transfer__cancel_comes_exactly_once),
        cmocka_unit_test(test_transfer__late_cancel_keeps_the_result),
        cmocka_unit_test(test_transfer__cancel_races_with_answer),
        cmocka_unit_test(test_transfer__free_cancels_all),
        cmocka_unit_test(test_transfer__caps_the_body),
        cmocka_unit_test(test_transfer__caps_header_bytes),
        cmocka_unit_test(test_transfer__inflates_gzip_but_not_a_bomb),
        cmocka_unit_test(test_transfer__names_bad_manners),
        cmocka_unit_test(test_transfer__tls_to_a_plain_port_fails),
        cmocka_unit_test(test_transfer__trusts_only_the_right_authority_and_name),
        cmocka_unit_test(test_transfer__has_more_connections_where_the_answers_are_http1),
        cmocka_unit_test(test_transfer__speaks_http_only),
        cmocka_unit_test(test_transfer__recovers_after_the_server_was_killed),
        cmocka_unit_test(test_transfer__serves_200_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
