/* Builds the parts bottom-up and takes them down in reverse; no logic beyond fitting them together.
 */
#include "app.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access_audit.h"
#include "access_rules.h"
#include "admission.h"
#include "callers.h"
#include "channelz/channelz.h"
#include "context_engine.h"
#include "door/door.h"
#include "entity_source.h"
#include "metrics_page.h"
#include "operator/operator.h"
#include "reloading.h"
#include "rpc/health.h"
#include "rpc/reflection.h"
#include "rpc/server.h"
#include "service/service.h"
#include "status_history.h"
#include "status_page.h"
#include "telemetry/metrics_text.h"
#include "trace_exporter.h"
#include "upstream_setup.h"
#include "upstream_watch.h"
#include "util/clock.h"
#include "util/listener.h"
#include "watchdog.h"

enum { METHODS_MAX = 32, OWN_DESCRIPTORS = 128, LAST_WORDS_MS = 1000 };

static const char *const served[] = {"profilecontext.v1.ProfileContext", "grpc.health.v1.Health",
                                     PC_UPSTREAM_HEALTH};
static const char *const reflected[] = {
    "profilecontext.v1.ProfileContext",    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
    "grpc.channelz.v1.Channelz", /* last, as it may be left out */
};

struct pc_app {
    const pc_config *config;
    pc_log *log;
    pc_sandbox_child *sandbox;
    pc_entity_client *upstream;
    pc_context_engine engine;
    pc_page_token_key page_token_key;
    pc_access_rules *access_rules; /* NULL: all is allowed */
    pc_service service;
    pc_access_audit audit; /* without a trail: nothing is audited */
    pc_health *health;
    pc_upstream_watch *watch;
    pc_reflection reflection;
    pc_door *door;
    pc_rpc_server *server;
    pc_callers *callers;
    pc_admission admission;
    pc_reload *reload;
    pc_reloading_secret secret;
    char address[256];
    pc_watchdog *watchdog;             /* NULL: no supervisor wants a sign of life */
    pc_operator *operator_port;        /* NULL: there is none, and nothing is counted */
    pc_rpc_metrics *calls;             /* NULL as above */
    pc_section_counts *section_counts; /* NULL as above */
    pc_distribution *part_ages;        /* NULL as above */
    pc_metrics_page page;              /* whole before there is a server */
    pc_trace_exporter *exporter;       /* NULL: nothing is traced */
    pc_recent_calls *recent;           /* NULL as above */
    pc_status_history *history;        /* NULL as above */
};

/* "" in the configuration is NULL to the parts. */
static const char *given(const char *text)
{
    return text[0] == '\0' ? NULL : text;
}

/* ---- the operator port ----------------------------------------------------------------------- */

static void write_metrics(void *self, pc_buffer *out)
{
    const pc_app *app = self;
    pc_metrics_page_write(&app->page, out);
    pc_reloading_write_metrics(app->reload, app->server, out);
    pc_callers_write_metrics(app->callers, out);
}

static void write_status(void *self, pc_buffer *out)
{
    const pc_app *app = self;
    const pc_status_page page = {
        .metrics = &app->page,
        .history = app->history,
        .recent = app->recent,
        .slow_ms = app->config->operator.slow_call,
        .is_draining = pc_operator_get_state(app->operator_port) == PC_OPERATOR_DRAINING,
    };
    pc_status_page_write(&page, out);
}

static void write_config(void *self, pc_buffer *out)
{
    const pc_app *app = self;
    pc_status_config_write(app->config, out);
}

/* Comes first, so that health can be asked for while the rest takes its time. */
static pc_status start_operator(pc_app *app)
{
    const char *address = app->config->operator.address;
    if (address[0] == '\0') {
        return PC_OK;
    }
    static const char json_type[] = "application/json";
    static const pc_operator_page pages[] = {
        {"/metrics", PC_METRICS_CONTENT_TYPE, write_metrics},
        {"/status.json", json_type, write_status},
        {"/config.json", json_type, write_config},
    };
    const pc_operator_options options = {address, pages, PC_COUNT_OF(pages), app};
    pc_status status = pc_operator_new(&app->operator_port, &options);
    if (pc_status_ok(&status)) {
        status = pc_section_counts_new(&app->section_counts);
    }
    if (pc_status_ok(&status)) {
        status = pc_part_ages_new(&app->part_ages);
    }
    if (pc_status_ok(&status)) {
        char found[256];
        pc_listener_print(found, sizeof found, address, pc_operator_port(app->operator_port));
        PC_LOG(app->log, PC_LOG_INFO, "operator.ready", pc_log_text("address", found));
    }
    return status;
}

