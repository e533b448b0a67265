/* A look at the wire form of a message before protobuf-c reads it. It follows the descriptors,
 * since only they tell a string from a message. */
#include "internal.h"

static bool read_varint(uint64_t *value, const uint8_t **at, const uint8_t *end)
{
    *value = 0;
    for (unsigned shift = 0; shift < 70 && *at < end; shift += 7) {
        uint8_t byte = *(*at)++;
        if (shift < 64) {
            *value |= (uint64_t)(byte & 0x7f) << shift;
        }
        if ((byte & 0x80) == 0) {
            return true;
        }
    }
    return false;
}

static bool skip(const uint8_t **at, const uint8_t *end, uint64_t size)
{
    if (size > (uint64_t)(end - *at)) {
        return false;
    }
    *at += size;
    return true;
}

bool pcc_wire_next(pcc_wire_field *out, const uint8_t **at, const uint8_t *end)
{
    uint64_t tag = 0;
    *out = (pcc_wire_field){0};
    if (!read_varint(&tag, at, end) || tag >> 3 == 0) {
        return false;
    }
    out->number = tag >> 3;
    out->type = (unsigned)(tag & 7);
    switch (out->type) {
    case PROTOBUF_C_WIRE_TYPE_VARINT:
        return read_varint(&out->value, at, end);
    case PROTOBUF_C_WIRE_TYPE_64BIT:
        return skip(at, end, 8);
    case PROTOBUF_C_WIRE_TYPE_32BIT:
        return skip(at, end, 4);
    case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
        if (!read_varint(&out->value, at, end)) {
            return false;
        }
        out->data = *at;
        return skip(at, end, out->value);
    default: /* Groups, which proto3 does not have. */
        return false;
    }
}

static const ProtobufCMessageDescriptor *message_of_field(
    const ProtobufCMessageDescriptor *descriptor, uint64_t number)
{
    if (number > UINT32_MAX) {
        return NULL;
    }
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(descriptor, (unsigned)number);
    return field != NULL && field->type == PROTOBUF_C_TYPE_MESSAGE ? field->descriptor : NULL;
}

pcc_wire_result pcc_wire_check(const ProtobufCMessageDescriptor *descriptor, const uint8_t *data,
                               size_t size, unsigned depth_max)
{
    if (depth_max == 0) {
        return PCC_WIRE_TOO_DEEP;
    }
    if (size == 0) {
        return PCC_WIRE_OK;
    }
    const uint8_t *at = data;
    const uint8_t *end = data + size;
    while (at < end) {
        pcc_wire_field field;
        if (!pcc_wire_next(&field, &at, end)) {
            return PCC_WIRE_MALFORMED;
        }
        const ProtobufCMessageDescriptor *inner =
            field.data == NULL ? NULL : message_of_field(descriptor, field.number);
        if (inner != NULL) {
            pcc_wire_result result =
                pcc_wire_check(inner, field.data, (size_t)field.value, depth_max - 1);
            if (result != PCC_WIRE_OK) {
                return result;
            }
        }
    }
    return PCC_WIRE_OK;
}

ProtobufCMessage *pcc_unpack(const ProtobufCMessageDescriptor *descriptor, const uint8_t *data,
                             size_t size)
{
    if (pcc_wire_check(descriptor, data, size, PCC_DEPTH_MAX) != PCC_WIRE_OK) {
        return NULL;
    }
    return protobuf_c_message_unpack(descriptor, NULL, size, data);
}
