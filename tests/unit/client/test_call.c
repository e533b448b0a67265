/* Calls to a server that accepts connections and never says a word. */
#include "testing.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "profilecontext/client.h"

typedef struct {
    int listener;
    profilecontext_client *client;
} silent_server;

static int set_up(void **state)
{
    static silent_server server;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    server.listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(server.listener, (const struct sockaddr *)&address, size) != 0 ||
        listen(server.listener, 8) != 0 ||
        getsockname(server.listener, (struct sockaddr *)&address, &size) != 0) {
        return -1;
    }
    char target[64];
    snprintf(target, sizeof target, "ipv4:127.0.0.1:%u", ntohs(address.sin_port));
    profilecontext_options where = {.target = target};
    *state = &server;
    return profilecontext_client_new(&server.client, &where, NULL) == PROFILECONTEXT_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    silent_server *server = *state;
    profilecontext_client_free(server->client);
    close(server->listener);
    return 0;
}

static profilecontext_code call(const silent_server *server, const profilecontext_call_options *how)
{
    Profilecontext__V1__GetProfileRequest request = PROFILECONTEXT__V1__GET_PROFILE_REQUEST__INIT;
    Profilecontext__V1__GetProfileResponse *response = NULL;
    profilecontext_status status = PROFILECONTEXT_STATUS_INIT;
    profilecontext_code code =
        profilecontext_get_profile(&response, server->client, &request, how, &status);
    assert_null(response);
    assert_int_equal(code, status.code);
    assert_non_null(status.message);
    profilecontext_status_clear(&status);
    return code;
}

static void call_ends_at_its_deadline(void **state)
{
    profilecontext_call_options how = {.deadline_ms = 50, .request_id = "req-1"};
    assert_int_equal(call(*state, &how), PROFILECONTEXT_DEADLINE_EXCEEDED);
}

static void *cancel(void *cancellation)
{
    profilecontext_cancel(cancellation);
    return NULL;
}

static void call_is_cancelled_from_another_thread(void **state)
{
    profilecontext_cancellation *cancellation = profilecontext_cancellation_new();
    profilecontext_call_options how = {.deadline_ms = -1, .cancellation = cancellation};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, cancel, cancellation), 0);
    /* Whether the thread is sooner or later than the call, the call has no other end. */
    assert_int_equal(call(*state, &how), PROFILECONTEXT_CANCELLED);
    pthread_join(thread, NULL);
    assert_int_equal(call(*state, &how), PROFILECONTEXT_CANCELLED);
    profilecontext_cancellation_free(cancellation);
}

static profilecontext_stream *open_stream(const silent_server *server,
                                          const profilecontext_call_options *how)
{
    Profilecontext__V1__StreamEventsRequest request =
        PROFILECONTEXT__V1__STREAM_EVENTS_REQUEST__INIT;
    profilecontext_stream *stream = NULL;
    profilecontext_status status = PROFILECONTEXT_STATUS_INIT;
    assert_int_equal(profilecontext_stream_events(&stream, server->client, &request, how, &status),
                     PROFILECONTEXT_OK);
    assert_non_null(stream);
    return stream;
}

static void check_next(profilecontext_stream *stream, profilecontext_code expected)
{
    Profilecontext__V1__StreamEventsResponse *page = NULL;
    profilecontext_status status = PROFILECONTEXT_STATUS_INIT;
    assert_int_equal(profilecontext_stream_events_next(&page, stream, &status), expected);
    assert_null(page);
    assert_int_equal(status.code, expected);
    assert_non_null(status.message);
    profilecontext_status_clear(&status);
}

static void stream_fails_at_its_deadline_and_ever_after(void **state)
{
    profilecontext_cost cost = {7, 7, 7};
    profilecontext_call_options how = {.deadline_ms = 50, .cost = &cost};
    profilecontext_stream *stream = open_stream(*state, &how);
    check_next(stream, PROFILECONTEXT_DEADLINE_EXCEEDED);
    check_next(stream, PROFILECONTEXT_DEADLINE_EXCEEDED);
    profilecontext_stream_free(stream);
    assert_int_equal(cost.upstream_calls, -1);
    profilecontext_stream_free(NULL);
}

static void stream_is_cancelled_from_another_thread(void **state)
{
    profilecontext_cancellation *cancellation = profilecontext_cancellation_new();
    profilecontext_call_options how = {.cancellation = cancellation};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, cancel, cancellation), 0);
    profilecontext_stream *stream = open_stream(*state, &how);
    check_next(stream, PROFILECONTEXT_CANCELLED);
    pthread_join(thread, NULL);
    profilecontext_stream_free(stream);
    profilecontext_cancellation_free(cancellation);
}

static void stream_of_other_messages_is_refused(void **state)
{
    profilecontext_call_options how = {.deadline_ms = 50};
    profilecontext_stream *stream = open_stream(*state, &how);
    Profilecontext__V1__BatchGetContextsResponse *answer = NULL;
    assert_int_equal(profilecontext_batch_get_contexts_next(&answer, stream, NULL),
                     PROFILECONTEXT_INVALID_ARGUMENT);
    assert_null(answer);
    profilecontext_stream_free(stream);
}

static void metadata_that_cannot_be_sent_is_refused(void **state)
{
    profilecontext_call_options how = {.request_id = "line\nbreak"};
    assert_int_equal(call(*state, &how), PROFILECONTEXT_INVALID_ARGUMENT);
    const profilecontext_metadata pair = {"Upper", "case"};
    profilecontext_call_options other = {.metadata = &pair, .metadata_count = 1};
    assert_int_equal(call(*state, &other), PROFILECONTEXT_INVALID_ARGUMENT);
}

static void options_that_cannot_be_are_refused(void **state)
{
    (void)state;
    const profilecontext_options cases[] = {
        {.target = NULL},
        {.target = ""},
        {.target = "a:1", .tls = true, .cert_file = "only-this"},
        {.target = "a:1", .ca_file = "/dev/null"},
        {.target = "a:1", .tls = true, .ca_file = "/nowhere/ca.pem"},
        {.target = "a:1", .max_message_bytes = (size_t)1 << 40},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        profilecontext_client *client = NULL;
        profilecontext_status status = PROFILECONTEXT_STATUS_INIT;
        assert_int_equal(profilecontext_client_new(&client, &cases[i], &status),
                         PROFILECONTEXT_INVALID_ARGUMENT);
        assert_null(client);
        assert_non_null(status.message);
        profilecontext_status_clear(&status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(call_ends_at_its_deadline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(call_is_cancelled_from_another_thread, set_up, tear_down),
        cmocka_unit_test_setup_teardown(metadata_that_cannot_be_sent_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stream_fails_at_its_deadline_and_ever_after, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(stream_is_cancelled_from_another_thread, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stream_of_other_messages_is_refused, set_up, tear_down),
        cmocka_unit_test(options_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
