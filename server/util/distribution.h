/* Counts values by the bucket that they fall into, for several kinds of them side by side: what a
 * histogram is made of. In stripes, so that many threads may count (util/stripes.h).
 * Threads: any. Counting takes no lock and no memory. */
#ifndef PC_UTIL_DISTRIBUTION_H
#define PC_UTIL_DISTRIBUTION_H

#include <stddef.h>
#include <stdint.h>

#include "util/status.h"

enum { PC_DISTRIBUTION_BOUNDS_MAX = 22 };

typedef struct pc_distribution pc_distribution;

/* What one kind has seen. */
typedef struct {
    uint64_t counts[PC_DISTRIBUTION_BOUNDS_MAX + 1]; /* of each bucket by itself */
    uint64_t sum;                                    /* of the values */
    uint64_t count;
} pc_distribution_figures;

/* `bounds` are the growing upper bounds of the buckets without the infinite one, at most
 * PC_DISTRIBUTION_BOUNDS_MAX, and outlive it. Owned: pc_distribution_free. Errors:
 * RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_distribution_new(pc_distribution **out, const int64_t *bounds,
                                           size_t bound_count, size_t kinds);

/* NULL is allowed. */
void pc_distribution_free(pc_distribution *distribution);

/* Negative values count as 0. NULL counts nothing. */
void pc_distribution_add(pc_distribution *distribution, size_t kind, int64_t value);

void pc_distribution_read(const pc_distribution *distribution, size_t kind,
                          pc_distribution_figures *out);

/* About which value a share of the counted ones, 0 to 1, does not exceed: within a bucket they are
 * taken to lie evenly. -1 where nothing was counted. What is above the last bound counts as it. */
double pc_distribution_quantile(const int64_t *bounds, size_t bound_count, const uint64_t *counts,
                                double share);

const int64_t *pc_distribution_bounds(const pc_distribution *distribution, size_t *count_out);

#endif
