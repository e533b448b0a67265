/* From the paths of a rule to what may be seen of each message. */
#include <stdio.h>
#include <string.h>

#include "config/config_internal.h"
#include "mapping_tables.h"
#include "policy/policy_internal.h"
#include "util/attributes.h"

enum {
    NUMBER_PROFILE = 4,
    NUMBER_EVENTS = 5,
    NUMBER_INSIGHTS = 6,
    NUMBER_SUMMARY = 7,
    NUMBER_IDENTITIES = 40, /* also Profile.identity_map */
    NUMBER_SEGMENTS = 41,   /* also Profile.segment_membership */
    NUMBER_ENTITY = 1000,   /* of no message: an answer of its own */
    NAMES_MAX = 200
};

#define SECTION(the_name, the_number, table)                                                       \
    {                                                                                              \
        .name = (the_name), .json_name = "", .number = (the_number), .type = PC_FIELD_MESSAGE,     \
        .source = PC_SOURCE_COMPUTED, .message = &(table)                                          \
    }

static const pc_field_table root_fields[] = {
    SECTION("profile", NUMBER_PROFILE, pc_table_Profile),
    SECTION("events", NUMBER_EVENTS, pc_table_ExperienceEvent),
    SECTION("insights", NUMBER_INSIGHTS, pc_table_Insight),
    SECTION("summary", NUMBER_SUMMARY, pc_table_ContextSummary),
    SECTION("identities", NUMBER_IDENTITIES, pc_table_LinkedIdentity),
    SECTION("segment_memberships", NUMBER_SEGMENTS, pc_table_SegmentMembership),
    SECTION("entity", NUMBER_ENTITY, pc_table_Entity),
};

static const uint8_t no_index[2] = {0};

const pc_message_table policy_root = {
    .name = "policy",
    .fields = root_fields,
    .field_count = PC_COUNT_OF(root_fields),
    .index = no_index,
    .index_mask = 1,
};

uint32_t policy_view_number(pc_view view)
{
    static const uint32_t numbers[PC_VIEW_COUNT] = {
        [PC_VIEW_PROFILE] = NUMBER_PROFILE,   [PC_VIEW_EVENTS] = NUMBER_EVENTS,
        [PC_VIEW_SEGMENTS] = NUMBER_SEGMENTS, [PC_VIEW_IDENTITIES] = NUMBER_IDENTITIES,
        [PC_VIEW_INSIGHTS] = NUMBER_INSIGHTS, [PC_VIEW_SUMMARY] = NUMBER_SUMMARY,
        [PC_VIEW_ENTITY] = NUMBER_ENTITY,     [PC_VIEW_WHOLE_PROFILE] = NUMBER_PROFILE,
    };
    return numbers[view];
}

/* The field that a mistyped name of a message's is nearest to; NULL: none is near. */
static const char *nearest(const pc_message_table *table, const char *name, size_t length)
{
    const char *names[NAMES_MAX];
    char text[PC_MASK_PATH_BYTES_MAX + 1];
    size_t count = 0;
    for (; count < table->field_count && count < NAMES_MAX; count++) {
        names[count] = table->fields[count].name;
    }
    (void)snprintf(text, sizeof text, "%.*s", (int)length, name);
    return config_nearest(text, names, count);
}

const pc_field_table *policy_find_path(policy_reading *r, const policy_item *item,
                                       pc_wire_path *out)
{
    const pc_message_table *table = &policy_root;
    const char *at = item->text;
    *out = (pc_wire_path){.depth = 0};
    if (strlen(at) > PC_MASK_PATH_BYTES_MAX) {
        policy_error(r, item->node, "a path is too long");
        return NULL;
    }
    for (;;) {
        size_t length = strcspn(at, ".");
        const pc_field_table *field = table == NULL ? NULL : pc_table_find_name(table, at, length);
        if (field == NULL) {
            const char *near = table == NULL ? NULL : nearest(table, at, length);
            policy_error(r, item->node, "%s: there is no field %.*s%s%s", item->text, (int)length,
                         at, near == NULL ? "" : "; did you mean ", near == NULL ? "" : near);
            return NULL;
        }
        if (out->depth < PC_WIRE_PATH_DEPTH_MAX) {
            out->numbers[out->depth] = field->number;
        }
        out->depth++;
        if (at[length] == '\0') {
            return field;
        }
        table = field->type == PC_FIELD_MESSAGE ? field->message : NULL;
        at += length + 1;
    }
}

