/* Memory that runs out anywhere while a policy is compiled leaves no policy, and nothing leaks or
 * breaks: above all no policy that lacks a denial. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failing/failing.h"
#include "policy/policy.h"

static unsigned char text[64 * 1024];

static size_t read_example(void)
{
    FILE *file = fopen(PC_SOURCE_DIR "/server/policy/example.yaml", "rb");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof text, file);
    (void)fclose(file);
    return size;
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    size_t size = read_example();
    char name[] = "born";
    char path[] = "person.birthDate";
    char none[] = "";
    pc_config_insight insight = {.name = name, .path = path, .factors_path = none, .propensity = 1};
    const pc_config config = {.insights = &insight, .insight_count = 1};
    bool good = false;
    long count = 0;
    for (; !good && count < 10000; count++) {
        pc_policy *policy;
        pc_config_errors errors = {0};
        failing_after(count);
        good = pc_policy_compile(&policy, &errors, "p", text, size, &config);
        bool reached = failing_end();
        assert_true(good == !reached);
        assert_true(good == (policy != NULL));
        pc_policy_unref(policy);
        pc_config_errors_deinit(&errors);
    }
    assert_true(good && count > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_allocation_may_fail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
