/* JSON that keeps its numbers, see json.h. */
#include "json.h"

#include "clock.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* A control character cannot stand at the start of a string by accident, and what follows is
 * checked against the grammar of numbers before it is ever printed bare. */
#define MARK "\001#"
#define MARK_ESCAPED "\\u0001#"

enum { EXACT_DIGITS = 15 };

/* Length of the JSON number at text, or 0. */
static size_t number_length(const char *text, size_t length)
{
    size_t at = 0;
    if (at < length && text[at] == '-') {
        at++;
    }
    size_t first = at;
    while (at < length && isdigit((unsigned char)text[at])) {
        at++;
    }
    if (at == first || (text[first] == '0' && at - first > 1)) {
        return 0;
    }
    if (at < length && text[at] == '.') {
        size_t fraction = ++at;
        while (at < length && isdigit((unsigned char)text[at])) {
            at++;
        }
        if (at == fraction) {
            return 0;
        }
    }
    if (at < length && (text[at] == 'e' || text[at] == 'E')) {
        at++;
        if (at < length && (text[at] == '+' || text[at] == '-')) {
            at++;
        }
        size_t exponent = at;
        while (at < length && isdigit((unsigned char)text[at])) {
            at++;
        }
        if (at == exponent) {
            return 0;
        }
    }
    return at;
}

static bool survives(const char *number, size_t length)
{
    return length <= EXACT_DIGITS && memchr(number, '.', length) == NULL &&
           memchr(number, 'e', length) == NULL && memchr(number, 'E', length) == NULL;
}

static size_t string_length(const char *text, size_t length)
{
    size_t at = 1;
    while (at < length && text[at] != '"') {
        at += text[at] == '\\' ? 2 : 1;
    }
    return at < length ? at + 1 : length;
}

static void guard_numbers(struct sbx_text *out, const char *text, size_t length)
{
    size_t at = 0;
    while (at < length) {
        size_t step = 1;
        if (text[at] == '"') {
            step = string_length(text + at, length - at);
        } else if (text[at] == '-' || isdigit((unsigned char)text[at])) {
            step = number_length(text + at, length - at);
            if (step > 0 && !survives(text + at, step)) {
                sbx_text_puts(out, "\"" MARK_ESCAPED);
                sbx_text_add(out, text + at, step);
                sbx_text_puts(out, "\"");
                at += step;
                continue;
            }
            step = step > 0 ? step : 1;
        }
        sbx_text_add(out, text + at, step);
        at += step;
    }
}

json_t *sbx_json_parse(const char *text, size_t length, struct sbx_error *error)
{
    struct sbx_text guarded = {0};
    guard_numbers(&guarded, text, length);
    json_error_t problem;
    json_t *value = json_loadb(guarded.data != NULL ? guarded.data : "", guarded.length,
                               JSON_ALLOW_NUL | JSON_DECODE_ANY, &problem);
    if (value == NULL) {
        sbx_fail(error, "not valid JSON: %s", problem.text);
    }
    sbx_text_deinit(&guarded);
    return value;
}

static int collect(const char *buffer, size_t size, void *payload)
{
    sbx_text_add(payload, buffer, size);
    return 0;
}

/* Whether the printed string (with quotes) is a marked number; gives the number's place. */
static bool marked(const char *string, size_t length, const char **number, size_t *number_size)
{
    size_t prefix = sizeof("\"" MARK_ESCAPED) - 1;
    if (length <= prefix + 1 || memcmp(string, "\"" MARK_ESCAPED, prefix) != 0) {
        return false;
    }
    *number = string + prefix;
    *number_size = length - prefix - 1;
    return number_length(*number, *number_size) == *number_size;
}

void sbx_json_print(struct sbx_text *out, const json_t *value)
{
    struct sbx_text raw = {0};
    json_dump_callback(value, collect, &raw, JSON_COMPACT | JSON_ENCODE_ANY);
    size_t at = 0;
    size_t kept = 0;
    while (at < raw.length) {
        if (raw.data[at] != '"') {
            at++;
            continue;
        }
        size_t length = string_length(raw.data + at, raw.length - at);
        const char *number;
        size_t number_size;
        if (marked(raw.data + at, length, &number, &number_size) && raw.data[at + length] != ':') {
            sbx_text_add(out, raw.data + kept, at - kept);
            sbx_text_add(out, number, number_size);
            kept = at + length;
        }
        at += length;
    }
    sbx_text_add(out, raw.data != NULL ? raw.data + kept : "", raw.length - kept);
    sbx_text_deinit(&raw);
}

bool sbx_json_number(double *out, const json_t *value)
{
    if (json_is_number(value)) {
        *out = json_number_value(value);
        return true;
    }
    const char *digits = sbx_json_exact_number(value);
    if (digits == NULL) {
        return false;
    }
    *out = strtod(digits, NULL);
    return true;
}

const char *sbx_json_exact_number(const json_t *value)
{
    const char *text = json_string_value(value);
    size_t mark = sizeof(MARK) - 1;
    return text != NULL && strncmp(text, MARK, mark) == 0 ? text + mark : NULL;
}

void sbx_json_quote(struct sbx_text *out, const char *text)
{
    json_t *value = json_string(text);
    if (value == NULL) {
        sbx_text_puts(out, "\"\"");
        return;
    }
    json_dump_callback(value, collect, out, JSON_ENCODE_ANY);
    json_decref(value);
}

static bool form_of(enum sbx_time_form *out, const char *name, size_t length)
{
    static const char *const names[] = {"seconds", "millis", "offset", "basic", "space", "date"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0) {
            *out = (enum sbx_time_form)i;
            return true;
        }
    }
    return false;
}

static bool resolve_string(json_t *value, int64_t now_ms, struct sbx_error *error)
{
    const char *text = json_string_value(value);
    size_t length = json_string_length(value);
    if (length < 5 || length > 60 || strncmp(text, "{{", 2) != 0 ||
        strcmp(text + length - 2, "}}") != 0) {
        return true;
    }
    char inner[64];
    size_t inner_length = length - 4;
    memcpy(inner, text + 2, inner_length);
    inner[inner_length] = '\0';
    enum sbx_time_form form = SBX_TIME_SECONDS;
    char *bar = strchr(inner, '|');
    if (bar != NULL) {
        *bar = '\0';
    }
    int64_t ms;
    if ((bar != NULL && !form_of(&form, bar + 1, strlen(bar + 1))) ||
        !sbx_time_parse(&ms, inner, now_ms)) {
        return sbx_fail(error, "cannot read the time template \"%s\"", text);
    }
    char stamp[SBX_TIME_SIZE];
    sbx_time_format(stamp, ms, form);
    json_string_set(value, stamp);
    return true;
}

bool sbx_json_resolve_times(json_t *value, int64_t now_ms, struct sbx_error *error)
{
    if (json_is_string(value)) {
        return resolve_string(value, now_ms, error);
    }
    const char *key;
    json_t *member;
    json_object_foreach(value, key, member)
    {
        if (!sbx_json_resolve_times(member, now_ms, error)) {
            return false;
        }
    }
    size_t index;
    json_array_foreach(value, index, member)
    {
        if (!sbx_json_resolve_times(member, now_ms, error)) {
            return false;
        }
    }
    return true;
}

const char *sbx_json_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}