/* ---- views ----------------------------------------------------------------------------------- */

/* Of paths that are known to be right. NULL when there are none, or out of memory. */
static const pc_mask *compile(policy_reading *r, const pc_message_table *table,
                              const char *const *paths, size_t count)
{
    const pc_mask *mask = NULL;
    if (count == 0) {
        return NULL;
    }
    pc_status status = pc_mask_compile(&mask, r->arena, table, paths, count);
    r->out_of_memory = r->out_of_memory || status.code == PC_CODE_RESOURCE_EXHAUSTED;
    pc_status_clear(&status);
    return mask;
}

static const pc_mask *compile_paths(policy_reading *r, const pc_policy_paths *paths)
{
    const char **texts = pc_arena_calloc(r->arena, paths->count + 1, sizeof *texts);
    for (size_t i = 0; texts != NULL && i < paths->count; i++) {
        texts[i] = paths->paths[i].path;
    }
    r->out_of_memory = r->out_of_memory || texts == NULL;
    return texts == NULL ? NULL : compile(r, &policy_root, texts, paths->count);
}

static const pc_mask *everything(policy_reading *r)
{
    const pc_mask *all = NULL;
    pc_status status = pc_mask_compile(&all, r->arena, &policy_root, NULL, 0);
    r->out_of_memory = r->out_of_memory || all == NULL;
    pc_status_clear(&status);
    return all;
}

/* NULL masks are of nothing. */
static const pc_mask *without(policy_reading *r, const pc_mask *mask, const pc_mask *denied)
{
    const pc_mask *left = mask;
    if (mask != NULL && denied != NULL) {
        r->out_of_memory = !pc_mask_without(&left, r->arena, mask, denied) || r->out_of_memory;
    }
    return left;
}

static const pc_mask *without_path(policy_reading *r, const pc_mask *mask,
                                   const pc_message_table *table, const char *path)
{
    return without(r, mask, compile(r, table, &path, 1));
}

/* The part for one view. The root covers all in one node, which knows no tables below. */
static const pc_mask *part_of(policy_reading *r, const pc_mask *root, pc_view view)
{
    const char *name = pc_view_name(view == PC_VIEW_WHOLE_PROFILE ? PC_VIEW_PROFILE : view);
    if (root == NULL) {
        return NULL;
    }
    if (!pc_mask_is_all(root)) {
        return pc_mask_child(root, name);
    }
    const pc_field_table *field = pc_table_find_name(&policy_root, name, strlen(name));
    const pc_mask *all = NULL;
    pc_status status = pc_mask_compile(&all, r->arena, field->message, NULL, 0);
    r->out_of_memory = r->out_of_memory || all == NULL;
    pc_status_clear(&status);
    return all;
}

/* The profile with the identities and segments that sections of their own grant. */
static const pc_mask *whole_profile(policy_reading *r, const pc_mask *profile,
                                    const pc_mask *identities, const pc_mask *segments)
{
    if (profile == NULL) {
        return NULL;
    }
    const pc_mask *whole = pc_mask_narrow(r->arena, profile, NUMBER_IDENTITIES, identities);
    whole = whole == NULL ? NULL : pc_mask_narrow(r->arena, whole, NUMBER_SEGMENTS, segments);
    r->out_of_memory = r->out_of_memory || whole == NULL;
    return whole;
}

/* What names identities outside the lists that are filtered item by item. */
static void hide_identities(policy_reading *r, const pc_mask **views, const pc_name_list *names)
{
    if (names->all) {
        return;
    }
    views[PC_VIEW_PROFILE] =
        without_path(r, views[PC_VIEW_PROFILE], &pc_table_Profile, "consents.id_specific");
    static const char *const of_events[] = {"identity_map", "end_user_i_ds", "stitched_id"};
    for (size_t i = 0; i < PC_COUNT_OF(of_events); i++) {
        views[PC_VIEW_EVENTS] =
            without_path(r, views[PC_VIEW_EVENTS], &pc_table_ExperienceEvent, of_events[i]);
    }
    if (!pc_name_list_has_namespace(names, "xid")) {
        views[PC_VIEW_IDENTITIES] =
            without_path(r, views[PC_VIEW_IDENTITIES], &pc_table_LinkedIdentity, "xid");
    }
}

