/* Calls the handlers of the sandbox as its router would, without HTTP. Include after cmocka.h. */
#ifndef SBX_TESTS_CALLS_H
#define SBX_TESTS_CALLS_H

#include "json.h"
#include "load.h"
#include "service.h"

#include <stdlib.h>
#include <string.h>

/* Zero-initialise; every call replaces status and body. */
struct calls {
    struct sbx_service service;
    unsigned status;
    json_t *body; /* owned */
};

/* Lines of records, see README.md. */
static inline void calls_open(struct calls *calls, const char *records)
{
    struct sbx_error error;
    size_t count;
    assert_true(sbx_store_open(&calls->service.store, NULL, &error));
    if (!sbx_load_text(calls->service.store, "test", records, strlen(records), &count, &error)) {
        fail_msg("%s", error.text);
    }
    calls->service.faults = sbx_faults_new(1);
    calls->service.batch_max = 1000;
}

static inline void calls_close(struct calls *calls)
{
    json_decref(calls->body);
    sbx_faults_free(calls->service.faults);
    sbx_store_free(calls->service.store);
}

/* One shape as on the command line, without "shapes."; "" has none. */
static inline void calls_shape(struct calls *calls, const char *text)
{
    struct sbx_error error;
    struct sbx_text whole = {0};
    json_t *calm = json_object();
    assert_true(sbx_faults_set(calls->service.faults, calm, false, &error));
    json_decref(calm);
    if (text[0] != '\0') {
        sbx_text_printf(&whole, "shapes.%s", text);
        if (!sbx_faults_set_text(calls->service.faults, whole.data, &error)) {
            fail_msg("%s", error.text);
        }
        sbx_text_deinit(&whole);
    }
}

/* A GET of the target, or with a body a POST. The body is JSON with ' for ". */
static inline void calls_send(struct calls *calls, sbx_handler *handler, const char *target,
                              const char *body)
{
    struct sbx_request request;
    struct sbx_answer answer = {0};
    struct sbx_error error;
    sbx_request_init(&request, body != NULL ? "POST" : "GET", target);
    if (body != NULL) {
        char *text = sbx_copy(body);
        for (char *at = text; *at != '\0'; at++) {
            *at = *at == '\'' ? '"' : *at;
        }
        request.json = sbx_json_parse(text, strlen(text), &error);
        assert_non_null(request.json);
        free(text);
    }
    handler(&calls->service, &request, &answer);
    json_decref(calls->body);
    calls->status = answer.status;
    calls->body = sbx_json_parse(answer.body.data, answer.body.length, &error);
    assert_non_null(calls->body);
    sbx_answer_deinit(&answer);
    sbx_request_deinit(&request);
}

/* The whole answer, with ' for ". */
static inline void calls_expect(const struct calls *calls, unsigned status, const char *body)
{
    struct sbx_text text = {0};
    sbx_json_print(&text, calls->body);
    for (size_t i = 0; i < text.length; i++) {
        text.data[i] = (char)(text.data[i] == '"' ? '\'' : text.data[i]);
    }
    assert_string_equal(text.data, body);
    assert_int_equal(calls->status, status);
    sbx_text_deinit(&text);
}

#endif
