/* What the cache remembers, forgets and costs. */
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "context/cache/cache.h"

enum { MIB = 1024 * 1024 };

/* splitmix64: any number makes a good key. */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

static pc_cache_key key(uint64_t number)
{
    return (pc_cache_key){mix(number * 2), mix(number * 2 + 1)};
}

static pc_cache *make(size_t bytes_max)
{
    pc_cache *cache;
    check_ok(pc_cache_new(&cache, bytes_max));
    return cache;
}

static pc_slice *filled(size_t size, char fill)
{
    pc_slice *part = pc_slice_new(size);
    memset(pc_slice_writable(part), fill, size);
    return part;
}

/* Puts a part of `size` bytes that all are `fill`. */
static void put(pc_cache *cache, uint64_t number, pc_part_kind kind, size_t size, char fill,
                int64_t fetched_ns)
{
    const pc_cache_key k = key(number);
    pc_slice *part = filled(size, fill);
    const pc_cached data = {.part = part, .fetched_ns = fetched_ns};
    pc_cache_put(cache, &k, 1, 1, kind, &data);
    pc_slice_unref(part);
}

/* The first byte of what is remembered; 0 for nothing. */
static char first_byte(pc_cache *cache, uint64_t number, pc_part_kind kind)
{
    const pc_cache_key k = key(number);
    pc_cached found;
    if (!pc_cache_get(cache, &k, kind, true, &found)) {
        return 0;
    }
    char byte = found.part == NULL ? 0 : (char)pc_slice_bytes(found.part)[0];
    pc_slice_unref(found.part);
    return byte;
}

static void parts_are_remembered_apart(void **state)
{
    (void)state;
    pc_cache *cache = make(MIB);
    put(cache, 1, PC_PART_PROFILE, 100, 'p', 10);
    assert_int_equal(first_byte(cache, 1, PC_PART_PROFILE), 'p');
    assert_int_equal(first_byte(cache, 1, PC_PART_EVENTS), 0);
    put(cache, 1, PC_PART_EVENTS, 100, 'e', 10);
    assert_int_equal(first_byte(cache, 1, PC_PART_PROFILE), 'p');
    assert_int_equal(first_byte(cache, 1, PC_PART_EVENTS), 'e');
    assert_int_equal(first_byte(cache, 2, PC_PART_PROFILE), 0);
    assert_int_equal(pc_cache_count(cache).records, 1);
    pc_cache_free(cache);
}

static void older_data_does_not_replace_newer(void **state)
{
    (void)state;
    pc_cache *cache = make(MIB);
    put(cache, 1, PC_PART_PROFILE, 10, 'b', 20);
    put(cache, 1, PC_PART_PROFILE, 10, 'a', 10);
    assert_int_equal(first_byte(cache, 1, PC_PART_PROFILE), 'b');
    put(cache, 1, PC_PART_PROFILE, 10, 'c', 30);
    assert_int_equal(first_byte(cache, 1, PC_PART_PROFILE), 'c');
    pc_cache_free(cache);
}

static void nothing_is_remembered_with_its_reason(void **state)
{
    (void)state;
    pc_cache *cache = make(MIB);
    const pc_cache_key k = key(1);
    const pc_cached unknown = {.nothing = PC_NOTHING_UNKNOWN, .fetched_ns = 5};
    pc_cached found;
    pc_cache_put(cache, &k, 1, 1, PC_PART_PROFILE, &unknown);
    assert_true(pc_cache_get(cache, &k, PC_PART_PROFILE, true, &found));
    assert_null(found.part);
    assert_int_equal(found.nothing, PC_NOTHING_UNKNOWN);
    assert_int_equal(found.fetched_ns, 5);
    /* And gives way to something. */
    put(cache, 1, PC_PART_PROFILE, 10, 'p', 6);
    assert_int_equal(first_byte(cache, 1, PC_PART_PROFILE), 'p');
    pc_cache_free(cache);
}

