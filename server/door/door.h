/* Who of those that call is served: within the caller's quota, and by how critical the call is when
 * there is more to do than can be done. Also knows whether the server still answers at all.
 * Threads: pc_door_admit may be called on any; the rest on one (main). */
#ifndef PC_DOOR_DOOR_H
#define PC_DOOR_DOOR_H

#include "rpc/server.h"
#include "util/criticality.h"
#include "util/quotas.h"

typedef struct pc_door pc_door;

typedef struct {
    size_t methods;         /* the first so many in the method table are subject to all this; the
                               rest, such as health, are always served */
    int64_t delay_bound_ms; /* what arrives should not wait longer; 0: nothing is turned away */
    pc_quota caller_quota;  /* of each caller that `quota_of` says nothing of */
    /* Whether the caller has a quota of its own, and which. NULL: none has. Any thread; must not
     * block. */
    bool (*quota_of)(void *self, const char *caller, pc_quota *out);
    int64_t probe_interval_ms; /* see pulse.h; 0: never */
    /* The server is found not to answer (false), or to answer again (true). */
    void (*on_alive)(void *self, bool alive);
    /* It has not answered for long: who supervises this process should start it anew. */
    void (*on_dead)(void *self);
    void *self;
} pc_door_options;

typedef struct {
    uint64_t shed[PC_CRITICALITY_COUNT]; /* calls turned away, by criticality */
    uint64_t over_quota;                 /* calls refused */
    double pressure;                     /* 0: none is turned away; see shedding.h */
    double delay_s;                      /* the latest */
} pc_door_figures;

/* Owned: pc_door_free, after the server that it admits to. Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_door_new(pc_door **out, const pc_door_options *options);
void pc_door_free(pc_door *door);

/* Reads what the call says of its criticality, and admits it or says why not: INVALID_ARGUMENT;
 * RESOURCE_EXHAUSTED with reason CALLER_RATE_EXCEEDED; UNAVAILABLE with reason OVERLOADED, also
 * where it would not be answered by its deadline. The last two say when to come again. Who the
 * caller is must be known by now. */
PC_NODISCARD pc_status pc_door_admit(pc_door *door, pc_call *call, size_t method);

/* Begins to watch a server that serves at `address`. Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_door_watch(pc_door *door, pc_rpc_server *server, const char *address);

/* Ends that, before the server drains. */
void pc_door_unwatch(pc_door *door);

void pc_door_count(const pc_door *door, pc_door_figures *out);

#endif
