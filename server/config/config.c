/* Loading in the order of precedence, and the checks that look at several keys. */
#include "config/config.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config_internal.h"

enum { SHOWN_BYTES_MAX = 4096, NAME_BYTES = 128 };

static const char variable_prefix[] = "PROFILE_CONTEXT_";
static const char config_variable[] = "PROFILE_CONTEXT_CONFIG";

typedef struct {
    pc_config *config;
    pc_config_command *command;
    pc_config_errors *errors;
    bool *taken; /* keys that a flag or variable has set */
} loading;

/* ---- life ------------------------------------------------------------------------------------ */

static bool is_text(const config_key *key)
{
    return key->type == KEY_TEXT || key->type == KEY_FILE || key->type == KEY_URL ||
           key->type == KEY_SECRET;
}

static char **text_field(const pc_config *config, const config_key *key)
{
    return (char **)(void *)((char *)(uintptr_t)config + key->offset);
}

void pc_config_free(pc_config *config)
{
    if (config == NULL) {
        return;
    }
    for (size_t i = 0; i < config_key_count; i++) {
        const config_key *key = &config_keys[i];
        if (is_text(key)) {
            char *text = *text_field(config, key);
            if (key->type == KEY_SECRET && text != NULL) {
                OPENSSL_cleanse(text, strlen(text));
            }
            free(text);
        }
    }
    for (size_t i = 0; i < config->insight_count; i++) {
        free(config->insights[i].name);
        free(config->insights[i].path);
        free(config->insights[i].unit);
        free(config->insights[i].factors_path);
    }
    free(config->insights);
    free(config->sources);
    free(config);
}

static pc_config *with_defaults(pc_config_errors *errors)
{
    pc_config *config = calloc(1, sizeof *config);
    if (config == NULL) {
        return NULL;
    }
    config->sources = calloc(config_key_count, sizeof *config->sources);
    bool good = config->sources != NULL;
    for (size_t i = 0; good && i < config_key_count; i++) {
        const config_key *key = &config_keys[i];
        if (is_text(key)) {
            /* An empty default is no URL, and needs no check. */
            *text_field(config, key) = config_copy(key->default_value, strlen(key->default_value));
            config->sources[i] = "default";
            good = *text_field(config, key) != NULL;
        } else {
            good = config_set(config, i, key->default_value, "default", key->name, errors);
        }
    }
    if (!good) {
        pc_config_free(config);
        return NULL;
    }
    return config;
}

/* ---- flags ----------------------------------------------------------------------------------- */

static void unknown_flag(loading *l, const char *flag)
{
    char names[256][NAME_BYTES];
    const char *list[256];
    size_t count = 0;
    for (; count < config_key_count && count < PC_COUNT_OF(list); count++) {
        config_key_flag(names[count], NAME_BYTES, &config_keys[count]);
        list[count] = names[count];
    }
    const char *near = config_nearest(flag + 2, list, count);
    config_error(l->errors, "%s: there is no such flag%s%s; --help lists them", flag,
                 near == NULL ? "" : "; did you mean --", near == NULL ? "" : near);
}

/* Place of the key that a flag without dashes means, or the count; `*negated` for --no-x. */
static size_t find_flag(const char *name, bool *negated)
{
    char flag[NAME_BYTES];
    *negated = false;
    for (size_t i = 0; i < config_key_count; i++) {
        config_key_flag(flag, sizeof flag, &config_keys[i]);
        if (strcmp(flag, name) == 0) {
            return i;
        }
    }
    if (strcmp(name, "sandbox") == 0) {
        return config_key_find("sandbox.enabled");
    }
    if (strncmp(name, "no-", 3) == 0) {
        size_t key = find_flag(name + 3, negated);
        if (key < config_key_count && config_keys[key].type == KEY_BOOL) {
            *negated = true;
            return key;
        }
    }
    return config_key_count;
}

static void set_flag(loading *l, const char *flag, const char *name, const char *value,
                     char *const *argv, int argc, int *index)
{
    bool negated;
    size_t key = find_flag(name, &negated);
    if (key == config_key_count) {
        unknown_flag(l, flag);
        return;
    }
    if (config_keys[key].type == KEY_SECRET) {
        config_error(l->errors,
                     "--%s: a secret does not belong on the command line, where others see it; use "
                     "--%s-file or the environment",
                     name, name);
        return;
    }
    if (config_keys[key].type == KEY_BOOL && value == NULL) {
        value = negated ? "false" : "true";
    } else if (value == NULL && *index + 1 < argc) {
        value = argv[++*index];
    }
    if (value == NULL) {
        config_error(l->errors, "--%s: needs a value", name);
        return;
    }
    char where[NAME_BYTES + 8];
    (void)snprintf(where, sizeof where, "--%s", name);
    l->taken[key] = true;
    (void)config_set(l->config, key, value, "flag", where, l->errors);
}

