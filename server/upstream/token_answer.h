/* What IMS says to a request for a token, and how long to use what it gave.
 * Threads: pure. */
#ifndef PC_UPSTREAM_TOKEN_ANSWER_H
#define PC_UPSTREAM_TOKEN_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "util/status.h"

typedef struct {
    char *access_token; /* owned: OPENSSL_cleanse and free */
    int64_t lifetime_ms;
} pc_token_answer;

/* Reads an answer. Errors: UNAUTHENTICATED UPSTREAM_TOKEN_REFUSED (400, 401 and 403),
 * UNAVAILABLE UPSTREAM_TOKEN_UNAVAILABLE (all else that is no token, with the advice of
 * `retry_after_ms` when not 0), RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_token_answer_read(pc_token_answer *out, int http_status, const void *body,
                                            size_t body_size, int64_t retry_after_ms);

/* `expires_in` is in seconds, but was in milliseconds in an older flow: more than ten days cannot
 * be meant as seconds. Nothing usable gives five minutes, and the least is a second. */
int64_t pc_token_lifetime_ms(int64_t expires_in);

/* When to ask for the next token, counted from the present one: when a tenth of the lifetime is
 * left, or five minutes, whichever is more; of short lives the half. */
int64_t pc_token_refresh_after_ms(int64_t lifetime_ms);

/* How long to leave IMS alone after `failures` failures in a row (at least 1): 100 ms, doubled each
 * time, up to 800 ms. So recovery is noticed within about a second. */
int64_t pc_token_backoff_ms(unsigned failures);

#endif
