/* A timer that sets itself again. */
#include "upstream_watch.h"

#include <pthread.h>
#include <stdlib.h>

#include "util/clock.h"

enum { EVERY_MS = 1000 };

struct pc_upstream_watch {
    const pc_entity_client *upstream;
    pc_health *health;
    pc_log *log;
    pc_timers *timers;
    pc_timer timer;
    pthread_mutex_t lock; /* guards: stopped, is_failing; held while looking */
    bool stopped;
    bool is_failing;
};

bool pc_upstream_is_failing(const pc_entity_client *upstream)
{
    pc_entity_counters counters;
    pc_entity_client_counters(upstream, &counters);
    return atomic_load(&pc_entity_client_answers(upstream)->failures_in_row) >=
               PC_UPSTREAM_FAILING ||
           counters.breakers[PC_UPSTREAM_ENTITY].state == PC_BREAKER_OPEN ||
           (counters.token_failures > 0 && counters.token_age_ms < 0);
}

static void tell(pc_upstream_watch *watch, bool is_failing)
{
    watch->is_failing = is_failing;
    pc_health_set(watch->health, PC_UPSTREAM_HEALTH, !is_failing);
    if (is_failing) {
        PC_LOG(
            watch->log, PC_LOG_WARN, "upstream.failing",
            pc_log_int("failures_in_row",
                       atomic_load(&pc_entity_client_answers(watch->upstream)->failures_in_row)));
    } else {
        PC_LOG(watch->log, PC_LOG_INFO, "upstream.answers", pc_log_flag("again", true));
    }
}

static void on_due(pc_timer *timer)
{
    pc_upstream_watch *watch = PC_CONTAINER_OF(timer, pc_upstream_watch, timer);
    pthread_mutex_lock(&watch->lock);
    if (!watch->stopped) {
        bool is_failing = pc_upstream_is_failing(watch->upstream);
        if (is_failing != watch->is_failing) {
            tell(watch, is_failing);
        }
        pc_status status =
            pc_timers_set(watch->timers, timer, pc_clock_after_ms(pc_clock_now_ns(), EVERY_MS));
        /* Without memory for a timer nobody looks any more. */
        pc_status_clear(&status);
    }
    pthread_mutex_unlock(&watch->lock);
}

pc_status pc_upstream_watch_new(pc_upstream_watch **out, const pc_entity_client *upstream,
                                pc_health *health, pc_log *log, pc_timers *timers)
{
    *out = NULL;
    pc_upstream_watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL) {
        return pc_status_out_of_memory();
    }
    *watch =
        (pc_upstream_watch){.upstream = upstream, .health = health, .log = log, .timers = timers};
    watch->timer.fire = on_due;
    pthread_mutex_init(&watch->lock, NULL);
    pc_status status =
        pc_timers_set(timers, &watch->timer, pc_clock_after_ms(pc_clock_now_ns(), EVERY_MS));
    if (!pc_status_ok(&status)) {
        pc_upstream_watch_free(watch);
        return status;
    }
    *out = watch;
    return PC_OK;
}

void pc_upstream_watch_stop(pc_upstream_watch *watch)
{
    if (watch != NULL) {
        pthread_mutex_lock(&watch->lock);
        watch->stopped = true;
        pthread_mutex_unlock(&watch->lock);
        (void)pc_timers_cancel(watch->timers, &watch->timer);
    }
}

void pc_upstream_watch_free(pc_upstream_watch *watch)
{
    if (watch != NULL) {
        pthread_mutex_destroy(&watch->lock);
        free(watch);
    }
}
