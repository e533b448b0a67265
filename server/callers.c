/* From the keys of identity.* to the identity that knows callers, and the keys that it needs. */
#include "callers.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "jwks_fetch.h"
#include "telemetry/metrics_text.h"
#include "util/file.h"

enum { LIST_MAX = 32, KEYS_RETRY_MS = 30000 };

/* A comma-separated list of the configuration, taken apart. */
typedef struct {
    char *copy;
    const char *names[LIST_MAX];
    size_t count;
} text_list;

struct pc_callers {
    const pc_config *config;
    pc_identity *identity; /* NULL: nobody need be named */
    text_list audiences;
    text_list proxies;
    pc_jwks_fetch *fetch; /* NULL: keys come from a file, or there are none */
    pc_reload *reload;
    size_t keys; /* their handle in `reload` */
};

/* ---- configuration --------------------------------------------------------------------------- */

static pc_status split_list(text_list *out, const char *text)
{
    out->copy = strdup(text);
    if (out->copy == NULL) {
        return pc_status_out_of_memory();
    }
    char *rest = NULL;
    for (char *name = strtok_r(out->copy, ", ", &rest); name != NULL && out->count < LIST_MAX;
         name = strtok_r(NULL, ", ", &rest)) {
        out->names[out->count++] = name;
    }
    return PC_OK;
}

static pc_identity_mode mode_of(const pc_config *config)
{
    if (config->identity.mode == 0) {
        return config->listen.tls_client_ca_file[0] == '\0' ? PC_IDENTITY_NONE
                                                            : PC_IDENTITY_CERTIFICATE;
    }
    return (pc_identity_mode)(config->identity.mode - 1);
}

bool pc_callers_certificate_optional(const pc_config *config)
{
    pc_identity_mode mode = mode_of(config);
    return mode == PC_IDENTITY_TOKEN || mode == PC_IDENTITY_CERTIFICATE_OR_TOKEN;
}

/* Load balancers ask for health, and have no name. */
static uint64_t open_methods(const pc_config *config, const pc_method *methods, size_t count)
{
    static const char *const open[] = {"/grpc.health.v1.Health/Check",
                                       "/grpc.health.v1.Health/Watch"};
    uint64_t bits = 0;
    for (size_t i = 0; config->identity.open_health && i < count && i < 64; i++) {
        for (size_t o = 0; o < PC_COUNT_OF(open); o++) {
            bits |= strcmp(methods[i].path, open[o]) == 0 ? UINT64_C(1) << i : 0;
        }
    }
    return bits;
}

/* ---- keys ------------------------------------------------------------------------------------ */

static pc_status load_file(pc_callers *callers)
{
    char *bytes = NULL;
    size_t size;
    pc_status status = pc_file_read(&bytes, &size, callers->config->identity.jwks_file,
                                    PC_JWKS_BYTES_MAX, "JWKS_INVALID");
    if (pc_status_ok(&status)) {
        status = pc_identity_set_keys(callers->identity, bytes, size);
    }
    free(bytes);
    return status;
}

static pc_status load_url(pc_callers *callers)
{
    pc_slice *bytes = NULL;
    pc_status status = pc_jwks_fetch_get(callers->fetch, &bytes);
    if (pc_status_ok(&status)) {
        status =
            pc_identity_set_keys(callers->identity, pc_slice_bytes(bytes), pc_slice_size(bytes));
    }
    pc_slice_unref(bytes);
    return status;
}

static pc_status load_keys(void *self)
{
    pc_callers *callers = self;
    return callers->fetch == NULL ? load_file(callers) : load_url(callers);
}

static void ask_for_keys(void *self)
{
    pc_callers *callers = self;
    pc_reload_ask(callers->reload, callers->keys);
}

/* Without a file's keys there is no start; those of a URL may come later, as its server may. */
static pc_status watch_keys(pc_callers *callers)
{
    const pc_config *c = callers->config;
    const char *const path = c->identity.jwks_file;
    pc_reload_item item = {.kind = "jwks", .load = load_keys, .self = callers};
    if (c->identity.jwks_url[0] != '\0') {
        const char *ca = c->identity.jwks_ca_file;
        pc_status status =
            pc_jwks_fetch_new(&callers->fetch, c->identity.jwks_url, ca[0] == '\0' ? NULL : ca);
        if (!pc_status_ok(&status)) {
            return status;
        }
        item.every_ms = c->identity.jwks_refresh;
        item.retry_ms = KEYS_RETRY_MS < item.every_ms ? KEYS_RETRY_MS : item.every_ms;
        item.may_come_later = true;
    } else if (path[0] != '\0') {
        item.paths = &path;
        item.path_count = 1;
    } else {
        return PC_OK;
    }
    return pc_reload_add(callers->reload, &item, &callers->keys);
}

/* ---- life ------------------------------------------------------------------------------------ */

