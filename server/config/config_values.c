/* From text to value and back, by the type of a key. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config_internal.h"

typedef struct {
    const char *suffix;
    int64_t factor;
} unit;

static const unit durations[] = {{"ms", 1},      {"s", 1000},     {"m", 60000},
                                 {"h", 3600000}, {"d", 86400000}, {NULL, 0}};
static const unit sizes[] = {
    {"KiB", 1024}, {"MiB", 1024 * 1024}, {"GiB", 1024 * 1024 * 1024}, {"", 1}, {NULL, 0}};

char *config_copy(const char *text, size_t size)
{
    char *copy = malloc(size + 1);
    if (copy != NULL) {
        memcpy(copy, text, size);
        copy[size] = '\0';
    }
    return copy;
}

/* Digits, then one of the suffixes. */
static bool parse_with_unit(const char *text, const unit *units, int64_t *out)
{
    if (!isdigit((unsigned char)text[0])) {
        return false;
    }
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    for (const unit *u = units; errno == 0 && u->suffix != NULL; u++) {
        if (strcmp(end, u->suffix) == 0 && number <= INT64_MAX / u->factor) {
            *out = number * u->factor;
            return true;
        }
    }
    return false;
}

bool config_parse_duration(const char *text, int64_t *out)
{
    return parse_with_unit(text, durations, out);
}

bool config_parse_bytes(const char *text, int64_t *out)
{
    return parse_with_unit(text, sizes, out);
}

bool config_parse_number(const char *text, int64_t *out)
{
    static const unit none[] = {{"", 1}, {NULL, 0}};
    return parse_with_unit(text, none, out);
}

bool config_parse_bool(const char *text, bool *out)
{
    *out = strcmp(text, "true") == 0;
    return *out || strcmp(text, "false") == 0;
}

void config_error(pc_config_errors *errors, const char *format, ...)
{
    if (errors->count == errors->capacity) {
        size_t capacity = errors->capacity == 0 ? 16 : errors->capacity * 2;
        char **grown = realloc(errors->lines, capacity * sizeof *grown);
        if (grown == NULL) {
            errors->lost = true;
            return;
        }
        errors->lines = grown;
        errors->capacity = capacity;
    }
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    /* What was typed may hold anything; a line is one line. */
    for (char *c = line; *c != '\0'; c++) {
        *c = (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c;
    }
    char *copy = config_copy(line, strlen(line));
    if (copy == NULL) {
        errors->lost = true;
        return;
    }
    errors->lines[errors->count++] = copy;
}

void pc_config_errors_deinit(pc_config_errors *errors)
{
    for (size_t i = 0; i < errors->count; i++) {
        free(errors->lines[i]);
    }
    free(errors->lines);
    *errors = (pc_config_errors){0};
}

/* ---- setting --------------------------------------------------------------------------------- */

static void *field(const pc_config *config, const config_key *key)
{
    return (char *)(uintptr_t)config + key->offset;
}

static bool in_range(const config_key *key, int64_t value)
{
    return value >= key->least && value <= key->most;
}

static bool is_url(const char *text)
{
    size_t scheme = strncmp(text, "https://", 8) == 0  ? 8
                    : strncmp(text, "http://", 7) == 0 ? 7
                                                       : 0;
    if (scheme == 0 || text[scheme] == '\0' || text[scheme] == '/' || text[scheme] == ':') {
        return false;
    }
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c <= 0x20 || *c == '@' || *c == '?' || *c == '#' || *c == 0x7f) {
            return false;
        }
    }
    return true;
}

/* What a value of the type looks like, for a sentence that begins with "must be". */
static const char *expectation(const config_key *key)
{
    switch (key->type) {
    case KEY_URL:
        return "an http:// or https:// URL with a host and without user, query or fragment";
    case KEY_BOOL:
        return "true or false";
    case KEY_NUMBER:
        return "a whole number";
    case KEY_DURATION:
        return "a time such as 250ms, 2s, 5m, 1h or 30d";
    case KEY_BYTES:
        return "a size such as 512, 64KiB or 4MiB";
    default:
        return key->help;
    }
}

static bool parse_integer(const config_key *key, const char *text, int64_t *out)
{
    return key->type == KEY_NUMBER     ? config_parse_number(text, out)
           : key->type == KEY_DURATION ? config_parse_duration(text, out)
                                       : config_parse_bytes(text, out);
}

static bool set_text(pc_config *config, const config_key *key, const char *text)
{
    char **place = field(config, key);
    char *copy = config_copy(text, strlen(text));
    if (copy == NULL) {
        return false;
    }
    free(*place);
    *place = copy;
    return true;
}

