/* Steps of a refresh, all on the loop's thread:
 *   pc_token_get        somebody needs a token and there is none, or
 *   on_refresh_due      the present one is ageing
 *   begin_refresh       one POST to IMS, unless one is under way
 *   on_answer           its answer
 *   accept or remember  the token, or the failure
 *   release_waiters     everyone who waited hears of it */
#include "upstream/token.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "upstream/token_answer.h"
#include "upstream/url.h"
#include "util/buffer.h"
#include "util/clock.h"

enum {
    ANSWER_BYTES_MAX = 64 * 1024,
    FORM_BYTES_MAX = 64 * 1024,
    TOKEN_USE_MIN_MS = 1000,
    FORCED_GAP_MS = 1000, /* between two refreshes that a 401 caused */
};

struct pc_token {
    pc_transfer *transfer;
    char *url;
    char *client_id;
    char *scopes;
    bool is_static;
    int64_t connect_timeout_ms;
    int64_t timeout_ms;

    pthread_mutex_t lock; /* guards: secret */
    char *secret;
    atomic_bool secret_changed;

    atomic_uint_fast64_t requests;
    atomic_uint_fast64_t failures;
    atomic_int_fast64_t since_ns; /* when the present token was asked for; 0: there is none */
    atomic_int_fast64_t until_ns; /* when it expires */

    /* The loop's thread only: */
    char *authorization; /* NULL: no usable token */
    uint64_t generation;
    int64_t expires_at_ns;
    bool is_refreshing;
    int64_t asked_at_ns;
    pc_loop_timer refresh;
    pc_token_waiter *first_waiter;
    pc_token_waiter *last_waiter;
    uint64_t next_ticket;
    pc_status failure; /* of the last request; OK after a success */
    unsigned failures_in_row;
    int64_t retry_at_ns; /* with a failure: not before */
    pc_breaker breaker;  /* tells of the failures; some parts for any thread */
    void (*on_breaker)(void *self, const pc_breaker *breaker, pc_breaker_state from,
                       pc_breaker_state to);
    void *self;
    bool was_forced; /* forced_at_ns is valid */
    int64_t forced_at_ns;
};

static void wipe(char *text)
{
    if (text != NULL) {
        OPENSSL_cleanse(text, strlen(text));
        free(text);
    }
}

/* --- waiting --- */

void pc_token_leave(pc_token_waiter *waiter)
{
    if (!waiter->is_waiting) {
        return;
    }
    pc_token *token = waiter->token;
    waiter->is_waiting = false;
    pc_loop_timer_cancel(pc_transfer_loop(token->transfer), &waiter->deadline);
    *(waiter->previous == NULL ? &token->first_waiter : &waiter->previous->next) = waiter->next;
    *(waiter->next == NULL ? &token->last_waiter : &waiter->next->previous) = waiter->previous;
    waiter->next = NULL;
    waiter->previous = NULL;
}

static void on_waiter_late(pc_loop_timer *timer)
{
    pc_token_waiter *waiter = PC_CONTAINER_OF(timer, pc_token_waiter, deadline);
    pc_token_leave(waiter);
    waiter->ready(waiter, pc_status_new(PC_CODE_DEADLINE_EXCEEDED, "UPSTREAM_TIMEOUT",
                                        "No access token for the upstream in time."));
}

static void join_waiters(pc_token *token, pc_token_waiter *waiter, int64_t deadline_ns)
{
    waiter->token = token;
    waiter->is_waiting = true;
    waiter->ticket = token->next_ticket++;
    waiter->next = NULL;
    waiter->previous = token->last_waiter;
    *(token->last_waiter == NULL ? &token->first_waiter : &token->last_waiter->next) = waiter;
    token->last_waiter = waiter;
    waiter->deadline.fire = on_waiter_late;
    pc_loop_timer_set(pc_transfer_loop(token->transfer), &waiter->deadline, deadline_ns);
}

/* Takes `status`. The queue is emptied one by one, as a waiter may make another one leave; whoever
 * joins meanwhile waits for the next answer. */
static void release_waiters(pc_token *token, pc_status status)
{
    uint64_t end = token->next_ticket;
    while (token->first_waiter != NULL && token->first_waiter->ticket < end) {
        pc_token_waiter *waiter = token->first_waiter;
        pc_token_leave(waiter);
        waiter->ready(waiter, pc_status_copy(&status));
    }
    pc_status_clear(&status);
}

