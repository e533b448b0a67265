/* Merging of fragments, see merge.h. */
#include "merge.h"

#include "json.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct sbx_policy {
    json_t *body;
    bool graph;
    bool by_dataset;
};

static const char *const schema_names[] = {
    [SBX_PROFILE] = "_xdm.context.profile",
    [SBX_ACCOUNT] = "_xdm.context.account",
    [SBX_OPPORTUNITY] = "_xdm.context.opportunity",
};

sbx_policy *sbx_policy_read(const char *body)
{
    struct sbx_error ignored;
    json_t *value = sbx_json_parse(body, strlen(body), &ignored);
    if (sbx_json_text(value, "id") == NULL) {
        json_decref(value);
        return NULL;
    }
    const char *graph = sbx_json_text(json_object_get(value, "identityGraph"), "type");
    const char *merge = sbx_json_text(json_object_get(value, "attributeMerge"), "type");
    sbx_policy *policy = sbx_alloc(sizeof(*policy));
    policy->body = value;
    policy->graph = graph == NULL || strcmp(graph, "none") != 0;
    policy->by_dataset = merge != NULL && strcmp(merge, "dataSetPrecedence") == 0;
    return policy;
}

struct default_search {
    enum sbx_schema schema;
    char *body;
};

static void look_for_default(const char *id, const char *body, void *payload)
{
    (void)id;
    struct default_search *search = payload;
    struct sbx_error ignored;
    json_t *value = sbx_json_parse(body, strlen(body), &ignored);
    const char *schema = sbx_json_text(json_object_get(value, "schema"), "name");
    if (search->body == NULL && schema != NULL &&
        strcmp(schema, schema_names[search->schema]) == 0 &&
        json_is_true(json_object_get(value, "default"))) {
        search->body = sbx_copy(body);
    }
    json_decref(value);
}

sbx_policy *sbx_policy_find(sbx_store *store, const char *id, enum sbx_schema schema)
{
    char *body;
    if (id != NULL) {
        body = sbx_store_get_document(store, SBX_MERGE_POLICY, id);
    } else {
        struct default_search search = {.schema = schema};
        sbx_store_each_document(store, SBX_MERGE_POLICY, look_for_default, &search);
        body = search.body;
    }
    sbx_policy *policy = body != NULL ? sbx_policy_read(body) : NULL;
    free(body);
    return policy;
}

void sbx_policy_free(sbx_policy *policy)
{
    if (policy != NULL) {
        json_decref(policy->body);
        free(policy);
    }
}

const char *sbx_policy_id(const sbx_policy *policy)
{
    return sbx_json_text(policy->body, "id");
}

bool sbx_policy_uses_graph(const sbx_policy *policy)
{
    return policy->graph;
}

static bool has_identity(const json_t *list, const char *id)
{
    size_t index;
    json_t *item;
    json_array_foreach(list, index, item)
    {
        const char *known = sbx_json_text(item, "id");
        if (known != NULL && strcmp(known, id) == 0) {
            return true;
        }
    }
    return false;
}

/* Identity maps are the one place where lists add up instead of replacing each other. */
static void merge_identity_maps(json_t *older, json_t *newer)
{
    const char *ns;
    json_t *list;
    json_object_foreach(newer, ns, list)
    {
        json_t *known = json_object_get(older, ns);
        if (!json_is_array(known) || !json_is_array(list)) {
            json_object_set(older, ns, list);
            continue;
        }
        size_t index;
        json_t *item;
        json_array_foreach(list, index, item)
        {
            const char *id = sbx_json_text(item, "id");
            if (id == NULL || !has_identity(known, id)) {
                json_array_append(known, item);
            }
        }
    }
}

void sbx_merge_values(json_t *older, json_t *newer)
{
    const char *key;
    json_t *value;
    json_object_foreach(newer, key, value)
    {
        json_t *known = json_object_get(older, key);
        if (known == NULL) {
            json_object_set(older, key, value);
        } else if (json_is_null(value)) {
            continue;
        } else if (json_is_object(known) && json_is_object(value)) {
            if (strcmp(key, "identityMap") == 0) {
                merge_identity_maps(known, value);
            } else {
                sbx_merge_values(known, value);
            }
        } else {
            json_object_set(older, key, value);
        }
    }
}

