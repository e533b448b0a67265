/* One question each. */
#include "policy/decide.h"

#include <string.h>

static pc_status denied(const char *reason, const char *message)
{
    return pc_status_new(PC_CODE_PERMISSION_DENIED, reason, "%s", message);
}

pc_status pc_decide_right(size_t *line, const pc_grant *grant, pc_right right)
{
    *line = grant == NULL ? 0 : grant->lines.rpcs;
    if (grant == NULL) {
        return denied("POLICY_NO_RULE", "the policy has no rule for this caller");
    }
    if (right < PC_RIGHT_COUNT && (grant->rights >> right & 1) == 0) {
        return denied("POLICY_RPC_DENIED", "the policy does not let this caller call this method");
    }
    return PC_OK;
}

pc_status pc_decide_purpose(int *purpose, size_t *line, const pc_policy *policy,
                            const pc_grant *grant, const char *given)
{
    *purpose = -1;
    *line = grant->lines.purposes;
    if (!pc_policy_has_purposes(policy)) {
        return PC_OK;
    }
    if (given == NULL || given[0] == '\0') {
        *purpose = grant->default_purpose;
        *line = *purpose < 0 ? grant->lines.purposes : grant->lines.default_purpose;
        return *purpose >= 0
                   ? PC_OK
                   : denied("POLICY_PURPOSE_DENIED",
                            "the call has to state its purpose in the metadata x-purpose");
    }
    int place = pc_policy_purpose(policy, given);
    if (place < 0 || (grant->purposes >> place & 1) == 0) {
        return denied("POLICY_PURPOSE_DENIED",
                      "the policy does not grant this caller the purpose in x-purpose");
    }
    *purpose = place;
    return PC_OK;
}

pc_status pc_decide_namespace(size_t *line, const pc_grant *grant, const char *namespace_code)
{
    *line = grant->namespaces.line;
    return pc_name_list_has_namespace(&grant->namespaces,
                                      namespace_code == NULL ? "xid" : namespace_code)
               ? PC_OK
               : denied("POLICY_NAMESPACE_DENIED",
                        "the policy does not let this caller ask by this namespace");
}

pc_status pc_decide_sandbox(size_t *line, const pc_grant *grant, const char *sandbox)
{
    *line = grant->sandboxes.line;
    return pc_name_list_has(&grant->sandboxes, sandbox)
               ? PC_OK
               : denied("POLICY_SANDBOX_DENIED",
                        "the policy does not let this caller into this sandbox");
}

pc_status pc_decide_merge_policy(size_t *line, const pc_grant *grant, const char *merge_policy,
                                 const char *usual)
{
    static const char word[] = "default";
    const pc_name_list *list = &grant->merge_policies;
    *line = list->line;
    bool is_usual = strcmp(merge_policy, usual) == 0;
    /* The word is no id. */
    bool granted = (is_usual && pc_name_list_has(list, word)) ||
                   (strcmp(merge_policy, word) != 0 && pc_name_list_has(list, merge_policy));
    return granted ? PC_OK
                   : denied("POLICY_MERGE_POLICY_DENIED",
                            "the policy does not grant this caller this merge policy");
}

pc_status pc_decide_staleness(size_t *line, const pc_grant *grant, int64_t staleness_ms)
{
    *line = grant->lines.max_staleness;
    if (grant->has_least_staleness && staleness_ms < grant->least_staleness_ms) {
        return pc_status_new(PC_CODE_PERMISSION_DENIED, "POLICY_STALENESS_DENIED",
                             "the policy does not let this caller ask for less than %lld ms as "
                             "max_staleness",
                             (long long)grant->least_staleness_ms);
    }
    if (grant->has_most_staleness && staleness_ms > grant->most_staleness_ms) {
        return pc_status_new(PC_CODE_PERMISSION_DENIED, "POLICY_STALENESS_DENIED",
                             "the policy does not let this caller ask for more than %lld ms as "
                             "max_staleness",
                             (long long)grant->most_staleness_ms);
    }
    return PC_OK;
}

pc_status pc_decide_criticality(size_t *line, const pc_grant *grant, pc_criticality criticality)
{
    *line = grant->lines.criticality;
    return criticality >= grant->criticality
               ? PC_OK
               : denied("POLICY_CRITICALITY_DENIED",
                        "the policy does not let this caller be as critical as x-criticality says");
}

unsigned pc_right_views(pc_right right)
{
    static const unsigned context = (1u << PC_VIEW_ENTITY) - (1u << PC_VIEW_PROFILE);
    switch (right) {
    case PC_RIGHT_GET_CONTEXT:
    case PC_RIGHT_BATCH_GET_CONTEXTS:
    case PC_RIGHT_PREFETCH_CONTEXTS:
        return context;
    default:
        return pc_right_view(right) == 0 ? 0 : PC_VIEW_BIT(pc_right_view(right));
    }
}

pc_view pc_right_view(pc_right right)
{
    switch (right) {
    case PC_RIGHT_GET_PROFILE:
    case PC_RIGHT_BATCH_GET_PROFILES:
        return PC_VIEW_WHOLE_PROFILE;
    case PC_RIGHT_LIST_EVENTS:
    case PC_RIGHT_STREAM_EVENTS:
        return PC_VIEW_EVENTS;
    case PC_RIGHT_LIST_SEGMENT_MEMBERSHIPS:
        return PC_VIEW_SEGMENTS;
    case PC_RIGHT_GET_IDENTITIES:
        return PC_VIEW_IDENTITIES;
    case PC_RIGHT_GET_ENTITY:
        return PC_VIEW_ENTITY;
    default:
        return (pc_view)0;
    }
}

uint32_t pc_consents_for(const pc_policy *policy, int purpose, unsigned views)
{
    size_t count;
    uint32_t bits = 0;
    const pc_consent_rule *rules = pc_policy_consents(policy, &count);
    for (size_t i = 0; purpose >= 0 && i < count; i++) {
        if ((rules[i].purposes >> purpose & 1) != 0 && (rules[i].views & views) != 0) {
            bits |= UINT32_C(1) << i;
        }
    }
    return bits;
}

pc_status pc_section_denied(void)
{
    return denied("POLICY_SECTION_DENIED",
                  "the policy grants this caller nothing of what is asked for");
}
