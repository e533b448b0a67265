/* Entity lookups, see entities.h. */
#include "entities.h"

#include "clock.h"
#include "json.h"
#include "lookup.h"

#include <stdlib.h>
#include <string.h>

#define TOO_MANY_IDENTITIES "Too many related identities"

static bool schema_of(enum sbx_schema *out, const char *name, struct sbx_answer *answer)
{
    if (name == NULL) {
        sbx_bad_request(answer, "schema.name is missing");
        return false;
    }
    if (strcmp(name, "_xdm.context.profile") == 0) {
        *out = SBX_PROFILE;
    } else if (strcmp(name, "_xdm.context.account") == 0) {
        *out = SBX_ACCOUNT;
    } else if (strcmp(name, "_xdm.context.opportunity") == 0) {
        *out = SBX_OPPORTUNITY;
    } else {
        sbx_bad_request(answer, "schema.name is not supported");
        return false;
    }
    return true;
}

/* Accounts and opportunities come from a resolution job instead of a dataset, and have no time. */
static json_t *describe(const struct sbx_merged *merged, const struct sbx_found_identity *identity,
                        const sbx_policy *policy, enum sbx_schema schema,
                        const struct sbx_selection *selection)
{
    json_t *entry = json_object();
    json_object_set_new(entry, "entityId", json_string(identity->xid));
    json_object_set_new(entry, "mergePolicy", json_pack("{s:s}", "id", sbx_policy_id(policy)));
    if (schema == SBX_PROFILE) {
        json_object_set(entry, "sources", merged->sources);
        if (json_array_size(merged->tags) > 0) {
            json_object_set(entry, "tags", merged->tags);
        }
        json_object_set(entry, "identityGraph", merged->graph);
    } else {
        json_object_set_new(entry, "sources", json_pack("[s]", "er_m_attr"));
    }
    json_object_set_new(entry, "entity",
                        sbx_fields_select(merged->entity, selection->paths, selection->count));
    if (schema == SBX_PROFILE) {
        char modified[SBX_TIME_SIZE];
        sbx_time_format(modified, merged->modified_ms, SBX_TIME_SECONDS);
        json_object_set_new(entry, "lastModifiedAt", json_string(modified));
    }
    return entry;
}

enum outcome { FOUND, NOT_FOUND, TOO_MANY };

static enum outcome read_entity(struct sbx_service *service,
                                const struct sbx_found_identity *identity, const sbx_policy *policy,
                                enum sbx_schema schema, const struct sbx_selection *selection,
                                json_t **entry)
{
    struct sbx_person person;
    sbx_store_read_person(service->store, identity->person, schema, &person);
    enum outcome outcome = NOT_FOUND;
    if (sbx_policy_uses_graph(policy) && person.identity_count > SBX_GRAPH_MAX) {
        outcome = TOO_MANY;
    } else {
        struct sbx_merged merged;
        sbx_merge(&merged, &person, identity, policy, schema);
        if (merged.found) {
            *entry = describe(&merged, identity, policy, schema, selection);
            outcome = FOUND;
        }
        sbx_merged_deinit(&merged);
    }
    sbx_person_deinit(&person);
    return outcome;
}

static json_t *requested(const char *ns, const char *id)
{
    json_t *value = json_object();
    json_object_set_new(value, "entityId", json_string(id));
    if (ns != NULL) {
        json_object_set_new(value, "entityIdNS", json_pack("{s:s}", "code", ns));
    }
    return value;
}

/* What a batch has for somebody unknown. New reference. */
static json_t *placeholder(const char *xid, const char *ns, const char *id,
                           const struct sbx_shapes *shapes)
{
    json_t *entry = json_pack("{s:s, s:[s], s:{}, s:s}", "entityId", xid, "sources", "", "entity",
                              "lastModifiedAt", "1970-01-01T00:00:00Z");
    if (shapes->requested_identity) {
        json_object_set_new(entry, "requestedIdentity", requested(ns, id));
    }
    return entry;
}

static void answer_unknown(struct sbx_service *service, const char *ns, const char *id,
                           struct sbx_answer *answer)
{
    struct sbx_shapes shapes = sbx_faults_shapes(service->faults);
    if (shapes.not_found_as_placeholder) {
        char xid[SBX_XID_SIZE];
        sbx_unknown_xid(xid, ns, id);
        json_t *body = json_object();
        json_object_set_new(body, xid, placeholder(xid, ns, id, &shapes));
        sbx_answer_json(answer, 200, body);
    } else if (shapes.not_found_as_empty) {
        sbx_answer_json(answer, 200, json_object());
    } else {
        sbx_answer_not_found(answer);
    }
}

