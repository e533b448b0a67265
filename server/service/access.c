/* Before the look-up: decisions, and masks cut down. */
#include "service/access.h"

#include <string.h>

#include "service/service.h"

_Static_assert((int)PC_VIEW_SUMMARY == (int)PC_SECTION_SUMMARY &&
                   (int)PC_VIEW_ENTITY == (int)PC_SECTION_COUNT,
               "views begin with the sections");

/* What is kept with a call that was let in; in its arena. */
typedef struct {
    pc_policy *policy; /* a reference */
    const pc_grant *grant;
    int purpose; /* -1: none is taken yet */
} admission;

static void give_back(void *kept)
{
    pc_policy_unref(((admission *)kept)->policy);
}

pc_status pc_policy_look_up(pc_policy_holder *holder, pc_call *call)
{
    admission *kept = pc_arena_alloc(pc_call_arena(call), sizeof *kept);
    if (kept == NULL) {
        return pc_status_out_of_memory();
    }
    kept->policy = pc_policy_holder_get(holder);
    kept->purpose = -1;
    kept->grant = pc_policy_grant(kept->policy, pc_call_caller(call));
    pc_call_keep(call, kept, give_back);
    if (kept->grant == NULL) {
        return PC_OK;
    }
    pc_call_bound_criticality(call, kept->grant->criticality);
    if (kept->grant->share > 0) {
        pc_call_set_caller_share(call, (unsigned)kept->grant->share);
    }
    return PC_OK;
}

pc_status pc_policy_admit(pc_call *call, pc_right right)
{
    const admission *kept = pc_call_kept(call);
    size_t line;
    return pc_decide_right(&line, kept == NULL ? NULL : kept->grant, right);
}

const char *pc_access_policy_version(const pc_call *call)
{
    const admission *kept = pc_call_kept(call);
    return kept == NULL ? "" : pc_policy_version(kept->policy);
}

const char *pc_access_purpose(const pc_call *call)
{
    const admission *kept = pc_call_kept(call);
    return kept == NULL ? "" : pc_policy_purpose_name(kept->policy, kept->purpose);
}

/* ---- the call -------------------------------------------------------------------------------- */

/* A claim that is no word is told by the one who takes it. */
static pc_status check_criticality(const pc_grant *grant, pc_call *call)
{
    static const char *const names[PC_CRITICALITY_COUNT] = {"routing", "agent", "batch",
                                                            "prefetch"};
    if (grant->criticality == PC_CRITICALITY_ROUTING) {
        return PC_OK;
    }
    size_t line;
    const char *claim = pc_call_header(call, "x-criticality");
    for (int c = 0; claim != NULL && c < PC_CRITICALITY_COUNT; c++) {
        if (strcmp(claim, names[c]) == 0) {
            return pc_decide_criticality(&line, grant, (pc_criticality)c);
        }
    }
    return PC_OK;
}

pc_status pc_access_begin(pc_access *out, pc_call *call, const pc_service *service, pc_right right)
{
    *out = (pc_access){.call = call, .purpose = -1};
    if (service->policies == NULL) {
        return PC_OK;
    }
    admission *kept = pc_call_kept(call);
    size_t line;
    if (kept == NULL) {
        return pc_decide_right(&line, NULL, right); /* Never let in: nothing is granted. */
    }
    pc_status status = pc_decide_right(&line, kept->grant, right);
    if (!pc_status_ok(&status)) {
        return status;
    }
    out->policy = kept->policy;
    out->grant = kept->grant;
    out->usual_merge_policy = service->merge_policy;
    out->limited = !kept->grant->namespaces.all;
    out->value_key = service->value_key;
    out->size_max = service->gatherer->body_bytes_max;
    const char *purpose =
        pc_policy_has_purposes(out->policy) ? pc_call_header(call, "x-purpose") : NULL;
    status = pc_decide_purpose(&out->purpose, &line, out->policy, out->grant, purpose);
    kept->purpose = out->purpose;
    return pc_status_ok(&status) ? check_criticality(out->grant, call) : status;
}

/* Keeps what is wrong with the request before what is denied: it says nothing about anyone. */
static void refuse(pc_status *status, pc_status verdict)
{
    if (pc_status_ok(status)) {
        *status = verdict;
    } else {
        pc_status_clear(&verdict);
    }
}

void pc_access_where(const pc_access *access, pc_status *status, const pc_person *person,
                     pc_gather_plan *plan)
{
    size_t line;
    if (access->grant == NULL || !pc_status_ok(status)) {
        return;
    }
    refuse(status, pc_decide_sandbox(&line, access->grant, person->sandbox));
    if (person->merge_policy != NULL) {
        refuse(status, pc_decide_merge_policy(&line, access->grant, person->merge_policy,
                                              access->usual_merge_policy));
    }
    if (plan == NULL) {
        return;
    }
    plan->is_bounded = access->grant->has_most_staleness;
    plan->staleness_bound_ms = access->grant->most_staleness_ms;
    if (plan->has_max_staleness) {
        refuse(status, pc_decide_staleness(&line, access->grant, plan->max_staleness_ms));
    }
}

void pc_access_person(const pc_access *access, pc_status *status, const pc_person *person)
{
    size_t line;
    if (access->grant != NULL && pc_status_ok(status)) {
        refuse(status, pc_decide_namespace(&line, access->grant,
                                           person->xid != NULL ? NULL : person->namespace_code));
    }
}

pc_status pc_access_one(const pc_access *access, const pc_person_ref *person)
{
    size_t line;
    return access->limited
               ? pc_decide_namespace(&line, access->grant,
                                     person->xid != NULL ? NULL : person->namespace_code)
               : PC_OK;
}

