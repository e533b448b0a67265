/* grpc.health.v1: Check and Watch, for the whole server ("") and each named service.
 * Contract: github.com/grpc/grpc, doc/health-checking.md.
 * Threads: any. */
#ifndef PC_RPC_HEALTH_H
#define PC_RPC_HEALTH_H

#include "rpc/call.h"

typedef struct pc_health pc_health;

enum { PC_HEALTH_METHODS = 2 };

/* `services` are the full names besides "" (borrowed, must outlive it). All begin as not serving.
 * Owned: pc_health_free. */
PC_NODISCARD pc_status pc_health_new(pc_health **out, const char *const *services, size_t count);

/* Only after the server that has its rows was freed. NULL is allowed. */
void pc_health_free(pc_health *health);

/* The rows for the method table; `rows` has room for PC_HEALTH_METHODS. */
void pc_health_methods(pc_health *health, pc_method *rows);

/* Sets every service, the whole included, and tells the watchers. */
void pc_health_set_all(pc_health *health, bool serving);

/* Sets one service by name; names that it was not made with are ignored. */
void pc_health_set(pc_health *health, const char *service, bool serving);

/* All not serving, for good: watchers are told and their streams end, so that a drain can. */
void pc_health_stop(pc_health *health);

#endif
