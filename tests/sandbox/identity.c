/* The identity service, see identity.h. */
#include "identity.h"

#include "json.h"
#include "lookup.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { GRAPHS_MAX = 1000 };

/* --- namespaces --- */

static void collect(const char *code, const char *body, void *payload)
{
    (void)code;
    struct sbx_error ignored;
    json_t *value = sbx_json_parse(body, strlen(body), &ignored);
    if (value != NULL) {
        json_array_append_new(payload, value);
    }
}

/* All that are listed, new reference. */
static json_t *read_namespaces(struct sbx_service *service)
{
    json_t *all = json_array();
    sbx_store_each_document(service->store, SBX_NAMESPACE, collect, all);
    return all;
}

/* Borrowed, NULL when it is not listed. */
static const json_t *namespace_by_code(const json_t *namespaces, const char *code)
{
    for (size_t i = 0; i < json_array_size(namespaces); i++) {
        const json_t *listed = json_array_get(namespaces, i);
        const char *name = sbx_json_text(listed, "code");
        if (name != NULL && strcasecmp(name, code) == 0) {
            return listed;
        }
    }
    return NULL;
}

/* The code of a listed number. Borrowed or NULL. */
static const char *code_of_number(const json_t *namespaces, json_int_t number)
{
    for (size_t i = 0; i < json_array_size(namespaces); i++) {
        const json_t *listed = json_array_get(namespaces, i);
        const json_t *id = json_object_get(listed, "id");
        if (json_is_integer(id) && json_integer_value(id) == number) {
            return sbx_json_text(listed, "code");
        }
    }
    return NULL;
}

static bool read_number(json_int_t *out, const char *text)
{
    char *end;
    errno = 0;
    *out = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0';
}

/* --- the XID of an identity --- */

/* An XID follows from the name alone, so whoever could exist has one: that is what tells a caller
 * which placeholder of a batch is whose. */
void sbx_identity_get(struct sbx_service *service, const struct sbx_request *request,
                      struct sbx_answer *answer)
{
    const char *id = sbx_request_argument(request, "id");
    const char *code = sbx_request_argument(request, "namespace");
    const char *nsid = sbx_request_argument(request, "nsid");
    json_t *namespaces = read_namespaces(service);
    json_int_t number;
    if (code == NULL && nsid != NULL && read_number(&number, nsid)) {
        code = code_of_number(namespaces, number);
    }
    struct sbx_found_identity identity = {0};
    if (id == NULL || id[0] == '\0' || code == NULL || code[0] == '\0' ||
        (!sbx_store_find(service->store, code, id, &identity) &&
         namespace_by_code(namespaces, code) == NULL)) {
        sbx_answer_identity_error(answer, 400, "InvalidInput",
                                  "The request needs an id, and a namespace or nsid that exists.");
    } else {
        char xid[SBX_XID_SIZE];
        sbx_unknown_xid(xid, code, id);
        sbx_answer_json(answer, 200, json_pack("{s:s}", "xid", xid));
    }
    sbx_found_identity_deinit(&identity);
    json_decref(namespaces);
}

/* --- linked identities --- */

/* An answer names identities in the way the request does. */
enum naming { BY_CODE, BY_NUMBER, BY_XID };

struct graph_request {
    struct sbx_service *service;
    const json_t *namespaces;
    bool by_xid;
    bool as_graph; /* vertices and edges instead of members */
    bool members_with_xid;
};

/* The store folds namespaces; the listed spelling is the one to show. A namespace that is not
 * listed has no number. New reference. */
static json_t *name_by(const struct graph_request *graph, enum naming naming,
                       const struct sbx_found_identity *identity)
{
    if (naming == BY_XID) {
        return json_string(identity->xid);
    }
    const json_t *listed = namespace_by_code(graph->namespaces, identity->ns);
    json_t *name = json_object();
    if (naming == BY_NUMBER && listed != NULL) {
        json_object_set(name, "nsid", json_object_get(listed, "id"));
    } else {
        const char *code = listed != NULL ? sbx_json_text(listed, "code") : identity->ns;
        json_object_set_new(name, "ns", json_string(code));
    }
    json_object_set_new(name, "id", json_string(identity->id));
    return name;
}

static json_t *member_with_xid(const struct graph_request *graph,
                               const struct sbx_found_identity *identity)
{
    json_t *name = name_by(graph, BY_NUMBER, identity);
    json_t *by_code = name_by(graph, BY_CODE, identity);
    json_object_update(name, by_code);
    json_decref(by_code);
    return json_pack("{s:s, s:o}", "xid", identity->xid, "composite_xid", name);
}

static void add_members(const struct graph_request *graph, enum naming naming,
                        const struct sbx_found_identity *identities, size_t count, json_t *out)
{
    json_t *members = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(members, graph->members_with_xid
                                           ? member_with_xid(graph, &identities[i])
                                           : name_by(graph, naming, &identities[i]));
    }
    json_object_set_new(out, "members", members);
}

/* The store knows who belongs together, not which record said so: every identity hangs on the
 * oldest. */
