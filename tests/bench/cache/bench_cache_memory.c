/* What the cache takes of memory: the charge, the heap and the resident set, for so many cached
 * contexts, and over an hour of churn in which nothing may grow. Not a test: it judges nothing.
 * Usage: bench_cache_memory contexts COUNT | churn REQUESTS THREADS CACHE_BYTES.
 * Prints one JSON object a line. */
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "context/cache/cache.h"
#include "population.h"

enum { PEOPLE = 1000000, MINUTES = 60, THREADS_MAX = 16, FRESH_MINUTES = 5 };

typedef struct {
    size_t heap;
    size_t resident;
} memory;

static memory memory_now(void)
{
    const struct mallinfo2 info = mallinfo2();
    memory now = {.heap = info.uordblks + info.hblkhd};
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long pages = 0;
    if (file != NULL) {
        if (fscanf(file, "%*u %lu", &pages) != 1) { /* NOLINT(cert-err34-c): the kernel's */
            pages = 0;
        }
        (void)fclose(file);
    }
    now.resident = pages * (size_t)sysconf(_SC_PAGESIZE);
    return now;
}

static pc_cache *make(size_t bytes_max)
{
    pc_cache *cache;
    pc_status status = pc_cache_new(&cache, bytes_max);
    if (!pc_status_ok(&status)) {
        abort();
    }
    return cache;
}

static void put(pc_cache *cache, uint32_t person, pc_part_kind kind, size_t size, int64_t now_ns)
{
    pc_slice *part = pc_slice_new(size);
    if (part == NULL) {
        abort();
    }
    /* Resident, as what has been mapped is. */
    memset(pc_slice_writable(part), (int)kind, size);
    const pc_cache_key keys[] = {population_key(person, 0), population_key(person, 1)};
    const pc_cached data = {.part = part, .fetched_ns = now_ns};
    pc_cache_put(cache, keys, 2, 2, kind, &data);
    pc_slice_unref(part);
}

static void fill(uint32_t count)
{
    pc_cache *cache = make((size_t)16 << 30);
    const memory before = memory_now();
    size_t wire = 0;
    for (uint32_t person = 0; person < count; person++) {
        for (int kind = 0; kind < PC_PART_COUNT; kind++) {
            const size_t size = population_part_bytes(person, (pc_part_kind)kind);
            put(cache, person, (pc_part_kind)kind, size, 1);
            wire += size;
        }
    }
    const memory after = memory_now();
    const pc_cache_figures figures = pc_cache_count(cache);
    printf("{\"contexts\":%zu,\"wire\":%zu,\"charged\":%zu,\"heap\":%zu,\"resident\":%zu}\n",
           figures.records, wire, figures.bytes, after.heap - before.heap,
           after.resident - before.resident);
    pc_cache_free(cache);
}

/* ---- churn ----------------------------------------------------------------------------------- */

typedef struct {
    pc_cache *cache;
    const double *zipf;
    uint32_t each; /* requests of a minute and thread */
    uint32_t minute;
    pthread_barrier_t *turn;
    uint64_t dice;
    atomic_uint *hits;
} worker;

/* Most ask; what is missing or old comes anew, seldom of the same size as before; now and then
 * someone is deleted. */
static void ask(worker *w)
{
    w->dice = population_mix(w->dice);
    const uint32_t person = zipf_draw(w->zipf, PEOPLE, w->dice);
    const pc_part_kind kind = (pc_part_kind)(w->dice & 1);
    const pc_cache_key key = population_key(person, (int)(w->dice >> 1 & 1));
    pc_cached found;
    if ((w->dice >> 2) % 1000 == 0) {
        pc_cache_forget(w->cache, &key, w->minute);
        return;
    }
    if (pc_cache_get(w->cache, &key, kind, true, &found)) {
        pc_slice_unref(found.part);
        if (found.fetched_ns + FRESH_MINUTES > w->minute) {
            atomic_fetch_add_explicit(w->hits, 1, memory_order_relaxed);
            return;
        }
    }
    put(w->cache, person, kind,
        population_part_bytes(person + w->minute / FRESH_MINUTES * PEOPLE, kind), w->minute);
}

static void *churn(void *self)
{
    worker *w = self;
    for (w->minute = 1; w->minute <= MINUTES; w->minute++) {
        for (uint32_t i = 0; i < w->each; i++) {
            ask(w);
        }
        /* Twice: while all wait the second time, memory is looked at. */
        pthread_barrier_wait(w->turn);
        pthread_barrier_wait(w->turn);
    }
    return NULL;
}

static void watch(pc_cache *cache, pthread_barrier_t *turn, atomic_uint *hits, uint32_t requests)
{
    for (int minute = 1; minute <= MINUTES; minute++) {
        pthread_barrier_wait(turn);
        const memory now = memory_now();
        const pc_cache_figures figures = pc_cache_count(cache);
        printf("{\"minute\":%d,\"records\":%zu,\"evicted\":%zu,\"charged\":%zu,\"heap\":%zu,"
               "\"resident\":%zu,\"hits\":%.4f}\n",
               minute, figures.records, figures.evicted, figures.bytes, now.heap, now.resident,
               (double)atomic_exchange(hits, 0) / requests);
        fflush(stdout);
        pthread_barrier_wait(turn);
    }
}

static int run_churn(uint32_t requests, unsigned threads, size_t bytes_max)
{
    double *zipf = zipf_new(PEOPLE, 1);
    if (zipf == NULL || threads < 1 || threads > THREADS_MAX) {
        free(zipf);
        return 1;
    }
    pc_cache *cache = make(bytes_max);
    pthread_barrier_t turn;
    pthread_barrier_init(&turn, NULL, threads + 1);
    worker workers[THREADS_MAX];
    pthread_t ids[THREADS_MAX];
    atomic_uint hits = 0;
    const uint32_t each = requests / MINUTES / threads;
    for (unsigned i = 0; i < threads; i++) {
        workers[i] = (worker){cache, zipf, each, 0, &turn, i + 1, &hits};
        if (pthread_create(&ids[i], NULL, churn, &workers[i]) != 0) {
            abort();
        }
    }
    watch(cache, &turn, &hits, each * threads);
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
    }
    pthread_barrier_destroy(&turn);
    pc_cache_free(cache);
    free(zipf);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "contexts") == 0) {
        fill((uint32_t)strtoul(argv[2], NULL, 10));
        return 0;
    }
    if (argc == 5 && strcmp(argv[1], "churn") == 0) {
        return run_churn((uint32_t)strtoul(argv[2], NULL, 10), (unsigned)strtoul(argv[3], NULL, 10),
                         strtoul(argv[4], NULL, 10));
    }
    fprintf(stderr, "usage: bench_cache_memory contexts COUNT | churn REQUESTS THREADS BYTES\n");
    return 2;
}
