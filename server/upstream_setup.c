#include "upstream_setup.h"

#include <inttypes.h>
#include <stdio.h>

/* The entity sandbox's own credentials and default merge policy (entity-sandbox --help). */
static const char sandbox_client_id[] = "sandbox-client";
static const char sandbox_client_secret[] = "sandbox-secret";
static const char sandbox_org_id[] = "SANDBOX@AdobeOrg";
static const char sandbox_merge_policy[] = "00000000-0000-4000-8000-00000000ad01";

enum { SANDBOX_WAIT_MS = 600000 };

/* "" in the configuration is NULL to the parts. */
static const char *given(const char *text)
{
    return text[0] == '\0' ? NULL : text;
}

pc_status pc_setup_sandbox(pc_sandbox_child **out, const pc_config *c, pc_log *log)
{
    char generate[32];
    char seed[32];
    const char *arguments[16] = {"--port", "0", "--demo", "--parent-death-stop"};
    size_t count = 4;
    if (c->sandbox.database[0] != '\0') {
        arguments[count++] = "--database";
        arguments[count++] = c->sandbox.database;
    }
    if (c->sandbox.load[0] != '\0') {
        arguments[count++] = "--load";
        arguments[count++] = c->sandbox.load;
    }
    if (c->sandbox.generate > 0) {
        (void)snprintf(generate, sizeof generate, "%" PRId64, c->sandbox.generate);
        (void)snprintf(seed, sizeof seed, "%" PRId64, c->sandbox.seed);
        arguments[count++] = "--generate";
        arguments[count++] = generate;
        arguments[count++] = "--seed";
        arguments[count++] = seed;
    }
    if (c->sandbox.delay[0] != '\0') {
        arguments[count++] = "--delay";
        arguments[count++] = c->sandbox.delay;
    }
    arguments[count] = NULL;
    pc_status status = pc_sandbox_child_start(out, c->sandbox.program, arguments, SANDBOX_WAIT_MS);
    if (pc_status_ok(&status)) {
        PC_LOG(log, PC_LOG_INFO, "sandbox.started", pc_log_text("url", pc_sandbox_child_url(*out)));
    }
    return status;
}

const char *pc_setup_merge_policy(const pc_config *c, const pc_sandbox_child *sandbox)
{
    const char *configured = c->upstream.merge_policy;
    return configured[0] == '\0' && sandbox != NULL ? sandbox_merge_policy : configured;
}

static pc_budget_options make_budget(const pc_config *c)
{
    return (pc_budget_options){.rate = (double)c->budget.rate,
                               .burst = (double)c->budget.burst,
                               .caller_share = (double)c->budget.caller_share_percent / 100,
                               .calls_max = (unsigned)c->budget.max_concurrent,
                               .calls_min = (unsigned)c->budget.min_concurrent,
                               .slow_ms = c->budget.slow};
}

static void on_breaker(void *self, const pc_breaker_change *change)
{
    pc_log *log = self;
    /* Between the two ends of an outage come as many probes as it has seconds. */
    pc_log_level level = change->from == PC_BREAKER_CLOSED ? PC_LOG_WARN
                         : change->to == PC_BREAKER_CLOSED ? PC_LOG_INFO
                                                           : PC_LOG_DEBUG;
    PC_LOG(log, level, "upstream.breaker", pc_log_text("host", pc_upstream_host_name(change->host)),
           pc_log_text("state", pc_breaker_state_name(change->to)),
           pc_log_int("calls", change->calls), pc_log_int("failures", change->failures));
}

pc_status pc_setup_upstream(pc_entity_client **out, const pc_config *c,
                            const pc_sandbox_child *sandbox, pc_log *log)
{
    pc_entity_options options = PC_ENTITY_OPTIONS_DEFAULT;
    options.base_url = c->upstream.base_url;
    options.ims_url = c->upstream.ims_url;
    options.identity_url = given(c->upstream.identity_url);
    options.client_id = c->upstream.client_id;
    options.client_secret = c->upstream.client_secret;
    options.org_id = c->upstream.org_id;
    if (sandbox != NULL) {
        options.base_url = pc_sandbox_child_url(sandbox);
        options.ims_url = options.base_url;
        options.identity_url = options.base_url;
        options.client_id = sandbox_client_id;
        options.client_secret = sandbox_client_secret;
        options.org_id = sandbox_org_id;
    }
    options.scopes = c->upstream.scopes;
    options.sandbox_default = c->upstream.sandbox;
    options.ca_file = given(c->upstream.ca_file);
    options.allow_plain_http = c->upstream.allow_plain_http;
    options.connect_timeout_ms = c->upstream.connect_timeout;
    options.timeout_ms = c->upstream.timeout;
    options.attempt_timeout_ms = c->upstream.attempt_timeout;
    options.retry_percent = (unsigned)c->upstream.retry_percent;
    options.token_timeout_ms = c->upstream.token_timeout;
    options.body_bytes_max = (size_t)c->upstream.body_bytes_max;
    options.max_connections = (unsigned)c->upstream.max_connections;
    options.http2_connections = (unsigned)c->upstream.http2_connections;
    options.dns_ttl_ms = c->upstream.dns_ttl;
    options.connection_age_ms = c->upstream.connection_age;
    options.max_in_flight = (unsigned)c->upstream.max_in_flight;
    options.hedge_after_ms = c->upstream.hedge_after;
    options.hedge_percent = (unsigned)c->upstream.hedge_percent;
    options.wipe_memory = c->hardening.wipe_memory;
    options.budget = make_budget(c);
    options.breaker = (pc_breaker_options){
        .failure_percent = (unsigned)c->breaker.failure_percent,
        .calls_min = (unsigned)c->breaker.min_calls,
        .window_ms = c->breaker.window,
        .open_ms = c->breaker.open,
        .probes = (unsigned)c->breaker.probes,
    };
    options.on_breaker = on_breaker;
    options.self = log;
    return pc_entity_client_new(out, &options);
}
