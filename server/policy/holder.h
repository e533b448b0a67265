/* The policy that is in force: changed as a whole, while calls go on under the one they began with.
 * Threads: any. */
#ifndef PC_POLICY_HOLDER_H
#define PC_POLICY_HOLDER_H

#include "policy/policy.h"

typedef struct pc_policy_holder pc_policy_holder;

/* Takes the reference to `policy`, which it needs. Owned: pc_policy_holder_free. NULL when out of
 * memory. */
pc_policy_holder *pc_policy_holder_new(pc_policy *policy);

/* NULL is allowed. */
void pc_policy_holder_free(pc_policy_holder *holder);

/* A reference to the policy in force: pc_policy_unref. */
pc_policy *pc_policy_holder_get(pc_policy_holder *holder);

/* Puts another in force; takes the reference. */
void pc_policy_holder_set(pc_policy_holder *holder, pc_policy *policy);

#endif