static void add_vertices(const struct graph_request *graph, enum naming naming,
                         const struct sbx_found_identity *identities, size_t count, json_t *out)
{
    json_t *vertices = json_array();
    json_t *edges = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(vertices,
                              json_pack("{s:o}", naming == BY_XID ? "xid" : "composite_xid",
                                        name_by(graph, naming, &identities[i])));
        if (i > 0) {
            json_array_append_new(
                edges, json_pack("{s:[o, o]}", naming == BY_XID ? "xid_pair" : "composite_xid_pair",
                                 name_by(graph, naming, &identities[0]),
                                 name_by(graph, naming, &identities[i])));
        }
    }
    json_object_set_new(out, "vertices", vertices);
    json_object_set_new(out, "edges", edges);
}

static json_t *describe(const struct graph_request *graph, enum naming naming,
                        const struct sbx_found_identity *asked)
{
    size_t count;
    struct sbx_found_identity *identities =
        sbx_store_read_identities(graph->service->store, asked->person, &count);
    json_t *out = json_pack("{s:o}", naming == BY_XID ? "xid" : "composite_xid",
                            name_by(graph, naming, asked));
    if (graph->as_graph) {
        add_vertices(graph, naming, identities, count, out);
    } else {
        add_members(graph, naming, identities, count, out);
    }
    sbx_found_identities_free(identities, count);
    return out;
}

/* False when the item is no identity. A namespace that does not exist makes it an unknown one. */
static bool find_item(const struct graph_request *graph, const json_t *item, enum naming *naming,
                      struct sbx_found_identity *out)
{
    if (graph->by_xid) {
        *naming = BY_XID;
        const char *xid = json_string_value(item);
        if (xid != NULL) {
            sbx_store_find(graph->service->store, NULL, xid, out);
        }
        return xid != NULL;
    }
    char *id = sbx_item_id(item, "id");
    const char *code = sbx_json_text(item, "ns");
    const json_t *nsid = json_object_get(item, "nsid");
    json_int_t number = json_integer_value(nsid);
    bool numbered = json_is_integer(nsid) ||
                    (json_is_string(nsid) && read_number(&number, json_string_value(nsid)));
    bool readable = id != NULL && (code != NULL || numbered);
    *naming = code != NULL ? BY_CODE : BY_NUMBER;
    if (code == NULL && readable) {
        code = code_of_number(graph->namespaces, number);
    }
    if (readable && code != NULL) {
        sbx_store_find(graph->service->store, code, id, out);
    }
    free(id);
    return readable;
}

/* False when an item is no identity. */
static bool add_graphs(const struct graph_request *graph, const json_t *items, json_t *graphs,
                       json_t *unprocessed)
{
    bool readable = true;
    for (size_t i = 0; i < json_array_size(items) && readable; i++) {
        json_t *item = json_array_get(items, i);
        struct sbx_found_identity asked = {0};
        enum naming naming;
        readable = find_item(graph, item, &naming, &asked);
        if (asked.key != 0) {
            json_array_append_new(graphs, describe(graph, naming, &asked));
        } else {
            json_array_append(unprocessed, item);
        }
        sbx_found_identity_deinit(&asked);
    }
    return readable;
}

/* NULL when the body is not a graph request; *complaint says why. */
static const json_t *read_graph_request(struct graph_request *out, const json_t *body,
                                        const char **complaint)
{
    const json_t *names = json_object_get(body, "composite_xids");
    const json_t *xids = json_object_get(body, "xids");
    const json_t *items = xids != NULL ? xids : names;
    const json_t *projection = json_object_get(body, "projection_type");
    const char *type = projection != NULL ? json_string_value(projection) : "set";
    size_t count = json_array_size(items);
    *complaint = NULL;
    if ((names == NULL) == (xids == NULL)) {
        *complaint = "either composite_xids or xids is required.";
    } else if (count == 0 || count > GRAPHS_MAX) {
        *complaint = "1 to 1000 identities can be asked for.";
    } else if (type == NULL || (strcmp(type, "set") != 0 && strcmp(type, "graph") != 0)) {
        *complaint = "projection types available are [graph|set].";
    } else {
        out->by_xid = xids != NULL;
        out->as_graph = strcmp(type, "graph") == 0;
        return items;
    }
    return NULL;
}

void sbx_identity_graph(struct sbx_service *service, const struct sbx_request *request,
                        struct sbx_answer *answer)
{
    const char *complaint;
    struct graph_request graph = {.service = service};
    const json_t *items = read_graph_request(&graph, request->json, &complaint);
    if (items == NULL) {
        sbx_answer_graph_invalid(answer, complaint);
        return;
    }
    json_t *namespaces = read_namespaces(service);
    json_t *graphs = json_array();
    json_t *unprocessed = json_array();
    graph.namespaces = namespaces;
    graph.members_with_xid = sbx_faults_shapes(service->faults).graph_members_with_xid;
    if (!add_graphs(&graph, items, graphs, unprocessed)) {
        sbx_answer_graph_invalid(answer, "an identity has ns or nsid, and id, or is an XID.");
    } else {
        json_t *body = json_pack("{s:s, s:O, s:[], s:s}", "version", "2.0", "graphs", graphs,
                                 "unprocessed_composite_xids", "algo_type", "STITCH_ALL");
        json_object_set(body, graph.by_xid ? "unprocessed_xids" : "unprocessed_composite_xids",
                        unprocessed);
        sbx_answer_json(answer, 200, body);
    }
    json_decref(unprocessed);
    json_decref(graphs);
    json_decref(namespaces);
}
