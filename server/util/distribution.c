/* Counters in stripes: see util/stripes.h. */
#include "util/distribution.h"

#include <assert.h>
#include <stdlib.h>

#include "util/stripes.h"

typedef struct {
    _Alignas(PC_STRIPE_ALIGNMENT) pc_counter sum;
    pc_counter counts[PC_DISTRIBUTION_BOUNDS_MAX + 1];
} counters;

struct pc_distribution {
    const int64_t *bounds;
    size_t bound_count;
    size_t kinds;
    counters *stripes; /* PC_STRIPES times `kinds` */
};

pc_status pc_distribution_new(pc_distribution **out, const int64_t *bounds, size_t bound_count,
                              size_t kinds)
{
    assert(bound_count <= PC_DISTRIBUTION_BOUNDS_MAX);
    *out = NULL;
    pc_distribution *distribution = calloc(1, sizeof *distribution);
    counters *stripes = pc_stripes_new(kinds * sizeof *stripes);
    if (distribution == NULL || stripes == NULL) {
        free(distribution);
        free(stripes);
        return pc_status_out_of_memory();
    }
    *distribution = (pc_distribution){bounds, bound_count, kinds, stripes};
    *out = distribution;
    return PC_OK;
}

void pc_distribution_free(pc_distribution *distribution)
{
    if (distribution != NULL) {
        free(distribution->stripes);
        free(distribution);
    }
}

void pc_distribution_add(pc_distribution *distribution, size_t kind, int64_t value)
{
    if (distribution == NULL) {
        return;
    }
    size_t bucket = 0;
    while (bucket < distribution->bound_count && value > distribution->bounds[bucket]) {
        bucket++;
    }
    unsigned mine = pc_stripe();
    counters *c = &distribution->stripes[mine * distribution->kinds + kind];
    pc_counter_add(&c->sum, mine, value > 0 ? (uint64_t)value : 0);
    pc_counter_add(&c->counts[bucket], mine, 1);
}

void pc_distribution_read(const pc_distribution *distribution, size_t kind,
                          pc_distribution_figures *out)
{
    *out = (pc_distribution_figures){.count = 0};
    for (unsigned i = 0; i < PC_STRIPES; i++) {
        const counters *c = &distribution->stripes[i * distribution->kinds + kind];
        out->sum += pc_counter_read(&c->sum);
        for (size_t bucket = 0; bucket <= distribution->bound_count; bucket++) {
            uint64_t count = pc_counter_read(&c->counts[bucket]);
            out->counts[bucket] += count;
            out->count += count;
        }
    }
}

const int64_t *pc_distribution_bounds(const pc_distribution *distribution, size_t *count_out)
{
    *count_out = distribution->bound_count;
    return distribution->bounds;
}

double pc_distribution_quantile(const int64_t *bounds, size_t bound_count, const uint64_t *counts,
                                double share)
{
    uint64_t all = 0;
    for (size_t i = 0; i <= bound_count; i++) {
        all += counts[i];
    }
    if (all == 0) {
        return -1;
    }
    double wanted = share * (double)all;
    double before = 0;
    for (size_t i = 0; i < bound_count; i++) {
        double here = (double)counts[i];
        if (here > 0 && before + here >= wanted) {
            double low = i == 0 ? 0 : (double)bounds[i - 1];
            return low + ((double)bounds[i] - low) * (wanted - before) / here;
        }
        before += here;
    }
    return (double)bounds[bound_count - 1];
}
