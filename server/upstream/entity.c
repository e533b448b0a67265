/* One fetch is one operation on the transfer thread.
 *
 * Its steps, in order:                                          thread
 *   pc_entity_fetch    check, build the request, post           any
 *   on_begun           ask the budget for a call                transfer
 *   on_granted         perhaps after waiting; ask for a token   transfer
 *   on_token_ready     it had to be waited for                  transfer
 *   send               one request goes out                     transfer
 *   on_answer          401 with an old token: ask for a new one
 *                      and send once more; else judge           transfer
 *   finish             `done`, counters, release: once          transfer
 * and at any time, while not finished:
 *   on_cancel_asked    leaves the queue or cancels the transfer transfer */
#include "upstream/entity.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "upstream/entity_request.h"
#include "upstream/error_body.h"
#include "upstream/loop.h"
#include "upstream/token.h"
#include "upstream/transfer.h"
#include "upstream/url.h"
#include "util/buffer.h"
#include "util/clock.h"

enum {
    ATTEMPTS_MAX = 2, /* the second one only after a 401 */
    TOKEN_URL_BYTES_MAX = 4096,
    TOKEN_TEXT_MAX = 16 * 1024,
};

#define PATH_TOKEN "ims/token/v3"

struct pc_entity_client {
    pc_transfer *transfer;
    pc_token *token;
    /* Constant after pc_entity_client_new: */
    char *base_url;
    char *identity_url; /* NULL: none */
    char *client_id;
    char *org_id;
    char *sandbox_default;
    int64_t connect_timeout_ms;
    int64_t timeout_ms;
    size_t body_bytes_max;
    unsigned max_in_flight;

    pc_budget *budget;
    /* The transfer thread only: */
    pc_loop_timer due; /* when one of those that wait for their turn may have it */
    bool is_granting;
    pc_job end_waiting; /* of pc_entity_client_free */

    atomic_bool is_closing; /* pc_entity_client_free has begun: no new fetches */
    atomic_uint_fast64_t requests[PC_ENTITY_KIND_COUNT];
    atomic_uint_fast64_t failures[PC_ENTITY_KIND_COUNT];
    atomic_uint_fast64_t refused[PC_ENTITY_KIND_COUNT];
    atomic_uint_fast64_t token_rejections;
    atomic_uint_fast64_t in_flight;
};

struct pc_entity_op {
    atomic_uint references;
    atomic_bool cancel_asked;
    pc_loop *loop; /* a reference of its own: cancelling may outlive the client */
    pc_job begin;
    pc_job cancel;
    pc_job raise;
    atomic_bool raise_asked;
    atomic_int raise_to;

    /* Constant after the start: */
    pc_entity_client *client; /* valid until finished */
    pc_entity_kind kind;
    pc_entity_request request;
    char *sandbox;
    char *request_id; /* NULL: none */
    int64_t deadline_ns;
    int64_t started_ns;
    pc_entity_done done;
    void *self;

    /* The transfer thread only: */
    bool is_finished;
    pc_budget_ticket ticket;
    pc_loop_timer patience; /* set while it waits for its turn */
    bool is_granted;
    int64_t sent_ns; /* the latest request; 0: none yet */
    unsigned attempts;
    uint64_t token_generation;
    pc_token_waiter waiter;
    pc_transfer_op *transfer; /* a reference; NULL unless under way */
};

/* --- the end --- */

static pc_status cancelled(void)
{
    return pc_status_new(PC_CODE_CANCELLED, "CANCELLED", "The upstream fetch was cancelled.");
}

static void grant_waiting(pc_entity_client *client);

/* What the end of a call says about how much the upstream bears. */
static void end_call(pc_entity_op *op, const pc_status *status, const pc_transfer_result *answer)
{
    int64_t now_ns = pc_clock_now_ns();
    if (!op->is_granted) {
        return;
    }
    if (op->sent_ns == 0) {
        pc_budget_give_back(op->client->budget, op->ticket.caller, now_ns);
        return;
    }
    int64_t retry_ms = pc_status_retry_after_ms(status);
    bool throttled = status->code == PC_CODE_RESOURCE_EXHAUSTED ||
                     (status->code == PC_CODE_UNAVAILABLE && retry_ms > 0);
    pc_budget_end(op->client->budget,
                  answer == NULL ? PC_BUDGET_SAYS_NOTHING
                  : throttled    ? PC_BUDGET_THROTTLED
                                 : PC_BUDGET_WENT_WELL,
                  now_ns - op->sent_ns, retry_ms, now_ns);
}

