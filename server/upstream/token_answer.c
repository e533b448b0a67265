/* Reads {"access_token", "expires_in"} with suspicion: the token goes into a header. */
#include "upstream/token_answer.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "util/memory_watch.h"

enum {
    DAY_S = 86400,
    TOKEN_BYTES_MAX = 16 * 1024,
};

static const int64_t unknown_lifetime_ms = 5 * 60 * 1000;
static const int64_t ahead_ms = 5 * 60 * 1000;

int64_t pc_token_lifetime_ms(int64_t expires_in)
{
    if (expires_in <= 0) {
        return unknown_lifetime_ms;
    }
    int64_t ms = expires_in > 10 * (int64_t)DAY_S ? expires_in : expires_in * 1000;
    int64_t most_ms = 10 * (int64_t)DAY_S * 1000;
    return ms < 1000 ? 1000 : ms > most_ms ? most_ms : ms;
}

int64_t pc_token_refresh_after_ms(int64_t lifetime_ms)
{
    int64_t left_ms = lifetime_ms / 2 < ahead_ms ? lifetime_ms / 2 : ahead_ms;
    if (left_ms < lifetime_ms / 10) {
        left_ms = lifetime_ms / 10;
    }
    return lifetime_ms - left_ms;
}

int64_t pc_token_backoff_ms(unsigned failures)
{
    return failures > 3 ? 800 : (int64_t)100 << (failures - (failures > 0));
}

static int64_t expires_in_of(const json_t *value)
{
    if (json_is_string(value)) {
        return strtoll(json_string_value(value), NULL, 10);
    }
    if (json_is_real(value)) {
        double real = json_real_value(value);
        return real > 0 && real < 1e15 ? (int64_t)real : 0;
    }
    return json_integer_value(value);
}

static bool is_token(const char *text, size_t size)
{
    if (text == NULL || size == 0 || size > TOKEN_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (text[i] <= 0x20 || text[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

static pc_status read_token(pc_token_answer *out, const json_t *root)
{
    const json_t *token = json_object_get(root, "access_token");
    const char *text = json_string_value(token);
    if (!is_token(text, json_string_length(token))) {
        return pc_status_new(PC_CODE_UNAVAILABLE, "UPSTREAM_TOKEN_UNAVAILABLE",
                             "The token endpoint answered without a token.");
    }
    out->access_token = strdup(text);
    if (out->access_token == NULL) {
        return pc_status_out_of_memory();
    }
    out->lifetime_ms = pc_token_lifetime_ms(expires_in_of(json_object_get(root, "expires_in")));
    return PC_OK;
}

pc_status pc_token_answer_read(pc_token_answer *out, int http_status, const void *body,
                               size_t body_size, int64_t retry_after_ms)
{
    *out = (pc_token_answer){.access_token = NULL};
    if (http_status == 200) {
        pc_memory_watch_begin();
        json_t *root = json_loadb(body, body_size, 0, NULL);
        /* Half a token would be refused by the upstream for as long as the whole one is good. */
        pc_status status =
            pc_memory_was_lacking() ? pc_status_out_of_memory() : read_token(out, root);
        json_decref(root);
        return status;
    }
    if (http_status == 400 || http_status == 401 || http_status == 403) {
        return pc_status_new(PC_CODE_UNAUTHENTICATED, "UPSTREAM_TOKEN_REFUSED",
                             "The token endpoint refused this server's credentials (HTTP %d).",
                             http_status);
    }
    pc_status status =
        pc_status_new(PC_CODE_UNAVAILABLE, "UPSTREAM_TOKEN_UNAVAILABLE",
                      "The token endpoint answered with HTTP status %d.", http_status);
    return retry_after_ms > 0 ? pc_status_with_retry(status, retry_after_ms) : status;
}
