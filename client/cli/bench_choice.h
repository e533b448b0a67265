/* Whom the next request of a load asks for: one after the other, or at random with some more
 * popular than others; and amid them persons who were never asked for. The same seed makes the same
 * choice. */
#ifndef PROFILECTL_BENCH_CHOICE_H
#define PROFILECTL_BENCH_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The choice of somebody new. */
#define BENCH_CHOICE_MISS SIZE_MAX

/* All private to the module. */
typedef struct {
    size_t count;
    size_t next;       /* in turn */
    double *shares;    /* of the first, of the first two, ...; NULL: in turn; owned */
    uint64_t random;   /* state */
    uint32_t misses;   /* in a million requests */
    uint32_t miss_sum; /* of them, since the last miss */
} bench_choice;

/* Chooses among `count` persons, in turn where `zipf` is below 0, and else person k with a
 * probability in proportion to 1 / k^zipf; 0 is the same for all. `miss_percent` of the requests,
 * 0 to 100, evenly spread, are for somebody new. `count` may be 0 where all are. False without
 * memory. */
bool bench_choice_init(bench_choice *out, size_t count, double zipf, double miss_percent,
                       uint64_t seed);
void bench_choice_deinit(bench_choice *of);

/* The next one, from 0, or BENCH_CHOICE_MISS. */
size_t bench_choice_next(bench_choice *of);

#endif
