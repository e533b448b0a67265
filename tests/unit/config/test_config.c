/* Configuration: precedence, every kind of wrong value with the place it stands at, and secrets. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/config_internal.h"

typedef struct {
    pc_config *config;
    pc_config_command command;
    pc_config_errors errors;
    bool good;
    char path[64];
} loaded;

/* Loads from a file of `yaml` (NULL: none), flags and variables, each a NULL-terminated list. */
static loaded load(const char *yaml, const char *const *flags, const char *const *variables)
{
    loaded l = {.path = "/tmp/pc-config-XXXXXX"};
    const char *argv[32] = {"profile-contextd"};
    int argc = 1;
    if (yaml != NULL) {
        int fd = mkstemp(l.path);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, yaml, strlen(yaml)), strlen(yaml));
        close(fd);
        argv[argc++] = "--config";
        argv[argc++] = l.path;
    }
    for (; flags != NULL && *flags != NULL; flags++) {
        argv[argc++] = *flags;
    }
    char *none[] = {NULL};
    char *const *environment = variables == NULL ? none : (char *const *)(uintptr_t)variables;
    l.good = pc_config_load(&l.config, &l.command, &l.errors, argc, (char *const *)(uintptr_t)argv,
                            environment);
    assert_true(l.good == (l.errors.count == 0));
    return l;
}

static void unload(loaded *l)
{
    pc_config_free(l->config);
    pc_config_errors_deinit(&l->errors);
    (void)unlink(l->path);
}

