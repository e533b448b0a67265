/* Counters in stripes: who may write to which, and that nothing is lost where threads share one. */
#include "check.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "util/stripes.h"

enum { THREADS = 64, ADDITIONS = 10000000 };

typedef struct {
    _Alignas(PC_STRIPE_ALIGNMENT) pc_counter counter;
} stripe;

typedef struct {
    pthread_t thread;
    unsigned stripe;
    unsigned stripe_again;
    bool adds;
} counting;

static pthread_barrier_t all_known;
static pthread_barrier_t chosen;
static stripe *stripes;

static void *count(void *argument)
{
    counting *self = argument;
    self->stripe = pc_stripe();
    self->stripe_again = pc_stripe();
    pthread_barrier_wait(&all_known);
    pthread_barrier_wait(&chosen);
    for (int i = 0; self->adds && i < ADDITIONS; i++) {
        pc_counter_add(&stripes[self->stripe].counter, self->stripe, 1);
    }
    return NULL;
}

/* Has two threads that share a stripe add to it; false when there are none. */
static bool choose_two(counting *threads)
{
    for (int i = 0; i < THREADS; i++) {
        for (int k = 0; k < i; k++) {
            if (threads[i].stripe == threads[k].stripe) {
                threads[i].adds = true;
                threads[k].adds = true;
                return true;
            }
        }
    }
    return false;
}

static void test_stripes__the_first_threads_own_theirs_and_sharers_lose_nothing(void **state)
{
    (void)state;
    static counting threads[THREADS];
    stripes = pc_stripes_new(sizeof *stripes);
    assert_non_null(stripes);
    pthread_barrier_init(&all_known, NULL, THREADS + 1);
    pthread_barrier_init(&chosen, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i].thread, NULL, count, &threads[i]), 0);
    }
    pthread_barrier_wait(&all_known);
    bool any = choose_two(threads);
    pthread_barrier_wait(&chosen);
    int owners[PC_STRIPES] = {0};
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i].thread, NULL);
        assert_true(threads[i].stripe < PC_STRIPES);
        assert_int_equal(threads[i].stripe_again, threads[i].stripe);
        owners[threads[i].stripe]++;
    }
    for (int i = 0; i < PC_STRIPES; i++) {
        assert_true(i < PC_STRIPES_OWNED ? owners[i] <= 1 : owners[i] > 1);
    }
    assert_true(any);
    uint64_t sum = 0;
    for (int i = 0; i < PC_STRIPES; i++) {
        sum += pc_counter_read(&stripes[i].counter);
    }
    assert_int_equal(sum, 2 * ADDITIONS);
    pthread_barrier_destroy(&all_known);
    pthread_barrier_destroy(&chosen);
    free(stripes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stripes__the_first_threads_own_theirs_and_sharers_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
