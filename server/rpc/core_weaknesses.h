/* What gRPC core is known to lack, by its version: said at the start and by --version, so that
 * nobody has to guess what a network that is not trusted would meet. */
#ifndef PC_RPC_CORE_WEAKNESSES_H
#define PC_RPC_CORE_WEAKNESSES_H

#include <stddef.h>

enum { PC_CORE_WEAKNESSES_MAX = 8 };

/* Names of weaknesses whose fix a core of this ABI version ("29.0.0", as pc_rpc_core_version gives
 * it) has not, or may not have: distributions may have added one without another version. Returns
 * how many were written; of a version that cannot be read, all. */
size_t pc_core_weaknesses(const char *names[PC_CORE_WEAKNESSES_MAX], const char *abi_version);

#endif
