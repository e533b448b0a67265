/* profilectl check: becomes `profile-contextd --check-upstream`, which has the configuration, the
 * secret and the way to the upstream. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "person.h"
#include "setup.h"

enum { PATH_BYTES_MAX = 4096, ARGUMENTS_MAX = 64, PERSON_BYTES_MAX = 2048 };

static const char server_program[] = "profile-contextd";

static const char help[] =
    "profilectl check [WHO] walks through what Adobe's side needs: the network, the access\n"
    "token, organisation and sandbox, merge policy, namespaces, a look-up of WHO, events,\n"
    "names of audiences, insights, the clock and latency; and says what to do about each\n"
    "that is not right. WHO is NAMESPACE:ID of a person who is known; look-ups are billed.\n"
    "\n"
    "  profilectl check --config /etc/profile-context/profile-contextd.yaml\n"
    "  profilectl check email:ada.byron@example.com --config profile-contextd.yaml --json\n"
    "\n"
    "It runs profile-contextd of the same folder, else of PATH, with this configuration and\n"
    "environment. Other options go to it as they are, such as --upstream-sandbox=dev.\n"
    "\n"
    "Options: --config FILE, --json, --help.\n"
    "Exit codes: 0 when nothing failed, 1 when something did, 2 wrong arguments.\n";

/* The program beside this one, or its bare name, for PATH. */
static void find_server(char out[PATH_BYTES_MAX])
{
    ssize_t size = readlink("/proc/self/exe", out, PATH_BYTES_MAX - sizeof server_program - 1);
    if (size > 0) {
        out[size] = '\0';
        char *slash = strrchr(out, '/');
        if (slash != NULL) {
            memcpy(slash + 1, server_program, sizeof server_program);
            if (access(out, X_OK) == 0) {
                return;
            }
        }
    }
    (void)snprintf(out, PATH_BYTES_MAX, "%s", server_program);
}

static exit_code misuse(const char *text, const char *argument)
{
    fprintf(stderr, "profilectl: %s%s. See profilectl check --help.\n", text, argument);
    return EXIT_CODE_MISUSE;
}

/* Execs; so it only returns on failure. */
static exit_code become(char *const *arguments)
{
    (void)fflush(stdout);
    (void)execvp(arguments[0], arguments);
    fprintf(stderr,
            "profilectl: cannot run %s: %s. The check needs the server's program on this host.\n",
            server_program, strerror(errno));
    return EXIT_CODE_OTHER;
}

exit_code command_check(int argc, char *const *argv)
{
    static char program[PATH_BYTES_MAX];
    static char check_person[PERSON_BYTES_MAX];
    static char check_upstream[] = "--check-upstream";
    char *arguments[ARGUMENTS_MAX] = {program, check_upstream};
    size_t count = 2;
    const char *who = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            return EXIT_CODE_OK;
        }
        if (argv[i][0] != '-') {
            if (who != NULL) {
                return misuse("one person is enough, not also ", argv[i]);
            }
            who = argv[i];
            continue;
        }
        if (count + 4 > ARGUMENTS_MAX) {
            return misuse("too many arguments", "");
        }
        arguments[count++] = argv[i];
        /* Its value may be a word of its own, which is no person. */
        bool has_value = strcmp(argv[i], "--config") == 0;
        if (has_value && i + 1 < argc) {
            arguments[count++] = argv[++i];
        }
    }
    if (who != NULL) {
        person asked;
        const char *problem = person_parse(&asked, who);
        if (problem != NULL || asked.by_xid) {
            return misuse(problem != NULL ? problem : "name the person by NAMESPACE:ID, not ",
                          problem != NULL ? "" : who);
        }
        (void)snprintf(check_person, sizeof check_person, "--check-person=%s:%s",
                       asked.namespace_code, asked.id);
        arguments[count++] = check_person;
    }
    find_server(program);
    return become(arguments);
}
