/* Wire bytes out and in. */
#include "mapping/wire.h"

#include <endian.h>
#include <string.h>

enum { VARINT_MAX = PC_WIRE_VARINT_MAX };

static inline size_t encode_varint(uint8_t *out, uint64_t value)
{
    return (size_t)(pc_wire_write_varint(out, value) - out);
}

static inline size_t varint_size(uint64_t value)
{
    size_t size = 1;
    for (; value >= 0x80; value >>= 7) {
        size++;
    }
    return size;
}

/* The usual way: there is room for the most that a small write can need, so it is encoded in place.
 * NULL near the end of the buffer, where reserving the most could fail although what is really
 * written fits. */
static inline uint8_t *plenty_of_room(pc_buffer *out, size_t most)
{
    return !out->failed && out->capacity - out->size >= most ? out->bytes + out->size : NULL;
}

void pc_wire_put_varint(pc_buffer *out, uint64_t value)
{
    uint8_t bytes[VARINT_MAX];
    pc_buffer_append(out, bytes, encode_varint(bytes, value));
}

static inline size_t encode_tag(uint8_t *out, uint32_t number, pc_wire_type type)
{
    return encode_varint(out, (uint64_t)number << 3 | type);
}

void pc_wire_put_tag(pc_buffer *out, uint32_t number, pc_wire_type type)
{
    pc_wire_put_varint(out, (uint64_t)number << 3 | type);
}

void pc_wire_put_int(pc_buffer *out, uint32_t number, int64_t value)
{
    uint8_t bytes[2 * VARINT_MAX];
    uint8_t *place = plenty_of_room(out, sizeof bytes);
    uint8_t *to = place == NULL ? bytes : place;
    size_t size = encode_tag(to, number, PC_WIRE_VARINT);
    size += encode_varint(to + size, (uint64_t)value);
    if (place == NULL) {
        pc_buffer_append(out, bytes, size);
    } else {
        out->size += size;
    }
}

void pc_wire_put_bool(pc_buffer *out, uint32_t number, bool value)
{
    pc_wire_put_int(out, number, value);
}

void pc_wire_put_double(pc_buffer *out, uint32_t number, double value)
{
    uint8_t bytes[VARINT_MAX + 8];
    size_t size = encode_tag(bytes, number, PC_WIRE_FIXED64);
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits = htole64(bits);
    memcpy(bytes + size, &bits, sizeof bits);
    pc_buffer_append(out, bytes, size + sizeof bits);
}

void pc_wire_put_bytes(pc_buffer *out, uint32_t number, const void *bytes, size_t size)
{
    uint8_t head[2 * VARINT_MAX];
    uint8_t *place = size < SIZE_MAX - sizeof head ? plenty_of_room(out, sizeof head + size) : NULL;
    uint8_t *to = place == NULL ? head : place;
    size_t head_size = encode_tag(to, number, PC_WIRE_BYTES);
    head_size += encode_varint(to + head_size, size);
    if (place == NULL) {
        pc_buffer_append(out, head, head_size);
        pc_buffer_append(out, bytes, size);
        return;
    }
    if (size > 0) {
        memcpy(place + head_size, bytes, size);
    }
    out->size += head_size + size;
}

void pc_wire_put_text(pc_buffer *out, uint32_t number, const char *text)
{
    pc_wire_put_bytes(out, number, text, strlen(text));
}

void pc_wire_put_timestamp(pc_buffer *out, uint32_t number, int64_t seconds, int32_t nanos)
{
    size_t mark = pc_wire_begin(out, number);
    if (seconds != 0) {
        pc_wire_put_int(out, 1, seconds);
    }
    if (nanos != 0) {
        pc_wire_put_int(out, 2, nanos);
    }
    pc_wire_end(out, mark);
}

size_t pc_wire_begin(pc_buffer *out, uint32_t number)
{
    uint8_t bytes[VARINT_MAX + 1];
    uint8_t *place = plenty_of_room(out, sizeof bytes);
    uint8_t *to = place == NULL ? bytes : place;
    size_t size = encode_tag(to, number, PC_WIRE_BYTES);
    /* One byte for the length, as most messages are short; pc_wire_end makes room for more. */
    to[size++] = 0;
    if (place == NULL) {
        pc_buffer_append(out, bytes, size);
    } else {
        out->size += size;
    }
    return out->size;
}

