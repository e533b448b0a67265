/* What gRPC core can do but its C interface has no words for: taking connections that were accepted
 * elsewhere, TLS included, and asking callers to leave before it shuts down. The C++ library uses
 * the first (ExternalConnectionAcceptor); both have been as here since 2020. Where a core lacks
 * them, the functions say so, and the server does without.
 * Threads: any, between the making of the server and its shutdown. */
#ifndef PC_RPC_CORE_INTERNALS_H
#define PC_RPC_CORE_INTERNALS_H

#include <grpc/grpc.h>
#include <stdbool.h>

/* What takes connections: a C++ object of core's. */
typedef struct pc_core_intake pc_core_intake;

/* The "address" that a port for connections from elsewhere is added with. */
extern const char pc_core_intake_address[];

/* The channel argument that has core write `*out` when a port with that address is added. `out`
 * must outlive the server. */
grpc_arg pc_core_intake_arg(pc_core_intake **out);

/* Hands over a connection, which is core's to close from now on. The server must have been started.
 */
void pc_core_intake_take(pc_core_intake *intake, int listener, int connection);

/* Tells all callers (GOAWAY) to send what comes next elsewhere, and serves what comes all the same.
 * False where core has no such function. */
bool pc_core_send_goaways(grpc_server *server);

/* Whether there are connections; true where it cannot be told. */
bool pc_core_has_connections(grpc_server *server);

#endif
