/* The operator port, asked over real sockets. */
#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "operator/operator.h"

enum { ANSWER_BYTES_MAX = 64 * 1024, PATIENCE_S = 10, HEAD_BYTES = 100000 };

static const char content_type[] = "text/plain; version=0.0.4";

static void write_short(void *self, pc_buffer *out)
{
    pc_buffer_append_text(out, self);
}

static void write_without_end(void *self, pc_buffer *out)
{
    while (!out->failed) {
        pc_buffer_append_text(out, self);
    }
}

static pc_operator *start(void (*write)(void *self, pc_buffer *out))
{
    static char page[] = "some_metric 1\n";
    static pc_operator_page pages[] = {{"/metrics", content_type, NULL}};
    const pc_operator_options options = {"127.0.0.1:0", pages, 1, page};
    pages[0].write = write;
    pc_operator *server;
    check_ok(pc_operator_new(&server, &options));
    assert_true(pc_operator_port(server) > 0);
    return server;
}

/* A connection from 127.0.0.`host`. */
static int connect_from(const pc_operator *server, int host)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in from = {.sin_family = AF_INET};
    struct sockaddr_in to = {.sin_family = AF_INET};
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + (uint32_t)host);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((uint16_t)pc_operator_port(server));
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    size_t size = strlen(text);
    while (size > 0) {
        ssize_t sent = send(fd, text, size, MSG_NOSIGNAL);
        if (sent <= 0) {
            return; /* Who is refused in the middle sees it in the answer. */
        }
        text += sent;
        size -= (size_t)sent;
    }
}

/* What comes until `end` has, or the connection ends. */
static const char *hear(int fd, const char *end)
{
    static char answer[ANSWER_BYTES_MAX];
    size_t size = 0;
    answer[0] = '\0';
    while (end == NULL || strstr(answer, end) == NULL) {
        ssize_t got = recv(fd, answer + size, sizeof answer - 1 - size, 0);
        if (got <= 0) {
            break;
        }
        size += (size_t)got;
        answer[size] = '\0';
    }
    return answer;
}

/* The whole answer to a request of this method on a connection of its own. */
static const char *ask_as(const pc_operator *server, int host, const char *method, const char *path)
{
    char request[256];
    (void)snprintf(request, sizeof request,
                   "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", method, path);
    int fd = connect_from(server, host);
    say(fd, request);
    const char *answer = hear(fd, NULL);
    close(fd);
    return answer;
}

static const char *ask(const pc_operator *server, const char *path)
{
    return ask_as(server, 1, "GET", path);
}

static void check_begins(const char *text, const char *start)
{
    if (strncmp(text, start, strlen(start)) != 0) {
        fail_msg("does not begin with %s: %s", start, text);
    }
}

static void check_ends(const char *text, const char *end)
{
    size_t size = strlen(text);
    size_t end_size = strlen(end);
    if (size < end_size || strcmp(text + size - end_size, end) != 0) {
        fail_msg("does not end with %s: %s", end, text);
    }
}

static void test_operator__the_page_is_what_was_written(void **state)
{
    (void)state;
    pc_operator *server = start(write_short);
    pc_operator_set_state(server, PC_OPERATOR_READY);
    const char *answer = ask(server, "/metrics?name=x");
    check_begins(answer, "HTTP/1.1 200 ");
    assert_non_null(strstr(answer, "\r\nContent-Type: text/plain; version=0.0.4\r\n"));
    assert_non_null(strstr(answer, "\r\nContent-Length: 14\r\n"));
    check_ends(answer, "\r\n\r\nsome_metric 1\n");
    pc_operator_free(server);
}

static void test_operator__readiness_follows_the_state_and_health_does_not(void **state)
{
    (void)state;
    static const struct {
        pc_operator_state state;
        const char *ready;
        const char *word;
        const char *metrics;
    } steps[] = {
        {PC_OPERATOR_STARTING, "HTTP/1.1 503 ", "\r\n\r\nstarting\n", "HTTP/1.1 503 "},
        {PC_OPERATOR_READY, "HTTP/1.1 200 ", "\r\n\r\nready\n", "HTTP/1.1 200 "},
        {PC_OPERATOR_DRAINING, "HTTP/1.1 503 ", "\r\n\r\ndraining\n", "HTTP/1.1 200 "},
    };
    pc_operator *server = start(write_short);
    for (size_t i = 0; i < PC_COUNT_OF(steps); i++) {
        if (i > 0) { /* it begins by itself as starting */
            pc_operator_set_state(server, steps[i].state);
        }
        check_begins(ask(server, "/readyz"), steps[i].ready);
        check_ends(ask(server, "/readyz"), steps[i].word);
        check_begins(ask(server, "/metrics"), steps[i].metrics);
        check_begins(ask(server, "/healthz"), "HTTP/1.1 200 ");
    }
    pc_operator_free(server);
}

static void test_operator__head_is_an_answer_without_its_body(void **state)
{
    (void)state;
    pc_operator *server = start(write_short);
    pc_operator_set_state(server, PC_OPERATOR_READY);
    const char *answer = ask_as(server, 1, "HEAD", "/metrics");
    check_begins(answer, "HTTP/1.1 200 ");
    assert_non_null(strstr(answer, "\r\nContent-Length: 14\r\n"));
    check_ends(answer, "\r\n\r\n");
    pc_operator_free(server);
}