static void read_flags(loading *l, int argc, char *const *argv)
{
    for (int i = 1; i < argc; i++) {
        const char *flag = argv[i];
        if (strcmp(flag, "--help") == 0 || strcmp(flag, "-h") == 0) {
            l->command->help = true;
        } else if (strcmp(flag, "--version") == 0) {
            l->command->version = true;
        } else if (strcmp(flag, "--check-config") == 0) {
            l->command->check_config = true;
        } else if (strcmp(flag, "--check-upstream") == 0) {
            l->command->check_upstream = true;
        } else if (strncmp(flag, "--check-person=", 15) == 0) {
            l->command->check_person = flag + 15;
        } else if (strcmp(flag, "--json") == 0) {
            l->command->json = true;
        } else if (strcmp(flag, "--print-config") == 0) {
            l->command->print_config = true;
        } else if (strcmp(flag, "--allow-core-dumps") == 0) {
            l->command->allow_core_dumps = true;
        } else if (strcmp(flag, "--config") == 0) {
            if (i + 1 == argc) {
                config_error(l->errors, "--config: needs a file");
                return;
            }
            l->command->config_file = argv[++i];
        } else if (strncmp(flag, "--config=", 9) == 0) {
            l->command->config_file = flag + 9;
        } else if (strncmp(flag, "--", 2) == 0 && flag[2] != '\0') {
            char name[NAME_BYTES];
            size_t length = strcspn(flag + 2, "=");
            (void)snprintf(name, sizeof name, "%.*s", (int)(length < 100 ? length : 100), flag + 2);
            const char *value = flag[2 + length] == '=' ? flag + 3 + length : NULL;
            char shown[NAME_BYTES];
            (void)snprintf(shown, sizeof shown, "--%.100s", name);
            set_flag(l, shown, name, value, argv, argc, &i);
        } else {
            config_error(l->errors, "%.100s: only flags are understood; --help lists them", flag);
        }
    }
}

/* ---- environment ----------------------------------------------------------------------------- */

static void read_variable(loading *l, const char *name, const char *value)
{
    char variable[NAME_BYTES];
    if (strcmp(name, config_variable) == 0) {
        if (l->command->config_file == NULL) {
            l->command->config_file = value;
        }
        return;
    }
    for (size_t i = 0; i < config_key_count; i++) {
        config_key_variable(variable, sizeof variable, &config_keys[i]);
        if (strcmp(variable, name) == 0) {
            if (!l->taken[i]) {
                l->taken[i] = true;
                (void)config_set(l->config, i, value, "environment", name, l->errors);
            }
            return;
        }
    }
    config_error(l->errors, "%s: there is no key that this variable could mean; --help lists them",
                 name);
}

static void read_environment(loading *l, char *const *environment)
{
    for (; *environment != NULL; environment++) {
        const char *equals = strchr(*environment, '=');
        if (strncmp(*environment, variable_prefix, sizeof variable_prefix - 1) != 0 ||
            equals == NULL) {
            continue;
        }
        char name[NAME_BYTES];
        (void)snprintf(name, sizeof name, "%.*s",
                       (int)(equals - *environment < 100 ? equals - *environment : 100),
                       *environment);
        read_variable(l, name, equals + 1);
    }
}

void pc_config_wipe_environment(char *const *environment)
{
    for (; *environment != NULL; environment++) {
        char *equals = strchr(*environment, '=');
        for (size_t i = 0; equals != NULL && i < config_key_count; i++) {
            char variable[NAME_BYTES];
            config_key_variable(variable, sizeof variable, &config_keys[i]);
            size_t size = strlen(variable);
            if (config_keys[i].type == KEY_SECRET && (size_t)(equals - *environment) == size &&
                strncmp(*environment, variable, size) == 0) {
                OPENSSL_cleanse(equals + 1, strlen(equals + 1));
            }
        }
    }
}

/* ---- secrets --------------------------------------------------------------------------------- */

/* A secret's row is followed by that of its file. The variable wins over the file. */
static void read_secrets(loading *l)
{
    for (size_t i = 0; i + 1 < config_key_count; i++) {
        if (config_keys[i].type == KEY_SECRET && !l->taken[i]) {
            const char *path = *text_field(l->config, &config_keys[i + 1]);
            if (path[0] != '\0') {
                config_set_secret(l->config, i, path, l->errors);
            }
        }
    }
}

/* ---- checks ---------------------------------------------------------------------------------- */

static void require(loading *l, const char *value, const char *key, const char *what)
{
    if (value == NULL || value[0] == '\0') {
        config_error(l->errors, "%s: is required: %s", key, what);
    }
}

static void check_files(loading *l)
{
    for (size_t i = 0; i < config_key_count; i++) {
        const config_key *key = &config_keys[i];
        const char *path = key->type == KEY_FILE ? *text_field(l->config, key) : "";
        bool secret = i > 0 && config_keys[i - 1].type == KEY_SECRET;
        if (path[0] != '\0' && !secret && access(path, R_OK) != 0) {
            config_error(l->errors, "%s: %s: cannot be read: %s", key->name, path, strerror(errno));
        }
    }
}