static pc_status make_identity(pc_callers *callers, uint64_t open)
{
    const pc_config *c = callers->config;
    const char *header = c->identity.forwarded_header;
    pc_identity_options options = {
        .mode = mode_of(c),
        .remembered_tokens = (size_t)c->identity.remembered_tokens,
        .refused_token_rate = (double)c->identity.refused_token_rate,
        .forwarded_header = header[0] == '\0' ? NULL : header,
        .trust_unix_socket = c->identity.trust_unix_socket,
        .open_methods = open,
        .ask_for_keys = ask_for_keys,
        .self = callers,
        .ask_gap_ms = c->identity.jwks_ask_gap,
    };
    if (options.mode == PC_IDENTITY_NONE && options.forwarded_header == NULL) {
        return PC_OK;
    }
    pc_status status = split_list(&callers->audiences, c->identity.audience);
    if (pc_status_ok(&status)) {
        status = split_list(&callers->proxies, c->identity.proxies);
    }
    if (!pc_status_ok(&status)) {
        return status;
    }
    options.rules = (pc_jwt_rules){
        .issuer = c->identity.issuer,
        .audiences = callers->audiences.names,
        .audience_count = callers->audiences.count,
        .claim = c->identity.caller_claim,
        .prefix = c->identity.caller_prefix,
        .skew_s = c->identity.clock_skew / 1000,
    };
    options.proxies = callers->proxies.names;
    options.proxy_count = callers->proxies.count;
    status = pc_identity_new(&callers->identity, &options);
    return pc_status_ok(&status) ? watch_keys(callers) : status;
}

pc_status pc_callers_new(pc_callers **out, const pc_config *config, pc_log *log,
                         const pc_method *methods, size_t method_count, pc_reload *reload)
{
    *out = NULL;
    pc_callers *callers = calloc(1, sizeof *callers);
    if (callers == NULL) {
        return pc_status_out_of_memory();
    }
    callers->config = config;
    callers->reload = reload;
    pc_status status = make_identity(callers, open_methods(config, methods, method_count));
    if (!pc_status_ok(&status)) {
        pc_callers_free(callers);
        return status;
    }
    if (mode_of(config) == PC_IDENTITY_NONE) {
        PC_LOG(log, PC_LOG_WARN, "identity.none",
               pc_log_text("advice", "callers need not say who they are; see identity.mode"));
    }
    *out = callers;
    return PC_OK;
}

pc_identity *pc_callers_identity(const pc_callers *callers)
{
    return callers->identity;
}

pc_status pc_callers_check_socket(const pc_config *config)
{
    struct stat about;
    const char *path = config->listen.address + strlen("unix:");
    if (!config->identity.trust_unix_socket || stat(path, &about) != 0 ||
        (about.st_mode & S_IWOTH) == 0) {
        return PC_OK;
    }
    return pc_status_new(PC_CODE_FAILED_PRECONDITION, "SOCKET_OPEN_TO_ALL",
                         "%s: everyone may connect to it, and say to be anyone "
                         "(identity.trust_unix_socket); start with a stricter umask",
                         path);
}

void pc_callers_write_metrics(const pc_callers *callers, pc_buffer *out)
{
    static const char tokens[] = "profilecontext_identity_tokens_total";
    static const char unverified[] = "profilecontext_identity_unverified_tokens_total";
    static const char refused[] = "profilecontext_identity_refused_total";
    pc_identity_figures figures = {0};
    if (callers->identity != NULL) {
        pc_identity_read(callers->identity, &figures);
    }
    const pc_metric_label remembered = {"how", "remembered"};
    const pc_metric_label verified = {"how", "verified"};
    pc_metrics_head(out, tokens, PC_METRIC_COUNTER,
                    "Bearer tokens that were accepted: those that were verified, and those that "
                    "were known from before.");
    pc_metrics_count(out, tokens, &remembered, 1, figures.remembered);
    pc_metrics_count(out, tokens, &verified, 1, figures.verified);
    const pc_metric_label known = {"reason", "known"};
    const pc_metric_label too_many = {"reason", "too_many"};
    pc_metrics_head(out, unverified, PC_METRIC_COUNTER,
                    "Bearer tokens refused without being verified: those that were refused shortly "
                    "before, and those that came while there were too many bad ones.");
    pc_metrics_count(out, unverified, &known, 1, figures.refused_again);
    pc_metrics_count(out, unverified, &too_many, 1, figures.unverified);
    pc_metrics_head(out, refused, PC_METRIC_COUNTER,
                    "Calls refused since nobody, or nobody in a way that counts, was named.");
    pc_metrics_count(out, refused, NULL, 0, figures.refused);
}

void pc_callers_stop(pc_callers *callers)
{
    if (callers != NULL) {
        pc_jwks_fetch_stop(callers->fetch);
    }
}

void pc_callers_free(pc_callers *callers)
{
    if (callers == NULL) {
        return;
    }
    pc_identity_free(callers->identity);
    pc_jwks_fetch_free(callers->fetch);
    free(callers->audiences.copy);
    free(callers->proxies.copy);
    free(callers);
}
