/* Points in time as milliseconds since the epoch, and the notations the data uses for them. */
#ifndef SBX_CLOCK_H
#define SBX_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SBX_TIME_SIZE = 40 };

enum sbx_time_form {
    SBX_TIME_SECONDS, /* 2026-01-31T08:30:00Z */
    SBX_TIME_MILLIS,  /* 2026-01-31T08:30:00.250Z */
    SBX_TIME_OFFSET,  /* 2026-01-31T08:30:00+00:00 */
    SBX_TIME_BASIC,   /* 2026-01-31T08:30:00+0000 */
    SBX_TIME_SPACE,   /* 2026-01-31 08:30:00.0, as B2B audit fields have it */
    SBX_TIME_DATE,    /* 2026-01-31 */
};

int64_t sbx_clock_now(void);       /* wall clock, ms since 1970 */
int64_t sbx_clock_monotonic(void); /* ms, for waiting */

/* Writes ms in the given form. */
void sbx_time_format(char out[SBX_TIME_SIZE], int64_t ms, enum sbx_time_form form);

/* Reads "-3d4h", "+2h30m" or "-45s" (units w d h m s) as an offset from now_ms, or an absolute
 * date or date-time with Z or a numeric offset. */
bool sbx_time_parse(int64_t *out, const char *text, int64_t now_ms);

#endif