static void check_whole(loading *l)
{
    const pc_config *c = l->config;
    if (!c->sandbox.enabled) {
        require(l, c->upstream.client_id, "upstream.client_id",
                "the client id of the OAuth credential; or use --sandbox to try without one");
        require(l, c->upstream.client_secret, "upstream.client_secret",
                "set upstream.client_secret_file or PROFILE_CONTEXT_UPSTREAM_CLIENT_SECRET");
        require(l, c->upstream.org_id, "upstream.org_id", "the organisation id, XXXX@AdobeOrg");
        require(l, c->upstream.merge_policy, "upstream.merge_policy",
                "the id of a merge policy; the upstream's default is not relied upon");
    }
    if ((c->listen.tls_certificate_file[0] == '\0') != (c->listen.tls_key_file[0] == '\0')) {
        config_error(l->errors,
                     "listen.tls_certificate_file, listen.tls_key_file: go together; one is given");
    }
    if (c->listen.tls_client_ca_file[0] != '\0' && c->listen.tls_certificate_file[0] == '\0') {
        config_error(l->errors, "listen.tls_client_ca_file: needs listen.tls_certificate_file");
    }
    if (c->defaults.event_limit > c->defaults.event_limit_max) {
        config_error(l->errors, "defaults.event_limit: must not be above defaults.event_limit_max");
    }
    if (c->budget.min_concurrent > c->budget.max_concurrent) {
        config_error(l->errors, "budget.min_concurrent: must not be above budget.max_concurrent");
    }
    if (c->page_token.key[0] != '\0' && strlen(c->page_token.key) < 16) {
        config_error(l->errors, "page_token.key: must have 16 characters or more");
    }
    config_check_identity(c, l->errors);
    if (c->audit.file[0] != '\0' && c->log.identity_key[0] == '\0') {
        config_error(l->errors, "audit.file: needs log.identity_key_file: without that key the "
                                "identities of one run could not be found in the next");
    }
    check_files(l);
}

bool pc_config_load(pc_config **out, pc_config_command *command, pc_config_errors *errors, int argc,
                    char *const *argv, char *const *environment)
{
    *out = NULL;
    *command = (pc_config_command){0};
    loading l = {.config = with_defaults(errors), .command = command, .errors = errors};
    l.taken = calloc(config_key_count, sizeof *l.taken);
    if (l.config == NULL || l.taken == NULL) {
        config_error(errors, "out of memory");
    } else {
        read_flags(&l, argc, argv);
        if (!command->help && !command->version) {
            read_environment(&l, environment);
            if (command->config_file != NULL) {
                config_read_file(l.config, command->config_file, l.taken, errors);
            }
            read_secrets(&l);
            /* A wrong value is reported by itself; what follows from it would only confuse. */
            if (errors->count == 0 && !errors->lost) {
                check_whole(&l);
            }
        }
    }
    free(l.taken);
    bool wrong = errors->count > 0 || errors->lost;
    if (wrong || command->help || command->version) {
        pc_config_free(l.config);
        return !wrong;
    }
    *out = l.config;
    return true;
}

bool pc_config_read(pc_config **out, pc_config_errors *errors, const char *path)
{
    pc_config *config = with_defaults(errors);
    bool *taken = calloc(config_key_count, sizeof *taken);
    *out = NULL;
    if (config == NULL || taken == NULL) {
        config_error(errors, "out of memory");
    } else {
        config_read_file(config, path, taken, errors);
    }
    free(taken);
    if (errors->count > 0 || errors->lost) {
        pc_config_free(config);
        return false;
    }
    *out = config;
    return true;
}

const char *pc_config_source(const pc_config *config, const char *key)
{
    size_t place = config_key_find(key);
    return place == config_key_count ? "" : config->sources[place];
}

/* ---- printing -------------------------------------------------------------------------------- */

static void print_quoted(FILE *out, const char *text)
{
    fputc('"', out);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            fputc('\\', out);
        }
        fputc(*c, out);
    }
    fputc('"', out);
}

void pc_config_visit(const pc_config *config,
                     void (*fn)(void *self, const char *key, const char *value, const char *source),
                     void *self)
{
    for (size_t i = 0; i < config_key_count; i++) {
        char value[SHOWN_BYTES_MAX];
        config_show(value, sizeof value, config, &config_keys[i]);
        fn(self, config_keys[i].name, value, config->sources[i]);
    }
}

void pc_config_print(FILE *out, const pc_config *config)
{
    char group[32] = "";
    for (size_t i = 0; i < config_key_count; i++) {
        const config_key *key = &config_keys[i];
        size_t length = strcspn(key->name, ".");
        if (strncmp(group, key->name, length) != 0 || group[length] != '\0') {
            (void)snprintf(group, sizeof group, "%.*s", (int)length, key->name);
            fprintf(out, "%s:\n", group);
        }
        char value[SHOWN_BYTES_MAX];
        config_show(value, sizeof value, config, key);
        /* A secret could not be read back from YAML, so its line is a comment. */
        fprintf(out, "  %s%s: ", key->type == KEY_SECRET ? "# " : "", key->name + length + 1);
        if (is_text(key)) {
            print_quoted(out, value);
        } else {
            fputs(value, out);
        }
        fprintf(out, "  # %s\n", config->sources[i]);
    }
    fprintf(out, "# insights: %zu\n", config->insight_count);
}
