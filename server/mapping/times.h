/* Times and dates as XDM's sources write them. Threads: any. */
#ifndef PC_MAPPING_TIMES_H
#define PC_MAPPING_TIMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mapping/reading.h"

/* The moment that a text names, in seconds and nanoseconds since 1970-01-01 UTC. EXACT for RFC 3339
 * with `T`, up to nine digits of fraction and the zone `Z`, `+00:00` or `+0000`. LENIENT for what
 * is as clear but loses something of its form: another offset, `-00:00`, offsets without colon or
 * minutes, a space or nothing for the `T`, lower case, no seconds, more digits (cut off). NONE
 * without a zone, outside the years 1 to 9999, for leap seconds, and for all else. */
pc_reading pc_time_read(const uint8_t *text, size_t size, int64_t *seconds, int32_t *nanos);

/* True for `YYYY-MM-DD` of the Gregorian calendar, years 1 to 9999. */
bool pc_date_read(const uint8_t *text, size_t size, int *year, int *month, int *day);

/* Days since 1970-01-01 of a valid date. */
int64_t pc_date_days(int year, int month, int day);

#endif