void pc_wire_end(pc_buffer *out, size_t mark)
{
    if (out->failed) {
        return;
    }
    size_t size = out->size - mark;
    if (size < 0x80) {
        out->bytes[mark - 1] = (uint8_t)size;
        return;
    }
    size_t more = varint_size(size) - 1;
    if (!pc_buffer_reserve(out, more)) {
        return;
    }
    memmove(out->bytes + mark + more, out->bytes + mark, size);
    out->size += more;
    (void)encode_varint(out->bytes + mark - 1, size);
}

/* ---- reading ------------------------------------------------------------------------------- */

void pc_wire_reader_init(pc_wire_reader *reader, const uint8_t *bytes, size_t size)
{
    *reader = (pc_wire_reader){.at = bytes, .end = size == 0 ? bytes : bytes + size};
}

static bool read_long_varint(pc_wire_reader *reader, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70 && reader->at < reader->end; shift += 7) {
        uint8_t byte = *reader->at++;
        if (shift == 63 && byte > 1) {
            break;
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = value;
            return true;
        }
    }
    reader->failed = true;
    return false;
}

/* Most have one byte. */
static inline bool read_varint(pc_wire_reader *reader, uint64_t *out)
{
    if (reader->at < reader->end && *reader->at < 0x80) {
        *out = *reader->at++;
        return true;
    }
    return read_long_varint(reader, out);
}

/* Takes `size` bytes, or fails. */
static const uint8_t *take(pc_wire_reader *reader, uint64_t size)
{
    if (size > (uint64_t)(reader->end - reader->at)) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *bytes = reader->at;
    reader->at += size;
    return bytes;
}

static bool read_fixed(pc_wire_reader *reader, size_t size, uint64_t *out)
{
    const uint8_t *bytes = take(reader, size);
    if (bytes == NULL) {
        return false;
    }
    uint64_t value = 0;
    memcpy(&value, bytes, size);
    *out = le64toh(value);
    return true;
}

bool pc_wire_next(pc_wire_reader *reader, pc_wire_field *out)
{
    if (reader->failed || reader->at == reader->end) {
        return false;
    }
    const uint8_t *start = reader->at;
    uint64_t tag;
    if (!read_varint(reader, &tag)) {
        return false;
    }
    *out = (pc_wire_field){.number = (uint32_t)(tag >> 3), .type = (pc_wire_type)(tag & 7)};
    bool read = false;
    uint64_t size;
    if (tag >> 3 != 0 && tag <= UINT32_MAX) {
        switch (tag & 7) {
        case PC_WIRE_VARINT:
            read = read_varint(reader, &out->value);
            break;
        case PC_WIRE_FIXED64:
            read = read_fixed(reader, 8, &out->value);
            break;
        case PC_WIRE_FIXED32:
            read = read_fixed(reader, 4, &out->value);
            break;
        case PC_WIRE_BYTES:
            if (read_varint(reader, &size)) {
                out->bytes = take(reader, size);
                out->size = (size_t)size;
                read = out->bytes != NULL;
            }
            break;
        default:
            break;
        }
    }
    if (!read) {
        reader->failed = true;
        return false;
    }
    out->start = start;
    out->whole_size = (size_t)(reader->at - start);
    return true;
}

double pc_wire_double(const pc_wire_field *field)
{
    double value;
    memcpy(&value, &field->value, sizeof value);
    return value;
}

bool pc_wire_timestamp(const uint8_t *bytes, size_t size, int64_t *seconds, int32_t *nanos)
{
    pc_wire_reader reader;
    pc_wire_field field;
    *seconds = 0;
    *nanos = 0;
    pc_wire_reader_init(&reader, bytes, size);
    while (pc_wire_next(&reader, &field)) {
        if (field.type == PC_WIRE_VARINT && field.number == 1) {
            *seconds = (int64_t)field.value;
        } else if (field.type == PC_WIRE_VARINT && field.number == 2) {
            *nanos = (int32_t)(uint32_t)field.value;
        }
    }
    return !reader.failed;
}
