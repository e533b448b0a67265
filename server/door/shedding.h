/* Which calls are turned away when the server has more to do than it can: the least critical first,
 * and of the most critical never more than half.
 *
 * What is too much is judged by one figure, the delay: how long what arrives waits before any of
 * our code sees it. Core has no clock for that, and the time that calls take says little: a hit
 * takes microseconds, a miss waits half a second for the upstream without costing us anything, and
 * what the upstream cannot bear is the budget's business (server/upstream/budget.h). So pulse.h
 * measures it. A delay above the bound raises the pressure by a step, one below lowers it by a
 * smaller step, so that the end of an overload is not its beginning. Pressure 1 turns prefetches
 * away, 2 batches too, 3 agents too; but who waits for an answer would rather wait than have none,
 * so that 2 is only reached with delays of 4 times the bound, and 3 with 16 times.
 *
 * Threads: the state belongs to one thread; pc_shedding_refuses may be called on any. */
#ifndef PC_DOOR_SHEDDING_H
#define PC_DOOR_SHEDDING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/criticality.h"

/* All zero is a server at ease. */
typedef struct {
    atomic_uint pressure; /* in thousandths */
} pc_shedding;

enum { PC_PRESSURE_MAX = 3500 };

/* Takes a delay into account; called 20 times a second. */
void pc_shedding_observe(pc_shedding *shedding, int64_t delay_ns, int64_t bound_ns);

/* Whether a call is to be turned away. `dice` is a number of 0 to 999 that differs from call to
 * call. */
static inline bool pc_shedding_refuses(const pc_shedding *shedding, pc_criticality criticality,
                                       unsigned dice)
{
    unsigned pressure = atomic_load_explicit(&shedding->pressure, memory_order_relaxed);
    unsigned spared = 1000 * (unsigned)(PC_CRITICALITY_COUNT - 1 - (int)criticality);
    return pressure > spared + dice;
}

#endif