static pc_status make_page(pc_app *app, const pc_method *rows, size_t count)
{
    if (app->operator_port == NULL) {
        return PC_OK;
    }
    const char *paths[METHODS_MAX];
    for (size_t i = 0; i < count; i++) {
        paths[i] = rows[i].path;
    }
    pc_status status = pc_rpc_metrics_new(&app->calls, paths, count);
    app->page.calls = app->calls;
    app->page.sections = app->section_counts;
    app->page.part_ages = app->part_ages;
    app->page.upstream = app->upstream;
    app->page.cache = app->engine.gatherer.cache;
    app->page.cache_bytes_max = (size_t)app->config->cache.max_bytes;
    app->page.tracing = pc_trace_exporter_tracing(app->exporter);
    app->page.audit = app->audit.trail;
    app->page.core_version = pc_rpc_core_version();
    app->page.policies = pc_access_rules_holder(app->access_rules);
    app->page.own_methods = PC_SERVICE_METHODS;
    if (pc_status_ok(&status)) {
        status = pc_recent_calls_new(&app->recent, app->config->operator.slow_call * 1000000);
    }
    if (pc_status_ok(&status)) {
        status = pc_status_history_new(&app->history, &app->page, count, app->engine.timers);
    }
    return status;
}

static void count_begun(void *self, size_t method)
{
    pc_rpc_metrics_begun(((pc_app *)self)->calls, method);
}

static void count_ended(void *self, const pc_call_figures *figures)
{
    pc_app *app = self;
    pc_rpc_metrics_ended(app->calls, figures->method, figures->code, figures->duration_ns,
                         figures->request_bytes, figures->answer_bytes);
    if (figures->code == PC_CODE_PERMISSION_DENIED) {
        pc_denials_note(&app->page.denials, figures->reason);
    }
    if (pc_recent_calls_wants(app->recent, figures->code, figures->duration_ns) &&
        figures->method < PC_SERVICE_METHODS) {
        const pc_recent_call call = {
            .method = pc_rpc_metrics_path(app->calls, figures->method),
            .code = figures->code,
            .reason = figures->reason,
            .duration_ns = figures->duration_ns,
            .upstream_calls = figures->upstream_calls,
        };
        pc_recent_calls_note(app->recent, &call);
    }
}

static void sample(void *self, pc_trace *trace)
{
    pc_tracing_sample(pc_trace_exporter_tracing(((pc_app *)self)->exporter), trace);
}

static void set_operator_state(pc_app *app, pc_operator_state state)
{
    if (app->operator_port != NULL) {
        pc_operator_set_state(app->operator_port, state);
    }
}

/* ---- the service ----------------------------------------------------------------------------- */

static pc_status make_engine(pc_app *app)
{
    const pc_source source = pc_entity_source(app->upstream);
    return pc_context_engine_open(&app->engine, app->config, &source,
                                  pc_setup_merge_policy(app->config, app->sandbox));
}

/* The audit line of a request to delete. */
static void on_deletion(void *self, const pc_deletion *deletion)
{
    pc_app *app = self;
    const pc_person *person = deletion->person;
    bool by_xid = person->xid != NULL;
    PC_LOG(
        app->log, PC_LOG_WARN, "audit.delete_profile", pc_log_text("caller", deletion->caller),
        pc_log_identity(app->log, "identity", by_xid ? "xid" : person->namespace_code,
                        by_xid ? person->xid : person->id),
        pc_log_text("sandbox", person->sandbox), pc_log_text("merge_policy", person->merge_policy),
        pc_log_text("code", pc_code_name(deletion->code)), pc_log_text("reason", deletion->reason),
        pc_log_text("request_id", deletion->request_id));
}

