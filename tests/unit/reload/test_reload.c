/* What is loaded when, and what a load that fails leaves behind. */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reload/reload.h"
#include "util/clock.h"

enum { WAIT_MS = 10000 };

/* A thing that is loaded from one file: its content, as long as that is not "bad". */
typedef struct {
    char folder[64];
    char path[128];
    pc_reload *reload;
    pthread_mutex_t lock; /* guards: content, told, told_reason */
    pthread_cond_t changed;
    char content[64];
    int told;
    char told_reason[64];
} thing;

static void write_file(const char *path, const char *content)
{
    char beside[160];
    (void)snprintf(beside, sizeof beside, "%s.new", path);
    FILE *file = fopen(beside, "w");
    assert_non_null(file);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(beside, path), 0);
}

static pc_status load_thing(void *self)
{
    thing *t = self;
    char read[64] = "";
    FILE *file = fopen(t->path, "r");
    size_t size = file == NULL ? 0 : fread(read, 1, sizeof read - 1, file);
    if (file != NULL) {
        (void)fclose(file);
    }
    read[size] = '\0';
    bool good = size > 0 && strcmp(read, "bad") != 0;
    pthread_mutex_lock(&t->lock);
    if (good) {
        (void)snprintf(t->content, sizeof t->content, "%s", read);
    }
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
    return good ? PC_OK
                : pc_status_new(PC_CODE_FAILED_PRECONDITION, "THING_BROKEN", "the thing is broken");
}

