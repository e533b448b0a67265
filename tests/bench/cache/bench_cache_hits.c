/* How often a cache of a given size has what is asked for: ours, and a plain LRU of the same bytes,
 * over a time-compressed day in which customers are asked for by Zipf's law. Both are judged by the
 * same rules of freshness, the server's defaults; a fetch takes no time.
 * Usage: bench_cache_hits day|scan REQUESTS CUSTOMERS SKEW. Prints one JSON object a line. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "context/cache/cache.h"
#include "context/cache/freshness.h"
#include "lru.h"
#include "population.h"

static const int64_t minute_ms = 60 * 1000;
static const int64_t day_ns = 24LL * 3600 * 1000 * 1000 * 1000;

typedef struct {
    uint32_t requests;
    uint32_t customers;
    const double *zipf;
    bool scan; /* a batch job reads every customer once, in the busiest tenth of the day */
} trace;

typedef struct {
    pc_cache *ours; /* one of the two */
    lru *plain;
} store;

typedef struct {
    uint32_t requests;
    uint32_t given; /* at once, and whole */
    uint32_t found; /* there is something, fresh or not */
    uint32_t calls;
} figures;

static pc_freshness_rules default_rules(void)
{
    return (pc_freshness_rules){
        .fresh_ms = {[PC_SECTION_PROFILE] = 5 * minute_ms,
                     [PC_SECTION_EVENTS] = minute_ms,
                     [PC_SECTION_SEGMENTS] = 5 * minute_ms,
                     [PC_SECTION_IDENTITIES] = 60 * minute_ms,
                     [PC_SECTION_INSIGHTS] = 15 * minute_ms},
        .revalidate_ms = minute_ms,
        .if_error_ms = 24 * 60 * minute_ms,
        .missing_ms = minute_ms / 2,
        .ahead_percent = 80,
    };
}

static unsigned sections_of(pc_part_kind kind)
{
    return kind == PC_PART_EVENTS
               ? PC_SECTION_BIT(PC_SECTION_EVENTS)
               : PC_SECTION_BIT(PC_SECTION_PROFILE) | PC_SECTION_BIT(PC_SECTION_SEGMENTS) |
                     PC_SECTION_BIT(PC_SECTION_IDENTITIES) | PC_SECTION_BIT(PC_SECTION_INSIGHTS);
}

static bool get(const store *s, uint32_t person, pc_part_kind kind, pc_cached *out)
{
    if (s->ours == NULL) {
        return lru_get(s->plain, person, kind, out);
    }
    const pc_cache_key key = population_key(person, 0);
    if (!pc_cache_get(s->ours, &key, kind, true, out)) {
        return false;
    }
    pc_slice_unref(out->part);
    return true;
}

static void put(const store *s, uint32_t person, pc_part_kind kind, int64_t now_ns)
{
    const size_t size = population_part_bytes(person, kind);
    if (s->ours == NULL) {
        lru_put(s->plain, person, kind, size, now_ns);
    } else if (!population_put(s->ours, person, kind, size, now_ns)) {
        abort();
    }
}

/* A whole context is asked for: profile and events. */
static void ask(const store *s, const pc_freshness_rules *rules, uint32_t person, int64_t now_ns,
                figures *sum)
{
    bool given = true;
    bool found = true;
    for (int kind = 0; kind < PC_PART_COUNT; kind++) {
        pc_cached cached;
        pc_freshness_verdict verdict = {.fetch = true};
        if (get(s, person, (pc_part_kind)kind, &cached)) {
            const pc_freshness_question question = {
                .sections = sections_of((pc_part_kind)kind),
                .staleness_ms = PC_STALENESS_UNSET,
                .age_ms = (now_ns - cached.fetched_ns) / 1000000,
                .popular = cached.popular,
            };
            verdict = pc_freshness_judge(rules, &question);
        } else {
            found = false;
        }
        given = given && verdict.give;
        if (verdict.fetch) {
            put(s, person, (pc_part_kind)kind, now_ns);
            sum->calls++;
        }
    }
    sum->requests++;
    sum->given += given;
    sum->found += found;
}