/* What stands for a value stays the same where identities' hashes in the log do. */
static bool make_value_key(uint8_t *out, const pc_config *c)
{
    static const char label[] = "profile-context value masks";
    unsigned size = 0;
    const char *key = c->log.identity_key;
    return key[0] == '\0' ? RAND_bytes(out, PC_VALUE_KEY_BYTES) == 1
                          : HMAC(EVP_sha256(), key, (int)strlen(key), (const uint8_t *)label,
                                 sizeof label - 1, out, &size) != NULL;
}

static void on_person(void *self, pc_call *call, const pc_person_seen *access)
{
    pc_access_audit_person(&((pc_app *)self)->audit, call, access);
}

static pc_status open_audit(pc_app *app)
{
    app->audit.service = &app->service;
    return app->config->audit.file[0] == '\0'
               ? PC_OK
               : pc_access_audit_open(&app->audit.trail, app->config, app->log);
}

static pc_status make_service(pc_app *app)
{
    const pc_config *c = app->config;
    app->service = (pc_service){
        .gatherer = &app->engine.gatherer,
        .section_counts = app->section_counts,
        .part_ages = app->part_ages,
        .page_token_key = &app->page_token_key,
        .sandbox = c->upstream.sandbox,
        .merge_policy = pc_setup_merge_policy(c, app->sandbox),
        .default_deadline_ms = c->defaults.deadline,
        .max_deadline_ms = c->defaults.max_deadline,
        .stream_deadline_ms = c->defaults.stream_deadline,
        .answer_margin_ms = c->defaults.answer_margin,
        .event_limit = (int)c->defaults.event_limit,
        .event_limit_max = (int)c->defaults.event_limit_max,
        .event_window_ms = c->defaults.event_window,
        .batch_parallel = (int)c->batch.parallel,
        .batch_chunk = (int)c->batch.chunk_size,
        .has_identity_service = app->sandbox != NULL || c->upstream.identity_url[0] != '\0',
        .quote_texts = c->upstream.quote_property_texts,
        .may_delete = c->access.delete_profiles,
        .policies = pc_access_rules_holder(app->access_rules),
        .on_deletion = on_deletion,
        .on_person = app->audit.trail == NULL ? NULL : on_person,
        .self = app,
    };
    if (!make_value_key(app->service.value_key, c)) {
        return pc_status_new(PC_CODE_INTERNAL, "NO_RANDOMNESS", "the system gives no random bytes");
    }
    if (c->page_token.key[0] != '\0') {
        return pc_page_token_key_derive(&app->page_token_key, c->page_token.key,
                                        strlen(c->page_token.key));
    }
    PC_LOG(app->log, PC_LOG_WARN, "page_token.random_key",
           pc_log_text("advice", "set page_token.key_file: without it page tokens do not outlive "
                                 "this process, nor work on other replicas"));
    return pc_page_token_key_random(&app->page_token_key);
}

/* Which calls have a line in the log at its level, or in the audit trail; see on_call_ended. */
static unsigned told_codes(const pc_app *app)
{
    return app->audit.trail != NULL || pc_log_enabled(app->log, PC_LOG_INFO) ? PC_CALL_ENDED_ANYHOW
           : pc_log_enabled(app->log, PC_LOG_WARN) ? PC_CALL_ENDED_WITH(PC_CODE_INTERNAL)
                                                   : 0;
}

static void on_call_ended(void *self, const pc_call_summary *summary)
{
    pc_app *app = self;
    pc_log_level level = summary->code == PC_CODE_INTERNAL ? PC_LOG_WARN : PC_LOG_INFO;
    PC_LOG(app->log, level, "rpc.ended", pc_log_text("method", summary->method),
           pc_log_text("caller", pc_call_caller(summary->call)), pc_log_text("peer", summary->peer),
           pc_log_text("code", pc_code_name(summary->code)), pc_log_text("reason", summary->reason),
           pc_log_flag("cancelled", summary->cancelled),
           pc_log_duration("ms", summary->duration_ns),
           pc_log_int("request_bytes", (int64_t)summary->request_bytes),
           pc_log_int("answer_bytes", (int64_t)summary->answer_bytes),
           pc_log_int("upstream_calls", summary->upstream_calls),
           pc_log_text("request_id", summary->request_id));
    if (app->audit.trail != NULL) {
        pc_access_audit_call(&app->audit, summary);
    }
}

