/* profilectl: shows what the platform knows about a customer. Reads the command line, connects, and
 * runs the command. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "command_audit.h"
#include "command_policy.h"
#include "help.h"
#include "session.h"
#include "setup.h"
#include "times.h"
#include "token_file.h"

enum { WIDTH_DEFAULT = 80, WIDTH_LEAST = 40 };

static bool use_colour(colour_choice choice, int descriptor)
{
    if (choice != COLOUR_AUTO) {
        return choice == COLOUR_ALWAYS;
    }
    const char *no_color = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return isatty(descriptor) && (no_color == NULL || *no_color == '\0') &&
           (terminal == NULL || *terminal != 'd'); /* "dumb" */
}

/* The columns of the terminal; 80 where there is none, so that output in files is the same. */
static int terminal_width(void)
{
    struct winsize size;
    if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
        size.ws_col >= WIDTH_LEAST) {
        return size.ws_col;
    }
    return WIDTH_DEFAULT;
}

static exit_code run_command(session *in)
{
    if (in->options->command == COMMAND_HEALTH) {
        return command_health(in);
    }
    static const struct {
        command which;
        exit_code (*run)(session *in, request_parts *parts);
    } runs[] = {
        {COMMAND_CONTEXT, command_context},       {COMMAND_PROFILE, command_profile},
        {COMMAND_EVENTS, command_events},         {COMMAND_SEGMENTS, command_segments},
        {COMMAND_IDENTITIES, command_identities}, {COMMAND_ENTITY, command_entity},
        {COMMAND_DELETE, command_delete},         {COMMAND_BATCH, command_batch},
        {COMMAND_BENCH, command_bench},           {COMMAND_PREFETCH, command_prefetch},
    };
    request_parts parts;
    exit_code code = EXIT_CODE_OTHER;
    if (request_parts_init(&parts, in->options)) {
        for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
            if (runs[i].which == in->options->command) {
                code = runs[i].run(in, &parts);
            }
        }
    } else {
        display_add(&in->err, STYLE_PLAIN, "profilectl: out of memory.");
        display_end(&in->err);
    }
    request_parts_deinit(&parts);
    return code;
}

static exit_code connect_with_token(const options *chosen, session *in)
{
    profilecontext_options how = {
        .target = chosen->server,
        .tls = chosen->tls,
        .ca_file = chosen->ca,
        .cert_file = chosen->cert,
        .key_file = chosen->key,
        .server_name = chosen->server_name,
        .user_agent = "profilectl/" PC_VERSION,
    };
    in->options = chosen;
    in->server = &how;
    in->now_ms = times_now_ms();
    profilecontext_metadata metadata[2];
    size_t metadata_count = 0;
    if (in->authorization != NULL) {
        metadata[metadata_count++] = (profilecontext_metadata){"authorization", in->authorization};
    }
    if (chosen->purpose != NULL) {
        metadata[metadata_count++] = (profilecontext_metadata){"x-purpose", chosen->purpose};
    }
    in->call = (profilecontext_call_options){
        .deadline_ms = chosen->deadline_ms,
        .request_id = chosen->request_id,
        .metadata = metadata,
        .metadata_count = metadata_count,
        .cost = &in->cost,
    };
    profilecontext_status status = PROFILECONTEXT_STATUS_INIT;
    if (profilecontext_client_new(&in->client, &how, &status) != PROFILECONTEXT_OK) {
        return session_fail(in, &status);
    }
    exit_code code = run_command(in);
    if (chosen->cost) {
        session_print_cost(in);
    }
    profilecontext_client_free(in->client);
    return code;
}

static exit_code connect_and_run(const options *chosen, session *in)
{
    char *authorization = NULL;
    if (chosen->token_file != NULL) {
        const char *why = "";
        authorization = token_file_read(chosen->token_file, &why);
        if (authorization == NULL) {
            return session_problem(in, EXIT_CODE_MISUSE, "cannot read %s: %s", chosen->token_file,
                                   why);
        }
    }
    in->authorization = authorization;
    exit_code code = connect_with_token(chosen, in);
    token_file_free(authorization);
    return code;
}

int main(int argc, char **argv)
{
    /* gRPC tells on standard error what the status tells better; unless the user asks. */
    setenv("GRPC_VERBOSITY", "NONE", 0);
    /* A pager that is closed early is no failure to speak of. */
    signal(SIGPIPE, SIG_DFL);

    if (setup_is_meant(argc, argv)) {
        return (int)setup_run(argc, argv);
    }
    /* A command on files: it has options of its own, and connects to nobody. */
    if (argc > 1 && strcmp(argv[1], "audit") == 0) {
        bool help = argc > 2 && strcmp(argv[2], "--help") == 0;
        if (help) {
            fputs(help_text(COMMAND_AUDIT), stdout);
        }
        /* Lines in files are whole. */
        display out;
        display_init(&out, stdout, isatty(STDOUT_FILENO) ? terminal_width() : DISPLAY_UNLIMITED,
                     use_colour(COLOUR_AUTO, STDOUT_FILENO));
        return help ? EXIT_CODE_OK
                    : (int)command_audit(argc - 2, (const char *const *)argv + 2, &out);
    }
    options chosen;
    char problem[OPTIONS_PROBLEM_SIZE];
    bool right = options_parse(&chosen, argc, (const char *const *)argv, times_now_ms(), problem);
    static session in;
    display_init(&in.err, stderr, DISPLAY_UNLIMITED, use_colour(chosen.colour, STDERR_FILENO));
    display_init(&in.out, stdout, terminal_width(), use_colour(chosen.colour, STDOUT_FILENO));
    if (!right) {
        display_addf(&in.err, STYLE_PLAIN, "profilectl: %s. See profilectl %s%s--help.", problem,
                     options_command_name(chosen.command),
                     chosen.command == COMMAND_NONE ? "" : " ");
        display_end(&in.err);
        return EXIT_CODE_MISUSE;
    }
    exit_code code = EXIT_CODE_OK;
    if (chosen.help) {
        fputs(help_text(chosen.command), stdout);
    } else if (chosen.version) {
        printf("profilectl %s\n", PC_VERSION);
    } else if (chosen.command == COMMAND_POLICY) {
        code = command_policy(&chosen, &in.out, &in.err);
    } else {
        code = connect_and_run(&chosen, &in);
    }
    if (fflush(stdout) != 0 && code == EXIT_CODE_OK) {
        perror("profilectl: cannot write");
        code = EXIT_CODE_OTHER;
    }
    return (int)code;
}
