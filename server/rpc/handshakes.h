/* TLS handshakes that came to nothing. Core ends such a connection without a word to us, so what is
 * known of it is taken from OpenSSL, which tells of each connection's state when it begins, speaks
 * and ends. A core with TLS of its own tells nothing; then nothing is seen here.
 * Threads: one begins (the acceptor's); core's own end them. */
#ifndef PC_RPC_HANDSHAKES_H
#define PC_RPC_HANDSHAKES_H

#include "rpc/server.h"

typedef struct pc_handshakes pc_handshakes;

/* `on_refused` may be NULL; it is called on core's threads and must not block. Owned:
 * pc_handshakes_close. NULL on lack of memory. */
pc_handshakes *pc_handshakes_new(void (*on_refused)(void *self,
                                                    const pc_refused_handshake *refused),
                                 void *self);

/* Nothing is told from now on, and what connections do not hold any more is freed. NULL is
 * allowed. */
void pc_handshakes_close(pc_handshakes *handshakes);

/* What this thread begins between the two is the handshake of this connection. */
void pc_handshakes_begin(pc_handshakes *handshakes, int connection);
void pc_handshakes_begun(void);

/* Nothing is told of the handshake whose peer has this end of the connection; a next one takes its
 * place. To be called before the peer says anything. Any thread. */
void pc_handshakes_disregard(pc_handshakes *handshakes, int connection);

/* How many ended so. */
uint64_t pc_handshakes_count(const pc_handshakes *handshakes, pc_handshake_end end);

#endif