/* The insights that read what `clear` does not show of a profile with all that is in it, whether or
 * not its sections may be asked for. */
static void hide_insights(policy_reading *r, pc_hidden_insights *out, const pc_mask *clear,
                          const pc_name_list *names)
{
    const pc_mask *views[PC_VIEW_COUNT] = {
        [PC_VIEW_PROFILE] = part_of(r, clear, PC_VIEW_PROFILE),
        [PC_VIEW_IDENTITIES] = part_of(r, clear, PC_VIEW_IDENTITIES),
        [PC_VIEW_SEGMENTS] = part_of(r, clear, PC_VIEW_SEGMENTS),
    };
    hide_identities(r, views, names);
    const pc_mask *whole = whole_profile(r, views[PC_VIEW_PROFILE], views[PC_VIEW_IDENTITIES],
                                         views[PC_VIEW_SEGMENTS]);
    if (!names->all) {
        whole = without_path(r, whole, &pc_table_Profile, "identity_map");
    }
    policy_hide_insights(r, out, whole);
}

static void cut_views(policy_reading *r, const pc_mask **views, const pc_mask *root,
                      const pc_mask *clear, const pc_grant *grant)
{
    for (int v = PC_VIEW_PROFILE; v <= PC_VIEW_ENTITY; v++) {
        views[v] = part_of(r, root, (pc_view)v);
    }
    hide_identities(r, views, &grant->namespaces);
    if (views[PC_VIEW_SUMMARY] != NULL) {
        views[PC_VIEW_SUMMARY] = policy_narrow_summary(r->arena, views[PC_VIEW_SUMMARY], clear);
        r->out_of_memory = r->out_of_memory || views[PC_VIEW_SUMMARY] == NULL;
    }
    if (views[PC_VIEW_SUMMARY] != NULL) {
        views[PC_VIEW_SUMMARY] = policy_hide_in_summary(r, views[PC_VIEW_SUMMARY], &grant->hidden);
    }
    for (int v = PC_VIEW_PROFILE; v <= PC_VIEW_ENTITY; v++) {
        bool granted = (grant->sections & PC_VIEW_BIT(v)) != 0;
        views[v] = granted && views[v] != NULL && !pc_mask_is_empty(views[v]) ? views[v] : NULL;
    }
    views[PC_VIEW_WHOLE_PROFILE] = whole_profile(
        r, views[PC_VIEW_PROFILE], views[PC_VIEW_IDENTITIES], views[PC_VIEW_SEGMENTS]);
}

/* What is masked in one view, with paths from its message. The whole profile has the identities and
 * segments by the same numbers. */
static const pc_value_masks *masks_of(policy_reading *r, pc_view view, const pc_value_mask *masks,
                                      size_t count)
{
    pc_value_mask *own = pc_arena_calloc(r->arena, count + 1, sizeof *own);
    pc_value_masks *out = pc_arena_calloc(r->arena, 1, sizeof *out);
    if (own == NULL || out == NULL) {
        r->out_of_memory = true;
        return NULL;
    }
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        const pc_wire_path *path = &masks[i].path;
        bool inside = view == PC_VIEW_WHOLE_PROFILE && (path->numbers[0] == NUMBER_IDENTITIES ||
                                                        path->numbers[0] == NUMBER_SEGMENTS);
        if (inside) {
            own[used++] = masks[i];
        } else if (path->numbers[0] == policy_view_number(view)) {
            own[used] = masks[i];
            own[used].path.depth--;
            memmove(own[used].path.numbers, path->numbers + 1,
                    own[used].path.depth * sizeof *path->numbers);
            used++;
        }
    }
    pc_value_masks_sort(own, used);
    *out = (pc_value_masks){own, used};
    return used == 0 ? NULL : out;
}

static void put_missing(policy_reading *r, pc_view_rights *rights, const char *prefix,
                        const pc_mask *all)
{
    pc_buffer out;
    pc_buffer_init(&out, SIZE_MAX / 2);
    pc_mask_put_missing(&out, PC_DENIED_PATHS, prefix, all, rights->mask,
                        PC_DENIED_PATHS_BYTES_MAX);
    uint8_t *copy = out.failed ? NULL : pc_arena_alloc(r->arena, out.size + 1);
    if (copy == NULL) {
        r->out_of_memory = true;
    } else if (out.size > 0) {
        memcpy(copy, out.bytes, out.size);
        rights->missing = copy;
        rights->missing_size = out.size;
    }
    pc_buffer_deinit(&out);
}

