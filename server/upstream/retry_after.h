/* The Retry-After header (RFC 9110, 10.2.3): seconds, or an HTTP date.
 * Threads: pure. */
#ifndef PC_UPSTREAM_RETRY_AFTER_H
#define PC_UPSTREAM_RETRY_AFTER_H

#include <stddef.h>
#include <stdint.h>

/* No advice reaches further: a wrong clock must not stop us for days. */
enum { PC_RETRY_AFTER_MAX_MS = 60 * 60 * 1000 };

/* Milliseconds to wait, at most PC_RETRY_AFTER_MAX_MS; 0 when the text says nothing usable or its
 * moment has passed. `wall_ms` is the time now since 1970. */
int64_t pc_retry_after_ms(const char *text, size_t size, int64_t wall_ms);

/* Milliseconds since 1970 of an HTTP date (RFC 9110, 5.6.7); 0 when it is none. */
int64_t pc_http_date_ms(const char *text);

#endif
