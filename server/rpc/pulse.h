/* Whether the RPC threads still take events: a way to have one of them call back.
 * Threads: making and freeing on one (main); pc_rpc_pulse_feel any. */
#ifndef PC_RPC_PULSE_H
#define PC_RPC_PULSE_H

#include "rpc/server.h"

typedef struct pc_rpc_pulse pc_rpc_pulse;

/* For a server that has been started; it must outlive the pulse. `beat(self)` is called once on an
 * RPC thread for each pc_rpc_pulse_feel. Owned: pc_rpc_pulse_free.
 * Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_rpc_pulse_new(pc_rpc_pulse **out, pc_rpc_server *server,
                                        void (*beat)(void *self), void *self);

/* Asks for one call of `beat`; not again before it has come. */
void pc_rpc_pulse_feel(pc_rpc_pulse *pulse);

/* When no beat is outstanding. NULL is allowed. */
void pc_rpc_pulse_free(pc_rpc_pulse *pulse);

#endif
