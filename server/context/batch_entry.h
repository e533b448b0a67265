/* What one entry of a batch's answer says of the person it is about. Threads: pure. */
#ifndef PC_CONTEXT_BATCH_ENTRY_H
#define PC_CONTEXT_BATCH_ENTRY_H

#include "mapping/envelope.h"

/* NOT_FOUND PROFILE_NOT_FOUND. */
PC_NODISCARD pc_status pc_entry_unknown(void);

/* OK when there is a profile in it; else the entry's own error, or that there is nobody. */
PC_NODISCARD pc_status pc_entry_failure(const pc_profile_envelope *entry);

/* Whether an entry was merged as was asked, as far as it says; whether a batch honours the merge
 * policy is not settled. */
bool pc_entry_merged_by(const pc_profile_envelope *entry, const char *merge_policy);

#endif
