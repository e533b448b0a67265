/* One rule: what a caller may do. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_internal.h"
#include "policy/policy_internal.h"
#include "util/attributes.h"

enum { SHARE_MOST = 100 };

static const double rate_most = 1e6;

const char *const policy_rule_keys[POLICY_KEYS] = {
    [POLICY_KEY_NAME] = "name",
    [POLICY_KEY_ROLE] = "role",
    [POLICY_KEY_RPCS] = "rpcs",
    [POLICY_KEY_SECTIONS] = "sections",
    [POLICY_KEY_FIELDS] = "fields",
    [POLICY_KEY_NAMESPACES] = "namespaces",
    [POLICY_KEY_SANDBOXES] = "sandboxes",
    [POLICY_KEY_MERGE_POLICIES] = "merge_policies",
    [POLICY_KEY_PURPOSES] = "purposes",
    [POLICY_KEY_DEFAULT_PURPOSE] = "default_purpose",
    [POLICY_KEY_MAX_STALENESS] = "max_staleness",
    [POLICY_KEY_RATE] = "rate",
    [POLICY_KEY_BURST] = "burst",
    [POLICY_KEY_SHARE] = "share",
    [POLICY_KEY_MASKS] = "masks",
    [POLICY_KEY_CRITICALITY] = "criticality",
};

/* Nothing that is dangerous comes with a star: it has to be named. */
static const unsigned reading_rights = (1u << PC_RIGHT_DELETE_PROFILE) - 1;
static const unsigned person_rights = (1u << PC_RIGHT_HEALTH) - 1;

/* ---- lists ----------------------------------------------------------------------------------- */

static void read_rights(policy_reading *r, pc_grant *grant, const policy_entry *entry)
{
    const char *names[PC_RIGHT_COUNT + 1];
    size_t count = 0;
    for (int i = 0; i < PC_RIGHT_COUNT; i++) {
        names[i] = pc_right_name((pc_right)i);
    }
    names[PC_RIGHT_COUNT] = "*";
    grant->lines.rpcs = policy_line(entry->key);
    const policy_item *items = policy_read_list(r, &count, entry);
    for (size_t i = 0; i < count; i++) {
        int right = policy_read_choice(r, items[i].node, "rpcs", names, PC_COUNT_OF(names));
        if (right >= 0) {
            grant->rights |= right == PC_RIGHT_COUNT ? reading_rights : 1u << right;
        }
    }
}

static void read_sections(policy_reading *r, pc_grant *grant, const policy_entry *entry)
{
    const char *names[PC_VIEW_ENTITY + 1];
    size_t count = 0;
    names[0] = "*";
    for (int v = PC_VIEW_PROFILE; v <= PC_VIEW_ENTITY; v++) {
        names[v] = pc_view_name((pc_view)v);
    }
    grant->lines.sections = policy_line(entry->key);
    const policy_item *items = policy_read_list(r, &count, entry);
    for (size_t i = 0; i < count; i++) {
        int section = policy_read_choice(r, items[i].node, "sections", names, PC_COUNT_OF(names));
        if (section >= 0) {
            grant->sections |= section == 0 ? ~0u : PC_VIEW_BIT(section);
        }
    }
}

static bool is_name(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (*c <= ' ' || *c == 0x7f || *c == '*') {
            return false;
        }
    }
    return text[0] != '\0' && strlen(text) <= 128;
}

static void read_names(policy_reading *r, pc_name_list *out, const policy_entry *entry)
{
    const char *what = (const char *)entry->key->data.scalar.value;
    size_t count = 0;
    const policy_item *items = policy_read_list(r, &count, entry);
    const char **names = pc_arena_calloc(r->arena, count + 1, sizeof *names);
    if (names == NULL) {
        r->out_of_memory = true;
        return;
    }
    *out = (pc_name_list){.names = names, .line = policy_line(entry->key)};
    for (size_t i = 0; i < count; i++) {
        if (strcmp(items[i].text, "*") == 0) {
            out->all = true;
        } else if (is_name(items[i].text)) {
            names[out->count++] = items[i].text;
        } else {
            policy_error(r, items[i].node, "%s: must be a name, or \"*\" for all", what);
        }
    }
}

