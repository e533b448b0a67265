/* A look at the wire form of a message before protobuf-c reads it. It follows the descriptors,
 * since only they tell a string from a message. */
#include "internal.h"

typedef struct {
    const uint8_t *at;
    const uint8_t *end;
} cursor;

static bool read_varint(cursor *in, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 70 && in->at < in->end; shift += 7) {
        uint8_t byte = *in->at++;
        if (shift < 64) {
            *value |= (uint64_t)(byte & 0x7f) << shift;
        }
        if ((byte & 0x80) == 0) {
            return true;
        }
    }
    return false;
}

static bool skip(cursor *in, uint64_t size)
{
    if (size > (uint64_t)(in->end - in->at)) {
        return false;
    }
    in->at += size;
    return true;
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
    cursor in = {data, data + size};
    while (in.at < in.end) {
        uint64_t tag = 0;
        uint64_t value = 0;
        if (!read_varint(&in, &tag) || tag >> 3 == 0) {
            return PCC_WIRE_MALFORMED;
        }
        bool read = false;
        switch (tag & 7) {
        case PROTOBUF_C_WIRE_TYPE_VARINT:
            read = read_varint(&in, &value);
            break;
        case PROTOBUF_C_WIRE_TYPE_64BIT:
            read = skip(&in, 8);
            break;
        case PROTOBUF_C_WIRE_TYPE_32BIT:
            read = skip(&in, 4);
            break;
        case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED: {
            const ProtobufCMessageDescriptor *inner = message_of_field(descriptor, tag >> 3);
            read = read_varint(&in, &value);
            const uint8_t *start = in.at;
            read = read && skip(&in, value);
            if (read && inner != NULL) {
                pcc_wire_result result = pcc_wire_check(inner, start, (size_t)value, depth_max - 1);
                if (result != PCC_WIRE_OK) {
                    return result;
                }
            }
            break;
        }
        default: /* Groups, which proto3 does not have. */
            break;
        }
        if (!read) {
            return PCC_WIRE_MALFORMED;
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
