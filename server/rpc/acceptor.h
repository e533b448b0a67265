/* Takes callers' connections, instead of gRPC core, and gives them to it: so that their number is
 * bounded, in all and for each address, and so that a lack of file descriptors passes. (Core 1.51
 * stops to accept for good when accept once fails with EMFILE: CVE-2023-4785.)
 *
 * Core never tells that it has closed a connection. Each is known by its descriptor's number and
 * the inode behind it, and where the bound seems reached, all are looked at again. Threads: one of
 * its own accepts; the functions may be called on any other. */
#ifndef PC_RPC_ACCEPTOR_H
#define PC_RPC_ACCEPTOR_H

#include <stddef.h>
#include <stdint.h>

#include "util/status.h"

typedef struct pc_acceptor pc_acceptor;

typedef struct {
    const char *address;      /* "host:port" (port 0: a free one) or "unix:/path" */
    size_t connections_max;   /* more are closed at once; 0: no bound but that of descriptors */
    size_t peer_max;          /* the same from one address (of IPv6 a /64), UNIX sockets apart */
    int64_t write_timeout_ms; /* a peer that takes nothing for so long is given up; 0: never */
    int64_t retire_grace_ms;  /* see pc_acceptor_retire */
    /* Takes a connection, to close it when it ends. On the acceptor's thread. */
    void (*take)(void *self, int listener, int connection);
    void *self;
} pc_acceptor_options;

typedef struct {
    uint64_t accepted;
    uint64_t refused_full; /* closed since there were connections_max, or no descriptors */
    uint64_t refused_peer; /* closed since its address had peer_max */
    uint64_t cut;          /* by pc_acceptor_cut */
    uint64_t retired;      /* ended by pc_acceptor_retire */
    size_t open;
    size_t connections_max; /* in effect: what descriptors allow, at most */
} pc_acceptor_figures;

/* Lets this process have as many file descriptors as the system allows, of which `reserve` are kept
 * for other things; how many connections that leaves. */
size_t pc_acceptor_room(size_t reserve);

/* Listens, but accepts nothing yet. Owned: pc_acceptor_free. Errors: those of pc_listener_open;
 * RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_acceptor_new(pc_acceptor **out, const pc_acceptor_options *options);

/* Begins to accept. Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_acceptor_start(pc_acceptor *acceptor);

/* The TCP port that is listened on; 0 for a UNIX socket. */
int pc_acceptor_port(const pc_acceptor *acceptor);

/* Accepts nothing any more: connections that wait are refused, those that were taken stay. */
void pc_acceptor_stop(pc_acceptor *acceptor);

/* Ends the connection of a peer, named as core does: "ipv4:10.1.2.3:4567", "ipv6:%5B::1%5D:4567".
 * False when it is not known or has no port, as on a UNIX socket. */
bool pc_acceptor_cut(pc_acceptor *acceptor, const char *peer);

/* Ends, after `retire_grace_ms`, the connections that are open now and then still are; who comes
 * later stays. */
void pc_acceptor_retire(pc_acceptor *acceptor);

void pc_acceptor_count(pc_acceptor *acceptor, pc_acceptor_figures *out);

/* Stops, too. NULL is allowed. */
void pc_acceptor_free(pc_acceptor *acceptor);

#endif
