/* Writing JSON text. */
#include "json_writer.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(json_writer *out, const char *text, size_t size)
{
    if (out->failed) {
        return;
    }
    if (out->capacity - out->size < size + 1) {
        size_t capacity = (out->capacity + size + 64) * 2;
        char *grown = realloc(out->text, capacity);
        if (grown == NULL) {
            out->failed = true;
            return;
        }
        out->text = grown;
        out->capacity = capacity;
    }
    memcpy(out->text + out->size, text, size);
    out->size += size;
}

static void new_line(json_writer *out)
{
    if (out->pretty) {
        put(out, "\n", 1);
        for (unsigned i = 0; i < out->depth; i++) {
            put(out, "  ", 2);
        }
    }
}

/* Writes what stands between the value before and the one that comes. */
static void separate(json_writer *out)
{
    if (out->after_key) {
        out->after_key = false;
        return;
    }
    if (out->depth > 0) {
        if (!out->empty) {
            put(out, ",", 1);
        }
        new_line(out);
    }
    out->empty = false;
}

void json_open(json_writer *out, char bracket)
{
    separate(out);
    put(out, &bracket, 1);
    out->depth++;
    out->empty = true;
}

void json_close(json_writer *out, char bracket)
{
    out->depth--;
    if (!out->empty) {
        new_line(out);
    }
    put(out, &bracket, 1);
    out->empty = false;
}

/* The length of the UTF-8 sequence at `text`, or 0 when there is none. */
static size_t sequence_length(const unsigned char *text, size_t size)
{
    unsigned char first = text[0];
    size_t length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (length == 0 || first > 0xf4 || length > size) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    /* Overlong forms, surrogates and what lies beyond U+10FFFF show in the second byte. */
    if ((first == 0xe0 && text[1] < 0xa0) || (first == 0xed && text[1] > 0x9f) ||
        (first == 0xf0 && text[1] < 0x90) || (first == 0xf4 && text[1] > 0x8f)) {
        return 0;
    }
    return length;
}

static void put_escaped(json_writer *out, unsigned char byte)
{
    static const char letters[] = "\b\f\n\r\t";
    const char *letter = byte == '\0' ? NULL : strchr(letters, byte);
    char escape[8];
    if (byte == '"' || byte == '\\') {
        snprintf(escape, sizeof escape, "\\%c", byte);
    } else if (letter != NULL) {
        snprintf(escape, sizeof escape, "\\%c", "bfnrt"[letter - letters]);
    } else {
        snprintf(escape, sizeof escape, "\\u%04x", byte);
    }
    put(out, escape, strlen(escape));
}

static void put_string(json_writer *out, const char *text, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)text;
    put(out, "\"", 1);
    for (size_t at = 0; at < size;) {
        size_t length = sequence_length(bytes + at, size - at);
        if (length == 0) {
            put(out, "\xef\xbf\xbd", 3);
            at++;
        } else if (bytes[at] < 0x20 || bytes[at] == 0x7f || bytes[at] == '"' || bytes[at] == '\\') {
            put_escaped(out, bytes[at]);
            at++;
        } else {
            put(out, text + at, length);
            at += length;
        }
    }
    put(out, "\"", 1);
}

void json_key(json_writer *out, const char *name)
{
    separate(out);
    put_string(out, name, strlen(name));
    put(out, ": ", out->pretty ? 2 : 1);
    out->after_key = true;
}

void json_string(json_writer *out, const char *text, size_t size)
{
    separate(out);
    put_string(out, text, size);
}

void json_raw(json_writer *out, const char *text)
{
    separate(out);
    put(out, text, strlen(text));
}

void json_double(json_writer *out, double value, bool single)
{
    if (!isfinite(value)) {
        const char *name = isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
        json_string(out, name, strlen(name));
        return;
    }
    char text[40];
    for (int digits = single ? 6 : 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        double back = strtod(text, NULL);
        if (single ? (float)back == (float)value : back == value) {
            break;
        }
    }
    /* A locale may write the point as something else. */
    for (char *at = text; *at != '\0'; at++) {
        if (strchr("0123456789+-e", *at) == NULL) {
            *at = '.';
        }
    }
    /* Readers that take "-0" for an integer would lose the sign. */
    json_raw(out, strcmp(text, "-0") == 0 ? "-0.0" : text);
}

void json_base64(json_writer *out, const unsigned char *data, size_t size)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    separate(out);
    put(out, "\"", 1);
    for (size_t at = 0; at < size; at += 3) {
        size_t left = size - at;
        uint32_t bits = (uint32_t)data[at] << 16;
        bits |= left > 1 ? (uint32_t)data[at + 1] << 8 : 0;
        bits |= left > 2 ? data[at + 2] : 0;
        char group[4] = {alphabet[bits >> 18], alphabet[bits >> 12 & 63],
                         left > 1 ? alphabet[bits >> 6 & 63] : '=',
                         left > 2 ? alphabet[bits & 63] : '='};
        put(out, group, sizeof group);
    }
    put(out, "\"", 1);
}

char *json_finish(json_writer *out)
{
    put(out, "", 1);
    if (out->failed) {
        free(out->text);
        out->text = NULL;
    }
    char *text = out->text;
    *out = (json_writer){0};
    return text;
}
