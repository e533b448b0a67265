/* profile-contextd: reads the configuration, starts the parts, waits for a signal, and stops them.
 */
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app.h"
#include "check/check.h"
#include "identity/reading.h"
#include "policy/policy.h"
#include "rpc/core_weaknesses.h"
#include "rpc/server.h"
#include "versions.h"
#include "wipe_free.h"

enum { EXIT_START_FAILED = 1, EXIT_MISUSE = 2 };

/* Memory of this process holds secrets and personal data: it goes to no core file, and no other
 * process of the same user may look. Until the command line is read that is so in any case. */
static void keep_memory_private(bool allow_core_dumps)
{
    const struct rlimit none = {0, 0};
    if (!allow_core_dumps) {
        (void)setrlimit(RLIMIT_CORE, &none);
    }
    (void)prctl(PR_SET_DUMPABLE, allow_core_dumps ? 1 : 0);
}

static pc_status open_log(pc_log **out, const pc_config *config)
{
    uint8_t random_key[32];
    if (RAND_bytes(random_key, sizeof random_key) != 1) {
        return pc_status_new(PC_CODE_INTERNAL, "NO_RANDOMNESS", "the system gives no random bytes");
    }
    const char *key = config->log.identity_key;
    const pc_log_options options = {
        .level = (pc_log_level)config->log.level,
        .json = config->log.format == PC_LOG_FORMAT_JSON ||
                (config->log.format == PC_LOG_FORMAT_AUTO && isatty(STDERR_FILENO) == 0),
        .fd = STDERR_FILENO,
        .hash_key = key[0] == '\0' ? (const void *)random_key : key,
        .hash_key_size = key[0] == '\0' ? sizeof random_key : strlen(key),
    };
    pc_status status = pc_log_new(out, &options);
    OPENSSL_cleanse(random_key, sizeof random_key);
    return status;
}

/* Blocks the signals that end us, and that which has us read files again, before there is another
 * thread that could take one; main waits for them. A reader of our output that goes, and a file
 * that may not grow, must not end us. */
