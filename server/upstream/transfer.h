/* HTTP requests on a thread of their own: libcurl's multi interface behind a small face. It knows
 * HTTP, not the Entity API: whatever status an answer has, the transfer succeeded.
 *
 * http:// goes over HTTP/1.1 with keep-alive, https:// over HTTP/2 where the server speaks it.
 * Certificates and host names are always verified, redirects are never followed, proxies of the
 * environment are ignored, only http and https are spoken.
 *
 * Threads: pc_transfer_start, _cancel, _op_ref and _op_unref any; callbacks come on the transfer
 * thread.
 *
 * Statuses that a transfer can end with, and what a retry might bring:
 *   CANCELLED          CANCELLED                 asked by the caller, or by pc_transfer_free
 *   DEADLINE_EXCEEDED  UPSTREAM_TIMEOUT          the request's deadline came
 *   UNAVAILABLE        UPSTREAM_UNREACHABLE      no address, or no connection in time: not sent
 *   UNAVAILABLE        UPSTREAM_TLS_FAILED       no trusted TLS connection: not sent
 *   UNAVAILABLE        UPSTREAM_CONNECTION_LOST  broken while sending or receiving
 *   UNAVAILABLE        UPSTREAM_PROTOCOL_ERROR   what came back is not HTTP, or not gzip
 *   RESOURCE_EXHAUSTED UPSTREAM_BODY_TOO_LARGE   more than `body_bytes_max`; again no better
 *   RESOURCE_EXHAUSTED OUT_OF_MEMORY
 *   INTERNAL           UPSTREAM_TRANSFER_FAILED  anything else that libcurl may say
 * Texts of libcurl are left out of statuses, as they may hold hosts and URLs. */
#ifndef PC_UPSTREAM_TRANSFER_H
#define PC_UPSTREAM_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "upstream/loop.h"
#include "util/slice.h"
#include "util/status.h"

typedef struct pc_transfer pc_transfer;

/* One request. Reference-counted: a reference stays valid, and cancelling harmless, whatever has
 * happened to the transfer or to the pc_transfer meanwhile. */
typedef struct pc_transfer_op pc_transfer_op;

typedef struct {
    const char *ca_file;      /* PEM, copied; NULL: the system's */
    unsigned max_connections; /* per host; further requests wait their turn; 0: no limit */
    /* The same while the upstream speaks HTTP/2, where one connection carries many requests:
     * libcurl opens one for every request that finds none with room, and would soon have the
     * former. */
    unsigned http2_connections;
    int64_t dns_ttl_ms;        /* how long addresses of hosts are believed; whole seconds */
    int64_t connection_age_ms; /* connections are left for new ones at about this age, so that a
                                  change of addresses is followed; whole seconds; 0: never */
    bool wipe_memory;          /* keep nothing of answers: neither buffers nor stack */
} pc_transfer_options;

typedef struct {
    const char *name;
    const char *value; /* printable ASCII, not empty */
} pc_transfer_header;

/* Copied by pc_transfer_start. */
typedef struct {
    const char *url;
    const pc_transfer_header *headers;
    size_t header_count;
    const void *body; /* NULL: GET or DELETE; else POST. The copy is wiped after use */
    size_t body_size;
    bool is_delete;
    bool is_one_of_many; /* its answer's version of HTTP says how many connections are needed */
    bool wants_new_connection; /* as the one at hand is suspected of being dead */
    int64_t deadline_ns;       /* monotonic, or PC_NEVER_NS */
    int64_t connect_timeout_ms;
    size_t body_bytes_max; /* of the answer, after decompression */
} pc_transfer_request;

/* An answer that arrived whole. */
typedef struct {
    int http_status;
    pc_slice *body;           /* borrowed, pc_slice_ref to keep; never NULL */
    int64_t retry_after_ms;   /* from Retry-After; 0: none */
    const char *content_type; /* "" when absent, too long or not printable; borrowed */
    const char *request_id;   /* x-request-id, likewise */
    const char *date;         /* Date, likewise */
} pc_transfer_result;

/* Takes `status`. `result` is NULL unless the status is OK, and borrowed for the call. */
typedef void (*pc_transfer_done)(void *self, pc_status status, const pc_transfer_result *result);

/* Starts the thread. Owned: pc_transfer_free. Errors: RESOURCE_EXHAUSTED, or INTERNAL
 * UPSTREAM_TRANSFER_FAILED when libcurl cannot be set up. */
PC_NODISCARD pc_status pc_transfer_new(pc_transfer **out, const pc_transfer_options *options);

/* Cancels what is under way, waits for all callbacks, ends the thread. Requests started meanwhile
 * (by callbacks) are refused. Not on the transfer thread. NULL is allowed. */
void pc_transfer_free(pc_transfer *transfer);

/* How many connections there are now, and how many were opened so far. Any thread. */
void pc_transfer_connections(const pc_transfer *transfer, uint64_t *open_out, uint64_t *opened_out);

/* How many requests libcurl has sent a second time by itself, as their connection ended before a
 * byte had come back or the upstream refused them unseen. Any thread. */
uint64_t pc_transfer_resent(const pc_transfer *transfer);

/* The loop that everything here runs on. Borrowed until pc_transfer_free. */
pc_loop *pc_transfer_loop(pc_transfer *transfer);

/* Starts a request. On success `done` comes exactly once, on the transfer thread and never inside
 * this function, though it may overtake this function's return on another thread: `*op_out` is set
 * before `done` can come. It is a reference that the caller owns; `op_out` may be NULL. On an error
 * returned `done` never comes and `*op_out` is NULL. Errors: RESOURCE_EXHAUSTED; INVALID_ARGUMENT
 * UPSTREAM_BAD_HEADER; CANCELLED when the pc_transfer is being freed. */
PC_NODISCARD pc_status pc_transfer_start(pc_transfer *transfer, const pc_transfer_request *request,
                                         pc_transfer_done done, void *self,
                                         pc_transfer_op **op_out);

/* Asks the request to end early. `done` still comes exactly once: with CANCELLED, or with the
 * result when that was first. Never calls back itself. NULL is allowed. */
void pc_transfer_cancel(pc_transfer_op *op);

/* Bytes of the answer that have arrived so far, headers included. On the transfer thread. */
uint64_t pc_transfer_received(const pc_transfer_op *op);

pc_transfer_op *pc_transfer_op_ref(pc_transfer_op *op);
void pc_transfer_op_unref(pc_transfer_op *op); /* NULL is allowed */

#endif