/* Puts a part under several keys. */
static void put_keys(pc_cache *cache, const uint64_t *numbers, size_t count, size_t sure, char fill,
                     int64_t fetched_ns)
{
    pc_cache_key keys[8];
    for (size_t i = 0; i < count; i++) {
        keys[i] = key(numbers[i]);
    }
    pc_slice *part = pc_slice_copy(&fill, 1);
    const pc_cached data = {.part = part, .fetched_ns = fetched_ns};
    pc_cache_put(cache, keys, count, sure, PC_PART_PROFILE, &data);
    pc_slice_unref(part);
}

static void all_keys_of_a_person_lead_to_one_record(void **state)
{
    (void)state;
    pc_cache *cache = make(MIB);
    put_keys(cache, (const uint64_t[]){1, 2, 3}, 3, 2, 'a', 1);
    for (uint64_t number = 1; number <= 3; number++) {
        assert_int_equal(first_byte(cache, number, PC_PART_PROFILE), 'a');
    }
    /* Asked by another identity, which turns out to be the same person (the sure key 2). */
    put_keys(cache, (const uint64_t[]){4, 2, 3}, 3, 2, 'b', 2);
    for (uint64_t number = 1; number <= 4; number++) {
        assert_int_equal(first_byte(cache, number, PC_PART_PROFILE), 'b');
    }
    assert_int_equal(pc_cache_count(cache).records, 1);
    pc_cache_free(cache);
}

static void a_key_that_is_not_sure_does_not_take_another_persons_place(void **state)
{
    (void)state;
    pc_cache *cache = make(MIB);
    put_keys(cache, (const uint64_t[]){1}, 1, 1, 'a', 1);
    put_keys(cache, (const uint64_t[]){2, 1}, 2, 1, 'b', 2);
    assert_int_equal(first_byte(cache, 1, PC_PART_PROFILE), 'a');
    assert_int_equal(first_byte(cache, 2, PC_PART_PROFILE), 'b');
    pc_cache_free(cache);
}

/* In the next ones key 1 is a person's own, and the profile lists the identity behind key 2. */

static void what_comes_by_a_listed_identity_stays_away_from_whom_it_no_longer_names(void **state)
{
    (void)state;
    pc_cache *cache = make(MIB);
    put_keys(cache, (const uint64_t[]){1, 2}, 2, 1, 'a', 1);
    /* Asked by 2, the upstream now tells of somebody else, whose profile does not list 1. */
    put_keys(cache, (const uint64_t[]){2, 3}, 2, 1, 'b', 2);
    assert_int_equal(first_byte(cache, 1, PC_PART_PROFILE), 'a');
    assert_int_equal(first_byte(cache, 2, PC_PART_PROFILE), 'b');
    assert_int_equal(first_byte(cache, 3, PC_PART_PROFILE), 'b');
    pc_cache_free(cache);
}

static void that_a_listed_identity_is_unknown_says_nothing_of_the_person(void **state)
{
    (void)state;
    pc_cache *cache = make(MIB);
    const pc_cache_key listed = key(2);
    const pc_cached unknown = {.nothing = PC_NOTHING_UNKNOWN, .fetched_ns = 2};
    pc_cached found;
    put_keys(cache, (const uint64_t[]){1, 2}, 2, 1, 'a', 1);
    pc_cache_put(cache, &listed, 1, 1, PC_PART_PROFILE, &unknown);
    assert_int_equal(first_byte(cache, 1, PC_PART_PROFILE), 'a');
    assert_true(pc_cache_get(cache, &listed, PC_PART_PROFILE, true, &found));
    assert_int_equal(found.nothing, PC_NOTHING_UNKNOWN);
    pc_cache_free(cache);
}

static void an_identity_that_is_no_longer_listed_leads_nowhere(void **state)
{
    (void)state;
    pc_cache *cache = make(MIB);
    put_keys(cache, (const uint64_t[]){1, 2, 3}, 3, 1, 'a', 1);
    put_keys(cache, (const uint64_t[]){1, 3}, 2, 1, 'b', 2);
    assert_int_equal(first_byte(cache, 1, PC_PART_PROFILE), 'b');
    assert_int_equal(first_byte(cache, 2, PC_PART_PROFILE), 0);
    assert_int_equal(first_byte(cache, 3, PC_PART_PROFILE), 'b');
    pc_cache_free(cache);
}

