#include "population.h"

#include <math.h>
#include <stdlib.h>

uint64_t population_mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

pc_cache_key population_key(uint32_t person, int which)
{
    const uint64_t number = (uint64_t)person * 4 + (uint64_t)which * 2;
    return (pc_cache_key){population_mix(number), population_mix(number + 1)};
}

size_t population_part_bytes(uint32_t person, pc_part_kind kind)
{
    const uint64_t dice = population_mix(~(uint64_t)person * 2 + (uint64_t)kind);
    return kind == PC_PART_PROFILE ? 600 + dice % 1801 : dice % 2001;
}

bool population_put(pc_cache *cache, uint32_t person, pc_part_kind kind, size_t size,
                    int64_t now_ns)
{
    pc_slice *part = pc_slice_new(size);
    if (part == NULL) {
        return false;
    }
    const pc_cache_key keys[] = {population_key(person, 0), population_key(person, 1)};
    const pc_cached data = {.part = part, .fetched_ns = now_ns};
    pc_cache_put(cache, keys, 2, 2, kind, &data);
    pc_slice_unref(part);
    return true;
}

double *zipf_new(uint32_t count, double skew)
{
    double *sums = malloc(count * sizeof *sums);
    if (sums == NULL) {
        return NULL;
    }
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += 1 / pow(i + 1, skew);
        sums[i] = sum;
    }
    return sums;
}

uint32_t zipf_draw(const double *zipf, uint32_t count, uint64_t dice)
{
    const double wanted = (double)(dice >> 11) / (double)(1ULL << 53) * zipf[count - 1];
    uint32_t low = 0;
    uint32_t high = count - 1;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (zipf[middle] > wanted) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}
