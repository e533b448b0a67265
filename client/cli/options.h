/* The command line: which command, for whom, and how. */
#ifndef PROFILECTL_OPTIONS_H
#define PROFILECTL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filter.h"
#include "person.h"

typedef enum {
    COMMAND_NONE = 0,
    COMMAND_CONTEXT = 1 << 0,
    COMMAND_PROFILE = 1 << 1,
    COMMAND_EVENTS = 1 << 2,
    COMMAND_SEGMENTS = 1 << 3,
    COMMAND_HEALTH = 1 << 4,
    COMMAND_IDENTITIES = 1 << 5,
    COMMAND_ENTITY = 1 << 6,
    COMMAND_DELETE = 1 << 7,
    COMMAND_BATCH = 1 << 8,
    COMMAND_BENCH = 1 << 9,
    COMMAND_PREFETCH = 1 << 10,
    COMMAND_POLICY = 1 << 11,
    COMMAND_AUDIT = 1 << 12 /* only for its help: see command_audit.h */
} command;

typedef enum { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER } colour_choice;

typedef enum { BATCH_INPUT_AUTO, BATCH_INPUT_LINES, BATCH_INPUT_CSV } batch_input_format;
typedef enum { BATCH_OUTPUT_NDJSON, BATCH_OUTPUT_CSV } batch_output_format;

typedef enum { BENCH_CONTEXT, BENCH_PROFILE, BENCH_EVENTS, BENCH_SEGMENTS } bench_method;
typedef enum { BENCH_CHECK_SAMPLE, BENCH_CHECK_ALL, BENCH_CHECK_NONE } bench_check;

enum { OPTIONS_PROBLEM_SIZE = 256, OPTIONS_LIST_MAX = 16 };

/* An option that may be given more than once. */
typedef struct {
    const char *items[OPTIONS_LIST_MAX];
    size_t count;
} option_list;

/* Strings borrow the arguments and the environment. */
typedef struct {
    command command;
    bool help;
    bool version;
    person person; /* of commands about a person */
    const char *health_service;
    const char *schema;     /* of entity: the XDM class */
    const char *input_file; /* of batch; NULL: standard input */

    const char *server;
    bool tls;
    const char *ca;
    const char *cert;
    const char *key;
    const char *server_name;
    const char *token_file; /* NULL: none */
    int64_t deadline_ms;    /* -1: none */
    const char *request_id;
    bool cost;

    const char *sandbox;      /* "": the server's default */
    const char *merge_policy; /* "": the server's default */
    const char *mask;         /* NULL: all */
    int64_t max_staleness_ms; /* -1: the server's default */
    int32_t event_limit;      /* of contexts; 0: the server's default */
    int32_t page_size;        /* 0: the server's default */
    const char *page_token;
    bool all;
    bool follow_pages;
    option_list event_types;
    filter filters[OPTIONS_LIST_MAX];
    size_t filter_count;
    int64_t since_ms; /* -1: not given */
    int64_t until_ms; /* -1: not given */
    bool oldest_first;
    bool yes; /* of delete: do not ask */

    bool profiles; /* of batch: attributes only */
    batch_input_format input;
    const char *namespace_code; /* NULL: the input names it */
    const char *id_column;      /* NULL: id */
    const char *output_file;    /* NULL: standard output */
    batch_output_format format;
    bool resume;
    bool skip_bad;
    int32_t retries;
    int32_t chunk_size;

    option_list persons;     /* of bench and prefetch: NAMESPACE:ID each */
    const char *id_file;     /* "-": standard input; NULL: none */
    const char *id_template; /* NULL: none */
    int64_t id_count;
    int64_t id_from;
    double zipf; /* below 0: in turn */
    int64_t seed;
    double miss_percent;
    const char *miss_template; /* NULL: none */
    int64_t miss_from;
    bench_method method;
    int64_t in_flight;
    int64_t connections;
    double rate;         /* a second; 0: closed loop */
    int64_t duration_ms; /* 0: until there are so many requests */
    int64_t requests;    /* 0: until the duration is over */
    int64_t warmup_ms;
    bench_check check;
    int64_t sample;             /* looks into one answer of so many */
    const char *histogram_file; /* NULL: none */

    const char *policy_action; /* of policy: test or check */
    const char *policy_file;
    const char *config_file;   /* the server's; NULL: not given */
    const char *policy_caller; /* NULL: one without a name */
    const char *rpc;
    const char *purpose;     /* of policy, and of calls about persons; NULL: not stated */
    const char *fields;      /* NULL: all */
    const char *criticality; /* NULL: not claimed */

    bool json;
    colour_choice colour;
} options;

/* Reads the arguments; moments such as 30d count back from `now_ms`. False when they are wrong,
 * with one sentence in `problem`. */
bool options_parse(options *out, int argc, const char *const *argv, int64_t now_ms,
                   char problem[OPTIONS_PROBLEM_SIZE]);

/* The name of a command; "" for none. */
const char *options_command_name(command which);

/* Whether the command reads answers that go on, which have no deadline unless one is given. */
bool options_streams(const options *of);

#endif