static void a_person_asked_for_by_a_listed_identity_is_one_record(void **state)
{
    (void)state;
    pc_cache *cache = make(MIB);
    put_keys(cache, (const uint64_t[]){1, 2}, 2, 1, 'a', 1);
    put_keys(cache, (const uint64_t[]){2, 1}, 2, 1, 'b', 2);
    put_keys(cache, (const uint64_t[]){1, 2}, 2, 1, 'c', 3);
    assert_int_equal(first_byte(cache, 1, PC_PART_PROFILE), 'c');
    assert_int_equal(first_byte(cache, 2, PC_PART_PROFILE), 'c');
    assert_int_equal(pc_cache_count(cache).records, 1);
    pc_cache_free(cache);
}

static void a_person_who_is_forgotten_is_forgotten_by_all_keys(void **state)
{
    (void)state;
    pc_cache *cache = make(MIB);
    const pc_cache_key second = key(2);
    put_keys(cache, (const uint64_t[]){1, 2, 3}, 3, 3, 'a', 1);
    pc_cache_forget(cache, &second, 1);
    pc_cache_forget(cache, &second, 1);
    for (uint64_t number = 1; number <= 3; number++) {
        assert_int_equal(first_byte(cache, number, PC_PART_PROFILE), 0);
    }
    assert_int_equal(pc_cache_count(cache).records, 0);
    assert_true(pc_cache_count(cache).bytes < 100);
    /* The record is used again, and the old keys do not lead to it. */
    put(cache, 9, PC_PART_PROFILE, 1, 'z', 1);
    for (uint64_t number = 1; number <= 3; number++) {
        assert_int_equal(first_byte(cache, number, PC_PART_PROFILE), 0);
    }
    pc_cache_free(cache);
}

static void what_was_fetched_before_a_person_was_forgotten_is_not_remembered(void **state)
{
    (void)state;
    pc_cache *cache = make(MIB);
    const pc_cache_key second = key(2);
    pc_cache_forget(cache, &second, 10);
    put_keys(cache, (const uint64_t[]){1, 2}, 2, 1, 'a', 10);
    assert_int_equal(first_byte(cache, 1, PC_PART_PROFILE), 0);
    put_keys(cache, (const uint64_t[]){3}, 1, 1, 'b', 5);
    assert_int_equal(first_byte(cache, 3, PC_PART_PROFILE), 'b');
    put_keys(cache, (const uint64_t[]){1, 2}, 2, 1, 'c', 11);
    assert_int_equal(first_byte(cache, 1, PC_PART_PROFILE), 'c');
    /* Also when more have been forgotten since than are kept in mind. */
    for (uint64_t number = 100; number < 3000; number++) {
        const pc_cache_key other = key(number);
        pc_cache_forget(cache, &other, 20);
    }
    put_keys(cache, (const uint64_t[]){2}, 1, 1, 'd', 9);
    assert_int_equal(first_byte(cache, 2, PC_PART_PROFILE), 'c');
    pc_cache_free(cache);
}

static void only_the_same_part_is_replaced_by_a_better_one(void **state)
{
    (void)state;
    pc_cache *cache = make(MIB);
    const pc_cache_key k = key(1);
    pc_cached found;
    pc_slice *better = pc_slice_copy("b", 1);
    put(cache, 1, PC_PART_PROFILE, 10, 'a', 1);
    assert_true(pc_cache_get(cache, &k, PC_PART_PROFILE, true, &found));
    pc_cache_replace(cache, &k, PC_PART_PROFILE, better, better);
    assert_int_equal(first_byte(cache, 1, PC_PART_PROFILE), 'a');
    pc_cache_replace(cache, &k, PC_PART_PROFILE, found.part, better);
    assert_int_equal(first_byte(cache, 1, PC_PART_PROFILE), 'b');
    /* What is in use lives on. */
    assert_int_equal(pc_slice_bytes(found.part)[0], 'a');
    pc_slice_unref(found.part);
    pc_slice_unref(better);
    pc_cache_free(cache);
}

