/* How much a caller may ask of us, for those who count calls. */
#ifndef PC_POLICY_QUOTA_H
#define PC_POLICY_QUOTA_H

#include "policy/policy.h"

/* Calls a second, and at once. False when the policy sets no bound for the caller, or has no rule
 * for it: then both are 0. */
bool pc_policy_quota(const pc_policy *policy, const char *caller, double *rate, double *burst);

/* Percent of the upstream's budget; 0: none is set. */
int pc_policy_share(const pc_policy *policy, const char *caller);

#endif