static void read_purposes(policy_reading *r, pc_grant *grant, const policy_entry *list,
                          const policy_entry *usual)
{
    size_t count = 0;
    grant->default_purpose = -1;
    if (list->key != NULL) {
        grant->lines.purposes = policy_line(list->key);
        const policy_item *items = policy_read_list(r, &count, list);
        for (size_t i = 0; i < count; i++) {
            int place = pc_policy_purpose(r->policy, items[i].text);
            if (strcmp(items[i].text, "*") == 0) {
                grant->purposes = UINT32_MAX;
            } else if (place < 0) {
                policy_error(r, items[i].node, "purposes at the top of the file have no %s",
                             items[i].text);
            } else {
                grant->purposes |= UINT32_C(1) << place;
            }
        }
    }
    const char *text =
        usual->key == NULL ? NULL : policy_scalar(r, usual->value, "default_purpose");
    if (text != NULL) {
        int place = pc_policy_purpose(r->policy, text);
        grant->lines.default_purpose = policy_line(usual->key);
        if (place < 0 || (grant->purposes >> place & 1) == 0) {
            policy_error(r, usual->value, "default_purpose must be one of the rule's purposes");
        } else {
            grant->default_purpose = place;
        }
    }
}

/* ---- fields and masks ------------------------------------------------------------------------ */

static void read_paths(policy_reading *r, pc_policy_paths *out, const policy_entry *entry)
{
    size_t count = 0;
    const policy_item *items = policy_read_list(r, &count, entry);
    pc_policy_path *paths = pc_arena_calloc(r->arena, count + 1, sizeof *paths);
    if (paths == NULL) {
        r->out_of_memory = true;
        return;
    }
    if (count > PC_MASK_PATHS_MAX) {
        policy_error(r, entry->key, "at most %d paths can be named", PC_MASK_PATHS_MAX);
        count = 0;
    }
    *out = (pc_policy_paths){.paths = paths, .line = policy_line(entry->key)};
    for (size_t i = 0; i < count; i++) {
        pc_wire_path path;
        if (policy_find_path(r, &items[i], &path) != NULL) {
            paths[out->count++] =
                (pc_policy_path){items[i].text, policy_line(items[i].node), false};
        }
    }
}

static void read_fields(policy_reading *r, pc_grant *grant, const policy_entry *entry)
{
    static const char *const keys[] = {"allow", "deny"};
    policy_entry lists[PC_COUNT_OF(keys)];
    if (!policy_read_map(r, entry->value, "fields", keys, PC_COUNT_OF(keys), lists)) {
        return;
    }
    if (lists[0].key != NULL) {
        read_paths(r, &grant->allow, &lists[0]);
    }
    if (lists[1].key != NULL) {
        read_paths(r, &grant->deny, &lists[1]);
    }
}

/* The kind of one mask: `hash`, `drop`, or `partial: N`. -1 for drop, -2 when it is none. */
static int read_mask_kind(policy_reading *r, yaml_node_t *node, unsigned *kept)
{
    static const char *const words[] = {"hash", "drop"};
    static const char *const keys[] = {"partial"};
    int64_t number = -1;
    if (node->type == YAML_SCALAR_NODE) {
        int word = policy_read_choice(r, node, "masks", words, PC_COUNT_OF(words));
        return word == 0 ? PC_VALUE_HASH : word == 1 ? -1 : -2;
    }
    policy_entry partial;
    if (!policy_read_map(r, node, "a mask", keys, 1, &partial) || partial.key == NULL) {
        policy_error(r, node, "a mask is hash, drop, or partial: N");
        return -2;
    }
    const char *text = policy_scalar(r, partial.value, "partial");
    if (text == NULL || !config_parse_number(text, &number) || number < 0 ||
        number > PC_VALUE_KEPT_MAX) {
        policy_error(r, partial.value, "partial must be 0 to %d characters", PC_VALUE_KEPT_MAX);
        return -2;
    }
    *kept = (unsigned)number;
    return PC_VALUE_PARTIAL;
}

static bool is_above(const pc_wire_path *high, const pc_wire_path *low)
{
    return high->depth <= low->depth &&
           memcmp(high->numbers, low->numbers, high->depth * sizeof *high->numbers) == 0;
}

/* Of one path. False when it cannot be masked so. */
static bool read_mask(policy_reading *r, pc_value_mask *out, const policy_item *item,
                      yaml_node_t *value, bool *drop)
{
    const pc_field_table *field = policy_find_path(r, item, &out->path);
    int kind = read_mask_kind(r, value, &out->kept);
    *drop = kind == -1;
    if (field == NULL || kind == -2) {
        return false;
    }
    if (!*drop && (field->type != PC_FIELD_STRING || out->path.depth < 2)) {
        policy_error(r, item->node, "%s: only texts can be shown in part; drop it, or deny it",
                     item->text);
        return false;
    }
    if (!*drop && out->path.depth > PC_WIRE_PATH_DEPTH_MAX) {
        policy_error(r, item->node, "%s: is too deep for a mask; drop it, or deny it", item->text);
        return false;
    }
    out->kind = kind == PC_VALUE_HASH ? PC_VALUE_HASH : PC_VALUE_PARTIAL;
    return true;
}

