/* Why a policy decides as it does, with the lines of its file: for people who write one.
 * Threads: pure. */
#ifndef PC_POLICY_EXPLAIN_H
#define PC_POLICY_EXPLAIN_H

#include "policy/decide.h"

/* What a call would be. Texts are borrowed; NULL is not said, and what is not said is not decided
 * about, but for the purpose. */
typedef struct {
    const char *caller;
    pc_right right;
    const char *purpose;
    const char *namespace_code;
    const char *sandbox;
    const char *merge_policy;
    const char *usual_merge_policy; /* the server's for calls that name none; "" for the upstream's;
                                       never NULL */
    bool has_staleness;
    int64_t staleness_ms;
    bool has_criticality;
    pc_criticality criticality;
    const char *const *fields; /* as read_mask of the RPC names them; none: all */
    size_t field_count;
} pc_policy_question;

typedef struct {
    const char *path; /* as the policy file would name it; of consents what they need */
    size_t line;
    const char *key; /* the key that decides, such as "fields.deny" */
} pc_policy_reason;

typedef struct {
    const pc_policy_reason *reasons;
    size_t count;
} pc_policy_reasons;

/* One section of the answer. */
typedef struct {
    pc_view view;
    bool any; /* something is shown */
    pc_policy_reasons denied;
    pc_policy_reasons masked;
    pc_policy_reasons consents; /* without which some of it is not shown */
} pc_policy_outcome;

/* In the arena. */
typedef struct {
    pc_status refusal;     /* owned: pc_status_clear; OK: the call is answered */
    size_t line;           /* that decides about a refusal; 0: none */
    const pc_grant *grant; /* NULL: no rule names the caller */
    int purpose;
    size_t purpose_line;
    pc_policy_outcome outcomes[PC_VIEW_COUNT];
    size_t outcome_count;
} pc_policy_answer;

/* Errors: INVALID_ARGUMENT when `fields` has paths that the RPC has not; RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_policy_explain(pc_policy_answer *out, pc_arena *arena,
                                         const pc_policy *policy,
                                         const pc_policy_question *question);

#endif
