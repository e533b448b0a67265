/* Fetches a key set from the web, with the upstream's HTTP: certificates verified, no redirects.
 * Threads: pc_jwks_fetch_get on one thread at a time; pc_jwks_fetch_stop on any. */
#ifndef PC_JWKS_FETCH_H
#define PC_JWKS_FETCH_H

#include "util/slice.h"
#include "util/status.h"

typedef struct pc_jwks_fetch pc_jwks_fetch;

/* `url` must be https://, or http:// with a loopback host. `ca_file` is PEM, NULL for the system's
 * authorities. Owned: pc_jwks_fetch_free. Errors: FAILED_PRECONDITION with reason JWKS_URL_INVALID;
 * RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_jwks_fetch_new(pc_jwks_fetch **out, const char *url, const char *ca_file);

/* Waits for the answer, at most 10 seconds. Owned: pc_slice_unref. Errors: those of transfer.h;
 * UNAVAILABLE with reason JWKS_REFUSED for an answer that is not 200. */
PC_NODISCARD pc_status pc_jwks_fetch_get(pc_jwks_fetch *fetch, pc_slice **out);

/* Ends a fetch that is under way, and lets none begin. NULL is allowed. */
void pc_jwks_fetch_stop(pc_jwks_fetch *fetch);

/* Nobody may be fetching any more. NULL is allowed. */
void pc_jwks_fetch_free(pc_jwks_fetch *fetch);

#endif
