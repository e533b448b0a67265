/* The small modules that everything stands on. */
#include "check.h"

#include <endian.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "util/arena.h"
#include "util/buffer.h"
#include "util/clock.h"
#include "util/short_bytes.h"
#include "util/siphash.h"
#include "util/slice.h"
#include "util/timers.h"
#include "util/utf8.h"
#include "util/workers.h"

static void test_status__carries_reason_message_cause_and_retry(void **state)
{
    (void)state;
    pc_status cause = pc_status_new(PC_CODE_UNAVAILABLE, "INNER", "inner %d", 7);
    pc_status status = pc_status_with_retry(
        pc_status_with_cause(pc_status_new(PC_CODE_INTERNAL, "OUTER", "outer"), cause), 250);
    pc_status copy = pc_status_copy(&status);
    pc_status_clear(&status);
    assert_string_equal(pc_status_message(&copy), "outer");
    assert_int_equal(pc_status_retry_after_ms(&copy), 250);
    assert_string_equal(pc_status_message(pc_status_cause(&copy)), "inner 7");
    assert_null(pc_status_cause(pc_status_cause(&copy)));
    pc_status_clear(&copy);
    assert_true(pc_status_ok(&copy));
}

static void test_status__violations_keep_their_order(void **state)
{
    (void)state;
    pc_status status = PC_OK;
    pc_status_add_violation(&status, "a", "first");
    pc_status_add_violation(&status, "b", "second");
    assert_int_equal(status.code, PC_CODE_INVALID_ARGUMENT);
    const pc_violation *v = pc_status_violations(&status);
    assert_string_equal(v->field, "a");
    assert_string_equal(v->next->field, "b");
    assert_null(v->next->next);
    pc_status_clear(&status);
}

static void test_status__out_of_memory_can_be_used_like_any_other(void **state)
{
    (void)state;
    pc_status status = pc_status_with_retry(pc_status_out_of_memory(), 10);
    pc_status_add_violation(&status, "a", "b");
    status = pc_status_with_cause(status, pc_status_new(PC_CODE_INTERNAL, "X", "x"));
    assert_string_equal(pc_status_reason(&status), "OUT_OF_MEMORY");
    assert_int_equal(pc_status_retry_after_ms(&status), 0);
    pc_status_clear(&status);
}

static void test_arena__stays_below_its_maximum(void **state)
{
    (void)state;
    uint8_t inline_bytes[64];
    pc_arena arena;
    pc_arena_init(&arena, inline_bytes, sizeof inline_bytes, 10000);
    size_t given = 0;
    while (pc_arena_alloc(&arena, 100) != NULL) {
        given += 100;
        assert_true(given <= 10000);
    }
    assert_true(given >= 8000);
    assert_null(pc_arena_alloc(&arena, SIZE_MAX));
    assert_null(pc_arena_calloc(&arena, SIZE_MAX / 2, 4));
    pc_arena_deinit(&arena);
}

static void test_arena__aligns_what_it_gives(void **state)
{
    (void)state;
    pc_arena arena;
    pc_arena_init(&arena, NULL, 0, 1 << 20);
    for (size_t i = 1; i < 200; i++) {
        void *p = pc_arena_alloc(&arena, i);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        memset(p, 1, i);
    }
    assert_string_equal(pc_arena_printf(&arena, "%s-%d", "x", 5), "x-5");
    pc_arena_deinit(&arena);
}

static void test_arena__rewound_hands_out_the_same_bytes_again(void **state)
{
    (void)state;
    pc_arena arena;
    uint8_t lent[256];
    pc_arena_init(&arena, lent, sizeof lent, 1 << 16);
    const char *kept = pc_arena_strndup(&arena, "kept", 4);
    pc_arena before = arena;
    const void *first = pc_arena_alloc(&arena, 64);
    pc_arena_rewind(&arena, &before);
    assert_ptr_equal(pc_arena_alloc(&arena, 64), first);
    /* Over the end of the block nothing is taken back, and all stays valid. */
    uint8_t *large = pc_arena_alloc(&arena, 10000);
    assert_non_null(large);
    pc_arena_rewind(&arena, &before);
    uint8_t *next = pc_arena_alloc(&arena, 16);
    assert_non_null(next);
    assert_true(next < large || next >= large + 10000);
    assert_string_equal(kept, "kept");
    pc_arena_deinit(&arena);
}

