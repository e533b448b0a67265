/* A transfer that somebody waits for. */
#include "jwks_fetch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "identity/jwks.h"
#include "upstream/transfer.h"
#include "upstream/url.h"
#include "util/clock.h"

enum { FETCH_MS = 10000, CONNECT_MS = 3000 };

struct pc_jwks_fetch {
    char *url;
    pc_transfer *transfer;

    pthread_mutex_t lock; /* guards: all below */
    pthread_cond_t changed;
    bool stopped;
    bool done;
    pc_transfer_op *op;
    pc_status status;
    pc_slice *body;
};

static void on_answer(void *self, pc_status status, const pc_transfer_result *result)
{
    pc_jwks_fetch *fetch = self;
    pthread_mutex_lock(&fetch->lock);
    if (pc_status_ok(&status) && result->http_status == 200) {
        fetch->body = pc_slice_ref(result->body);
    } else if (pc_status_ok(&status)) {
        status =
            pc_status_new(PC_CODE_UNAVAILABLE, "JWKS_REFUSED",
                          "the key set's URL answered with HTTP status %d", result->http_status);
    }
    fetch->status = status;
    fetch->done = true;
    pthread_cond_signal(&fetch->changed);
    pthread_mutex_unlock(&fetch->lock);
}

static pc_status begin(pc_jwks_fetch *fetch)
{
    if (fetch->stopped) {
        return pc_status_new(PC_CODE_CANCELLED, "CANCELLED", "the server stops");
    }
    const pc_transfer_header headers[] = {{"Accept", "application/json"}};
    const pc_transfer_request request = {
        .url = fetch->url,
        .headers = headers,
        .header_count = PC_COUNT_OF(headers),
        .deadline_ns = pc_clock_after_ms(pc_clock_now_ns(), FETCH_MS),
        .connect_timeout_ms = CONNECT_MS,
        .body_bytes_max = PC_JWKS_BYTES_MAX,
    };
    fetch->done = false;
    return pc_transfer_start(fetch->transfer, &request, on_answer, fetch, &fetch->op);
}

pc_status pc_jwks_fetch_get(pc_jwks_fetch *fetch, pc_slice **out)
{
    *out = NULL;
    pthread_mutex_lock(&fetch->lock);
    pc_status status = begin(fetch);
    if (pc_status_ok(&status)) {
        while (!fetch->done) {
            pthread_cond_wait(&fetch->changed, &fetch->lock);
        }
        status = fetch->status;
        *out = fetch->body;
        fetch->status = PC_OK;
        fetch->body = NULL;
        pc_transfer_op_unref(fetch->op);
        fetch->op = NULL;
    }
    pthread_mutex_unlock(&fetch->lock);
    return status;
}

void pc_jwks_fetch_stop(pc_jwks_fetch *fetch)
{
    if (fetch == NULL) {
        return;
    }
    pthread_mutex_lock(&fetch->lock);
    fetch->stopped = true;
    pc_transfer_cancel(fetch->op);
    pthread_mutex_unlock(&fetch->lock);
}

pc_status pc_jwks_fetch_new(pc_jwks_fetch **out, const char *url, const char *ca_file)
{
    *out = NULL;
    if (pc_url_base_check(url) != PC_URL_BASE_OK) {
        return pc_status_new(PC_CODE_FAILED_PRECONDITION, "JWKS_URL_INVALID",
                             "identity.jwks_url: must be https://host[:port]/path; http:// is for "
                             "loopback hosts");
    }
    pc_jwks_fetch *fetch = calloc(1, sizeof *fetch);
    if (fetch == NULL) {
        return pc_status_out_of_memory();
    }
    pthread_mutex_init(&fetch->lock, NULL);
    pthread_cond_init(&fetch->changed, NULL);
    fetch->url = strdup(url);
    const pc_transfer_options options = {.ca_file = ca_file, .max_connections = 1};
    pc_status status = fetch->url == NULL ? pc_status_out_of_memory()
                                          : pc_transfer_new(&fetch->transfer, &options);
    if (!pc_status_ok(&status)) {
        pc_jwks_fetch_free(fetch);
        return status;
    }
    *out = fetch;
    return PC_OK;
}

void pc_jwks_fetch_free(pc_jwks_fetch *fetch)
{
    if (fetch == NULL) {
        return;
    }
    pc_transfer_free(fetch->transfer);
    pthread_cond_destroy(&fetch->changed);
    pthread_mutex_destroy(&fetch->lock);
    free(fetch->url);
    free(fetch);
}
