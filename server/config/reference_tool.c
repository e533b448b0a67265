/* Writes profile-contextd.yaml(5) from the table of keys, at build time: what the page says is what
 * the server reads. Usage: config_reference PAGE "November 25, 2026" */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_internal.h"

typedef struct {
    const char *name;
    const char *about;
} group_text;

static const group_text groups[] = {
    {"listen", "Where callers are served, and how much of it.\n"},
    {"identity", "How callers prove who they are.\n"},
    {"audit", "The trail of accesses to persons.\n"},
    {"reload", "Files that are read again when they change.\n"},
    {"door", "How much is let in, of whom, and when there is too much to do.\n"},
    {"tracing", "Spans for a collector.\n"},
    {"breaker", "When the upstream is left alone.\n"},
    {"operator", "Metrics and health, for those who run the server.\n"},
    {"defaults", "What holds for calls that do not say.\n"},
    {"upstream", "The Entity API: where it is, who we are there, and how it is asked.\n"},
    {"budget", "How many upstream calls may be made; they are billed.\n"},
    {"cache", "What is remembered of people, for how long, and how old it may be given.\n"},
    {"batch", "Calls about many persons.\n"},
    {"prefetch", "What is fetched before anyone asks.\n"},
    {"access", "What callers may do and see.\n"},
    {"summary", "What a summary says beyond the standard field groups.\n"},
    {"audiences", "Names of audiences.\n"},
    {"page_token", "The tokens of pages.\n"},
    {"hardening", "What is done so that nothing of a person stays in memory.\n"},
    {"log", "The log, on standard error.\n"},
    {"sandbox", "An entity sandbox of one's own as the upstream, to try and to test.\n"},
};

/* A line, or nothing. */
static const char *about_group(const char *name, size_t length)
{
    for (size_t i = 0; i < PC_COUNT_OF(groups); i++) {
        if (strlen(groups[i].name) == length && memcmp(groups[i].name, name, length) == 0) {
            return groups[i].about;
        }
    }
    return "";
}

/* Text in which nothing is taken for a request or an escape. */
static void put_text(FILE *out, const char *text)
{
    if (*text == '.' || *text == '\'') {
        fputs("\\&", out);
    }
    for (; *text != '\0'; text++) {
        if (*text == '\\') {
            fputs("\\e", out);
        } else if (text[0] == '.' && text[1] == ' ') {
            fputs(".\n", out); /* As the language of pages wants its sentences. */
            text++;
        } else {
            fputc(*text, out);
        }
    }
}

static const char *type_name(const config_key *key)
{
    switch (key->type) {
    case KEY_FILE:
        return "the path of a file";
    case KEY_URL:
        return "an http or https URL";
    case KEY_BOOL:
        return "true or false";
    case KEY_NUMBER:
        return "a whole number";
    case KEY_DURATION:
        return "a time such as 250ms, 2s, 5m, 1h or 30d";
    case KEY_BYTES:
        return "a size such as 512, 64KiB or 4MiB";
    case KEY_CHOICE:
        return "one of";
    case KEY_SECRET:
        return "a secret";
    case KEY_TEXT:
    default:
        return "text";
    }
}

static void put_amount(FILE *out, key_type type, int64_t value)
{
    if (type == KEY_DURATION && value % 86400000 == 0 && value != 0) {
        fprintf(out, "%" PRId64 "d", value / 86400000);
    } else if (type == KEY_DURATION && value % 1000 == 0) {
        fprintf(out, "%" PRId64 "s", value / 1000);
    } else if (type == KEY_DURATION) {
        fprintf(out, "%" PRId64 "ms", value);
    } else if (type == KEY_BYTES && value % 1048576 == 0 && value != 0) {
        fprintf(out, "%" PRId64 "MiB", value / 1048576);
    } else if (type == KEY_BYTES && value % 1024 == 0 && value != 0) {
        fprintf(out, "%" PRId64 "KiB", value / 1024);
    } else {
        fprintf(out, "%" PRId64, value);
    }
}

