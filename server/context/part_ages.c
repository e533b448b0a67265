/* By buckets from a second to a day. */
#include "context/part_ages.h"

pc_status pc_part_ages_new(pc_distribution **out)
{
    static const int64_t bounds_ms[] = {1000,    5000,    15000,    30000,    60000,
                                        120000,  300000,  600000,   900000,   1800000,
                                        3600000, 7200000, 21600000, 43200000, 86400000};
    return pc_distribution_new(out, bounds_ms, PC_COUNT_OF(bounds_ms), PC_PART_COUNT);
}

void pc_part_ages_add(pc_distribution *ages, const pc_gathered *gathered)
{
    if (ages == NULL) {
        return;
    }
    for (int kind = 0; kind < PC_PART_COUNT; kind++) {
        const pc_part_source *held = &gathered->held[kind];
        if (held->part != NULL && held->remembered) {
            pc_distribution_add(ages, (size_t)kind,
                                (gathered->now.ns - held->fetched_ns) / 1000000);
        }
    }
}
