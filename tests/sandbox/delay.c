/* A heap of due times and its thread, see delay.h. */
#include "delay.h"

#include "clock.h"
#include "text.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct entry {
    int64_t due_ms;
    void *payload;
};

struct sbx_delay {
    sbx_delay_fn *due;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows; never held while calling back */
    pthread_cond_t changed;
    struct entry *heap; /* the earliest at 0 */
    size_t count;
    size_t capacity;
    bool stopping;
};

static void swap(struct entry *one, struct entry *other)
{
    struct entry held = *one;
    *one = *other;
    *other = held;
}

static void push(struct sbx_delay *delay, struct entry entry)
{
    if (delay->count == delay->capacity) {
        delay->capacity = delay->capacity > 0 ? delay->capacity * 2 : 64;
        delay->heap = sbx_grow(delay->heap, delay->capacity * sizeof(*delay->heap));
    }
    size_t at = delay->count++;
    delay->heap[at] = entry;
    while (at > 0 && delay->heap[at].due_ms < delay->heap[(at - 1) / 2].due_ms) {
        swap(&delay->heap[at], &delay->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static struct entry pop(struct sbx_delay *delay)
{
    struct entry first = delay->heap[0];
    delay->heap[0] = delay->heap[--delay->count];
    size_t at = 0;
    while (true) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < delay->count; child++) {
            if (delay->heap[child].due_ms < delay->heap[least].due_ms) {
                least = child;
            }
        }
        if (least == at) {
            return first;
        }
        swap(&delay->heap[at], &delay->heap[least]);
        at = least;
    }
}

static void wait_until(struct sbx_delay *delay, int64_t due_ms)
{
    struct timespec until = {.tv_sec = (time_t)(due_ms / 1000),
                             .tv_nsec = (long)(due_ms % 1000) * 1000000};
    pthread_cond_clockwait(&delay->changed, &delay->lock, CLOCK_MONOTONIC, &until);
}

static void *run(void *payload)
{
    struct sbx_delay *delay = payload;
    pthread_mutex_lock(&delay->lock);
    while (!delay->stopping || delay->count > 0) {
        if (delay->count == 0) {
            pthread_cond_wait(&delay->changed, &delay->lock);
            continue;
        }
        bool expired = delay->heap[0].due_ms <= sbx_clock_monotonic();
        if (!expired && !delay->stopping) {
            wait_until(delay, delay->heap[0].due_ms);
            continue;
        }
        struct entry entry = pop(delay);
        expired = expired && !delay->stopping;
        pthread_mutex_unlock(&delay->lock);
        delay->due(entry.payload, expired);
        pthread_mutex_lock(&delay->lock);
    }
    pthread_mutex_unlock(&delay->lock);
    return NULL;
}

sbx_delay *sbx_delay_new(sbx_delay_fn *due)
{
    struct sbx_delay *delay = sbx_alloc(sizeof(*delay));
    delay->due = due;
    pthread_mutex_init(&delay->lock, NULL);
    pthread_cond_init(&delay->changed, NULL);
    if (pthread_create(&delay->thread, NULL, run, delay) != 0) {
        sbx_delay_free(delay);
        return NULL;
    }
    return delay;
}

bool sbx_delay_submit(sbx_delay *delay, int64_t due_ms, void *payload)
{
    pthread_mutex_lock(&delay->lock);
    bool accepted = !delay->stopping;
    if (accepted) {
        push(delay, (struct entry){due_ms, payload});
        pthread_cond_signal(&delay->changed);
    }
    pthread_mutex_unlock(&delay->lock);
    return accepted;
}

void sbx_delay_stop(sbx_delay *delay)
{
    pthread_mutex_lock(&delay->lock);
    delay->stopping = true;
    pthread_cond_signal(&delay->changed);
    pthread_mutex_unlock(&delay->lock);
    pthread_join(delay->thread, NULL);
}

void sbx_delay_free(sbx_delay *delay)
{
    pthread_cond_destroy(&delay->changed);
    pthread_mutex_destroy(&delay->lock);
    free(delay->heap);
    free(delay);
}