static void finish(pc_entity_op *op, pc_status status, const pc_transfer_result *answer)
{
    pc_entity_client *client = op->client;
    op->is_finished = true;
    pc_budget_leave(client->budget, &op->ticket);
    pc_loop_timer_cancel(op->loop, &op->patience);
    end_call(op, &status, answer);
    if (!pc_status_ok(&status) && status.code != PC_CODE_NOT_FOUND) {
        atomic_fetch_add(&client->failures[op->kind], 1);
    }
    const pc_entity_result result = {
        .body = answer != NULL && pc_status_ok(&status) ? answer->body : NULL,
        .http_status = answer == NULL ? 0 : answer->http_status,
        .attempts = op->attempts,
        .started_ns = op->started_ns,
        .ended_ns = pc_clock_now_ns(),
        .reply_id = answer == NULL ? "" : answer->request_id,
    };
    /* Before `done`, so that who was told that a fetch has ended can start the next one. */
    atomic_fetch_sub(&client->in_flight, 1);
    op->done(op->self, status, &result);
    pc_entity_op_unref(op);
    grant_waiting(client);
}

/* --- the steps, last first --- */

static void ask_for_token(pc_entity_op *op);

static void on_answer(void *self, pc_status status, const pc_transfer_result *answer)
{
    pc_entity_op *op = self;
    pc_transfer_op_unref(op->transfer);
    op->transfer = NULL;
    if (!pc_status_ok(&status)) {
        finish(op, status, NULL);
        return;
    }
    status = pc_error_body_judge(op->kind, answer->http_status, pc_slice_bytes(answer->body),
                                 pc_slice_size(answer->body), answer->retry_after_ms);
    if (status.code == PC_CODE_UNAUTHENTICATED) {
        atomic_fetch_add(&op->client->token_rejections, 1);
        /* Every refused token is reported, so that not the next fetch has to find out again; but
         * only a first attempt is worth a second. */
        bool has_other_token = pc_token_invalidate(op->client->token, op->token_generation);
        if (has_other_token && op->attempts < ATTEMPTS_MAX && !atomic_load(&op->cancel_asked)) {
            pc_status_clear(&status);
            ask_for_token(op);
            return;
        }
    }
    finish(op, status, answer);
}

static void send(pc_entity_op *op, const pc_token_present *token)
{
    pc_entity_client *client = op->client;
    pc_transfer_header headers[] = {
        {"Authorization", token->authorization},
        {"x-api-key", client->client_id},
        {"x-gw-ims-org-id", client->org_id},
        {"x-sandbox-name", op->sandbox},
        {"Accept", "application/json"},
        {NULL, NULL},
        {NULL, NULL},
    };
    size_t header_count = PC_COUNT_OF(headers) - 2;
    if (op->request_id != NULL) {
        headers[header_count++] = (pc_transfer_header){"x-request-id", op->request_id};
    }
    if (op->request.body != NULL) {
        headers[header_count++] = (pc_transfer_header){"Content-Type", "application/json"};
    }
    const pc_transfer_request request = {
        .url = op->request.url,
        .headers = headers,
        .header_count = header_count,
        .body = op->request.body,
        .body_size = op->request.body_size,
        .is_delete = op->request.is_delete,
        .deadline_ns = op->deadline_ns,
        .connect_timeout_ms = client->connect_timeout_ms,
        .body_bytes_max = client->body_bytes_max,
    };
    op->token_generation = token->generation;
    pc_status status = pc_transfer_start(client->transfer, &request, on_answer, op, &op->transfer);
    if (!pc_status_ok(&status)) {
        finish(op, status, NULL);
        return;
    }
    op->sent_ns = pc_clock_now_ns();
    if (op->attempts++ > 0) {
        pc_budget_spend(client->budget, &op->ticket, op->sent_ns);
    }
    atomic_fetch_add(&client->requests[op->kind], 1);
}

static void on_token_ready(pc_token_waiter *waiter, pc_status status)
{
    pc_entity_op *op = PC_CONTAINER_OF(waiter, pc_entity_op, waiter);
    if (!pc_status_ok(&status)) {
        finish(op, status, NULL);
        return;
    }
    ask_for_token(op);
}

