/* The policy of this server: read at start, and asked about every call.
 * Threads: making and freeing are the owner's; the rest may be called on any thread. */
#ifndef PC_ACCESS_RULES_H
#define PC_ACCESS_RULES_H

#include "config/config.h"
#include "policy/holder.h"
#include "reload/reload.h"
#include "rpc/call.h"
#include "telemetry/log.h"

typedef struct pc_access_rules pc_access_rules;

/* `*out` is NULL where the configuration names no file. Owned: pc_access_rules_free. `config` and
 * `log` must outlive it. Errors: FAILED_PRECONDITION POLICY_INVALID, with a violation for each
 * mistake; RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_access_rules_new(pc_access_rules **out, const pc_config *config,
                                           pc_log *log);
void pc_access_rules_free(pc_access_rules *rules);

/* Which methods a server has, in the order of its rows: before it starts. */
void pc_access_rules_set_methods(pc_access_rules *rules, const pc_method *rows, size_t count);

/* For the hook `admit` of pc_rpc_options: has the call bounded by its caller's rule, and then lets
 * it in or not. `rules` may be NULL, which lets all in. */
PC_NODISCARD pc_status pc_access_rules_look_up(pc_access_rules *rules, pc_call *call);
PC_NODISCARD pc_status pc_access_rules_admit(pc_access_rules *rules, pc_call *call, size_t method);

/* Has the file read anew when it changes, or when it is asked for: the new rules are in force for
 * calls that come from then on. A broken file leaves the one before in force, and its mistakes are
 * told in the log. `rules` may be NULL, and must outlive `reload`. Errors: as pc_reload_add. */
PC_NODISCARD pc_status pc_access_rules_watch(pc_access_rules *rules, pc_reload *reload);

/* The bound on a caller's calls by the policy in force: as pc_policy_quota. False without rules. */
bool pc_access_rules_quota(const pc_access_rules *rules, const char *caller, double *rate,
                           double *burst);

/* NULL for no rules. */
pc_policy_holder *pc_access_rules_holder(const pc_access_rules *rules);

#endif
