/* A function for each thing that can be loaded anew. */
#include "reloading.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "telemetry/metrics_text.h"

/* ---- telling --------------------------------------------------------------------------------- */

static void on_loaded(void *self, const char *kind, const pc_status *status)
{
    pc_log *log = self;
    if (pc_status_ok(status)) {
        PC_LOG(log, PC_LOG_INFO, "reload.done", pc_log_text("kind", kind));
    } else {
        PC_LOG(log, PC_LOG_ERROR, "reload.failed", pc_log_text("kind", kind),
               pc_log_text("reason", pc_status_reason(status)),
               pc_log_text("message", pc_status_message(status)),
               pc_log_text("advice", "what was loaded before stays in use"));
    }
}

static void write_counts(const pc_reload *reload, pc_buffer *out)
{
    static const char name[] = "profilecontext_reloads_total";
    pc_metrics_head(out, name, PC_METRIC_COUNTER,
                    "Times that certificates, secrets and the like were loaded, the first at start "
                    "included.");
    for (size_t i = 0; i < pc_reload_count(reload); i++) {
        pc_reload_figures figures;
        pc_reload_read(reload, i, &figures);
        const pc_metric_label good[] = {{"kind", figures.kind}, {"outcome", "success"}};
        const pc_metric_label bad[] = {{"kind", figures.kind}, {"outcome", "failure"}};
        pc_metrics_count(out, name, good, PC_COUNT_OF(good), figures.successes);
        pc_metrics_count(out, name, bad, PC_COUNT_OF(bad), figures.failures);
    }
}

static void write_times(const pc_reload *reload, pc_buffer *out)
{
    static const char name[] = "profilecontext_reload_last_success_timestamp_seconds";
    pc_metrics_head(out, name, PC_METRIC_GAUGE, "When it last went well; 0: never.");
    for (size_t i = 0; i < pc_reload_count(reload); i++) {
        pc_reload_figures figures;
        pc_reload_read(reload, i, &figures);
        const pc_metric_label label = {"kind", figures.kind};
        pc_metrics_number(out, name, &label, 1, (double)figures.success_wall_ms / 1000);
    }
}

static void write_expiry(const pc_rpc_server *server, pc_buffer *out)
{
    static const char name[] = "profilecontext_certificate_expiry_timestamp_seconds";
    const pc_tls_expiry expiry = pc_rpc_server_tls_expiry(server);
    const pc_metric_label own = {"certificate", "server"};
    const pc_metric_label ca = {"certificate", "client_ca"};
    pc_metrics_head(out, name, PC_METRIC_GAUGE, "When the certificates in use expire.");
    if (expiry.certificate_s != 0) {
        pc_metrics_number(out, name, &own, 1, (double)expiry.certificate_s);
    }
    if (expiry.client_ca_s != 0) {
        pc_metrics_number(out, name, &ca, 1, (double)expiry.client_ca_s);
    }
}

void pc_reloading_write_metrics(const pc_reload *reload, const pc_rpc_server *server,
                                pc_buffer *out)
{
    write_counts(reload, out);
    write_times(reload, out);
    write_expiry(server, out);
}

pc_status pc_reloading_new(pc_reload **out, const pc_config *config, pc_log *log)
{
    const pc_reload_options options = {config->reload.interval, on_loaded, log};
    return pc_reload_new(out, &options);
}

/* ---- certificates ---------------------------------------------------------------------------- */

static pc_status load_tls(void *self)
{
    return pc_rpc_server_reload_tls(self);
}

pc_status pc_reloading_add_tls(pc_reload *reload, const pc_config *config, pc_rpc_server *server)
{
    const char *const paths[] = {config->listen.tls_certificate_file, config->listen.tls_key_file,
                                 config->listen.tls_client_ca_file};
    if (paths[0][0] == '\0') {
        return PC_OK;
    }
    const pc_reload_item item = {
        .kind = "certificate",
        .paths = paths,
        .path_count = paths[2][0] == '\0' ? 2 : 3,
        .load = load_tls,
        .self = server,
    };
    return pc_reload_add(reload, &item, NULL);
}

/* ---- the client secret ----------------------------------------------------------------------- */

static pc_status load_secret(void *self)
{
    const pc_reloading_secret *secret = self;
    char *text = NULL;
    pc_status status = pc_config_read_secret(&text, secret->path);
    if (text != NULL) {
        status = pc_entity_set_client_secret(secret->upstream, text);
        OPENSSL_cleanse(text, strlen(text));
        free(text);
    }
    return status;
}

pc_status pc_reloading_add_secret(pc_reload *reload, const pc_config *config,
                                  pc_reloading_secret *secret)
{
    secret->path = config->upstream.client_secret_file;
    /* One of a variable is as fixed as the variable. */
    if (strcmp(pc_config_source(config, "upstream.client_secret"), "secret file") != 0) {
        return PC_OK;
    }
    const pc_reload_item item = {
        .kind = "client_secret",
        .paths = &secret->path,
        .path_count = 1,
        .load = load_secret,
        .self = secret,
    };
    return pc_reload_add(reload, &item, NULL);
}
