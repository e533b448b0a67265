/* Collects what callbacks on other threads bring, and lets a test wait for it with a bound. */
#ifndef COLLECTOR_H
#define COLLECTOR_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "util/status.h"

enum { COLLECTOR_BODY_MAX = 4096, COLLECTOR_TEXT_MAX = 128 };

typedef struct collector collector;

/* One expected callback; its address is the callback's `self`. */
typedef struct {
    collector *owner;
    int calls;
    pc_status status; /* owned by the collector */
    int http_status;
    unsigned attempts;
    int64_t retry_after_ms;
    int64_t at_ns;
    size_t body_size;
    char body[COLLECTOR_BODY_MAX]; /* NUL-terminated beginning */
    char content_type[COLLECTOR_TEXT_MAX];
    char request_id[COLLECTOR_TEXT_MAX];
} collected;

struct collector {
    pthread_mutex_t lock; /* guards: calls and items */
    pthread_cond_t changed;
    int calls;
    size_t count;
    collected *items;
};

void collector_init(collector *own, size_t count);

/* Also fails the test when a callback came twice. */
void collector_deinit(collector *own);

/* Waits until `calls` callbacks have come in all; fails the test after ten seconds. */
void collector_wait(collector *own, int calls);

int collector_calls(collector *own);

/* From the callback: records, taking `status`. `fill` may be NULL. */
void collector_record(collected *item, pc_status status, void (*fill)(collected *, const void *),
                      const void *result);

/* Copies at most what fits. */
void collector_copy_body(collected *item, const void *bytes, size_t size);

#endif
