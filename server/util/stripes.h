/* Counters that every call adds to. They are kept PC_STRIPES times, each thread adds to the copy of
 * its own stripe, and who reads them adds the copies up: with one copy for all, the cores would
 * pass its cache lines to and fro at every call. A copy begins at a multiple of
 * PC_STRIPE_ALIGNMENT. Threads: any. */
#ifndef PC_UTIL_STRIPES_H
#define PC_UTIL_STRIPES_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { PC_STRIPES = 16, PC_STRIPE_ALIGNMENT = 64 };

typedef atomic_uint_least64_t pc_counter;

/* The stripe of the calling thread, the same for all its life. The first threads that ask have one
 * each; more than PC_STRIPES share. */
unsigned pc_stripe(void);

/* PC_STRIPES zeroed copies of `size` bytes each, a multiple of PC_STRIPE_ALIGNMENT; NULL on lack of
 * memory. Owned: free(). */
void *pc_stripes_new(size_t size);

static inline void pc_counter_add(pc_counter *counter, uint64_t number)
{
    atomic_fetch_add_explicit(counter, number, memory_order_relaxed);
}

static inline uint64_t pc_counter_read(const pc_counter *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

#endif
