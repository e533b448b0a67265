/* What the answer to a joint request (joining.h) says to each of those who were joined.
 * Threads: pure. */
#ifndef PC_CONTEXT_JOINT_ANSWER_H
#define PC_CONTEXT_JOINT_ANSWER_H

#include "context/source.h"
#include "mapping/envelope.h"

/* `entries[i]` becomes person i's entry, in the arena; NULL when it is not found beyond doubt, or
 * was merged by another policy. Errors: INTERNAL UPSTREAM_BODY_UNREADABLE; RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_joint_answer_read(const pc_profile_envelope **entries, pc_arena *arena,
                                            const pc_person_ref *persons, size_t count,
                                            const char *merge_policy, const pc_slice *body);

/* What a request of one's own would have brought: a body, or the entry's own error. `*body` is
 * owned, NULL on failure. Errors: those of pc_entry_failure; RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_joint_answer_part(pc_slice **body, const pc_profile_envelope *entry);

/* Whether a joint request's failure says little about single ones: the upstream takes no batch, or
 * not so large a one, or one of the persons spoils the answer of all. */
bool pc_joint_failure_is_joint(const pc_status *failure);

#endif
