/* The table of paths, see router.h. */
#include "router.h"

#include "admin.h"
#include "clock.h"
#include "documents.h"
#include "entities.h"
#include "events.h"
#include "identity.h"
#include "json.h"

#include <string.h>

#define UPS "/data/core/ups"

static void no_such_path(struct sbx_service *service, const struct sbx_request *request,
                         struct sbx_answer *answer)
{
    (void)service;
    (void)request;
    sbx_answer_gateway_error(answer, 404, "404000", "Resource not found");
}

static void wrong_method(struct sbx_service *service, const struct sbx_request *request,
                         struct sbx_answer *answer)
{
    (void)service;
    (void)request;
    sbx_answer_gateway_error(answer, 405, "405000", "Method not allowed");
}

static void malformed(struct sbx_service *service, const struct sbx_request *request,
                      struct sbx_answer *answer)
{
    (void)service;
    (void)request;
    sbx_answer_entity_error(answer, 400, "The request cannot be read.",
                            "Status Code - 400 : bad percent-encoding or too many parameters");
}

static void issue_token(struct sbx_service *service, const struct sbx_request *request,
                        struct sbx_answer *answer)
{
    sbx_gateway_token(service->gateway, request, sbx_clock_now(), answer);
}

static const struct row {
    const char *method;
    const char *path; /* one that ends in '/' is followed by an id */
    struct sbx_route route;
} rows[] = {
    {"POST", "/ims/token/v3", {SBX_OP_TOKEN, SBX_GROUP_TOKEN, true, issue_token}},
    {"DELETE",
     UPS "/access/entities",
     {SBX_OP_DELETE, SBX_GROUP_PROFILE, false, sbx_entities_delete}},
    {"GET", UPS "/audiences", {SBX_OP_AUDIENCES, SBX_GROUP_AUDIENCES, false, sbx_audiences_list}},
    {"POST",
     UPS "/audiences/bulk-get",
     {SBX_OP_AUDIENCES_BULK, SBX_GROUP_AUDIENCES, false, sbx_audiences_bulk}},
    {"GET", UPS "/audiences/", {SBX_OP_AUDIENCE, SBX_GROUP_AUDIENCES, false, sbx_audience_get}},
    {"GET",
     UPS "/config/mergePolicies",
     {SBX_OP_MERGE_POLICIES, SBX_GROUP_CONFIG, false, sbx_policies_list}},
    {"POST",
     UPS "/config/mergePolicies/bulk-get",
     {SBX_OP_MERGE_POLICIES, SBX_GROUP_CONFIG, false, sbx_policies_bulk}},
    {"GET",
     UPS "/config/mergePolicies/",
     {SBX_OP_MERGE_POLICIES, SBX_GROUP_CONFIG, false, sbx_policy_get}},
    {"GET",
     "/data/core/idnamespace/identities",
     {SBX_OP_NAMESPACES, SBX_GROUP_CONFIG, false, sbx_namespaces_list}},
    {"GET",
     "/data/core/identity/identity",
     {SBX_OP_IDENTITY, SBX_GROUP_IDENTITY, false, sbx_identity_get}},
    {"POST",
     "/data/core/identity/v2/graph",
     {SBX_OP_IDENTITY_GRAPH, SBX_GROUP_IDENTITY, false, sbx_identity_graph}},
    {"GET", "/_sandbox/faults", {SBX_OP_ADMIN, SBX_GROUP_NONE, true, sbx_admin_get_faults}},
    {"PUT", "/_sandbox/faults", {SBX_OP_ADMIN, SBX_GROUP_NONE, true, sbx_admin_put_faults}},
    {"PATCH", "/_sandbox/faults", {SBX_OP_ADMIN, SBX_GROUP_NONE, true, sbx_admin_put_faults}},
    {"DELETE", "/_sandbox/faults", {SBX_OP_ADMIN, SBX_GROUP_NONE, true, sbx_admin_put_faults}},
    {"GET", "/_sandbox/stats", {SBX_OP_ADMIN, SBX_GROUP_NONE, true, sbx_admin_get_stats}},
    {"DELETE", "/_sandbox/stats", {SBX_OP_ADMIN, SBX_GROUP_NONE, true, sbx_admin_reset_stats}},
    {"DELETE", "/_sandbox/tokens", {SBX_OP_ADMIN, SBX_GROUP_NONE, true, sbx_admin_revoke}},
    {"POST", "/_sandbox/records", {SBX_OP_ADMIN, SBX_GROUP_NONE, true, sbx_admin_load}},
};

/* One path serves every class; the schema tells which. */
static struct sbx_route route_entities(const struct sbx_request *request)
{
    bool batch = strcmp(request->method, "POST") == 0;
    const char *schema = batch ? sbx_json_text(json_object_get(request->json, "schema"), "name")
                               : sbx_request_argument(request, "schema.name");
    struct sbx_route route = {
        .operation = batch ? SBX_OP_PROFILE_BATCH : SBX_OP_PROFILE,
        .group = SBX_GROUP_PROFILE,
        .handle = batch ? sbx_entities_batch : sbx_entities_get,
    };
    if (schema == NULL) {
        return route;
    }
    if (strcmp(schema, "_xdm.context.experienceevent") == 0) {
        route.operation = batch ? SBX_OP_EVENTS_BATCH : SBX_OP_EVENTS;
        route.group = SBX_GROUP_EVENTS;
        route.handle = batch ? sbx_events_batch : sbx_events_get;
    } else if (strcmp(schema, "_xdm.context.account") == 0) {
        route.operation = SBX_OP_ACCOUNT;
        route.group = SBX_GROUP_ENTITIES;
    } else if (strcmp(schema, "_xdm.context.opportunity") == 0) {
        route.operation = SBX_OP_OPPORTUNITY;
        route.group = SBX_GROUP_ENTITIES;
    }
    return route;
}

static bool path_matches(const char *pattern, const char *path)
{
    size_t length = strlen(pattern);
    if (pattern[length - 1] == '/') {
        return strncmp(path, pattern, length) == 0 && path[length] != '\0';
    }
    return strcmp(path, pattern) == 0;
}

struct sbx_route sbx_route_find(const struct sbx_request *request)
{
    struct sbx_route route = {SBX_OP_UNKNOWN, SBX_GROUP_NONE, true, no_such_path};
    if (request->malformed) {
        route.handle = malformed;
        return route;
    }
    if (strcmp(request->path, UPS "/access/entities") == 0 &&
        (strcmp(request->method, "GET") == 0 || strcmp(request->method, "POST") == 0)) {
        return route_entities(request);
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (!path_matches(rows[i].path, request->path)) {
            continue;
        }
        if (strcmp(rows[i].method, request->method) == 0) {
            return rows[i].route;
        }
        route.handle = wrong_method;
    }
    return route;
}

size_t sbx_route_items(const struct sbx_request *request)
{
    static const char *const lists[] = {"identities", "ids", "composite_xids", "xids"};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        size_t items = json_array_size(json_object_get(request->json, lists[i]));
        if (items > 0) {
            return items;
        }
    }
    return 1;
}