/* Place of the dataset in the policy's order, or -1 when it is not listed. */
static int rank_of(const sbx_policy *policy, const char *dataset)
{
    const json_t *order = json_object_get(json_object_get(policy->body, "attributeMerge"), "order");
    size_t index;
    json_t *item;
    json_array_foreach(order, index, item)
    {
        if (json_is_string(item) && strcmp(json_string_value(item), dataset) == 0) {
            return (int)index;
        }
    }
    return -1;
}

static void add_once(json_t *list, const char *text)
{
    size_t index;
    json_t *item;
    json_array_foreach(list, index, item)
    {
        if (strcmp(json_string_value(item), text) == 0) {
            return;
        }
    }
    json_array_append_new(list, json_string(text));
}

static void apply(struct sbx_merged *out, const struct sbx_fragment *fragment)
{
    struct sbx_error ignored;
    json_t *entity = sbx_json_parse(fragment->entity, fragment->entity_length, &ignored);
    sbx_merge_values(out->entity, entity);
    json_decref(entity);
    add_once(out->sources, fragment->dataset);
    if (fragment->batch != NULL) {
        add_once(out->tags, fragment->batch);
    }
    if (fragment->timestamp_ms > out->modified_ms) {
        out->modified_ms = fragment->timestamp_ms;
    }
}

static json_t *find_ns(json_t *map, const char *ns)
{
    const char *key;
    json_t *list;
    json_object_foreach(map, key, list)
    {
        if (strcasecmp(key, ns) == 0) {
            return list;
        }
    }
    return NULL;
}

/* Namespaces come back in lower case, as they do from the real service. */
static void complete_identity_map(json_t *entity, const struct sbx_found_identity *identity)
{
    json_t *map = json_object_get(entity, "identityMap");
    if (map == NULL) {
        map = json_object();
        json_object_set_new(entity, "identityMap", map);
    }
    if (!json_is_object(map)) {
        return;
    }
    json_t *list = find_ns(map, identity->ns);
    if (list == NULL) {
        list = json_array();
        json_object_set_new(map, identity->ns, list);
    }
    if (!json_is_array(list) || has_identity(list, identity->id)) {
        return;
    }
    json_t *item = json_pack("{s:s}", "id", identity->id);
    if (identity->state != NULL) {
        json_object_set_new(item, "authenticatedState", json_string(identity->state));
    }
    if (identity->primary) {
        json_object_set_new(item, "primary", json_true());
    }
    json_array_append_new(list, item);
}

static void merge_fragments(struct sbx_merged *out, const struct sbx_person *person,
                            const struct sbx_found_identity *requested, const sbx_policy *policy)
{
    const json_t *order = json_object_get(json_object_get(policy->body, "attributeMerge"), "order");
    int rounds = policy->by_dataset ? (int)json_array_size(order) : 1;
    for (int rank = rounds - 1; rank >= 0; rank--) {
        for (size_t i = 0; i < person->fragment_count; i++) {
            const struct sbx_fragment *fragment = &person->fragments[i];
            if (!policy->graph && !sbx_keys_contain(fragment->identity_keys, requested->key)) {
                continue;
            }
            out->found = true;
            if (!policy->by_dataset || rank_of(policy, fragment->dataset) == rank) {
                apply(out, fragment);
            }
        }
    }
}

void sbx_merge(struct sbx_merged *out, const struct sbx_person *person,
               const struct sbx_found_identity *requested, const sbx_policy *policy,
               enum sbx_schema schema)
{
    *out = (struct sbx_merged){
        .entity = json_object(),
        .sources = json_array(),
        .tags = json_array(),
        .graph = json_array(),
    };
    merge_fragments(out, person, requested, policy);
    if (!out->found && schema == SBX_PROFILE && person->event_dataset != NULL) {
        /* Events alone make a profile too: one that consists of its identities. */
        out->found = true;
        add_once(out->sources, person->event_dataset);
        out->modified_ms = person->event_ms;
    }
    if (!out->found) {
        return;
    }
    for (size_t i = 0; i < person->identity_count; i++) {
        const struct sbx_found_identity *identity = &person->identities[i];
        if (policy->graph || identity->key == requested->key) {
            json_array_append_new(out->graph, json_string(identity->xid));
            complete_identity_map(out->entity, identity);
        }
    }
}

void sbx_merged_deinit(struct sbx_merged *merged)
{
    json_decref(merged->entity);
    json_decref(merged->sources);
    json_decref(merged->tags);
    json_decref(merged->graph);
    *merged = (struct sbx_merged){0};
}