static void put_type(FILE *out, const config_key *key)
{
    fprintf(out, "Value: %s", type_name(key));
    for (size_t i = 0; key->type == KEY_CHOICE && key->choices[i] != NULL; i++) {
        fprintf(out, "%s %s", i == 0 ? "" : ",", key->choices[i]);
    }
    bool has_bounds =
        key->type == KEY_NUMBER || key->type == KEY_DURATION || key->type == KEY_BYTES;
    if (has_bounds && key->most == INT64_MAX) {
        fputs(", at least ", out);
        put_amount(out, key->type, key->least);
    } else if (has_bounds) {
        fputs(", ", out);
        put_amount(out, key->type, key->least);
        fputs(" to ", out);
        put_amount(out, key->type, key->most);
    }
    fputs(".\n", out);
    if (key->default_value[0] != '\0') {
        fputs("Default: ", out);
        put_text(out, key->default_value);
        fputs(".\n", out);
    }
}

static void put_key(FILE *out, const config_key *key, size_t group_length)
{
    char flag[128];
    char variable[128];
    config_key_flag(flag, sizeof flag, key);
    config_key_variable(variable, sizeof variable, key);
    fprintf(out, ".It Va %s\n", key->name + group_length + 1);
    put_text(out, key->help);
    fputs(".\n", out);
    put_type(out, key);
    if (key->type == KEY_SECRET) {
        fprintf(out, "Not read from the file, but from the next key or the variable\n.Ev %s .\n",
                variable);
    } else {
        fprintf(out, "Flag:\n.Fl -%s ;\nvariable:\n.Ev %s .\n", flag, variable);
    }
}

static const char head[] =
    ".Dt PROFILE-CONTEXTD.YAML 5\n"
    ".Os\n"
    ".Sh NAME\n"
    ".Nm profile-contextd.yaml\n"
    ".Nd configuration of profile-contextd\n"
    ".Sh DESCRIPTION\n"
    "A YAML file of groups of keys, read by\n"
    ".Xr profile-contextd 8\n"
    "with\n"
    ".Fl -config .\n"
    "Every key is also a flag and a variable of the environment; flags win over variables,\n"
    "variables over the file.\n"
    "What is not known is refused, with the nearest name that is.\n"
    ".Ql profile-contextd --config FILE --check-config\n"
    "tells all mistakes at once.\n";

static const char insights[] =
    ".Ss insights\n"
    "Scores of models and computed attributes, by their path in the profile's JSON: a list, each\n"
    "with these properties.\n"
    "In the file only.\n"
    ".Bl -tag -width Ds\n"
    ".It Va name\n"
    "What callers know it by.\n"
    ".It Va path\n"
    "Where it is, such as _yourtenant.customerAI.churn30d.score.\n"
    ".It Va type\n"
    "number, string, boolean, timestamp or list.\n"
    ".It Va kind\n"
    "score, probability, percentile, amount, count, label, date or list.\n"
    ".It Va unit\n"
    "Of an amount, such as EUR.\n"
    ".It Va direction\n"
    "high_is_good, high_is_bad or none.\n"
    ".It Va propensity\n"
    "churn, conversion or none.\n"
    ".It Va low_below , high_above\n"
    "Bounds of the band; both belong to the middle.\n"
    ".It Va factors_path\n"
    "Where the influential factors are.\n"
    ".El\n";

static const char tail[] = ".Sh FILES\n"
                           ".Bl -tag -width Ds\n"
                           ".It Pa /etc/profile-context/profile-contextd.yaml\n"
                           "What the service reads.\n"
                           ".It Pa /usr/share/doc/profile-contextd/examples/example.yaml\n"
                           "A sample.\n"
                           ".El\n"
                           ".Sh SEE ALSO\n"
                           ".Xr profile-contextd 8\n";

static void put_page(FILE *out, const char *date)
{
    fprintf(out, ".Dd %s\n%s.Sh KEYS\n", date, head);
    size_t length = 0;
    for (size_t i = 0; i < config_key_count; i++) {
        const config_key *key = &config_keys[i];
        if (i == 0 || strncmp(config_keys[i - 1].name, key->name, length + 1) != 0) {
            length = strcspn(key->name, ".");
            fprintf(out, "%s.Ss %.*s\n%s.Bl -tag -width Ds\n", i == 0 ? "" : ".El\n", (int)length,
                    key->name, about_group(key->name, length));
        }
        put_key(out, key, length);
    }
    fprintf(out, ".El\n%s%s", insights, tail);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: config_reference PAGE DATE\n", stderr);
        return 2;
    }
    FILE *out = fopen(argv[1], "w");
    if (out != NULL) {
        put_page(out, argv[2]);
    }
    if (out == NULL || fclose(out) != 0) {
        fprintf(stderr, "config_reference: %s cannot be written\n", argv[1]);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