static void the_bytes_are_bounded(void **state)
{
    (void)state;
    pc_cache *cache = make(8 * MIB);
    for (uint64_t number = 0; number < 20000; number++) {
        put(cache, number, PC_PART_PROFILE, 500 + number % 3000, 'x', 1);
        assert_true(pc_cache_count(cache).bytes <= 8 * MIB);
    }
    const pc_cache_figures figures = pc_cache_count(cache);
    assert_true(figures.bytes > 7 * MIB);
    assert_int_equal(figures.records + figures.evicted, 20000);
    pc_cache_free(cache);
}

static void what_is_too_large_is_not_kept(void **state)
{
    (void)state;
    pc_cache *cache = make(MIB);
    put(cache, 1, PC_PART_PROFILE, 100, 'a', 1);
    put(cache, 2, PC_PART_PROFILE, MIB, 'b', 1);
    assert_int_equal(first_byte(cache, 1, PC_PART_PROFILE), 'a');
    assert_int_equal(first_byte(cache, 2, PC_PART_PROFILE), 0);
    /* What is older than it goes, what is newer stays. */
    put(cache, 1, PC_PART_EVENTS, 100, 'e', 1);
    put(cache, 1, PC_PART_PROFILE, MIB, 'b', 0);
    assert_int_equal(first_byte(cache, 1, PC_PART_PROFILE), 'a');
    put(cache, 1, PC_PART_PROFILE, MIB, 'b', 2);
    assert_int_equal(first_byte(cache, 1, PC_PART_PROFILE), 0);
    assert_int_equal(first_byte(cache, 1, PC_PART_EVENTS), 'e');
    pc_cache_free(cache);
}

static void a_scan_does_not_wash_out_what_is_asked_for_often(void **state)
{
    (void)state;
    enum { POPULAR = 1000, SCANNED = 50000 };
    pc_cache *cache = make(4 * MIB);
    for (int round = 0; round < 4; round++) {
        for (uint64_t number = 0; number < POPULAR; number++) {
            if (first_byte(cache, number, PC_PART_PROFILE) == 0) {
                put(cache, number, PC_PART_PROFILE, 1000, 'p', 1);
            }
        }
    }
    for (uint64_t number = 0; number < SCANNED; number++) {
        put(cache, 1000000 + number, PC_PART_PROFILE, 1000, 's', 1);
    }
    int left = 0;
    for (uint64_t number = 0; number < POPULAR; number++) {
        left += first_byte(cache, number, PC_PART_PROFILE) == 'p';
    }
    /* An LRU would have kept none of them. */
    assert_true(left > POPULAR * 9 / 10);
    pc_cache_free(cache);
}

/* A context is a profile and its events, found by an identity and an XID. */
static void a_context_costs_its_bytes_and_two_hundred_more(void **state)
{
    (void)state;
    enum { PEOPLE = 100000, PROFILE = 1500, EVENTS = 1000 };
    pc_cache *cache = make((size_t)2048 * MIB);
    struct mallinfo2 before = mallinfo2();
    for (uint64_t number = 0; number < PEOPLE; number++) {
        const pc_cache_key keys[] = {key(number), key(number + 10000000)};
        for (int kind = 0; kind < PC_PART_COUNT; kind++) {
            pc_slice *part = pc_slice_new(kind == PC_PART_PROFILE ? PROFILE : EVENTS);
            const pc_cached data = {.part = part, .fetched_ns = 1};
            pc_cache_put(cache, keys, 2, 2, (pc_part_kind)kind, &data);
            pc_slice_unref(part);
        }
    }
    struct mallinfo2 after = mallinfo2();
    const pc_cache_figures figures = pc_cache_count(cache);
    assert_int_equal(figures.records, PEOPLE);
    size_t real = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
    double charged = (double)figures.bytes / PEOPLE - PROFILE - EVENTS;
    double taken = (double)real / PEOPLE - PROFILE - EVENTS;
    print_message("overhead: %.0f bytes charged, %.0f taken\n", charged, taken);
    assert_true(charged <= 200);
    /* Sanitizers have a heap of their own, of which nothing is told. */
    if (real > 0) {
        assert_true(taken <= 200);
        assert_true(taken / charged < 1.15 && taken / charged > 0.85);
    }
    pc_cache_free(cache);
}

