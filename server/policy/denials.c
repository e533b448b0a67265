/* The reasons that a call can be refused for; sections that are withheld in an answer are counted
 * as sections. */
#include "policy/denials.h"

#include <string.h>

static const char *const reasons[PC_DENIAL_REASONS] = {
    "POLICY_NO_RULE",          "POLICY_RPC_DENIED",         "POLICY_PURPOSE_DENIED",
    "POLICY_NAMESPACE_DENIED", "POLICY_SANDBOX_DENIED",     "POLICY_MERGE_POLICY_DENIED",
    "POLICY_STALENESS_DENIED", "POLICY_CRITICALITY_DENIED", "POLICY_CONDITION_DENIED",
    "POLICY_SECTION_DENIED",   "CONSENT_MISSING",           "DELETE_NOT_GRANTED",
};

void pc_denials_note(pc_denials *denials, const char *reason)
{
    for (size_t i = 0; i < PC_DENIAL_REASONS; i++) {
        if (strcmp(reasons[i], reason) == 0) {
            atomic_fetch_add_explicit(&denials->counts[i], 1, memory_order_relaxed);
            return;
        }
    }
}

const char *pc_denials_reason(size_t number)
{
    return number < PC_DENIAL_REASONS ? reasons[number] : NULL;
}

uint64_t pc_denials_read(const pc_denials *denials, size_t number)
{
    return atomic_load_explicit(&denials->counts[number], memory_order_relaxed);
}