/* Quiet at midnight, nine times as busy at noon. */
static int64_t time_of(double share)
{
    const double turn = 2 * acos(-1);
    return 1 + (int64_t)((double)day_ns * (share + 0.8 * sin(turn * share) / turn));
}

static figures run(const trace *t, const store *s)
{
    const pc_freshness_rules rules = default_rules();
    figures sum = {0};
    figures others = {0};
    uint32_t scanned = 0;
    for (uint32_t i = 0; i < t->requests; i++) {
        const double share = (double)i / t->requests;
        const int64_t now_ns = time_of(share);
        if (t->scan) {
            /* Only the time of the scan and as much after it counts. */
            figures *counted = share >= 0.45 && share < 0.65 ? &sum : &others;
            for (; share >= 0.45 && scanned < (share - 0.45) * 10 * t->customers &&
                   scanned < t->customers;
                 scanned++) {
                ask(s, &rules, scanned, now_ns, &others);
            }
            ask(s, &rules, zipf_draw(t->zipf, t->customers, population_mix(i)), now_ns, counted);
        } else {
            ask(s, &rules, zipf_draw(t->zipf, t->customers, population_mix(i)), now_ns, &sum);
        }
    }
    return sum;
}

/* What one customer costs in our cache beside its slices. */
static size_t overhead_of_one(void)
{
    pc_cache *cache;
    pc_status status = pc_cache_new(&cache, 1 << 20);
    if (!pc_status_ok(&status) || !population_put(cache, 0, PC_PART_PROFILE, 1000, 1)) {
        abort();
    }
    const size_t bytes = pc_cache_count(cache).bytes - pc_slice_memory(1000);
    pc_cache_free(cache);
    return bytes;
}

static void measure(const trace *t, size_t bytes, int percent, size_t overhead, bool plain)
{
    store s = {0};
    if (plain) {
        s.plain = lru_new(t->customers, bytes, overhead);
    } else {
        pc_status status = pc_cache_new(&s.ours, bytes);
        pc_status_clear(&status);
    }
    if (s.ours == NULL && s.plain == NULL) {
        abort();
    }
    const figures f = run(t, &s);
    printf("{\"trace\":\"%s\",\"policy\":\"%s\",\"percent\":%d,\"bytes\":%zu,\"requests\":%u,"
           "\"given\":%.5f,\"found\":%.5f,\"calls_saved\":%.5f}\n",
           t->scan ? "scan" : "day", plain ? "lru" : "ours", percent, bytes, f.requests,
           (double)f.given / f.requests, (double)f.found / f.requests,
           1 - (double)f.calls / (PC_PART_COUNT * (double)f.requests));
    fflush(stdout);
    lru_free(s.plain);
    pc_cache_free(s.ours);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: bench_cache_hits day|scan REQUESTS CUSTOMERS SKEW\n");
        return 2;
    }
    trace t = {.scan = strcmp(argv[1], "scan") == 0,
               .requests = (uint32_t)strtoul(argv[2], NULL, 10),
               .customers = (uint32_t)strtoul(argv[3], NULL, 10)};
    double *zipf = zipf_new(t.customers, strtod(argv[4], NULL));
    if (zipf == NULL) {
        return 1;
    }
    t.zipf = zipf;
    const size_t overhead = overhead_of_one();
    size_t all = 0;
    for (uint32_t person = 0; person < t.customers; person++) {
        all += overhead;
        for (int kind = 0; kind < PC_PART_COUNT; kind++) {
            all += pc_slice_memory(population_part_bytes(person, (pc_part_kind)kind));
        }
    }
    const int percents[] = {1, 5, 10};
    for (size_t i = 0; i < sizeof percents / sizeof percents[0]; i++) {
        measure(&t, all / 100 * (size_t)percents[i], percents[i], overhead, false);
        measure(&t, all / 100 * (size_t)percents[i], percents[i], overhead, true);
    }
    free(zipf);
    return 0;
}
