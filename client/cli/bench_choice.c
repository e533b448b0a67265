/* Whom the next request of a load asks for. */
#include "bench_choice.h"

#include <math.h>
#include <stdlib.h>

enum { MILLION = 1000000 };

/* A number of [0, 1), by SplitMix64: a counter whose steps are mixed well. */
static double next_random(bench_choice *of)
{
    of->random += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t mixed = of->random;
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    mixed ^= mixed >> 31;
    return (double)(mixed >> 11) * 0x1p-53;
}

bool bench_choice_init(bench_choice *out, size_t count, double zipf, double miss_percent,
                       uint64_t seed)
{
    *out = (bench_choice){
        .count = count, .random = seed, .misses = (uint32_t)lround(miss_percent * MILLION / 100)};
    if (zipf < 0 || count == 0) {
        return true;
    }
    out->shares = calloc(count, sizeof *out->shares);
    if (out->shares == NULL) {
        return false;
    }
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += pow((double)(i + 1), -zipf);
        out->shares[i] = sum;
    }
    for (size_t i = 0; i < count; i++) {
        out->shares[i] /= sum;
    }
    return true;
}

void bench_choice_deinit(bench_choice *of)
{
    free(of->shares);
    of->shares = NULL;
}

static bool is_miss(bench_choice *of)
{
    of->miss_sum += of->misses;
    if (of->miss_sum < MILLION) {
        return false;
    }
    of->miss_sum -= MILLION;
    return true;
}

/* The first whose share is above a number of [0, 1). */
static size_t find(const bench_choice *of, double number)
{
    size_t low = 0;
    size_t high = of->count - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (of->shares[middle] > number) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

size_t bench_choice_next(bench_choice *of)
{
    if (is_miss(of) || of->count == 0) {
        return BENCH_CHOICE_MISS;
    }
    if (of->shares != NULL) {
        return find(of, next_random(of));
    }
    size_t chosen = of->next;
    of->next = chosen + 1 < of->count ? chosen + 1 : 0;
    return chosen;
}
