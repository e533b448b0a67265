/* Messages as canonical proto3 JSON, by protobuf-c's descriptors. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "json_names.h"
#include "json_well_known.h"
#include "json_writer.h"

static bool write_message(json_writer *out, const ProtobufCMessage *message, unsigned depth_left);

static const void *member(const ProtobufCMessage *message, unsigned offset)
{
    return (const char *)message + offset;
}

static size_t element_size(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    default:
        return 4;
    }
}

/* Whether a single field has a value that is to be written. */
static bool present(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const void *value = member(message, field->offset);
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
        const uint32_t *number = member(message, field->quantifier_offset);
        return *number == field->id;
    }
    if (field->type == PROTOBUF_C_TYPE_STRING) {
        const char *text = *(const char *const *)value;
        return text != NULL && *text != '\0';
    }
    if (field->type == PROTOBUF_C_TYPE_BYTES) {
        return ((const ProtobufCBinaryData *)value)->len > 0;
    }
    static const char zeros[sizeof(uint64_t)];
    return memcmp(value, zeros, element_size(field->type)) != 0;
}

static void write_formatted(json_writer *out, bool quoted, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void write_formatted(json_writer *out, bool quoted, const char *format, ...)
{
    char text[32];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (quoted) {
        json_string(out, text, strlen(text));
    } else {
        json_raw(out, text);
    }
}

static void write_enum(json_writer *out, const ProtobufCEnumDescriptor *type, int32_t number)
{
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(type, number);
    if (value == NULL) {
        write_formatted(out, false, "%" PRId32, number);
    } else {
        json_string(out, value->name, strlen(value->name));
    }
}

static bool write_value(json_writer *out, const ProtobufCFieldDescriptor *field, const void *value,
                        unsigned depth_left)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        write_formatted(out, false, "%" PRId32, *(const int32_t *)value);
        return true;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        write_formatted(out, false, "%" PRIu32, *(const uint32_t *)value);
        return true;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        write_formatted(out, true, "%" PRId64, *(const int64_t *)value);
        return true;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        write_formatted(out, true, "%" PRIu64, *(const uint64_t *)value);
        return true;
    case PROTOBUF_C_TYPE_FLOAT:
        json_double(out, *(const float *)value, true);
        return true;
    case PROTOBUF_C_TYPE_DOUBLE:
        json_double(out, *(const double *)value, false);
        return true;
    case PROTOBUF_C_TYPE_BOOL:
        json_raw(out, *(const protobuf_c_boolean *)value ? "true" : "false");
        return true;
    case PROTOBUF_C_TYPE_ENUM:
        write_enum(out, field->descriptor, *(const int32_t *)value);
        return true;
    case PROTOBUF_C_TYPE_STRING: {
        const char *text = *(const char *const *)value;
        json_string(out, text == NULL ? "" : text, text == NULL ? 0 : strlen(text));
        return true;
    }
    case PROTOBUF_C_TYPE_BYTES: {
        const ProtobufCBinaryData *bytes = value;
        json_base64(out, bytes->data, bytes->len);
        return true;
    }
    case PROTOBUF_C_TYPE_MESSAGE: {
        const ProtobufCMessage *message = *(const ProtobufCMessage *const *)value;
        if (message == NULL) {
            json_raw(out, "null");
            return true;
        }
        return write_message(out, message, depth_left);
    }
    }
    return false;
}

/* Whether a repeated field is a map: protobuf-c keeps only the message that protoc made for it. */
static bool is_map(const ProtobufCMessageDescriptor *owner, const ProtobufCFieldDescriptor *field)
{
    if (field->type != PROTOBUF_C_TYPE_MESSAGE) {
        return false;
    }
    const ProtobufCMessageDescriptor *entry = field->descriptor;
    size_t owner_size = strlen(owner->name);
    size_t size = strlen(entry->short_name);
    return entry->n_fields == 2 && strcmp(entry->fields[0].name, "key") == 0 &&
           strcmp(entry->fields[1].name, "value") == 0 &&
           strncmp(entry->name, owner->name, owner_size) == 0 && entry->name[owner_size] == '.' &&
           size > 5 && strcmp(entry->short_name + size - 5, "Entry") == 0;
}

/* Writes an entry of a map with strings or whole numbers as keys. */
static bool write_map_entry(json_writer *out, const ProtobufCMessage *entry, unsigned depth_left)
{
    const ProtobufCFieldDescriptor *key = &entry->descriptor->fields[0];
    const ProtobufCFieldDescriptor *value = &entry->descriptor->fields[1];
    const void *at = member(entry, key->offset);
    char text[32];
    if (key->type == PROTOBUF_C_TYPE_STRING) {
        json_key(out, *(const char *const *)at);
    } else if (element_size(key->type) == sizeof(int64_t)) {
        snprintf(text, sizeof text, "%" PRId64, *(const int64_t *)at);
        json_key(out, text);
    } else {
        snprintf(text, sizeof text, "%" PRId32, *(const int32_t *)at);
        json_key(out, text);
    }
    return write_value(out, value, member(entry, value->offset), depth_left);
}

static bool write_repeated(json_writer *out, const ProtobufCMessage *message,
                           const ProtobufCFieldDescriptor *field, size_t count, unsigned depth_left)
{
    const char *items = *(const char *const *)member(message, field->offset);
    bool map = is_map(message->descriptor, field);
    bool written = true;
    json_open(out, map ? '{' : '[');
    for (size_t i = 0; written && i < count; i++) {
        const void *item = items + i * element_size(field->type);
        written = map ? write_map_entry(out, *(const ProtobufCMessage *const *)item, depth_left)
                      : write_value(out, field, item, depth_left);
    }
    json_close(out, map ? '}' : ']');
    return written;
}

static bool write_message(json_writer *out, const ProtobufCMessage *message, unsigned depth_left)
{
    if (depth_left == 0) {
        return false;
    }
    pcc_well_known special = pcc_json_well_known(out, message, depth_left);
    if (special != PCC_NOT_WELL_KNOWN) {
        return special == PCC_WRITTEN;
    }
    const pc_message_table *table = pcc_json_table(message->descriptor);
    bool written = true;
    json_open(out, '{');
    for (unsigned i = 0; written && i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        char buffer[PCC_JSON_NAME_SIZE];
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            size_t count = *(const size_t *)member(message, field->quantifier_offset);
            if (count > 0) {
                json_key(out, pcc_json_name(table, field, buffer));
                written = write_repeated(out, message, field, count, depth_left - 1);
            }
        } else if (present(message, field)) {
            json_key(out, pcc_json_name(table, field, buffer));
            written = write_value(out, field, member(message, field->offset), depth_left - 1);
        }
    }
    json_close(out, '}');
    return written;
}

bool profilecontext_message_to_json(const ProtobufCMessage *message, bool pretty, char **out)
{
    json_writer writer = {.pretty = pretty};
    bool written = write_message(&writer, message, PCC_DEPTH_MAX);
    *out = json_finish(&writer);
    if (!written) {
        free(*out);
        *out = NULL;
    }
    return *out != NULL;
}