static void test_buffer__trimmed_keeps_its_content_and_can_grow(void **state)
{
    (void)state;
    uint8_t lent[64];
    pc_buffer own;
    pc_buffer borrowed;
    pc_buffer_init(&own, 1000);
    pc_buffer_init_in(&borrowed, lent, sizeof lent, 1000);
    pc_buffer_trim(&own);
    assert_true(pc_buffer_reserve(&own, 700));
    pc_buffer *const both[] = {&own, &borrowed};
    for (size_t i = 0; i < 2; i++) {
        pc_buffer_append_text(both[i], "kept");
        pc_buffer_trim(both[i]);
        assert_int_equal(both[i]->capacity, both[i] == &own ? 4 : sizeof lent);
        pc_buffer_append_text(both[i], " and more");
        assert_memory_equal(both[i]->bytes, "kept and more", 13);
        pc_buffer_deinit(both[i]);
    }
}

static void test_short_bytes__are_what_a_copy_gives(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0x81, 2, 0xf3, 4, 5, 0xa6, 7, 0x98};
    for (size_t size = 0; size <= sizeof bytes; size++) {
        uint8_t *exact = malloc(size + 1); /* so that a sanitizer sees what is read behind it */
        assert_non_null(exact);
        uint8_t *at = exact + 1;
        uint64_t word = 0;
        memcpy(at, bytes, size);
        memcpy(&word, bytes, size);
        assert_int_equal(pc_short_bytes(at, size), word);
        free(exact);
    }
}

static void test_buffer__stays_failed_after_its_maximum(void **state)
{
    (void)state;
    pc_buffer buffer;
    pc_buffer_init(&buffer, 10);
    pc_buffer_append_text(&buffer, "0123456789");
    assert_false(buffer.failed);
    pc_buffer_append_byte(&buffer, 'x');
    assert_true(buffer.failed);
    pc_buffer_append_text(&buffer, "");
    assert_null(pc_buffer_take_slice(&buffer));
    pc_buffer_deinit(&buffer);
}

static void test_slice__parts_keep_the_whole_alive(void **state)
{
    (void)state;
    pc_slice *whole = pc_slice_copy("0123456789", 10);
    pc_slice *part = pc_slice_part(whole, pc_slice_bytes(whole) + 3, 4);
    pc_slice *smaller = pc_slice_part(part, pc_slice_bytes(part) + 1, 2);
    pc_slice_unref(whole);
    assert_int_equal(pc_slice_size(part), 4);
    assert_memory_equal(pc_slice_bytes(part), "3456", 4);
    pc_slice_unref(part);
    assert_memory_equal(pc_slice_bytes(smaller), "45", 2);
    pc_slice_unref(smaller);
}

static void test_slice__refuses_what_its_size_cannot_hold(void **state)
{
    (void)state;
    assert_null(pc_slice_new((size_t)UINT32_MAX + 1));
    assert_null(pc_slice_new(SIZE_MAX));
    assert_null(pc_slice_take(malloc(1), (size_t)UINT32_MAX + 1));
}

static void test_buffer__gives_its_content_as_text_or_slice(void **state)
{
    (void)state;
    pc_buffer buffer;
    pc_buffer_init(&buffer, 3);
    pc_buffer_append_text(&buffer, "abc");
    char *text = pc_buffer_take_text(&buffer);
    assert_string_equal(text, "abc");
    free(text);
    pc_slice *empty = pc_buffer_take_slice(&buffer);
    assert_int_equal(pc_slice_size(empty), 0);
    pc_slice_unref(empty);
    pc_buffer_deinit(&buffer);
}

static void test_slice__joins_only_parts_that_follow_one_another(void **state)
{
    (void)state;
    pc_slice *whole = pc_slice_copy("abcdef", 6);
    pc_slice *other = pc_slice_copy("abcdef", 6);
    const uint8_t *bytes = pc_slice_bytes(whole);
    pc_slice *ab = pc_slice_part(whole, bytes, 2);
    pc_slice *cd = pc_slice_part(whole, bytes + 2, 2);
    pc_slice *ef = pc_slice_part(whole, bytes + 4, 2);
    pc_slice *others = pc_slice_part(other, pc_slice_bytes(other) + 4, 2);
    pc_slice *taken = pc_slice_take(malloc(2), 2);
    assert_false(pc_slice_join(ab, ef));
    assert_true(pc_slice_join(ab, cd));
    assert_int_equal(pc_slice_size(ab), 4);
    assert_false(pc_slice_join(ab, others));
    assert_false(pc_slice_join(ab, whole));
    assert_false(pc_slice_join(taken, taken));
    assert_true(pc_slice_join(ab, ef));
    assert_memory_equal(pc_slice_bytes(ab), "abcdef", 6);
    pc_slice *const all[] = {whole, other, ab, cd, ef, others, taken};
    for (size_t i = 0; i < PC_COUNT_OF(all); i++) {
        pc_slice_unref(all[i]);
    }
}

