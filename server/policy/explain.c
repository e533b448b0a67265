/* What is shown comes from the masks that the server uses; which line is to blame is found by the
 * paths of the rule. */
#include "policy/explain.h"

#include <stdio.h>
#include <string.h>

#include "mapping/wire.h"
#include "mapping_tables.h"
#include "util/attributes.h"

typedef struct {
    pc_policy_reason *reasons;
    size_t count;
    size_t capacity;
    bool out_of_memory;
    pc_arena *arena;
} reason_list;

static void add(reason_list *list, const char *path, size_t line, const char *key)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 16 : list->capacity * 2;
        pc_policy_reason *grown = pc_arena_calloc(list->arena, capacity, sizeof *grown);
        if (grown == NULL) {
            list->out_of_memory = true;
            return;
        }
        if (list->count > 0) {
            memcpy(grown, list->reasons, list->count * sizeof *grown);
        }
        list->reasons = grown;
        list->capacity = capacity;
    }
    list->reasons[list->count++] = (pc_policy_reason){path, line, key};
}

static bool is_at_or_below(const char *path, const char *above)
{
    size_t size = strlen(above);
    return strncmp(path, above, size) == 0 && (path[size] == '\0' || path[size] == '.');
}

/* The line that denies a path. */
static void blame(reason_list *list, const pc_grant *grant, pc_view view, const char *path)
{
    if ((grant->sections & PC_VIEW_BIT(view == PC_VIEW_WHOLE_PROFILE ? PC_VIEW_PROFILE : view)) ==
        0) {
        add(list, path, grant->lines.sections, "sections");
        return;
    }
    for (size_t i = 0; i < grant->deny.count; i++) {
        if (is_at_or_below(path, grant->deny.paths[i].path)) {
            add(list, path, grant->deny.paths[i].line,
                grant->deny.paths[i].dropped ? "masks" : "fields.deny");
            return;
        }
    }
    for (size_t i = 0; i < grant->allow.count; i++) {
        if (is_at_or_below(path, grant->allow.paths[i].path)) {
            bool section = strcmp(path, "profile.identity_map") == 0 ||
                           strcmp(path, "profile.segment_membership") == 0;
            bool names = !grant->namespaces.all && view != PC_VIEW_SUMMARY;
            add(list, path,
                section ? grant->lines.sections
                : names ? grant->namespaces.line
                        : grant->lines.rule,
                section ? "sections"
                : names ? "namespaces"
                        : "what it is made of");
            return;
        }
    }
    if (grant->allow.line != 0) {
        add(list, path, grant->allow.line, "fields.allow");
    } else if (view == PC_VIEW_SUMMARY) {
        add(list, path, grant->lines.rule, "what it is made of");
    } else if (view == PC_VIEW_WHOLE_PROFILE) {
        add(list, path, grant->lines.sections, "sections");
    } else {
        add(list, path, grant->namespaces.line, "namespaces");
    }
}

static const char *prefix_of(pc_view view)
{
    return pc_view_name(view == PC_VIEW_WHOLE_PROFILE ? PC_VIEW_PROFILE : view);
}

static void list_denied(reason_list *list, const pc_grant *grant, pc_view view,
                        const pc_mask *asked)
{
    pc_buffer out;
    pc_wire_reader reader;
    pc_wire_field field;
    pc_buffer_init(&out, SIZE_MAX / 2);
    pc_mask_put_missing(&out, 1, prefix_of(view), asked, grant->views[view].mask, SIZE_MAX);
    pc_wire_reader_init(&reader, out.bytes, out.size);
    while (pc_wire_next(&reader, &field)) {
        char *path = pc_arena_strndup(list->arena, (const char *)field.bytes, field.size);
        if (path == NULL) {
            list->out_of_memory = true;
        } else {
            blame(list, grant, view, path);
        }
    }
    list->out_of_memory = list->out_of_memory || out.failed;
    pc_buffer_deinit(&out);
}

/* Whether what is asked for touches a path of the file. */
static bool touches(const pc_mask *asked, pc_view view, const char *path)
{
    const char *prefix = prefix_of(view);
    size_t size = strlen(prefix);
    if (strncmp(path, prefix, size) != 0 || path[size] != '.') {
        return false;
    }
    const pc_mask *mask = asked;
    for (path += size + 1; !pc_mask_is_all(mask);) {
        char name[PC_MASK_PATH_BYTES_MAX + 1];
        size_t length = strcspn(path, ".");
        (void)snprintf(name, sizeof name, "%.*s", (int)length, path);
        mask = pc_mask_child(mask, name);
        if (mask == NULL || path[length] == '\0') {
            return mask != NULL;
        }
        path += length + 1;
    }
    return true;
}

/* The line that keeps the field of a hidden insight from being seen as it is. */
static void blame_insight(reason_list *list, const pc_grant *grant,
                          const pc_hidden_insight *insight)
{
    const char *path = pc_arena_printf(list->arena, "insights[%s]", insight->name);
    size_t line = grant->allow.line != 0 ? grant->allow.line : grant->namespaces.line;
    const char *key = grant->allow.line != 0 ? "fields.allow" : "namespaces";
    const pc_policy_paths *const lists[] = {&grant->deny, &grant->masked};
    list->out_of_memory = list->out_of_memory || path == NULL;
    for (size_t l = 0; l < PC_COUNT_OF(lists); l++) {
        for (size_t i = 0; i < lists[l]->count; i++) {
            const pc_policy_path *one = &lists[l]->paths[i];
            if (is_at_or_below(insight->path, one->path) ||
                is_at_or_below(one->path, insight->path)) {
                add(list, path, one->line, l == 1 || one->dropped ? "masks" : "fields.deny");
                return;
            }
        }
    }
    add(list, path, line, key);
}

