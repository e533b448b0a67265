/* profilectl init: asks for what a server cannot do without, and writes it down with comments. The
 * secret goes to a file of its own that only its owner may read. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "setup.h"

enum { ANSWER_BYTES_MAX = 1024, FILE_BYTES_MAX = 16 * 1024 };

typedef struct {
    const char *flag;
    const char *question;
    const char *standard; /* "": it must be given */
    char answer[ANSWER_BYTES_MAX];
    bool is_given;
} item;

typedef enum {
    OUTPUT,
    CLIENT_ID,
    SECRET_FILE,
    ORG_ID,
    SANDBOX,
    MERGE_POLICY,
    BASE_URL,
    IMS_URL,
    LISTEN,
    OPERATOR,
    ITEMS
} which_item;

static item items[ITEMS] = {
    [OUTPUT] = {.flag = "--output",
                .question = "File to write",
                .standard = "profile-contextd.yaml"},
    [CLIENT_ID] = {.flag = "--client-id",
                   .question = "Client id of the OAuth server-to-server credential",
                   .standard = ""},
    [SECRET_FILE] = {.flag = "--secret-file",
                     .question = "File that has, or gets, its secret",
                     .standard = "client-secret"},
    [ORG_ID] = {.flag = "--org-id", .question = "Organisation id, XXXX@AdobeOrg", .standard = ""},
    [SANDBOX] = {.flag = "--sandbox", .question = "Platform sandbox", .standard = "prod"},
    [MERGE_POLICY] = {.flag = "--merge-policy",
                      .question = "Id of the merge policy (Profiles > Merge policies)",
                      .standard = ""},
    [BASE_URL] = {.flag = "--base-url",
                  .question = "Platform gateway",
                  .standard = "https://platform.adobe.io"},
    [IMS_URL] = {.flag = "--ims-url",
                 .question = "Token endpoint",
                 .standard = "https://ims-na1.adobelogin.com"},
    [LISTEN] = {.flag = "--listen",
                .question = "Listen for callers on",
                .standard = "127.0.0.1:50051"},
    [OPERATOR] = {.flag = "--operator",
                  .question = "Status page and metrics on",
                  .standard = "127.0.0.1:9464"},
};

static const char help[] =
    "profilectl init writes a commented configuration for profile-contextd. It asks for what\n"
    "is not given; with --no-ask it takes the defaults.\n"
    "\n"
    "  profilectl init\n"
    "  profilectl init --no-ask --client-id ID --org-id X@AdobeOrg --merge-policy ID \\\n"
    "      --secret-file /etc/profile-context/client-secret --output profile-contextd.yaml\n"
    "\n"
    "Options, each with a value: --output, --client-id, --secret-file, --org-id, --sandbox,\n"
    "--merge-policy, --base-url, --ims-url, --listen, --operator. And --no-ask; --force\n"
    "writes over a file that is there; --help. The secret is only ever asked for, without\n"
    "showing it, and written to its own file.\n"
    "Exit codes: 0 written; 2 wrong arguments; 1 anything else.\n";

/* ---- asking ---------------------------------------------------------------------------------- */

/* What goes into the file between quotation marks. */
static bool is_clean(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e || *c == '"' || *c == '\\') {
            return false;
        }
    }
    return true;
}

/* One line of the input, without its end; false when there is no more. */
static bool read_line(char out[ANSWER_BYTES_MAX])
{
    if (fgets(out, ANSWER_BYTES_MAX, stdin) == NULL) {
        return false;
    }
    out[strcspn(out, "\r\n")] = '\0';
    return true;
}

static bool ask(item *of)
{
    while (!of->is_given) {
        printf("%s%s%s%s: ", of->question, of->standard[0] == '\0' ? "" : " [", of->standard,
               of->standard[0] == '\0' ? "" : "]");
        (void)fflush(stdout);
        if (!read_line(of->answer)) {
            return false;
        }
        if (of->answer[0] == '\0') {
            (void)snprintf(of->answer, sizeof of->answer, "%s", of->standard);
        }
        of->is_given = of->answer[0] != '\0' && is_clean(of->answer);
        if (!of->is_given) {
            puts(of->answer[0] == '\0' ? "  This one is needed."
                                       : "  Only printable characters, no quotation marks.");
        }
    }
    return true;
}

