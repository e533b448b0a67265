/* JSON of protocol buffers to wire bytes, with what core writes of a socket. */
#include "check.h"

#include <string.h>

#include "channelz/message_json.h"
#include "grpc/channelz/v1/channelz.pb-c.h"

typedef Grpc__Channelz__V1__GetSocketResponse response;

static response *read_json(const char *json)
{
    pc_buffer out;
    pc_json_reader reader;
    pc_buffer_init(&out, 1 << 16);
    pc_json_reader_init(&reader, (const uint8_t *)json, strlen(json), 0);
    bool good =
        pc_message_json_put(&out, &grpc__channelz__v1__get_socket_response__descriptor, &reader);
    response *got =
        good ? grpc__channelz__v1__get_socket_response__unpack(NULL, out.size, out.bytes) : NULL;
    pc_buffer_deinit(&out);
    return got;
}

static void test_message_json__every_kind_of_field_arrives(void **state)
{
    (void)state;
    response *got = read_json(
        "{\"socket\":{\"ref\":{\"socketId\":\"12\",\"name\":\"a\\u00e9\"},\"unknown\":[{}],"
        "\"data\":{\"streamsStarted\":\"7\",\"messagesSent\":9,"
        "\"lastMessageSentTimestamp\":\"2026-01-02T03:04:05.000000006Z\","
        "\"localFlowControlWindow\":{\"value\":\"65535\"},\"remoteFlowControlWindow\":\"5\","
        "\"option\":[{\"name\":\"x\",\"value\":\"y\",\"additional\":{\"@type\":\"t\"}},"
        "{\"name\":\"z\"}]},"
        "\"local\":{\"tcpip_address\":{\"ip_address\":\"fwAAAQ==\",\"port\":50051}},"
        "\"security\":null}}");
    assert_non_null(got);
    const Grpc__Channelz__V1__Socket *socket = got->socket;
    assert_int_equal(socket->ref->socket_id, 12);
    assert_string_equal(socket->ref->name, "a\xc3\xa9");
    assert_int_equal(socket->data->streams_started, 7);
    assert_int_equal(socket->data->messages_sent, 9);
    assert_int_equal(socket->data->last_message_sent_timestamp->seconds, 1767323045);
    assert_int_equal(socket->data->last_message_sent_timestamp->nanos, 6);
    assert_int_equal(socket->data->local_flow_control_window->value, 65535);
    assert_int_equal(socket->data->remote_flow_control_window->value, 5);
    assert_int_equal(socket->data->n_option, 2);
    assert_string_equal(socket->data->option[1]->name, "z");
    assert_int_equal(socket->local->tcpip_address->ip_address.len, 4);
    assert_memory_equal(socket->local->tcpip_address->ip_address.data, "\x7f\0\0\1", 4);
    assert_int_equal(socket->local->tcpip_address->port, 50051);
    assert_null(socket->security);
    grpc__channelz__v1__get_socket_response__free_unpacked(got, NULL);
}

static void test_message_json__what_does_not_fit_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "[]",
        "{\"socket\":[]}",
        "{\"socket\":{\"ref\":{\"socketId\":\"12x\"}}}",
        "{\"socket\":{\"ref\":{\"socketId\":\"99999999999999999999\"}}}",
        "{\"socket\":{\"data\":{\"lastMessageSentTimestamp\":\"now\"}}}",
        "{\"socket\":{\"local\":{\"tcpip_address\":{\"ip_address\":\"fw=A*\",\"port\":\"x\"}}}}",
        "{\"socket\":{",
    };
    for (size_t i = 0; i < PC_COUNT_OF(bad); i++) {
        if (read_json(bad[i]) != NULL) {
            fail_msg("taken: %s", bad[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message_json__every_kind_of_field_arrives),
        cmocka_unit_test(test_message_json__what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