static void ask_for_token(pc_entity_op *op)
{
    pc_token_present token;
    op->waiter.ready = on_token_ready;
    pc_status status = pc_token_get(op->client->token, &op->waiter, op->deadline_ns, &token);
    if (!pc_status_ok(&status)) {
        finish(op, status, NULL);
    } else if (token.authorization != NULL) {
        send(op, &token);
    }
}

static void on_cancel_asked(pc_job *job)
{
    pc_entity_op *op = PC_CONTAINER_OF(job, pc_entity_op, cancel);
    if (!op->is_finished) {
        if (op->transfer != NULL) {
            pc_transfer_cancel(op->transfer); /* on_answer comes */
        } else {
            if (op->is_granted) {
                pc_token_leave(&op->waiter);
            }
            finish(op, cancelled(), NULL);
        }
    }
    pc_entity_op_unref(op);
}

/* --- the budget --- */

static void on_granted(pc_entity_op *op)
{
    op->is_granted = true;
    ask_for_token(op);
}

static void on_due(pc_loop_timer *timer)
{
    grant_waiting(PC_CONTAINER_OF(timer, pc_entity_client, due));
}

/* Gives calls to those whose turn has come. */
static void grant_waiting(pc_entity_client *client)
{
    /* A fetch may end within its own grant, which comes back here. */
    if (client->is_granting) {
        return;
    }
    client->is_granting = true;
    pc_loop *loop = pc_transfer_loop(client->transfer);
    int64_t now_ns = pc_clock_now_ns();
    pc_budget_ticket *ticket;
    while ((ticket = pc_budget_next(client->budget, now_ns)) != NULL) {
        pc_entity_op *op = PC_CONTAINER_OF(ticket, pc_entity_op, ticket);
        pc_loop_timer_cancel(loop, &op->patience);
        on_granted(op);
    }
    client->is_granting = false;
    pc_loop_timer_cancel(loop, &client->due);
    client->due.fire = on_due;
    pc_loop_timer_set(loop, &client->due, pc_budget_due_ns(client->budget, now_ns));
}

static pc_status spent(int64_t retry_ms)
{
    pc_status status =
        pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_BUDGET_SPENT",
                      "The budget of upstream calls has none left that would be in time.");
    return retry_ms > 0 ? pc_status_with_retry(status, retry_ms) : status;
}

static void on_out_of_patience(pc_loop_timer *timer)
{
    finish(PC_CONTAINER_OF(timer, pc_entity_op, patience), spent(0), NULL);
}

static void ask_budget(pc_entity_op *op)
{
    int64_t now_ns = pc_clock_now_ns();
    int64_t retry_ms;
    switch (pc_budget_ask(op->client->budget, &op->ticket, now_ns, &retry_ms)) {
    case PC_BUDGET_GRANTED:
        on_granted(op);
        break;
    case PC_BUDGET_WAITS:
        op->patience.fire = on_out_of_patience;
        pc_loop_timer_set(op->loop, &op->patience, op->ticket.deadline_ns);
        grant_waiting(op->client);
        break;
    case PC_BUDGET_REFUSED:
        finish(op, spent(retry_ms), NULL);
        break;
    }
}

static void on_raise_asked(pc_job *job)
{
    pc_entity_op *op = PC_CONTAINER_OF(job, pc_entity_op, raise);
    atomic_store(&op->raise_asked, false);
    if (!op->is_finished) {
        pc_budget_raise(op->client->budget, &op->ticket,
                        (pc_criticality)atomic_load(&op->raise_to));
        grant_waiting(op->client);
    }
    pc_entity_op_unref(op);
}

static void on_begun(pc_job *job)
{
    pc_entity_op *op = PC_CONTAINER_OF(job, pc_entity_op, begin);
    if (atomic_load(&op->cancel_asked) || atomic_load(&op->client->is_closing)) {
        finish(op, cancelled(), NULL);
        return;
    }
    ask_budget(op);
}

/* Those that wait for their turn have no transfer that the loop would end. */
static void on_end_waiting(pc_job *job)
{
    pc_entity_client *client = PC_CONTAINER_OF(job, pc_entity_client, end_waiting);
    pc_budget_ticket *ticket;
    while ((ticket = pc_budget_take_back(client->budget)) != NULL) {
        finish(PC_CONTAINER_OF(ticket, pc_entity_op, ticket), cancelled(), NULL);
    }
}

/* --- start and cancel, any thread --- */