/* The identity named in the query, under either spelling; false with the answer written. */
static bool query_identity(const struct sbx_request *request, const char **ns, const char **id,
                           struct sbx_answer *answer)
{
    *id = sbx_request_argument(request, "entityId");
    *ns = sbx_request_argument(request, "entityIdNS");
    if (*ns == NULL) {
        *ns = sbx_request_argument(request, "entityIdNs");
    }
    if (*ns != NULL && (*ns)[0] == '\0') {
        *ns = NULL;
    }
    if (*id == NULL || (*id)[0] == '\0') {
        sbx_bad_request(answer, "entityId is missing");
        return false;
    }
    if (*ns == NULL && !sbx_xid_valid(*id)) {
        sbx_bad_request(answer, "entityId is not an XID and entityIdNS is missing");
        return false;
    }
    return true;
}

void sbx_entities_get(struct sbx_service *service, const struct sbx_request *request,
                      struct sbx_answer *answer)
{
    enum sbx_schema schema;
    const char *ns;
    const char *id;
    struct sbx_selection selection;
    if (!schema_of(&schema, sbx_request_argument(request, "schema.name"), answer) ||
        !query_identity(request, &ns, &id, answer) ||
        !sbx_selection_read(&selection, request, answer)) {
        return;
    }
    struct sbx_found_identity identity = {0};
    json_t *entry = NULL;
    sbx_policy *policy = sbx_lookup_policy(service, request, schema, answer);
    if (policy == NULL) {
        goto done;
    }
    if (!sbx_store_find(service->store, ns, id, &identity)) {
        answer_unknown(service, ns, id, answer);
        goto done;
    }
    switch (read_entity(service, &identity, policy, schema, &selection, &entry)) {
    case FOUND: {
        if (schema != SBX_PROFILE || sbx_faults_shapes(service->faults).requested_identity) {
            json_object_set_new(entry, "requestedIdentity", requested(ns, id));
        }
        json_t *body = json_object();
        json_object_set_new(body, identity.xid, entry);
        sbx_answer_json(answer, 200, body);
        break;
    }
    case NOT_FOUND:
        answer_unknown(service, ns, id, answer);
        break;
    case TOO_MANY:
        sbx_answer_entity_error(answer, 422, TOO_MANY_IDENTITIES, NULL);
        break;
    }
done:
    sbx_policy_free(policy);
    sbx_found_identity_deinit(&identity);
    sbx_selection_deinit(&selection);
}

/* A batch while it grows. */
struct batch {
    struct sbx_service *service;
    enum sbx_schema schema;
    const sbx_policy *policy;
    const struct sbx_selection *selection;
    struct sbx_shapes shapes;
    json_t *entries; /* keyed by XID */
    json_t *errors;  /* array of {xid, error} */
    json_t *asked;   /* the XIDs that the request names, in any way, as keys */
    size_t found;
};

static void add_placeholder(struct batch *batch, const char *xid, const char *ns, const char *id)
{
    if (!batch->shapes.batch_omits_unknown && json_object_get(batch->entries, xid) == NULL) {
        json_object_set_new(batch->entries, xid, placeholder(xid, ns, id, &batch->shapes));
    }
}

/* Another XID of the person, preferably one that nobody asked for; the asked one when there is no
 * other. Borrowed. */
static const char *other_key(const struct batch *batch, const json_t *entry, const char *asked)
{
    const json_t *graph = json_object_get(entry, "identityGraph");
    const char *other = asked;
    for (size_t i = 0; i < json_array_size(graph); i++) {
        const char *xid = json_string_value(json_array_get(graph, i));
        if (json_object_get(batch->asked, xid) == NULL) {
            return xid;
        }
        if (strcmp(xid, asked) != 0) {
            other = xid;
        }
    }
    return other;
}

/* Steals entry. */
static void add_entry(struct batch *batch, const char *xid, json_t *entry)
{
    if (batch->shapes.batch_keys_are_other) {
        xid = other_key(batch, entry, xid);
        json_object_set_new(entry, "entityId", json_string(xid));
    }
    json_object_set_new(batch->entries, xid, entry);
    batch->found++;
}

