/* Audiences, merge policies and namespaces, see documents.h. */
#include "documents.h"

#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_DEFAULT = 100, POLICIES_DEFAULT = 20, BULK_MAX = 100 };

/* Borrowed: the part of the path after its last fixed segment. */
static const char *path_id(const struct sbx_request *request, const char *parent)
{
    return strstr(request->path, parent) + strlen(parent);
}

static json_t *get(struct sbx_service *service, enum sbx_document kind, const char *id)
{
    char *body = sbx_store_get_document(service->store, kind, id);
    struct sbx_error ignored;
    json_t *value = body != NULL ? sbx_json_parse(body, strlen(body), &ignored) : NULL;
    free(body);
    return value;
}

static void collect(const char *id, const char *body, void *payload)
{
    (void)id;
    struct sbx_error ignored;
    json_t *value = sbx_json_parse(body, strlen(body), &ignored);
    if (value != NULL) {
        json_array_append_new(payload, value);
    }
}

static bool contains(const json_t *value, const char *key, const char *wanted)
{
    const char *text = sbx_json_text(value, key);
    return wanted == NULL || (text != NULL && strstr(text, wanted) != NULL);
}

/* `property=audienceId==x`, repeatable. */
static bool has_properties(const json_t *value, const struct sbx_request *request)
{
    const char *text;
    for (size_t i = 0; (text = sbx_request_nth_argument(request, "property", i)) != NULL; i++) {
        const char *equals = strstr(text, "==");
        if (equals == NULL) {
            return false;
        }
        char *key = sbx_copy_n(text, (size_t)(equals - text));
        const char *known = sbx_json_text(value, key);
        bool same = known != NULL && strcmp(known, equals + 2) == 0;
        free(key);
        if (!same) {
            return false;
        }
    }
    return true;
}

static bool wanted_by(const json_t *value, const struct sbx_request *request)
{
    const char *schema = sbx_request_argument(request, "schema.name");
    const char *fallback = sbx_request_argument(request, "default");
    return contains(value, "name", sbx_request_argument(request, "name")) &&
           contains(value, "description", sbx_request_argument(request, "description")) &&
           has_properties(value, request) &&
           (schema == NULL || contains(json_object_get(value, "schema"), "name", schema)) &&
           (fallback == NULL ||
            json_is_true(json_object_get(value, "default")) == (strcmp(fallback, "true") == 0));
}

static size_t number_argument(const struct sbx_request *request, const char *name, size_t fallback)
{
    const char *text = sbx_request_argument(request, name);
    long value = text != NULL ? strtol(text, NULL, 10) : -1;
    return value >= 0 ? (size_t)value : fallback;
}

static void answer_list(struct sbx_service *service, const struct sbx_request *request,
                        enum sbx_document kind, size_t default_limit, struct sbx_answer *answer)
{
    json_t *all = json_array();
    sbx_store_each_document(service->store, kind, collect, all);
    size_t start = number_argument(request, "start", 0);
    size_t limit = number_argument(request, "limit", default_limit);
    json_t *children = json_array();
    size_t total = 0;
    size_t index;
    json_t *value;
    json_array_foreach(all, index, value)
    {
        if (wanted_by(value, request)) {
            if (total >= start && json_array_size(children) < limit) {
                json_array_append(children, value);
            }
            total++;
        }
    }
    char next[24] = "";
    size_t end = start + json_array_size(children);
    if (end < total) {
        snprintf(next, sizeof(next), "%zu", end);
    }
    sbx_answer_json(answer, 200,
                    json_pack("{s:{s:I, s:I, s:I, s:s}, s:o}", "_page", "totalCount",
                              (json_int_t)total, "pageSize", (json_int_t)json_array_size(children),
                              "count", (json_int_t)json_array_size(children), "next", next,
                              "children", children));
    json_decref(all);
}

void sbx_audiences_list(struct sbx_service *service, const struct sbx_request *request,
                        struct sbx_answer *answer)
{
    answer_list(service, request, SBX_AUDIENCE, LIST_DEFAULT, answer);
}

void sbx_audience_get(struct sbx_service *service, const struct sbx_request *request,
                      struct sbx_answer *answer)
{
    const char *id = path_id(request, "/audiences/");
    json_t *value = get(service, SBX_AUDIENCE, id);
    if (value != NULL) {
        sbx_answer_json(answer, 200, value);
        return;
    }
    char message[400];
    snprintf(message, sizeof(message),
             "The audience entity %.200s is not found. Use a valid entity and try again.", id);
    sbx_answer_errors_map(answer, 404, "UPAPI-113430-404", message);
}

static void answer_bulk(struct sbx_service *service, const struct sbx_request *request,
                        enum sbx_document kind, struct sbx_answer *answer)
{
    const json_t *ids = json_object_get(request->json, "ids");
    size_t count = json_array_size(ids);
    if (count == 0 || count > BULK_MAX) {
        sbx_answer_errors_map(answer, 400, "UPAPI-113015-400",
                              "The number of ids must be greater than 0 and at most 100.");
        return;
    }
    json_t *results = json_object();
    size_t found = 0;
    size_t index;
    json_t *item;
    json_array_foreach(ids, index, item)
    {
        const char *id = json_is_string(item) ? json_string_value(item) : sbx_json_text(item, "id");
        if (id == NULL) {
            continue;
        }
        json_t *value = get(service, kind, id);
        found += value != NULL ? 1 : 0;
        if (value == NULL) {
            value = json_pack("{s:s, s:{s:[{s:i, s:s}]}}", "requestId", "sandbox-request", "errors",
                              "404", "code", 404, "message", "Not found.");
        }
        json_object_set_new(results, id, value);
    }
    if (found == 0) {
        json_decref(results);
        sbx_answer_errors_map(answer, 404, "UPAPI-113430-404", "None of the ids was found.");
        return;
    }
    sbx_answer_json(answer, 207, json_pack("{s:o}", "results", results));
}

void sbx_audiences_bulk(struct sbx_service *service, const struct sbx_request *request,
                        struct sbx_answer *answer)
{
    answer_bulk(service, request, SBX_AUDIENCE, answer);
}

void sbx_policies_list(struct sbx_service *service, const struct sbx_request *request,
                       struct sbx_answer *answer)
{
    answer_list(service, request, SBX_MERGE_POLICY, POLICIES_DEFAULT, answer);
}

void sbx_policy_get(struct sbx_service *service, const struct sbx_request *request,
                    struct sbx_answer *answer)
{
    json_t *value = get(service, SBX_MERGE_POLICY, path_id(request, "/mergePolicies/"));
    if (value != NULL) {
        sbx_answer_json(answer, 200, value);
        return;
    }
    sbx_answer_json(answer, 404,
                    json_pack("{s:i, s:s, s:s}", "status", 404, "title",
                              "The merge policy does not exist.", "type",
                              "http://ns.adobe.com/adobecloud/problem/missing-entity"));
    answer->content_type = "application/problem+json";
}

void sbx_policies_bulk(struct sbx_service *service, const struct sbx_request *request,
                       struct sbx_answer *answer)
{
    answer_bulk(service, request, SBX_MERGE_POLICY, answer);
}

void sbx_namespaces_list(struct sbx_service *service, const struct sbx_request *request,
                         struct sbx_answer *answer)
{
    (void)request;
    json_t *all = json_array();
    sbx_store_each_document(service->store, SBX_NAMESPACE, collect, all);
    sbx_answer_json(answer, 200, all);
}
