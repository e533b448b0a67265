/* Checks first, then one builder per kind of query. */
#include "upstream/entity_request.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "upstream/url.h"
#include "util/buffer.h"
#include "util/utf8.h"

/* Generous bounds: the upstream publishes 1024 characters for an id and nothing for the rest. They
 * only keep nonsense from costing a call. */
enum {
    NAMESPACE_BYTES_MAX = 255,
    ID_BYTES_MAX = 4096,
    TEXT_BYTES_MAX = 4096,
    FIELDS_BYTES_MAX = 16 * 1024,
    URL_BYTES_MAX = 64 * 1024,
    /* More than the bounds above can come to, encoded: a buffer that fails is lack of memory. */
    URL_ROOM = 1024 * 1024,
};

#define PATH_ENTITIES "data/core/ups/access/entities"
#define PATH_AUDIENCES_BULK "data/core/ups/audiences/bulk-get"
#define PATH_GRAPH "data/core/identity/v2/graph"
#define PATH_XID "data/core/identity/identity"
#define SCHEMA_PROFILE "_xdm.context.profile"
#define SCHEMA_EVENT "_xdm.context.experienceevent"

bool pc_entity_header_value_valid(const char *text)
{
    size_t size = strlen(text);
    if (size == 0 || size > 255 || text[0] == ' ' || text[size - 1] == ' ') {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (text[i] < 0x20 || text[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

/* --- checks --- */

static bool is_id(const char *bytes, size_t size, size_t size_max)
{
    return bytes != NULL && size > 0 && size <= size_max && memchr(bytes, 0, size) == NULL;
}

static bool is_optional_text(const char *text, size_t size_max)
{
    return text == NULL || strlen(text) <= size_max;
}

static void check_identity(pc_status *status, const pc_entity_query *query)
{
    if (query->xid != NULL) {
        if (!is_id(query->xid, query->xid_size, ID_BYTES_MAX)) {
            pc_status_add_violation(status, "xid", "must be 1 to 4096 bytes without NUL");
        }
        if (query->id != NULL || query->namespace_code != NULL) {
            pc_status_add_violation(status, "xid", "cannot stand beside a namespace and id");
        }
        return;
    }
    if (!is_id(query->namespace_code, query->namespace_size, NAMESPACE_BYTES_MAX)) {
        pc_status_add_violation(status, "namespace_code", "must be 1 to 255 bytes without NUL");
    }
    if (!is_id(query->id, query->id_size, ID_BYTES_MAX)) {
        pc_status_add_violation(status, "id", "must be 1 to 4096 bytes without NUL");
    }
}

static void check_events(pc_status *status, const pc_entity_query *query)
{
    if ((query->has_start_time && query->start_time_ms < 0) ||
        (query->has_end_time && query->end_time_ms < 0)) {
        pc_status_add_violation(status, "start_time_ms", "times begin with 1970");
    }
    if (query->has_start_time && query->has_end_time &&
        query->start_time_ms >= query->end_time_ms) {
        pc_status_add_violation(status, "end_time_ms", "must be after start_time_ms");
    }
    if (query->limit < 0) {
        pc_status_add_violation(status, "limit", "must not be negative");
    }
    if (!is_optional_text(query->cursor, TEXT_BYTES_MAX)) {
        pc_status_add_violation(status, "cursor", "must be at most 4096 bytes");
    }
    if (query->property_count > PC_ENTITY_PROPERTIES_MAX) {
        pc_status_add_violation(status, "properties", "must be at most 3 expressions");
        return;
    }
    for (size_t i = 0; i < query->property_count; i++) {
        const char *property = query->properties[i];
        if (property == NULL || property[0] == '\0' || strlen(property) > TEXT_BYTES_MAX) {
            pc_status_add_violation(status, "properties", "must be 1 to 4096 bytes each");
        }
    }
}

/* What goes into a body has to be. */
static bool is_utf8(const char *text)
{
    return pc_utf8_valid((const uint8_t *)text, strlen(text));
}

static void check_audiences(pc_status *status, const pc_entity_query *query)
{
    if (query->audience_count < 1 || query->audience_count > PC_ENTITY_AUDIENCES_MAX) {
        pc_status_add_violation(status, "audience_ids", "must be 1 to 100 ids");
        return;
    }
    for (size_t i = 0; i < query->audience_count; i++) {
        const char *id = query->audience_ids[i];
        if (id == NULL || id[0] == '\0' || strlen(id) > TEXT_BYTES_MAX || !is_utf8(id)) {
            pc_status_add_violation(status, "audience_ids",
                                    "must be 1 to 4096 bytes of UTF-8 each");
            return;
        }
    }
}

static bool is_ref(const pc_entity_ref *ref)
{
    if (ref->xid != NULL) {
        return is_id(ref->xid, strlen(ref->xid), ID_BYTES_MAX) && is_utf8(ref->xid);
    }
    return ref->namespace_code != NULL && ref->id != NULL &&
           is_id(ref->namespace_code, strlen(ref->namespace_code), NAMESPACE_BYTES_MAX) &&
           is_id(ref->id, strlen(ref->id), ID_BYTES_MAX) && is_utf8(ref->namespace_code) &&
           is_utf8(ref->id);
}

static void check_refs(pc_status *status, const pc_entity_query *query)
{
    if (query->ref_count < 1 || query->ref_count > PC_ENTITY_REFS_MAX) {
        pc_status_add_violation(status, "refs", "must be 1 to 1000");
        return;
    }
    for (size_t i = 0; i < query->ref_count; i++) {
        bool mixed = query->kind == PC_ENTITY_GRAPH &&
                     (query->refs[i].xid == NULL) != (query->refs[0].xid == NULL);
        if (mixed || !is_ref(&query->refs[i])) {
            pc_status_add_violation(
                status, "refs",
                "must be namespaces and ids, or XIDs, of at most 4096 bytes of UTF-8");
            return;
        }
    }
}

static void check_texts(pc_status *status, const pc_entity_query *query)
{
    if (!is_optional_text(query->schema, TEXT_BYTES_MAX)) {
        pc_status_add_violation(status, "schema", "must be at most 4096 bytes");
    }
    if (!is_optional_text(query->merge_policy, TEXT_BYTES_MAX)) {
        pc_status_add_violation(status, "merge_policy", "must be at most 4096 bytes");
    }
    if (!is_optional_text(query->fields, FIELDS_BYTES_MAX)) {
        pc_status_add_violation(status, "fields", "must be at most 16384 bytes");
    }
}

static pc_status check(const pc_entity_query *query)
{
    pc_status status = PC_OK;
    if (query->sandbox != NULL && !pc_entity_header_value_valid(query->sandbox)) {
        pc_status_add_violation(&status, "sandbox", "must be 1 to 255 printable ASCII characters");
    }
    if (query->request_id != NULL && !pc_entity_header_value_valid(query->request_id)) {
        pc_status_add_violation(&status, "request_id",
                                "must be 1 to 255 printable ASCII characters");
    }
    if (query->kind == PC_ENTITY_AUDIENCES) {
        check_audiences(&status, query);
        return status;
    }
    if (query->kind == PC_ENTITY_BATCH || query->kind == PC_ENTITY_GRAPH) {
        check_refs(&status, query);
    } else {
        check_identity(&status, query);
    }
    if (query->kind == PC_ENTITY_XID && query->xid != NULL) {
        pc_status_add_violation(&status, "xid", "is what is asked for");
    }
    check_texts(&status, query);
    if (query->kind == PC_ENTITY_EVENTS) {
        check_events(&status, query);
    }
    return status;
}

/* --- building --- */

static bool is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static void add_identity(pc_url *url, const pc_entity_query *query, const char *id_name,
                         const char *namespace_name)
{
    if (query->xid != NULL) {
        pc_url_add(url, id_name, query->xid, query->xid_size);
    } else {
        pc_url_add(url, id_name, query->id, query->id_size);
        pc_url_add(url, namespace_name, query->namespace_code, query->namespace_size);
    }
}

static void add_if_given(pc_url *url, const char *name, const char *value)
{
    if (is_given(value)) {
        pc_url_add_text(url, name, value);
    }
}

static void add_events(pc_url *url, const pc_entity_query *query)
{
    if (query->has_start_time) {
        pc_url_add_integer(url, "startTime", query->start_time_ms);
    }
    if (query->has_end_time) {
        pc_url_add_integer(url, "endTime", query->end_time_ms);
    }
    if (query->limit > 0) {
        pc_url_add_integer(url, "limit", query->limit);
    }
    /* Always said, so that the order does not hang on the upstream's default. The plus sign goes
     * encoded, as a bare one means a space. */
    pc_url_add_text(url, "orderby", query->oldest_first ? "+timestamp" : "-timestamp");
    for (size_t i = 0; i < query->property_count; i++) {
        pc_url_add_text(url, "property", query->properties[i]);
    }
    add_if_given(url, "start", query->cursor);
}

static void write_entities_url(pc_buffer *out, const char *base_url, const pc_entity_query *query)
{
    pc_url url = pc_url_begin(out, base_url, PATH_ENTITIES);
    bool is_events = query->kind == PC_ENTITY_EVENTS;
    if (is_events) {
        pc_url_add_text(&url, "schema.name", SCHEMA_EVENT);
        pc_url_add_text(&url, "relatedSchema.name", SCHEMA_PROFILE);
        add_identity(&url, query, "relatedEntityId", "relatedEntityIdNS");
    } else {
        bool is_record = query->kind == PC_ENTITY_RECORD && is_given(query->schema);
        pc_url_add_text(&url, "schema.name", is_record ? query->schema : SCHEMA_PROFILE);
        add_identity(&url, query, "entityId", "entityIdNS");
    }
    add_if_given(&url, "fields", query->fields);
    add_if_given(&url, "mergePolicyId", query->merge_policy);
    if (is_events) {
        add_events(&url, query);
    }
}

/* Takes `root`, which may be NULL for lack of memory. */
static pc_status write_body(pc_entity_request *out, json_t *root)
{
    out->body = root == NULL ? NULL : json_dumps(root, JSON_COMPACT);
    json_decref(root);
    if (out->body == NULL) {
        return pc_status_out_of_memory();
    }
    out->body_size = strlen(out->body);
    return PC_OK;
}

/* Appends `item` to `array`, both taken or borrowed as jansson does. An item is NULL for lack of
 * memory: that its texts are UTF-8 has been checked. */
static void append(pc_status *status, json_t *array, json_t *item)
{
    if (json_array_append_new(array, item) != 0) {
        pc_status_clear(status);
        *status = pc_status_out_of_memory();
    }
}

/* {"ids": [{"id": ...}]} */
static pc_status write_audiences_body(pc_entity_request *out, const pc_entity_query *query)
{
    json_t *ids = json_array();
    pc_status status = PC_OK;
    for (size_t i = 0; i < query->audience_count && pc_status_ok(&status); i++) {
        append(&status, ids, json_pack("{s:s}", "id", query->audience_ids[i]));
    }
    if (!pc_status_ok(&status)) {
        json_decref(ids);
        return status;
    }
    return write_body(out, json_pack("{s:o}", "ids", ids));
}

/* A list of dot paths as an array of them. */
static json_t *split_fields(const char *fields)
{
    json_t *array = json_array();
    while (*fields != '\0') {
        size_t length = strcspn(fields, ",");
        if (json_array_append_new(array, json_stringn(fields, length)) != 0) {
            json_decref(array);
            return NULL;
        }
        fields += length + (fields[length] == ',' ? 1 : 0);
    }
    return array;
}

/* {"schema": {"name"}, "identities": [{"entityId", "entityIdNS": {"code"}}], "fields",
 * "mergePolicyId"}. Whether a batch honours the merge policy is not settled: who reads the answer
 * compares. */
static pc_status write_batch_body(pc_entity_request *out, const pc_entity_query *query)
{
    json_t *identities = json_array();
    pc_status status = PC_OK;
    for (size_t i = 0; i < query->ref_count && pc_status_ok(&status); i++) {
        const pc_entity_ref *ref = &query->refs[i];
        append(&status, identities,
               ref->xid != NULL ? json_pack("{s:s}", "entityId", ref->xid)
                                : json_pack("{s:s,s:{s:s}}", "entityId", ref->id, "entityIdNS",
                                            "code", ref->namespace_code));
    }
    if (!pc_status_ok(&status)) {
        json_decref(identities);
        return status;
    }
    json_t *root =
        json_pack("{s:{s:s},s:o}", "schema", "name", SCHEMA_PROFILE, "identities", identities);
    if (is_given(query->fields) &&
        json_object_set_new(root, "fields", split_fields(query->fields)) != 0) {
        json_decref(root);
        root = NULL;
    }
    if (is_given(query->merge_policy) && root != NULL &&
        json_object_set_new(root, "mergePolicyId", json_string(query->merge_policy)) != 0) {
        json_decref(root);
        root = NULL;
    }
    return write_body(out, root);
}

/* {"composite_xids": [{"ns", "id"}]} or {"xids": [...]} */
static pc_status write_graph_body(pc_entity_request *out, const pc_entity_query *query)
{
    json_t *items = json_array();
    pc_status status = PC_OK;
    bool by_xid = query->refs[0].xid != NULL;
    for (size_t i = 0; i < query->ref_count && pc_status_ok(&status); i++) {
        const pc_entity_ref *ref = &query->refs[i];
        append(&status, items,
               by_xid ? json_string(ref->xid)
                      : json_pack("{s:s,s:s}", "ns", ref->namespace_code, "id", ref->id));
    }
    if (!pc_status_ok(&status)) {
        json_decref(items);
        return status;
    }
    return write_body(out, json_pack("{s:o,s:s}", by_xid ? "xids" : "composite_xids", items,
                                     "projection_type", "set"));
}

static void write_xid_url(pc_buffer *out, const char *base_url, const pc_entity_query *query)
{
    pc_url url = pc_url_begin(out, base_url, PATH_XID);
    pc_url_add(&url, "namespace", query->namespace_code, query->namespace_size);
    pc_url_add(&url, "id", query->id, query->id_size);
}

/* The URL, and the body of those that have one. */
static pc_status write_request(pc_entity_request *out, pc_buffer *url, const pc_entity_bases *bases,
                               const pc_entity_query *query)
{
    switch (query->kind) {
    case PC_ENTITY_AUDIENCES:
        (void)pc_url_begin(url, bases->platform, PATH_AUDIENCES_BULK);
        return write_audiences_body(out, query);
    case PC_ENTITY_BATCH:
        (void)pc_url_begin(url, bases->platform, PATH_ENTITIES);
        return write_batch_body(out, query);
    case PC_ENTITY_GRAPH:
        (void)pc_url_begin(url, bases->identity, PATH_GRAPH);
        return write_graph_body(out, query);
    case PC_ENTITY_XID:
        write_xid_url(url, bases->identity, query);
        return PC_OK;
    case PC_ENTITY_DELETE:
        out->is_delete = true;
        write_entities_url(url, bases->platform, query);
        return PC_OK;
    default:
        write_entities_url(url, bases->platform, query);
        return PC_OK;
    }
}

pc_status pc_entity_request_build(pc_entity_request *out, const pc_entity_bases *bases,
                                  const pc_entity_query *query)
{
    *out = (pc_entity_request){.url = NULL};
    pc_status status = check(query);
    bool is_about_identity = query->kind == PC_ENTITY_GRAPH || query->kind == PC_ENTITY_XID;
    if (pc_status_ok(&status) && is_about_identity && bases->identity == NULL) {
        status = pc_status_new(PC_CODE_UNIMPLEMENTED, "IDENTITY_SERVICE_NOT_CONFIGURED",
                               "No identity service is configured.");
    }
    if (!pc_status_ok(&status)) {
        return status;
    }
    pc_buffer url;
    pc_buffer_init(&url, URL_ROOM);
    status = write_request(out, &url, bases, query);
    if (pc_status_ok(&status)) {
        bool is_too_long = url.size > URL_BYTES_MAX;
        out->url = pc_buffer_take_text(&url);
        if (out->url == NULL) {
            status = pc_status_out_of_memory();
        } else if (is_too_long) {
            pc_status_add_violation(&status, "fields", "makes the request too long");
        }
    }
    pc_buffer_deinit(&url);
    if (!pc_status_ok(&status)) {
        pc_entity_request_deinit(out);
    }
    return status;
}

void pc_entity_request_deinit(pc_entity_request *request)
{
    free(request->url);
    free(request->body);
    *request = (pc_entity_request){.url = NULL};
}
