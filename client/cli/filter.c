/* A condition on a property of an event. */
#include "filter.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *text;
    Profilecontext__V1__ComparisonOperator value;
} operators[] = {
    /* The longer ones first. */
    {"!=", PROFILECONTEXT__V1__COMPARISON_OPERATOR__COMPARISON_OPERATOR_NOT_EQUAL},
    {"<=", PROFILECONTEXT__V1__COMPARISON_OPERATOR__COMPARISON_OPERATOR_LESS_OR_EQUAL},
    {">=", PROFILECONTEXT__V1__COMPARISON_OPERATOR__COMPARISON_OPERATOR_GREATER_OR_EQUAL},
    {"=", PROFILECONTEXT__V1__COMPARISON_OPERATOR__COMPARISON_OPERATOR_EQUAL},
    {"<", PROFILECONTEXT__V1__COMPARISON_OPERATOR__COMPARISON_OPERATOR_LESS},
    {">", PROFILECONTEXT__V1__COMPARISON_OPERATOR__COMPARISON_OPERATOR_GREATER},
};

static bool parse_date(filter *out, const char *text)
{
    static const char form[] = "dddd-dd-dd";
    for (size_t i = 0; i < sizeof form; i++) {
        bool fits = form[i] == 'd' ? isdigit((unsigned char)text[i]) != 0 : text[i] == form[i];
        if (!fits) {
            return false;
        }
    }
    out->year = atoi(text);
    out->month = atoi(text + 5);
    out->day = atoi(text + 8);
    return true;
}

static void parse_value(filter *out, const char *text)
{
    char *end = NULL;
    out->number = strtod(text, &end);
    out->text = text;
    if (*text == '\'') {
        out->kind = FILTER_TEXT;
        out->text = text + 1;
    } else if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        out->kind = FILTER_FLAG;
        out->flag = *text == 't';
    } else if (parse_date(out, text)) {
        out->kind = FILTER_DATE;
    } else if ((isdigit((unsigned char)*text) || *text == '-' || *text == '.') && *end == '\0' &&
               isfinite(out->number)) {
        out->kind = FILTER_NUMBER;
    } else {
        out->kind = FILTER_TEXT;
    }
}

const char *filter_parse(filter *out, const char *text)
{
    *out = (filter){0};
    size_t size = strcspn(text, "!<=>");
    if (size == 0) {
        return "the path before the comparison is missing";
    }
    if (text[size] == '\0') {
        return "a comparison is missing: = != < <= > or >=";
    }
    if (size >= FILTER_PATH_SIZE) {
        return "the path is longer than 256 characters";
    }
    (void)snprintf(out->path, sizeof out->path, "%.*s", (int)size, text);
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        size_t length = strlen(operators[i].text);
        if (strncmp(text + size, operators[i].text, length) == 0) {
            out->operator_ = operators[i].value;
            parse_value(out, text + size + length);
            return text[size + length] == '\0' ? "the value is missing" : NULL;
        }
    }
    return "the comparison is none of = != < <= > and >=";
}
