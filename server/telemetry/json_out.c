/* Straight into the buffer, which knows when it has failed. */
#include "telemetry/json_out.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "util/utf8.h"

enum { NUMBER_BYTES_MAX = 64 };

static void put_quoted(pc_buffer *out, const char *text)
{
    const uint8_t *bytes = (const uint8_t *)text;
    size_t size = strlen(text);
    pc_buffer_append_byte(out, '"');
    for (size_t i = 0; i < size;) {
        size_t length = pc_utf8_character(bytes + i, size - i);
        if (length == 0) {
            pc_buffer_append_text(out, "\xef\xbf\xbd"); /* U+FFFD */
            i++;
        } else if (bytes[i] == '"' || bytes[i] == '\\') {
            pc_buffer_append_byte(out, '\\');
            pc_buffer_append_byte(out, bytes[i++]);
        } else if (bytes[i] < 0x20) {
            char escape[8];
            (void)snprintf(escape, sizeof escape, "\\u%04x", (unsigned)bytes[i++]);
            pc_buffer_append_text(out, escape);
        } else {
            pc_buffer_append(out, bytes + i, length);
            i += length;
        }
    }
    pc_buffer_append_byte(out, '"');
}

static void begin(pc_json_out *json, const char *name)
{
    if (json->wants_comma) {
        pc_buffer_append_byte(json->out, ',');
    }
    if (name != NULL) {
        put_quoted(json->out, name);
        pc_buffer_append_byte(json->out, ':');
    }
    json->wants_comma = true;
}

void pc_json_out_open(pc_json_out *json, const char *name, char bracket)
{
    begin(json, name);
    pc_buffer_append_byte(json->out, (uint8_t)bracket);
    json->wants_comma = false;
}

void pc_json_out_close(pc_json_out *json, char bracket)
{
    pc_buffer_append_byte(json->out, (uint8_t)bracket);
    json->wants_comma = true;
}

void pc_json_out_text(pc_json_out *json, const char *name, const char *text)
{
    begin(json, name);
    put_quoted(json->out, text);
}

void pc_json_out_int(pc_json_out *json, const char *name, int64_t number)
{
    char text[NUMBER_BYTES_MAX];
    (void)snprintf(text, sizeof text, "%" PRId64, number);
    begin(json, name);
    pc_buffer_append_text(json->out, text);
}

void pc_json_out_flag(pc_json_out *json, const char *name, bool flag)
{
    begin(json, name);
    pc_buffer_append_text(json->out, flag ? "true" : "false");
}

void pc_json_out_null(pc_json_out *json, const char *name)
{
    begin(json, name);
    pc_buffer_append_text(json->out, "null");
}

void pc_json_out_number(pc_json_out *json, const char *name, double number, int decimals)
{
    if (!isfinite(number) || fabs(number) > 1e15) {
        pc_json_out_null(json, name);
        return;
    }
    char text[NUMBER_BYTES_MAX];
    (void)snprintf(text, sizeof text, "%.*f", decimals, number);
    char *end = text + strlen(text);
    if (strchr(text, '.') != NULL) {
        while (end[-1] == '0') {
            *--end = '\0';
        }
        if (end[-1] == '.') {
            *--end = '\0';
        }
    }
    begin(json, name);
    pc_buffer_append_text(json->out, text);
}