void pc_access_persons(const pc_access *access, pc_status *status, const pc_person_ref *persons,
                       size_t count)
{
    pc_status verdict = PC_OK;
    for (size_t i = 0; access->limited && pc_status_ok(status) && i < count; i++) {
        pc_status_clear(&verdict);
        verdict = pc_access_one(access, &persons[i]);
        if (pc_status_ok(&verdict)) {
            return;
        }
    }
    refuse(status, verdict);
}

/* ---- masks ----------------------------------------------------------------------------------- */

/* Of a mask that is not all: what of it is denied. */
static void list_missing(pc_access *access, pc_status *status, pc_arena *arena, pc_view view,
                         const pc_mask *asked)
{
    pc_buffer out;
    pc_buffer_init(&out, SIZE_MAX / 2);
    pc_mask_put_missing(&out, PC_DENIED_PATHS, access->prefixes[view], asked,
                        access->grant->views[view].mask, PC_DENIED_PATHS_BYTES_MAX);
    uint8_t *copy = out.failed ? NULL : pc_arena_alloc(arena, out.size + 1);
    if (copy == NULL) {
        refuse(status, pc_status_out_of_memory());
    } else if (out.size > 0) {
        memcpy(copy, out.bytes, out.size);
        access->missing[view] = copy;
        access->missing_size[view] = out.size;
    }
    pc_buffer_deinit(&out);
}

/* Whether all that is fetched for a view is shown, if it is granted at all. */
static bool shows_all(const pc_access *access, pc_view view, const pc_view_rights *rights)
{
    return access->consents == 0 && !access->limited && !pc_access_needs_whole(access, view) &&
           (rights->mask == NULL || pc_mask_is_all(rights->mask));
}

const pc_mask *pc_access_mask(pc_access *access, pc_status *status, pc_arena *arena, pc_view view,
                              const char *prefix, const pc_mask *asked)
{
    access->masks[view] = asked;
    if (access->grant == NULL || asked == NULL) {
        return asked;
    }
    const pc_view_rights *rights = &access->grant->views[view];
    access->prefixes[view] = prefix;
    access->consents |= pc_consents_for(access->policy, access->purpose, PC_VIEW_BIT(view));
    if (!shows_all(access, view, rights)) {
        pc_call_hide_cost(access->call, PC_COST_BYTES);
    }
    if (rights->mask != NULL && pc_mask_is_all(rights->mask)) {
        return asked;
    }
    bool alone = view == PC_VIEW_WHOLE_PROFILE || view == PC_VIEW_ENTITY;
    if (pc_mask_is_all(asked) && (alone || prefix[0] != '\0')) {
        access->missing[view] = rights->missing;
        access->missing_size[view] = rights->missing_size;
    } else {
        list_missing(access, status, arena, view, asked);
    }
    const pc_mask *left = NULL;
    if (rights->mask != NULL) {
        left = pc_mask_intersect(arena, asked, rights->mask);
        if (left == NULL) {
            refuse(status, pc_status_out_of_memory());
        } else if (pc_mask_is_empty(left)) {
            left = NULL;
        }
    }
    access->masks[view] = left;
    if (left == NULL) {
        access->denied |= PC_VIEW_BIT(view);
    }
    return left;
}

const pc_mask *pc_access_only_mask(pc_access *access, pc_status *status, pc_arena *arena,
                                   pc_view view, const pc_mask *asked)
{
    if (asked == NULL) {
        return NULL;
    }
    const pc_mask *left = pc_access_mask(access, status, arena, view, "", asked);
    if (left == NULL) {
        refuse(status, pc_section_denied());
    }
    return left;
}

/* Whether the caller's rule hides some, or a consent that is needed may. */
static bool filters_insights(const pc_access *access)
{
    size_t count;
    bool filters = access->grant->hidden.count > 0;
    const pc_consent_rule *rules = pc_policy_consents(access->policy, &count);
    for (size_t i = 0; access->consents != 0 && !filters && i < count; i++) {
        filters = (access->consents >> i & 1) != 0 && rules[i].hidden.count > 0;
    }
    return filters;
}

bool pc_access_needs_whole(const pc_access *access, pc_view view)
{
    if (view == PC_VIEW_INSIGHTS) {
        return access->grant != NULL && filters_insights(access);
    }
    return access->limited && (view == PC_VIEW_IDENTITIES || view == PC_VIEW_WHOLE_PROFILE);
}

/* Consents are not known yet, so what they may leave out in part is refused in any case; what they
 * leave out whole is not shown at all, and tells nothing. */
static bool may_search(const pc_access *access, const char *path)
{
    size_t count;
    const pc_mask *clear = access->grant->views[PC_VIEW_EVENTS].clear;
    bool may = clear != NULL && pc_mask_keeps_json_path(clear, path);
    const pc_consent_rule *rules = pc_policy_consents(access->policy, &count);
    for (size_t i = 0; may && i < count; i++) {
        const pc_mask *left = rules[i].left[PC_VIEW_EVENTS];
        may =
            (access->consents >> i & 1) == 0 || left == NULL || pc_mask_keeps_json_path(left, path);
    }
    return may;
}

void pc_access_condition(const pc_access *access, pc_status *status, const char *path)
{
    if (access->grant != NULL && pc_status_ok(status) && !may_search(access, path)) {
        refuse(status, pc_status_new(PC_CODE_PERMISSION_DENIED, "POLICY_CONDITION_DENIED",
                                     "the policy does not let this caller ask for events by a "
                                     "field that it may not see"));
    }
}

bool pc_access_shows_xid(const pc_access *access)
{
    return access->grant == NULL || pc_name_list_has_namespace(&access->grant->namespaces, "xid");
}
