/* The upstream as it is configured: the client of the Entity API, and the entity sandbox that
 * stands for Adobe when one is wanted. Threads: one (main). */
#ifndef PC_UPSTREAM_SETUP_H
#define PC_UPSTREAM_SETUP_H

#include "config/config.h"
#include "sandbox_child.h"
#include "telemetry/log.h"
#include "upstream/entity.h"

/* Starts the configured sandbox and says so in the log. Owned: pc_sandbox_child_stop. Errors: as
 * pc_sandbox_child_start. */
PC_NODISCARD pc_status pc_setup_sandbox(pc_sandbox_child **out, const pc_config *config,
                                        pc_log *log);

/* A client of the configured upstream, or of the sandbox where there is one (else NULL). All but
 * `out` outlive it. Owned: pc_entity_client_free. Errors: as pc_entity_client_new. */
PC_NODISCARD pc_status pc_setup_upstream(pc_entity_client **out, const pc_config *config,
                                         const pc_sandbox_child *sandbox, pc_log *log);

/* The merge policy of calls that name none; "" is the organisation's own. Borrowed from the
 * configuration. `sandbox` may be NULL. */
const char *pc_setup_merge_policy(const pc_config *config, const pc_sandbox_child *sandbox);

#endif
