/* Fault settings and what they lead to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "faults.h"
#include "json.h"

static struct sbx_fault_plan plan(sbx_faults *faults, enum sbx_group group, int64_t now_ms)
{
    struct sbx_fault_plan out;
    sbx_faults_plan(faults, group, now_ms, &out);
    return out;
}

static void set(sbx_faults *faults, const char *text)
{
    struct sbx_error error;
    if (!sbx_faults_set_text(faults, text, &error)) {
        fail_msg("%s", error.text);
    }
}

static void given_nothing_nothing_happens(void **state)
{
    (void)state;
    sbx_faults *faults = sbx_faults_new(1);
    struct sbx_fault_plan calm = plan(faults, SBX_GROUP_PROFILE, 0);
    assert_int_equal(calm.fault, SBX_FAULT_NONE);
    assert_int_equal(calm.delay_ms, 0);
    sbx_faults_free(faults);
}

static void given_times_the_fault_ends(void **state)
{
    (void)state;
    sbx_faults *faults = sbx_faults_new(1);
    set(faults, "profile.errorRate=1");
    set(faults, "profile.times=2");
    assert_int_equal(plan(faults, SBX_GROUP_PROFILE, 0).fault, SBX_FAULT_ERROR);
    assert_int_equal(plan(faults, SBX_GROUP_EVENTS, 0).fault, SBX_FAULT_NONE);
    assert_int_equal(plan(faults, SBX_GROUP_PROFILE, 0).fault, SBX_FAULT_ERROR);
    assert_int_equal(plan(faults, SBX_GROUP_PROFILE, 0).fault, SBX_FAULT_NONE);
    sbx_faults_free(faults);
}

static void given_a_window_what_exceeds_it_is_throttled(void **state)
{
    (void)state;
    sbx_faults *faults = sbx_faults_new(1);
    set(faults, "events.throttleAllow=1");
    set(faults, "events.retryAfterMs=700");
    assert_int_equal(plan(faults, SBX_GROUP_EVENTS, 5000).fault, SBX_FAULT_NONE);
    assert_int_equal(plan(faults, SBX_GROUP_EVENTS, 5999).fault, SBX_FAULT_THROTTLED);
    assert_int_equal(plan(faults, SBX_GROUP_EVENTS, 5999).retry_after_ms, 700);
    assert_int_equal(plan(faults, SBX_GROUP_EVENTS, 6000).fault, SBX_FAULT_NONE);
    sbx_faults_free(faults);
}

static void given_a_delay_its_mean_is_kept(void **state)
{
    (void)state;
    sbx_faults *faults = sbx_faults_new(1);
    struct sbx_error error;
    int64_t sum = 0;
    assert_true(sbx_faults_set_delay(faults, "500+-100", &error));
    for (int i = 0; i < 10000; i++) {
        int64_t delay = plan(faults, SBX_GROUP_PROFILE, 0).delay_ms;
        assert_true(delay >= 0 && delay < 1100);
        sum += delay;
    }
    assert_true(sum > 4900000 && sum < 5100000);
    assert_int_equal(plan(faults, SBX_GROUP_TOKEN, 0).delay_ms, 0);
    sbx_faults_free(faults);
}

static void given_wrong_settings_nothing_changes(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "profile",
        "profile.errorRate",
        "profile.errorRate=2",
        "profile.nothing=1",
        "nobody.delayMs=1",
        "profile.down=1",
        "profile.delayMs=-1",
        "shapes.nothing=true",
        "shapes.entryErrorRate=7",
        "shapes.batchMax=-1",
        "shapes.batchMax=1.5",
        "shapes.batchMax=true",
        "shapes.batchRefusal=401",
        "shapes.batchKeysAreOther=1",
        "profile.delayMs=\"1\"",
        ".=",
        "profile.delayMs=nan",
    };
    sbx_faults *faults = sbx_faults_new(1);
    json_t *before = sbx_faults_get(faults);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct sbx_error error;
        assert_false(sbx_faults_set_text(faults, bad[i], &error));
    }
    json_t *after = sbx_faults_get(faults);
    assert_true(json_equal(before, after));
    json_decref(before);
    json_decref(after);
    sbx_faults_free(faults);
}

static void given_settings_read_as_requests_are_fractions_count(void **state)
{
    (void)state;
    sbx_faults *faults = sbx_faults_new(1);
    struct sbx_error error;
    static const char text[] = "{\"operations\":{\"*\":{\"errorRate\":0.5},"
                               "\"profile\":{\"errorRate\":1.0}},"
                               "\"shapes\":{\"entryErrorRate\":0.25}}";
    json_t *wanted = sbx_json_parse(text, sizeof(text) - 1, &error);
    assert_true(sbx_faults_set(faults, wanted, false, &error));
    assert_int_equal(plan(faults, SBX_GROUP_PROFILE, 0).fault, SBX_FAULT_ERROR);
    assert_true(sbx_faults_shapes(faults).entry_error_rate == 0.25);
    json_decref(wanted);
    sbx_faults_free(faults);
}

static void given_what_get_says_set_takes_it_back(void **state)
{
    (void)state;
    sbx_faults *faults = sbx_faults_new(1);
    struct sbx_error error;
    set(faults, "audiences.errorRate=0.25");
    set(faults, "shapes.notFoundAsEmpty=true");
    set(faults, "shapes.batchMax=10");
    set(faults, "shapes.batchRefusal=413");
    json_t *config = sbx_faults_get(faults);
    assert_true(sbx_faults_set(faults, config, false, &error));
    json_t *again = sbx_faults_get(faults);
    assert_true(json_equal(config, again));
    json_decref(config);
    json_decref(again);
    sbx_faults_free(faults);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_nothing_nothing_happens),
        cmocka_unit_test(given_times_the_fault_ends),
        cmocka_unit_test(given_a_window_what_exceeds_it_is_throttled),
        cmocka_unit_test(given_a_delay_its_mean_is_kept),
        cmocka_unit_test(given_wrong_settings_nothing_changes),
        cmocka_unit_test(given_settings_read_as_requests_are_fractions_count),
        cmocka_unit_test(given_what_get_says_set_takes_it_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
