/* Connections that are taken, refused and cut, and that a lack of descriptors passes. */
#include "check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "rpc/acceptor.h"

enum { TAKEN_MAX = 64, WAIT_MS = 10000 };

/* Who takes the connections, in the place of gRPC core. */
typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int taken[TAKEN_MAX];
    size_t count;
} taker;

static void take(void *self, int listener, int connection)
{
    (void)listener;
    taker *taker_ = self;
    pthread_mutex_lock(&taker_->lock);
    assert_true(taker_->count < TAKEN_MAX);
    taker_->taken[taker_->count++] = connection;
    pthread_cond_signal(&taker_->changed);
    pthread_mutex_unlock(&taker_->lock);
}

static void wait_taken(taker *taker_, size_t count)
{
    pthread_mutex_lock(&taker_->lock);
    while (taker_->count < count) {
        pthread_cond_wait(&taker_->changed, &taker_->lock);
    }
    pthread_mutex_unlock(&taker_->lock);
}

static void close_taken(taker *taker_)
{
    for (size_t i = 0; i < taker_->count; i++) {
        close(taker_->taken[i]);
    }
    taker_->count = 0;
}

static pc_acceptor *start(taker *taker_, const char *address, size_t most, size_t peer_most)
{
    *taker_ = (taker){.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    const pc_acceptor_options options = {.address = address,
                                         .connections_max = most,
                                         .peer_max = peer_most,
                                         .retire_grace_ms = 100,
                                         .take = take,
                                         .self = taker_};
    pc_acceptor *acceptor;
    check_ok(pc_acceptor_new(&acceptor, &options));
    check_ok(pc_acceptor_start(acceptor));
    return acceptor;
}

static int dial(const pc_acceptor *acceptor)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)pc_acceptor_port(acceptor))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Whether the other side closes the connection. */
static bool is_closed(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    char byte;
    return poll(&wait, 1, WAIT_MS) == 1 && recv(fd, &byte, 1, 0) <= 0;
}

static pc_acceptor_figures count(pc_acceptor *acceptor)
{
    pc_acceptor_figures figures;
    pc_acceptor_count(acceptor, &figures);
    return figures;
}

static void test_acceptor__more_than_the_most_are_closed_until_one_has_gone(void **state)
{
    (void)state;
    taker taken;
    pc_acceptor *acceptor = start(&taken, "127.0.0.1:0", 2, 0);
    int fds[3];
    for (size_t i = 0; i < 3; i++) {
        fds[i] = dial(acceptor);
    }
    wait_taken(&taken, 2);
    assert_true(is_closed(fds[2]));
    close(fds[2]);
    assert_int_equal(count(acceptor).open, 2);
    assert_int_equal(count(acceptor).refused_full, 1);

    close(taken.taken[0]);
    assert_int_equal(count(acceptor).open, 1);
    fds[2] = dial(acceptor);
    wait_taken(&taken, 3);
    taken.taken[0] = dup(fds[2]); /* something to close again */
    assert_int_equal(count(acceptor).accepted, 3);
    pc_acceptor_free(acceptor);
    close_taken(&taken);
    for (size_t i = 0; i < 3; i++) {
        close(fds[i]);
    }
}

static void test_acceptor__one_address_cannot_take_all(void **state)
{
    (void)state;
    taker taken;
    pc_acceptor *acceptor = start(&taken, "127.0.0.1:0", 10, 1);
    int first = dial(acceptor);
    wait_taken(&taken, 1);
    int second = dial(acceptor);
    assert_true(is_closed(second));
    assert_int_equal(count(acceptor).refused_peer, 1);
    assert_int_equal(count(acceptor).refused_full, 0);
    pc_acceptor_free(acceptor);
    close_taken(&taken);
    close(first);
    close(second);
}

/* From here on no descriptor can be had. The limit that was. */
static struct rlimit take_descriptors_away(void)
{
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    /* Not by dup: the acceptor's accept holds the lowest for a moment when there is nobody. */
    int lowest = 0;
    while (fcntl(lowest, F_GETFD) >= 0) {
        lowest++;
    }
    const struct rlimit none = {.rlim_cur = (rlim_t)lowest, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    return before;
}

static void test_acceptor__a_lack_of_descriptors_passes(void **state)
{
    (void)state;
    taker taken;
    pc_acceptor *acceptor = start(&taken, "127.0.0.1:0", 0, 0);
    int refused = dial(acceptor);
    wait_taken(&taken, 1);
    int next = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* that the caller needs */
    const struct rlimit before = take_descriptors_away();
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)pc_acceptor_port(acceptor))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(next, (const struct sockaddr *)&address, sizeof address), 0);
    assert_true(is_closed(next)); /* refused with the spare one */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);

    int served = dial(acceptor);
    wait_taken(&taken, 2);
    assert_int_equal(count(acceptor).refused_full, 1);
    pc_acceptor_free(acceptor);
    close_taken(&taken);
    close(refused);
    close(next);
    close(served);
}

