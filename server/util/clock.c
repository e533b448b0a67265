/* Reads of the system clocks, and the one sum that may overflow. */
#include "util/clock.h"

#include <time.h>

int64_t pc_clock_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t pc_clock_wall_ms(void)
{
    struct timespec now;
    /* The kernel's tick will do, and every answer asks: the exact clock costs six times as much. */
    (void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

pc_now pc_clock_read(void)
{
    return (pc_now){pc_clock_now_ns(), pc_clock_wall_ms()};
}

int64_t pc_clock_after_ms(int64_t now_ns, int64_t duration_ms)
{
    if (duration_ms <= 0) {
        return now_ns;
    }
    if (duration_ms >= (PC_NEVER_NS - now_ns) / 1000000) {
        return PC_NEVER_NS;
    }
    return now_ns + duration_ms * 1000000;
}