static void what_was_made_of_a_persons_parts_goes_with_them(void **state)
{
    (void)state;
    pc_cache *cache = make(MIB);
    const pc_cache_key k = key(1);
    pc_cached profile;
    pc_cached events;
    pc_slice *made = pc_slice_copy("made", 4);
    put(cache, 1, PC_PART_PROFILE, 100, 'p', 10);
    put(cache, 1, PC_PART_EVENTS, 100, 'e', 10);
    assert_true(pc_cache_get(cache, &k, PC_PART_PROFILE, true, &profile));
    assert_true(pc_cache_get(cache, &k, PC_PART_EVENTS, true, &events));
    pc_slice *const parts[PC_PART_COUNT] = {profile.part, events.part};
    assert_null(pc_cache_get_made(cache, &k, 7, parts));
    size_t before = pc_cache_count(cache).bytes;
    pc_cache_put_made(cache, &k, 7, parts, made);
    assert_int_equal(pc_cache_count(cache).bytes, before + pc_slice_memory(4));
    pc_slice *found = pc_cache_get_made(cache, &k, 7, parts);
    assert_ptr_equal(found, made);
    pc_slice_unref(found);
    assert_null(pc_cache_get_made(cache, &k, 8, parts));
    /* With another part it is of no use, nor is it kept. */
    put(cache, 1, PC_PART_EVENTS, 100, 'f', 20);
    assert_null(pc_cache_get_made(cache, &k, 7, parts));
    pc_cache_put_made(cache, &k, 7, parts, made);
    assert_int_equal(pc_cache_count(cache).bytes, before);
    pc_slice_unref(made);
    pc_slice_unref(profile.part);
    pc_slice_unref(events.part);
    pc_cache_free(cache);
}

/* ---- threads --------------------------------------------------------------------------------- */

typedef struct {
    pc_cache *cache;
    uint64_t seed;
    bool mixed_up;
} worker;

enum { CHURNED = 500 };

/* Brings a person's part under both of the person's keys. */
static void bring_anew(pc_cache *cache, uint64_t number, pc_part_kind kind, size_t size, char fill,
                       int64_t fetched_ns)
{
    const pc_cache_key keys[] = {key(number), key((number + CHURNED) % (2 * CHURNED))};
    pc_slice *part = filled(size, fill);
    const pc_cached data = {.part = part, .fetched_ns = fetched_ns};
    pc_cache_put(cache, keys, 2, 2, kind, &data);
    pc_slice_unref(part);
}

/* Makes what is remembered a little better, as names that arrive late do. */
static void better(pc_cache *cache, uint64_t number, pc_part_kind kind, size_t size, char fill)
{
    const pc_cache_key k = key(number);
    pc_cached found;
    if (pc_cache_get(cache, &k, kind, true, &found)) {
        pc_slice *part = filled(size, fill);
        pc_cache_replace(cache, &k, kind, found.part, part);
        pc_slice_unref(part);
        pc_slice_unref(found.part);
    }
}

/* Every person's part is filled with what only that person has. */
static void *churn(void *self)
{
    worker *w = self;
    uint64_t dice = w->seed;
    for (int i = 0; i < 20000; i++) {
        dice = mix(dice);
        /* By one key or the other. */
        uint64_t number = dice % (2 * CHURNED);
        char fill = (char)('A' + number % CHURNED % 50);
        pc_part_kind kind = (pc_part_kind)(dice >> 32 & 1);
        size_t size = 1000 + dice % 3000;
        uint64_t roll = (dice >> 40) % 100;
        if (roll == 0) {
            const pc_cache_key k = key(number);
            pc_cache_forget(w->cache, &k, i);
        } else if (roll < 25) {
            bring_anew(w->cache, number, kind, size, fill, i + 1);
        } else if (roll < 30) {
            better(w->cache, number, kind, size, fill);
        } else {
            char found = first_byte(w->cache, number, kind);
            w->mixed_up = w->mixed_up || (found != 0 && found != fill);
        }
    }
    return NULL;
}

