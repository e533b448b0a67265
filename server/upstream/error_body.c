/* First the body is read into a few facts, whatever its shape; then facts and HTTP status choose a
 * row of the table in error_body.h. */
#include "upstream/error_body.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "upstream/retry_after.h"
#include "util/memory_watch.h"

enum {
    ERROR_BYTES_MAX = 64 * 1024,  /* of an error worth reading; longer ones are judged by status */
    PLACEHOLDER_BYTES_MAX = 2048, /* a longer answer has data: no need to look */
};

typedef struct {
    bool is_json;
    int error_code;         /* the gateway's, such as 401013; 0: not its shape */
    int status;             /* statusCode or status; 0: none */
    int64_t retry_after_ms; /* 0: none */
    bool is_not_provisioned;
    bool is_too_many_identities;
} facts;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Numbers come as strings in some shapes and as numbers in others. */
static int64_t number_of(const json_t *value)
{
    if (json_is_integer(value)) {
        return json_integer_value(value);
    }
    if (json_is_real(value)) {
        double real = json_real_value(value);
        return real > 0 && real < 1e15 ? (int64_t)real : 0;
    }
    if (json_is_string(value) && json_string_length(value) < 19) {
        char *end = NULL;
        long long number = strtoll(json_string_value(value), &end, 10);
        return *end == '\0' ? number : 0;
    }
    return 0;
}

static int small_number_of(const json_t *value)
{
    int64_t number = number_of(value);
    return number > 0 && number < 10000000 ? (int)number : 0;
}

/* The first status of {"404": [{"code", ...}]}. */
static int status_of_errors_map(json_t *errors)
{
    void *first = json_object_iter(errors);
    if (first == NULL) {
        return 0;
    }
    json_t *key = json_string(json_object_iter_key(first));
    int status = small_number_of(key);
    json_decref(key);
    return status;
}

static bool begins_with(const json_t *text, const char *beginning)
{
    return json_is_string(text) &&
           strncmp(json_string_value(text), beginning, strlen(beginning)) == 0;
}

static facts read_object(json_t *object)
{
    facts found = {.is_json = true};
    found.error_code = small_number_of(json_object_get(object, "error_code"));
    found.status = small_number_of(json_object_get(object, "statusCode"));
    if (found.status == 0) {
        found.status = small_number_of(json_object_get(object, "status"));
    }
    if (found.status == 0) {
        found.status = status_of_errors_map(json_object_get(object, "errors"));
    }
    int64_t wait_ms = number_of(json_object_get(object, "retryAfterMs"));
    found.retry_after_ms = wait_ms > 0 ? wait_ms : 0;
    const json_t *message = json_object_get(object, "message");
    found.is_not_provisioned = begins_with(message, "UPS-ACC-1000004");
    found.is_too_many_identities = begins_with(message, "Too many related identities");
    return found;
}

/* What says what went wrong: the body itself, the first item of an array, or the `error` that
 * stands beside an XID. Borrowed; NULL for none. */
static json_t *error_object(json_t *root)
{
    json_t *candidate = json_is_array(root) ? json_array_get(root, 0) : root;
    json_t *inner = json_object_get(candidate, "error");
    if (json_is_object(inner)) {
        return inner;
    }
    return json_is_object(candidate) ? candidate : NULL;
}

static facts read_facts(json_t *root)
{
    json_t *object = error_object(root);
    if (object == NULL) {
        return (facts){.is_json = root != NULL};
    }
    return read_object(object);
}

/* `*root` is NULL for what is no JSON. */
static pc_status parse(json_t **root, const void *body, size_t size)
{
    pc_memory_watch_begin();
    *root = size > ERROR_BYTES_MAX ? NULL : json_loadb(body, size, 0, NULL);
    if (pc_memory_was_lacking()) {
        json_decref(*root);
        *root = NULL;
        return pc_status_out_of_memory();
    }
    return PC_OK;
}

