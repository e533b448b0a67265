/* Making and ending the client, and what can be asked of it; its fetches are in entity.c. */
#include "upstream/entity_client.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "upstream/entity_request.h"
#include "upstream/url.h"
#include "util/buffer.h"
#include "util/clock.h"

enum {
    TOKEN_URL_BYTES_MAX = 4096,
    TOKEN_TEXT_MAX = 16 * 1024,
};

#define PATH_TOKEN "ims/token/v3"

pc_status pc_entity_cancelled(void)
{
    return pc_status_new(PC_CODE_CANCELLED, "CANCELLED", "The upstream fetch was cancelled.");
}

pc_status pc_entity_breaker_open(int64_t retry_ms)
{
    pc_status status = pc_status_new(PC_CODE_UNAVAILABLE, "UPSTREAM_BREAKER_OPEN",
                                     "The upstream has failed too often and is left alone for a "
                                     "while.");
    return retry_ms > 0 ? pc_status_with_retry(status, retry_ms) : status;
}

pc_breaker *pc_entity_breaker_of(pc_entity_client *client, pc_entity_kind kind)
{
    static const pc_upstream_host hosts[PC_ENTITY_KIND_COUNT] = {
        [PC_ENTITY_PROFILE] = PC_UPSTREAM_ENTITY, [PC_ENTITY_BATCH] = PC_UPSTREAM_ENTITY,
        [PC_ENTITY_RECORD] = PC_UPSTREAM_ENTITY,  [PC_ENTITY_DELETE] = PC_UPSTREAM_ENTITY,
        [PC_ENTITY_EVENTS] = PC_UPSTREAM_EVENTS,  [PC_ENTITY_AUDIENCES] = PC_UPSTREAM_AUDIENCES,
        [PC_ENTITY_GRAPH] = PC_UPSTREAM_IDENTITY, [PC_ENTITY_XID] = PC_UPSTREAM_IDENTITY,
    };
    return &client->breakers[hosts[kind]];
}

const char *pc_upstream_host_name(pc_upstream_host host)
{
    static const char *const names[PC_UPSTREAM_HOST_COUNT] = {
        [PC_UPSTREAM_ENTITY] = "entity",       [PC_UPSTREAM_EVENTS] = "events",
        [PC_UPSTREAM_AUDIENCES] = "audiences", [PC_UPSTREAM_IDENTITY] = "identity",
        [PC_UPSTREAM_TOKEN] = "token",
    };
    return names[host];
}

/* --- options --- */

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

