/* Round after round: timer thread, worker, RPC thread, supervisor. */
#include "watchdog.h"

#include <pthread.h>
#include <stdlib.h>

#include "rpc/pulse.h"
#include "util/attributes.h"
#include "util/clock.h"

/* The supervisor's own advice is half of its time; a third leaves room for one late round. */
enum { ROUNDS_IN_TIME = 3 };

struct pc_watchdog {
    pc_watchdog_parts parts;
    int64_t period_ms;
    pc_timer timer;
    pc_job job;
    pc_rpc_pulse *pulse;

    pthread_mutex_t lock; /* guards: stopping, ended */
    pthread_cond_t changed;
    bool stopping;
    bool ended; /* no round is under way, and none will begin */
};

/* Steps, in order:                            thread */
static void on_due(pc_timer *timer); /* timers: a round begins    */
static void on_worker(pc_job *job);  /* a worker is free          */
static void on_beat(void *self);     /* an RPC thread is free     */

static void begin_next(pc_watchdog *watchdog, int64_t at_ns)
{
    pthread_mutex_lock(&watchdog->lock);
    bool again = !watchdog->stopping;
    if (again) {
        pc_status status = pc_timers_set(watchdog->parts.timers, &watchdog->timer, at_ns);
        again = pc_status_ok(&status);
        pc_status_clear(&status);
    }
    watchdog->ended = !again;
    pthread_cond_signal(&watchdog->changed);
    pthread_mutex_unlock(&watchdog->lock);
}

static void on_due(pc_timer *timer)
{
    pc_watchdog *watchdog = PC_CONTAINER_OF(timer, pc_watchdog, timer);
    pc_workers_run(watchdog->parts.workers, &watchdog->job);
}

static void on_worker(pc_job *job)
{
    pc_rpc_pulse_feel(PC_CONTAINER_OF(job, pc_watchdog, job)->pulse);
}

static void on_beat(void *self)
{
    pc_watchdog *watchdog = self;
    (void)pc_supervisor_tell(watchdog->parts.supervisor, "WATCHDOG=1");
    begin_next(watchdog, pc_clock_after_ms(pc_clock_now_ns(), watchdog->period_ms));
}

pc_status pc_watchdog_new(pc_watchdog **out, const pc_watchdog_parts *parts)
{
    *out = NULL;
    pc_watchdog *watchdog = calloc(1, sizeof *watchdog);
    if (watchdog == NULL) {
        return pc_status_out_of_memory();
    }
    watchdog->parts = *parts;
    watchdog->period_ms = parts->supervisor->watchdog_ms / ROUNDS_IN_TIME;
    watchdog->timer.fire = on_due;
    watchdog->job.run = on_worker;
    pthread_mutex_init(&watchdog->lock, NULL);
    pthread_cond_init(&watchdog->changed, NULL);
    pc_status status = pc_rpc_pulse_new(&watchdog->pulse, parts->server, on_beat, watchdog);
    if (pc_status_ok(&status)) {
        begin_next(watchdog, pc_clock_now_ns());
        *out = watchdog;
    } else {
        watchdog->ended = true;
        pc_watchdog_free(watchdog);
    }
    return status;
}

void pc_watchdog_free(pc_watchdog *watchdog)
{
    if (watchdog == NULL) {
        return;
    }
    pthread_mutex_lock(&watchdog->lock);
    watchdog->stopping = true;
    if (pc_timers_cancel(watchdog->parts.timers, &watchdog->timer)) {
        watchdog->ended = true;
    }
    while (!watchdog->ended) {
        pthread_cond_wait(&watchdog->changed, &watchdog->lock);
    }
    pthread_mutex_unlock(&watchdog->lock);
    pc_rpc_pulse_free(watchdog->pulse);
    pthread_cond_destroy(&watchdog->changed);
    pthread_mutex_destroy(&watchdog->lock);
    free(watchdog);
}