static void nobody_gets_anothers_data_under_churn(void **state)
{
    (void)state;
    pc_cache *cache = make(MIB);
    worker workers[4];
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        workers[i] = (worker){.cache = cache, .seed = (uint64_t)i + 1};
        assert_int_equal(pthread_create(&threads[i], NULL, churn, &workers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_false(workers[i].mixed_up);
    }
    assert_true(pc_cache_count(cache).bytes <= MIB);
    pc_cache_free(cache);
}

/* One of the two who bring the parts of the same persons at the same time. */
typedef struct {
    pc_cache *cache;
    pc_part_kind kind;
    pthread_barrier_t *each;
} bringer;

enum { TOGETHER = 20000 };

static void *bring(void *self)
{
    bringer *b = self;
    for (uint64_t number = 0; number < TOGETHER; number++) {
        pthread_barrier_wait(b->each);
        put(b->cache, number, b->kind, 16, 'x', 1);
    }
    return NULL;
}

static void parts_that_arrive_together_are_both_remembered(void **state)
{
    (void)state;
    pc_cache *cache = make((size_t)64 * MIB);
    pthread_barrier_t each;
    pthread_t other;
    pthread_barrier_init(&each, NULL, 2);
    bringer profiles = {cache, PC_PART_PROFILE, &each};
    bringer events = {cache, PC_PART_EVENTS, &each};
    assert_int_equal(pthread_create(&other, NULL, bring, &events), 0);
    (void)bring(&profiles);
    pthread_join(other, NULL);
    pthread_barrier_destroy(&each);
    for (uint64_t number = 0; number < TOGETHER; number++) {
        assert_int_equal(first_byte(cache, number, PC_PART_PROFILE), 'x');
        assert_int_equal(first_byte(cache, number, PC_PART_EVENTS), 'x');
    }
    assert_int_equal(pc_cache_count(cache).records, TOGETHER);
    pc_cache_free(cache);
}

/* Puts a part that was fetched before anyone asked. */
static void put_prefetched(pc_cache *cache, uint64_t number, size_t size, int64_t fetched_ns)
{
    const pc_cache_key k = key(number);
    pc_slice *part = filled(size, 'p');
    const pc_cached data = {.part = part, .fetched_ns = fetched_ns, .prefetched = true};
    pc_cache_put(cache, &k, 1, 1, PC_PART_PROFILE, &data);
    pc_slice_unref(part);
}

static bool is_marked(pc_cache *cache, uint64_t number, pc_part_kind kind)
{
    const pc_cache_key k = key(number);
    pc_cached found;
    assert_true(pc_cache_get(cache, &k, kind, true, &found));
    pc_slice_unref(found.part);
    return found.prefetched;
}

static void check_prefetched(pc_cache *cache, size_t all, size_t given, size_t wasted)
{
    const pc_cache_figures figures = pc_cache_count(cache);
    assert_int_equal(figures.prefetched, all);
    assert_int_equal(figures.prefetched_given, given);
    assert_int_equal(figures.prefetched_wasted, wasted);
}

static void a_prefetched_part_is_marked_until_it_is_given(void **state)
{
    (void)state;
    pc_cache *cache = make(MIB);
    const pc_cache_key k = key(1);
    put_prefetched(cache, 1, 10, 1);
    put(cache, 1, PC_PART_EVENTS, 10, 'e', 1);
    assert_true(is_marked(cache, 1, PC_PART_PROFILE));
    assert_false(is_marked(cache, 1, PC_PART_EVENTS));
    pc_cache_note_given(cache, &k, PC_PART_EVENTS);
    check_prefetched(cache, 1, 0, 0);
    pc_cache_note_given(cache, &k, PC_PART_PROFILE);
    pc_cache_note_given(cache, &k, PC_PART_PROFILE);
    assert_false(is_marked(cache, 1, PC_PART_PROFILE));
    /* What was given is not wasted when it leaves. */
    put(cache, 1, PC_PART_PROFILE, 10, 'q', 2);
    check_prefetched(cache, 1, 1, 0);
    pc_cache_free(cache);
}

static void a_better_prefetched_part_is_one_still(void **state)
{
    (void)state;
    pc_cache *cache = make(MIB);
    const pc_cache_key k = key(1);
    pc_cached found;
    put_prefetched(cache, 1, 10, 1);
    assert_true(pc_cache_get(cache, &k, PC_PART_PROFILE, false, &found));
    pc_slice *better = filled(20, 'b');
    pc_cache_replace(cache, &k, PC_PART_PROFILE, found.part, better);
    pc_slice_unref(found.part);
    pc_slice_unref(better);
    assert_true(is_marked(cache, 1, PC_PART_PROFILE));
    check_prefetched(cache, 1, 0, 0);
    pc_cache_free(cache);
}

static void a_prefetched_part_that_nobody_was_given_is_wasted(void **state)
{
    (void)state;
    pc_cache *cache = make(MIB);
    const pc_cache_key forgotten = key(2);
    put_prefetched(cache, 1, 10, 1);
    put(cache, 1, PC_PART_PROFILE, 10, 'q', 2);
    check_prefetched(cache, 1, 0, 1);
    put_prefetched(cache, 2, 10, 1);
    pc_cache_forget(cache, &forgotten, 2);
    check_prefetched(cache, 2, 0, 2);
    /* One that is older than what is remembered is not kept, and so not counted. */
    put_prefetched(cache, 1, 10, 1);
    check_prefetched(cache, 2, 0, 2);
    for (uint64_t number = 3; number < 2003; number++) {
        put_prefetched(cache, number, 1000, 1);
    }
    const pc_cache_figures figures = pc_cache_count(cache);
    assert_true(figures.evicted > 0);
    assert_int_equal(figures.prefetched, 2002);
    assert_in_range(figures.prefetched_wasted, figures.evicted, figures.evicted + 2);
    pc_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_remembered_apart),
        cmocka_unit_test(older_data_does_not_replace_newer),
        cmocka_unit_test(nothing_is_remembered_with_its_reason),
        cmocka_unit_test(all_keys_of_a_person_lead_to_one_record),
        cmocka_unit_test(a_key_that_is_not_sure_does_not_take_another_persons_place),
        cmocka_unit_test(what_comes_by_a_listed_identity_stays_away_from_whom_it_no_longer_names),
        cmocka_unit_test(that_a_listed_identity_is_unknown_says_nothing_of_the_person),
        cmocka_unit_test(an_identity_that_is_no_longer_listed_leads_nowhere),
        cmocka_unit_test(a_person_asked_for_by_a_listed_identity_is_one_record),
        cmocka_unit_test(a_person_who_is_forgotten_is_forgotten_by_all_keys),
        cmocka_unit_test(what_was_fetched_before_a_person_was_forgotten_is_not_remembered),
        cmocka_unit_test(only_the_same_part_is_replaced_by_a_better_one),
        cmocka_unit_test(the_bytes_are_bounded),
        cmocka_unit_test(what_is_too_large_is_not_kept),
        cmocka_unit_test(a_scan_does_not_wash_out_what_is_asked_for_often),
        cmocka_unit_test(a_context_costs_its_bytes_and_two_hundred_more),
        cmocka_unit_test(what_was_made_of_a_persons_parts_goes_with_them),
        cmocka_unit_test(nobody_gets_anothers_data_under_churn),
        cmocka_unit_test(parts_that_arrive_together_are_both_remembered),
        cmocka_unit_test(a_prefetched_part_is_marked_until_it_is_given),
        cmocka_unit_test(a_better_prefetched_part_is_one_still),
        cmocka_unit_test(a_prefetched_part_that_nobody_was_given_is_wasted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
