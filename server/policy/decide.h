/* May this caller do that? The decisions about a call that are made before anything is looked up,
 * so that they are the same whether or not a person exists. The server and `profilectl policy test`
 * ask the same functions.
 *
 * Each returns OK or PERMISSION_DENIED, and sets `*line` to the line of the policy file that
 * decides (0: none does). Messages name nothing that the caller has not said, but for its rights.
 * Threads: pure. */
#ifndef PC_POLICY_DECIDE_H
#define PC_POLICY_DECIDE_H

#include "policy/policy.h"

/* Reason POLICY_NO_RULE, when `grant` is NULL; POLICY_RPC_DENIED. */
PC_NODISCARD pc_status pc_decide_right(size_t *line, const pc_grant *grant, pc_right right);

/* `given` is what the call states, or NULL; `*purpose` is -1 where the policy has no purposes.
 * Reason POLICY_PURPOSE_DENIED. */
PC_NODISCARD pc_status pc_decide_purpose(int *purpose, size_t *line, const pc_policy *policy,
                                         const pc_grant *grant, const char *given);

/* The namespace of an identity that is asked by, or NULL for an XID. Reason
 * POLICY_NAMESPACE_DENIED. */
PC_NODISCARD pc_status pc_decide_namespace(size_t *line, const pc_grant *grant,
                                           const char *namespace_code);

/* Reason POLICY_SANDBOX_DENIED. */
PC_NODISCARD pc_status pc_decide_sandbox(size_t *line, const pc_grant *grant, const char *sandbox);

/* `usual` is the merge policy of calls that name none, which rules call `default` too; an empty one
 * is the upstream's own. Reason POLICY_MERGE_POLICY_DENIED. */
PC_NODISCARD pc_status pc_decide_merge_policy(size_t *line, const pc_grant *grant,
                                              const char *merge_policy, const char *usual);

/* What a call asks for as `max_staleness`. Reason POLICY_STALENESS_DENIED. */
PC_NODISCARD pc_status pc_decide_staleness(size_t *line, const pc_grant *grant,
                                           int64_t staleness_ms);

/* What a call claims as its criticality. Reason POLICY_CRITICALITY_DENIED. */
PC_NODISCARD pc_status pc_decide_criticality(size_t *line, const pc_grant *grant,
                                             pc_criticality criticality);

/* The sections that a right is about; GetContext and its like: all of them. */
unsigned pc_right_views(pc_right right);

/* The view that a unary answer of this right is made of; 0: a context, or nothing. */
pc_view pc_right_view(pc_right right);

/* The consents that hold for a purpose and touch one of the views: bits by their place. */
uint32_t pc_consents_for(const pc_policy *policy, int purpose, unsigned views);

/* When a section of these may not be seen at all. Reason POLICY_SECTION_DENIED. */
pc_status pc_section_denied(void);

#endif
