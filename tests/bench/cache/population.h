/* The made-up customers of the cache's benchmarks, and who of them is asked for. */
#ifndef PC_BENCH_CACHE_POPULATION_H
#define PC_BENCH_CACHE_POPULATION_H

#include <stddef.h>
#include <stdint.h>

#include "context/cache/cache.h"

/* splitmix64: any number makes a good one. */
uint64_t population_mix(uint64_t x);

/* What customer `person` is found by: an identity (0) or an XID (1). */
pc_cache_key population_key(uint32_t person, int which);

/* Wire bytes of a part of a customer: 600 to 2400 of a profile, 0 to 2000 of events. */
size_t population_part_bytes(uint32_t person, pc_part_kind kind);

/* Puts a part that was fetched at `now_ns`, under both keys; its bytes are not set. False when out
 * of memory. */
bool population_put(pc_cache *cache, uint32_t person, pc_part_kind kind, size_t size,
                    int64_t now_ns);

/* Zipf's law over `count` customers: the n-th is asked for as often as 1 / n^skew says. NULL when
 * out of memory. Owned: free. */
double *zipf_new(uint32_t count, double skew);

/* A customer, 0 being the one most asked for; `dice` is any number. */
uint32_t zipf_draw(const double *zipf, uint32_t count, uint64_t dice);

#endif