static void on_handshake_refused(void *self, const pc_refused_handshake *refused)
{
    pc_app *app = self;
    PC_LOG(app->log, PC_LOG_DEBUG, "handshake.refused", pc_log_text("peer", refused->peer),
           pc_log_text("reason", refused->reason));
    if (app->audit.trail != NULL) {
        pc_access_audit_handshake(&app->audit, refused);
    }
}

static int64_t calls_left(void *self, pc_criticality criticality, uint64_t caller)
{
    pc_app *app = self;
    const pc_source *source = &app->engine.source;
    return source->calls_left(source, criticality, caller);
}

/* Whether a call may go on to its handler. */
static pc_status admit(void *self, pc_call *call, size_t method)
{
    return pc_admission_admit(&((pc_app *)self)->admission, call, method);
}

static size_t list_methods(pc_app *app, pc_method *rows)
{
    size_t count = 0;
    pc_service_methods(&app->service, rows);
    count += PC_SERVICE_METHODS;
    pc_health_methods(app->health, rows + count);
    count += PC_HEALTH_METHODS;
    if (app->config->listen.reflection) {
        size_t left_out = app->config->listen.channelz ? 0 : 1;
        app->reflection = (pc_reflection){reflected, PC_COUNT_OF(reflected) - left_out};
        pc_reflection_methods(&app->reflection, rows + count);
        count += PC_REFLECTION_METHODS;
    }
    if (app->config->listen.channelz) {
        pc_channelz_methods(rows + count);
        count += PC_CHANNELZ_METHODS;
    }
    return count;
}

/* The server's own port is asked, so that who is alive and yet serves no one is found. */
static void on_alive(void *self, bool alive)
{
    pc_app *app = self;
    PC_LOG(app->log, PC_LOG_ERROR, alive ? "server.answers_again" : "server.answers_no_more",
           pc_log_text("address", app->address));
    pc_health_set_all(app->health, alive);
    set_operator_state(app, alive ? PC_OPERATOR_READY : PC_OPERATOR_DRAINING);
}

static void on_dead(void *self)
{
    pc_app *app = self;
    PC_LOG(app->log, PC_LOG_ERROR, "server.dead", pc_log_text("address", app->address),
           pc_log_text("advice", "who supervises this process should start it anew"));
    pc_log_flush(app->log, pc_clock_after_ms(pc_clock_now_ns(), LAST_WORDS_MS));
    _exit(PC_EXIT_DEAD);
}

static bool quota_of(void *self, const char *caller, pc_quota *out)
{
    return pc_access_rules_quota(((pc_app *)self)->access_rules, caller, &out->rate, &out->burst);
}

static pc_status make_door(pc_app *app)
{
    const pc_config *c = app->config;
    const pc_door_options options = {
        .methods = PC_SERVICE_METHODS,
        .delay_bound_ms = c->door.max_delay,
        .quota_of = app->access_rules == NULL ? NULL : quota_of,
        .caller_quota = {(double)c->door.caller_rate, (double)c->door.caller_burst},
        .probe_interval_ms = c->door.probe_interval,
        .on_alive = on_alive,
        .on_dead = on_dead,
        .self = app,
    };
    return pc_door_new(&app->door, &options);
}

/* Descriptors that callers cannot take are kept for the upstream, the operator port and files. */
static size_t connections_max(const pc_config *c)
{
    size_t room = pc_rpc_connections_room((size_t)c->upstream.max_connections + OWN_DESCRIPTORS);
    size_t wanted = (size_t)c->listen.max_connections;
    return wanted > room ? room : wanted;
}