/* Dropped paths are denied ones. */
static void deny_too(policy_reading *r, pc_grant *grant, const pc_policy_path *dropped,
                     size_t count)
{
    pc_policy_paths *deny = &grant->deny;
    pc_policy_path *all = pc_arena_calloc(r->arena, deny->count + count + 1, sizeof *all);
    if (all == NULL) {
        r->out_of_memory = true;
        return;
    }
    if (deny->count > 0) {
        memcpy(all, deny->paths, deny->count * sizeof *all);
    }
    if (count > 0) {
        memcpy(all + deny->count, dropped, count * sizeof *all);
    }
    deny->paths = all;
    deny->count += count;
}

static size_t read_masks(policy_reading *r, pc_grant *grant, const policy_entry *entry,
                         pc_value_mask **masks)
{
    yaml_node_t *node = entry->value;
    size_t most = node->type != YAML_MAPPING_NODE
                      ? 0
                      : (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
    if (node->type != YAML_MAPPING_NODE || most > PC_MASK_PATHS_MAX) {
        policy_error(r, node, "masks must be a group of at most %d paths", PC_MASK_PATHS_MAX);
        return 0;
    }
    pc_policy_path *shown = pc_arena_calloc(r->arena, most + 1, sizeof *shown);
    pc_policy_path *dropped = pc_arena_calloc(r->arena, most + 1, sizeof *dropped);
    *masks = pc_arena_calloc(r->arena, most + 1, sizeof **masks);
    if (shown == NULL || dropped == NULL || *masks == NULL) {
        r->out_of_memory = true;
        return 0;
    }
    size_t count = 0;
    size_t drops = 0;
    for (size_t i = 0; i < most; i++) {
        const yaml_node_pair_t *pair = &node->data.mapping.pairs.start[i];
        const yaml_node_t *key = yaml_document_get_node(&r->document, pair->key);
        const char *text = policy_scalar(r, key, "a path");
        char *copy = text == NULL ? NULL : pc_arena_strndup(r->arena, text, strlen(text));
        const policy_item item = {copy, key};
        pc_value_mask mask;
        bool drop;
        if (copy == NULL ||
            !read_mask(r, &mask, &item, yaml_document_get_node(&r->document, pair->value), &drop)) {
            continue;
        }
        const pc_policy_path path = {copy, policy_line(key), drop};
        if (drop) {
            dropped[drops++] = path;
            continue;
        }
        for (size_t j = 0; j < count; j++) {
            if (is_above(&(*masks)[j].path, &mask.path) ||
                is_above(&mask.path, &(*masks)[j].path)) {
                policy_error(r, key, "%s stands twice", text);
            }
        }
        shown[count] = path;
        (*masks)[count++] = mask;
    }
    deny_too(r, grant, dropped, drops);
    grant->masked =
        (pc_policy_paths){.paths = shown, .count = count, .line = policy_line(entry->key)};
    grant->lines.masks = policy_line(entry->key);
    return count;
}

/* ---- bounds ---------------------------------------------------------------------------------- */

static void read_staleness(policy_reading *r, pc_grant *grant, const policy_entry *entry)
{
    static const char *const keys[] = {"least", "most"};
    policy_entry bounds[2];
    int64_t values[2] = {0, 0};
    if (!policy_read_map(r, entry->value, "max_staleness", keys, 2, bounds)) {
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        const char *text =
            bounds[i].key == NULL ? NULL : policy_scalar(r, bounds[i].value, keys[i]);
        if (text != NULL && !config_parse_duration(text, &values[i])) {
            policy_error(r, bounds[i].value, "%s must be a duration, such as 30s or 5m", keys[i]);
        }
    }
    grant->has_least_staleness = bounds[0].key != NULL;
    grant->has_most_staleness = bounds[1].key != NULL;
    grant->least_staleness_ms = values[0];
    grant->most_staleness_ms = values[1];
    grant->lines.max_staleness = policy_line(entry->key);
    if (bounds[0].key != NULL && bounds[1].key != NULL && values[0] > values[1]) {
        policy_error(r, entry->value, "max_staleness: least must not be above most");
    }
}

static double read_rate(policy_reading *r, const policy_entry *entry)
{
    const char *what = (const char *)entry->key->data.scalar.value;
    const char *text = policy_scalar(r, entry->value, what);
    char *end;
    errno = 0;
    double value = text == NULL ? 1 : strtod(text, &end);
    if (text != NULL && (end == text || *end != '\0' || errno != 0 || !isfinite(value) ||
                         value <= 0 || value > rate_most)) {
        policy_error(r, entry->value, "%s must be a number above 0, at most 1000000", what);
        return 1;
    }
    return value;
}

static void read_bounds(policy_reading *r, pc_grant *grant, const policy_entry *entries)
{
    static const char *const levels[] = {"routing", "agent", "batch", "prefetch"};
    const policy_entry *rate = &entries[POLICY_KEY_RATE];
    const policy_entry *burst = &entries[POLICY_KEY_BURST];
    const policy_entry *share = &entries[POLICY_KEY_SHARE];
    const policy_entry *level = &entries[POLICY_KEY_CRITICALITY];
    if (entries[POLICY_KEY_MAX_STALENESS].key != NULL) {
        read_staleness(r, grant, &entries[POLICY_KEY_MAX_STALENESS]);
    }
    if (rate->key != NULL) {
        grant->rate = read_rate(r, rate);
        grant->burst = grant->rate < 1 ? 1 : grant->rate;
        grant->lines.rate = policy_line(rate->key);
    }
    if (burst->key != NULL) {
        grant->burst = read_rate(r, burst);
        if (rate->key == NULL) {
            policy_error(r, burst->key, "burst needs a rate");
        } else if (grant->burst < 1) {
            policy_error(r, burst->value, "burst must be at least 1");
        }
    }
    if (share->key != NULL) {
        int64_t percent = 0;
        const char *text = policy_scalar(r, share->value, "share");
        if (text != NULL &&
            (!config_parse_number(text, &percent) || percent < 1 || percent > SHARE_MOST)) {
            policy_error(r, share->value, "share must be 1 to 100 percent");
        }
        grant->share = (int)percent;
        grant->lines.share = policy_line(share->key);
    }
    if (level->key != NULL) {
        int place = policy_read_choice(r, level->value, "criticality", levels, PC_COUNT_OF(levels));
        grant->criticality = place < 0 ? PC_CRITICALITY_ROUTING : (pc_criticality)place;
        grant->lines.criticality = policy_line(level->key);
    }
}

/* ---- the rule -------------------------------------------------------------------------------- */

static void need(policy_reading *r, const policy_entry *entries, int key, const yaml_node_t *rule)
{
    if (entries[key].key == NULL) {
        policy_error(r, rule, "%s: is not given, so nothing could be asked for%s",
                     policy_rule_keys[key],
                     key == POLICY_KEY_RPCS ? "" : "; \"*\" grants all of them");
    }
}

static void check_complete(policy_reading *r, const pc_grant *grant, const policy_entry *entries,
                           const yaml_node_t *rule)
{
    need(r, entries, POLICY_KEY_RPCS, rule);
    if ((grant->rights & person_rights) == 0) {
        return;
    }
    if ((grant->rights & reading_rights) != 0) {
        need(r, entries, POLICY_KEY_SECTIONS, rule);
    }
    need(r, entries, POLICY_KEY_NAMESPACES, rule);
    need(r, entries, POLICY_KEY_SANDBOXES, rule);
    need(r, entries, POLICY_KEY_MERGE_POLICIES, rule);
    if (pc_policy_has_purposes(r->policy)) {
        need(r, entries, POLICY_KEY_PURPOSES, rule);
    }
}

void policy_compile_rule(policy_reading *r, pc_grant *grant, const policy_entry *entries,
                         const yaml_node_t *rule)
{
    pc_value_mask *masks = NULL;
    size_t mask_count = 0;
    grant->lines.rule = policy_line(rule);
    if (entries[POLICY_KEY_RPCS].key != NULL) {
        read_rights(r, grant, &entries[POLICY_KEY_RPCS]);
    }
    if (entries[POLICY_KEY_SECTIONS].key != NULL) {
        read_sections(r, grant, &entries[POLICY_KEY_SECTIONS]);
    }
    if (entries[POLICY_KEY_FIELDS].key != NULL) {
        read_fields(r, grant, &entries[POLICY_KEY_FIELDS]);
    }
    if (entries[POLICY_KEY_MASKS].key != NULL) {
        mask_count = read_masks(r, grant, &entries[POLICY_KEY_MASKS], &masks);
    }
    pc_name_list *const lists[] = {&grant->namespaces, &grant->sandboxes, &grant->merge_policies};
    for (int i = 0; i < 3; i++) {
        if (entries[POLICY_KEY_NAMESPACES + i].key != NULL) {
            read_names(r, lists[i], &entries[POLICY_KEY_NAMESPACES + i]);
        }
    }
    read_purposes(r, grant, &entries[POLICY_KEY_PURPOSES], &entries[POLICY_KEY_DEFAULT_PURPOSE]);
    read_bounds(r, grant, entries);
    check_complete(r, grant, entries, rule);
    policy_compile_views(r, grant, masks, mask_count);
}
