/* The configuration with each allocation failing in turn: it is read, or there is an error; no
 * crash and, with the address sanitizer, no leak. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static long calls_left = -1; /* until one fails; negative: none does */

static bool fails(void)
{
    return calls_left >= 0 && calls_left-- == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails() ? NULL : __real_realloc(memory, size);
}

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
    calls_left = -1;
    (void)load(argv, 4);
    long failed = 0;
    for (long i = 0;; i++) {
        calls_left = i;
        bool loaded = load(argv, 4);
        bool through = calls_left >= 0;
        failed += !loaded;
        if (through) {
            break;
        }
    }
    assert_true(failed > 50);
    for (long i = 0;; i++) {
        calls_left = i;
        assert_false(load(wrong, 4));
        if (calls_left >= 0) {
            break;
        }
    }
    calls_left = -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config__every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
