/* grpc.reflection v1 and v1alpha: what services there are, and the descriptors of their messages.
 * Contract: github.com/grpc/grpc, doc/server-reflection.md.
 * Threads: any. */
#ifndef PC_RPC_REFLECTION_H
#define PC_RPC_REFLECTION_H

#include "rpc/call.h"

enum { PC_REFLECTION_METHODS = 2 };

/* What the service lists; must outlive the server. */
typedef struct {
    const char *const *services; /* full names */
    size_t count;
} pc_reflection;

/* The rows for the method table; `rows` has room for PC_REFLECTION_METHODS. */
void pc_reflection_methods(const pc_reflection *reflection, pc_method *rows);

#endif