static bool set_choice(pc_config *config, const config_key *key, const char *text)
{
    for (int i = 0; key->choices[i] != NULL; i++) {
        if (strcmp(key->choices[i], text) == 0) {
            *(int64_t *)field(config, key) = i;
            return true;
        }
    }
    return false;
}

bool config_set(pc_config *config, size_t index, const char *text, const char *source,
                const char *where, pc_config_errors *errors)
{
    const config_key *key = &config_keys[index];
    int64_t value = 0;
    bool good = true;
    switch (key->type) {
    case KEY_TEXT:
    case KEY_FILE:
    case KEY_SECRET:
        good = set_text(config, key, text);
        break;
    case KEY_URL:
        /* One that is not needed may be given as nothing. */
        good =
            (is_url(text) || strcmp(text, key->default_value) == 0) && set_text(config, key, text);
        break;
    case KEY_BOOL:
        good = config_parse_bool(text, field(config, key));
        break;
    case KEY_CHOICE:
        good = set_choice(config, key, text);
        break;
    case KEY_NUMBER:
    case KEY_DURATION:
    case KEY_BYTES:
        good = parse_integer(key, text, &value);
        if (good && !in_range(key, value)) {
            const char *measure = key->type == KEY_DURATION ? " ms" : "";
            config_error(errors, "%s: must be between %" PRId64 "%s and %" PRId64 "%s", where,
                         key->least, measure, key->most, measure);
            return false;
        }
        if (good) {
            *(int64_t *)field(config, key) = value;
        }
        break;
    }
    if (!good) {
        config_error(errors, "%s: must be %s", where, expectation(key));
        return false;
    }
    config->sources[index] = source;
    return true;
}

/* ---- showing --------------------------------------------------------------------------------- */

static void show_with_unit(char *out, size_t size, int64_t value, const unit *units)
{
    const unit *best = NULL;
    for (const unit *u = units; u->suffix != NULL; u++) {
        if (value % u->factor == 0 && (best == NULL || u->factor > best->factor) &&
            (value != 0 || u->factor == 1)) {
            best = u;
        }
    }
    (void)snprintf(out, size, "%" PRId64 "%s", best == NULL ? value : value / best->factor,
                   best == NULL ? "" : best->suffix);
}

void config_show(char *out, size_t size, const pc_config *config, const config_key *key)
{
    const void *place = field(config, key);
    switch (key->type) {
    case KEY_SECRET:
        (void)snprintf(out, size, "%s", (*(char *const *)place)[0] == '\0' ? "" : "(hidden)");
        break;
    case KEY_TEXT:
    case KEY_FILE:
    case KEY_URL:
        (void)snprintf(out, size, "%s", *(char *const *)place);
        break;
    case KEY_BOOL:
        (void)snprintf(out, size, "%s", *(const bool *)place ? "true" : "false");
        break;
    case KEY_CHOICE:
        (void)snprintf(out, size, "%s", key->choices[*(const int64_t *)place]);
        break;
    case KEY_DURATION:
        show_with_unit(out, size, *(const int64_t *)place, durations);
        break;
    case KEY_BYTES:
        show_with_unit(out, size, *(const int64_t *)place, sizes);
        break;
    case KEY_NUMBER:
        (void)snprintf(out, size, "%" PRId64, *(const int64_t *)place);
        break;
    }
}

/* ---- the nearest name ------------------------------------------------------------------------ */

enum { NAME_BYTES_MAX = 64, NEAR_ENOUGH = 4 };

static size_t edit_distance(const char *a, const char *b)
{
    size_t row[NAME_BYTES_MAX + 1];
    size_t a_length = strlen(a);
    size_t b_length = strlen(b);
    if (a_length > NAME_BYTES_MAX || b_length > NAME_BYTES_MAX) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= b_length; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t above = row[j];
            size_t least = diagonal + (a[i - 1] != b[j - 1]);
            least = above + 1 < least ? above + 1 : least;
            row[j] = row[j - 1] + 1 < least ? row[j - 1] + 1 : least;
            diagonal = above;
        }
    }
    return row[b_length];
}

const char *config_nearest(const char *name, const char *const *names, size_t count)
{
    const char *best = NULL;
    size_t best_distance = NEAR_ENOUGH;
    for (size_t i = 0; i < count; i++) {
        size_t distance = edit_distance(name, names[i]);
        if (distance < best_distance) {
            best = names[i];
            best_distance = distance;
        }
    }
    return best;
}
