/* What a supervisor is told, and of whom it is not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "check.h"
#include "util/supervisor.h"

/* An abstract name, so that nothing has to be cleaned up. */
static int listen_as_supervisor(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char name[64];
    (void)snprintf(name, sizeof name, "@supervisor-test-%d", (int)getpid());
    memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, size), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    return fd;
}

static const char *receive(int fd)
{
    static char lines[256];
    ssize_t length = recv(fd, lines, sizeof lines - 1, MSG_DONTWAIT);
    lines[length < 0 ? 0 : length] = '\0';
    return lines;
}

static void without_a_supervisor_nothing_is_told(void **unused)
{
    (void)unused;
    static const char *const bad[] = {NULL, "", "@", "/", "relative", "/no/such/socket"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        unsetenv("NOTIFY_SOCKET");
        if (bad[i] != NULL) {
            setenv("NOTIFY_SOCKET", bad[i], 1);
        }
        setenv("WATCHDOG_USEC", "1000000", 1);
        pc_supervisor supervisor;
        pc_supervisor_open(&supervisor);
        assert_false(pc_supervisor_tell(&supervisor, "READY=1"));
        assert_int_equal(supervisor.watchdog_ms, 0);
        pc_supervisor_close(&supervisor);
    }
}

static void a_name_that_is_too_long_is_refused(void **unused)
{
    (void)unused;
    char name[300];
    memset(name, 'x', sizeof name - 1);
    name[0] = '/';
    name[sizeof name - 1] = '\0';
    setenv("NOTIFY_SOCKET", name, 1);
    pc_supervisor supervisor;
    pc_supervisor_open(&supervisor);
    assert_int_equal(supervisor.socket, -1);
    pc_supervisor_close(&supervisor);
}

static void lines_reach_the_supervisor_and_children_cannot_speak_for_us(void **unused)
{
    (void)unused;
    int fd = listen_as_supervisor();
    setenv("WATCHDOG_USEC", "3000000", 1);
    unsetenv("WATCHDOG_PID");
    pc_supervisor supervisor;
    pc_supervisor_open(&supervisor);
    assert_int_equal(supervisor.watchdog_ms, 3000);
    assert_null(getenv("NOTIFY_SOCKET"));
    assert_null(getenv("WATCHDOG_USEC"));
    assert_true(pc_supervisor_tell(&supervisor, "READY=1\nSTATUS=serving"));
    assert_string_equal(receive(fd), "READY=1\nSTATUS=serving");
    assert_true(pc_supervisor_tell_reloading(&supervisor));
    const char *lines = receive(fd);
    assert_non_null(strstr(lines, "RELOADING=1\nMONOTONIC_USEC="));
    assert_true(strtoll(strstr(lines, "USEC=") + 5, NULL, 10) > 0);
    close(fd);
    assert_false(pc_supervisor_tell(&supervisor, "STOPPING=1"));
    pc_supervisor_close(&supervisor);
}

static void a_watchdog_of_another_process_is_not_ours(void **unused)
{
    (void)unused;
    int fd = listen_as_supervisor();
    setenv("WATCHDOG_USEC", "3000000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    pc_supervisor supervisor;
    pc_supervisor_open(&supervisor);
    assert_true(supervisor.socket >= 0);
    assert_int_equal(supervisor.watchdog_ms, 0);
    pc_supervisor_close(&supervisor);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_supervisor_nothing_is_told),
        cmocka_unit_test(a_name_that_is_too_long_is_refused),
        cmocka_unit_test(lines_reach_the_supervisor_and_children_cannot_speak_for_us),
        cmocka_unit_test(a_watchdog_of_another_process_is_not_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
