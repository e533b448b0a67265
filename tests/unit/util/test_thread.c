/* Threads and their names. */
#include "check.h"

#include <string.h>

#include "util/thread.h"

static void *tell_name(void *out)
{
    (void)pthread_getname_np(pthread_self(), out, 16);
    return NULL;
}

/* The name may be given after it has begun, so it is asked for until it is there. */
static void *wait_for_name(void *out)
{
    while (strcmp(out, "rpc") != 0) {
        tell_name(out);
    }
    return NULL;
}

static void a_thread_has_its_name(void **state)
{
    (void)state;
    char name[16] = "";
    pthread_t thread;
    assert_true(pc_thread_start(&thread, "rpc", wait_for_name, name));
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_string_equal(name, "rpc");
}

static void a_thread_with_too_long_a_name_runs(void **state)
{
    (void)state;
    char name[16] = "";
    pthread_t thread;
    assert_true(pc_thread_start(&thread, "a name of more than 15 bytes", tell_name, name));
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_string_not_equal(name, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_has_its_name),
        cmocka_unit_test(a_thread_with_too_long_a_name_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
