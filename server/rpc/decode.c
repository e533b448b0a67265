/* One walk over the wire with the descriptor at hand, which checks and fills protobuf-c's structs
 * at the same time. protobuf-c's own unpack walks twice more and knows no limits. */
#include "rpc/decode.h"

#include <stdio.h>
#include <string.h>

#include "util/utf8.h"

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

/* Long enough for every path in our requests; longer ones are cut. */
enum { PATH_BYTES_MAX = 128, FIELD_NUMBER_MAX = 0x1fffffff };

typedef struct {
    pc_arena *arena;
    unsigned fields;
    pc_status status;
} walk_state;

/* Where the walk is; the path is only spelled out for a violation. */
typedef struct place {
    const struct place *above;
    const char *field;
} place;

static size_t spell(char *out, size_t size, const place *at)
{
    size_t used = at->above == NULL ? 0 : spell(out, size, at->above);
    int more = snprintf(out + used, size - used, "%s%s", used == 0 ? "" : ".", at->field);
    return more < 0 || used + (size_t)more >= size ? size - 1 : used + (size_t)more;
}

static bool read_varint(const uint8_t **at, const uint8_t *end, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
        uint8_t byte = *(*at)++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *out = value;
            return true;
        }
    }
    return false;
}

static pc_status unreadable(const char *why)
{
    return pc_status_new(PC_CODE_INVALID_ARGUMENT, "REQUEST_UNREADABLE",
                         "the request message cannot be read: %s", why);
}

static void check_text(walk_state *state, const place *at, const uint8_t *bytes, size_t size)
{
    const char *problem = memchr(bytes, 0, size) != NULL ? "must not hold a NUL character"
                          : !pc_utf8_valid(bytes, size)  ? "must be valid UTF-8"
                                                         : NULL;
    if (problem != NULL) {
        char path[PATH_BYTES_MAX] = "";
        (void)spell(path, sizeof path, at);
        pc_status_add_violation(&state->status, path, problem);
    }
}

/* ---- values ---------------------------------------------------------------------------------- */

/* One field as it stands on the wire. */
typedef struct {
    unsigned number;
    unsigned type;
    uint64_t value;       /* of the number types */
    const uint8_t *bytes; /* of WIRE_BYTES */
    size_t size;
} wire_field;

/* How a type stands on the wire. */
static unsigned wire_type_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return WIRE_FIXED32;
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return WIRE_FIXED64;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return WIRE_BYTES;
    default:
        return WIRE_VARINT;
    }
}

static uint64_t little_endian(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = size; i > 0; i--) {
        value = value << 8 | bytes[i - 1];
    }
    return value;
}

/* Reads what stands behind a key of `out->type`; false when it ends too early. */
static bool read_value(wire_field *out, const uint8_t **at, const uint8_t *end)
{
    size_t size = out->type == WIRE_FIXED64 ? sizeof(int64_t) : sizeof(int32_t);
    if (out->type == WIRE_VARINT) {
        return read_varint(at, end, &out->value);
    }
    if (out->type == WIRE_BYTES) {
        if (!read_varint(at, end, &out->value) || out->value > (uint64_t)(end - *at)) {
            return false;
        }
        out->bytes = *at;
        out->size = (size_t)out->value;
        *at += out->size;
        return true;
    }
    if ((size_t)(end - *at) < size) {
        return false;
    }
    out->value = little_endian(*at, size);
    *at += size;
    return true;
}

/* What a value takes in a struct of protobuf-c. */
static size_t size_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return sizeof(int64_t);
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    default:
        return sizeof(int32_t);
    }
}

static void put_number(void *to, ProtobufCType type, uint64_t value)
{
    uint32_t low = (uint32_t)value;
    protobuf_c_boolean truth = value != 0;
    if (type == PROTOBUF_C_TYPE_SINT32) {
        low = low >> 1 ^ (0 - (low & 1));
    } else if (type == PROTOBUF_C_TYPE_SINT64) {
        value = value >> 1 ^ (0 - (value & 1));
    }
    if (type == PROTOBUF_C_TYPE_BOOL) {
        memcpy(to, &truth, sizeof truth);
    } else if (size_of(type) == sizeof value) {
        memcpy(to, &value, sizeof value);
    } else {
        memcpy(to, &low, sizeof low);
    }
}

static void *keep(walk_state *state, size_t size)
{
    void *memory = pc_arena_alloc(state->arena, size);
    if (memory == NULL) {
        state->status = pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE",
                                      "the request takes more memory than one may");
    }
    return memory;
}

static void walk(walk_state *state, ProtobufCMessage *message, const uint8_t *at,
                 const uint8_t *end, const place *above, int depth);

static void put_message(walk_state *state, const ProtobufCFieldDescriptor *field, void *to,
                        const wire_field *wire, const place *here, int depth)
{
    const ProtobufCMessageDescriptor *descriptor = field->descriptor;
    ProtobufCMessage *message;
    memcpy(&message, to, sizeof message);
    if (message == NULL) {
        message = keep(state, descriptor->sizeof_message);
        if (message == NULL) {
            return;
        }
        protobuf_c_message_init(descriptor, message);
        memcpy(to, &message, sizeof message);
    }
    /* One that comes twice is merged, as the wire format has it. */
    walk(state, message, wire->bytes, wire->bytes + wire->size, here, depth + 1);
}

static void put_bytes(walk_state *state, const ProtobufCFieldDescriptor *field, void *to,
                      const wire_field *wire, const place *here)
{
    bool is_text = field->type == PROTOBUF_C_TYPE_STRING;
    if (is_text) {
        check_text(state, here, wire->bytes, wire->size);
    }
    uint8_t *kept = pc_status_ok(&state->status) ? keep(state, wire->size + 1) : NULL;
    if (kept == NULL) {
        return;
    }
    memcpy(kept, wire->bytes, wire->size);
    kept[wire->size] = 0;
    const ProtobufCBinaryData data = {.len = wire->size, .data = kept};
    if (is_text) {
        memcpy(to, &kept, sizeof kept);
    } else {
        memcpy(to, &data, sizeof data);
    }
}