/* False when the client has its fill. */
static bool enter(pc_entity_client *client)
{
    uint_fast64_t in_flight = atomic_load(&client->in_flight);
    while (in_flight < client->max_in_flight) {
        if (atomic_compare_exchange_weak(&client->in_flight, &in_flight, in_flight + 1)) {
            return true;
        }
    }
    return false;
}

static pc_status new_op(pc_entity_op **out, pc_entity_client *client, const pc_entity_query *query)
{
    *out = NULL;
    pc_entity_op *op = calloc(1, sizeof *op);
    if (op == NULL) {
        return pc_status_out_of_memory();
    }
    atomic_init(&op->references, 1);
    atomic_init(&op->cancel_asked, false);
    atomic_init(&op->raise_to, (int)query->criticality);
    op->loop = pc_loop_ref(pc_transfer_loop(client->transfer));
    op->begin.run = on_begun;
    op->cancel.run = on_cancel_asked;
    op->raise.run = on_raise_asked;
    op->ticket.criticality = query->criticality;
    op->ticket.caller = query->caller;
    op->client = client;
    op->kind = query->kind;
    const pc_entity_bases bases = {client->base_url, client->identity_url};
    pc_status status = pc_entity_request_build(&op->request, &bases, query);
    if (pc_status_ok(&status)) {
        op->sandbox = strdup(query->sandbox == NULL ? client->sandbox_default : query->sandbox);
        op->request_id = query->request_id == NULL ? NULL : strdup(query->request_id);
        if (op->sandbox == NULL || (query->request_id != NULL && op->request_id == NULL)) {
            status = pc_status_out_of_memory();
        }
    }
    if (!pc_status_ok(&status)) {
        pc_entity_op_unref(op);
        return status;
    }
    *out = op;
    return PC_OK;
}

pc_status pc_entity_fetch(pc_entity_client *client, const pc_entity_query *query,
                          pc_entity_done done, void *self, pc_entity_op **op_out)
{
    if (op_out != NULL) {
        *op_out = NULL;
    }
    if (atomic_load(&client->is_closing)) {
        return cancelled();
    }
    int64_t now_ns = pc_clock_now_ns();
    if (query->deadline_ns <= now_ns) {
        return pc_status_new(PC_CODE_DEADLINE_EXCEEDED, "UPSTREAM_TIMEOUT",
                             "No time was left to ask the upstream.");
    }
    pc_entity_op *op = NULL;
    pc_status status = new_op(&op, client, query);
    if (!pc_status_ok(&status) || op == NULL) {
        return status;
    }
    int64_t limit_ns = pc_clock_after_ms(now_ns, client->timeout_ms);
    op->deadline_ns = query->deadline_ns < limit_ns ? query->deadline_ns : limit_ns;
    op->ticket.deadline_ns = query->patience_ns > 0 && query->patience_ns < op->deadline_ns
                                 ? query->patience_ns
                                 : op->deadline_ns;
    op->started_ns = now_ns;
    op->done = done;
    op->self = self;
    if (!enter(client)) {
        atomic_fetch_add(&client->refused[op->kind], 1);
        status = pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_TOO_MANY_IN_FLIGHT",
                               "Too many upstream fetches are under way.");
        goto refused;
    }
    if (op_out != NULL) {
        atomic_fetch_add_explicit(&op->references, 1, memory_order_relaxed);
        *op_out = op;
    }
    if (pc_loop_post(op->loop, &op->begin)) {
        return PC_OK;
    }
    atomic_fetch_sub(&client->in_flight, 1);
    if (op_out != NULL) {
        pc_entity_op_unref(*op_out);
        *op_out = NULL;
    }
    status = cancelled();
refused:
    pc_entity_op_unref(op);
    return status;
}

void pc_entity_cancel(pc_entity_op *op)
{
    /* The job can be posted once only, so only the first to ask posts it. */
    if (op == NULL || atomic_exchange(&op->cancel_asked, true)) {
        return;
    }
    atomic_fetch_add_explicit(&op->references, 1, memory_order_relaxed);
    if (!pc_loop_post(op->loop, &op->cancel)) {
        pc_entity_op_unref(op);
    }
}

