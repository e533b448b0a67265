/* Listening on an address of the operator's, and what is said when that cannot be. */
#include "check.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/listener.h"

static void test_listener__a_free_port_is_found_and_told(void **state)
{
    (void)state;
    int listener;
    check_ok(pc_listener_open(&listener, "127.0.0.1:0", "--x"));
    assert_true(pc_listener_port(listener) > 0);
    assert_true((fcntl(listener, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(listener, F_GETFD) & FD_CLOEXEC) != 0);
    close(listener);
}

static void test_listener__a_taken_port_names_the_flag_to_change(void **state)
{
    (void)state;
    int first;
    int second;
    char address[32];
    check_ok(pc_listener_open(&first, "127.0.0.1:0", "--x"));
    (void)snprintf(address, sizeof address, "127.0.0.1:%d", pc_listener_port(first));
    pc_status status = pc_listener_open(&second, address, "--some-address");
    assert_int_equal(second, -1);
    assert_non_null(strstr(pc_status_message(&status), address));
    assert_non_null(strstr(pc_status_message(&status), "--some-address"));
    check_failure(status, PC_CODE_FAILED_PRECONDITION, "ADDRESS_IN_USE");
    close(first);
}

static void test_listener__what_is_no_address_of_this_machine_is_refused(void **state)
{
    (void)state;
    char longest[400];
    memset(longest, 'x', sizeof longest);
    (void)snprintf(longest + 300, 100, ":80");
    const char *const wrong[] = {"",
                                 "9464",
                                 "127.0.0.1",
                                 "127.0.0.1:port",
                                 "192.0.2.1:0",
                                 "[::1:9464",
                                 "[:9464",
                                 longest,
                                 "fd:",
                                 "fd:-1",
                                 "fd:1",
                                 "fd:3x",
                                 "fd:999",
                                 "fd:99999999999999999999"};
    for (size_t i = 0; i < PC_COUNT_OF(wrong); i++) {
        int listener;
        pc_status status = pc_listener_open(&listener, wrong[i], "--x");
        if (pc_status_ok(&status)) {
            fail_msg("%s was taken", wrong[i]);
        }
        assert_int_equal(listener, -1);
        check_failure(status, PC_CODE_FAILED_PRECONDITION, "ADDRESS_INVALID");
    }
}

static void test_listener__a_socket_that_was_passed_is_taken_over(void **state)
{
    (void)state;
    int passed;
    int listener;
    char name[16];
    char address[64];
    check_ok(pc_listener_open(&passed, "127.0.0.1:0", "--x"));
    assert_int_equal(fcntl(passed, F_SETFD, 0), 0);
    (void)snprintf(name, sizeof name, "fd:%d", passed);
    check_ok(pc_listener_open(&listener, name, "--x"));
    assert_int_equal(listener, passed);
    assert_true((fcntl(listener, F_GETFD) & FD_CLOEXEC) != 0);
    pc_listener_print(address, sizeof address, name, pc_listener_port(listener));
    char wanted[64];
    pc_listener_print(wanted, sizeof wanted, "127.0.0.1:0", pc_listener_port(listener));
    assert_string_equal(address, wanted);
    close(listener);
    /* One that does not listen is none. */
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    (void)snprintf(name, sizeof name, "fd:%d", ends[0]);
    check_failure(pc_listener_open(&listener, name, "--x"), PC_CODE_FAILED_PRECONDITION,
                  "ADDRESS_INVALID");
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listener__a_free_port_is_found_and_told),
        cmocka_unit_test(test_listener__a_taken_port_names_the_flag_to_change),
        cmocka_unit_test(test_listener__what_is_no_address_of_this_machine_is_refused),
        cmocka_unit_test(test_listener__a_socket_that_was_passed_is_taken_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
