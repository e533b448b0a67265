/* The configuration with each allocation failing in turn: it is read, or there is an error; no
 * crash and, with the address sanitizer, no leak. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "failing/failing.h"

/* Whether it was read. */
static bool load(const char *const *argv, int argc)
{
    pc_config *config;
    pc_config_command command;
    pc_config_errors errors = {0};
    static const char *const environment[] = {"PROFILE_CONTEXT_UPSTREAM_CLIENT_SECRET=0123456789",
                                              "PROFILE_CONTEXT_LOG_FORMAT=json", NULL};
    bool loaded = pc_config_load(&config, &command, &errors, argc, (char *const *)(uintptr_t)argv,
                                 (char *const *)(uintptr_t)environment);
    assert_int_equal(loaded, config != NULL);
    pc_config_errors_deinit(&errors);
    pc_config_free(config);
    return loaded;
}

static void test_config__every_allocation_may_fail(void **state)
{
    (void)state;
    static const char *const argv[] = {"profile-contextd", "--config", PC_TEST_EXAMPLE,
                                       "--log-level=debug"};
    static const char *const wrong[] = {"profile-contextd", "--sandbox", "--sandbox",
                                        "--batch-parallel=x"};
    (void)load(argv, 4);
    long failed = 0;
    for (long i = 0;; i++) {
        failing_after(i);
        bool loaded = load(argv, 4);
        failed += !loaded;
        if (!failing_end()) {
            break;
        }
    }
    assert_true(failed > 50);
    for (long i = 0;; i++) {
        failing_after(i);
        assert_false(load(wrong, 4));
        if (!failing_end()) {
            break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config__every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
