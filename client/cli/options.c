/* The command line. */
#include "options.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options_bench.h"
#include "options_persons.h"
#include "times.h"
#include "token_file.h"

enum {
    ANY_COMMAND = ~0,
    PERSON_COMMANDS = COMMAND_CONTEXT | COMMAND_PROFILE | COMMAND_EVENTS | COMMAND_SEGMENTS |
                      COMMAND_IDENTITIES | COMMAND_ENTITY | COMMAND_DELETE | COMMAND_BATCH |
                      COMMAND_BENCH | COMMAND_PREFETCH,
    FRESH_COMMANDS = PERSON_COMMANDS & ~COMMAND_DELETE,
    MASKED_COMMANDS = FRESH_COMMANDS,
    PAGED_COMMANDS = COMMAND_EVENTS | COMMAND_SEGMENTS,
    CONTEXT_COMMANDS = COMMAND_CONTEXT | COMMAND_BATCH | COMMAND_BENCH,
    LIST_COMMANDS = COMMAND_BATCH | COMMAND_BENCH | COMMAND_PREFETCH,
    CALLING_COMMANDS = ~COMMAND_POLICY,
};

static const struct {
    const char *name;
    command which;
} commands[] = {
    {"context", COMMAND_CONTEXT},   {"profile", COMMAND_PROFILE},
    {"events", COMMAND_EVENTS},     {"segments", COMMAND_SEGMENTS},
    {"batch", COMMAND_BATCH},       {"identities", COMMAND_IDENTITIES},
    {"entity", COMMAND_ENTITY},     {"delete", COMMAND_DELETE},
    {"health", COMMAND_HEALTH},     {"bench", COMMAND_BENCH},
    {"prefetch", COMMAND_PREFETCH}, {"policy", COMMAND_POLICY},
};

typedef enum {
    KIND_FLAG,
    KIND_TEXT,
    KIND_LIST,
    KIND_FILTER,
    KIND_SPAN,
    KIND_MOMENT,
    KIND_COUNT,
    KIND_RETRIES,
    KIND_WHOLE,
    KIND_NUMBER,
    KIND_COLOUR,
    KIND_INPUT,
    KIND_OUTPUT,
    KIND_METHOD,
    KIND_CHECK
} option_kind;

typedef struct {
    const char *name;
    option_kind kind;
    size_t offset; /* of its place in options */
    int commands;  /* that take it */
} option_row;

#define AT(member) offsetof(options, member)

