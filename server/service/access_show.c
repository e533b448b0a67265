/* After the look-up: consents, other namespaces' identities, masks and changed values. */
#include <string.h>

#include "context/section_bytes.h"
#include "mapping/wire.h"
#include "policy/consents.h"
#include "service/access.h"

/* LinkedIdentity.namespace, Insight.name */
enum { LINKED_NAMESPACE = 1, INSIGHT_NAME = 1 };

/* ---- consents -------------------------------------------------------------------------------- */

uint32_t pc_access_refusals(const pc_access *access, const uint8_t *profile, size_t size,
                            const char *namespace_code, const char *id)
{
    uint32_t refusals = 0;
    size_t count;
    if (access->consents == 0) {
        return 0;
    }
    const pc_consent_rule *rules = pc_policy_consents(access->policy, &count);
    for (size_t i = 0; i < count; i++) {
        bool asked = (access->consents >> i & 1) != 0;
        if (asked && (profile == NULL ||
                      !pc_consent_is_given(&rules[i], profile, size, namespace_code, id))) {
            refusals |= UINT32_C(1) << i;
        }
    }
    return refusals;
}

uint32_t pc_access_refusals_of(const pc_access *access, const pc_gather_plan *plan,
                               const pc_gathered *gathered)
{
    pc_profile_part part;
    const pc_slice *held = gathered->held[PC_PART_PROFILE].part;
    if (access->consents == 0 || held == NULL) {
        return access->consents;
    }
    pc_profile_part_read(&part, held);
    return pc_access_refusals(access, part.rest, part.rest_size, plan->person.namespace_code,
                              plan->person.id);
}

static const pc_mask *left_of(const pc_access *access, pc_view view, unsigned rule)
{
    size_t count;
    return pc_policy_consents(access->policy, &count)[rule].left[view];
}

bool pc_access_leaves(const pc_access *access, pc_view view, uint32_t refusals)
{
    for (unsigned i = 0; refusals != 0 && i < PC_CONSENT_RULES_MAX; i++) {
        if ((refusals >> i & 1) != 0 && left_of(access, view, i) == NULL) {
            return false;
        }
    }
    return true;
}

static bool may_leave_nothing(const pc_access *access)
{
    for (int view = 0; view < PC_VIEW_COUNT; view++) {
        if (access->masks[view] != NULL &&
            pc_access_leaves(access, (pc_view)view, access->consents)) {
            return false;
        }
    }
    return true;
}

void pc_access_ask_consents(const pc_access *access, pc_gather_plan *plan)
{
    plan->with_profile = pc_access_needs_consents(access);
    plan->is_hidden = plan->with_profile && may_leave_nothing(access);
}

/* ---- data ------------------------------------------------------------------------------------ */

/* Finds a text in an item of a list. */
static bool find_text(pc_wire_field *out, const pc_wire_field *item, uint32_t number)
{
    const pc_wire_path path = {.numbers = {number}, .depth = 1};
    return item->type == PC_WIRE_BYTES && pc_wire_find(item->bytes, item->size, &path, out) &&
           out->type == PC_WIRE_BYTES;
}

static bool shows_identity(const pc_access *access, const pc_wire_field *identity)
{
    pc_wire_field name;
    return find_text(&name, identity, LINKED_NAMESPACE) &&
           pc_name_list_has_namespace_bytes(&access->grant->namespaces, name.bytes, name.size);
}

static bool is_hidden(const pc_hidden_insights *hidden, const pc_wire_field *name)
{
    for (size_t i = 0; i < hidden->count; i++) {
        const char *one = hidden->insights[i].name;
        if (strlen(one) == name->size && memcmp(one, name->bytes, name->size) == 0) {
            return true;
        }
    }
    return false;
}

static bool shows_insight(const pc_access *access, uint32_t refusals, const pc_wire_field *insight)
{
    pc_wire_field name;
    size_t count;
    const pc_consent_rule *rules = pc_policy_consents(access->policy, &count);
    bool shown =
        find_text(&name, insight, INSIGHT_NAME) && !is_hidden(&access->grant->hidden, &name);
    for (size_t i = 0; shown && i < count; i++) {
        shown = (refusals >> i & 1) == 0 || !is_hidden(&rules[i].hidden, &name);
    }
    return shown;
}