static bool says(const loaded *l, const char *text)
{
    for (size_t i = 0; i < l->errors.count; i++) {
        if (strstr(l->errors.lines[i], text) != NULL) {
            return true;
        }
    }
    return false;
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static void check_refused(const char *yaml, const char *const *flags, const char *text)
{
    loaded l = load(yaml, flags, NULL);
    if (l.good || !says(&l, text)) {
        for (size_t i = 0; i < l.errors.count; i++) {
            print_error("%s\n", l.errors.lines[i]);
        }
        fail_msg("wanted an error with: %s", text);
    }
    unload(&l);
}

static const char sandbox[] = "sandbox:\n  enabled: true\n";

static void test_config__flags_win_over_variables_over_the_file_over_defaults(void **state)
{
    (void)state;
    const char *yaml = "sandbox: {enabled: true}\n"
                       "defaults: {deadline: 1s, event_limit: 7, answer_margin: 3ms}\n";
    loaded l = load(yaml, LIST("--defaults-deadline", "3s"),
                    LIST("PROFILE_CONTEXT_DEFAULTS_DEADLINE=2s",
                         "PROFILE_CONTEXT_DEFAULTS_EVENT_LIMIT=8", "OTHER=1"));
    assert_true(l.good);
    assert_int_equal(l.config->defaults.deadline, 3000);
    assert_int_equal(l.config->defaults.event_limit, 8);
    assert_int_equal(l.config->defaults.answer_margin, 3);
    assert_int_equal(l.config->defaults.max_deadline, 60000);
    unload(&l);
}

static void test_config__every_form_of_a_flag(void **state)
{
    (void)state;
    loaded l = load(NULL,
                    LIST("--sandbox", "--no-listen-reflection", "--log-level=debug",
                         "--upstream-body-bytes-max", "2MiB", "--defaults-event-window=30d"),
                    NULL);
    assert_true(l.good);
    assert_true(l.config->sandbox.enabled);
    assert_false(l.config->listen.reflection);
    assert_int_equal(l.config->log.level, 3);
    assert_int_equal(l.config->upstream.body_bytes_max, 2 << 20);
    assert_int_equal(l.config->defaults.event_window, INT64_C(30) * 86400000);
    unload(&l);
}

static void test_config__errors_name_file_line_and_key(void **state)
{
    (void)state;
    check_refused("sandbox:\n  enabled: true\n\nlog:\n  levle: info\n", NULL,
                  ":5: log.levle: there is no such key; did you mean log.level");
    check_refused("log:\n  level: loud\n", NULL, ":2: log.level: must be error, warn");
    check_refused("defaults:\n  deadline: 5\n", NULL, ":2: defaults.deadline: must be a time");
    check_refused("defaults:\n  deadline: 5000s\n", NULL, "must be between 1 ms and 600000 ms");
    check_refused("defaults:\n  event_limit: 1\n  event_limit: 2\n", NULL,
                  ":3: defaults.event_limit: stands twice");
    check_refused("listen: yes\n", NULL, ":1: listen: must be a group of keys");
    check_refused("listen:\n  address: [a]\n", NULL, ":2: listen.address: must be a single value");
    check_refused("listen:\n\tx: 1\n", NULL, ":2: not YAML");
    check_refused("a: &x {b: 1}\nc: *x\n", NULL, "aliases are not supported");
    check_refused("- a\n- b\n", NULL, "must hold groups of keys");
    check_refused("upstream:\n  base_url: ftp://x\n", NULL, "must be an http:// or https:// URL");
    check_refused("upstream:\n  base_url: https://u:p@x\n", NULL, "must be an http://");
}

static void test_config__wrong_flags_say_what_is_meant(void **state)
{
    (void)state;
    check_refused(NULL, LIST("--log-levl", "x"), "did you mean --log-level");
    check_refused(NULL, LIST("--defaults-deadline"), "--defaults-deadline: needs a value");
    check_refused(NULL, LIST("word"), "only flags are understood");
    check_refused(NULL, LIST("--config"), "--config: needs a file");
    check_refused(NULL, LIST("--config", "/nonexistent.yaml"), "/nonexistent.yaml: cannot be read");
}

static void test_config__unknown_variables_are_errors(void **state)
{
    (void)state;
    loaded l = load(sandbox, NULL, LIST("PROFILE_CONTEXT_LOG_LEVLE=info"));
    assert_true(says(&l, "PROFILE_CONTEXT_LOG_LEVLE"));
    unload(&l);
}

static void test_config__all_errors_are_told_at_once(void **state)
{
    (void)state;
    loaded l = load("log: {level: x}\ndefaults: {deadline: x}\n", LIST("--nope"), NULL);
    assert_int_equal(l.errors.count, 3);
    unload(&l);
}

static void test_config__what_is_required_is_asked_for(void **state)
{
    (void)state;
    loaded l = load(NULL, NULL, NULL);
    assert_true(says(&l, "upstream.client_id: is required"));
    assert_true(says(&l, "upstream.client_secret: is required"));
    assert_true(says(&l, "upstream.org_id: is required"));
    assert_true(says(&l, "upstream.merge_policy: is required"));
    unload(&l);
    check_refused(sandbox, LIST("--listen-tls-key-file", "/dev/null"), "go together");
}

static void test_config__secrets_come_from_file_or_environment_only(void **state)
{
    (void)state;
    check_refused("upstream:\n  client_secret: x\n", NULL, "a secret does not belong in this file");
    check_refused(NULL, LIST("--upstream-client-secret", "canary"),
                  "a secret does not belong on the command line");
    char path[] = "/tmp/pc-secret-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "canary\n", 7), 7);
    close(fd);
    loaded l = load(sandbox, LIST("--upstream-client-secret-file", path), NULL);
    assert_true(l.good);
    assert_string_equal(l.config->upstream.client_secret, "canary");
    unload(&l);
    assert_int_equal(chmod(path, 0644), 0);
    check_refused(sandbox, LIST("--upstream-client-secret-file", path), "others may read it");
    unlink(path);
    check_refused(sandbox, LIST("--upstream-client-secret-file", path), "cannot be read");
}

static void test_config__printing_hides_secrets(void **state)
{
    (void)state;
    loaded l = load(sandbox, NULL, LIST("PROFILE_CONTEXT_UPSTREAM_CLIENT_SECRET=canary"));
    assert_true(l.good);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    pc_config_print(out, l.config);
    fclose(out);
    assert_null(strstr(text, "canary"));
    assert_non_null(strstr(text, "(hidden)"));
    assert_non_null(strstr(text, "enabled: true  # file"));
    free(text);
    unload(&l);
}

static void test_config__what_is_printed_can_be_read_again(void **state)
{
    (void)state;
    loaded l = load(sandbox, LIST("--listen-keepalive-time=90s"), NULL);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    pc_config_print(out, l.config);
    fclose(out);
    loaded again = load(text, NULL, NULL);
    for (size_t i = 0; i < again.errors.count; i++) {
        print_error("%s\n", again.errors.lines[i]);
    }
    assert_true(again.good);
    assert_int_equal(again.config->listen.keepalive_time, 90000);
    free(text);
    unload(&l);
    unload(&again);
}

static void test_config__help_lists_every_key(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    pc_config_print_help(out);
    fclose(out);
    for (size_t i = 0; i < config_key_count; i++) {
        char name[128];
        if (config_keys[i].type == KEY_SECRET) {
            config_key_variable(name, sizeof name, &config_keys[i]);
        } else {
            config_key_flag(name, sizeof name, &config_keys[i]);
        }
        assert_non_null(strstr(text, name));
    }
    free(text);
    loaded l = load(NULL, LIST("--help"), NULL);
    assert_true(l.good && l.command.help && l.config == NULL);
    unload(&l);
}

static void test_config__insights_are_read_and_checked(void **state)
{
    (void)state;
    loaded l = load("sandbox: {enabled: true}\n"
                    "insights:\n"
                    "  - {name: a, path: _t.a, type: number, kind: amount, unit: EUR}\n"
                    "  - {name: b, path: _t.b, low_below: 25, high_above: 74.5}\n",
                    NULL, NULL);
    assert_true(l.good);
    assert_int_equal(l.config->insight_count, 2);
    assert_int_equal(l.config->insights[0].kind, 4);
    assert_string_equal(l.config->insights[0].unit, "EUR");
    assert_true(l.config->insights[1].has_bounds);
    unload(&l);
    check_refused("insights:\n  - {name: a}\n", NULL, ":2: insights: an insight needs a name and");
    check_refused("insights:\n  - {name: a, path: b, kind: x}\n", NULL,
                  "insights.kind: must be one of score,");
    check_refused("insights:\n  - {name: a, path: b, pth: x}\n", NULL, "did you mean path");
    check_refused("insights:\n  - {name: a, path: b}\n  - {name: a, path: c}\n", NULL,
                  ":3: insights: there is an insight named a already");
    check_refused("insights: x\n", NULL, "insights: must be a list");
}

static void test_config__the_shipped_files_are_right(void **state)
{
    (void)state;
    loaded l = load(NULL, LIST("--config", PC_SOURCE_DIR "/deploy/sandbox.yaml"), NULL);
    assert_true(l.good);
    assert_int_equal(l.config->insight_count, 6);
    unload(&l);
    l = load(NULL, LIST("--config", PC_SOURCE_DIR "/server/config/example.yaml"),
             LIST("PROFILE_CONTEXT_UPSTREAM_CLIENT_SECRET=s"));
    assert_true(l.good);
    unload(&l);
}

/* Whatever bytes stand in the file, reading it ends, and says so when it is wrong. */
static void test_config__damaged_files_end_in_errors(void **state)
{
    (void)state;
    static const char good[] = "listen:\n  address: \"a:1\"\ninsights:\n  - {name: a, path: 'b'}\n";
    unsigned seed = 7;
    bool taken[256] = {false};
    for (int round = 0; round < 3000; round++) {
        unsigned char text[sizeof good];
        memcpy(text, good, sizeof good);
        for (int change = 0; change < 3; change++) {
            seed = seed * 1103515245u + 12345u;
            text[(seed >> 8) % (sizeof good - 1)] = (unsigned char)(seed >> 20);
        }
        loaded l = load(sandbox, NULL, NULL);
        pc_config_errors errors = {0};
        config_read_text(l.config, "x", text, sizeof good - 1, taken, &errors);
        pc_config_errors_deinit(&errors);
        unload(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config__flags_win_over_variables_over_the_file_over_defaults),
        cmocka_unit_test(test_config__every_form_of_a_flag),
        cmocka_unit_test(test_config__errors_name_file_line_and_key),
        cmocka_unit_test(test_config__wrong_flags_say_what_is_meant),
        cmocka_unit_test(test_config__unknown_variables_are_errors),
        cmocka_unit_test(test_config__all_errors_are_told_at_once),
        cmocka_unit_test(test_config__what_is_required_is_asked_for),
        cmocka_unit_test(test_config__secrets_come_from_file_or_environment_only),
        cmocka_unit_test(test_config__printing_hides_secrets),
        cmocka_unit_test(test_config__what_is_printed_can_be_read_again),
        cmocka_unit_test(test_config__help_lists_every_key),
        cmocka_unit_test(test_config__insights_are_read_and_checked),
        cmocka_unit_test(test_config__the_shipped_files_are_right),
        cmocka_unit_test(test_config__damaged_files_end_in_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
