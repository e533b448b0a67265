/* The statuses of a single look-up, from an entry instead of an HTTP status. */
#include "context/batch_entry.h"

#include <string.h>

pc_status pc_entry_unknown(void)
{
    return pc_status_new(PC_CODE_NOT_FOUND, "PROFILE_NOT_FOUND",
                         "the upstream has no profile for this identity");
}

pc_status pc_entry_failure(const pc_profile_envelope *entry)
{
    if (!entry->failed) {
        return entry->placeholder ? pc_entry_unknown() : PC_OK;
    }
    if (entry->too_many_identities) {
        return pc_status_new(PC_CODE_FAILED_PRECONDITION, "UPSTREAM_TOO_MANY_IDENTITIES",
                             "the profile has more linked identities than the upstream serves");
    }
    switch (entry->error_status) {
    case 404:
        return pc_entry_unknown();
    case 403:
        return pc_status_new(PC_CODE_PERMISSION_DENIED, "UPSTREAM_ENTRY_FORBIDDEN",
                             "the upstream refuses access to this profile");
    case 422:
        return pc_status_new(PC_CODE_FAILED_PRECONDITION, "UPSTREAM_UNPROCESSABLE",
                             "the upstream cannot process the request for this profile");
    case 429:
        return pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_THROTTLED",
                             "the upstream limits the rate of requests");
    default:
        return pc_status_new(PC_CODE_UNAVAILABLE, "UPSTREAM_ENTRY_FAILED",
                             "the upstream failed for this profile with status %d",
                             entry->error_status);
    }
}

bool pc_entry_merged_by(const pc_profile_envelope *entry, const char *merge_policy)
{
    return entry->merge_policy_id[0] == '\0' || merge_policy[0] == '\0' ||
           strcmp(entry->merge_policy_id, merge_policy) == 0;
}
