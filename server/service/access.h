/* The policy in a call: who may ask is decided before anything is looked up, what is asked for is
 * cut down to what may be seen, and what was gathered is once more made what may be shown.
 *
 * An RPC begins its access, checks the person, cuts its masks, and shows. Without a policy all of
 * it lets everything through.
 *
 * What a call has cost is told as far as it tells nothing of what is cut away: the size of the
 * upstream's answers where all of them may be seen, the number of calls where nothing is withheld.
 * Threads: one call's access is written on the RPC thread before the gathering starts; showing may
 * be done on any. */
#ifndef PC_SERVICE_ACCESS_H
#define PC_SERVICE_ACCESS_H

#include "context/gather.h"
#include "policy/decide.h"
#include "policy/holder.h"
#include "rpc/call.h"

typedef struct pc_service pc_service; /* service.h */

/* In the call's arena, or what holds that. */
typedef struct {
    pc_call *call;
    const pc_policy *policy; /* NULL: there is none */
    const pc_grant *grant;
    int purpose;
    uint32_t consents; /* rules of consents that touch what is asked for */
    unsigned denied;   /* sections that were asked for and are not granted */
    bool limited;      /* other namespaces' identities are left out */
    /* By view. */
    const pc_mask *masks[PC_VIEW_COUNT];   /* what is left of what was asked for; NULL: nothing, or
                                              not asked for */
    const uint8_t *missing[PC_VIEW_COUNT]; /* fields of SectionInfo.denied_paths */
    size_t missing_size[PC_VIEW_COUNT];
    const char *prefixes[PC_VIEW_COUNT];
    const char *usual_merge_policy;
    const uint8_t *value_key; /* of hashed values */
    size_t size_max;          /* of a section's bytes */
} pc_access;

/* Keeps the policy with a call, and bounds what it is by the caller's rule: how critical, and which
 * share of the budget. Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_policy_look_up(pc_policy_holder *holder, pc_call *call);

/* Lets a call in, once it is looked up, whose caller has the right. Errors: PERMISSION_DENIED as
 * pc_decide_right. */
PC_NODISCARD pc_status pc_policy_admit(pc_call *call, pc_right right);

/* The version of the policy that a call was let in under; "" without one. */
const char *pc_access_policy_version(const pc_call *call);

/* The purpose that the call was taken to have, by what it stated or its rule's default; "" where
 * none was taken. */
const char *pc_access_purpose(const pc_call *call);

/* Decides about the call's purpose and criticality. Errors: PERMISSION_DENIED. */
PC_NODISCARD pc_status pc_access_begin(pc_access *out, pc_call *call, const pc_service *service,
                                       pc_right right);

/* Decides about where and how fresh, and bounds how old the plan's data may be. An empty merge
 * policy is the upstream's default; NULL is that of another class, which is not asked about.
 * `*status` must be OK. */
void pc_access_where(const pc_access *access, pc_status *status, const pc_person *person,
                     pc_gather_plan *plan);

/* Decides about who is asked for. */
void pc_access_person(const pc_access *access, pc_status *status, const pc_person *person);

/* The same of one of a batch's, which says why and leaves the others alone. */
PC_NODISCARD pc_status pc_access_one(const pc_access *access, const pc_person_ref *person);

/* Refuses a batch of whose persons none may be asked for. */
void pc_access_persons(const pc_access *access, pc_status *status, const pc_person_ref *persons,
                       size_t count);

/* What is left of what is asked for of a view; NULL when that is nothing, or out of memory, which
 * `*status` then says. `prefix` is put before paths that are told as denied. */
const pc_mask *pc_access_mask(pc_access *access, pc_status *status, pc_arena *arena, pc_view view,
                              const char *prefix, const pc_mask *asked);

/* The same for an RPC whose answer is made of one view: nothing left is PERMISSION_DENIED
 * POLICY_SECTION_DENIED. */
const pc_mask *pc_access_only_mask(pc_access *access, pc_status *status, pc_arena *arena,
                                   pc_view view, const pc_mask *asked);

/* Whether the access needs whole items: what is left out depends on more than the mask shows. Then
 * the mask is applied when it is shown. */
bool pc_access_needs_whole(const pc_access *access, pc_view view);

/* Whether the person's consents decide about something that is asked for. */
static inline bool pc_access_needs_consents(const pc_access *access)
{
    return access->consents != 0;
}

/* Has a plan ask for the profile where its consents decide, and keep it hidden whether there is
 * such a person where they may leave nothing of all that is asked for. After the masks. */
void pc_access_ask_consents(const pc_access *access, pc_gather_plan *plan);

/* Refuses a condition on a path of XDM in an event that may not be seen as it is: it would tell of
 * it. Errors: PERMISSION_DENIED POLICY_CONDITION_DENIED. */
void pc_access_condition(const pc_access *access, pc_status *status, const char *path);

/* Whether XIDs may be seen. */
bool pc_access_shows_xid(const pc_access *access);

/* The rules of consents that are not met by a profile (NULL: not known); bits. */
uint32_t pc_access_refusals(const pc_access *access, const uint8_t *profile, size_t size,
                            const char *namespace_code, const char *id);
uint32_t pc_access_refusals_of(const pc_access *access, const pc_gather_plan *plan,
                               const pc_gathered *gathered);

/* Makes a view's data, which is taken, what may be shown. Of a repeated section `items` is set.
 * NULL when nothing may be shown, or out of memory. */
pc_slice *pc_access_show_data(const pc_access *access, pc_view view, uint32_t refusals,
                              pc_slice *data, bool items);

/* Whether refusals leave anything of a view. */
bool pc_access_leaves(const pc_access *access, pc_view view, uint32_t refusals);

/* Whether a look-up may fail so of anybody, known or not. */
bool pc_access_says_nothing(const pc_status *failure);

/* Why all of a person is withheld who has not given consent: CONSENT_MISSING, or CONSENT_UNKNOWN
 * when the person could not be `asked`: the profile could not be had, for a reason that says
 * nothing about the person. */
const char *pc_access_withheld_reason(bool asked);

/* That, as a failure. */
pc_status pc_access_withheld(const char *reason);

/* Withholds a section of which refusals leave nothing, and tells what of it is denied. */
void pc_access_judge(const pc_access *access, pc_view view, uint32_t refusals,
                     const pc_gathered *gathered, pc_section_result *result);

/* Makes what was gathered what may be shown, and tells what is not. */
void pc_access_show(const pc_access *access, const pc_gather_plan *plan, pc_gathered *gathered);

/* Tells in a result what of a view was asked for and is denied. */
void pc_access_tell(const pc_access *access, pc_view view, uint32_t refusals,
                    pc_section_result *result);

#endif
