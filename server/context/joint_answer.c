/* Matching by batch_match.h, trusted less than in a batch: here nobody asked for one. */
#include "context/joint_answer.h"

#include <string.h>

#include "context/batch_entry.h"
#include "context/batch_match.h"

pc_status pc_joint_answer_read(const pc_profile_envelope **entries, pc_arena *arena,
                               const pc_person_ref *persons, size_t count, const char *merge_policy,
                               const pc_slice *body)
{
    pc_batch_entries all;
    pc_status status =
        pc_batch_entries_read(&all, arena, pc_slice_bytes(body), pc_slice_size(body));
    if (!pc_status_ok(&status)) {
        return status;
    }
    int *matches = pc_arena_calloc(arena, count, sizeof *matches);
    unsigned *uses = pc_arena_calloc(arena, all.count + 1, sizeof *uses);
    if (matches == NULL || uses == NULL) {
        return pc_status_out_of_memory();
    }
    status = pc_batch_match(matches, arena, persons, count, &all, NULL, 0);
    if (!pc_status_ok(&status)) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        if (matches[i] >= 0) {
            uses[matches[i]]++;
        }
    }
    for (size_t i = 0; i < count; i++) {
        /* One that seems to be several persons' is nobody's: where identities are not stitched,
         * that a profile lists an identity does not make it that identity's profile. */
        const pc_profile_envelope *entry =
            matches[i] >= 0 && uses[matches[i]] == 1 ? &all.entries[matches[i]] : NULL;
        entries[i] = entry != NULL && pc_entry_merged_by(entry, merge_policy) ? entry : NULL;
    }
    return PC_OK;
}

pc_status pc_joint_answer_part(pc_slice **body, const pc_profile_envelope *entry)
{
    static const char no_key[] = "\"\":";
    *body = NULL;
    pc_status status = pc_entry_failure(entry);
    if (!pc_status_ok(&status)) {
        return status;
    }
    const pc_json_range *member = &entry->member;
    size_t key = member->bytes[0] == '"' ? 0 : sizeof no_key - 1;
    *body = pc_slice_new(member->size + key + 2);
    if (*body == NULL) {
        return pc_status_out_of_memory();
    }
    uint8_t *to = pc_slice_writable(*body);
    *to++ = '{';
    memcpy(to, no_key, key);
    memcpy(to + key, member->bytes, member->size);
    to[key + member->size] = '}';
    return PC_OK;
}

bool pc_joint_failure_is_joint(const pc_status *failure)
{
    const char *reason = pc_status_reason(failure);
    switch (failure->code) {
    case PC_CODE_INVALID_ARGUMENT:
    case PC_CODE_FAILED_PRECONDITION:
    case PC_CODE_NOT_FOUND:
    case PC_CODE_INTERNAL:
        return true;
    default:
        return strcmp(reason, "UPSTREAM_BODY_TOO_LARGE") == 0 ||
               strcmp(reason, "UPSTREAM_BODY_TOO_COMPLEX") == 0;
    }
}
