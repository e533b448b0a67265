/* The pulse of servers that answer, are slow, and are dead. The server is the test. */
#include "check.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "door/pulse.h"
#include "util/listener.h"

enum { PREFACE = 24, HEAD = 9, SETTINGS = 4, PING = 6, GOAWAY = 7, ACK = 1 };

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int ends[16]; /* of the server, one for each connection */
    size_t connections;
    bool refuses;     /* whoever connects inside */
    int64_t delay_ns; /* the last, or -1 */
    int answers;
    int beats;
    int failures; /* the last, or -1 */
} watched;

static int connect_inside(void *self)
{
    watched *w = self;
    int ends[2];
    if (w->refuses) {
        return -1;
    }
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    pthread_mutex_lock(&w->lock);
    w->ends[w->connections++] = ends[1];
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    return ends[0];
}

static void on_delay(void *self, int64_t delay_ns, bool answered)
{
    watched *w = self;
    pthread_mutex_lock(&w->lock);
    w->delay_ns = delay_ns;
    w->answers += answered;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

static void on_beat(void *self)
{
    watched *w = self;
    pthread_mutex_lock(&w->lock);
    w->beats++;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

static void on_probing(void *self, int connection)
{
    (void)self;
    struct sockaddr_storage end;
    socklen_t size = sizeof end;
    assert_int_equal(getsockname(connection, (struct sockaddr *)&end, &size), 0);
}

static void on_probe(void *self, int failures)
{
    watched *w = self;
    pthread_mutex_lock(&w->lock);
    w->failures = failures;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

static pc_pulse *start_with(watched *w, const char *address, int64_t probe_interval, bool refuses)
{
    *w = (watched){.lock = PTHREAD_MUTEX_INITIALIZER,
                   .changed = PTHREAD_COND_INITIALIZER,
                   .refuses = refuses,
                   .delay_ns = -1,
                   .failures = -1};
    const pc_pulse_options options = {.address = address,
                                      .probe_interval_ms = probe_interval,
                                      .probe_timeout_ms = 100,
                                      .connect = connect_inside,
                                      .on_delay = on_delay,
                                      .on_beat = on_beat,
                                      .on_probing = on_probing,
                                      .on_probe = on_probe,
                                      .self = w};
    pc_pulse *pulse;
    check_ok(pc_pulse_new(&pulse, &options));
    return pulse;
}

static pc_pulse *start(watched *w, const char *address, int64_t probe_interval)
{
    return start_with(w, address, probe_interval, false);
}

static void stop(pc_pulse *pulse, watched *w)
{
    pc_pulse_free(pulse);
    for (size_t i = 0; i < w->connections; i++) {
        close(w->ends[i]);
    }
}

static int wait_connection(watched *w, size_t number)
{
    pthread_mutex_lock(&w->lock);
    while (w->connections < number) {
        pthread_cond_wait(&w->changed, &w->lock);
    }
    int end = w->ends[number - 1];
    pthread_mutex_unlock(&w->lock);
    return end;
}

static void read_all(int fd, uint8_t *out, size_t size)
{
    for (size_t got = 0; got < size;) {
        ssize_t n = read(fd, out + got, size - got);
        assert_true(n > 0);
        got += (size_t)n;
    }
}

static void greet(int fd)
{
    uint8_t hello[PREFACE];
    read_all(fd, hello, sizeof hello);
    assert_memory_equal(hello, "PRI * HTTP/2.0", 14);
}

static void answer(int fd)
{
    static const uint8_t ack[HEAD] = {[3] = SETTINGS, [4] = ACK};
    uint8_t frame[HEAD];
    read_all(fd, frame, sizeof frame);
    assert_int_equal(frame[3], SETTINGS);
    assert_int_equal(write(fd, ack, sizeof ack), HEAD);
}

static void wait_delay(watched *w, int64_t least_ns, int answers)
{
    pthread_mutex_lock(&w->lock);
    while (w->delay_ns < least_ns || w->answers < answers) {
        pthread_cond_wait(&w->changed, &w->lock);
    }
    pthread_mutex_unlock(&w->lock);
}

static void test_pulse__an_answer_is_timed(void **state)
{
    (void)state;
    watched w;
    pc_pulse *pulse = start(&w, "127.0.0.1:1", 0);
    int fd = wait_connection(&w, 1);
    greet(fd);
    answer(fd);
    wait_delay(&w, 0, 1);
    answer(fd); /* and the next comes */
    wait_delay(&w, 0, 2);
    stop(pulse, &w);
}

static void test_pulse__a_missing_answer_is_a_delay_that_grows(void **state)
{
    (void)state;
    watched w;
    pc_pulse *pulse = start(&w, "127.0.0.1:1", 0);
    greet(wait_connection(&w, 1));
    wait_delay(&w, 3 * PC_PULSE_INTERVAL_MS * INT64_C(1000000), 0);
    assert_int_equal(w.answers, 0);
    stop(pulse, &w);
}

static void test_pulse__without_a_connection_it_beats_and_knows_of_no_delay(void **state)
{
    (void)state;
    watched w;
    pc_pulse *pulse = start_with(&w, "127.0.0.1:1", 0, true);
    pthread_mutex_lock(&w.lock);
    while (w.beats < 2) {
        pthread_cond_wait(&w.changed, &w.lock);
    }
    assert_int_equal(w.delay_ns, 0);
    assert_true(w.answers >= 2);
    pthread_mutex_unlock(&w.lock);
    stop(pulse, &w);
}

static void test_pulse__settings_and_pings_are_answered_and_a_goodbye_is_taken(void **state)
{
    (void)state;
    static const uint8_t settings[HEAD + 6] = {[2] = 6, [3] = SETTINGS, [10] = 4, [14] = 9};
    static const uint8_t ping[HEAD + 8] = {[2] = 8, [3] = PING, [9] = 1, 2, 3, 4, 5, 6, 7, 8};
    static const uint8_t goodbye[HEAD + 8] = {[2] = 8, [3] = GOAWAY};
    watched w;
    pc_pulse *pulse = start(&w, "127.0.0.1:1", 0);
    int fd = wait_connection(&w, 1);
    greet(fd);
    answer(fd);
    assert_int_equal(write(fd, settings, sizeof settings), sizeof settings);
    assert_int_equal(write(fd, ping, sizeof ping), sizeof ping);
    bool has_ack = false;
    bool has_pong = false;
    while (!has_ack || !has_pong) {
        uint8_t frame[HEAD + 8];
        read_all(fd, frame, HEAD);
        read_all(fd, frame + HEAD, frame[2]);
        has_ack = has_ack || (frame[3] == SETTINGS && frame[4] == ACK);
        if (frame[3] == PING) {
            assert_int_equal(frame[4], ACK);
            assert_memory_equal(frame + HEAD, ping + HEAD, 8);
            has_pong = true;
        }
    }
    assert_int_equal(write(fd, goodbye, sizeof goodbye), sizeof goodbye);
    greet(wait_connection(&w, 2));
    stop(pulse, &w);
}

static void test_pulse__nonsense_from_the_server_is_hung_up_on(void **state)
{
    (void)state;
    static const uint8_t huge[HEAD] = {0xff, 0xff, 0xff};
    watched w;
    pc_pulse *pulse = start(&w, "127.0.0.1:1", 0);
    int fd = wait_connection(&w, 1);
    greet(fd);
    assert_int_equal(write(fd, huge, sizeof huge), HEAD);
    greet(wait_connection(&w, 2));
    stop(pulse, &w);
}

static void wait_failures(watched *w, int least, int most)
{
    pthread_mutex_lock(&w->lock);
    while (w->failures < least || w->failures > most) {
        pthread_cond_wait(&w->changed, &w->lock);
    }
    pthread_mutex_unlock(&w->lock);
}

static void test_pulse__a_port_that_nobody_answers_on_is_found_dead(void **state)
{
    (void)state;
    int listener;
    char address[64];
    check_ok(pc_listener_open(&listener, "127.0.0.1:0", "--x"));
    (void)snprintf(address, sizeof address, "127.0.0.1:%d", pc_listener_port(listener));
    watched w;
    pc_pulse *pulse = start(&w, address, 10);
    wait_failures(&w, 2, 1000); /* connected, as the system has it, but not served */
    close(listener);
    wait_failures(&w, 4, 1000); /* refused */
    stop(pulse, &w);
}

static void *serve_probes(void *argument)
{
    int listener = *(int *)argument;
    for (int served = 0; served < 3;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            char byte;
            assert_int_equal(write(fd, "hello", 5), 5); /* is no answer yet */
            assert_int_equal(read(fd, &byte, 1), 0);
            close(fd);
            served++;
        }
    }
    return NULL;
}

static void test_pulse__a_port_that_is_served_is_alive(void **state)
{
    (void)state;
    int listener;
    char address[64];
    pthread_t thread;
    check_ok(pc_listener_open(&listener, "127.0.0.1:0", "--x"));
    (void)snprintf(address, sizeof address, "127.0.0.1:%d", pc_listener_port(listener));
    assert_int_equal(pthread_create(&thread, NULL, serve_probes, &listener), 0);
    watched w;
    pc_pulse *pulse = start(&w, address, 10);
    wait_failures(&w, 0, 0);
    pthread_join(thread, NULL);
    stop(pulse, &w);
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pulse__an_answer_is_timed),
        cmocka_unit_test(test_pulse__a_missing_answer_is_a_delay_that_grows),
        cmocka_unit_test(test_pulse__without_a_connection_it_beats_and_knows_of_no_delay),
        cmocka_unit_test(test_pulse__settings_and_pings_are_answered_and_a_goodbye_is_taken),
        cmocka_unit_test(test_pulse__nonsense_from_the_server_is_hung_up_on),
        cmocka_unit_test(test_pulse__a_port_that_nobody_answers_on_is_found_dead),
        cmocka_unit_test(test_pulse__a_port_that_is_served_is_alive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
