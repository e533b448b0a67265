/* What each connection's calls do, as far as a bound depends on it: how many are open, and how many
 * were given up of late. A client that opens calls and gives them up at once keeps within core's
 * bound on streams and yet starts a handler for each (CVE-2023-44487).
 *
 * A connection is known by core's auth context, of which each has its own; a record holds a
 * reference, so that no other can have its address. Records are found anew as calls come, and there
 * are a fixed number; calls of connections that find none are not counted.
 * Threads: any. */
#ifndef PC_RPC_CONNECTIONS_H
#define PC_RPC_CONNECTIONS_H

#include <grpc/grpc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pc_connections pc_connections;
typedef struct pc_connection pc_connection;

enum { PC_PEER_NAME_BYTES = 80 };

typedef struct {
    uint32_t open_max;   /* calls of one connection at once, well above what it is told it may */
    uint32_t resets_max; /* that it may give up at once, and in a second; 0: no bound */
} pc_connections_options;

/* NULL on lack of memory. Owned: pc_connections_free, when no call is left. */
pc_connections *pc_connections_new(const pc_connections_options *options);
void pc_connections_free(pc_connections *connections);

/* Counts a call that begins. The record stays until pc_connection_end; NULL: it is not counted.
 * `*watch` says whether core should be asked how it ends before it is answered, since afterwards it
 * does not tell: of a connection that gives calls up of all, else of one in a few. */
pc_connection *pc_connections_begin(pc_connections *connections, grpc_call *call, int64_t now_ns,
                                    bool *watch);

/* Whether a call that was counted is to be refused: its connection has more open than is allowed,
 * or has given up too many. `*is_first` is true once, for the first that is too many, and then
 * `peer` is the connection's as core names it, or "". */
bool pc_connections_refuse(pc_connections *connections, pc_connection *connection, bool *is_first,
                           char peer[PC_PEER_NAME_BYTES]);

/* Counts a call that was given up. True once, for the first that is too many, and then `peer` is as
 * above. */
bool pc_connections_reset(pc_connections *connections, pc_connection *connection, int64_t now_ns,
                          char peer[PC_PEER_NAME_BYTES]);

void pc_connection_end(pc_connection *connection);

/* What the connection owes, in bytes of answers that it does not read: kept by unread.h, zero at
 * first. NULL for NULL. */
atomic_size_t *pc_connection_owed(pc_connection *connection);

/* Ends the connections that owe most, by `cut(self, peer)`, until the others owe no more than so
 * much together; those for which it is false, since they cannot be ended, are passed over and do
 * not count. What the ended ones owed. `cut` runs with a lock held that calls of the connection
 * wait for: it may take a lock and make a few system calls, but wait for nobody, and not come back
 * here. One thread at a time. */
size_t pc_connections_cut_owing(pc_connections *connections, size_t most,
                                bool (*cut)(void *self, const char *peer), void *self);

#endif