static void test_acceptor__a_peer_is_cut_by_its_name(void **state)
{
    (void)state;
    taker taken;
    pc_acceptor *acceptor = start(&taken, "127.0.0.1:0", 0, 0);
    int fds[2] = {dial(acceptor), dial(acceptor)};
    wait_taken(&taken, 2);
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    assert_int_equal(getsockname(fds[0], (struct sockaddr *)&address, &size), 0);
    char name[64];
    (void)snprintf(name, sizeof name, "ipv4:127.0.0.1:%d", ntohs(address.sin_port));
    assert_true(pc_acceptor_cut(acceptor, name));
    assert_true(is_closed(fds[0]));
    assert_int_equal(send(fds[1], "x", 1, MSG_NOSIGNAL), 1);
    assert_int_equal(count(acceptor).cut, 1);

    const char *const unknown[] = {"",        "unix:",          "ipv4:127.0.0.1:1",
                                   "ipv4:",   "ipv4:127.0.0.1", "ipv6:%5B::1%5D:5",
                                   "ipv6::5", "ipv6:[::1]:5",   "ipv4:127.0.0.1:70000"};
    for (size_t i = 0; i < PC_COUNT_OF(unknown); i++) {
        assert_false(pc_acceptor_cut(acceptor, unknown[i]));
    }
    pc_acceptor_free(acceptor);
    close_taken(&taken);
    close(fds[0]);
    close(fds[1]);
}

static void test_acceptor__who_is_there_is_retired_and_who_comes_later_stays(void **state)
{
    (void)state;
    taker taken;
    pc_acceptor *acceptor = start(&taken, "127.0.0.1:0", 0, 0);
    pc_acceptor_retire(acceptor); /* nobody */
    int fds[3] = {dial(acceptor)};
    wait_taken(&taken, 1);
    pc_acceptor_retire(acceptor);
    fds[1] = dial(acceptor);
    wait_taken(&taken, 2);
    for (int i = 0; i < 10; i++) {
        pc_acceptor_retire(acceptor);
    }
    fds[2] = dial(acceptor);
    wait_taken(&taken, 3);
    assert_true(is_closed(fds[0]));
    assert_true(is_closed(fds[1]));
    assert_int_equal(send(fds[2], "x", 1, MSG_NOSIGNAL), 1);
    char byte;
    struct pollfd wait = {.fd = taken.taken[2], .events = POLLIN};
    assert_int_equal(poll(&wait, 1, WAIT_MS), 1);
    assert_int_equal(recv(taken.taken[2], &byte, 1, 0), 1);
    assert_int_equal(count(acceptor).retired, 2);
    pc_acceptor_free(acceptor);
    close_taken(&taken);
    for (size_t i = 0; i < PC_COUNT_OF(fds); i++) {
        close(fds[i]);
    }
}

static void test_acceptor__who_is_due_is_retired_when_there_are_descriptors_again(void **state)
{
    (void)state;
    taker taken;
    pc_acceptor *acceptor = start(&taken, "127.0.0.1:0", 0, 0);
    int fds[2] = {dial(acceptor), dial(acceptor)};
    wait_taken(&taken, 2);
    const struct rlimit before = take_descriptors_away();
    pc_acceptor_retire(acceptor);
    struct pollfd waits[2] = {{.fd = fds[0], .events = POLLIN}, {.fd = fds[1], .events = POLLIN}};
    assert_int_equal(poll(waits, 2, 300), 0); /* The time of grace passes. */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(is_closed(fds[0]));
    assert_true(is_closed(fds[1]));
    assert_int_equal(count(acceptor).retired, 2);
    pc_acceptor_free(acceptor);
    close_taken(&taken);
    close(fds[0]);
    close(fds[1]);
}

static void test_acceptor__a_socket_that_was_left_behind_is_replaced(void **state)
{
    (void)state;
    char folder[] = "/tmp/pc-acceptor-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char address[64];
    (void)snprintf(address, sizeof address, "unix:%s/door", folder);
    const char *path = address + 5;
    struct sockaddr_un left = {.sun_family = AF_UNIX};
    (void)snprintf(left.sun_path, sizeof left.sun_path, "%s", path);
    int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(dead, (const struct sockaddr *)&left, sizeof left), 0);
    close(dead);

    taker taken;
    pc_acceptor *acceptor = start(&taken, address, 0, 1);
    int fds[2];
    for (size_t i = 0; i < 2; i++) { /* the bound for one address is not for these */
        fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(fds[i], (const struct sockaddr *)&left, sizeof left), 0);
    }
    wait_taken(&taken, 2);
    pc_acceptor_free(acceptor);
    struct stat found;
    assert_int_equal(stat(path, &found), -1);
    close_taken(&taken);
    close(fds[0]);
    close(fds[1]);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_acceptor__more_than_the_most_are_closed_until_one_has_gone),
        cmocka_unit_test(test_acceptor__one_address_cannot_take_all),
        cmocka_unit_test(test_acceptor__a_lack_of_descriptors_passes),
        cmocka_unit_test(test_acceptor__a_peer_is_cut_by_its_name),
        cmocka_unit_test(test_acceptor__who_is_there_is_retired_and_who_comes_later_stays),
        cmocka_unit_test(test_acceptor__who_is_due_is_retired_when_there_are_descriptors_again),
        cmocka_unit_test(test_acceptor__a_socket_that_was_left_behind_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
