/* An Entity API client before a fake server, and what its tests say over and over. */
#ifndef ENTITY_FIXTURE_H
#define ENTITY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector.h"
#include "fake_http.h"
#include "upstream/entity.h"
#include "util/clock.h"

#define TOKEN_PATH "/ims/token/v3"
#define ENTITIES_PATH "/data/core/ups/access/entities"
#define BULK_PATH "/data/core/ups/audiences/bulk-get"
#define PROFILE_BODY "{\"X1\":{\"entityId\":\"X1\",\"entity\":{\"a\":1}}}"

/* The answer to a token that is not good any more. */
static const char refused[] =
    "{\"error_code\":\"401013\",\"message\":\"Oauth token is not valid\"}";

typedef struct {
    fake_http *server;
    pc_entity_client *client;
    collector seen;
    char base[128];
} fixture;

static inline void fill(collected *item, const void *result)
{
    const pc_entity_result *answer = result;
    item->http_status = answer->http_status;
    item->attempts = answer->attempts;
    (void)snprintf(item->request_id, sizeof item->request_id, "%s", answer->reply_id);
    if (answer->body != NULL) {
        collector_copy_body(item, pc_slice_bytes(answer->body), pc_slice_size(answer->body));
    }
    assert_true(answer->started_ns <= answer->ended_ns);
}

static inline void on_done(void *self, pc_status status, const pc_entity_result *result)
{
    assert_true(pc_status_ok(&status) == (result->body != NULL));
    collector_record(self, status, fill, result);
}

static inline fake_answer token_answer(void)
{
    return fake_text(200, "{\"access_token\":\"t1\",\"expires_in\":86399}");
}

static inline pc_entity_options options_of(const fixture *own)
{
    pc_entity_options options = PC_ENTITY_OPTIONS_DEFAULT;
    options.base_url = own->base;
    options.ims_url = own->base;
    options.client_id = "client-1";
    options.client_secret = "secret";
    options.scopes = "openid";
    options.org_id = "ORG@AdobeOrg";
    return options;
}

static inline void begin_with(fixture *own, size_t count, void (*change)(pc_entity_options *))
{
    own->server = fake_http_new(0);
    fake_http_url(own->server, "", own->base, sizeof own->base);
    fake_http_set(own->server, TOKEN_PATH, token_answer());
    fake_http_set(own->server, ENTITIES_PATH, fake_text(200, PROFILE_BODY));
    collector_init(&own->seen, count);
    pc_entity_options options = options_of(own);
    if (change != NULL) {
        change(&options);
    }
    pc_status status = pc_entity_client_new(&own->client, &options);
    assert_true(pc_status_ok(&status));
}

static inline void begin(fixture *own, size_t count)
{
    begin_with(own, count, NULL);
}

static inline void finish(fixture *own)
{
    pc_entity_client_free(own->client);
    fake_http_free(own->server);
    collector_deinit(&own->seen);
}

static inline pc_entity_query profile(const char *id)
{
    return (pc_entity_query){.kind = PC_ENTITY_PROFILE,
                             .namespace_code = "Email",
                             .namespace_size = 5,
                             .id = id,
                             .id_size = strlen(id),
                             .deadline_ns = PC_NEVER_NS};
}

static inline pc_entity_op *start(fixture *own, size_t index, const pc_entity_query *query)
{
    pc_entity_op *op = NULL;
    pc_status status = pc_entity_fetch(own->client, query, on_done, &own->seen.items[index], &op);
    if (!pc_status_ok(&status)) {
        fail_msg("refused: %s", pc_status_message(&status));
    }
    return op;
}

static const collected *run(fixture *own, size_t index, const pc_entity_query *query)
{
    int before = collector_calls(&own->seen);
    pc_entity_op_unref(start(own, index, query));
    collector_wait(&own->seen, before + 1);
    return &own->seen.items[index];
}

static inline void assert_ended(const collected *item, pc_code code, const char *reason)
{
    if (item->calls != 1 || item->status.code != code ||
        strcmp(pc_status_reason(&item->status), reason) != 0) {
        fail_msg("%d calls, %s %s", item->calls, pc_code_name(item->status.code),
                 pc_status_reason(&item->status));
    }
}

static inline void assert_sent_line(fixture *own, const char *path, int index, const char *line)
{
    const char *sent = fake_http_request(own->server, path, index);
    size_t size = strlen(line);
    if (strncmp(sent, line, size) != 0 || strncmp(sent + size, " HTTP/1.1\r\n", 11) != 0) {
        fail_msg("sent: %.400s", sent);
    }
}

static inline void assert_sent_header(fixture *own, const char *path, int index, const char *header)
{
    char line[512];
    (void)snprintf(line, sizeof line, "\r\n%s\r\n", header);
    if (strstr(fake_http_request(own->server, path, index), line) == NULL) {
        fail_msg("no header %s", header);
    }
}

static inline pc_budget_figures figures(const fixture *own)
{
    pc_budget_figures out;
    pc_entity_budget(own->client, &out);
    return out;
}

#endif