static void put_value(walk_state *state, const ProtobufCFieldDescriptor *field, void *to,
                      const wire_field *wire, const place *here, int depth)
{
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        put_message(state, field, to, wire, here, depth);
    } else if (wire->type == WIRE_BYTES) {
        put_bytes(state, field, to, wire, here);
    } else {
        put_number(to, field->type, wire->value);
    }
}

/* ---- places in the struct ---------------------------------------------------------------------
 */

static void *member(ProtobufCMessage *message, unsigned offset)
{
    return (uint8_t *)message + offset;
}

/* Room for one more item of a list, all zero; NULL when there is no memory. A list of n items, n a
 * power of two, is full. */
static void *next_item(walk_state *state, ProtobufCMessage *message,
                       const ProtobufCFieldDescriptor *field)
{
    size_t *count = member(message, field->quantifier_offset);
    size_t size = size_of(field->type);
    uint8_t *items;
    memcpy(&items, member(message, field->offset), sizeof items);
    if ((*count & (*count - 1)) == 0) {
        size_t capacity = *count == 0 ? 1 : *count * 2;
        uint8_t *more = keep(state, capacity * size);
        if (more == NULL) {
            return NULL;
        }
        if (*count > 0) {
            memcpy(more, items, *count * size);
        }
        items = more;
        memcpy(member(message, field->offset), &items, sizeof items);
    }
    void *item = items + *count * size;
    memset(item, 0, size);
    ++*count;
    return item;
}

/* Where the value of a field goes that is no list. Of the members of a oneof the last wins. */
static void *place_of(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    void *value = member(message, field->offset);
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
        uint32_t *which = member(message, field->quantifier_offset);
        if (*which != field->id) {
            memset(value, 0, size_of(field->type));
            *which = field->id;
        }
    }
    return value;
}

/* Numbers of a list in one field. False when they do not end with it. */
static bool put_packed(walk_state *state, ProtobufCMessage *message,
                       const ProtobufCFieldDescriptor *field, const wire_field *wire)
{
    const uint8_t *at = wire->bytes;
    const uint8_t *end = wire->bytes + wire->size;
    unsigned type = wire_type_of(field->type);
    while (at < end && pc_status_ok(&state->status)) {
        wire_field item = {.type = type};
        if (++state->fields > PC_DECODE_FIELDS_MAX) {
            state->status = unreadable("it has too many fields");
        } else if (!read_value(&item, &at, end)) {
            return false;
        } else {
            void *to = next_item(state, message, field);
            if (to != NULL) {
                put_number(to, field->type, item.value);
            }
        }
    }
    return true;
}

/* ---- the walk ---------------------------------------------------------------------------------
 */

/* False when the field is not of the type that the message has it. */
static bool put_field(walk_state *state, ProtobufCMessage *message,
                      const ProtobufCFieldDescriptor *field, const wire_field *wire,
                      const place *above, int depth)
{
    const place here = {.above = above, .field = field->name};
    bool repeated = field->label == PROTOBUF_C_LABEL_REPEATED;
    unsigned type = wire_type_of(field->type);
    if (repeated && wire->type == WIRE_BYTES && type != WIRE_BYTES) {
        return put_packed(state, message, field, wire);
    }
    if (wire->type != type) {
        return false;
    }
    void *to = repeated ? next_item(state, message, field) : place_of(message, field);
    if (to != NULL) {
        put_value(state, field, to, wire, &here, depth);
    }
    return true;
}

static void walk(walk_state *state, ProtobufCMessage *message, const uint8_t *at,
                 const uint8_t *end, const place *above, int depth)
{
    if (depth > PC_DECODE_DEPTH_MAX) {
        state->status = unreadable("it is nested too deep");
        return;
    }
    while (at < end && pc_status_ok(&state->status)) {
        uint64_t key;
        wire_field wire;
        if (!read_varint(&at, end, &key) || key >> 3 == 0 || key >> 3 > FIELD_NUMBER_MAX) {
            state->status = unreadable("a field key is damaged");
            return;
        }
        wire = (wire_field){.number = (unsigned)(key >> 3), .type = (unsigned)(key & 7)};
        if (wire.type > WIRE_BYTES && wire.type != WIRE_FIXED32) {
            state->status = unreadable("a field has an unknown wire type");
            return;
        }
        if (++state->fields > PC_DECODE_FIELDS_MAX) {
            state->status = unreadable("it has too many fields");
            return;
        }
        if (!read_value(&wire, &at, end)) {
            state->status = unreadable("it ends within a field");
            return;
        }
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(message->descriptor, wire.number);
        if (field != NULL && !put_field(state, message, field, &wire, above, depth)) {
            state->status = unreadable("its fields do not fit the message");
        }
    }
}

pc_status pc_decode(const ProtobufCMessage **out, const ProtobufCMessageDescriptor *descriptor,
                    const uint8_t *bytes, size_t size, pc_arena *arena)
{
    *out = NULL;
    walk_state state = {.arena = arena, .status = PC_OK};
    ProtobufCMessage *message = keep(&state, descriptor->sizeof_message);
    if (message == NULL) {
        return state.status;
    }
    protobuf_c_message_init(descriptor, message);
    if (size > 0) {
        walk(&state, message, bytes, bytes + size, NULL, 0);
    }
    *out = pc_status_ok(&state.status) ? message : NULL;
    return state.status;
}