static pc_status not_found(pc_entity_kind kind)
{
    if (kind == PC_ENTITY_AUDIENCES) {
        return pc_status_new(PC_CODE_NOT_FOUND, "AUDIENCE_NOT_FOUND",
                             "The upstream knows none of the audiences.");
    }
    if (kind == PC_ENTITY_GRAPH || kind == PC_ENTITY_XID) {
        return pc_status_new(PC_CODE_NOT_FOUND, "IDENTITY_NOT_FOUND",
                             "The identity service does not know the identity.");
    }
    if (kind == PC_ENTITY_RECORD) {
        return pc_status_new(PC_CODE_NOT_FOUND, "ENTITY_NOT_FOUND",
                             "The upstream has no such entity.");
    }
    if (kind == PC_ENTITY_BATCH) {
        return pc_status_new(PC_CODE_NOT_FOUND, "PROFILE_NOT_FOUND",
                             "The upstream knows nothing of any of the identities.");
    }
    return pc_status_new(PC_CODE_NOT_FOUND, "PROFILE_NOT_FOUND",
                         "The upstream knows nothing of this identity.");
}

static pc_status unexpected(int http_status)
{
    return pc_status_new(PC_CODE_INTERNAL, "UPSTREAM_UNEXPECTED_STATUS",
                         "The upstream answered with an unexpected HTTP status %d.", http_status);
}

static pc_status with_advice(pc_status status, int64_t retry_after_ms)
{
    if (retry_after_ms <= 0) {
        return status;
    }
    return pc_status_with_retry(
        status, retry_after_ms < PC_RETRY_AFTER_MAX_MS ? retry_after_ms : PC_RETRY_AFTER_MAX_MS);
}

static pc_status throttled(int64_t retry_after_ms)
{
    return with_advice(pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_THROTTLED",
                                     "The upstream limits the rate of requests."),
                       retry_after_ms);
}

static pc_status unauthenticated(void)
{
    return pc_status_new(PC_CODE_UNAUTHENTICATED, "UPSTREAM_UNAUTHENTICATED",
                         "The upstream did not accept this server's credentials.");
}

static pc_status forbidden(pc_entity_kind kind, const facts *found)
{
    if (found->error_code != 0) {
        return pc_status_new(PC_CODE_PERMISSION_DENIED, "UPSTREAM_FORBIDDEN",
                             "The upstream's gateway refused this server (error code %d).",
                             found->error_code);
    }
    if (kind == PC_ENTITY_EVENTS) {
        return pc_status_new(PC_CODE_PERMISSION_DENIED, "EVENTS_NOT_ENABLED",
                             "The upstream does not allow event lookups to this organisation.");
    }
    if (found->is_not_provisioned) {
        return pc_status_new(PC_CODE_PERMISSION_DENIED, "UPSTREAM_NOT_PROVISIONED",
                             "The organisation is not provisioned for the upstream.");
    }
    return pc_status_new(PC_CODE_PERMISSION_DENIED, "UPSTREAM_FORBIDDEN",
                         "The upstream refused access.");
}

static pc_status unprocessable(const facts *found)
{
    if (found->is_too_many_identities) {
        return pc_status_new(PC_CODE_FAILED_PRECONDITION, "UPSTREAM_TOO_MANY_IDENTITIES",
                             "The profile has more linked identities than the upstream serves.");
    }
    return pc_status_new(PC_CODE_FAILED_PRECONDITION, "UPSTREAM_UNPROCESSABLE",
                         "The upstream cannot process the request (HTTP 422); is there a default "
                         "merge policy?");
}

static pc_status judge_error(pc_entity_kind kind, int http_status, const facts *found,
                             int64_t header_ms)
{
    int64_t advice_ms = found->retry_after_ms > header_ms ? found->retry_after_ms : header_ms;
    /* The gateway's own code says more than the HTTP status, which need not agree with it. */
    switch (found->error_code / 1000) {
    case 401:
        return unauthenticated();
    case 403:
        return forbidden(kind, found);
    case 429:
        return throttled(advice_ms);
    default:
        break;
    }
    switch (http_status) {
    case 400:
        return pc_status_new(PC_CODE_INVALID_ARGUMENT, "UPSTREAM_REJECTED_REQUEST",
                             "The upstream rejected the request as invalid.");
    case 401:
        return unauthenticated();
    case 403:
        return forbidden(kind, found);
    case 404:
        return found->is_json && found->error_code == 0 ? not_found(kind) : unexpected(404);
    case 413:
        return pc_status_new(PC_CODE_INVALID_ARGUMENT, "UPSTREAM_REQUEST_TOO_LARGE",
                             "The request is too large for the upstream.");
    case 422:
        return unprocessable(found);
    case 429:
        return throttled(advice_ms);
    default:
        break;
    }
    if (http_status == 408 || http_status == 425 || http_status / 100 == 5) {
        return with_advice(pc_status_new(PC_CODE_UNAVAILABLE, "UPSTREAM_UNAVAILABLE",
                                         "The upstream is unavailable (HTTP %d).", http_status),
                           advice_ms);
    }
    return unexpected(http_status);
}

