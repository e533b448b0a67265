/* Each part that decides has a line in pc_admission_admit, and a refusal by any of them passes one
 * place. */
#include "admission.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "identity/identity.h"
#include "jwks_fetch.h"
#include "telemetry/metrics_text.h"

enum { LIST_MAX = 32, KEYS_RETRY_MS = 30000 };

/* A comma-separated list of the configuration, taken apart. */
typedef struct {
    char *copy;
    const char *names[LIST_MAX];
    size_t count;
} text_list;

struct pc_admission {
    const pc_config *config;
    pc_door *door;
    pc_identity *identity; /* NULL: nobody need be named */
    text_list audiences;
    text_list proxies;
    pc_jwks_fetch *fetch; /* NULL: keys come from a file, or there are none */
    pc_reload *reload;
    size_t keys; /* their handle in `reload` */
};

/* ---- deciding -------------------------------------------------------------------------------- */

pc_status pc_admission_admit(pc_admission *admission, pc_call *call, size_t method)
{
    pc_status status =
        admission->identity == NULL ? PC_OK : pc_identity_admit(admission->identity, call, method);
    return pc_status_ok(&status) ? pc_door_admit(admission->door, call, method) : status;
}

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

bool pc_admission_certificate_optional(const pc_config *config)
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

static pc_status read_keys(pc_slice **out, const char *path)
{
    *out = NULL;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return pc_status_new(PC_CODE_FAILED_PRECONDITION, "JWKS_INVALID", "%s: cannot be read: %s",
                             path, strerror(errno));
    }
    pc_buffer text;
    pc_buffer_init(&text, PC_JWKS_BYTES_MAX + 1);
    uint8_t block[4096];
    for (size_t n; !text.failed && (n = fread(block, 1, sizeof block, file)) > 0;) {
        pc_buffer_append(&text, block, n);
    }
    bool broken = ferror(file) != 0;
    (void)fclose(file);
    *out = broken ? NULL : pc_buffer_take_slice(&text);
    pc_buffer_deinit(&text);
    return *out != NULL ? PC_OK
                        : pc_status_new(PC_CODE_FAILED_PRECONDITION, "JWKS_INVALID",
                                        "%s: cannot be read, or is larger than 256 KiB", path);
}

static pc_status load_keys(void *self)
{
    pc_admission *admission = self;
    pc_slice *bytes = NULL;
    pc_status status = admission->fetch != NULL
                           ? pc_jwks_fetch_get(admission->fetch, &bytes)
                           : read_keys(&bytes, admission->config->identity.jwks_file);
    if (pc_status_ok(&status)) {
        status =
            pc_identity_set_keys(admission->identity, pc_slice_bytes(bytes), pc_slice_size(bytes));
    }
    pc_slice_unref(bytes);
    return status;
}

static void ask_for_keys(void *self)
{
    pc_admission *admission = self;
    pc_reload_ask(admission->reload, admission->keys);
}

/* Without a file's keys there is no start; those of a URL may come later, as its server may. */
static pc_status watch_keys(pc_admission *admission)
{
    const pc_config *c = admission->config;
    const char *const path = c->identity.jwks_file;
    pc_reload_item item = {.kind = "jwks", .load = load_keys, .self = admission};
    if (c->identity.jwks_url[0] != '\0') {
        const char *ca = c->identity.jwks_ca_file;
        pc_status status =
            pc_jwks_fetch_new(&admission->fetch, c->identity.jwks_url, ca[0] == '\0' ? NULL : ca);
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
    return pc_reload_add(admission->reload, &item, &admission->keys);
}

/* ---- life ------------------------------------------------------------------------------------ */

static pc_status make_identity(pc_admission *admission, uint64_t open)
{
    const pc_config *c = admission->config;
    const char *header = c->identity.forwarded_header;
    pc_identity_options options = {
        .mode = mode_of(c),
        .remembered_tokens = (size_t)c->identity.remembered_tokens,
        .forwarded_header = header[0] == '\0' ? NULL : header,
        .trust_unix_socket = c->identity.trust_unix_socket,
        .open_methods = open,
        .ask_for_keys = ask_for_keys,
        .self = admission,
        .ask_gap_ms = c->identity.jwks_ask_gap,
    };
    if (options.mode == PC_IDENTITY_NONE && options.forwarded_header == NULL) {
        return PC_OK;
    }
    pc_status status = split_list(&admission->audiences, c->identity.audience);
    if (pc_status_ok(&status)) {
        status = split_list(&admission->proxies, c->identity.proxies);
    }
    if (!pc_status_ok(&status)) {
        return status;
    }
    options.rules = (pc_jwt_rules){
        .issuer = c->identity.issuer,
        .audiences = admission->audiences.names,
        .audience_count = admission->audiences.count,
        .claim = c->identity.caller_claim,
        .prefix = c->identity.caller_prefix,
        .skew_s = c->identity.clock_skew / 1000,
    };
    options.proxies = admission->proxies.names;
    options.proxy_count = admission->proxies.count;
    status = pc_identity_new(&admission->identity, &options);
    return pc_status_ok(&status) ? watch_keys(admission) : status;
}

pc_status pc_admission_new(pc_admission **out, const pc_config *config, pc_log *log,
                           const pc_method *methods, size_t method_count, pc_reload *reload,
                           pc_door *door)
{
    *out = NULL;
    pc_admission *admission = calloc(1, sizeof *admission);
    if (admission == NULL) {
        return pc_status_out_of_memory();
    }
    admission->config = config;
    admission->reload = reload;
    admission->door = door;
    pc_status status = make_identity(admission, open_methods(config, methods, method_count));
    if (!pc_status_ok(&status)) {
        pc_admission_free(admission);
        return status;
    }
    if (mode_of(config) == PC_IDENTITY_NONE) {
        PC_LOG(log, PC_LOG_WARN, "identity.none",
               pc_log_text("advice", "callers need not say who they are; see identity.mode"));
    }
    *out = admission;
    return PC_OK;
}

void pc_admission_write_metrics(const pc_admission *admission, pc_buffer *out)
{
    static const char tokens[] = "profilecontext_identity_tokens_total";
    static const char refused[] = "profilecontext_identity_refused_total";
    pc_identity_figures figures = {0};
    if (admission->identity != NULL) {
        pc_identity_read(admission->identity, &figures);
    }
    const pc_metric_label remembered = {"how", "remembered"};
    const pc_metric_label verified = {"how", "verified"};
    pc_metrics_head(out, tokens, PC_METRIC_COUNTER,
                    "Bearer tokens that were accepted: those that were verified, and those that "
                    "were known from before.");
    pc_metrics_count(out, tokens, &remembered, 1, figures.remembered);
    pc_metrics_count(out, tokens, &verified, 1, figures.verified);
    pc_metrics_head(out, refused, PC_METRIC_COUNTER,
                    "Calls refused since nobody, or nobody in a way that counts, was named.");
    pc_metrics_count(out, refused, NULL, 0, figures.refused);
}

void pc_admission_stop(pc_admission *admission)
{
    if (admission != NULL) {
        pc_jwks_fetch_stop(admission->fetch);
    }
}

void pc_admission_free(pc_admission *admission)
{
    if (admission == NULL) {
        return;
    }
    pc_identity_free(admission->identity);
    pc_jwks_fetch_free(admission->fetch);
    free(admission->audiences.copy);
    free(admission->proxies.copy);
    free(admission);
}