void pc_entity_raise(pc_entity_op *op, pc_criticality criticality)
{
    /* The most critical of those that asked counts, not the latest. */
    int to = atomic_load(&op->raise_to);
    while ((int)criticality < to &&
           !atomic_compare_exchange_weak(&op->raise_to, &to, (int)criticality)) {
    }
    if (atomic_exchange(&op->raise_asked, true)) {
        return;
    }
    atomic_fetch_add_explicit(&op->references, 1, memory_order_relaxed);
    if (!pc_loop_post(op->loop, &op->raise)) {
        pc_entity_op_unref(op);
    }
}

int64_t pc_entity_calls_left(const pc_entity_client *client, pc_criticality criticality,
                             uint64_t caller)
{
    return pc_budget_left(client->budget, criticality, caller, pc_clock_now_ns());
}

void pc_entity_budget(const pc_entity_client *client, pc_budget_figures *out)
{
    pc_budget_read(client->budget, out, pc_clock_now_ns());
}

void pc_entity_op_unref(pc_entity_op *op)
{
    if (op == NULL || atomic_fetch_sub_explicit(&op->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    pc_entity_request_deinit(&op->request);
    free(op->sandbox);
    free(op->request_id);
    pc_loop_unref(op->loop);
    free(op);
}

/* --- the client --- */

static void check_base(pc_status *status, const char *field, const char *url, bool allow_plain_http)
{
    switch (url == NULL ? PC_URL_BASE_MALFORMED : pc_url_base_check(url)) {
    case PC_URL_BASE_MALFORMED:
        pc_status_add_violation(status, field, "must be https://host[:port][/path]");
        break;
    case PC_URL_BASE_PLAIN:
        if (!allow_plain_http) {
            pc_status_add_violation(status, field,
                                    "http:// is for loopback hosts, or with allow_plain_http");
        }
        break;
    case PC_URL_BASE_OK:
        break;
    }
}

static void check_header(pc_status *status, const char *field, const char *text)
{
    if (text == NULL || !pc_entity_header_value_valid(text)) {
        pc_status_add_violation(status, field, "must be 1 to 255 printable ASCII characters");
    }
}

static bool is_static_token(const char *text)
{
    size_t size = strlen(text);
    for (size_t i = 0; i < size; i++) {
        if (text[i] <= 0x20 || text[i] > 0x7e) {
            return false;
        }
    }
    return size > 0 && size <= TOKEN_TEXT_MAX;
}

static void check_budget(pc_status *status, const pc_budget_options *budget)
{
    if (budget->rate < 0 || budget->burst < 1) {
        pc_status_add_violation(status, "budget", "rate must not be negative, burst at least 1");
    }
    if (!(budget->caller_share > 0 && budget->caller_share <= 1)) {
        pc_status_add_violation(status, "budget.caller_share", "must be above 0 and at most 1");
    }
    if (budget->calls_min == 0 || budget->calls_max < budget->calls_min) {
        pc_status_add_violation(status, "budget.calls_max",
                                "must be at least calls_min, which is at least 1");
    }
}

static pc_status check_options(const pc_entity_options *options)
{
    pc_status status = PC_OK;
    check_base(&status, "base_url", options->base_url, options->allow_plain_http);
    if (options->identity_url != NULL) {
        check_base(&status, "identity_url", options->identity_url, options->allow_plain_http);
    }
    check_header(&status, "client_id", options->client_id);
    check_header(&status, "org_id", options->org_id);
    check_header(&status, "sandbox_default", options->sandbox_default);
    if (options->static_token != NULL) {
        if (!is_static_token(options->static_token)) {
            pc_status_add_violation(&status, "static_token",
                                    "must be printable ASCII without spaces");
        }
    } else {
        check_base(&status, "ims_url", options->ims_url, options->allow_plain_http);
        if (options->client_secret == NULL || options->client_secret[0] == '\0') {
            pc_status_add_violation(&status, "client_secret", "is needed to ask for a token");
        }
    }
    if (options->ca_file != NULL && access(options->ca_file, R_OK) != 0) {
        pc_status_add_violation(&status, "ca_file", "cannot be read");
    }
    if (options->connect_timeout_ms <= 0) {
        pc_status_add_violation(&status, "connect_timeout_ms", "must be positive");
    }
    if (options->timeout_ms <= 0) {
        pc_status_add_violation(&status, "timeout_ms", "must be positive");
    }
    if (options->token_timeout_ms <= 0) {
        pc_status_add_violation(&status, "token_timeout_ms", "must be positive");
    }
    if (options->body_bytes_max == 0) {
        pc_status_add_violation(&status, "body_bytes_max", "must be positive");
    }
    if (options->max_connections == 0) {
        pc_status_add_violation(&status, "max_connections", "must be positive");
    }
    if (options->max_in_flight == 0) {
        pc_status_add_violation(&status, "max_in_flight", "must be positive");
    }
    check_budget(&status, &options->budget);
    return status;
}

static pc_status make_token(pc_entity_client *client, const pc_entity_options *options)
{
    pc_buffer url;
    pc_buffer_init(&url, TOKEN_URL_BYTES_MAX);
    if (options->static_token == NULL) {
        (void)pc_url_begin(&url, options->ims_url, PATH_TOKEN);
    }
    char *text = pc_buffer_take_text(&url);
    pc_buffer_deinit(&url);
    if (text == NULL) {
        return pc_status_out_of_memory();
    }
    const pc_token_options token_options = {
        .transfer = client->transfer,
        .url = text,
        .client_id = options->client_id,
        .client_secret = options->client_secret,
        .scopes = options->scopes,
        .static_token = options->static_token,
        .connect_timeout_ms = options->connect_timeout_ms,
        .timeout_ms = options->token_timeout_ms,
    };
    pc_status status = pc_token_new(&client->token, &token_options);
    free(text);
    return status;
}

pc_status pc_entity_client_new(pc_entity_client **out, const pc_entity_options *options)
{
    *out = NULL;
    pc_status status = check_options(options);
    if (!pc_status_ok(&status)) {
        return status;
    }
    pc_entity_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return pc_status_out_of_memory();
    }
    client->base_url = strdup(options->base_url);
    client->identity_url = options->identity_url == NULL ? NULL : strdup(options->identity_url);
    client->client_id = strdup(options->client_id);
    client->org_id = strdup(options->org_id);
    client->sandbox_default = strdup(options->sandbox_default);
    client->connect_timeout_ms = options->connect_timeout_ms;
    client->timeout_ms = options->timeout_ms;
    client->body_bytes_max = options->body_bytes_max;
    client->max_in_flight = options->max_in_flight;
    if (client->base_url == NULL ||
        (options->identity_url != NULL && client->identity_url == NULL) ||
        client->client_id == NULL || client->org_id == NULL || client->sandbox_default == NULL) {
        status = pc_status_out_of_memory();
    }
    if (pc_status_ok(&status)) {
        const pc_transfer_options transfer_options = {
            .ca_file = options->ca_file,
            .max_connections = options->max_connections,
        };
        status = pc_transfer_new(&client->transfer, &transfer_options);
    }
    if (pc_status_ok(&status)) {
        status = pc_budget_new(&client->budget, &options->budget);
    }
    if (pc_status_ok(&status)) {
        status = make_token(client, options);
    }
    if (!pc_status_ok(&status)) {
        pc_entity_client_free(client);
        return status;
    }
    *out = client;
    return PC_OK;
}

void pc_entity_client_free(pc_entity_client *client)
{
    if (client == NULL) {
        return;
    }
    /* Or a callback that starts anew whenever it fails would keep the loop alive for ever. */
    atomic_store(&client->is_closing, true);
    if (client->transfer != NULL && client->budget != NULL) {
        client->end_waiting.run = on_end_waiting;
        (void)pc_loop_post(pc_transfer_loop(client->transfer), &client->end_waiting);
    }
    pc_transfer_free(client->transfer);
    pc_budget_free(client->budget);
    pc_token_free(client->token);
    free(client->base_url);
    free(client->identity_url);
    free(client->client_id);
    free(client->org_id);
    free(client->sandbox_default);
    free(client);
}

pc_status pc_entity_set_client_secret(pc_entity_client *client, const char *secret)
{
    return pc_token_set_secret(client->token, secret);
}

void pc_entity_client_counters(const pc_entity_client *client, pc_entity_counters *out)
{
    *out = (pc_entity_counters){.in_flight = atomic_load(&client->in_flight)};
    for (size_t kind = 0; kind < PC_ENTITY_KIND_COUNT; kind++) {
        out->requests[kind] = atomic_load(&client->requests[kind]);
        out->failures[kind] = atomic_load(&client->failures[kind]);
        out->refused[kind] = atomic_load(&client->refused[kind]);
    }
    out->token_rejections = atomic_load(&client->token_rejections);
    pc_token_counters(client->token, &out->token_requests, &out->token_failures);
}
