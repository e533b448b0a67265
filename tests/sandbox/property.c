/* Property filters, see property.h. */
#include "property.h"

#include "json.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

bool sbx_property_parse(struct sbx_property *out, const char *text, struct sbx_error *error)
{
    *out = (struct sbx_property){0};
    size_t at = strcspn(text, "=!<>");
    if (at == 0 || text[at] == '\0' || (text[at] == '!' && text[at + 1] != '=')) {
        return sbx_fail(error, "property \"%.200s\" is not <path><op><value>", text);
    }
    const char *value = text + at + 1;
    bool or_equal = text[at] != '=' && *value == '=';
    value += or_equal ? 1 : 0;
    switch (text[at]) {
    case '=':
        out->comparison = SBX_EQ;
        break;
    case '!':
        out->comparison = SBX_NE;
        break;
    case '<':
        out->comparison = or_equal ? SBX_LE : SBX_LT;
        break;
    default:
        out->comparison = or_equal ? SBX_GE : SBX_GT;
        break;
    }
    size_t length = strlen(value);
    if (length == 0) {
        return sbx_fail(error, "property \"%.200s\" has no value", text);
    }
    if (value[0] == '"') {
        if (length < 2 || value[length - 1] != '"') {
            return sbx_fail(error, "property \"%.200s\" has an open quote", text);
        }
        out->quoted = true;
        value++;
        length -= 2;
    }
    out->path = sbx_copy_n(text, at);
    out->value = sbx_copy_n(value, length);
    return true;
}

void sbx_property_deinit(struct sbx_property *property)
{
    free(property->path);
    free(property->value);
    *property = (struct sbx_property){0};
}

/* The eight digits of a date written yyyy-mm-dd or yyyymmdd, followed by anything. */
static bool date_digits(char out[9], const char *text, bool to_the_end)
{
    size_t count = 0;
    for (; *text != '\0' && count < 8; text++) {
        if (isdigit((unsigned char)*text)) {
            out[count++] = *text;
        } else if (*text != '-' || (count != 4 && count != 6)) {
            return false;
        }
    }
    out[count] = '\0';
    return count == 8 && (!to_the_end || *text == '\0');
}

static bool holds(enum sbx_comparison comparison, int order)
{
    switch (comparison) {
    case SBX_EQ:
        return order == 0;
    case SBX_NE:
        return order != 0;
    case SBX_LT:
        return order < 0;
    case SBX_LE:
        return order <= 0;
    case SBX_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

static bool compare_text(const struct sbx_property *property, const char *text)
{
    char wanted[9];
    char found[9];
    if (property->quoted && date_digits(wanted, property->value, true) &&
        date_digits(found, text, false)) {
        return holds(property->comparison, strcmp(found, wanted));
    }
    return holds(property->comparison, strcmp(text, property->value));
}

static bool compare(const struct sbx_property *property, const json_t *value)
{
    double number;
    if (json_is_boolean(value)) {
        return holds(property->comparison,
                     strcmp(json_is_true(value) ? "true" : "false", property->value));
    }
    if (sbx_json_number(&number, value)) {
        char *end;
        double wanted = strtod(property->value, &end);
        if (end == property->value || *end != '\0') {
            return property->comparison == SBX_NE;
        }
        return holds(property->comparison, (number > wanted) - (number < wanted));
    }
    if (json_is_string(value)) {
        return compare_text(property, json_string_value(value));
    }
    return false;
}

enum outcome { ABSENT, FALSE_THROUGHOUT, TRUE_SOMEWHERE };

static enum outcome search(const struct sbx_property *property, const json_t *value,
                           const char *path)
{
    enum outcome found = ABSENT;
    if (json_is_array(value)) {
        size_t index;
        json_t *item;
        json_array_foreach(value, index, item)
        {
            enum outcome one = search(property, item, path);
            found = one > found ? one : found;
        }
        return found;
    }
    if (path[0] == '\0') {
        return compare(property, value) ? TRUE_SOMEWHERE : FALSE_THROUGHOUT;
    }
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)(uintptr_t)value, key, member)
    {
        size_t length = strlen(key);
        if (strncmp(path, key, length) == 0 && (path[length] == '\0' || path[length] == '.')) {
            enum outcome one =
                search(property, member, path + length + (path[length] == '.' ? 1 : 0));
            found = one > found ? one : found;
        }
    }
    return found;
}

bool sbx_property_matches(const struct sbx_property *property, const json_t *entity)
{
    enum outcome found = search(property, entity, property->path);
    return found == TRUE_SOMEWHERE || (found == ABSENT && property->comparison == SBX_NE);
}
