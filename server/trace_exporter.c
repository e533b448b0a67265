/* Steps, all on the transfer's loop:
 *   on_due       each second, or
 *   on_asked     when there is a batch, or at the end
 *   send_next    one batch at a time
 *   on_answer    it is counted; is there another one? */
#include "trace_exporter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "upstream/transfer.h"
#include "upstream/url.h"
#include "util/clock.h"

enum {
    EVERY_MS = 1000,
    TIMEOUT_MS = 5000,
    END_TIMEOUT_MS = 1000,
    URL_BYTES_MAX = 4096,
    BODY_BYTES_MAX = 4 * 1024 * 1024,
    ANSWER_BYTES_MAX = 64 * 1024
};

struct pc_trace_exporter {
    pc_tracing *tracing;
    pc_transfer *transfer;
    char *url;
    pc_job asked;
    atomic_bool is_asked; /* the job is posted */
    /* The loop's thread only: */
    pc_loop_timer timer;
    size_t under_way; /* spans */
    /* For the end: */
    pthread_mutex_t lock; /* guards: is_ending, has_ended */
    pthread_cond_t ended;
    bool is_ending;
    bool has_ended; /* nothing waits and nothing is under way */
};

static void send_next(pc_trace_exporter *exporter);

static void tell_ended(pc_trace_exporter *exporter)
{
    pthread_mutex_lock(&exporter->lock);
    exporter->has_ended = exporter->is_ending;
    pthread_cond_signal(&exporter->ended);
    pthread_mutex_unlock(&exporter->lock);
}

static void on_answer(void *self, pc_status status, const pc_transfer_result *result)
{
    pc_trace_exporter *exporter = self;
    bool is_taken =
        pc_status_ok(&status) && result->http_status >= 200 && result->http_status <= 299;
    bool is_over = status.code == PC_CODE_CANCELLED;
    pc_status_clear(&status);
    pc_tracing_note(exporter->tracing, exporter->under_way, is_taken);
    exporter->under_way = 0;
    if (!is_over) {
        send_next(exporter);
    }
}

static void send_next(pc_trace_exporter *exporter)
{
    if (exporter->under_way > 0) {
        return;
    }
    pc_buffer body;
    pc_buffer_init(&body, BODY_BYTES_MAX);
    size_t spans = pc_tracing_write(exporter->tracing, &body);
    if (spans == 0) {
        pc_buffer_deinit(&body);
        tell_ended(exporter);
        return;
    }
    const pc_transfer_header headers[] = {{"Content-Type", "application/json"}};
    const pc_transfer_request request = {
        .url = exporter->url,
        .headers = headers,
        .header_count = PC_COUNT_OF(headers),
        .body = body.bytes,
        .body_size = body.size,
        .deadline_ns = pc_clock_after_ms(pc_clock_now_ns(), TIMEOUT_MS),
        .connect_timeout_ms = TIMEOUT_MS,
        .body_bytes_max = ANSWER_BYTES_MAX,
    };
    pc_status status =
        body.failed ? pc_status_out_of_memory()
                    : pc_transfer_start(exporter->transfer, &request, on_answer, exporter, NULL);
    pc_buffer_deinit(&body);
    if (pc_status_ok(&status)) {
        exporter->under_way = spans;
    } else {
        pc_status_clear(&status);
        pc_tracing_note(exporter->tracing, spans, false);
    }
}

static void set_timer(pc_trace_exporter *exporter);

static void on_due(pc_loop_timer *timer)
{
    pc_trace_exporter *exporter = PC_CONTAINER_OF(timer, pc_trace_exporter, timer);
    send_next(exporter);
    set_timer(exporter);
}

static void set_timer(pc_trace_exporter *exporter)
{
    exporter->timer.fire = on_due;
    pc_loop_timer_set(pc_transfer_loop(exporter->transfer), &exporter->timer,
                      pc_clock_after_ms(pc_clock_now_ns(), EVERY_MS));
}