/* Leaves out linked identities of other namespaces, all items or those of the profile's field; or
 * hidden insights. */
static pc_slice *filter_items(const pc_access *access, pc_view view, uint32_t refusals,
                              pc_slice *data, bool items)
{
    pc_buffer out;
    pc_wire_reader reader;
    pc_wire_field field;
    pc_buffer_init(&out, access->size_max);
    pc_wire_reader_init(&reader, pc_slice_bytes(data), pc_slice_size(data));
    while (pc_wire_next(&reader, &field)) {
        bool shown = view == PC_VIEW_INSIGHTS ? shows_insight(access, refusals, &field)
                     : items || field.number == PC_PROFILE_IDENTITY_MAP
                         ? shows_identity(access, &field)
                         : true;
        if (shown) {
            pc_buffer_append(&out, field.start, field.whole_size);
        }
    }
    pc_slice_unref(data);
    pc_slice *filtered = reader.failed ? NULL : pc_buffer_take_slice(&out);
    pc_buffer_deinit(&out);
    return filtered;
}

static pc_slice *apply_mask(const pc_access *access, const pc_mask *mask, pc_slice *data,
                            bool items)
{
    return items ? pc_mask_items(data, mask, access->size_max)
                 : pc_mask_message(data, mask, access->size_max);
}

static pc_slice *change_values(const pc_access *access, const pc_value_masks *masks, pc_slice *data,
                               bool items)
{
    pc_buffer out;
    pc_wire_reader reader;
    pc_wire_field field;
    bool good = true;
    pc_buffer_init(&out, access->size_max);
    if (!items) {
        good = pc_value_masks_apply(&out, pc_slice_bytes(data), pc_slice_size(data), masks,
                                    access->value_key);
    }
    pc_wire_reader_init(&reader, pc_slice_bytes(data), items ? pc_slice_size(data) : 0);
    while (good && pc_wire_next(&reader, &field)) {
        size_t mark = pc_wire_begin(&out, field.number);
        good = field.type == PC_WIRE_BYTES &&
               pc_value_masks_apply(&out, field.bytes, field.size, masks, access->value_key);
        pc_wire_end(&out, mark);
    }
    pc_slice_unref(data);
    pc_slice *changed = good && !reader.failed ? pc_buffer_take_slice(&out) : NULL;
    pc_buffer_deinit(&out);
    return changed;
}

pc_slice *pc_access_show_data(const pc_access *access, pc_view view, uint32_t refusals,
                              pc_slice *data, bool items)
{
    if (access->grant == NULL || data == NULL) {
        return data;
    }
    if (!pc_access_leaves(access, view, refusals)) {
        pc_slice_unref(data);
        return NULL;
    }
    if (pc_access_needs_whole(access, view)) {
        /* The mask comes behind: it may leave out what says whose identity it is. */
        data = filter_items(access, view, refusals, data, items);
        data = apply_mask(access, access->masks[view], data, items);
    }
    for (unsigned i = 0; refusals != 0 && i < PC_CONSENT_RULES_MAX; i++) {
        if ((refusals >> i & 1) != 0) {
            data = apply_mask(access, left_of(access, view, i), data, items);
        }
    }
    const pc_value_masks *masks = access->grant->views[view].values;
    return masks == NULL || data == NULL ? data : change_values(access, masks, data, items);
}

/* ---- results --------------------------------------------------------------------------------- */

void pc_access_tell(const pc_access *access, pc_view view, uint32_t refusals,
                    pc_section_result *result)
{
    result->denied = access->missing[view];
    result->denied_size = access->missing_size[view];
    const pc_mask *asked = access->masks[view];
    if (refusals == 0 || asked == NULL) {
        return;
    }
    pc_buffer out;
    pc_buffer_init(&out, SIZE_MAX / 2);
    for (unsigned i = 0; i < PC_CONSENT_RULES_MAX; i++) {
        if ((refusals >> i & 1) != 0) {
            pc_mask_put_missing(&out, PC_DENIED_PATHS, access->prefixes[view], asked,
                                left_of(access, view, i), PC_DENIED_PATHS_BYTES_MAX);
        }
    }
    if (out.size > 0) {
        result->denied_later = pc_buffer_take_slice(&out);
    }
    pc_buffer_deinit(&out);
}