/* Without showing it where it is typed. */
static bool ask_secret(char out[ANSWER_BYTES_MAX])
{
    struct termios shown;
    bool is_terminal = tcgetattr(STDIN_FILENO, &shown) == 0;
    if (is_terminal) {
        struct termios hidden = shown;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    }
    printf("Its secret, which is not shown (empty: write the file yourself): ");
    (void)fflush(stdout);
    bool got = read_line(out);
    if (is_terminal) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
        puts("");
    }
    return got;
}

/* ---- writing --------------------------------------------------------------------------------- */

static exit_code write_file(const char *path, const char *text, bool may_replace)
{
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (may_replace ? O_TRUNC : O_EXCL);
    int fd = open(path, flags, S_IRUSR | S_IWUSR);
    if (fd < 0) {
        fprintf(stderr, "profilectl: cannot write %s: %s%s\n", path, strerror(errno),
                errno == EEXIST ? "; --force writes over it" : "");
        return EXIT_CODE_OTHER;
    }
    size_t size = strlen(text);
    bool is_written = write(fd, text, size) == (ssize_t)size;
    is_written = close(fd) == 0 && is_written;
    if (!is_written) {
        fprintf(stderr, "profilectl: cannot write all of %s\n", path);
    }
    return is_written ? EXIT_CODE_OK : EXIT_CODE_OTHER;
}

static exit_code write_secret(void)
{
    char secret[ANSWER_BYTES_MAX];
    const char *path = items[SECRET_FILE].answer;
    if (access(path, F_OK) == 0 || !ask_secret(secret) || secret[0] == '\0') {
        return EXIT_CODE_OK;
    }
    exit_code code = write_file(path, secret, false);
    explicit_bzero(secret, sizeof secret);
    return code;
}

/* A file that is named by itself is looked for where the server runs, so it gets its whole path. */
static void print_path(char *out, size_t size, const char *path)
{
    char here[ANSWER_BYTES_MAX];
    if (path[0] != '/' && getcwd(here, sizeof here) != NULL) {
        (void)snprintf(out, size, "%s/%s", here, path);
    } else {
        (void)snprintf(out, size, "%s", path);
    }
}

static exit_code write_configuration(bool may_replace)
{
    static char text[FILE_BYTES_MAX];
    char secret_path[2 * ANSWER_BYTES_MAX];
    print_path(secret_path, sizeof secret_path, items[SECRET_FILE].answer);
    (void)snprintf(
        text, sizeof text,
        "# Configuration of profile-contextd, written by profilectl init. `profile-contextd "
        "--help`\n"
        "# explains every key. Check it with:\n"
        "#   profile-contextd --config FILE --check-config\n"
        "#   profilectl check --config FILE NAMESPACE:ID\n"
        "\n"
        "listen:\n"
        "  # Callers on other hosts need an address that they reach, and then TLS.\n"
        "  address: \"%s\"\n"
        "  # tls_certificate_file: /etc/profile-context/tls.crt\n"
        "  # tls_key_file: /etc/profile-context/tls.key\n"
        "  # tls_client_ca_file: /etc/profile-context/callers-ca.crt\n"
        "\n"
        "# A status page, metrics and health over plain HTTP, for those who run the server.\n"
        "operator:\n"
        "  address: \"%s\"\n"
        "\n"
        "upstream:\n"
        "  base_url: \"%s\"\n"
        "  ims_url: \"%s\"\n"
        "  # The credential, as Adobe's developer console shows it.\n"
        "  client_id: \"%s\"\n"
        "  client_secret_file: \"%s\"\n"
        "  org_id: \"%s\"\n"
        "  # Where requests look that name neither.\n"
        "  sandbox: \"%s\"\n"
        "  merge_policy: \"%s\"\n"
        "\n"
        "# Upstream calls are billed: a bound on the rate is a bound on the cost. 0: none.\n"
        "budget:\n"
        "  rate: 0\n"
        "\n"
        "# What is remembered of people, and for how long it counts as fresh.\n"
        "cache:\n"
        "  max_bytes: 256MiB\n"
        "  # profile_fresh: 5m\n"
        "  # events_fresh: 1m\n"
        "\n"
        "# Scores of models and computed attributes, by their path in the profile's JSON.\n"
        "# insights:\n"
        "#   - name: churn_score\n"
        "#     path: _yourtenant.customerAI.churn30d.score\n"
        "#     type: number\n"
        "#     kind: score\n"
        "#     direction: high_is_bad\n"
        "#     propensity: churn\n",
        items[LISTEN].answer, items[OPERATOR].answer, items[BASE_URL].answer, items[IMS_URL].answer,
        items[CLIENT_ID].answer, secret_path, items[ORG_ID].answer, items[SANDBOX].answer,
        items[MERGE_POLICY].answer);
    return write_file(items[OUTPUT].answer, text, may_replace);
}