static void add_item(struct batch *batch, const char *ns, const char *id)
{
    struct sbx_found_identity identity = {0};
    if (!sbx_store_find(batch->service->store, ns, id, &identity)) {
        char xid[SBX_XID_SIZE];
        sbx_unknown_xid(xid, ns, id);
        add_placeholder(batch, xid, ns, id);
        return;
    }
    json_t *entry = NULL;
    if (sbx_faults_entry_fails(batch->service->faults)) {
        json_array_append_new(batch->errors, sbx_lookup_entry_error(identity.xid, 500, NULL));
        sbx_found_identity_deinit(&identity);
        return;
    }
    switch (read_entity(batch->service, &identity, batch->policy, batch->schema, batch->selection,
                        &entry)) {
    case FOUND:
        if (batch->schema != SBX_PROFILE || batch->shapes.requested_identity) {
            json_object_set_new(entry, "requestedIdentity", requested(ns, id));
        }
        add_entry(batch, identity.xid, entry);
        break;
    case NOT_FOUND:
        add_placeholder(batch, identity.xid, ns, id);
        break;
    case TOO_MANY:
        json_array_append_new(batch->errors,
                              sbx_lookup_entry_error(identity.xid, 422, TOO_MANY_IDENTITIES));
        break;
    }
    sbx_found_identity_deinit(&identity);
}

static void answer_batch(struct batch *batch, struct sbx_answer *answer)
{
    if (json_array_size(batch->errors) > 0) {
        sbx_lookup_answer_errors(answer, batch->entries, batch->errors,
                                 batch->shapes.batch_errors_mixed);
    } else if (batch->found > 0 || batch->shapes.not_found_as_placeholder) {
        sbx_answer_json(answer, 200, json_incref(batch->entries));
    } else if (batch->shapes.not_found_as_empty) {
        sbx_answer_json(answer, 200, json_object());
    } else {
        sbx_answer_not_found(answer);
    }
}

/* Calls each for every identity; false when one of them is none. */
static bool each_item(struct batch *batch, const json_t *items,
                      void (*each)(struct batch *batch, const char *ns, const char *id))
{
    bool readable = true;
    for (size_t i = 0; i < json_array_size(items) && readable; i++) {
        const json_t *item = json_array_get(items, i);
        char *id = sbx_item_id(item, "entityId");
        const char *ns = sbx_item_ns(item, "entityIdNS");
        readable = id != NULL && (ns != NULL || sbx_xid_valid(id));
        if (readable) {
            each(batch, ns, id);
        }
        free(id);
    }
    return readable;
}

static void note_asked(struct batch *batch, const char *ns, const char *id)
{
    char xid[SBX_XID_SIZE];
    sbx_unknown_xid(xid, ns, id);
    json_object_set_new(batch->asked, xid, json_true());
}

void sbx_entities_batch(struct sbx_service *service, const struct sbx_request *request,
                        struct sbx_answer *answer)
{
    const json_t *items = sbx_lookup_items(service, request, answer);
    enum sbx_schema schema;
    struct sbx_selection selection;
    if (items == NULL ||
        !schema_of(&schema, sbx_json_text(json_object_get(request->json, "schema"), "name"),
                   answer) ||
        !sbx_selection_read(&selection, request, answer)) {
        return;
    }
    sbx_policy *policy = sbx_lookup_policy(service, request, schema, answer);
    if (policy == NULL) {
        sbx_selection_deinit(&selection);
        return;
    }
    struct batch batch = {
        .service = service,
        .schema = schema,
        .policy = policy,
        .selection = &selection,
        .shapes = sbx_faults_shapes(service->faults),
        .entries = json_object(),
        .errors = json_array(),
        .asked = json_object(),
    };
    if (each_item(&batch, items, note_asked) && each_item(&batch, items, add_item)) {
        answer_batch(&batch, answer);
    } else {
        sbx_bad_request(answer, "an identity needs an XID, or an entityId and entityIdNS.code");
    }
    json_decref(batch.entries);
    json_decref(batch.errors);
    json_decref(batch.asked);
    sbx_policy_free(policy);
    sbx_selection_deinit(&selection);
}

void sbx_entities_delete(struct sbx_service *service, const struct sbx_request *request,
                         struct sbx_answer *answer)
{
    enum sbx_schema schema;
    const char *ns;
    const char *id;
    if (!schema_of(&schema, sbx_request_argument(request, "schema.name"), answer) ||
        !query_identity(request, &ns, &id, answer)) {
        return;
    }
    if (schema != SBX_PROFILE) {
        sbx_bad_request(answer, "only profiles can be deleted");
        return;
    }
    struct sbx_found_identity identity = {0};
    if (!sbx_store_find(service->store, ns, id, &identity)) {
        sbx_answer_not_found(answer);
        return;
    }
    sbx_store_delete_person(service->store, identity.person);
    sbx_found_identity_deinit(&identity);
    sbx_answer_empty(answer, 202);
}
