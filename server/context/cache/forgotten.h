/* Who was forgotten of late, so that a fetch which began before that does not bring them back.
 * Threads: any. */
#ifndef PC_CONTEXT_CACHE_FORGOTTEN_H
#define PC_CONTEXT_CACHE_FORGOTTEN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "context/cache/key.h"

enum { PC_FORGOTTEN_KEYS = 1024 };

/* Visible only so that it can be embedded. */
typedef struct {
    atomic_int_least64_t latest_ns; /* of the newest; 0: none */
    pthread_mutex_t lock;           /* guards all that follows */
    size_t count;                   /* ever added */
    struct {
        pc_cache_key key;
        int64_t at_ns;
    } keys[PC_FORGOTTEN_KEYS]; /* a ring */
} pc_forgotten;

void pc_forgotten_init(pc_forgotten *forgotten);
void pc_forgotten_deinit(pc_forgotten *forgotten);

/* `now_ns` is pc_clock_now_ns. */
void pc_forgotten_add(pc_forgotten *forgotten, const pc_cache_key *key, int64_t now_ns);

/* Whether any of the keys was added at `then_ns` or later, or may have been: only so many are
 * kept. */
bool pc_forgotten_since(pc_forgotten *forgotten, const pc_cache_key *keys, size_t count,
                        int64_t then_ns);

#endif