bool pc_access_says_nothing(const pc_status *failure)
{
    switch (failure->code) {
    case PC_CODE_UNAVAILABLE:
    case PC_CODE_DEADLINE_EXCEEDED:
    case PC_CODE_CANCELLED:
    case PC_CODE_UNAUTHENTICATED: /* this server */
        return true;
    case PC_CODE_PERMISSION_DENIED: /* this server or its organisation, but for an entry's own */
        return strcmp(pc_status_reason(failure), "UPSTREAM_ENTRY_FORBIDDEN") != 0;
    case PC_CODE_RESOURCE_EXHAUSTED:
    case PC_CODE_INTERNAL: /* but of a body there has to be one */
        return strncmp(pc_status_reason(failure), "UPSTREAM_BODY_", 14) != 0;
    default:
        return false;
    }
}

const char *pc_access_withheld_reason(bool asked)
{
    return asked ? "CONSENT_MISSING" : "CONSENT_UNKNOWN";
}

pc_status pc_access_withheld(const char *reason)
{
    return pc_status_new(PC_CODE_PERMISSION_DENIED, reason,
                         "the person's consents do not let this be shown for this purpose");
}

static void withhold(pc_section_result *result, const char *reason)
{
    pc_slice_unref(result->data);
    *result = (pc_section_result){.status = PC_SECTION_DENIED, .reason = reason, .withheld = true};
}

/* What was looked up and has failed is told as it is, unless consents leave nothing: an unknown
 * person has given none, and is told of like one who has not. */
void pc_access_judge(const pc_access *access, pc_view view, uint32_t refusals,
                     const pc_gathered *gathered, pc_section_result *result)
{
    if (access->grant == NULL) {
        return;
    }
    if (!pc_access_leaves(access, view, refusals)) {
        bool held = gathered->held[PC_PART_PROFILE].part != NULL;
        withhold(result, pc_access_withheld_reason(
                             held || !pc_access_says_nothing(&gathered->profile_failure)));
        pc_call_hide_cost(access->call, PC_COST_ALL);
    } else if (pc_access_needs_whole(access, view) && result->reason[0] == '\0' &&
               pc_section_has_data(result)) {
        result->reason = view == PC_VIEW_INSIGHTS ? "INSIGHTS_LIMITED" : "NAMESPACES_LIMITED";
    }
    pc_access_tell(access, view, refusals, result);
}

static void show_section(const pc_access *access, pc_view view, uint32_t refusals,
                         const pc_gathered *gathered, pc_section_result *result)
{
    bool items =
        view != PC_VIEW_PROFILE && view != PC_VIEW_WHOLE_PROFILE && view != PC_VIEW_SUMMARY;
    pc_access_judge(access, view, refusals, gathered, result);
    if (result->data != NULL) {
        result->data = pc_access_show_data(access, view, refusals, result->data, items);
        if (result->data == NULL) {
            result->status = PC_SECTION_FAILED;
            result->reason = "OUT_OF_MEMORY";
        }
    }
}

void pc_access_show(const pc_access *access, const pc_gather_plan *plan, pc_gathered *gathered)
{
    if (access->grant == NULL) {
        return;
    }
    uint32_t refusals = pc_access_refusals_of(access, plan, gathered);
    gathered->xid_withheld = !pc_access_shows_xid(access);
    for (int s = 1; s < PC_SECTION_COUNT; s++) {
        pc_section_result *result = &gathered->sections[s];
        bool whole = s == PC_SECTION_PROFILE && plan->whole_profile;
        pc_view view = whole ? PC_VIEW_WHOLE_PROFILE : (pc_view)s;
        if ((plan->sections & PC_SECTION_BIT(s)) != 0) {
            show_section(access, view, refusals, gathered, result);
        } else if ((access->denied & PC_VIEW_BIT(s)) != 0) {
            withhold(result, "POLICY_DENIED");
            pc_access_tell(access, view, 0, result);
        }
    }
}
