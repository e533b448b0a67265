/* The command line. */
#include "options.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "times.h"

enum {
    ANY_COMMAND = ~0,
    PERSON_COMMANDS = COMMAND_CONTEXT | COMMAND_PROFILE | COMMAND_EVENTS | COMMAND_SEGMENTS,
    MASKED_COMMANDS = COMMAND_CONTEXT | COMMAND_PROFILE | COMMAND_EVENTS,
    PAGED_COMMANDS = COMMAND_EVENTS | COMMAND_SEGMENTS,
};

static const struct {
    const char *name;
    command which;
} commands[] = {
    {"context", COMMAND_CONTEXT},   {"profile", COMMAND_PROFILE}, {"events", COMMAND_EVENTS},
    {"segments", COMMAND_SEGMENTS}, {"health", COMMAND_HEALTH},
};

typedef enum { KIND_FLAG, KIND_TEXT, KIND_SPAN, KIND_MOMENT, KIND_COUNT, KIND_COLOUR } option_kind;

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
    {"server", KIND_TEXT, AT(server), ANY_COMMAND},
    {"tls", KIND_FLAG, AT(tls), ANY_COMMAND},
    {"ca", KIND_TEXT, AT(ca), ANY_COMMAND},
    {"cert", KIND_TEXT, AT(cert), ANY_COMMAND},
    {"key", KIND_TEXT, AT(key), ANY_COMMAND},
    {"server-name", KIND_TEXT, AT(server_name), ANY_COMMAND},
    {"deadline", KIND_SPAN, AT(deadline_ms), ANY_COMMAND},
    {"request-id", KIND_TEXT, AT(request_id), ANY_COMMAND},
    {"json", KIND_FLAG, AT(json), ANY_COMMAND},
    {"color", KIND_COLOUR, AT(colour), ANY_COMMAND},
    {"sandbox", KIND_TEXT, AT(sandbox), PERSON_COMMANDS},
    {"merge-policy", KIND_TEXT, AT(merge_policy), PERSON_COMMANDS},
    {"max-staleness", KIND_SPAN, AT(max_staleness_ms), PERSON_COMMANDS},
    {"mask", KIND_TEXT, AT(mask), MASKED_COMMANDS},
    {"page-size", KIND_COUNT, AT(page_size), PAGED_COMMANDS},
    {"page-token", KIND_TEXT, AT(page_token), PAGED_COMMANDS},
    {"all", KIND_FLAG, AT(all), PAGED_COMMANDS},
    {"since", KIND_MOMENT, AT(since_ms), COMMAND_EVENTS | COMMAND_CONTEXT},
    {"until", KIND_MOMENT, AT(until_ms), COMMAND_EVENTS},
    {"oldest-first", KIND_FLAG, AT(oldest_first), COMMAND_EVENTS},
};

enum { ROW_COUNT = sizeof rows / sizeof *rows };

/* What is being read. */
typedef struct {
    options *out;
    int64_t now_ms;
    char *problem;
    bool seen[ROW_COUNT];
    const char *operand;
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

static bool parse_count(int32_t *out, const char *text)
{
    char *end = NULL;
    long value = strtol(text, &end, 10);
    *out = (int32_t)value;
    return *text >= '0' && *text <= '9' && *end == '\0' && value > 0 && value <= INT32_MAX;
}

static bool parse_colour(colour_choice *out, const char *text)
{
    static const char *const names[] = {"auto", "always", "never"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (colour_choice)i;
            return true;
        }
    }
    return false;
}

static bool set_value(const parser *in, const option_row *row, const char *value)
{
    void *place = (char *)in->out + row->offset;
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
    case KIND_COUNT:
        return parse_count(place, value) ||
               problem(in, "--%s takes a number above 0, not '%s'", row->name, value);
    case KIND_COLOUR:
        return parse_colour(place, value) ||
               problem(in, "--%s takes auto, always or never, not '%s'", row->name, value);
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
    if (in->operand != NULL) {
        return problem(in, "'%s' is one argument too many", text);
    }
    in->operand = text;
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
    if (out->command == COMMAND_HEALTH) {
        out->health_service = in->operand;
    } else if (in->operand == NULL) {
        return problem(in, "%s needs to know who: NAMESPACE:ID, such as email:ada@example.com",
                       name);
    } else {
        const char *wrong = person_parse(&out->person, in->operand);
        if (wrong != NULL) {
            return problem(in, "'%s' names nobody: %s", in->operand, wrong);
        }
    }
    if (out->deadline_ms == 0) {
        return problem(in, "--deadline must be above 0");
    }
    if (out->all && out->page_token != NULL) {
        return problem(in, "--all and --page-token do not go together");
    }
    if (out->since_ms >= 0 && out->until_ms >= 0 && out->since_ms >= out->until_ms) {
        return problem(in, "--since must be before --until");
    }
    /* Certificates make no sense without TLS, so they ask for it. */
    out->tls = out->tls || out->ca != NULL || out->cert != NULL || out->key != NULL;
    if ((out->cert == NULL) != (out->key == NULL)) {
        return problem(in, "--cert and --key belong together");
    }
    return true;
}

bool options_parse(options *out, int argc, const char *const *argv, int64_t now_ms,
                   char problem_text[OPTIONS_PROBLEM_SIZE])
{
    const char *server = getenv("PROFILECTL_SERVER");
    *out = (options){
        .server = server != NULL && *server != '\0' ? server : "127.0.0.1:50051",
        .deadline_ms = 5000,
        .sandbox = "",
        .merge_policy = "",
        .max_staleness_ms = -1,
        .since_ms = -1,
        .until_ms = -1,
    };
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
