/* Looks every second whether the upstream answers, and tells the health service and the log of a
 * change. Callers are served all the same, from memory where need be.
 * Threads: a timer's. */
#ifndef PC_UPSTREAM_WATCH_H
#define PC_UPSTREAM_WATCH_H

#include "rpc/health.h"
#include "telemetry/log.h"
#include "upstream/entity.h"
#include "util/timers.h"

/* The name that health can be asked by for it. */
#define PC_UPSTREAM_HEALTH "profilecontext.upstream"

enum { PC_UPSTREAM_FAILING = 5 /* requests in a row without a good answer */ };

/* Whether its latest answers were failures, or there is no access token to ask it with. */
bool pc_upstream_is_failing(const pc_entity_client *upstream);

typedef struct pc_upstream_watch pc_upstream_watch;

/* All are borrowed. Owned: pc_upstream_watch_free. Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_upstream_watch_new(pc_upstream_watch **out,
                                             const pc_entity_client *upstream, pc_health *health,
                                             pc_log *log, pc_timers *timers);

/* Looks no more: what it looks at may end. NULL is allowed. */
void pc_upstream_watch_stop(pc_upstream_watch *watch);

/* After pc_timers_free. NULL is allowed. */
void pc_upstream_watch_free(pc_upstream_watch *watch);

#endif