static void check_breaker(pc_status *status, const pc_breaker_options *breaker)
{
    if (breaker->failure_percent > 100) {
        pc_status_add_violation(status, "breaker.failure_percent", "must be 0 to 100");
    }
    if (breaker->calls_min == 0 || breaker->probes == 0 || breaker->window_ms <= 0 ||
        breaker->open_ms <= 0) {
        pc_status_add_violation(status, "breaker",
                                "calls_min, probes, window_ms and open_ms must be positive");
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
    if (options->attempt_timeout_ms < 0) {
        pc_status_add_violation(&status, "attempt_timeout_ms", "must not be negative");
    }
    if (options->retry_percent > 100) {
        pc_status_add_violation(&status, "retry_percent", "must be 0 to 100");
    }
    if (options->dns_ttl_ms < 0 || options->connection_age_ms < 0) {
        pc_status_add_violation(&status, "dns_ttl_ms",
                                "must not be negative, nor connection_age_ms");
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
    if (options->hedge_after_ms < 0) {
        pc_status_add_violation(&status, "hedge_after_ms", "must not be negative");
    }
    if (options->hedge_percent < 1 || options->hedge_percent > 100) {
        pc_status_add_violation(&status, "hedge_percent", "must be 1 to 100");
    }
    check_budget(&status, &options->budget);
    check_breaker(&status, &options->breaker);
    return status;
}

/* --- life --- */

static void tell(pc_entity_client *client, pc_upstream_host host, const pc_breaker *breaker,
                 pc_breaker_state from, pc_breaker_state to)
{
    pc_breaker_change change = {.host = host, .from = from, .to = to};
    pc_breaker_window(breaker, &change.calls, &change.failures);
    if (client->on_breaker != NULL) {
        client->on_breaker(client->self, &change);
    }
}

static void on_breaker(pc_breaker *breaker, pc_breaker_state from, pc_breaker_state to)
{
    pc_entity_client *client = breaker->self;
    tell(client, (pc_upstream_host)(breaker - client->breakers), breaker, from, to);
}

static void on_token_breaker(void *self, const pc_breaker *breaker, pc_breaker_state from,
                             pc_breaker_state to)
{
    tell(self, PC_UPSTREAM_TOKEN, breaker, from, to);
}

static void set_up_breakers(pc_entity_client *client, const pc_entity_options *options)
{
    client->on_breaker = options->on_breaker;
    client->self = options->self;
    for (size_t i = 0; i < PC_COUNT_OF(client->breakers); i++) {
        pc_breaker_init(&client->breakers[i], &options->breaker);
        client->breakers[i].changed = on_breaker;
        client->breakers[i].self = client;
    }
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
        .on_breaker = on_token_breaker,
        .self = client,
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
    client->attempt_timeout_ms = options->attempt_timeout_ms;
    client->body_bytes_max = options->body_bytes_max;
    client->max_in_flight = options->max_in_flight;
    client->hedge_after_ms = options->hedge_after_ms;
    client->hedge_percent = options->hedge_percent;
    client->retry_allowance.percent = options->retry_percent;
    client->dice = (uint64_t)pc_clock_now_ns() | 1;
    set_up_breakers(client, options);
    if (client->base_url == NULL ||
        (options->identity_url != NULL && client->identity_url == NULL) ||
        client->client_id == NULL || client->org_id == NULL || client->sandbox_default == NULL) {
        status = pc_status_out_of_memory();
    }
    if (pc_status_ok(&status)) {
        const pc_transfer_options transfer_options = {
            .ca_file = options->ca_file,
            .max_connections = options->max_connections,
            .http2_connections = options->http2_connections < options->max_connections
                                     ? options->http2_connections
                                     : options->max_connections,
            .dns_ttl_ms = options->dns_ttl_ms,
            .connection_age_ms = options->connection_age_ms,
            .wipe_memory = options->wipe_memory,
        };
        status = pc_transfer_new(&client->transfer, &transfer_options);
    }
    if (pc_status_ok(&status)) {
        status = pc_budget_new(&client->budget, &options->budget);
    }
    if (pc_status_ok(&status)) {
        status = pc_answer_counts_init(&client->answers);
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
        client->end_waiting.run = pc_entity_on_end_waiting;
        (void)pc_loop_post(pc_transfer_loop(client->transfer), &client->end_waiting);
    }
    pc_transfer_free(client->transfer);
    pc_budget_free(client->budget);
    pc_token_free(client->token);
    pc_answer_counts_deinit(&client->answers);
    free(client->base_url);
    free(client->identity_url);
    free(client->client_id);
    free(client->org_id);
    free(client->sandbox_default);
    free(client);
}

/* --- what can be asked --- */

int64_t pc_entity_calls_left(const pc_entity_client *client, pc_criticality criticality,
                             uint64_t caller)
{
    return pc_budget_left(client->budget, criticality, caller, pc_clock_now_ns());
}

bool pc_entity_refuses(pc_entity_client *client, pc_entity_kind kind)
{
    int64_t ignored_ms;
    return pc_breaker_refuses(pc_entity_breaker_of(client, kind), pc_clock_now_ns(), &ignored_ms);
}

void pc_entity_budget(const pc_entity_client *client, pc_budget_figures *out)
{
    pc_budget_read(client->budget, out, pc_clock_now_ns());
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
    for (size_t reason = 0; reason < PC_RETRY_REASON_COUNT; reason++) {
        out->retries[reason] = atomic_load(&client->retries[reason]);
    }
    for (size_t host = 0; host < PC_COUNT_OF(client->breakers); host++) {
        pc_breaker_read(&client->breakers[host], &out->breakers[host]);
    }
    pc_token_breaker(client->token, &out->breakers[PC_UPSTREAM_TOKEN]);
    out->retries_won = atomic_load(&client->retries_won);
    out->retries_withheld = atomic_load(&client->retries_withheld);
    out->hedges_sent = atomic_load(&client->hedges_sent);
    out->hedges_won = atomic_load(&client->hedges_won);
    out->token_rejections = atomic_load(&client->token_rejections);
    pc_token_counters(client->token, &out->token_requests, &out->token_failures);
    out->token_age_ms = pc_token_age_ms(client->token, &out->token_left_ms);
    pc_transfer_connections(client->transfer, &out->connections_open, &out->connections_opened);
    out->resent = pc_transfer_resent(client->transfer);
}

const pc_answer_counts *pc_entity_client_answers(const pc_entity_client *client)
{
    return &client->answers;
}
