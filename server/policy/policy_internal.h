/* What the files that compile a policy share: the YAML document with its places, and paths. */
#ifndef PC_POLICY_POLICY_INTERNAL_H
#define PC_POLICY_POLICY_INTERNAL_H

#include <stdatomic.h>
#include <yaml.h>

#include "policy/policy.h"
#include "util/arena.h"

/* A caller of the file. */
typedef struct {
    const char *name; /* of a pattern: without its star */
    size_t size;
    const pc_grant *grant;
} policy_caller;

struct pc_policy {
    atomic_int references;
    pc_arena arena; /* of all that follows; written to while compiling only */
    const char *file;
    char version[13];
    const char *const *purposes;
    size_t purpose_count;
    pc_consent_rule *consents;
    size_t consent_count;
    policy_caller *named; /* sorted by name */
    size_t named_count;
    policy_caller *patterns; /* the longest first */
    size_t pattern_count;
    size_t caller_count;
};

/* A file while it is compiled. */
typedef struct {
    pc_policy *policy;
    pc_arena *arena; /* the policy's */
    const char *name;
    pc_config_errors *errors;
    const pc_config *config; /* NULL: there are no insights */
    yaml_document_t document;
    bool out_of_memory;
} policy_reading;

/* A key of a map with its value; both NULL where it is not given. */
typedef struct {
    const yaml_node_t *key;
    yaml_node_t *value;
} policy_entry;

static inline size_t policy_line(const yaml_node_t *node)
{
    return node == NULL ? 0 : node->start_mark.line + 1;
}

/* Adds a line of error: "FILE:LINE:COLUMN: ...". One that is there already is not added again. */
void policy_error(policy_reading *r, const yaml_node_t *at, const char *format, ...)
    PC_PRINTF(3, 4);

/* Reads the text into `r->document`, to be deleted with yaml_document_delete. False when it is not
 * YAML, too deep, or has aliases. */
bool policy_read_document(policy_reading *r, const unsigned char *text, size_t size);

/* The text of a node; NULL, and told, when it is none. */
const char *policy_scalar(policy_reading *r, const yaml_node_t *node, const char *what);

/* Sorts the entries of a map by `keys` into `entries`, `count` each. What is no key, and what
 * stands twice, is told. False when the node is no map. */
bool policy_read_map(policy_reading *r, yaml_node_t *node, const char *what,
                     const char *const *keys, size_t count, policy_entry *entries);

/* One of `choices`; -1, and told, when it is none of them. */
int policy_read_choice(policy_reading *r, const yaml_node_t *node, const char *what,
                       const char *const *choices, size_t count);

typedef struct {
    const char *text;
    const yaml_node_t *node;
} policy_item;

/* A list of texts, or a single one; items in the arena. What stands twice is told. */
const policy_item *policy_read_list(policy_reading *r, size_t *count, const policy_entry *entry);

/* Of all that can be named in `fields`: the sections, and `entity`. */
extern const pc_message_table policy_root;

/* The number of a view's field in it. */
uint32_t policy_view_number(pc_view view);

/* Follows a path such as `profile.person.name` from the root; NULL, and told, when there is no such
 * field. */
const pc_field_table *policy_find_path(policy_reading *r, const policy_item *item,
                                       pc_wire_path *out);

/* The same mask with the parts of the summary left out that are made of what `clear` does not keep
 * (policy_summary.c). NULL when out of memory. */
const pc_mask *policy_narrow_summary(pc_arena *arena, const pc_mask *summary, const pc_mask *clear);

/* The insights that read more of a profile than `clear` (NULL: nothing) shows (policy_insights.c).
 */
void policy_hide_insights(policy_reading *r, pc_hidden_insights *out, const pc_mask *clear);

/* The mask of a summary with the parts left out that are made of hidden insights. NULL when out of
 * memory, which `r` knows then. */
const pc_mask *policy_hide_in_summary(policy_reading *r, const pc_mask *summary,
                                      const pc_hidden_insights *hidden);

/* Compiles a rule from its entries by the keys of policy_rule_keys, its own or its role's. */
extern const char *const policy_rule_keys[];
enum {
    POLICY_KEY_NAME,
    POLICY_KEY_ROLE,
    POLICY_KEY_RPCS,
    POLICY_KEY_SECTIONS,
    POLICY_KEY_FIELDS,
    POLICY_KEY_NAMESPACES,
    POLICY_KEY_SANDBOXES,
    POLICY_KEY_MERGE_POLICIES,
    POLICY_KEY_PURPOSES,
    POLICY_KEY_DEFAULT_PURPOSE,
    POLICY_KEY_MAX_STALENESS,
    POLICY_KEY_RATE,
    POLICY_KEY_BURST,
    POLICY_KEY_SHARE,
    POLICY_KEY_MASKS,
    POLICY_KEY_CRITICALITY,
    POLICY_KEYS
};
void policy_compile_rule(policy_reading *r, pc_grant *grant, const policy_entry *entries,
                         const yaml_node_t *rule);

/* What may be seen, of the sections, `allow`, `deny` and `masks` that the grant has by now. */
void policy_compile_views(policy_reading *r, pc_grant *grant, const pc_value_mask *masks,
                          size_t mask_count);

/* Compiles `consents`. */
void policy_compile_consents(policy_reading *r, const policy_entry *entry);

#endif