/* --- refreshing --- */

static pc_status begin_refresh(pc_token *token);

static bool is_usable(const pc_token *token, int64_t now_ns)
{
    return token->authorization != NULL && now_ns < token->expires_at_ns;
}

/* A failure is left out: the timer of the next try has been set, or the next asker tries again. */
static void on_refresh_due(pc_loop_timer *timer)
{
    pc_token *token = PC_CONTAINER_OF(timer, pc_token, refresh);
    if (!token->is_refreshing) {
        pc_status ignored = begin_refresh(token);
        pc_status_clear(&ignored);
    }
}

static void set_refresh_timer(pc_token *token, int64_t at_ns)
{
    pc_loop *loop = pc_transfer_loop(token->transfer);
    pc_loop_timer_cancel(loop, &token->refresh);
    token->refresh.fire = on_refresh_due;
    pc_loop_timer_set(loop, &token->refresh, at_ns);
}

/* Takes `failure`. A token that is still good goes on serving, and the next try comes by itself;
 * without one the next asker makes it. */
static void remember(pc_token *token, pc_status failure)
{
    int64_t now_ns = pc_clock_now_ns();
    token->failures_in_row++;
    atomic_fetch_add(&token->failures, 1);
    int64_t wait_ms = pc_token_backoff_ms(token->failures_in_row);
    if (pc_status_retry_after_ms(&failure) > wait_ms) {
        wait_ms = pc_status_retry_after_ms(&failure);
    }
    token->retry_at_ns = pc_clock_after_ms(now_ns, wait_ms);
    pc_breaker_move(&token->breaker, PC_BREAKER_OPEN, token->retry_at_ns);
    pc_status_clear(&token->failure);
    /* Refused credentials do not get better by waiting, so there is no advice to wait. */
    token->failure =
        failure.code == PC_CODE_UNAVAILABLE ? pc_status_with_retry(failure, wait_ms) : failure;
    if (is_usable(token, now_ns)) {
        set_refresh_timer(token, token->retry_at_ns);
    }
}

static pc_status accept(pc_token *token, pc_token_answer *answer)
{
    size_t size = strlen("Bearer ") + strlen(answer->access_token) + 1;
    char *authorization = malloc(size);
    if (authorization == NULL) {
        return pc_status_out_of_memory();
    }
    (void)snprintf(authorization, size, "Bearer %s", answer->access_token);
    wipe(token->authorization);
    token->authorization = authorization;
    token->generation++;
    /* Counted from the question, as the answer may have been long on its way; but a token is good
     * for a second at least, or a slow endpoint could keep us without one for ever. */
    token->expires_at_ns = pc_clock_after_ms(token->asked_at_ns, answer->lifetime_ms);
    int64_t least_ns = pc_clock_after_ms(pc_clock_now_ns(), TOKEN_USE_MIN_MS);
    if (token->expires_at_ns < least_ns) {
        token->expires_at_ns = least_ns;
    }
    atomic_store(&token->until_ns, token->expires_at_ns);
    atomic_store(&token->since_ns, token->asked_at_ns);
    token->failures_in_row = 0;
    pc_status_clear(&token->failure);
    pc_breaker_move(&token->breaker, PC_BREAKER_CLOSED, 0);
    set_refresh_timer(token, pc_clock_after_ms(token->asked_at_ns,
                                               pc_token_refresh_after_ms(answer->lifetime_ms)));
    return PC_OK;
}

/* Our callers care that there is no token, not how the endpoint failed; that becomes the cause.
 * Only our own lack of memory is not the endpoint's. Takes `cause`. */
static pc_status unavailable(pc_status cause)
{
    if (strcmp(pc_status_reason(&cause), "OUT_OF_MEMORY") == 0) {
        return cause;
    }
    return pc_status_with_cause(pc_status_new(PC_CODE_UNAVAILABLE, "UPSTREAM_TOKEN_UNAVAILABLE",
                                              "The token endpoint cannot be used."),
                                cause);
}

