/* The configuration: one immutable value, read at start from flags, environment and one YAML file,
 * in this order of precedence, over defaults. config_table.c is the one place that knows the keys;
 * readers, help and --print-config are made from it.
 *
 * Every key `group.name` is a flag `--group-name VALUE` and a variable PROFILE_CONTEXT_GROUP_NAME.
 * Secrets come from a file that a key names, or from the environment; never from a flag or from
 * YAML, where they would be seen in process lists and copies.
 * Threads: a configuration never changes. */
#ifndef PC_CONFIG_CONFIG_H
#define PC_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "util/status.h"

typedef enum { PC_LOG_FORMAT_AUTO, PC_LOG_FORMAT_JSON, PC_LOG_FORMAT_TEXT } pc_config_log_format;

typedef enum {
    PC_VALUE_NUMBER,
    PC_VALUE_STRING,
    PC_VALUE_BOOLEAN,
    PC_VALUE_TIMESTAMP,
    PC_VALUE_LIST
} pc_config_value_type;

/* One configured insight; see `insights` in example.yaml. Texts are owned by the configuration. */
typedef struct {
    char *name;
    char *path;
    pc_config_value_type type;
    int kind; /* number of profilecontext.v1.InsightKind */
    char *unit;
    int direction;  /* number of profilecontext.v1.InsightDirection */
    int propensity; /* number of profilecontext.v1.Propensity */
    bool has_bounds;
    double low_below;
    double high_above;
    char *factors_path;
} pc_config_insight;

/* Texts are owned by the configuration and never NULL; "" is "not given". Durations are in
 * milliseconds, sizes in bytes. */
typedef struct {
    struct {
        char *address;
        char *ready_file;
        char *tls_certificate_file;
        char *tls_key_file;
        char *tls_client_ca_file;
        int64_t rpc_threads;
        int64_t max_request_bytes;
        int64_t max_response_bytes;
        int64_t max_connections;
        int64_t max_connections_per_peer;
        int64_t max_concurrent_streams;
        int64_t max_resets;
        int64_t max_unread_bytes;
        int64_t max_connection_unread_bytes;
        int64_t max_unread_time;
        int64_t keepalive_time;
        int64_t keepalive_timeout;
        int64_t max_connection_age;
        int64_t max_connection_age_grace;
        int64_t max_connection_idle;
        int64_t compression_min_bytes;
        bool reflection;
        bool channelz;
        int64_t drain_timeout;
    } listen;
    struct {
        int64_t interval;
    } reload;
    struct {
        int64_t mode; /* 0: auto, else one more than pc_identity_mode */
        bool open_health;
        char *issuer;
        char *audience;
        char *jwks_file;
        char *jwks_url;
        char *jwks_ca_file;
        int64_t jwks_refresh;
        int64_t jwks_ask_gap;
        int64_t clock_skew;
        char *caller_claim;
        char *caller_prefix;
        int64_t remembered_tokens;
        int64_t refused_token_rate;
        bool allow_plain_tokens;
        char *forwarded_header;
        char *proxies;
        bool trust_unix_socket;
    } identity;
    struct {
        int64_t caller_rate;
        int64_t caller_burst;
        int64_t max_delay;
        int64_t probe_interval;
    } door;
    struct {
        char *address;
        int64_t slow_call;
    } operator;
    struct {
        int64_t deadline;
        int64_t max_deadline;
        int64_t stream_deadline;
        int64_t answer_margin;
        int64_t event_limit;
        int64_t event_limit_max;
        int64_t event_window;
    } defaults;
    struct {
        char *base_url;
        char *ims_url;
        char *identity_url;
        char *client_id;
        char *client_secret; /* a secret */
        char *client_secret_file;
        char *scopes;
        char *org_id;
        char *sandbox;
        char *merge_policy;
        int64_t connect_timeout;
        int64_t timeout;
        int64_t attempt_timeout;
        int64_t token_timeout;
        int64_t retry_percent;
        int64_t dns_ttl;
        int64_t connection_age;
        int64_t body_bytes_max;
        int64_t max_connections;
        int64_t http2_connections;
        int64_t max_in_flight;
        int64_t hedge_after;
        int64_t hedge_percent;
        int64_t join_window;
        int64_t join_most;
        char *ca_file;
        bool allow_plain_http;
        bool quote_property_texts;
    } upstream;
    struct {
        int64_t failure_percent;
        int64_t min_calls;
        int64_t window;
        int64_t open;
        int64_t probes;
    } breaker;
    struct {
        int64_t parallel;
        int64_t chunk_size;
    } batch;
    struct {
        int64_t max_waiting;
    } prefetch;
    struct {
        bool delete_profiles;
        char *policy_file;
    } access;
    struct {
        char *lifetime_value;
        int64_t campaign_contacts;
        char *case_id_path;
        char *case_status_path;
        char *case_subject_path;
        char *case_closed;
    } summary;
    struct {
        int64_t name_ttl;
        int64_t missing_ttl;
        int64_t name_wait;
        int64_t names_max;
    } audiences;
    struct {
        int64_t rate;
        int64_t burst;
        int64_t caller_share_percent;
        int64_t max_concurrent;
        int64_t min_concurrent;
        int64_t slow; /* ms */
    } budget;
    struct {
        int64_t max_bytes;
        int64_t events;
        int64_t profile_fresh;
        int64_t events_fresh;
        int64_t segments_fresh;
        int64_t identities_fresh;
        int64_t insights_fresh;
        int64_t revalidate;
        int64_t stale_if_error;
        int64_t missing_fresh;
        int64_t refresh_ahead_percent;
        bool link_identities;
    } cache;
    struct {
        char *key; /* a secret */
        char *key_file;
    } page_token;
    struct {
        int64_t level; /* number of pc_log_level */
        int64_t format;
        char *identity_key; /* a secret */
        char *identity_key_file;
    } log;
    struct {
        char *endpoint;
        int64_t sample_percent;
        char *service_name;
        char *ca_file;
    } tracing;
    struct {
        char *file;
        int64_t sync;
        int64_t rotate_bytes;
        int64_t refused_rate;
    } audit;
    struct {
        bool wipe_memory;
    } hardening;
    struct {
        bool enabled;
        char *program;
        char *database;
        char *load;
        int64_t generate;
        int64_t seed;
        char *delay;
    } sandbox;
    pc_config_insight *insights;
    size_t insight_count;
    const char **sources; /* of each key of the table: "default", "file", ... */
} pc_config;