static void on_loaded(void *self, const char *kind, const pc_status *status)
{
    thing *t = self;
    assert_string_equal(kind, "thing");
    pthread_mutex_lock(&t->lock);
    t->told++;
    (void)snprintf(t->told_reason, sizeof t->told_reason, "%s", pc_status_reason(status));
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

static void setup(thing *t, int64_t interval_ms)
{
    *t = (thing){.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    (void)snprintf(t->folder, sizeof t->folder, "/tmp/test-reload-XXXXXX");
    assert_non_null(mkdtemp(t->folder));
    (void)snprintf(t->path, sizeof t->path, "%s/thing", t->folder);
    write_file(t->path, "one");
    const pc_reload_options options = {interval_ms, on_loaded, t};
    check_ok(pc_reload_new(&t->reload, &options));
}

static void teardown(thing *t)
{
    pc_reload_free(t->reload);
    (void)unlink(t->path);
    assert_int_equal(rmdir(t->folder), 0);
}

static pc_status add(thing *t, bool may_come_later, int64_t every_ms, int64_t retry_ms,
                     size_t *handle)
{
    const char *const paths[] = {t->path};
    const pc_reload_item item = {
        .kind = "thing",
        .paths = paths,
        .path_count = 1,
        .every_ms = every_ms,
        .retry_ms = retry_ms,
        .may_come_later = may_come_later,
        .load = load_thing,
        .self = t,
    };
    return pc_reload_add(t->reload, &item, handle);
}

/* Waits until on_loaded has been told `count` times. */
static void wait_told(thing *t, int count)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_MS / 1000;
    pthread_mutex_lock(&t->lock);
    while (t->told < count) {
        assert_int_equal(pthread_cond_timedwait(&t->changed, &t->lock, &until), 0);
    }
    pthread_mutex_unlock(&t->lock);
}

static void check_content(thing *t, const char *content)
{
    pthread_mutex_lock(&t->lock);
    assert_string_equal(t->content, content);
    pthread_mutex_unlock(&t->lock);
}

static bool was_told_of_failure(thing *t)
{
    pthread_mutex_lock(&t->lock);
    bool failed = t->told_reason[0] != '\0';
    pthread_mutex_unlock(&t->lock);
    return failed;
}

static void check_figures(thing *t, uint64_t successes, uint64_t failures)
{
    pc_reload_figures figures;
    assert_int_equal(pc_reload_count(t->reload), 1);
    pc_reload_read(t->reload, 0, &figures);
    assert_string_equal(figures.kind, "thing");
    assert_int_equal(figures.successes, successes);
    assert_int_equal(figures.failures, failures);
    assert_true((figures.success_wall_ms > 0) == (successes > 0));
}

static void test_reload__the_first_load_is_made_at_once_and_its_failure_returned(void **state)
{
    (void)state;
    thing t;
    setup(&t, 10);
    write_file(t.path, "bad");
    check_failure(add(&t, false, 0, 0, NULL), PC_CODE_FAILED_PRECONDITION, "THING_BROKEN");
    assert_int_equal(pc_reload_count(t.reload), 0);
    write_file(t.path, "one");
    check_ok(add(&t, false, 0, 0, NULL));
    check_content(&t, "one");
    assert_int_equal(t.told, 0);
    check_figures(&t, 1, 0);
    teardown(&t);
}

static void test_reload__a_changed_file_is_loaded_and_a_broken_one_leaves_the_old(void **state)
{
    (void)state;
    thing t;
    setup(&t, 10);
    check_ok(add(&t, false, 0, 0, NULL));
    check_ok(pc_reload_start(t.reload));
    write_file(t.path, "two");
    wait_told(&t, 1);
    check_content(&t, "two");
    assert_false(was_told_of_failure(&t));
    write_file(t.path, "bad");
    wait_told(&t, 2);
    check_content(&t, "two");
    assert_true(was_told_of_failure(&t));
    (void)unlink(t.path);
    wait_told(&t, 3);
    check_content(&t, "two");
    write_file(t.path, "three");
    wait_told(&t, 4);
    check_content(&t, "three");
    check_figures(&t, 3, 2);
    teardown(&t);
}

/* As Kubernetes changes a mounted secret: the name stays, what it links to is another file. */
static void test_reload__a_link_that_is_set_anew_is_a_change(void **state)
{
    (void)state;
    thing t;
    setup(&t, 10);
    char first[160];
    char second[160];
    char link[160];
    (void)snprintf(first, sizeof first, "%s/first", t.folder);
    (void)snprintf(second, sizeof second, "%s/second", t.folder);
    (void)snprintf(link, sizeof link, "%s/link", t.folder);
    write_file(first, "one");
    write_file(second, "two");
    (void)unlink(t.path);
    assert_int_equal(symlink(first, t.path), 0);
    check_ok(add(&t, false, 0, 0, NULL));
    check_ok(pc_reload_start(t.reload));
    assert_int_equal(symlink(second, link), 0);
    assert_int_equal(rename(link, t.path), 0);
    wait_told(&t, 1);
    check_content(&t, "two");
    (void)unlink(first);
    (void)unlink(second);
    teardown(&t);
}

static void test_reload__what_is_asked_for_is_loaded_without_a_change(void **state)
{
    (void)state;
    thing t;
    size_t handle;
    setup(&t, 0);
    check_ok(add(&t, false, 0, 0, &handle));
    check_ok(pc_reload_start(t.reload));
    pc_reload_ask(t.reload, handle);
    wait_told(&t, 1);
    pc_reload_all(t.reload);
    wait_told(&t, 2);
    check_figures(&t, 3, 0);
    teardown(&t);
}

static void test_reload__what_may_come_later_is_tried_again_by_itself(void **state)
{
    (void)state;
    thing t;
    setup(&t, 0);
    write_file(t.path, "bad");
    check_ok(add(&t, true, 0, 1, NULL));
    assert_int_equal(t.told, 1);
    check_ok(pc_reload_start(t.reload));
    wait_told(&t, 3);
    write_file(t.path, "good");
    for (int told = 4; was_told_of_failure(&t); told++) {
        wait_told(&t, told);
    }
    check_content(&t, "good");
    teardown(&t);
}

static void test_reload__what_has_a_time_is_loaded_again_when_it_is_up(void **state)
{
    (void)state;
    thing t;
    setup(&t, 0);
    check_ok(add(&t, false, 1, 0, NULL));
    check_ok(pc_reload_start(t.reload));
    wait_told(&t, 3);
    teardown(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reload__the_first_load_is_made_at_once_and_its_failure_returned),
        cmocka_unit_test(test_reload__a_changed_file_is_loaded_and_a_broken_one_leaves_the_old),
        cmocka_unit_test(test_reload__a_link_that_is_set_anew_is_a_change),
        cmocka_unit_test(test_reload__what_is_asked_for_is_loaded_without_a_change),
        cmocka_unit_test(test_reload__what_may_come_later_is_tried_again_by_itself),
        cmocka_unit_test(test_reload__what_has_a_time_is_loaded_again_when_it_is_up),
    };
    return cmocka_run_group_tests_name("reload", tests, NULL, NULL);
}
