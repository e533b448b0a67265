/* Settings of gRPC core's libraries that its own interface has no words for.
 * Threads: before the first server or channel is made. */
#ifndef PC_RPC_CORE_TUNING_H
#define PC_RPC_CORE_TUNING_H

/* Switches off the search for dead locks in Abseil's mutexes. Debian builds Abseil with its
 * debugging checks, and core takes dozens of locks for each call: the bookkeeping is some 5 % of a
 * short call. Does nothing where Abseil is another version or built in. */
void pc_rpc_tune_core(void);

#endif
