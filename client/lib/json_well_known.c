/* Messages that proto3 JSON writes in a form of their own. */
#include "json_well_known.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "google/protobuf/duration.pb-c.h"
#include "google/protobuf/field_mask.pb-c.h"
#include "google/protobuf/struct.pb-c.h"
#include "google/protobuf/timestamp.pb-c.h"

#define TIMESTAMP_SECONDS_MIN INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define TIMESTAMP_SECONDS_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */
#define DURATION_SECONDS_MAX INT64_C(315576000000)  /* ten thousand years */

enum { TEXT_SIZE = 64, NANOS_PER_SECOND = 1000000000 };

/* Appends a fraction of a second with 0, 3, 6 or 9 digits, as few as are exact. */
static void append_nanos(char text[TEXT_SIZE], int32_t nanos)
{
    size_t size = strlen(text);
    if (nanos == 0) {
        return;
    }
    if (nanos % 1000000 == 0) {
        snprintf(text + size, TEXT_SIZE - size, ".%03d", (int)(nanos / 1000000));
    } else if (nanos % 1000 == 0) {
        snprintf(text + size, TEXT_SIZE - size, ".%06d", (int)(nanos / 1000));
    } else {
        snprintf(text + size, TEXT_SIZE - size, ".%09d", (int)nanos);
    }
}

static bool write_timestamp(json_writer *out, const Google__Protobuf__Timestamp *time)
{
    time_t seconds = (time_t)time->seconds;
    struct tm parts;
    if (time->seconds < TIMESTAMP_SECONDS_MIN || time->seconds > TIMESTAMP_SECONDS_MAX ||
        time->nanos < 0 || time->nanos >= NANOS_PER_SECOND || gmtime_r(&seconds, &parts) == NULL) {
        return false;
    }
    char text[TEXT_SIZE];
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d", parts.tm_year + 1900,
             parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
    append_nanos(text, time->nanos);
    strncat(text, "Z", sizeof text - strlen(text) - 1);
    json_string(out, text, strlen(text));
    return true;
}

static bool write_duration(json_writer *out, const Google__Protobuf__Duration *duration)
{
    int64_t seconds = duration->seconds;
    int32_t nanos = duration->nanos;
    if (seconds < -DURATION_SECONDS_MAX || seconds > DURATION_SECONDS_MAX ||
        nanos <= -NANOS_PER_SECOND || nanos >= NANOS_PER_SECOND || (seconds > 0 && nanos < 0) ||
        (seconds < 0 && nanos > 0)) {
        return false;
    }
    /* The sign belongs to the whole, also where the seconds alone would not show it. */
    char text[TEXT_SIZE];
    snprintf(text, sizeof text, "%s%" PRId64, seconds < 0 || nanos < 0 ? "-" : "",
             seconds < 0 ? -seconds : seconds);
    append_nanos(text, abs(nanos));
    strncat(text, "s", sizeof text - strlen(text) - 1);
    json_string(out, text, strlen(text));
    return true;
}

static void lower_camel_path(char *out, const char *path)
{
    for (; *path != '\0'; path++) {
        if (*path == '_' && islower((unsigned char)path[1])) {
            path++;
            *out++ = (char)toupper((unsigned char)*path);
        } else {
            *out++ = *path;
        }
    }
    *out++ = ',';
    *out = '\0';
}

static bool write_field_mask(json_writer *out, const Google__Protobuf__FieldMask *mask)
{
    size_t size = 1;
    for (size_t i = 0; i < mask->n_paths; i++) {
        size += strlen(mask->paths[i]) + 1;
    }
    char *text = malloc(size);
    if (text == NULL) {
        return false;
    }
    *text = '\0';
    size_t length = 0;
    for (size_t i = 0; i < mask->n_paths; i++) {
        lower_camel_path(text + length, mask->paths[i]);
        length += strlen(text + length);
    }
    json_string(out, text, length > 0 ? length - 1 : 0);
    free(text);
    return true;
}

static bool write_value(json_writer *out, const Google__Protobuf__Value *value,
                        unsigned depth_left);

static bool write_struct(json_writer *out, const Google__Protobuf__Struct *object,
                         unsigned depth_left)
{
    bool written = true;
    json_open(out, '{');
    for (size_t i = 0; written && i < object->n_fields; i++) {
        json_key(out, object->fields[i]->key);
        written = write_value(out, object->fields[i]->value, depth_left);
    }
    json_close(out, '}');
    return written;
}

static bool write_list(json_writer *out, const Google__Protobuf__ListValue *list,
                       unsigned depth_left)
{
    bool written = true;
    json_open(out, '[');
    for (size_t i = 0; written && i < list->n_values; i++) {
        written = write_value(out, list->values[i], depth_left);
    }
    json_close(out, ']');
    return written;
}

static bool write_value(json_writer *out, const Google__Protobuf__Value *value, unsigned depth_left)
{
    if (depth_left == 0) {
        return false;
    }
    switch (value == NULL ? GOOGLE__PROTOBUF__VALUE__KIND__NOT_SET : value->kind_case) {
    case GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE:
        json_double(out, value->number_value, false);
        return true;
    case GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE:
        json_string(out, value->string_value, strlen(value->string_value));
        return true;
    case GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE:
        json_raw(out, value->bool_value ? "true" : "false");
        return true;
    case GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE:
        return write_struct(out, value->struct_value, depth_left - 1);
    case GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE:
        return write_list(out, value->list_value, depth_left - 1);
    default:
        json_raw(out, "null");
        return true;
    }
}

pcc_well_known pcc_json_well_known(json_writer *out, const ProtobufCMessage *message,
                                   unsigned depth_left)
{
    const ProtobufCMessageDescriptor *type = message->descriptor;
    bool written = false;
    if (type == &google__protobuf__timestamp__descriptor) {
        written = write_timestamp(out, (const Google__Protobuf__Timestamp *)message);
    } else if (type == &google__protobuf__duration__descriptor) {
        written = write_duration(out, (const Google__Protobuf__Duration *)message);
    } else if (type == &google__protobuf__field_mask__descriptor) {
        written = write_field_mask(out, (const Google__Protobuf__FieldMask *)message);
    } else if (type == &google__protobuf__struct__descriptor) {
        written = write_struct(out, (const Google__Protobuf__Struct *)message, depth_left);
    } else if (type == &google__protobuf__value__descriptor) {
        written = write_value(out, (const Google__Protobuf__Value *)message, depth_left);
    } else if (type == &google__protobuf__list_value__descriptor) {
        written = write_list(out, (const Google__Protobuf__ListValue *)message, depth_left);
    } else {
        return PCC_NOT_WELL_KNOWN;
    }
    return written ? PCC_WRITTEN : PCC_CANNOT_WRITE;
}
