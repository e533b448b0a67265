/* See collector.h. */
#include "collector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/clock.h"

enum { WAIT_S = 10 };

void collector_init(collector *own, size_t count)
{
    *own = (collector){.count = count};
    own->items = calloc(count, sizeof *own->items);
    for (size_t i = 0; i < count; i++) {
        own->items[i].owner = own;
    }
    pthread_mutex_init(&own->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&own->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

void collector_deinit(collector *own)
{
    for (size_t i = 0; i < own->count; i++) {
        if (own->items[i].calls > 1) {
            (void)fprintf(stderr, "a callback came %d times\n", own->items[i].calls);
            abort();
        }
        pc_status_clear(&own->items[i].status);
    }
    free(own->items);
    pthread_cond_destroy(&own->changed);
    pthread_mutex_destroy(&own->lock);
}

void collector_wait(collector *own, int calls)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += WAIT_S;
    pthread_mutex_lock(&own->lock);
    while (own->calls < calls) {
        if (pthread_cond_timedwait(&own->changed, &own->lock, &until) != 0) {
            (void)fprintf(stderr, "%d of %d callbacks came\n", own->calls, calls);
            abort();
        }
    }
    pthread_mutex_unlock(&own->lock);
}

int collector_calls(collector *own)
{
    pthread_mutex_lock(&own->lock);
    int calls = own->calls;
    pthread_mutex_unlock(&own->lock);
    return calls;
}

void collector_record(collected *item, pc_status status, void (*fill)(collected *, const void *),
                      const void *result)
{
    collector *own = item->owner;
    pthread_mutex_lock(&own->lock);
    item->at_ns = pc_clock_now_ns();
    pc_status_clear(&item->status);
    item->status = status;
    if (fill != NULL && result != NULL) {
        fill(item, result);
    }
    item->calls++;
    own->calls++;
    pthread_cond_broadcast(&own->changed);
    pthread_mutex_unlock(&own->lock);
}

void collector_copy_body(collected *item, const void *bytes, size_t size)
{
    item->body_size = size;
    size_t kept = size < COLLECTOR_BODY_MAX - 1 ? size : COLLECTOR_BODY_MAX - 1;
    memcpy(item->body, bytes, kept);
    item->body[kept] = '\0';
}