/* Values that did not fit their fields are shown only where the field is, as it is. */
static void cut_untyped(policy_reading *r, const pc_mask **shown, const pc_mask *const *plain,
                        const pc_name_list *names)
{
    for (int v = PC_VIEW_PROFILE; v < PC_VIEW_COUNT && !r->out_of_memory; v++) {
        const pc_mask *clear = plain[v];
        bool is_profile = v == PC_VIEW_PROFILE || v == PC_VIEW_WHOLE_PROFILE;
        if (is_profile && !names->all) {
            clear = without_path(r, clear, &pc_table_Profile, "identity_map");
        }
        if (shown[v] != NULL && !r->out_of_memory) {
            shown[v] = pc_mask_keep_untyped(r->arena, shown[v], clear);
            r->out_of_memory = shown[v] == NULL;
        }
    }
}

void policy_compile_views(policy_reading *r, pc_grant *grant, const pc_value_mask *masks,
                          size_t mask_count)
{
    const pc_mask *all = everything(r);
    const pc_mask *root = grant->allow.line == 0 ? all : compile_paths(r, &grant->allow);
    root = without(r, root, compile_paths(r, &grant->deny));
    const pc_mask *clear = without(r, root, compile_paths(r, &grant->masked));
    const pc_mask *shown[PC_VIEW_COUNT] = {NULL};
    const pc_mask *plain[PC_VIEW_COUNT] = {NULL};
    if (all == NULL || r->out_of_memory) {
        return;
    }
    hide_insights(r, &grant->hidden, clear, &grant->namespaces);
    cut_views(r, shown, root, clear, grant);
    cut_views(r, plain, clear, clear, grant);
    cut_untyped(r, shown, plain, &grant->namespaces);
    for (int v = PC_VIEW_PROFILE; v < PC_VIEW_COUNT; v++) {
        pc_view_rights *rights = &grant->views[v];
        *rights = (pc_view_rights){
            .mask = shown[v],
            .clear = plain[v],
            .values = masks_of(r, (pc_view)v, masks, mask_count),
        };
        bool alone = v == PC_VIEW_WHOLE_PROFILE || v == PC_VIEW_ENTITY;
        put_missing(r, rights, alone ? "" : pc_view_name((pc_view)v), all);
    }
}

/* ---- consents -------------------------------------------------------------------------------- */

enum { CONSENT_PURPOSES, CONSENT_NEEDS, CONSENT_VALUES, CONSENT_DENY, CONSENT_KEYS };

static const char *const consent_keys[] = {"purposes", "needs", "values", "deny"};

static void read_needs(policy_reading *r, pc_consent_rule *rule, const policy_entry *needs,
                       const policy_entry *values)
{
    static const char channels[] = "consents.marketing.";
    const char *text = policy_scalar(r, needs->value, "needs");
    if (text == NULL) {
        return;
    }
    rule->needs = pc_arena_strndup(r->arena, text, strlen(text));
    const char *full = pc_arena_printf(r->arena, "profile.%s", text);
    if (rule->needs == NULL || full == NULL) {
        r->out_of_memory = true;
        return;
    }
    pc_wire_path path;
    const policy_item item = {full, needs->value};
    const pc_field_table *field = policy_find_path(r, &item, &path);
    if (field == NULL) {
        return;
    }
    if (strncmp(text, "consents.", 9) != 0 || field->type != PC_FIELD_ENUM ||
        !pc_wire_path_compile(&rule->path, &pc_table_Profile, text)) {
        policy_error(r, needs->value,
                     "needs must be a consent, such as consents.marketing.any.val");
        return;
    }
    if (strncmp(text, channels, sizeof channels - 1) == 0) {
        (void)pc_wire_path_compile(&rule->any_path, &pc_table_Profile,
                                   "consents.marketing.any.val");
    }
    (void)pc_wire_path_compile(&rule->identity_path, &pc_table_IdentityConsents, text + 9);
    size_t count = 0;
    const policy_item *items = policy_read_list(r, &count, values);
    for (size_t i = 0; i < count; i++) {
        int32_t number = pc_enum_find(field->enumeration, items[i].text, strlen(items[i].text));
        if (number <= 0 || number >= 32) {
            policy_error(r, items[i].node, "values: %s has no value %s", text, items[i].text);
        } else {
            rule->values |= UINT32_C(1) << number;
        }
    }
}

