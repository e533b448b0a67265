/* The command line, see options.h. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef SBX_VERSION
#define SBX_VERSION "development"
#endif

enum {
    OPT_HELP = 256,
    OPT_VERSION,
    OPT_HOST,
    OPT_PORT,
    OPT_THREADS,
    OPT_TLS_CERT,
    OPT_TLS_KEY,
    OPT_DATABASE,
    OPT_DEMO,
    OPT_LOAD,
    OPT_GENERATE,
    OPT_GENERATE_EVENTS,
    OPT_SEED,
    OPT_CLIENT_ID,
    OPT_CLIENT_SECRET,
    OPT_ORG,
    OPT_SANDBOX,
    OPT_TOKEN_LIFETIME,
    OPT_BATCH_MAX,
    OPT_DELAY,
    OPT_FAULT,
    OPT_PARENT_DEATH_STOP,
};

static const struct option long_options[] = {
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {"host", required_argument, NULL, OPT_HOST},
    {"port", required_argument, NULL, OPT_PORT},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"tls-cert", required_argument, NULL, OPT_TLS_CERT},
    {"tls-key", required_argument, NULL, OPT_TLS_KEY},
    {"database", required_argument, NULL, OPT_DATABASE},
    {"demo", no_argument, NULL, OPT_DEMO},
    {"load", required_argument, NULL, OPT_LOAD},
    {"generate", required_argument, NULL, OPT_GENERATE},
    {"generate-events", required_argument, NULL, OPT_GENERATE_EVENTS},
    {"seed", required_argument, NULL, OPT_SEED},
    {"client-id", required_argument, NULL, OPT_CLIENT_ID},
    {"client-secret", required_argument, NULL, OPT_CLIENT_SECRET},
    {"org", required_argument, NULL, OPT_ORG},
    {"sandbox", required_argument, NULL, OPT_SANDBOX},
    {"token-lifetime", required_argument, NULL, OPT_TOKEN_LIFETIME},
    {"batch-max", required_argument, NULL, OPT_BATCH_MAX},
    {"delay", required_argument, NULL, OPT_DELAY},
    {"fault", required_argument, NULL, OPT_FAULT},
    {"parent-death-stop", no_argument, NULL, OPT_PARENT_DEATH_STOP},
    {NULL, 0, NULL, 0},
};

static const char help[] =
    "entity-sandbox: a local stand-in for Adobe's Entity API, with data, delays and faults.\n"
    "\n"
    "  entity-sandbox --demo                          twelve customers to try things with\n"
    "  entity-sandbox --demo --delay '500+-100'       as slow as the real one\n"
    "  entity-sandbox --generate 100000 --seed 7      a crowd, always the same for a seed\n"
    "  entity-sandbox --load people.ndjson            your own records (see README.md)\n"
    "  entity-sandbox --demo --fault profile.errorRate=0.1 --fault events.refuse=true\n"
    "\n"
    "When ready it prints one line, and then answers until SIGTERM or SIGINT:\n"
    "  entity-sandbox listening on http://127.0.0.1:PORT\n"
    "\n"
    "Server\n"
    "  --port N               default 8090; 0 takes a free port\n"
    "  --host ADDRESS         default 127.0.0.1\n"
    "  --threads N            default 4\n"
    "  --tls-cert FILE, --tls-key FILE\n"
    "                         PEM files; serve https instead\n"
    "  --parent-death-stop    stop when the parent's thread that started this ends\n"
    "\n"
    "Data\n"
    "  --demo                 load the demonstration customers\n"
    "  --load FILE            load NDJSON records; may be repeated\n"
    "  --generate N           make N synthetic customers: C0000001, customer1@example.net,\n"
    "                         +15550000001 and so on\n"
    "  --generate-events N    make one more, C-EVENTS or events@example.net, with N events\n"
    "  --seed N               what they are made from, default 1; also seeds the faults\n"
    "  --database FILE        keep everything in FILE; default: a temporary database\n"
    "\n"
    "Credentials\n"
    "  --client-id TEXT       default sandbox-client\n"
    "  --client-secret TEXT   default sandbox-secret\n"
    "  --org TEXT             default SANDBOX@AdobeOrg\n"
    "  --sandbox NAME         default prod\n"
    "  --token-lifetime S     seconds that a token lives, default 86399\n"
    "\n"
    "Trouble (also at run time: GET, PUT, PATCH, DELETE /_sandbox/faults)\n"
    "  --delay [OPERATION=]MEAN[+-DEVIATION]\n"
    "                         milliseconds; without OPERATION for all but the token\n"
    "  --fault OPERATION.SETTING=VALUE\n"
    "                         OPERATION: token, profile, events, entities, audiences, config,\n"
    "                         identity, *\n"
    "                         SETTING: delayMs deviationMs slowRate slowMs errorRate errorStatus\n"
    "                         cutRate corruptRate hangRate dripRate dripBytes dripIntervalMs\n"
    "                         throttleAllow throttleWindowMs retryAfterMs refuse down times;\n"
    "                         or shapes.NAME=VALUE, see README.md\n"
    "  --batch-max N          identities in one batch, default 1000\n"
    "\n"
    "  --help, --version\n"
    "\n"
    "Try it:\n"
    "  curl -d grant_type=client_credentials -d client_id=sandbox-client \\\n"
    "       -d client_secret=sandbox-secret http://127.0.0.1:8090/ims/token/v3\n"
    "  curl http://127.0.0.1:8090/_sandbox/stats\n";

static enum sbx_options_result wrong(const char *format, ...) SBX_PRINTF(1, 2);

static enum sbx_options_result wrong(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("entity-sandbox: ", stderr);
    vfprintf(stderr, format, args);
    fputs(" (--help shows what there is)\n", stderr);
    va_end(args);
    return SBX_OPTIONS_WRONG;
}

static bool read_number(int64_t *out, const char *text, int64_t least, int64_t most)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < least || value > most) {
        return false;
    }
    *out = value;
    return true;
}

static bool read_count(struct sbx_options *out, int option, const char *text)
{
    int64_t value = 0;
    bool done = false;
    switch (option) {
    case OPT_PORT:
        done = read_number(&value, text, 0, 65535);
        out->server.port = (int)value;
        break;
    case OPT_THREADS:
        done = read_number(&value, text, 2, 64);
        out->server.threads = (int)value;
        break;
    case OPT_GENERATE:
        done = read_number(&value, text, 1, 9999999);
        out->generate = value;
        break;
    case OPT_GENERATE_EVENTS:
        done = read_number(&value, text, 1, 9999999);
        out->generate_events = value;
        break;
    case OPT_SEED:
        done = read_number(&value, text, 0, INT64_MAX);
        out->seed = (uint64_t)value;
        break;
    case OPT_TOKEN_LIFETIME:
        done = read_number(&value, text, 1, 31536000);
        out->credentials.token_lifetime_s = (int)value;
        break;
    default:
        done = read_number(&value, text, 1, 100000);
        out->batch_max = (size_t)value;
        break;
    }
    return done;
}

static const char **text_option(struct sbx_options *out, int option)
{
    switch (option) {
    case OPT_HOST:
        return &out->server.host;
    case OPT_TLS_CERT:
        return &out->server.certificate_path;
    case OPT_TLS_KEY:
        return &out->server.key_path;
    case OPT_DATABASE:
        return &out->database;
    case OPT_CLIENT_ID:
        return &out->credentials.client_id;
    case OPT_CLIENT_SECRET:
        return &out->credentials.client_secret;
    case OPT_ORG:
        return &out->credentials.org;
    case OPT_SANDBOX:
        return &out->credentials.sandbox;
    default:
        return NULL;
    }
}

static const char *option_name(int option)
{
    for (size_t i = 0; long_options[i].name != NULL; i++) {
        if (long_options[i].val == option) {
            return long_options[i].name;
        }
    }
    return "?";
}

static enum sbx_options_result read_one(struct sbx_options *out, sbx_faults *faults, int option)
{
    struct sbx_error error;
    const char **text = text_option(out, option);
    if (text != NULL) {
        if (optarg[0] == '\0') {
            return wrong("--%s needs a value", option_name(option));
        }
        *text = optarg;
        return SBX_OPTIONS_RUN;
    }
    switch (option) {
    case OPT_HELP:
        fputs(help, stdout);
        return SBX_OPTIONS_DONE;
    case OPT_VERSION:
        puts("entity-sandbox " SBX_VERSION);
        return SBX_OPTIONS_DONE;
    case OPT_DEMO:
        out->demo = true;
        return SBX_OPTIONS_RUN;
    case OPT_PARENT_DEATH_STOP:
        out->parent_death_stop = true;
        return SBX_OPTIONS_RUN;
    case OPT_LOAD:
        if (out->load_count == SBX_LOADS_MAX) {
            return wrong("--load can be given %d times", SBX_LOADS_MAX);
        }
        out->loads[out->load_count++] = optarg;
        return SBX_OPTIONS_RUN;
    case OPT_DELAY:
        return sbx_faults_set_delay(faults, optarg, &error) ? SBX_OPTIONS_RUN
                                                            : wrong("--delay: %s", error.text);
    case OPT_FAULT:
        return sbx_faults_set_text(faults, optarg, &error) ? SBX_OPTIONS_RUN
                                                           : wrong("--fault: %s", error.text);
    default:
        return read_count(out, option, optarg)
                   ? SBX_OPTIONS_RUN
                   : wrong("--%s does not take \"%s\"", option_name(option), optarg);
    }
}

enum sbx_options_result sbx_options_read(struct sbx_options *out, sbx_faults *faults, int argc,
                                         char **argv)
{
    *out = (struct sbx_options){
        .server = {.host = "127.0.0.1", .port = 8090, .threads = 4},
        .credentials = {.client_id = "sandbox-client",
                        .client_secret = "sandbox-secret",
                        .org = "SANDBOX@AdobeOrg",
                        .sandbox = "prod",
                        .token_lifetime_s = 86399},
        .seed = 1,
        .batch_max = 1000,
    };
    opterr = 0;
    int option;
    while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
        if (option == ':') {
            return wrong("%s needs a value", argv[optind - 1]);
        }
        if (option == '?') {
            return wrong("there is no option %s", argv[optind - 1]);
        }
        enum sbx_options_result result = read_one(out, faults, option);
        if (result != SBX_OPTIONS_RUN) {
            return result;
        }
    }
    if (optind < argc) {
        return wrong("there is nothing to do with \"%s\"", argv[optind]);
    }
    if ((out->server.certificate_path == NULL) != (out->server.key_path == NULL)) {
        return wrong("--tls-cert and --tls-key go together");
    }
    return SBX_OPTIONS_RUN;
}
