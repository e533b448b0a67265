/* Order of jobs, order and cancelling of timers, the end of the loop. The driver here is only a
 * condition variable. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "collector.h"
#include "upstream/loop.h"
#include "util/clock.h"

typedef struct {
    pthread_mutex_t lock; /* guards: awake */
    pthread_cond_t changed;
    bool awake;
    int stops;
} fake_driver;

static void turn(void *self, int64_t until_ns)
{
    fake_driver *driver = self;
    pthread_mutex_lock(&driver->lock);
    while (!driver->awake && pc_clock_now_ns() < until_ns) {
        struct timespec until = {.tv_sec = until_ns / 1000000000, .tv_nsec = until_ns % 1000000000};
        if (until_ns == PC_NEVER_NS) {
            pthread_cond_wait(&driver->changed, &driver->lock);
        } else {
            pthread_cond_timedwait(&driver->changed, &driver->lock, &until);
        }
    }
    driver->awake = false;
    pthread_mutex_unlock(&driver->lock);
}

static void wake(void *self)
{
    fake_driver *driver = self;
    pthread_mutex_lock(&driver->lock);
    driver->awake = true;
    pthread_cond_signal(&driver->changed);
    pthread_mutex_unlock(&driver->lock);
}

static void stop(void *self)
{
    ((fake_driver *)self)->stops++;
}

static bool is_idle(void *self)
{
    (void)self;
    return true;
}

static pc_loop *begin(fake_driver *driver)
{
    *driver = (fake_driver){.awake = false};
    pthread_mutex_init(&driver->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&driver->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pc_loop_driver table = {
        .turn = turn, .wake = wake, .stop = stop, .is_idle = is_idle, .self = driver};
    pc_loop *loop = NULL;
    pc_status status = pc_loop_new(&loop, &table);
    assert_true(pc_status_ok(&status));
    return loop;
}

static void finish(pc_loop *loop, fake_driver *driver)
{
    pc_loop_stop(loop);
    assert_int_equal(driver->stops, 1);
    pc_loop_unref(loop);
    pthread_cond_destroy(&driver->changed);
    pthread_mutex_destroy(&driver->lock);
}

enum { JOB_COUNT = 1000 };

typedef struct {
    pc_job job;
    int *next;
    int index;
    int ran_at;
} numbered_job;

static void run_numbered(pc_job *job)
{
    numbered_job *own = PC_CONTAINER_OF(job, numbered_job, job);
    own->ran_at = (*own->next)++;
}

static void test_loop__runs_jobs_in_order_to_the_last(void **state)
{
    (void)state;
    fake_driver driver;
    pc_loop *loop = begin(&driver);
    static numbered_job jobs[JOB_COUNT];
    int next = 0;
    for (int i = 0; i < JOB_COUNT; i++) {
        jobs[i] = (numbered_job){.job.run = run_numbered, .next = &next, .index = i};
        assert_true(pc_loop_post(loop, &jobs[i].job));
    }
    finish(loop, &driver);
    assert_int_equal(next, JOB_COUNT);
    for (int i = 0; i < JOB_COUNT; i++) {
        assert_int_equal(jobs[i].ran_at, i);
    }
}

static void test_loop__refuses_jobs_after_its_end(void **state)
{
    (void)state;
    fake_driver driver;
    pc_loop *loop = begin(&driver);
    pc_loop *kept = pc_loop_ref(loop);
    finish(loop, &driver);
    int next = 0;
    numbered_job job = {.job.run = run_numbered, .next = &next};
    assert_false(pc_loop_post(kept, &job.job));
    assert_int_equal(next, 0);
    pc_loop_unref(kept);
}

enum { TIMER_COUNT = 500 };

typedef struct {
    pc_job set_all;
    pc_job probe;
    pc_loop *loop;
    pc_loop_timer timers[TIMER_COUNT];
    bool cancelled[TIMER_COUNT];
    int fired[TIMER_COUNT];
    int64_t last_at_ns;
    bool out_of_order;
    bool too_early;
    unsigned seed;
    collector *end;
    pc_loop_timer last;
} timer_test;

static timer_test *running;

static void on_fire(pc_loop_timer *timer)
{
    running->out_of_order |= timer->at_ns < running->last_at_ns;
    running->too_early |= pc_clock_now_ns() < timer->at_ns;
    running->last_at_ns = timer->at_ns;
    running->fired[timer - running->timers]++;
}

static void on_last(pc_loop_timer *timer)
{
    (void)timer;
    collector_record(&running->end->items[0], PC_OK, NULL, NULL);
}

static void set_all(pc_job *job)
{
    timer_test *own = PC_CONTAINER_OF(job, timer_test, set_all);
    int64_t now_ns = pc_clock_now_ns();
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < TIMER_COUNT; i++) {
            pc_loop_timer_cancel(own->loop, &own->timers[i]);
            own->timers[i].fire = on_fire;
            int64_t after_ns = (int64_t)(rand_r(&own->seed) % 20000) * 1000;
            pc_loop_timer_set(own->loop, &own->timers[i], now_ns + after_ns);
        }
    }
    for (int i = 0; i < TIMER_COUNT; i++) {
        if (rand_r(&own->seed) % 3 == 0) {
            own->cancelled[i] = true;
            pc_loop_timer_cancel(own->loop, &own->timers[i]);
            pc_loop_timer_cancel(own->loop, &own->timers[i]);
        }
    }
    own->last.fire = on_last;
    pc_loop_timer_set(own->loop, &own->last, now_ns + 21 * 1000000);
}

static void test_loop__fires_timers_in_order_unless_cancelled(void **state)
{
    (void)state;
    fake_driver driver;
    static timer_test test;
    collector end;
    collector_init(&end, 1);
    pc_loop *loop = begin(&driver);
    test = (timer_test){.loop = loop, .end = &end, .seed = 4711, .set_all.run = set_all};
    running = &test;
    assert_true(pc_loop_post(loop, &test.set_all));
    collector_wait(&end, 1);
    finish(loop, &driver);
    assert_false(test.out_of_order);
    assert_false(test.too_early);
    for (int i = 0; i < TIMER_COUNT; i++) {
        assert_int_equal(test.fired[i], test.cancelled[i] ? 0 : 1);
    }
    collector_deinit(&end);
}

static void set_far(pc_job *job)
{
    timer_test *own = PC_CONTAINER_OF(job, timer_test, set_all);
    own->last.fire = on_last;
    pc_loop_timer_set(own->loop, &own->last, PC_NEVER_NS);
    own->timers[0].fire = on_last;
    pc_loop_timer_set(own->loop, &own->timers[0], pc_clock_after_ms(pc_clock_now_ns(), 3600000));
}

static void test_loop__end_does_not_wait_for_timers(void **state)
{
    (void)state;
    fake_driver driver;
    static timer_test test;
    collector end;
    collector_init(&end, 1);
    pc_loop *loop = begin(&driver);
    test = (timer_test){.loop = loop, .end = &end, .set_all.run = set_far};
    running = &test;
    assert_true(pc_loop_post(loop, &test.set_all));
    finish(loop, &driver);
    assert_int_equal(collector_calls(&end), 0);
    collector_deinit(&end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loop__runs_jobs_in_order_to_the_last),
        cmocka_unit_test(test_loop__refuses_jobs_after_its_end),
        cmocka_unit_test(test_loop__fires_timers_in_order_unless_cancelled),
        cmocka_unit_test(test_loop__end_does_not_wait_for_timers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