static void test_buffer__leaves_memory_that_it_was_lent(void **state)
{
    (void)state;
    char lent[4];
    pc_buffer buffer;
    pc_buffer_init_in(&buffer, lent, sizeof lent, 100);
    pc_buffer_append_text(&buffer, "abcd");
    assert_ptr_equal(buffer.bytes, lent);
    pc_slice *slice = pc_buffer_take_slice(&buffer);
    memset(lent, 'x', sizeof lent);
    assert_memory_equal(pc_slice_bytes(slice), "abcd", 4);
    pc_slice_unref(slice);
    /* What does not fit there goes to the heap, with what was there before. */
    pc_buffer_init_in(&buffer, lent, sizeof lent, 100);
    pc_buffer_append_text(&buffer, "abc");
    pc_buffer_append_text(&buffer, "def");
    char *text = pc_buffer_take_text(&buffer);
    assert_string_equal(text, "abcdef");
    free(text);
    pc_buffer_init_in(&buffer, lent, sizeof lent, 2);
    pc_buffer_append_text(&buffer, "abc");
    assert_true(buffer.failed);
    assert_null(pc_buffer_take_slice(&buffer));
    pc_buffer_deinit(&buffer);
}

/* By OpenSSL. */
static void hash_by_openssl(const uint8_t key[PC_SIPHASH_KEY_BYTES], const uint8_t *bytes,
                            size_t size, uint8_t out[16])
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);
    size_t written = 0;
    assert_int_equal(EVP_MAC_init(context, key, PC_SIPHASH_KEY_BYTES, NULL), 1);
    assert_int_equal(EVP_MAC_update(context, bytes, size), 1);
    assert_int_equal(EVP_MAC_final(context, out, &written, 16), 1);
    assert_int_equal(written, 16);
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(mac);
}

static void test_siphash__is_what_openssl_makes_however_it_is_fed(void **state)
{
    (void)state;
    uint8_t bytes[100];
    uint8_t key[PC_SIPHASH_KEY_BYTES];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 37 + 11);
    }
    for (size_t size = 0; size <= sizeof bytes; size++) {
        uint8_t wanted[16];
        for (size_t i = 0; i < sizeof key; i++) {
            key[i] = (uint8_t)(size * 5 + i);
        }
        hash_by_openssl(key, bytes, size, wanted);
        for (size_t step = 1; step <= 20; step++) {
            pc_siphash hash;
            uint64_t made[2];
            pc_siphash_init(&hash, key);
            for (size_t at = 0; at < size; at += step) {
                pc_siphash_add(&hash, bytes + at, size - at < step ? size - at : step);
            }
            pc_siphash_end(&hash, &made[0], &made[1]);
            /* OpenSSL gives the bytes of a little-endian machine's words. */
            made[0] = htole64(made[0]);
            made[1] = htole64(made[1]);
            assert_memory_equal(made, wanted, sizeof wanted);
        }
    }
}

static void test_utf8__takes_what_the_standard_takes(void **state)
{
    (void)state;
    static const char *const good[] = {"",
                                       "plain ascii text",
                                       "\xc2\x80",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xf4\x8f\xbf\xbf",
                                       "12345678\xc3\xa9"};
    static const char *const bad[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc3",
                                      "\xe0\x80\x80",
                                      "\xed\xa0\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xf8\x88\x80\x80\x80",
                                      "1234567\xff"};
    for (size_t i = 0; i < PC_COUNT_OF(good); i++) {
        assert_true(pc_utf8_valid((const uint8_t *)good[i], strlen(good[i])));
    }
    for (size_t i = 0; i < PC_COUNT_OF(bad); i++) {
        assert_false(pc_utf8_valid((const uint8_t *)bad[i], strlen(bad[i])));
    }
}

static void test_clock__sums_do_not_overflow(void **state)
{
    (void)state;
    assert_int_equal(pc_clock_after_ms(5, 1), 1000005);
    assert_int_equal(pc_clock_after_ms(5, -1), 5);
    assert_int_equal(pc_clock_after_ms(INT64_MAX - 5, 1), PC_NEVER_NS);
    assert_int_equal(pc_clock_after_ms(5, INT64_MAX), PC_NEVER_NS);
}

