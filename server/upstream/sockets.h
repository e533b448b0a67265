/* Waits for libcurl's sockets with epoll. libcurl's own poll and perform look at every socket and
 * every transfer each time, which with 500 under way cost four times as much for each as with ten.
 * Threads: that of the transfers, but for pc_sockets_wake. */
#ifndef PC_UPSTREAM_SOCKETS_H
#define PC_UPSTREAM_SOCKETS_H

#include <curl/curl.h>

#include "util/status.h"

/* Embedded; does not move. */
typedef struct {
    CURLM *multi;
    int epoll;
    int wake;       /* an eventfd */
    int64_t due_ns; /* when libcurl wants to be called without I/O */
} pc_sockets;

/* What is not open yet, and may be closed. */
#define PC_SOCKETS_CLOSED ((pc_sockets){.epoll = -1, .wake = -1})

/* Takes over the sockets and timeouts of `multi`, which has no transfers yet. To be closed when it
 * is no longer used, also on failure. Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_sockets_open(pc_sockets *sockets, CURLM *multi);
void pc_sockets_close(pc_sockets *sockets);

/* Waits until there is I/O, `until_ns` has come or the wake was called, and has libcurl do what
 * there is to do. */
void pc_sockets_turn(pc_sockets *sockets, int64_t until_ns);

/* Makes the present or the next turn return soon. Any thread. */
void pc_sockets_wake(pc_sockets *sockets);

#endif
