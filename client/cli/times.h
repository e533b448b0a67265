/* Moments and spans of time, as people write and read them. All moments are UTC. */
#ifndef PROFILECTL_TIMES_H
#define PROFILECTL_TIMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TIMES_TEXT_SIZE = 40 };

/* Reads a span: a number with ms, s, m, h or d, such as 2s, 1.5h or 30d. */
bool times_parse_span(int64_t *out_ms, const char *text);

/* Reads a moment: RFC 3339, a date (its midnight UTC), or a span, which counts back from `now_ms`.
 * Moments are in milliseconds since 1970. */
bool times_parse_moment(int64_t *out_ms, const char *text, int64_t now_ms);

/* Writes the date of a moment, such as 2025-11-02; `seconds` since 1970. */
void times_format_date(char out[TIMES_TEXT_SIZE], int64_t seconds);

/* Writes a moment, such as 2025-11-02 14:05. */
void times_format_minute(char out[TIMES_TEXT_SIZE], int64_t seconds);

/* Writes a moment exactly, such as 2025-11-02T14:05:00.250Z; `ms` since 1970. */
void times_format_exact(char out[TIMES_TEXT_SIZE], int64_t ms);

/* Writes a span roughly, such as 12 s, 3 min, 5 h or 40 d. */
void times_format_span(char out[TIMES_TEXT_SIZE], int64_t ms);

/* The present moment in milliseconds since 1970. */
int64_t times_now_ms(void);

#endif