static pc_status start_server(pc_app *app)
{
    const pc_config *c = app->config;
    pc_status status = pc_health_new(&app->health, served, PC_COUNT_OF(served));
    if (!pc_status_ok(&status)) {
        return status;
    }
    status = make_door(app);
    if (!pc_status_ok(&status)) {
        return status;
    }
    pc_method rows[METHODS_MAX];
    size_t count = list_methods(app, rows);
    pc_access_rules_set_methods(app->access_rules, rows, count);
    status = make_page(app, rows, count);
    if (pc_status_ok(&status)) {
        status = pc_callers_new(&app->callers, c, app->log, rows, count, app->reload);
    }
    if (!pc_status_ok(&status)) {
        return status;
    }
    app->admission =
        (pc_admission){pc_callers_identity(app->callers), app->door, app->access_rules};
    const pc_rpc_options options = {
        .address = c->listen.address,
        .tls_certificate_file = given(c->listen.tls_certificate_file),
        .tls_key_file = given(c->listen.tls_key_file),
        .tls_client_ca_file = given(c->listen.tls_client_ca_file),
        .tls_client_optional = pc_callers_certificate_optional(c),
        .threads = (int)c->listen.rpc_threads,
        .request_bytes_max = (size_t)c->listen.max_request_bytes,
        .answer_bytes_max = (size_t)c->listen.max_response_bytes,
        .connections_max = connections_max(c),
        .connections_per_peer_max = (size_t)c->listen.max_connections_per_peer,
        .max_concurrent_streams = (int)c->listen.max_concurrent_streams,
        .connection_resets_max = (int)c->listen.max_resets,
        .unread_bytes_max = (size_t)c->listen.max_unread_bytes,
        .connection_unread_bytes_max = (size_t)c->listen.max_connection_unread_bytes,
        .unread_time_ms = c->listen.max_unread_time,
        .keepalive_ms = c->listen.keepalive_time,
        .keepalive_timeout_ms = c->listen.keepalive_timeout,
        .connection_age_ms = c->listen.max_connection_age,
        .connection_age_grace_ms = c->listen.max_connection_age_grace,
        .connection_idle_ms = c->listen.max_connection_idle,
        .channelz = c->listen.channelz,
        .compression_bytes_min = (size_t)c->listen.compression_min_bytes,
        .admit = admit,
        .wipe_memory = c->hardening.wipe_memory,
        .calls_left = calls_left,
        .sample = app->exporter == NULL ? NULL : sample,
        .count_begun = app->calls == NULL ? NULL : count_begun,
        .count_ended = app->calls == NULL ? NULL : count_ended,
        .on_call_ended = on_call_ended,
        .summarised_codes = told_codes(app),
        .on_handshake_refused = on_handshake_refused,
        .self = app,
    };
    status = pc_rpc_server_new(&app->server, &options, rows, count);
    if (!pc_status_ok(&status)) {
        return status;
    }
    status = pc_callers_check_socket(c);
    if (!pc_status_ok(&status)) {
        /* One that was not started cannot be drained. */
        pc_rpc_server_free(app->server);
        app->server = NULL;
        return status;
    }
    return pc_rpc_server_start(app->server);
}

/* ---- reloading ------------------------------------------------------------------------------- */

static pc_status start_reloading(pc_app *app)
{
    pc_status status = pc_reloading_add_tls(app->reload, app->config, app->server);
    if (pc_status_ok(&status)) {
        status = pc_access_rules_watch(app->access_rules, app->reload);
    }
    if (pc_status_ok(&status) && app->sandbox == NULL) {
        app->secret.upstream = app->upstream;
        status = pc_reloading_add_secret(app->reload, app->config, &app->secret);
    }
    return pc_status_ok(&status) ? pc_reload_start(app->reload) : status;
}

void pc_app_reload(pc_app *app)
{
    PC_LOG(app->log, PC_LOG_INFO, "reload.asked",
           pc_log_int("kinds", (int64_t)pc_reload_count(app->reload)));
    pc_reload_all(app->reload);
    if (app->audit.trail != NULL) {
        pc_audit_trail_reopen(app->audit.trail);
    }
}

/* Written beside its place and moved there, so that no one reads half of it. */
static pc_status write_ready_file(const pc_app *app)
{
    const char *path = app->config->listen.ready_file;
    if (path[0] == '\0') {
        return PC_OK;
    }
    char beside[4096];
    (void)snprintf(beside, sizeof beside, "%s.new", path);
    FILE *file = fopen(beside, "w");
    bool written = file != NULL && fprintf(file, "%s\n", app->address) > 0;
    written = file != NULL && fclose(file) == 0 && written && rename(beside, path) == 0;
    return written ? PC_OK
                   : pc_status_new(PC_CODE_FAILED_PRECONDITION, "READY_FILE_UNWRITABLE",
                                   "listen.ready_file: %s cannot be written", path);
}

/* ---- life ------------------------------------------------------------------------------------ */