/* ---- the command ----------------------------------------------------------------------------- */

static exit_code misuse(const char *text, const char *argument)
{
    fprintf(stderr, "profilectl: %s%s. See profilectl init --help.\n", text, argument);
    return EXIT_CODE_MISUSE;
}

/* Takes `--flag VALUE` or `--flag=VALUE`; how many arguments it was, 0 when it is none. */
static int take_flag(char *const *argv, int left)
{
    for (size_t i = 0; i < ITEMS; i++) {
        size_t size = strlen(items[i].flag);
        bool is_joined = strncmp(argv[0], items[i].flag, size) == 0 && argv[0][size] == '=';
        bool is_alone = strcmp(argv[0], items[i].flag) == 0 && left > 1;
        if (is_joined || is_alone) {
            (void)snprintf(items[i].answer, sizeof items[i].answer, "%s",
                           is_joined ? argv[0] + size + 1 : argv[1]);
            items[i].is_given = true;
            return is_joined ? 1 : 2;
        }
    }
    return 0;
}

static exit_code fill_in(bool may_ask)
{
    for (size_t i = 0; i < ITEMS; i++) {
        item *of = &items[i];
        if (of->is_given && (of->answer[0] == '\0' || !is_clean(of->answer))) {
            return misuse("a value must be printable, and without quotation marks: ", of->flag);
        }
        if (may_ask && !ask(of)) {
            return misuse("the answers end before ", of->flag);
        }
        if (!of->is_given) {
            if (of->standard[0] == '\0') {
                return misuse("this is needed: ", of->flag);
            }
            (void)snprintf(of->answer, sizeof of->answer, "%s", of->standard);
        }
    }
    return EXIT_CODE_OK;
}

exit_code command_init(int argc, char *const *argv)
{
    bool may_ask = true;
    bool may_replace = false;
    for (int i = 1; i < argc;) {
        int taken = take_flag(argv + i, argc - i);
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            return EXIT_CODE_OK;
        }
        if (strcmp(argv[i], "--no-ask") == 0) {
            may_ask = false;
            taken = 1;
        } else if (strcmp(argv[i], "--force") == 0) {
            may_replace = true;
            taken = 1;
        }
        if (taken == 0) {
            return misuse("not understood: ", argv[i]);
        }
        i += taken;
    }
    exit_code code = fill_in(may_ask);
    if (code == EXIT_CODE_OK && may_ask) {
        code = write_secret();
    }
    if (code == EXIT_CODE_OK) {
        code = write_configuration(may_replace);
    }
    if (code == EXIT_CODE_OK) {
        printf("Written: %s\nNext:    profilectl check --config %s NAMESPACE:ID\n",
               items[OUTPUT].answer, items[OUTPUT].answer);
    }
    return code;
}