static void block_signals(sigset_t *waited)
{
    sigemptyset(waited);
    sigaddset(waited, SIGTERM);
    sigaddset(waited, SIGINT);
    sigaddset(waited, SIGHUP);
    pthread_sigmask(SIG_BLOCK, waited, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
}

static int fail_start(pc_log *log, pc_status status)
{
    PC_LOG(log, PC_LOG_ERROR, "server.failed", pc_log_text("reason", pc_status_reason(&status)),
           pc_log_text("message", pc_status_message(&status)));
    for (const pc_violation *v = pc_status_violations(&status); v != NULL; v = v->next) {
        PC_LOG(log, PC_LOG_ERROR, "server.failed", pc_log_text("option", v->field),
               pc_log_text("message", v->description));
    }
    pc_status_clear(&status);
    return EXIT_START_FAILED;
}

/* So that nobody has to guess what a network that is not trusted would meet. */
static void tell_weaknesses(pc_log *log)
{
    char list[512] = "";
    const char *lacks[PC_CORE_WEAKNESSES_MAX];
    size_t count = pc_core_weaknesses(lacks, pc_rpc_core_version());
    for (size_t i = 0, size = 0; i < count && size < sizeof list; i++) {
        size += (size_t)snprintf(list + size, sizeof list - size, "%s%.*s", i == 0 ? "" : ", ",
                                 (int)strcspn(lacks[i], " "), lacks[i]);
    }
    if (count > 0) {
        PC_LOG(log, PC_LOG_WARN, "grpc_core.weaknesses",
               pc_log_text("version", pc_rpc_core_version()), pc_log_text("lacks", list),
               pc_log_text("advice", "put a front such as nginx before it where the network is not "
                                     "trusted; see deploy/nginx"));
    }
}

static void tell_ready(const pc_supervisor *supervisor, const char *address)
{
    char lines[320];
    (void)snprintf(lines, sizeof lines, "READY=1\nSTATUS=serving on %s", address);
    (void)pc_supervisor_tell(supervisor, lines);
}

static int serve(const pc_config *config, pc_log *log, const pc_supervisor *supervisor,
                 const sigset_t *waited)
{
    pc_app *app = NULL;
    pc_status status = pc_app_start(&app, config, log);
    if (!pc_status_ok(&status)) {
        return fail_start(log, status);
    }
    status = pc_app_watch(app, supervisor);
    if (!pc_status_ok(&status)) {
        pc_app_stop(app);
        return fail_start(log, status);
    }
    tell_ready(supervisor, pc_app_address(app));
    PC_LOG(log, PC_LOG_INFO, "server.ready", pc_log_text("address", pc_app_address(app)),
           pc_log_text("version", PC_VERSION));
    tell_weaknesses(log);
    int number = 0;
    while (sigwait(waited, &number) == 0 && number == SIGHUP) {
        (void)pc_supervisor_tell_reloading(supervisor);
        pc_app_reload(app);
        tell_ready(supervisor, pc_app_address(app));
    }
    PC_LOG(log, PC_LOG_INFO, "server.draining", pc_log_text("signal", strsignal(number)));
    (void)pc_supervisor_tell(supervisor, "STOPPING=1\nSTATUS=answering the calls in progress");
    /* A second signal does not wait for the drain. */
    sigset_t ends = *waited;
    sigdelset(&ends, SIGHUP);
    pthread_sigmask(SIG_UNBLOCK, &ends, NULL);
    pc_app_stop(app);
    PC_LOG(log, PC_LOG_INFO, "server.stopped", pc_log_int("signal", number));
    return EXIT_SUCCESS;
}

/* The configuration names it, so it is checked with it. */
static bool check_policy(const pc_config *config)
{
    pc_policy *policy = NULL;
    pc_config_errors errors = {0};
    const char *file = config->access.policy_file;
    bool good = file[0] == '\0' || pc_policy_load(&policy, &errors, file, config);
    for (size_t i = 0; i < errors.count; i++) {
        fprintf(stderr, "profile-contextd: %s\n", errors.lines[i]);
    }
    pc_config_errors_deinit(&errors);
    pc_policy_unref(policy);
    return good;
}

static int check_upstream(const pc_config *config, const pc_config_command *command)
{
    pc_check_result results[PC_CHECK_STEPS];
    pc_status status = pc_check_run(results, config, command->check_person);
    if (!pc_status_ok(&status)) {
        fprintf(stderr, "profile-contextd: %s\n", pc_status_message(&status));
        pc_status_clear(&status);
        return EXIT_MISUSE;
    }
    return pc_check_print(stdout, results, command->json) ? EXIT_SUCCESS : EXIT_START_FAILED;
}

static int run(const pc_config *config, const pc_config_command *command)
{
    if (command->print_config) {
        pc_config_print(stdout, config);
        return EXIT_SUCCESS;
    }
    if (command->check_config && !check_policy(config)) {
        return EXIT_MISUSE;
    }
    if (command->check_config) {
        puts("configuration OK");
        return EXIT_SUCCESS;
    }
    if (command->check_upstream) {
        return check_upstream(config, command);
    }
    sigset_t waited;
    block_signals(&waited);
    pc_log *log = NULL;
    pc_status status = open_log(&log, config);
    if (!pc_status_ok(&status)) {
        fprintf(stderr, "profile-contextd: %s\n", pc_status_message(&status));
        pc_status_clear(&status);
        return EXIT_START_FAILED;
    }
    if (config->hardening.wipe_memory && !pc_wipe_freed_memory()) {
        PC_LOG(log, PC_LOG_WARN, "hardening.not_built",
               pc_log_text("advice", "this build cannot wipe memory that is given back"));
    }
    pc_supervisor supervisor;
    pc_supervisor_open(&supervisor);
    int code = serve(config, log, &supervisor, &waited);
    pc_supervisor_close(&supervisor);
    pc_log_free(log);
    return code;
}

int main(int argc, char **argv)
{
    (void)prctl(PR_SET_DUMPABLE, 0);
    pc_json_watch_memory();
    pc_config *config = NULL;
    pc_config_command command;
    pc_config_errors errors = {0};
    bool loaded = pc_config_load(&config, &command, &errors, argc, argv, environ);
    for (size_t i = 0; i < errors.count; i++) {
        fprintf(stderr, "profile-contextd: %s\n", errors.lines[i]);
    }
    if (errors.lost) {
        fputs("profile-contextd: out of memory\n", stderr);
    }
    pc_config_errors_deinit(&errors);
    pc_config_wipe_environment(environ);
    keep_memory_private(command.allow_core_dumps);
    if (!loaded) {
        return EXIT_MISUSE;
    }
    if (command.help || command.version) {
        if (command.help) {
            pc_config_print_help(stdout);
        } else {
            pc_print_versions(stdout);
        }
        return EXIT_SUCCESS;
    }
    int code = run(config, &command);
    pc_config_free(config);
    return code;
}
