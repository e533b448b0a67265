/* The file as a whole: purposes, consents, roles, callers; and looking up who may do what. */
#include "policy/policy.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/config_internal.h"
#include "policy/policy_internal.h"
#include "policy/quota.h"
#include "util/attributes.h"

enum {
    FILE_BYTES_MAX = 1024 * 1024,
    ARENA_BYTES_MAX = 256 * 1024 * 1024,
    CALLERS_MAX = 10000,
    PATTERNS_MAX = 1000,
    ROLES_MAX = 1000,
    NAME_BYTES_MAX = 1024
};

enum { TOP_PURPOSES, TOP_CONSENTS, TOP_ROLES, TOP_CALLERS, TOP_KEYS };

static const char *const top_keys[TOP_KEYS] = {"purposes", "consents", "roles", "callers"};

/* A role as it is read; its values are compiled with each caller that has it. */
typedef struct {
    const char *name; /* borrowed from the document */
    policy_entry entries[POLICY_KEYS];
} role;

typedef struct {
    role *roles; /* malloc'd */
    size_t count;
} role_list;

/* ---- purposes and roles ---------------------------------------------------------------------- */

static bool is_word(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return length > 0 && length <= 64 && text[length] == '\0';
}

static void read_purposes(policy_reading *r, const policy_entry *entry)
{
    size_t count = 0;
    const policy_item *items = policy_read_list(r, &count, entry);
    const char **names = pc_arena_calloc(r->arena, count + 1, sizeof *names);
    if (names == NULL) {
        r->out_of_memory = true;
        return;
    }
    if (count == 0 || count > PC_PURPOSES_MAX) {
        policy_error(r, entry->key, "purposes must be 1 to %d words", PC_PURPOSES_MAX);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        names[i] = items[i].text;
        if (!is_word(names[i])) {
            policy_error(r, items[i].node,
                         "a purpose is 1 to 64 lower-case letters, digits, _ or -");
        }
    }
    r->policy->purposes = names;
    r->policy->purpose_count = count;
}

static const role *find_role(const role_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->roles[i].name, name) == 0) {
            return &list->roles[i];
        }
    }
    return NULL;
}

static void read_roles(policy_reading *r, role_list *list, const policy_entry *entry)
{
    yaml_node_t *node = entry->value;
    size_t most = node->type != YAML_MAPPING_NODE
                      ? 0
                      : (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
    if (node->type != YAML_MAPPING_NODE || most > ROLES_MAX) {
        policy_error(r, node, "roles must be a group of at most %d roles", ROLES_MAX);
        return;
    }
    list->roles = calloc(most + 1, sizeof *list->roles);
    r->out_of_memory = r->out_of_memory || list->roles == NULL;
    for (size_t i = 0; list->roles != NULL && i < most; i++) {
        const yaml_node_pair_t *pair = &node->data.mapping.pairs.start[i];
        const yaml_node_t *key = yaml_document_get_node(&r->document, pair->key);
        const char *name = policy_scalar(r, key, "the name of a role");
        role *next = &list->roles[list->count];
        if (name == NULL) {
            continue;
        }
        if (find_role(list, name) != NULL) {
            policy_error(r, key, "%s stands twice", name);
        } else if (policy_read_map(r, yaml_document_get_node(&r->document, pair->value), "a role",
                                   policy_rule_keys, POLICY_KEYS, next->entries)) {
            next->name = name;
            list->count++;
            for (int k = POLICY_KEY_NAME; k <= POLICY_KEY_ROLE; k++) {
                if (next->entries[k].key != NULL) {
                    policy_error(r, next->entries[k].key, "a role has no key %s",
                                 policy_rule_keys[k]);
                }
            }
        }
    }
}

/* ---- callers --------------------------------------------------------------------------------- */

/* Only the end may be a star; a name of nothing is of those whom nobody has named. */
static bool is_caller_name(const char *name)
{
    const char *star = strchr(name, '*');
    for (const unsigned char *c = (const unsigned char *)name; *c != '\0'; c++) {
        if (*c < 0x20 || *c == 0x7f) {
            return false;
        }
    }
    return strlen(name) <= NAME_BYTES_MAX && (star == NULL || star[1] == '\0');
}

static void add_name(policy_reading *r, const policy_item *item, const pc_grant *grant)
{
    pc_policy *policy = r->policy;
    size_t size = strlen(item->text);
    if (!is_caller_name(item->text)) {
        policy_error(r, item->node,
                     "name must be a caller's name, or the beginning of one with a * behind it");
        return;
    }
    bool pattern = size > 0 && item->text[size - 1] == '*';
    policy_caller *list = pattern ? policy->patterns : policy->named;
    size_t *count = pattern ? &policy->pattern_count : &policy->named_count;
    if (*count == (pattern ? PATTERNS_MAX : CALLERS_MAX)) {
        policy_error(r, item->node, "there are more than %d names, or %d with a *", CALLERS_MAX,
                     PATTERNS_MAX);
        return;
    }
    char *name = pc_arena_strndup(r->arena, item->text, size - pattern);
    if (name == NULL) {
        r->out_of_memory = true;
        return;
    }
    list[(*count)++] = (policy_caller){name, size - pattern, grant};
}

static void read_caller(policy_reading *r, const role_list *roles, yaml_node_t *node)
{
    policy_entry entries[POLICY_KEYS];
    pc_grant *grant = pc_arena_calloc(r->arena, 1, sizeof *grant);
    if (grant == NULL) {
        r->out_of_memory = true;
        return;
    }
    if (!policy_read_map(r, node, "a caller", policy_rule_keys, POLICY_KEYS, entries)) {
        return;
    }
    const policy_entry *role_entry = &entries[POLICY_KEY_ROLE];
    const char *role_name =
        role_entry->key == NULL ? NULL : policy_scalar(r, role_entry->value, "role");
    const role *has = role_name == NULL ? NULL : find_role(roles, role_name);
    if (role_name != NULL && has == NULL) {
        policy_error(r, role_entry->value, "there is no role %s", role_name);
        return;
    }
    for (int k = POLICY_KEY_RPCS; has != NULL && k < POLICY_KEYS; k++) {
        if (entries[k].key == NULL) {
            entries[k] = has->entries[k];
        }
    }
    if (entries[POLICY_KEY_NAME].key == NULL) {
        policy_error(r, node, "a caller needs a name");
        return;
    }
    size_t count = 0;
    const policy_item *names = policy_read_list(r, &count, &entries[POLICY_KEY_NAME]);
    grant->name = count == 0 ? "" : names[0].text;
    grant->role = has == NULL ? "" : pc_arena_strndup(r->arena, has->name, strlen(has->name));
    r->out_of_memory = r->out_of_memory || grant->role == NULL;
    policy_compile_rule(r, grant, entries, node);
    for (size_t i = 0; i < count; i++) {
        add_name(r, &names[i], grant);
    }
    r->policy->caller_count++;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const policy_caller *)a)->name, ((const policy_caller *)b)->name);
}

