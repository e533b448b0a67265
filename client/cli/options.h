/* The command line: which command, for whom, and how. */
#ifndef PROFILECTL_OPTIONS_H
#define PROFILECTL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "person.h"

typedef enum {
    COMMAND_NONE = 0,
    COMMAND_CONTEXT = 1 << 0,
    COMMAND_PROFILE = 1 << 1,
    COMMAND_EVENTS = 1 << 2,
    COMMAND_SEGMENTS = 1 << 3,
    COMMAND_HEALTH = 1 << 4
} command;

typedef enum { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER } colour_choice;

enum { OPTIONS_PROBLEM_SIZE = 256 };

/* Strings borrow the arguments and the environment. */
typedef struct {
    command command;
    bool help;
    bool version;
    person person; /* of commands about a person */
    const char *health_service;

    const char *server;
    bool tls;
    const char *ca;
    const char *cert;
    const char *key;
    const char *server_name;
    int64_t deadline_ms;
    const char *request_id;

    const char *sandbox;      /* "": the server's default */
    const char *merge_policy; /* "": the server's default */
    const char *mask;         /* NULL: all */
    int64_t max_staleness_ms; /* -1: the server's default */
    int32_t page_size;        /* 0: the server's default */
    const char *page_token;
    bool all;
    int64_t since_ms; /* -1: not given */
    int64_t until_ms; /* -1: not given */
    bool oldest_first;

    bool json;
    colour_choice colour;
} options;

/* Reads the arguments; moments such as 30d count back from `now_ms`. False when they are wrong,
 * with one sentence in `problem`. */
bool options_parse(options *out, int argc, const char *const *argv, int64_t now_ms,
                   char problem[OPTIONS_PROBLEM_SIZE]);

/* The name of a command; "" for none. */
const char *options_command_name(command which);

#endif