static void read_denied(policy_reading *r, pc_consent_rule *rule, const policy_entry *deny)
{
    size_t count = 0;
    const policy_item *items = policy_read_list(r, &count, deny);
    const char **paths = pc_arena_calloc(r->arena, count + 1, sizeof *paths);
    bool good = paths != NULL && count <= PC_MASK_PATHS_MAX;
    for (size_t i = 0; good && i < count; i++) {
        pc_wire_path path;
        paths[i] = items[i].text;
        good = policy_find_path(r, &items[i], &path) != NULL;
        if (good && path.numbers[0] == NUMBER_ENTITY) {
            policy_error(r, items[i].node, "deny: an entity is no person, and has no consents");
            good = false;
        }
    }
    if (!good || count == 0) {
        if (good || count > PC_MASK_PATHS_MAX) {
            policy_error(r, deny->key, "deny must name 1 to 256 paths");
        }
        return;
    }
    const pc_mask *all = everything(r);
    const pc_mask *left = without(r, all, compile(r, &policy_root, paths, count));
    pc_grant full = {.namespaces = {.all = true}, .sections = UINT32_MAX};
    if (!r->out_of_memory) {
        hide_insights(r, &full.hidden, left, &full.namespaces);
        rule->hidden = full.hidden;
        rule->views |= full.hidden.count > 0 ? PC_VIEW_BIT(PC_VIEW_INSIGHTS) : 0;
        cut_views(r, rule->left, left, left, &full);
        cut_untyped(r, rule->left, rule->left, &full.namespaces);
        for (int v = PC_VIEW_PROFILE; v < PC_VIEW_COUNT; v++) {
            bool whole = rule->left[v] != NULL && pc_mask_is_all(rule->left[v]);
            rule->views |= whole ? 0 : PC_VIEW_BIT(v);
        }
    }
}

static void read_consent(policy_reading *r, pc_consent_rule *rule, yaml_node_t *node)
{
    policy_entry entries[CONSENT_KEYS];
    if (!policy_read_map(r, node, "a rule of consents", consent_keys, CONSENT_KEYS, entries)) {
        return;
    }
    rule->line = policy_line(node);
    for (size_t i = 0; i < CONSENT_KEYS; i++) {
        if (entries[i].key == NULL) {
            policy_error(r, node, "a rule of consents needs the key %s", consent_keys[i]);
            return;
        }
    }
    size_t count = 0;
    const policy_item *items = policy_read_list(r, &count, &entries[CONSENT_PURPOSES]);
    for (size_t i = 0; i < count; i++) {
        int place = pc_policy_purpose(r->policy, items[i].text);
        if (place < 0) {
            policy_error(r, items[i].node, "purposes at the top of the file have no %s",
                         items[i].text);
        } else {
            rule->purposes |= UINT32_C(1) << place;
        }
    }
    read_needs(r, rule, &entries[CONSENT_NEEDS], &entries[CONSENT_VALUES]);
    read_denied(r, rule, &entries[CONSENT_DENY]);
}

void policy_compile_consents(policy_reading *r, const policy_entry *entry)
{
    pc_policy *policy = r->policy;
    yaml_node_t *node = entry->value;
    size_t count = node->type != YAML_SEQUENCE_NODE
                       ? 0
                       : (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (node->type != YAML_SEQUENCE_NODE || count > PC_CONSENT_RULES_MAX) {
        policy_error(r, node, "consents must be a list of at most %d rules", PC_CONSENT_RULES_MAX);
        return;
    }
    policy->consents = pc_arena_calloc(r->arena, count + 1, sizeof *policy->consents);
    if (policy->consents == NULL) {
        r->out_of_memory = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        yaml_node_t *item =
            yaml_document_get_node(&r->document, node->data.sequence.items.start[i]);
        read_consent(r, &policy->consents[policy->consent_count++], item);
    }
}