static void test_operator__other_paths_and_methods_are_refused(void **state)
{
    (void)state;
    pc_operator *server = start(write_short);
    const char *const paths[] = {
        "//", "/status/", "/metrics/", "/metricsx", "/..", "/healthz/../metrics", "*"};
    for (size_t i = 0; i < PC_COUNT_OF(paths); i++) {
        check_begins(ask(server, paths[i]), "HTTP/1.1 404 ");
    }
    const char *const methods[] = {"POST", "PUT", "DELETE", "OPTIONS", "get"};
    for (size_t i = 0; i < PC_COUNT_OF(methods); i++) {
        const char *answer = ask_as(server, 1, methods[i], "/healthz");
        check_begins(answer, "HTTP/1.1 405 ");
        assert_non_null(strstr(answer, "\r\nAllow: GET, HEAD\r\n"));
    }
    pc_operator_free(server);
}

static void test_operator__the_status_page_is_there_from_the_start(void **state)
{
    (void)state;
    pc_operator *server = start(write_short);
    const char *const paths[] = {"/", "/status"};
    for (size_t i = 0; i < PC_COUNT_OF(paths); i++) {
        const char *answer = ask(server, paths[i]);
        check_begins(answer, "HTTP/1.1 200 ");
        assert_non_null(strstr(answer, "\r\nContent-Type: text/html; charset=utf-8\r\n"));
        assert_non_null(strstr(answer, "\r\nContent-Security-Policy: default-src 'none'; "));
        check_ends(answer, "</html>\n");
    }
    pc_operator_free(server);
}

static void test_operator__a_body_is_not_waited_for(void **state)
{
    (void)state;
    pc_operator *server = start(write_short);
    int fd = connect_from(server, 1);
    say(fd, "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nbegin");
    check_begins(hear(fd, "HEAD\n"), "HTTP/1.1 405 ");
    close(fd);
    pc_operator_free(server);
}

static void test_operator__a_connection_serves_many_questions(void **state)
{
    (void)state;
    pc_operator *server = start(write_short);
    int fd = connect_from(server, 1);
    for (int i = 0; i < 3; i++) {
        say(fd, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        check_ends(hear(fd, "alive\n"), "\r\n\r\nalive\n");
    }
    close(fd);
    pc_operator_free(server);
}

static void test_operator__a_page_that_is_too_large_is_a_failure(void **state)
{
    (void)state;
    pc_operator *server = start(write_without_end);
    pc_operator_set_state(server, PC_OPERATOR_READY);
    check_begins(ask(server, "/metrics"), "HTTP/1.1 500 ");
    check_begins(ask(server, "/healthz"), "HTTP/1.1 200 ");
    pc_operator_free(server);
}

static void test_operator__a_head_without_end_is_refused(void **state)
{
    (void)state;
    pc_operator *server = start(write_short);
    char *head = calloc(1, HEAD_BYTES + 1);
    memset(head, 'x', HEAD_BYTES);
    memcpy(head, "GET /healthz HTTP/1.1\r\nX: ", 26);
    int fd = connect_from(server, 1);
    say(fd, head);
    const char *answer = hear(fd, NULL);
    assert_true(answer[0] == '\0' || strncmp(answer, "HTTP/1.1 4", 10) == 0);
    close(fd);
    free(head);
    check_begins(ask(server, "/healthz"), "HTTP/1.1 200 ");
    pc_operator_free(server);
}

static void test_operator__a_host_that_stands_still_leaves_room_for_others(void **state)
{
    (void)state;
    enum { STANDING = 40 };
    pc_operator *server = start(write_short);
    int standing[STANDING];
    for (int i = 0; i < STANDING; i++) {
        standing[i] = connect_from(server, 1);
        say(standing[i], "GET /healthz HTTP/1.1\r\n");
    }
    check_begins(ask_as(server, 2, "GET", "/healthz"), "HTTP/1.1 200 ");
    for (int i = 0; i < STANDING; i++) {
        close(standing[i]);
    }
    pc_operator_free(server);
}

static void test_operator__a_taken_port_names_the_flag_to_change(void **state)
{
    (void)state;
    pc_operator *first = start(write_short);
    char address[32];
    (void)snprintf(address, sizeof address, "127.0.0.1:%d", pc_operator_port(first));
    const pc_operator_options options = {.address = address};
    pc_operator *second;
    pc_status status = pc_operator_new(&second, &options);
    assert_null(second);
    assert_non_null(strstr(pc_status_message(&status), "--operator-address"));
    check_failure(status, PC_CODE_FAILED_PRECONDITION, "ADDRESS_IN_USE");
    pc_operator_free(first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operator__the_page_is_what_was_written),
        cmocka_unit_test(test_operator__readiness_follows_the_state_and_health_does_not),
        cmocka_unit_test(test_operator__head_is_an_answer_without_its_body),
        cmocka_unit_test(test_operator__other_paths_and_methods_are_refused),
        cmocka_unit_test(test_operator__the_status_page_is_there_from_the_start),
        cmocka_unit_test(test_operator__a_body_is_not_waited_for),
        cmocka_unit_test(test_operator__a_connection_serves_many_questions),
        cmocka_unit_test(test_operator__a_page_that_is_too_large_is_a_failure),
        cmocka_unit_test(test_operator__a_head_without_end_is_refused),
        cmocka_unit_test(test_operator__a_host_that_stands_still_leaves_room_for_others),
        cmocka_unit_test(test_operator__a_taken_port_names_the_flag_to_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