static const option_row rows[] = {
    {"help", KIND_FLAG, AT(help), ANY_COMMAND},
    {"version", KIND_FLAG, AT(version), ANY_COMMAND},
    {"server", KIND_TEXT, AT(server), CALLING_COMMANDS},
    {"tls", KIND_FLAG, AT(tls), CALLING_COMMANDS},
    {"ca", KIND_TEXT, AT(ca), CALLING_COMMANDS},
    {"cert", KIND_TEXT, AT(cert), CALLING_COMMANDS},
    {"key", KIND_TEXT, AT(key), CALLING_COMMANDS},
    {"server-name", KIND_TEXT, AT(server_name), CALLING_COMMANDS},
    {"token-file", KIND_TEXT, AT(token_file), CALLING_COMMANDS},
    {"deadline", KIND_SPAN, AT(deadline_ms), CALLING_COMMANDS},
    {"request-id", KIND_TEXT, AT(request_id), CALLING_COMMANDS & ~COMMAND_BENCH},
    {"json", KIND_FLAG, AT(json), ANY_COMMAND},
    {"color", KIND_COLOUR, AT(colour), ANY_COMMAND},
    {"cost", KIND_FLAG, AT(cost), CALLING_COMMANDS & ~(COMMAND_HEALTH | COMMAND_BENCH)},
    {"sandbox", KIND_TEXT, AT(sandbox), PERSON_COMMANDS | COMMAND_POLICY},
    {"merge-policy", KIND_TEXT, AT(merge_policy), PERSON_COMMANDS | COMMAND_POLICY},
    {"max-staleness", KIND_SPAN, AT(max_staleness_ms), FRESH_COMMANDS | COMMAND_POLICY},
    {"mask", KIND_TEXT, AT(mask), MASKED_COMMANDS},
    {"event-limit", KIND_COUNT, AT(event_limit), CONTEXT_COMMANDS},
    {"page-size", KIND_COUNT, AT(page_size), PAGED_COMMANDS | COMMAND_BENCH},
    {"page-token", KIND_TEXT, AT(page_token), PAGED_COMMANDS},
    {"all", KIND_FLAG, AT(all), COMMAND_SEGMENTS},
    {"follow-pages", KIND_FLAG, AT(follow_pages), COMMAND_EVENTS},
    {"event-type", KIND_LIST, AT(event_types), COMMAND_EVENTS},
    {"filter", KIND_FILTER, AT(filters), COMMAND_EVENTS},
    {"since", KIND_MOMENT, AT(since_ms), COMMAND_EVENTS | CONTEXT_COMMANDS},
    {"until", KIND_MOMENT, AT(until_ms), COMMAND_EVENTS},
    {"oldest-first", KIND_FLAG, AT(oldest_first), COMMAND_EVENTS},
    {"yes", KIND_FLAG, AT(yes), COMMAND_DELETE},
    {"profiles", KIND_FLAG, AT(profiles), COMMAND_BATCH},
    {"input", KIND_INPUT, AT(input), LIST_COMMANDS},
    {"namespace", KIND_TEXT, AT(namespace_code), LIST_COMMANDS | COMMAND_POLICY},
    {"id-column", KIND_TEXT, AT(id_column), LIST_COMMANDS},
    {"output", KIND_TEXT, AT(output_file), COMMAND_BATCH},
    {"format", KIND_OUTPUT, AT(format), COMMAND_BATCH},
    {"resume", KIND_FLAG, AT(resume), COMMAND_BATCH},
    {"skip-bad", KIND_FLAG, AT(skip_bad), LIST_COMMANDS},
    {"retries", KIND_RETRIES, AT(retries), COMMAND_BATCH},
    {"chunk-size", KIND_COUNT, AT(chunk_size), COMMAND_BATCH},
    {"ids", KIND_TEXT, AT(id_file), COMMAND_BENCH | COMMAND_PREFETCH},
    {"id-template", KIND_TEXT, AT(id_template), COMMAND_BENCH},
    {"id-count", KIND_WHOLE, AT(id_count), COMMAND_BENCH},
    {"id-from", KIND_WHOLE, AT(id_from), COMMAND_BENCH},
    {"zipf", KIND_NUMBER, AT(zipf), COMMAND_BENCH},
    {"seed", KIND_WHOLE, AT(seed), COMMAND_BENCH},
    {"miss-percent", KIND_NUMBER, AT(miss_percent), COMMAND_BENCH},
    {"miss-template", KIND_TEXT, AT(miss_template), COMMAND_BENCH},
    {"miss-from", KIND_WHOLE, AT(miss_from), COMMAND_BENCH},
    {"method", KIND_METHOD, AT(method), COMMAND_BENCH},
    {"in-flight", KIND_WHOLE, AT(in_flight), COMMAND_BENCH},
    {"connections", KIND_WHOLE, AT(connections), COMMAND_BENCH},
    {"rate", KIND_NUMBER, AT(rate), COMMAND_BENCH},
    {"duration", KIND_SPAN, AT(duration_ms), COMMAND_BENCH},
    {"requests", KIND_WHOLE, AT(requests), COMMAND_BENCH},
    {"warmup", KIND_SPAN, AT(warmup_ms), COMMAND_BENCH},
    {"check", KIND_CHECK, AT(check), COMMAND_BENCH},
    {"sample", KIND_WHOLE, AT(sample), COMMAND_BENCH},
    {"histogram", KIND_TEXT, AT(histogram_file), COMMAND_BENCH},
    {"policy", KIND_TEXT, AT(policy_file), COMMAND_POLICY},
    {"config", KIND_TEXT, AT(config_file), COMMAND_POLICY},
    {"caller", KIND_TEXT, AT(policy_caller), COMMAND_POLICY},
    {"rpc", KIND_TEXT, AT(rpc), COMMAND_POLICY},
    {"purpose", KIND_TEXT, AT(purpose), (PERSON_COMMANDS | COMMAND_POLICY) & ~COMMAND_BENCH},
    {"fields", KIND_TEXT, AT(fields), COMMAND_POLICY},
    {"criticality", KIND_TEXT, AT(criticality), COMMAND_POLICY},
};

