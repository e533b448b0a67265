/* Stripes are dealt out in turn, to each thread when it first counts, and not taken back: the
 * threads that count live as long as the process. */
#include "util/stripes.h"

#include <stdlib.h>
#include <string.h>

unsigned pc_stripe(void)
{
    static atomic_uint next;
    static _Thread_local unsigned mine; /* one more than the stripe; 0: none yet */
    if (mine == 0) {
        unsigned number = atomic_fetch_add_explicit(&next, 1, memory_order_relaxed);
        unsigned shared = number % (PC_STRIPES - PC_STRIPES_OWNED);
        mine = 1 + (number < PC_STRIPES_OWNED ? number : PC_STRIPES_OWNED + shared);
    }
    return mine - 1;
}

void *pc_stripes_new(size_t size)
{
    void *stripes = aligned_alloc(PC_STRIPE_ALIGNMENT, size * PC_STRIPES);
    if (stripes != NULL) {
        memset(stripes, 0, size * PC_STRIPES);
    }
    return stripes;
}