static void on_answer(void *self, pc_status status, const pc_transfer_result *result)
{
    pc_token *token = self;
    token->is_refreshing = false;
    if (status.code == PC_CODE_CANCELLED) {
        /* Only pc_transfer_free cancels; there will be no next try. */
        release_waiters(token, status);
        return;
    }
    if (pc_status_ok(&status)) {
        pc_token_answer answer;
        status = pc_token_answer_read(&answer, result->http_status, pc_slice_bytes(result->body),
                                      pc_slice_size(result->body), result->retry_after_ms);
        if (pc_status_ok(&status)) {
            status = accept(token, &answer);
        }
        wipe(answer.access_token);
    } else {
        status = unavailable(status);
    }
    if (!pc_status_ok(&status)) {
        remember(token, status);
        status = pc_status_copy(&token->failure);
    }
    release_waiters(token, status);
}

/* The form, with the secret in it. Owned: wipe. NULL on lack of memory. */
static char *write_form(pc_token *token)
{
    pc_buffer form;
    pc_buffer_init(&form, FORM_BYTES_MAX);
    /* Reserved whole, so that growing leaves no copy of the secret behind in freed memory. */
    (void)pc_buffer_reserve(&form, FORM_BYTES_MAX - 1);
    pc_url body = pc_url_begin_form(&form);
    pc_url_add_text(&body, "grant_type", "client_credentials");
    pc_url_add_text(&body, "client_id", token->client_id);
    pthread_mutex_lock(&token->lock);
    pc_url_add_text(&body, "client_secret", token->secret);
    pthread_mutex_unlock(&token->lock);
    pc_url_add_text(&body, "scope", token->scopes);
    char *text = pc_buffer_take_text(&form);
    pc_buffer_deinit(&form);
    return text;
}

static pc_status begin_refresh(pc_token *token)
{
    pc_loop_timer_cancel(pc_transfer_loop(token->transfer), &token->refresh);
    char *form = write_form(token);
    if (form == NULL) {
        return pc_status_out_of_memory();
    }
    token->asked_at_ns = pc_clock_now_ns();
    const pc_transfer_header headers[] = {
        {"Content-Type", "application/x-www-form-urlencoded"},
        {"Accept", "application/json"},
    };
    const pc_transfer_request request = {
        .url = token->url,
        .headers = headers,
        .header_count = PC_COUNT_OF(headers),
        .body = form,
        .body_size = strlen(form),
        .deadline_ns = pc_clock_after_ms(token->asked_at_ns, token->timeout_ms),
        .connect_timeout_ms = token->connect_timeout_ms,
        .body_bytes_max = ANSWER_BYTES_MAX,
    };
    pc_status status = pc_transfer_start(token->transfer, &request, on_answer, token, NULL);
    wipe(form);
    if (pc_status_ok(&status)) {
        token->is_refreshing = true;
        if (pc_breaker_state_of(&token->breaker) == PC_BREAKER_OPEN) {
            pc_breaker_move(&token->breaker, PC_BREAKER_HALF_OPEN, 0);
        }
        atomic_fetch_add(&token->requests, 1);
    }
    return status;
}

/* --- asking --- */

pc_status pc_token_get(pc_token *token, pc_token_waiter *waiter, int64_t deadline_ns,
                       pc_token_present *out)
{
    *out = (pc_token_present){.authorization = NULL};
    int64_t now_ns = pc_clock_now_ns();
    if (is_usable(token, now_ns)) {
        out->authorization = token->authorization;
        out->generation = token->generation;
        return PC_OK;
    }
    if (!token->is_refreshing) {
        if (atomic_exchange(&token->secret_changed, false)) {
            pc_status_clear(&token->failure);
            token->failures_in_row = 0;
        }
        if (!pc_status_ok(&token->failure) && now_ns < token->retry_at_ns) {
            int64_t ignored_ms;
            (void)pc_breaker_refuses(&token->breaker, now_ns, &ignored_ms);
            return pc_status_copy(&token->failure);
        }
        pc_status status = begin_refresh(token);
        if (!pc_status_ok(&status)) {
            return status;
        }
    }
    join_waiters(token, waiter, deadline_ns);
    return PC_OK;
}

bool pc_token_invalidate(pc_token *token, uint64_t generation)
{
    if (token->is_static) {
        return false;
    }
    if (generation != token->generation || token->authorization == NULL) {
        return true;
    }
    int64_t now_ns = pc_clock_now_ns();
    if (token->was_forced && now_ns < pc_clock_after_ms(token->forced_at_ns, FORCED_GAP_MS)) {
        return false;
    }
    token->was_forced = true;
    token->forced_at_ns = now_ns;
    wipe(token->authorization);
    token->authorization = NULL;
    atomic_store(&token->since_ns, 0);
    return true;
}