/* An entry without anything in it: no attributes and neither a source nor a time. With either of
 * these the profile exists, and only the chosen fields are empty. */
static bool is_placeholder(const json_t *entry)
{
    const json_t *entity = json_object_get(entry, "entity");
    if (!json_is_object(entity) || json_object_size(entity) > 0) {
        return false;
    }
    const json_t *sources = json_object_get(entry, "sources");
    for (size_t i = 0; i < json_array_size(sources); i++) {
        const json_t *source = json_array_get(sources, i);
        if (!json_is_string(source) || json_string_length(source) > 0) {
            return false;
        }
    }
    const json_t *modified = json_object_get(entry, "lastModifiedAt");
    return modified == NULL || begins_with(modified, "1970-01-01T00:00:00");
}

static bool has_only_placeholders(json_t *root)
{
    if (!json_is_object(root)) {
        return false;
    }
    const char *key = NULL;
    json_t *entry = NULL;
    json_object_foreach(root, key, entry)
    {
        if (!is_placeholder(entry)) {
            return false;
        }
    }
    return true;
}

/* A 207 to a query for one: whatever error it holds is the error of the query. */
static pc_status judge_multi_status(pc_entity_kind kind, json_t *root, int64_t header_ms)
{
    json_t *error = NULL;
    if (json_is_array(root)) {
        error = error_object(root);
    } else if (json_is_object(root)) {
        void *first = json_object_iter(root);
        json_t *entry = first == NULL ? NULL : json_object_iter_value(first);
        if (json_is_object(json_object_get(root, "error"))) {
            error = error_object(root);
        } else if (json_is_object(json_object_get(entry, "error"))) {
            error = error_object(entry);
        }
    }
    if (error == NULL) {
        return json_is_array(root) ? not_found(kind) : PC_OK;
    }
    facts found = read_object(error);
    return judge_error(kind, found.status, &found, header_ms);
}

/* Of a success: "{}" and a lone placeholder are ways of saying "not found". */
static pc_status judge_success(pc_entity_kind kind, int http_status, const char *body, size_t size,
                               int64_t header_ms)
{
    while (size > 0 && is_blank(body[size - 1])) {
        size--;
    }
    while (size > 0 && is_blank(*body)) {
        body++;
        size--;
    }
    if (size == 0 && kind == PC_ENTITY_DELETE) {
        return PC_OK;
    }
    if (size == 0) {
        return pc_status_new(PC_CODE_INTERNAL, "UPSTREAM_BAD_ANSWER",
                             "The upstream's answer is empty (HTTP %d).", http_status);
    }
    if (*body != '{' && *body != '[') {
        return pc_status_new(PC_CODE_INTERNAL, "UPSTREAM_BAD_ANSWER",
                             "The upstream's answer is no JSON (HTTP %d); does a proxy answer in "
                             "its place?",
                             http_status);
    }
    bool is_of_one =
        kind == PC_ENTITY_PROFILE || kind == PC_ENTITY_RECORD || kind == PC_ENTITY_DELETE;
    if (!is_of_one || (http_status != 207 && size > PLACEHOLDER_BYTES_MAX)) {
        return PC_OK;
    }
    /* What cannot be read here is for the mapping to refuse, with a better message. */
    json_t *root;
    pc_status status = parse(&root, body, size);
    if (pc_status_ok(&status) && http_status == 207) {
        status = judge_multi_status(kind, root, header_ms);
    }
    if (pc_status_ok(&status) && kind != PC_ENTITY_DELETE && has_only_placeholders(root)) {
        status = not_found(kind);
    }
    json_decref(root);
    return status;
}

pc_status pc_error_body_judge(pc_entity_kind kind, int http_status, const void *body,
                              size_t body_size, int64_t retry_after_ms)
{
    if (http_status == 200 || http_status == 207 ||
        (http_status == 202 && kind == PC_ENTITY_DELETE)) {
        return judge_success(kind, http_status, body, body_size, retry_after_ms);
    }
    json_t *root;
    pc_status status = parse(&root, body, body_size);
    if (!pc_status_ok(&status)) {
        return status;
    }
    facts found = read_facts(root);
    json_decref(root);
    /* A 404 need not say more than its status. */
    found.is_json = found.is_json || body_size == 0;
    return judge_error(kind, http_status, &found, retry_after_ms);
}
