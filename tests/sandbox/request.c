/* Requests, see request.h. */
#include "request.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    digit = (char)tolower((unsigned char)digit);
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* Gives NULL for encoding that is broken or hides a NUL. */
static char *decode(const char *text, size_t length, bool plus_is_space)
{
    char *out = sbx_alloc(length + 1);
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == '%') {
            int high = -1;
            int low = -1;
            if (length - i > 2) {
                high = hex_value(text[i + 1]);
                low = hex_value(text[i + 2]);
            }
            if (high < 0 || low < 0 || (high == 0 && low == 0)) {
                free(out);
                return NULL;
            }
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '\0') {
            free(out);
            return NULL;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        out[used++] = c;
    }
    return out;
}

bool sbx_arguments_parse(struct sbx_argument *out, size_t *count, const char *text, size_t length)
{
    *count = 0;
    size_t at = 0;
    while (at < length) {
        const char *end = memchr(text + at, '&', length - at);
        size_t size = end != NULL ? (size_t)(end - text) - at : length - at;
        const char *equals = memchr(text + at, '=', size);
        size_t name_size = equals != NULL ? (size_t)(equals - text) - at : size;
        if (size > 0) {
            if (*count == SBX_ARGUMENTS_MAX) {
                return false;
            }
            struct sbx_argument *argument = &out[(*count)++];
            argument->name = decode(text + at, name_size, true);
            argument->value =
                equals != NULL ? decode(equals + 1, size - name_size - 1, true) : sbx_copy("");
            if (argument->name == NULL || argument->value == NULL) {
                return false;
            }
        }
        at += size + 1;
    }
    return true;
}

void sbx_request_init(struct sbx_request *request, const char *method, const char *target)
{
    *request = (struct sbx_request){0};
    request->method = sbx_copy(method);
    const char *mark = strchr(target, '?');
    size_t path_length = mark != NULL ? (size_t)(mark - target) : strlen(target);
    request->query = sbx_copy(mark != NULL ? mark + 1 : "");
    request->path = decode(target, path_length, false);
    if (request->path == NULL) {
        request->path = sbx_copy("");
        request->malformed = true;
    }
    if (!sbx_arguments_parse(request->arguments, &request->argument_count, request->query,
                             strlen(request->query))) {
        request->malformed = true;
    }
}

void sbx_request_deinit(struct sbx_request *request)
{
    for (size_t i = 0; i < request->argument_count; i++) {
        free(request->arguments[i].name);
        free(request->arguments[i].value);
    }
    free(request->method);
    free(request->path);
    free(request->query);
    sbx_text_deinit(&request->body);
    json_decref(request->json);
    *request = (struct sbx_request){0};
}

const char *sbx_request_nth_argument(const struct sbx_request *request, const char *name,
                                     size_t nth)
{
    for (size_t i = 0; i < request->argument_count; i++) {
        const struct sbx_argument *argument = &request->arguments[i];
        if (argument->name != NULL && argument->value != NULL &&
            strcmp(argument->name, name) == 0 && nth-- == 0) {
            return argument->value;
        }
    }
    return NULL;
}

const char *sbx_request_argument(const struct sbx_request *request, const char *name)
{
    return sbx_request_nth_argument(request, name, 0);
}

void sbx_percent_encode(struct sbx_text *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (isalnum((unsigned char)*text) || strchr("-._~,", *text) != NULL) {
            sbx_text_add(out, text, 1);
        } else {
            sbx_text_printf(out, "%%%02X", (unsigned)(unsigned char)*text);
        }
    }
}
