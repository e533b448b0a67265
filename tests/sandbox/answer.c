/* Answers, see answer.h. */
#include "answer.h"

#include "json.h"

#include <stdio.h>

void sbx_answer_empty(struct sbx_answer *answer, unsigned status)
{
    sbx_text_clear(&answer->body);
    answer->content_type = NULL;
    answer->status = status;
}

void sbx_answer_json(struct sbx_answer *answer, unsigned status, json_t *value)
{
    sbx_answer_empty(answer, status);
    answer->content_type = "application/json";
    sbx_json_print(&answer->body, value);
    json_decref(value);
}

void sbx_answer_text(struct sbx_answer *answer, unsigned status, const char *content_type,
                     const char *body)
{
    sbx_answer_empty(answer, status);
    answer->content_type = content_type;
    sbx_text_puts(&answer->body, body);
}

void sbx_answer_deinit(struct sbx_answer *answer)
{
    sbx_text_deinit(&answer->body);
}

static json_t *status_string(unsigned status)
{
    char text[8];
    snprintf(text, sizeof(text), "%u", status);
    return json_string(text);
}

json_t *sbx_entity_error(unsigned status, const char *message, const char *cause)
{
    json_t *value = json_object();
    if (message != NULL) {
        json_object_set_new(value, "message", json_string(message));
    }
    if (cause != NULL) {
        json_object_set_new(value, "cause", json_string(cause));
    }
    json_object_set_new(value, "statusCode", status_string(status));
    return value;
}

void sbx_answer_entity_error(struct sbx_answer *answer, unsigned status, const char *message,
                             const char *cause)
{
    sbx_answer_json(answer, status, sbx_entity_error(status, message, cause));
}

void sbx_answer_not_found(struct sbx_answer *answer)
{
    sbx_answer_entity_error(answer, 404, NULL, NULL);
}

void sbx_answer_throttled(struct sbx_answer *answer, int retry_after_ms)
{
    char wait[16];
    snprintf(wait, sizeof(wait), "%d", retry_after_ms);
    sbx_answer_json(answer, 429,
                    json_pack("[{s:s, s:s, s:s, s:s}]", "message", "Too many requests", "cause",
                              "{\"Errors\":[\"Request rate is large\"]}", "retryAfterMs", wait,
                              "statusCode", "429"));
}

void sbx_answer_identity_error(struct sbx_answer *answer, unsigned status, const char *title,
                               const char *detail)
{
    json_t *value = json_pack("{s:s, s:i}", "title", title, "status", (int)status);
    if (detail != NULL) {
        json_object_set_new(value, "detail", json_string(detail));
    }
    sbx_answer_json(answer, status, value);
}

void sbx_answer_graph_invalid(struct sbx_answer *answer, const char *message)
{
    char text[200];
    snprintf(text, sizeof(text), "Graph Request Invalid - %s", message);
    sbx_answer_json(answer, 400,
                    json_pack("{s:s, s:s}", "reason",
                              "Validation error Request id: sandbox-request.", "message", text));
}

void sbx_answer_gateway_error(struct sbx_answer *answer, unsigned status, const char *code,
                              const char *message)
{
    sbx_answer_json(answer, status,
                    json_pack("{s:s, s:s}", "error_code", code, "message", message));
}

void sbx_answer_errors_map(struct sbx_answer *answer, unsigned status, const char *type,
                           const char *message)
{
    char key[8];
    snprintf(key, sizeof(key), "%u", status);
    char uri[96];
    snprintf(uri, sizeof(uri), "https://ns.adobe.com/aep/errors/%s", type);
    sbx_answer_json(answer, status,
                    json_pack("{s:s, s:{s:[{s:s, s:s}]}, s:s, s:s, s:i}", "requestId",
                              "sandbox-request", "errors", key, "code", key, "message", message,
                              "type", uri, "title", message, "status", (int)status));
}