/* ---- threads --------------------------------------------------------------------------------- */

typedef struct {
    pc_job job;
    atomic_int *ran;
} counting_job;

static void count(pc_job *job)
{
    atomic_fetch_add(PC_CONTAINER_OF(job, counting_job, job)->ran, 1);
}

static void test_workers__run_every_job_before_they_end(void **state)
{
    (void)state;
    enum { JOBS = 10000 };
    static counting_job jobs[JOBS];
    atomic_int ran = 0;
    pc_workers *workers;
    check_ok(pc_workers_new(&workers, 3));
    for (size_t i = 0; i < JOBS; i++) {
        jobs[i] = (counting_job){.job = {.run = count}, .ran = &ran};
        pc_workers_run(workers, &jobs[i].job);
    }
    pc_workers_free(workers);
    assert_int_equal(ran, JOBS);
}

enum { TIMERS = 500 };

typedef struct {
    pc_timer timer;
    struct firing *firing;
    int number;
} numbered_timer;

typedef struct firing {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int order[TIMERS];
    int count;
    int64_t early_ns;
} firing;

static void fire(pc_timer *timer)
{
    numbered_timer *t = PC_CONTAINER_OF(timer, numbered_timer, timer);
    firing *f = t->firing;
    pthread_mutex_lock(&f->lock);
    f->order[f->count++] = t->number;
    if (pc_clock_now_ns() < timer->at_ns) {
        f->early_ns = timer->at_ns - pc_clock_now_ns();
    }
    pthread_cond_signal(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static void test_timers__fire_in_order_and_not_early_and_not_when_cancelled(void **state)
{
    (void)state;
    static numbered_timer all[TIMERS];
    firing f = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    pc_timers *timers;
    check_ok(pc_timers_new(&timers));
    int64_t start = pc_clock_now_ns() + 50000000;
    for (int i = 0; i < TIMERS; i++) {
        /* Set in an order that is not the order of firing. */
        int number = i * 7919 % TIMERS;
        all[number] = (numbered_timer){.timer = {.fire = fire}, .firing = &f, .number = number};
        check_ok(pc_timers_set(timers, &all[number].timer, start + (int64_t)number * 10000));
    }
    int cancelled = 0;
    for (int i = 0; i < TIMERS; i += 3) {
        cancelled += pc_timers_cancel(timers, &all[i].timer);
    }
    assert_int_equal(cancelled, (TIMERS + 2) / 3);
    assert_false(pc_timers_cancel(timers, &all[0].timer));
    pthread_mutex_lock(&f.lock);
    while (f.count < TIMERS - cancelled) {
        pthread_cond_wait(&f.changed, &f.lock);
    }
    pthread_mutex_unlock(&f.lock);
    pc_timers_free(timers);
    for (int i = 1; i < f.count; i++) {
        assert_true(f.order[i - 1] < f.order[i]);
        assert_int_not_equal(f.order[i] % 3, 0);
    }
    assert_int_equal(f.early_ns, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status__carries_reason_message_cause_and_retry),
        cmocka_unit_test(test_status__violations_keep_their_order),
        cmocka_unit_test(test_status__out_of_memory_can_be_used_like_any_other),
        cmocka_unit_test(test_buffer__trimmed_keeps_its_content_and_can_grow),
        cmocka_unit_test(test_short_bytes__are_what_a_copy_gives),
        cmocka_unit_test(test_arena__stays_below_its_maximum),
        cmocka_unit_test(test_arena__rewound_hands_out_the_same_bytes_again),
        cmocka_unit_test(test_arena__aligns_what_it_gives),
        cmocka_unit_test(test_buffer__stays_failed_after_its_maximum),
        cmocka_unit_test(test_buffer__gives_its_content_as_text_or_slice),
        cmocka_unit_test(test_slice__parts_keep_the_whole_alive),
        cmocka_unit_test(test_slice__joins_only_parts_that_follow_one_another),
        cmocka_unit_test(test_buffer__leaves_memory_that_it_was_lent),
        cmocka_unit_test(test_siphash__is_what_openssl_makes_however_it_is_fed),
        cmocka_unit_test(test_slice__refuses_what_its_size_cannot_hold),
        cmocka_unit_test(test_utf8__takes_what_the_standard_takes),
        cmocka_unit_test(test_clock__sums_do_not_overflow),
        cmocka_unit_test(test_workers__run_every_job_before_they_end),
        cmocka_unit_test(test_timers__fire_in_order_and_not_early_and_not_when_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