static void on_asked(pc_job *job)
{
    pc_trace_exporter *exporter = PC_CONTAINER_OF(job, pc_trace_exporter, asked);
    atomic_store(&exporter->is_asked, false);
    if (!exporter->timer.is_set) {
        set_timer(exporter);
    }
    send_next(exporter);
}

/* The job can be posted once at a time. */
static void ask(void *self)
{
    pc_trace_exporter *exporter = self;
    if (!atomic_exchange(&exporter->is_asked, true)) {
        (void)pc_loop_post(pc_transfer_loop(exporter->transfer), &exporter->asked);
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

static pc_status make_url(pc_trace_exporter *exporter, const char *endpoint)
{
    pc_buffer url;
    pc_buffer_init(&url, URL_BYTES_MAX);
    (void)pc_url_begin(&url, endpoint, "v1/traces");
    exporter->url = pc_buffer_take_text(&url);
    pc_buffer_deinit(&url);
    return exporter->url == NULL ? pc_status_out_of_memory() : PC_OK;
}

pc_status pc_trace_exporter_new(pc_trace_exporter **out, const pc_config *config)
{
    *out = NULL;
    if (config->tracing.endpoint[0] == '\0') {
        return PC_OK;
    }
    if (pc_url_base_check(config->tracing.endpoint) == PC_URL_BASE_MALFORMED) {
        return pc_status_new(PC_CODE_INVALID_ARGUMENT, "TRACING_ENDPOINT_INVALID",
                             "tracing.endpoint must be http://host:port or https://host:port");
    }
    pc_trace_exporter *exporter = calloc(1, sizeof *exporter);
    if (exporter == NULL) {
        return pc_status_out_of_memory();
    }
    pthread_mutex_init(&exporter->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&exporter->ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    exporter->asked.run = on_asked;
    const pc_tracing_options options = {
        .share = (double)config->tracing.sample_percent / 100,
        .service = config->tracing.service_name,
        .ready = ask,
        .self = exporter,
    };
    const pc_transfer_options transfer_options = {
        .ca_file = config->tracing.ca_file[0] == '\0' ? NULL : config->tracing.ca_file,
        .max_connections = 1,
    };
    pc_status status = make_url(exporter, config->tracing.endpoint);
    if (pc_status_ok(&status)) {
        status = pc_tracing_new(&exporter->tracing, &options);
    }
    if (pc_status_ok(&status)) {
        status = pc_transfer_new(&exporter->transfer, &transfer_options);
    }
    if (!pc_status_ok(&status)) {
        pc_trace_exporter_free(exporter);
        return status;
    }
    ask(exporter);
    *out = exporter;
    return PC_OK;
}

pc_tracing *pc_trace_exporter_tracing(pc_trace_exporter *exporter)
{
    return exporter == NULL ? NULL : exporter->tracing;
}

static void send_rest(pc_trace_exporter *exporter)
{
    int64_t until_ns = pc_clock_after_ms(pc_clock_now_ns(), END_TIMEOUT_MS);
    const struct timespec until = {.tv_sec = until_ns / 1000000000,
                                   .tv_nsec = until_ns % 1000000000};
    pthread_mutex_lock(&exporter->lock);
    exporter->is_ending = true;
    pthread_mutex_unlock(&exporter->lock);
    ask(exporter);
    pthread_mutex_lock(&exporter->lock);
    while (!exporter->has_ended &&
           pthread_cond_timedwait(&exporter->ended, &exporter->lock, &until) == 0) {
    }
    pthread_mutex_unlock(&exporter->lock);
}

void pc_trace_exporter_free(pc_trace_exporter *exporter)
{
    if (exporter == NULL) {
        return;
    }
    if (exporter->transfer != NULL) {
        send_rest(exporter);
    }
    pc_transfer_free(exporter->transfer);
    pc_tracing_free(exporter->tracing);
    free(exporter->url);
    pthread_cond_destroy(&exporter->ended);
    pthread_mutex_destroy(&exporter->lock);
    free(exporter);
}
