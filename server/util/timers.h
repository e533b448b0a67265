/* One thread that calls back at given moments.
 * Threads: all functions may be called on any thread; callbacks come on the timer thread and must
 * be short (hand real work to pc_workers). */
#ifndef PC_UTIL_TIMERS_H
#define PC_UTIL_TIMERS_H

#include <stddef.h>
#include <stdint.h>

#include "util/status.h"

typedef struct pc_timers pc_timers;

/* Embedded in what it belongs to. All zero is a timer that is not set. */
typedef struct pc_timer {
    void (*fire)(struct pc_timer *timer);
    int64_t at_ns;
    size_t place; /* used by the heap: 1 + index, 0 when not set */
} pc_timer;

/* Owned: stop with pc_timers_free. Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_timers_new(pc_timers **out);

/* Ends the thread; timers still set never fire. NULL is allowed. */
void pc_timers_free(pc_timers *timers);

/* Sets `timer`, which is not set, to call `timer->fire(timer)` once, at `at_ns` on the monotonic
 * clock or soon after. The timer must stay in memory until it has fired or was cancelled.
 * Errors: RESOURCE_EXHAUSTED, and then it never fires. */
PC_NODISCARD pc_status pc_timers_set(pc_timers *timers, pc_timer *timer, int64_t at_ns);

/* True when the timer was set and will now not fire; false when it has fired, is firing or was not
 * set. Does not wait for a callback that is running. */
bool pc_timers_cancel(pc_timers *timers, pc_timer *timer);

#endif