pc_status pc_token_set_secret(pc_token *token, const char *client_secret)
{
    char *copy = strdup(client_secret);
    if (copy == NULL) {
        return pc_status_out_of_memory();
    }
    pthread_mutex_lock(&token->lock);
    char *old = token->secret;
    token->secret = copy;
    pthread_mutex_unlock(&token->lock);
    atomic_store(&token->secret_changed, true);
    wipe(old);
    return PC_OK;
}

void pc_token_counters(const pc_token *token, uint64_t *requests_out, uint64_t *failures_out)
{
    *requests_out = atomic_load(&token->requests);
    *failures_out = atomic_load(&token->failures);
}

void pc_token_breaker(const pc_token *token, pc_breaker_figures *out)
{
    pc_breaker_read(&token->breaker, out);
}

int64_t pc_token_age_ms(const pc_token *token, int64_t *left_out)
{
    int64_t since_ns = atomic_load(&token->since_ns);
    int64_t until_ns = atomic_load(&token->until_ns);
    int64_t now_ns = pc_clock_now_ns();
    *left_out = -1;
    if (since_ns == 0 || until_ns <= now_ns) {
        return -1;
    }
    if (until_ns != PC_NEVER_NS) {
        *left_out = (until_ns - now_ns) / 1000000;
    }
    return (now_ns - since_ns) / 1000000;
}

/* --- life --- */

static void on_breaker_changed(pc_breaker *breaker, pc_breaker_state from, pc_breaker_state to)
{
    pc_token *token = PC_CONTAINER_OF(breaker, pc_token, breaker);
    if (token->on_breaker != NULL) {
        token->on_breaker(token->self, breaker, from, to);
    }
}

static char *copy_text(const char *text)
{
    return strdup(text == NULL ? "" : text);
}

static bool copy_static_token(pc_token *token, const char *text)
{
    size_t size = strlen("Bearer ") + strlen(text) + 1;
    token->authorization = malloc(size);
    if (token->authorization == NULL) {
        return false;
    }
    (void)snprintf(token->authorization, size, "Bearer %s", text);
    token->is_static = true;
    token->expires_at_ns = PC_NEVER_NS;
    atomic_store(&token->until_ns, PC_NEVER_NS);
    atomic_store(&token->since_ns, pc_clock_now_ns());
    return true;
}

pc_status pc_token_new(pc_token **out, const pc_token_options *options)
{
    *out = NULL;
    pc_token *token = calloc(1, sizeof *token);
    if (token == NULL) {
        return pc_status_out_of_memory();
    }
    pthread_mutex_init(&token->lock, NULL);
    atomic_init(&token->secret_changed, false);
    atomic_init(&token->requests, 0);
    atomic_init(&token->failures, 0);
    /* The state is moved from here; only probes are its own, of which one asker is told. */
    pc_breaker_init(&token->breaker, &(pc_breaker_options){.probes = 1});
    token->breaker.changed = on_breaker_changed;
    token->on_breaker = options->on_breaker;
    token->self = options->self;
    token->transfer = options->transfer;
    token->connect_timeout_ms = options->connect_timeout_ms;
    token->timeout_ms = options->timeout_ms;
    token->url = copy_text(options->url);
    token->client_id = copy_text(options->client_id);
    token->secret = copy_text(options->client_secret);
    token->scopes = copy_text(options->scopes);
    bool complete = token->url != NULL && token->client_id != NULL && token->secret != NULL &&
                    token->scopes != NULL;
    if (complete && options->static_token != NULL) {
        complete = copy_static_token(token, options->static_token);
    }
    if (!complete) {
        pc_token_free(token);
        return pc_status_out_of_memory();
    }
    *out = token;
    return PC_OK;
}

void pc_token_free(pc_token *token)
{
    if (token == NULL) {
        return;
    }
    pc_status_clear(&token->failure);
    wipe(token->authorization);
    wipe(token->secret);
    free(token->scopes);
    free(token->client_id);
    free(token->url);
    pthread_mutex_destroy(&token->lock);
    free(token);
}