static bool explain_view(pc_policy_outcome *out, pc_arena *arena, const pc_policy *policy,
                         const pc_grant *grant, pc_view view, const pc_mask *asked, int purpose)
{
    reason_list denied = {.arena = arena};
    reason_list masked = {.arena = arena};
    reason_list consents = {.arena = arena};
    size_t count;
    const pc_mask *shown = grant->views[view].mask;
    const pc_mask *both = shown == NULL ? NULL : pc_mask_intersect(arena, asked, shown);
    list_denied(&denied, grant, view, asked);
    for (size_t i = 0; view == PC_VIEW_INSIGHTS && shown != NULL && i < grant->hidden.count; i++) {
        blame_insight(&denied, grant, &grant->hidden.insights[i]);
    }
    for (size_t i = 0; i < grant->masked.count; i++) {
        if (touches(asked, view, grant->masked.paths[i].path)) {
            add(&masked, grant->masked.paths[i].path, grant->masked.paths[i].line, "masks");
        }
    }
    uint32_t rules = pc_consents_for(policy, purpose, PC_VIEW_BIT(view));
    const pc_consent_rule *consent = pc_policy_consents(policy, &count);
    for (size_t i = 0; i < count; i++) {
        if ((rules >> i & 1) != 0) {
            add(&consents, consent[i].needs, consent[i].line, "consents");
        }
    }
    *out = (pc_policy_outcome){
        .view = view,
        .any = both != NULL && !pc_mask_is_empty(both),
        .denied = {denied.reasons, denied.count},
        .masked = {masked.reasons, masked.count},
        .consents = {consents.reasons, consents.count},
    };
    return !denied.out_of_memory && !masked.out_of_memory && !consents.out_of_memory;
}

/* The message that a right's read_mask is about. */
static const pc_message_table *table_of(pc_right right)
{
    switch (pc_right_view(right)) {
    case PC_VIEW_WHOLE_PROFILE:
        return &pc_table_Profile;
    case PC_VIEW_EVENTS:
        return &pc_table_ExperienceEvent;
    case PC_VIEW_SEGMENTS:
        return &pc_table_SegmentMembership;
    case PC_VIEW_IDENTITIES:
        return &pc_table_LinkedIdentity;
    case PC_VIEW_ENTITY:
        return &pc_table_Entity;
    default:
        return &pc_table_Context;
    }
}

static pc_status explain_views(pc_policy_answer *out, pc_arena *arena, const pc_policy *policy,
                               const pc_policy_question *question)
{
    const pc_mask *mask;
    unsigned views = pc_right_views(question->right);
    bool any = views == 0;
    pc_status status = pc_mask_compile(&mask, arena, table_of(question->right), question->fields,
                                       question->field_count);
    if (!pc_status_ok(&status)) {
        return status;
    }
    for (int v = PC_VIEW_PROFILE; v < PC_VIEW_COUNT; v++) {
        bool alone = pc_right_view(question->right) != 0;
        const pc_mask *asked = (views >> v & 1) == 0 ? NULL
                               : alone               ? mask
                                                     : pc_mask_child(mask, prefix_of((pc_view)v));
        pc_policy_outcome *outcome = &out->outcomes[out->outcome_count];
        if (asked == NULL) {
            continue;
        }
        if (!explain_view(outcome, arena, policy, out->grant, (pc_view)v, asked, out->purpose)) {
            return pc_status_out_of_memory();
        }
        out->outcome_count++;
        any = any || outcome->any;
    }
    if (!any) {
        out->refusal = pc_section_denied();
        out->line = out->outcome_count > 0 && out->outcomes[0].denied.count > 0
                        ? out->outcomes[0].denied.reasons[0].line
                        : out->grant->lines.sections;
    }
    return PC_OK;
}

static pc_status decide(pc_policy_answer *out, const pc_policy *policy,
                        const pc_policy_question *question)
{
    const pc_grant *grant = out->grant;
    pc_status status = pc_decide_right(&out->line, grant, question->right);
    if (pc_status_ok(&status) && question->right < PC_RIGHT_HEALTH) {
        status = pc_decide_purpose(&out->purpose, &out->line, policy, grant, question->purpose);
        out->purpose_line = out->line;
    }
    if (pc_status_ok(&status) && question->namespace_code != NULL) {
        status = pc_decide_namespace(&out->line, grant, question->namespace_code);
    }
    if (pc_status_ok(&status) && question->sandbox != NULL) {
        status = pc_decide_sandbox(&out->line, grant, question->sandbox);
    }
    if (pc_status_ok(&status) && question->merge_policy != NULL) {
        const char *usual = question->usual_merge_policy;
        /* As the file would name it. */
        bool is_usual = strcmp(question->merge_policy, "default") == 0;
        status = pc_decide_merge_policy(&out->line, grant,
                                        is_usual ? usual : question->merge_policy, usual);
    }
    if (pc_status_ok(&status) && question->has_staleness) {
        status = pc_decide_staleness(&out->line, grant, question->staleness_ms);
    }
    if (pc_status_ok(&status) && question->has_criticality) {
        status = pc_decide_criticality(&out->line, grant, question->criticality);
    }
    return status;
}

pc_status pc_policy_explain(pc_policy_answer *out, pc_arena *arena, const pc_policy *policy,
                            const pc_policy_question *question)
{
    *out = (pc_policy_answer){
        .refusal = PC_OK, .purpose = -1, .grant = pc_policy_grant(policy, question->caller)};
    out->refusal = decide(out, policy, question);
    return pc_status_ok(&out->refusal) ? explain_views(out, arena, policy, question) : PC_OK;
}
