/* The plainest cache that one could have in the place of ours: least recently used, bounded by
 * bytes. It only keeps the books: persons are places in an array, and no byte is stored.
 * Threads: one. */
#ifndef PC_BENCH_CACHE_LRU_H
#define PC_BENCH_CACHE_LRU_H

#include <stdbool.h>

#include "context/cache/cache.h"

typedef struct lru lru;

/* For persons below `count`; `overhead` is charged for each beside its parts. NULL when out of
 * memory. Owned: lru_free. */
lru *lru_new(uint32_t count, size_t bytes_max, size_t overhead);
void lru_free(lru *cache);

/* As pc_cache_get; `part` stays NULL. */
bool lru_get(lru *cache, uint32_t person, pc_part_kind kind, pc_cached *out);

/* As pc_cache_put, of `size` wire bytes. */
void lru_put(lru *cache, uint32_t person, pc_part_kind kind, size_t size, int64_t now_ns);

#endif
