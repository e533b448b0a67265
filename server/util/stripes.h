/* Counters that every call adds to. They are kept PC_STRIPES times, each thread adds to the copy of
 * its own stripe, and who reads them adds the copies up: with one copy for all, the cores would
 * pass its cache lines to and fro at every call. The first PC_STRIPES_OWNED threads that count have
 * a stripe each, to which no one else writes, so that they need not lock its lines; later ones
 * share the rest. A copy begins at a multiple of PC_STRIPE_ALIGNMENT.
 * Threads: any. */
#ifndef PC_UTIL_STRIPES_H
#define PC_UTIL_STRIPES_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { PC_STRIPES_OWNED = 24, PC_STRIPES = 32, PC_STRIPE_ALIGNMENT = 64 };

typedef atomic_uint_least64_t pc_counter;

/* The stripe of the calling thread, the same for all its life. */
unsigned pc_stripe(void);

/* PC_STRIPES zeroed copies of `size` bytes each, a multiple of PC_STRIPE_ALIGNMENT; NULL on lack of
 * memory. Owned: free(). */
void *pc_stripes_new(size_t size);

/* Adds to a counter in the calling thread's stripe. */
static inline void pc_counter_add(pc_counter *counter, unsigned stripe, uint64_t number)
{
    if (stripe < PC_STRIPES_OWNED) {
        uint64_t before = atomic_load_explicit(counter, memory_order_relaxed);
        atomic_store_explicit(counter, before + number, memory_order_relaxed);
    } else {
        atomic_fetch_add_explicit(counter, number, memory_order_relaxed);
    }
}

static inline uint64_t pc_counter_read(const pc_counter *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

#endif
