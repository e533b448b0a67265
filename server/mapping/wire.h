/* Protocol Buffers' wire format: writing it into a buffer and walking over it. Knows no messages.
 * Threads: one at a time. */
#ifndef PC_MAPPING_WIRE_H
#define PC_MAPPING_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buffer.h"

typedef enum {
    PC_WIRE_VARINT = 0,
    PC_WIRE_FIXED64 = 1,
    PC_WIRE_BYTES = 2, /* strings, bytes, messages, packed lists */
    PC_WIRE_FIXED32 = 5
} pc_wire_type;

/* Writing. What does not fit fails the buffer, as all writing to it does; check once at the end. */
void pc_wire_put_varint(pc_buffer *out, uint64_t value);
void pc_wire_put_tag(pc_buffer *out, uint32_t number, pc_wire_type type);

/* Writes a varint at `at`, where there is room for PC_WIRE_VARINT_MAX bytes; the first byte behind
 * it. For small messages that are put together in one go and are appended as a whole. */
enum { PC_WIRE_VARINT_MAX = 10 };

static inline uint8_t *pc_wire_write_varint(uint8_t *at, uint64_t bits)
{
    while (bits >= 0x80) {
        *at++ = (uint8_t)(bits | 0x80);
        bits >>= 7;
    }
    *at++ = (uint8_t)bits;
    return at;
}

/* The same with a tag before it: an integer, or the length of what follows. */
static inline uint8_t *pc_wire_write_int(uint8_t *at, uint32_t number, pc_wire_type type,
                                         uint64_t bits)
{
    return pc_wire_write_varint(pc_wire_write_varint(at, (uint64_t)number << 3 | type), bits);
}

/* Whole fields; zero and empty values are written too. Negative integers take ten bytes. */
void pc_wire_put_int(pc_buffer *out, uint32_t number, int64_t value);
void pc_wire_put_bool(pc_buffer *out, uint32_t number, bool value);
void pc_wire_put_double(pc_buffer *out, uint32_t number, double value);
void pc_wire_put_bytes(pc_buffer *out, uint32_t number, const void *bytes, size_t size);
void pc_wire_put_text(pc_buffer *out, uint32_t number, const char *text);

/* google.protobuf.Timestamp. */
void pc_wire_put_timestamp(pc_buffer *out, uint32_t number, int64_t seconds, int32_t nanos);

/* A field whose length is known only when its content has been written: the mark that
 * pc_wire_begin returns is given to pc_wire_end. Nested pairs must close in reverse order. */
size_t pc_wire_begin(pc_buffer *out, uint32_t number);
void pc_wire_end(pc_buffer *out, size_t mark);

/* One field of a message. `bytes` borrow from the input. */
typedef struct {
    uint32_t number;
    pc_wire_type type;
    uint64_t value;       /* of the fixed and varint types */
    const uint8_t *bytes; /* of PC_WIRE_BYTES */
    size_t size;
    const uint8_t *start; /* the whole field with its tag, for copying */
    size_t whole_size;
} pc_wire_field;

typedef struct {
    const uint8_t *at;
    const uint8_t *end;
    bool failed; /* malformed; groups count as malformed */
} pc_wire_reader;

void pc_wire_reader_init(pc_wire_reader *reader, const uint8_t *bytes, size_t size);

/* True with the next field; false at the end or when malformed (then `failed`). Never reads outside
 * the input. */
bool pc_wire_next(pc_wire_reader *reader, pc_wire_field *out);

/* The double of a PC_WIRE_FIXED64 field. */
double pc_wire_double(const pc_wire_field *field);

/* Seconds and nanoseconds of a google.protobuf.Timestamp's bytes; false when malformed. */
bool pc_wire_timestamp(const uint8_t *bytes, size_t size, int64_t *seconds, int32_t *nanos);

#endif
