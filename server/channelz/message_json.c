/* One walk over the JSON: each member finds its field, each field its writer. */
#include "channelz/message_json.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/times.h"
#include "mapping/wire.h"

enum { NAME_BYTES_MAX = 64, NUMBER_BYTES_MAX = 32 };

/* ---- names ----------------------------------------------------------------------------------- */

/* Whether a member is this field: core writes some names in camel case and some with underscores.
 */
static bool is_name(const pc_json_text *key, const char *field)
{
    size_t at = 0;
    for (const char *c = field; *c != '\0'; c++) {
        while (at < key->size && key->bytes[at] == '_') {
            at++;
        }
        if (*c == '_') {
            continue;
        }
        if (at == key->size || tolower(key->bytes[at]) != tolower((unsigned char)*c)) {
            return false;
        }
        at++;
    }
    return at == key->size;
}

static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *message,
                                                  const pc_json_text *key)
{
    for (unsigned i = 0; i < message->n_fields; i++) {
        if (is_name(key, message->fields[i].name)) {
            return &message->fields[i];
        }
    }
    return NULL;
}

static bool is_message(const ProtobufCMessageDescriptor *message, const char *name)
{
    return strcmp(message->name, name) == 0;
}

/* ---- values ---------------------------------------------------------------------------------- */

/* A whole number, as such or as text. */
static bool read_integer(pc_json_reader *json, int64_t *out)
{
    char text[NUMBER_BYTES_MAX];
    pc_json_range range;
    pc_json_text string;
    if (pc_json_peek(json) == PC_JSON_STRING) {
        if (!pc_json_read_string(json, &string)) {
            return false;
        }
        range = (pc_json_range){string.bytes, string.size};
    } else if (!pc_json_read_number(json, &range)) {
        return false;
    }
    if (range.size == 0 || range.size >= sizeof text) {
        return false;
    }
    memcpy(text, range.bytes, range.size);
    text[range.size] = '\0';
    char *end;
    errno = 0;
    *out = strtoll(text, &end, 10);
    return errno == 0 && *end == '\0';
}

static bool put_text(pc_buffer *out, uint32_t number, pc_json_reader *json)
{
    pc_json_text text;
    if (!pc_json_read_string(json, &text)) {
        return false;
    }
    size_t mark = pc_wire_begin(out, number);
    pc_json_text_append(out, &text);
    pc_wire_end(out, mark);
    return true;
}

/* The value of a character of base64 in either alphabet, or -1. */
static int sextet(uint8_t c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+' || c == '-' ? 62
           : c == '/' || c == '_' ? 63
                                  : -1;
}

static bool put_bytes(pc_buffer *out, uint32_t number, pc_json_reader *json)
{
    pc_json_text text;
    if (!pc_json_read_string(json, &text)) {
        return false;
    }
    size_t mark = pc_wire_begin(out, number);
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < text.size && text.bytes[i] != '='; i++) {
        int value = sextet(text.bytes[i]);
        if (value < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            pc_buffer_append_byte(out, (uint8_t)(bits >> count));
        }
    }
    pc_wire_end(out, mark);
    return true;
}

static bool put_enum(pc_buffer *out, const ProtobufCFieldDescriptor *field, pc_json_reader *json)
{
    const ProtobufCEnumDescriptor *values = field->descriptor;
    char name[NAME_BYTES_MAX];
    pc_json_text text;
    if (!pc_json_read_string(json, &text) || text.size >= sizeof name) {
        return false;
    }
    memcpy(name, text.bytes, text.size);
    name[text.size] = '\0';
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value_by_name(values, name);
    if (value != NULL) {
        pc_wire_put_int(out, field->id, value->value);
    }
    return true;
}

static bool put_time(pc_buffer *out, uint32_t number, pc_json_reader *json)
{
    pc_json_text text;
    int64_t seconds;
    int32_t nanos;
    if (!pc_json_read_string(json, &text) ||
        pc_time_read(text.bytes, text.size, &seconds, &nanos) == PC_READING_NONE) {
        return false;
    }
    pc_wire_put_timestamp(out, number, seconds, nanos);
    return true;
}

/* Core writes the wrapper of a number as an object, where a bare one would be right: both do. */
static bool put_message(pc_buffer *out, const ProtobufCFieldDescriptor *field, pc_json_reader *json)
{
    const ProtobufCMessageDescriptor *message = field->descriptor;
    if (is_message(message, "google.protobuf.Timestamp")) {
        return put_time(out, field->id, json);
    }
    if (is_message(message, "google.protobuf.Any")) {
        return pc_json_skip(json, NULL);
    }
    size_t mark = pc_wire_begin(out, field->id);
    bool good;
    if (is_message(message, "google.protobuf.Int64Value") && pc_json_peek(json) != PC_JSON_OBJECT) {
        int64_t number;
        good = read_integer(json, &number);
        pc_wire_put_int(out, 1, good ? number : 0);
    } else {
        good = pc_message_json_put(out, message, json);
    }
    pc_wire_end(out, mark);
    return good;
}

static bool put_value(pc_buffer *out, const ProtobufCFieldDescriptor *field, pc_json_reader *json)
{
    int64_t number;
    bool flag;
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        return put_text(out, field->id, json);
    case PROTOBUF_C_TYPE_BYTES:
        return put_bytes(out, field->id, json);
    case PROTOBUF_C_TYPE_ENUM:
        return put_enum(out, field, json);
    case PROTOBUF_C_TYPE_MESSAGE:
        return put_message(out, field, json);
    case PROTOBUF_C_TYPE_BOOL:
        if (!pc_json_read_bool(json, &flag)) {
            return false;
        }
        pc_wire_put_bool(out, field->id, flag);
        return true;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_UINT64:
        if (!read_integer(json, &number)) {
            return false;
        }
        pc_wire_put_int(out, field->id, number);
        return true;
    default:
        return pc_json_skip(json, NULL);
    }
}

static bool put_field(pc_buffer *out, const ProtobufCFieldDescriptor *field, pc_json_reader *json)
{
    if (pc_json_peek(json) == PC_JSON_NULL) {
        return pc_json_read_null(json);
    }
    if (field->label != PROTOBUF_C_LABEL_REPEATED) {
        return put_value(out, field, json);
    }
    if (!pc_json_enter_array(json)) {
        return false;
    }
    while (pc_json_next_item(json)) {
        if (!put_value(out, field, json)) {
            return false;
        }
    }
    return !json->failed;
}

bool pc_message_json_put(pc_buffer *out, const ProtobufCMessageDescriptor *message,
                         pc_json_reader *json)
{
    if (!pc_json_enter_object(json)) {
        return false;
    }
    pc_json_text key;
    while (pc_json_next_member(json, &key)) {
        const ProtobufCFieldDescriptor *field = find_field(message, &key);
        if (field == NULL ? !pc_json_skip(json, NULL) : !put_field(out, field, json)) {
            return false;
        }
    }
    return !json->failed && !out->failed;
}
