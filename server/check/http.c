/* A transfer and a condition to wait on. */
#include "check/http.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "upstream/retry_after.h"
#include "util/clock.h"

enum { BODY_BYTES_MAX = 64 * 1024 * 1024 };

struct pc_check_http {
    pc_transfer *transfer;
    int64_t timeout_ms;
    pthread_mutex_t lock; /* guards: is_done, and `answer` until it is */
    pthread_cond_t done;
    bool is_done;
    pc_check_answer *answer;
    int64_t asked_ns;
};

static void read_clock(pc_check_answer *answer, const char *date)
{
    int64_t moment_ms = pc_http_date_ms(date);
    if (moment_ms > 0) {
        answer->has_skew = true;
        /* A date has whole seconds, of which half have passed on average. */
        answer->skew_ms = moment_ms + 500 - (pc_clock_wall_ms() - (int64_t)(answer->took_ms / 2));
    }
}

static void on_done(void *self, pc_status status, const pc_transfer_result *result)
{
    pc_check_http *http = self;
    pthread_mutex_lock(&http->lock);
    pc_check_answer *answer = http->answer;
    answer->status = status;
    answer->took_ms = (double)(pc_clock_now_ns() - http->asked_ns) / 1e6;
    if (result != NULL) {
        answer->http_status = result->http_status;
        answer->body = pc_slice_ref(result->body);
        read_clock(answer, result->date);
    }
    http->is_done = true;
    pthread_cond_signal(&http->done);
    pthread_mutex_unlock(&http->lock);
}

void pc_check_http_ask(pc_check_answer *out, pc_check_http *http, const char *url,
                       const pc_transfer_header *headers, size_t header_count, const char *body)
{
    *out = (pc_check_answer){.http_status = 0};
    http->answer = out;
    http->is_done = false;
    http->asked_ns = pc_clock_now_ns();
    const pc_transfer_request request = {
        .url = url,
        .headers = headers,
        .header_count = header_count,
        .body = body,
        .body_size = body == NULL ? 0 : strlen(body),
        .deadline_ns = pc_clock_after_ms(http->asked_ns, http->timeout_ms),
        .connect_timeout_ms = http->timeout_ms,
        .body_bytes_max = BODY_BYTES_MAX,
    };
    pc_status status = pc_transfer_start(http->transfer, &request, on_done, http, NULL);
    if (!pc_status_ok(&status)) {
        out->status = status;
        return;
    }
    pthread_mutex_lock(&http->lock);
    while (!http->is_done) {
        pthread_cond_wait(&http->done, &http->lock);
    }
    pthread_mutex_unlock(&http->lock);
}

void pc_check_answer_deinit(pc_check_answer *answer)
{
    pc_slice_unref(answer->body);
    pc_status_clear(&answer->status);
    answer->body = NULL;
}

pc_status pc_check_http_new(pc_check_http **out, const char *ca_file, int64_t timeout_ms)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL) {
        return pc_status_out_of_memory();
    }
    const pc_transfer_options options = {.ca_file = ca_file, .max_connections = 2};
    (*out)->timeout_ms = timeout_ms;
    pthread_mutex_init(&(*out)->lock, NULL);
    pthread_cond_init(&(*out)->done, NULL);
    pc_status status = pc_transfer_new(&(*out)->transfer, &options);
    if (!pc_status_ok(&status)) {
        pc_check_http_free(*out);
        *out = NULL;
    }
    return status;
}

void pc_check_http_free(pc_check_http *http)
{
    if (http != NULL) {
        pc_transfer_free(http->transfer);
        pthread_cond_destroy(&http->done);
        pthread_mutex_destroy(&http->lock);
        free(http);
    }
}
