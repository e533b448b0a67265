/* The two clocks. Durations and deadlines are counted on the monotonic one, which no one can set;
 * the wall clock is only for what people and the upstream call a time. */
#ifndef PC_UTIL_CLOCK_H
#define PC_UTIL_CLOCK_H

#include <stdint.h>

/* A deadline that never comes. */
#define PC_NEVER_NS INT64_MAX

/* Nanoseconds since some fixed moment (CLOCK_MONOTONIC). */
int64_t pc_clock_now_ns(void);

/* Milliseconds since 1970-01-01 UTC, as of the kernel's last tick: up to 10 ms ago. */
int64_t pc_clock_wall_ms(void);

/* Both clocks at one moment, for what looks at the time again and again: reading a clock is cheap,
 * but not for nothing. */
typedef struct {
    int64_t ns;      /* as pc_clock_now_ns */
    int64_t wall_ms; /* as pc_clock_wall_ms */
} pc_now;

pc_now pc_clock_read(void);

/* `now_ns` + `duration_ms`, kept below PC_NEVER_NS. Negative durations give `now_ns`. */
int64_t pc_clock_after_ms(int64_t now_ns, int64_t duration_ms);

#endif