/* What the command line asks for besides keys. */
typedef struct {
    const char *config_file; /* NULL: none; borrowed from argv or the environment */
    bool check_config;
    bool check_upstream;
    const char *check_person; /* NULL: none; borrowed likewise */
    bool json;                /* of check_upstream */
    bool print_config;
    bool allow_core_dumps;
    bool help;
    bool version;
} pc_config_command;

/* Collects what is wrong, one line each, so that one start tells all of it. */
typedef struct {
    char **lines; /* owned */
    size_t count;
    size_t capacity;
    bool lost; /* there was no memory for a line */
} pc_config_errors;

/* Reads everything. Always fills `*command`. When the command asks for help or the version, nothing
 * more is read and `*out` is NULL. `environment` is the NULL-terminated list of NAME=VALUE. `*out`
 * is owned: pc_config_free. False when something is wrong: then `errors` says what and `*out` is
 * NULL. */
PC_NODISCARD bool pc_config_load(pc_config **out, pc_config_command *command,
                                 pc_config_errors *errors, int argc, char *const *argv,
                                 char *const *environment);

/* Reads what a file says alone, over defaults: for tools that look at a server's configuration,
 * where its secrets and its environment are not. Nothing is required. As pc_config_load otherwise.
 */
PC_NODISCARD bool pc_config_read(pc_config **out, pc_config_errors *errors, const char *path);

/* Wipes the values of the variables that hold secrets, in the environment itself: the system shows
 * it to whoever may look at the process, and children inherit it. */
void pc_config_wipe_environment(char *const *environment);

/* Reads the secret in a file, one line. Owned by the caller, who wipes it. Errors: what is wrong
 * with the file, as FAILED_PRECONDITION with reason SECRET_FILE_INVALID. */
PC_NODISCARD pc_status pc_config_read_secret(char **out, const char *path);

/* Where the value of a key came from: "default", "file", "secret file", "environment" or "flag". */
const char *pc_config_source(const pc_config *config, const char *key);

/* Wipes the secrets and frees. NULL is allowed. */
void pc_config_free(pc_config *config);

void pc_config_errors_deinit(pc_config_errors *errors);

/* Prints what --help shows. */
void pc_config_print_help(FILE *out);

/* Calls `fn` with each key, its value as it would be written (a secret as "(hidden)") and where it
 * came from. The texts are borrowed for the call. */
void pc_config_visit(const pc_config *config,
                     void (*fn)(void *self, const char *key, const char *value, const char *source),
                     void *self);

/* Prints the configuration as YAML, each key with where it came from, secrets hidden. */
void pc_config_print(FILE *out, const pc_config *config);

#endif
