/* Common parts of lookups, see lookup.h. */
#include "lookup.h"

#include "json.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sbx_bad_request(struct sbx_answer *answer, const char *message)
{
    char cause[400];
    snprintf(cause, sizeof(cause), "Status Code - 400 : %s", message);
    sbx_answer_entity_error(answer, 400, "The request is not valid.", cause);
}

static bool add_path(struct sbx_selection *out, const char *path, struct sbx_answer *answer)
{
    if (path[0] == '\0') {
        return true;
    }
    if (out->count == SBX_FIELDS_MAX) {
        sbx_bad_request(answer, "too many fields");
        return false;
    }
    out->paths[out->count++] = path;
    return true;
}

static bool read_body_fields(struct sbx_selection *out, const json_t *fields,
                             struct sbx_answer *answer)
{
    if (!json_is_array(fields)) {
        sbx_bad_request(answer, "fields is not an array of strings");
        return false;
    }
    size_t index;
    json_t *item;
    json_array_foreach(fields, index, item)
    {
        if (!json_is_string(item)) {
            sbx_bad_request(answer, "fields is not an array of strings");
            return false;
        }
        if (!add_path(out, json_string_value(item), answer)) {
            return false;
        }
    }
    return true;
}

bool sbx_selection_read(struct sbx_selection *out, const struct sbx_request *request,
                        struct sbx_answer *answer)
{
    out->text = NULL;
    out->count = 0;
    const json_t *fields = json_object_get(request->json, "fields");
    if (fields != NULL && !json_is_null(fields)) {
        return read_body_fields(out, fields, answer);
    }
    out->text = sbx_copy(sbx_request_argument(request, "fields"));
    char *rest = NULL;
    for (char *path = out->text != NULL ? strtok_r(out->text, ",", &rest) : NULL; path != NULL;
         path = strtok_r(NULL, ",", &rest)) {
        if (!add_path(out, path, answer)) {
            sbx_selection_deinit(out);
            return false;
        }
    }
    return true;
}

void sbx_selection_deinit(struct sbx_selection *selection)
{
    free(selection->text);
    selection->text = NULL;
}

char *sbx_item_id(const json_t *item, const char *key)
{
    const json_t *id = json_object_get(item, key);
    if (json_is_integer(id)) {
        char text[32];
        snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(id));
        return sbx_copy(text);
    }
    const char *digits = sbx_json_exact_number(id); /* an ECID has 38 of them */
    const char *text = digits != NULL ? digits : json_string_value(id);
    return text != NULL && text[0] != '\0' ? sbx_copy(text) : NULL;
}

const char *sbx_item_ns(const json_t *item, const char *key)
{
    const json_t *ns = json_object_get(item, key);
    const char *text = json_is_string(ns) ? json_string_value(ns) : sbx_json_text(ns, "code");
    return text != NULL && text[0] != '\0' ? text : NULL;
}

void sbx_unknown_xid(char out[SBX_XID_SIZE], const char *ns, const char *id)
{
    if (ns == NULL && sbx_xid_valid(id)) {
        memcpy(out, id, SBX_XID_SIZE);
        return;
    }
    char folded[256];
    snprintf(folded, sizeof(folded), "%s", ns != NULL ? ns : "");
    for (char *at = folded; *at != '\0'; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
    sbx_xid_make(out, folded, id);
}

sbx_policy *sbx_lookup_policy(struct sbx_service *service, const struct sbx_request *request,
                              enum sbx_schema schema, struct sbx_answer *answer)
{
    const char *id = sbx_json_text(request->json, "mergePolicyId");
    if (id == NULL) {
        id = sbx_request_argument(request, "mergePolicyId");
    }
    sbx_policy *policy = NULL;
    if (id != NULL || !sbx_faults_shapes(service->faults).no_default_merge_policy) {
        policy = sbx_policy_find(service->store, id, schema);
    }
    if (policy == NULL) {
        sbx_answer_entity_error(answer, 422,
                                id != NULL ? "The merge policy does not exist."
                                           : "There is no default merge policy for the schema.",
                                "Status Code - 404 : merge policy not found");
    }
    return policy;
}

/* Says that a batch is too large, with the status that is set for it. */
static void refuse_size(struct sbx_answer *answer, unsigned status, size_t most)
{
    char cause[120];
    snprintf(cause, sizeof(cause), "Status Code - %u : at most %zu identities may be asked at once",
             status, most);
    sbx_answer_entity_error(
        answer, status, status == 413 ? "The request is too large." : "The request is not valid.",
        cause);
}

json_t *sbx_lookup_items(struct sbx_service *service, const struct sbx_request *request,
                         struct sbx_answer *answer)
{
    json_t *items = json_object_get(request->json, "identities");
    struct sbx_shapes shapes = sbx_faults_shapes(service->faults);
    size_t most = shapes.batch_max > 0 ? (size_t)shapes.batch_max : service->batch_max;
    if (!json_is_object(request->json)) {
        sbx_bad_request(answer, "the body is not a JSON object");
    } else if (!json_is_array(items) || json_array_size(items) == 0) {
        sbx_bad_request(answer, "identities is missing or empty");
    } else if (json_array_size(items) > most) {
        refuse_size(answer, (unsigned)shapes.batch_refusal, most);
    } else {
        return items;
    }
    return NULL;
}

json_t *sbx_lookup_entry_error(const char *xid, unsigned status, const char *message)
{
    json_t *error = message != NULL ? sbx_entity_error(status, message, NULL)
                                    : sbx_entity_error(status, "Unable to connect to server",
                                                       "Status Code - 500 : Connection Timeout");
    return json_pack("{s:s, s:o}", "xid", xid, "error", error);
}

void sbx_lookup_answer_errors(struct sbx_answer *answer, json_t *entries, json_t *errors,
                              bool mixed)
{
    size_t index;
    json_t *error;
    json_array_foreach(errors, index, error)
    {
        if (mixed) {
            json_object_set(entries, sbx_json_text(error, "xid"), error);
        }
    }
    sbx_answer_json(answer, 207, json_incref(mixed ? entries : errors));
}