static int compare_patterns(const void *a, const void *b)
{
    const policy_caller *left = a;
    const policy_caller *right = b;
    int order = (left->size < right->size) - (left->size > right->size);
    return order != 0 ? order : strcmp(left->name, right->name);
}

static void tell_doubles(policy_reading *r, const policy_caller *list, size_t count,
                         const yaml_node_t *at)
{
    for (size_t i = 1; i < count; i++) {
        if (strcmp(list[i - 1].name, list[i].name) == 0) {
            policy_error(r, at, "%s stands twice, in the rules of lines %zu and %zu", list[i].name,
                         list[i - 1].grant->lines.rule, list[i].grant->lines.rule);
        }
    }
}

static void read_callers(policy_reading *r, const role_list *roles, const policy_entry *entry)
{
    pc_policy *policy = r->policy;
    yaml_node_t *node = entry->value;
    size_t count = node->type != YAML_SEQUENCE_NODE
                       ? 0
                       : (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (node->type != YAML_SEQUENCE_NODE || count > CALLERS_MAX) {
        policy_error(r, node, "callers must be a list of at most %d rules", CALLERS_MAX);
        return;
    }
    policy->named = pc_arena_calloc(r->arena, CALLERS_MAX, sizeof *policy->named);
    policy->patterns = pc_arena_calloc(r->arena, PATTERNS_MAX, sizeof *policy->patterns);
    if (policy->named == NULL || policy->patterns == NULL) {
        r->out_of_memory = true;
        return;
    }
    for (size_t i = 0; i < count && !r->out_of_memory; i++) {
        read_caller(r, roles,
                    yaml_document_get_node(&r->document, node->data.sequence.items.start[i]));
    }
    qsort(policy->named, policy->named_count, sizeof *policy->named, compare_names);
    qsort(policy->patterns, policy->pattern_count, sizeof *policy->patterns, compare_patterns);
    tell_doubles(r, policy->named, policy->named_count, node);
    tell_doubles(r, policy->patterns, policy->pattern_count, node);
}

/* ---- the file -------------------------------------------------------------------------------- */

static void read_top(policy_reading *r)
{
    policy_entry entries[TOP_KEYS];
    role_list roles = {.roles = NULL};
    yaml_node_t *root = yaml_document_get_root_node(&r->document);
    if (root == NULL) {
        config_error(r->errors, "%s:1:1: is empty; a policy needs callers", r->name);
        return;
    }
    if (!policy_read_map(r, root, "a policy", top_keys, TOP_KEYS, entries)) {
        return;
    }
    if (entries[TOP_PURPOSES].key != NULL) {
        read_purposes(r, &entries[TOP_PURPOSES]);
    }
    if (entries[TOP_CONSENTS].key != NULL) {
        policy_compile_consents(r, &entries[TOP_CONSENTS]);
    }
    if (entries[TOP_ROLES].key != NULL) {
        read_roles(r, &roles, &entries[TOP_ROLES]);
    }
    if (entries[TOP_CALLERS].key != NULL) {
        read_callers(r, &roles, &entries[TOP_CALLERS]);
    } else {
        policy_error(r, root, "callers: is not given, so nobody could call");
    }
    free(roles.roles);
}

static void set_version(pc_policy *policy, const unsigned char *text, size_t size)
{
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    unsigned length = 0;
    (void)EVP_Digest(text, size, digest, &length, EVP_sha256(), NULL);
    for (size_t i = 0; i < sizeof policy->version / 2; i++) {
        (void)snprintf(policy->version + 2 * i, 3, "%02x", digest[i]);
    }
}

bool pc_policy_compile(pc_policy **out, pc_config_errors *errors, const char *name,
                       const unsigned char *text, size_t size, const pc_config *config)
{
    *out = NULL;
    size_t before = errors->count;
    pc_policy *policy = calloc(1, sizeof *policy);
    if (policy == NULL) {
        config_error(errors, "%s: out of memory", name);
        return false;
    }
    atomic_init(&policy->references, 1);
    pc_arena_init(&policy->arena, NULL, 0, ARENA_BYTES_MAX);
    policy->file = pc_arena_strndup(&policy->arena, name, strlen(name));
    set_version(policy, text, size);
    policy_reading r = {.policy = policy,
                        .arena = &policy->arena,
                        .name = name,
                        .errors = errors,
                        .config = config};
    if (policy_read_document(&r, text, size)) {
        read_top(&r);
        yaml_document_delete(&r.document);
    }
    if (r.out_of_memory || policy->file == NULL) {
        config_error(errors, "%s: out of memory", name);
    }
    if (r.out_of_memory || errors->count > before) {
        pc_policy_unref(policy);
        return false;
    }
    *out = policy;
    return true;
}

bool pc_policy_load(pc_policy **out, pc_config_errors *errors, const char *path,
                    const pc_config *config)
{
    *out = NULL;
    FILE *file = fopen(path, "rb");
    struct stat about;
    if (file == NULL || fstat(fileno(file), &about) != 0 || !S_ISREG(about.st_mode)) {
        config_error(errors, "%s: cannot be read; check the path and its permissions", path);
        if (file != NULL) {
            (void)fclose(file);
        }
        return false;
    }
    unsigned char *text = malloc(FILE_BYTES_MAX + 1);
    size_t size = text == NULL ? 0 : fread(text, 1, FILE_BYTES_MAX + 1, file);
    bool broken = text == NULL || ferror(file) != 0 || size > FILE_BYTES_MAX;
    (void)fclose(file);
    if (broken) {
        config_error(errors, "%s: cannot be read, or is larger than 1 MiB", path);
    }
    bool good = !broken && pc_policy_compile(out, errors, path, text, size, config);
    free(text);
    return good;
}

/* ---- using ----------------------------------------------------------------------------------- */

pc_policy *pc_policy_ref(pc_policy *policy)
{
    atomic_fetch_add_explicit(&policy->references, 1, memory_order_relaxed);
    return policy;
}

void pc_policy_unref(pc_policy *policy)
{
    if (policy != NULL &&
        atomic_fetch_sub_explicit(&policy->references, 1, memory_order_acq_rel) == 1) {
        pc_arena_deinit(&policy->arena);
        free(policy);
    }
}

const char *pc_policy_version(const pc_policy *policy)
{
    return policy->version;
}

const char *pc_policy_file(const pc_policy *policy)
{
    return policy->file;
}

size_t pc_policy_caller_count(const pc_policy *policy)
{
    return policy->caller_count;
}

const pc_grant *pc_policy_grant(const pc_policy *policy, const char *caller)
{
    const policy_caller wanted = {.name = caller};
    const policy_caller *found =
        bsearch(&wanted, policy->named, policy->named_count, sizeof *policy->named, compare_names);
    if (found != NULL) {
        return found->grant;
    }
    /* A pattern is of callers that have a name. */
    for (size_t i = 0; caller[0] != '\0' && i < policy->pattern_count; i++) {
        const policy_caller *pattern = &policy->patterns[i];
        if (strncmp(caller, pattern->name, pattern->size) == 0) {
            return pattern->grant;
        }
    }
    return NULL;
}

bool pc_policy_has_purposes(const pc_policy *policy)
{
    return policy->purpose_count > 0;
}

int pc_policy_purpose(const pc_policy *policy, const char *purpose)
{
    for (size_t i = 0; i < policy->purpose_count; i++) {
        if (strcmp(policy->purposes[i], purpose) == 0) {
            return (int)i;
        }
    }
    return -1;
}

const char *pc_policy_purpose_name(const pc_policy *policy, int purpose)
{
    return purpose < 0 ? "" : policy->purposes[purpose];
}

const pc_consent_rule *pc_policy_consents(const pc_policy *policy, size_t *count)
{
    *count = policy->consent_count;
    return policy->consents;
}

bool pc_policy_quota(const pc_policy *policy, const char *caller, double *rate, double *burst)
{
    const pc_grant *grant = pc_policy_grant(policy, caller);
    *rate = grant == NULL ? 0 : grant->rate;
    *burst = grant == NULL ? 0 : grant->burst;
    return *rate > 0;
}

int pc_policy_share(const pc_policy *policy, const char *caller)
{
    const pc_grant *grant = pc_policy_grant(policy, caller);
    return grant == NULL ? 0 : grant->share;
}
