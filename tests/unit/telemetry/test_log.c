/* Logs: the shape of lines, what is escaped, what is dropped, and what can't be got back. */
#include "check.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "telemetry/log.h"

typedef struct {
    pc_log *log;
    int ends[2];
} fixture;

static fixture open_log(bool json, pc_log_level level)
{
    fixture f;
    assert_int_equal(pipe(f.ends), 0);
    const pc_log_options options = {level, json, f.ends[1], "key", 3};
    check_ok(pc_log_new(&f.log, &options));
    return f;
}

/* Ends the log and gives what it wrote; to be freed. */
static char *close_log(fixture *f)
{
    pc_log_free(f->log);
    close(f->ends[1]);
    char *text = calloc(1, 1 << 20);
    size_t size = 0;
    for (ssize_t n; (n = read(f->ends[0], text + size, (1 << 20) - 1 - size)) > 0;) {
        size += (size_t)n;
    }
    close(f->ends[0]);
    return text;
}

static void test_log__a_line_is_one_json_object(void **state)
{
    (void)state;
    fixture f = open_log(true, PC_LOG_INFO);
    PC_LOG(f.log, PC_LOG_INFO, "some.event",
           pc_log_text("odd", "a\"b\\c\n\x01\xff"
                              "é"),
           pc_log_int("count", -5), pc_log_duration("ms", 1234567), pc_log_flag("flag", true));
    PC_LOG(f.log, PC_LOG_DEBUG, "left.out", pc_log_int("x", 1));
    char *text = close_log(&f);
    json_t *line = json_loads(text, 0, NULL);
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "event")), "some.event");
    assert_string_equal(json_string_value(json_object_get(line, "level")), "info");
    assert_string_equal(json_string_value(json_object_get(line, "odd")), "a\"b\\c\n\x01\xef\xbf\xbd"
                                                                         "é");
    assert_int_equal(json_integer_value(json_object_get(line, "count")), -5);
    assert_true(json_real_value(json_object_get(line, "ms")) > 1.233);
    assert_true(json_is_true(json_object_get(line, "flag")));
    assert_null(strstr(text, "left.out"));
    json_decref(line);
    free(text);
}

static void test_log__over_long_fields_leave_the_line_json(void **state)
{
    (void)state;
    char longest[3000];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    fixture f = open_log(true, PC_LOG_INFO);
    PC_LOG(f.log, PC_LOG_INFO, "e", pc_log_int("kept", 1), pc_log_text("long", longest));
    char *text = close_log(&f);
    json_t *line = json_loads(text, 0, NULL);
    assert_non_null(line);
    assert_int_equal(json_integer_value(json_object_get(line, "kept")), 1);
    json_decref(line);
    free(text);
}

static void test_log__text_is_for_people(void **state)
{
    (void)state;
    fixture f = open_log(false, PC_LOG_INFO);
    PC_LOG(f.log, PC_LOG_WARN, "some.event", pc_log_text("a", "b"), pc_log_int("n", 3));
    char *text = close_log(&f);
    assert_non_null(strstr(text, " warn  some.event"));
    assert_non_null(strstr(text, " a=b n=3\n"));
    free(text);
}

static void *read_on(void *end)
{
    char bytes[4096];
    while (read(*(int *)end, bytes, sizeof bytes) > 0) {
    }
    return NULL;
}

static void test_log__a_reader_that_stands_still_costs_lines_not_time(void **state)
{
    (void)state;
    fixture f = open_log(true, PC_LOG_INFO);
    for (int i = 0; i < 20000; i++) {
        PC_LOG(f.log, PC_LOG_INFO, "e", pc_log_int("i", i));
    }
    /* Only now does someone read: the writer goes on and tells what was lost. */
    size_t lines = 0;
    bool told = false;
    FILE *reader = fdopen(dup(f.ends[0]), "r");
    char line[2048];
    while (!told && fgets(line, sizeof line, reader) != NULL) {
        lines++;
        told = strstr(line, "log.dropped") != NULL;
    }
    assert_true(told);
    assert_true(lines < 20000);
    /* Someone reads on, so that the writer can end. */
    pthread_t drain;
    assert_int_equal(pthread_create(&drain, NULL, read_on, &f.ends[0]), 0);
    pc_log_free(f.log);
    close(f.ends[1]);
    pthread_join(drain, NULL);
    fclose(reader);
    close(f.ends[0]);
}

static void test_log__an_identity_is_a_keyed_hash(void **state)
{
    (void)state;
    fixture f = open_log(true, PC_LOG_INFO);
    pc_log_field a = pc_log_identity(f.log, "who", "Email", "canary@example.com");
    pc_log_field b = pc_log_identity(f.log, "who", "email", "canary@example.com");
    pc_log_field c = pc_log_identity(f.log, "who", "email", "Canary@example.com");
    assert_string_equal(a.hash, b.hash);
    assert_string_not_equal(a.hash, c.hash);
    assert_int_equal(strlen(a.hash), 16);
    PC_LOG(f.log, PC_LOG_INFO, "e", a);
    char *text = close_log(&f);
    assert_null(strstr(text, "canary"));
    assert_non_null(strstr(text, a.hash));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log__a_line_is_one_json_object),
        cmocka_unit_test(test_log__over_long_fields_leave_the_line_json),
        cmocka_unit_test(test_log__text_is_for_people),
        cmocka_unit_test(test_log__a_reader_that_stands_still_costs_lines_not_time),
        cmocka_unit_test(test_log__an_identity_is_a_keyed_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