pc_status pc_app_start(pc_app **out, const pc_config *config, pc_log *log)
{
    *out = NULL;
    pc_app *app = calloc(1, sizeof *app);
    if (app == NULL) {
        return pc_status_out_of_memory();
    }
    app->config = config;
    app->log = log;
    app->page.started_wall_ms = pc_clock_wall_ms();
    pc_status status = start_operator(app);
    if (pc_status_ok(&status)) {
        status = pc_trace_exporter_new(&app->exporter, config);
    }
    if (pc_status_ok(&status) && config->sandbox.enabled) {
        status = pc_setup_sandbox(&app->sandbox, config, log);
    }
    if (pc_status_ok(&status)) {
        status = pc_setup_upstream(&app->upstream, config, app->sandbox, log);
    }
    if (pc_status_ok(&status)) {
        status = make_engine(app);
    }
    if (pc_status_ok(&status)) {
        status = pc_access_rules_new(&app->access_rules, config, log);
    }
    if (pc_status_ok(&status)) {
        status = open_audit(app);
    }
    if (pc_status_ok(&status)) {
        status = make_service(app);
    }
    if (pc_status_ok(&status)) {
        status = pc_reloading_new(&app->reload, config, log);
    }
    if (pc_status_ok(&status)) {
        status = start_server(app);
    }
    if (pc_status_ok(&status)) {
        status = start_reloading(app);
    }
    if (pc_status_ok(&status)) {
        pc_listener_print(app->address, sizeof app->address, config->listen.address,
                          pc_rpc_server_port(app->server));
        app->page.server = app->server;
        app->page.door = app->door;
        pc_health_set_all(app->health, true);
        set_operator_state(app, PC_OPERATOR_READY);
        status = pc_door_watch(app->door, app->server, app->address);
    }
    if (pc_status_ok(&status)) {
        status =
            pc_upstream_watch_new(&app->watch, app->upstream, app->health, log, app->engine.timers);
    }
    if (pc_status_ok(&status)) {
        status = write_ready_file(app);
    }
    if (!pc_status_ok(&status)) {
        pc_app_stop(app);
        return status;
    }
    *out = app;
    return PC_OK;
}

pc_status pc_app_watch(pc_app *app, const pc_supervisor *supervisor)
{
    const pc_watchdog_parts parts = {supervisor, app->engine.timers, app->engine.workers,
                                     app->server};
    return supervisor->watchdog_ms == 0 ? PC_OK : pc_watchdog_new(&app->watchdog, &parts);
}

const char *pc_app_address(const pc_app *app)
{
    return app->address;
}

void pc_app_stop(pc_app *app)
{
    if (app == NULL) {
        return;
    }
    if (app->server != NULL) {
        pc_door_unwatch(app->door);
        set_operator_state(app, PC_OPERATOR_DRAINING);
        pc_health_stop(app->health);
        pc_rpc_server_drain(
            app->server, pc_clock_after_ms(pc_clock_now_ns(), app->config->listen.drain_timeout));
    }
    pc_watchdog_free(app->watchdog);
    /* Its page is about what ends next. */
    pc_operator_free(app->operator_port);
    pc_callers_stop(app->callers);
    pc_reload_free(app->reload);
    pc_status_history_stop(app->history);
    pc_upstream_watch_stop(app->watch);
    /* No call is left; fetches that no one waits for end here. */
    pc_context_engine_stop(&app->engine);
    pc_entity_client_free(app->upstream);
    pc_context_engine_end_threads(&app->engine);
    pc_rpc_server_free(app->server);
    pc_callers_free(app->callers);
    pc_door_free(app->door);
    pc_context_engine_close(&app->engine);
    pc_trace_exporter_free(app->exporter);
    pc_audit_trail_free(app->audit.trail);
    pc_health_free(app->health);
    pc_upstream_watch_free(app->watch);
    pc_status_history_free(app->history);
    pc_recent_calls_free(app->recent);
    pc_rpc_metrics_free(app->calls);
    pc_section_counts_free(app->section_counts);
    pc_access_rules_free(app->access_rules);
    pc_distribution_free(app->part_ages);
    pc_sandbox_child_stop(app->sandbox);
    OPENSSL_cleanse(&app->page_token_key, sizeof app->page_token_key);
    free(app);
}