enum { ROW_COUNT = sizeof rows / sizeof *rows };

/* What is being read. */
typedef struct {
    options *out;
    int64_t now_ms;
    char *problem;
    bool seen[ROW_COUNT];
    const char *operands[OPTIONS_LIST_MAX];
    size_t operand_count;
} parser;

const char *options_command_name(command which)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (commands[i].which == which) {
            return commands[i].name;
        }
    }
    return "";
}

bool options_streams(const options *of)
{
    return of->command == COMMAND_BATCH || (of->command == COMMAND_EVENTS && of->follow_pages);
}

static bool problem(const parser *in, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Says what is wrong with the arguments; returns false for the caller to return. */
static bool problem(const parser *in, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(in->problem, OPTIONS_PROBLEM_SIZE, format, arguments);
    va_end(arguments);
    return false;
}

static bool parse_count(int32_t *out, const char *text, int32_t least)
{
    char *end = NULL;
    errno = 0;
    long value = strtol(text, &end, 10);
    *out = (int32_t)value;
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && value >= least &&
           value <= INT32_MAX;
}

static bool parse_whole(int64_t *out, const char *text)
{
    char *end = NULL;
    errno = 0;
    *out = strtoll(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0;
}

static bool parse_number(double *out, const char *text)
{
    char *end = NULL;
    *out = strtod(text, &end);
    return *text >= '0' && *text <= '9' && *end == '\0' && isfinite(*out);
}

/* Finds a word in a list that ends with NULL. */
static bool parse_choice(int *out, const char *const *names, const char *text)
{
    for (int i = 0; names[i] != NULL; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

static bool add_to_list(const parser *in, const option_row *row, const char *value)
{
    option_list *list = (option_list *)((char *)in->out + row->offset);
    if (list->count == OPTIONS_LIST_MAX) {
        return problem(in, "--%s may be given %d times at most", row->name, OPTIONS_LIST_MAX);
    }
    list->items[list->count++] = value;
    return true;
}

static bool add_filter(const parser *in, const char *value)
{
    options *out = in->out;
    if (out->filter_count == OPTIONS_LIST_MAX) {
        return problem(in, "--filter may be given %d times at most", OPTIONS_LIST_MAX);
    }
    const char *wrong = filter_parse(&out->filters[out->filter_count++], value);
    return wrong == NULL || problem(in, "--filter '%s': %s", value, wrong);
}

static bool set_value(const parser *in, const option_row *row, const char *value)
{
    static const char *const colours[] = {"auto", "always", "never", NULL};
    static const char *const inputs[] = {"auto", "lines", "csv", NULL};
    static const char *const outputs[] = {"ndjson", "csv", NULL};
    static const char *const methods[] = {"context", "profile", "events", "segments", NULL};
    static const char *const checks[] = {"sample", "all", "none", NULL};
    void *place = (char *)in->out + row->offset;
    int choice = 0;
    switch (row->kind) {
    case KIND_FLAG:
        *(bool *)place = true;
        return true;
    case KIND_TEXT:
        *(const char **)place = value;
        return true;
    case KIND_SPAN:
        return times_parse_span(place, value) ||
               problem(in, "--%s takes a time such as 500ms, 2s or 5m, not '%s'", row->name, value);
    case KIND_MOMENT:
        return times_parse_moment(place, value, in->now_ms) ||
               problem(in,
                       "--%s takes a moment such as 2025-11-02, 2025-11-02T08:00:00Z or 30d "
                       "(30 days ago), not '%s'",
                       row->name, value);
    case KIND_LIST:
        return add_to_list(in, row, value);
    case KIND_FILTER:
        return add_filter(in, value);
    case KIND_COUNT:
        return parse_count(place, value, 1) ||
               problem(in, "--%s takes a number above 0, not '%s'", row->name, value);
    case KIND_RETRIES:
        return parse_count(place, value, 0) ||
               problem(in, "--%s takes a number from 0 on, not '%s'", row->name, value);
    case KIND_WHOLE:
        return parse_whole(place, value) ||
               problem(in, "--%s takes a number from 0 on, not '%s'", row->name, value);
    case KIND_NUMBER:
        return parse_number(place, value) ||
               problem(in, "--%s takes a number such as 5000 or 0.5, not '%s'", row->name, value);
    case KIND_COLOUR:
        if (!parse_choice(&choice, colours, value)) {
            return problem(in, "--%s takes auto, always or never, not '%s'", row->name, value);
        }
        *(colour_choice *)place = (colour_choice)choice;
        return true;
    case KIND_INPUT:
        if (!parse_choice(&choice, inputs, value)) {
            return problem(in, "--%s takes auto, lines or csv, not '%s'", row->name, value);
        }
        *(batch_input_format *)place = (batch_input_format)choice;
        return true;
    case KIND_OUTPUT:
        if (!parse_choice(&choice, outputs, value)) {
            return problem(in, "--%s takes ndjson or csv, not '%s'", row->name, value);
        }
        *(batch_output_format *)place = (batch_output_format)choice;
        return true;
    case KIND_METHOD:
        if (!parse_choice(&choice, methods, value)) {
            return problem(in, "--%s takes context, profile, events or segments, not '%s'",
                           row->name, value);
        }
        *(bench_method *)place = (bench_method)choice;
        return true;
    case KIND_CHECK:
        if (!parse_choice(&choice, checks, value)) {
            return problem(in, "--%s takes sample, all or none, not '%s'", row->name, value);
        }
        *(bench_check *)place = (bench_check)choice;
        return true;
    }
    return false;
}

/* Reads an option, which may take the argument after it; moves `at` to the last one taken. */
static bool parse_option(parser *in, int *at, int argc, const char *const *argv)
{
    const char *name = argv[*at] + 2;
    const char *equals = strchr(name, '=');
    size_t size = equals == NULL ? strlen(name) : (size_t)(equals - name);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const option_row *row = &rows[i];
        if (strlen(row->name) != size || strncmp(row->name, name, size) != 0) {
            continue;
        }
        in->seen[i] = true;
        if (row->kind == KIND_FLAG) {
            return equals == NULL ? set_value(in, row, "")
                                  : problem(in, "--%s takes no value", row->name);
        }
        if (equals != NULL) {
            return set_value(in, row, equals + 1);
        }
        if (*at + 1 >= argc) {
            return problem(in, "--%s needs a value", row->name);
        }
        return set_value(in, row, argv[++*at]);
    }
    return problem(in, "there is no option %s", argv[*at]);
}

static bool parse_operand(parser *in, const char *text)
{
    if (in->out->command == COMMAND_NONE) {
        for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
            if (strcmp(text, commands[i].name) == 0) {
                in->out->command = commands[i].which;
                return true;
            }
        }
        return problem(in, "there is no command '%s'", text);
    }
    bool many = (in->out->command & (COMMAND_BENCH | COMMAND_PREFETCH)) != 0;
    size_t most = many                                                          ? OPTIONS_LIST_MAX
                  : (in->out->command & (COMMAND_ENTITY | COMMAND_POLICY)) != 0 ? 2
                                                                                : 1;
    if (in->operand_count == most) {
        return problem(in, "'%s' is one argument too many", text);
    }
    in->operands[in->operand_count++] = text;
    return true;
}

/* The XDM class of an entity; the usual ones have short names. */
static const char *schema_of(const char *text)
{
    if (strcmp(text, "account") == 0) {
        return "_xdm.context.account";
    }
    if (strcmp(text, "opportunity") == 0) {
        return "_xdm.context.opportunity";
    }
    return text;
}

static bool check_prefetch(const parser *in)
{
    return in->out->persons.count > 0 || in->out->id_file != NULL ||
           problem(in, "prefetch needs to know who: NAMESPACE:ID, such as email:ada@example.com, "
                       "or --ids FILE");
}

/* Takes the arguments that are no options. */
static bool take_operands(parser *in)
{
    options *out = in->out;
    const char *who = in->operands[0];
    if (out->command == COMMAND_HEALTH) {
        out->health_service = who;
        return true;
    }
    if (out->command == COMMAND_BATCH) {
        out->input_file = who != NULL && strcmp(who, "-") != 0 ? who : NULL;
        return true;
    }
    if (out->command == COMMAND_POLICY) {
        out->policy_action = who == NULL ? "" : who;
        out->policy_file = in->operand_count > 1 ? in->operands[1] : out->policy_file;
        return true;
    }
    if (out->command == COMMAND_BENCH || out->command == COMMAND_PREFETCH) {
        memcpy(out->persons.items, in->operands, sizeof in->operands);
        out->persons.count = in->operand_count;
        return options_persons_check(out, in->problem) &&
               (out->command == COMMAND_BENCH ? options_bench_check(out, in->problem)
                                              : check_prefetch(in));
    }
    if (out->command == COMMAND_ENTITY) {
        if (in->operand_count < 2) {
            return problem(in, "entity needs to know what and which: account b2b_account:4711");
        }
        out->schema = schema_of(in->operands[0]);
        who = in->operands[1];
    }
    if (who == NULL) {
        return problem(in, "%s needs to know who: NAMESPACE:ID, such as email:ada@example.com",
                       options_command_name(out->command));
    }
    const char *wrong = person_parse(&out->person, who);
    return wrong == NULL || problem(in, "'%s' names nobody: %s", who, wrong);
}

/* Checks what options of a command need of each other. */
static bool check_together(const parser *in)
{
    const options *out = in->out;
    if (out->deadline_ms == 0) {
        return problem(in, "--deadline must be above 0");
    }
    if (out->all && out->page_token != NULL) {
        return problem(in, "--all and --page-token do not go together");
    }
    if (out->since_ms >= 0 && out->until_ms >= 0 && out->since_ms >= out->until_ms) {
        return problem(in, "--since must be before --until");
    }
    if (out->command == COMMAND_DELETE && *out->sandbox == '\0') {
        return problem(in, "delete needs --sandbox: nothing is deleted where nobody said");
    }
    if (out->resume && out->output_file == NULL) {
        return problem(in, "--resume needs --output FILE, where the answers so far are");
    }
    if (out->profiles && (out->since_ms >= 0 || out->event_limit > 0)) {
        return problem(in, "--%s is about events, which --profiles leaves out",
                       out->since_ms >= 0 ? "since" : "event-limit");
    }
    if ((out->cert == NULL) != (out->key == NULL)) {
        return problem(in, "--cert and --key belong together");
    }
    return true;
}

/* Checks what only the whole line shows. */
static bool check(parser *in)
{
    options *out = in->out;
    if (out->help || out->version) {
        return true;
    }
    if (out->command == COMMAND_NONE) {
        return problem(in, "a command is missing");
    }
    const char *name = options_command_name(out->command);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (in->seen[i] && (rows[i].commands & (int)out->command) == 0) {
            return problem(in, "the command %s does not take --%s", name, rows[i].name);
        }
    }
    if (!take_operands(in) || !check_together(in)) {
        return false;
    }
    if (out->deadline_ms < 0 && !options_streams(out)) {
        out->deadline_ms = 5000;
    }
    /* Certificates make no sense without TLS, so they ask for it. */
    out->tls = out->tls || out->ca != NULL || out->cert != NULL || out->key != NULL;
    if (out->token_file != NULL && !out->tls && !token_file_stays_here(out->server)) {
        return problem(in, "--token-file needs --tls: the token would travel in the clear");
    }
    return true;
}

bool options_parse(options *out, int argc, const char *const *argv, int64_t now_ms,
                   char problem_text[OPTIONS_PROBLEM_SIZE])
{
    const char *server = getenv("PROFILECTL_SERVER");
    *out = (options){
        .server = server != NULL && *server != '\0' ? server : "127.0.0.1:50051",
        .retries = 3,
        .sandbox = "",
        .merge_policy = "",
        .max_staleness_ms = -1,
        .deadline_ms = -1,
        .since_ms = -1,
        .until_ms = -1,
    };
    options_bench_defaults(out);
    parser in = {.out = out, .now_ms = now_ms, .problem = problem_text};
    bool only_operands = false;
    for (int at = 1; at < argc; at++) {
        const char *text = argv[at];
        bool read = false;
        if (!only_operands && strcmp(text, "--") == 0) {
            only_operands = true;
            read = true;
        } else if (!only_operands && strcmp(text, "-h") == 0) {
            out->help = true;
            read = true;
        } else if (!only_operands && strncmp(text, "--", 2) == 0) {
            read = parse_option(&in, &at, argc, argv);
        } else if (!only_operands && text[0] == '-' && text[1] != '\0') {
            read = problem(&in, "there is no option %s", text);
        } else {
            read = parse_operand(&in, text);
        }
        if (!read) {
            return false;
        }
    }
    return check(&in);
}
