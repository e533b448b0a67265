/* A binary heap of pointers under one lock; each timer knows its place, so cancelling is quick. */
#include "util/timers.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "util/clock.h"
#include "util/thread.h"

struct pc_timers {
    pthread_mutex_t lock; /* guards: heap, count, capacity, stopping, and `place` of set timers */
    pthread_cond_t changed;
    pc_timer **heap;
    size_t count;
    size_t capacity;
    bool stopping;
    pthread_t thread;
};

static void put(pc_timers *timers, size_t index, pc_timer *timer)
{
    timers->heap[index] = timer;
    timer->place = index + 1;
}

static void sift_up(pc_timers *timers, size_t index)
{
    pc_timer *timer = timers->heap[index];
    while (index > 0) {
        size_t parent = (index - 1) / 2;
        if (timers->heap[parent]->at_ns <= timer->at_ns) {
            break;
        }
        put(timers, index, timers->heap[parent]);
        index = parent;
    }
    put(timers, index, timer);
}

static void sift_down(pc_timers *timers, size_t index)
{
    pc_timer *timer = timers->heap[index];
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= timers->count) {
            break;
        }
        if (child + 1 < timers->count &&
            timers->heap[child + 1]->at_ns < timers->heap[child]->at_ns) {
            child++;
        }
        if (timer->at_ns <= timers->heap[child]->at_ns) {
            break;
        }
        put(timers, index, timers->heap[child]);
        index = child;
    }
    put(timers, index, timer);
}

static void remove_at(pc_timers *timers, size_t index)
{
    timers->heap[index]->place = 0;
    pc_timer *last = timers->heap[--timers->count];
    if (index < timers->count) {
        put(timers, index, last);
        sift_up(timers, index);
        sift_down(timers, last->place - 1);
    }
}

static void *tick(void *argument)
{
    pc_timers *timers = argument;
    pthread_mutex_lock(&timers->lock);
    while (!timers->stopping) {
        if (timers->count == 0) {
            pthread_cond_wait(&timers->changed, &timers->lock);
            continue;
        }
        pc_timer *first = timers->heap[0];
        if (first->at_ns > pc_clock_now_ns()) {
            struct timespec until = {.tv_sec = first->at_ns / 1000000000,
                                     .tv_nsec = first->at_ns % 1000000000};
            pthread_cond_timedwait(&timers->changed, &timers->lock, &until);
            continue;
        }
        remove_at(timers, 0);
        pthread_mutex_unlock(&timers->lock);
        first->fire(first);
        pthread_mutex_lock(&timers->lock);
    }
    pthread_mutex_unlock(&timers->lock);
    return NULL;
}

pc_status pc_timers_new(pc_timers **out)
{
    *out = NULL;
    pc_timers *timers = calloc(1, sizeof *timers);
    if (timers == NULL) {
        return pc_status_out_of_memory();
    }
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&timers->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&timers->lock, NULL);
    if (!pc_thread_start(&timers->thread, "timers", tick, timers)) {
        pthread_cond_destroy(&timers->changed);
        pthread_mutex_destroy(&timers->lock);
        free(timers);
        return pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "NO_THREADS",
                             "cannot start the timer thread");
    }
    *out = timers;
    return PC_OK;
}

void pc_timers_free(pc_timers *timers)
{
    if (timers == NULL) {
        return;
    }
    pthread_mutex_lock(&timers->lock);
    timers->stopping = true;
    pthread_cond_signal(&timers->changed);
    pthread_mutex_unlock(&timers->lock);
    pthread_join(timers->thread, NULL);
    pthread_cond_destroy(&timers->changed);
    pthread_mutex_destroy(&timers->lock);
    free(timers->heap);
    free(timers);
}

pc_status pc_timers_set(pc_timers *timers, pc_timer *timer, int64_t at_ns)
{
    pthread_mutex_lock(&timers->lock);
    if (timers->count == timers->capacity) {
        size_t capacity = timers->capacity == 0 ? 64 : timers->capacity * 2;
        pc_timer **grown = realloc(timers->heap, capacity * sizeof(pc_timer *));
        if (grown == NULL) {
            pthread_mutex_unlock(&timers->lock);
            return pc_status_out_of_memory();
        }
        timers->heap = grown;
        timers->capacity = capacity;
    }
    timer->at_ns = at_ns;
    put(timers, timers->count, timer);
    sift_up(timers, timers->count++);
    bool is_first = timers->heap[0] == timer;
    if (is_first) {
        pthread_cond_signal(&timers->changed);
    }
    pthread_mutex_unlock(&timers->lock);
    return PC_OK;
}

bool pc_timers_cancel(pc_timers *timers, pc_timer *timer)
{
    pthread_mutex_lock(&timers->lock);
    bool was_set = timer->place != 0;
    if (was_set) {
        remove_at(timers, timer->place - 1);
    }
    pthread_mutex_unlock(&timers->lock);
    return was_set;
}
