/* Field numbers are those of segment.proto, and of Extensions and google.protobuf.Struct below it.
 */
#include "mapping/segments.h"

#include <string.h>

enum {
    SEGMENT_NAMESPACE = 1,
    SEGMENT_ID = 2,
    SEGMENT_STATUS = 3,
    SEGMENT_VALID_UNTIL = 5,
    SEGMENT_DISPLAY_NAME = 20,
    SEGMENT_DESCRIPTION = 22,
    SEGMENT_ACTIVE = 21,
    SEGMENT_EXTENSIONS = 100,
    EXTENSIONS_FIELDS = 1,
    STRUCT_FIELDS = 1,
    ENTRY_KEY = 1,
    ENTRY_VALUE = 2,
    VALUE_NULL = 1
};

void pc_segment_iterator_init(pc_segment_iterator *iterator, const uint8_t *wire, size_t size,
                              uint32_t field_number)
{
    *iterator = (pc_segment_iterator){.field_number = field_number};
    pc_wire_reader_init(&iterator->reader, wire, size);
}

/* Whether an entry of a Struct is `status` with a value that is not null. */
static bool is_status(const pc_wire_field *entry)
{
    pc_wire_reader reader;
    pc_wire_field field;
    bool named = false;
    bool null = true;
    pc_wire_reader_init(&reader, entry->bytes, entry->size);
    while (pc_wire_next(&reader, &field)) {
        if (field.number == ENTRY_KEY && field.type == PC_WIRE_BYTES) {
            named = field.size == 6 && memcmp(field.bytes, "status", 6) == 0;
        } else if (field.number == ENTRY_VALUE && field.type == PC_WIRE_BYTES) {
            pc_wire_reader inner;
            pc_wire_field kind;
            pc_wire_reader_init(&inner, field.bytes, field.size);
            null = !pc_wire_next(&inner, &kind) || kind.number == VALUE_NULL;
        }
    }
    return named && !null;
}

/* Whether the extensions hold a status: then it was one that the contract does not know. */
static bool has_status(const pc_wire_field *extensions)
{
    pc_wire_reader reader;
    pc_wire_field field;
    pc_wire_reader_init(&reader, extensions->bytes, extensions->size);
    while (pc_wire_next(&reader, &field)) {
        if (field.number != EXTENSIONS_FIELDS || field.type != PC_WIRE_BYTES) {
            continue;
        }
        pc_wire_reader entries;
        pc_wire_field entry;
        pc_wire_reader_init(&entries, field.bytes, field.size);
        while (pc_wire_next(&entries, &entry)) {
            if (entry.number == STRUCT_FIELDS && entry.type == PC_WIRE_BYTES && is_status(&entry)) {
                return true;
            }
        }
    }
    return false;
}

static bool is_computed(const pc_wire_field *field)
{
    return field->number == SEGMENT_DISPLAY_NAME || field->number == SEGMENT_DESCRIPTION ||
           field->number == SEGMENT_ACTIVE;
}

static void read_field(pc_segment *out, const pc_wire_field *field)
{
    out->has_computed = out->has_computed || is_computed(field);
    if (field->type == PC_WIRE_VARINT && field->number == SEGMENT_STATUS) {
        out->status = field->value <= PC_SEGMENT_EXITED ? (pc_segment_status)field->value
                                                        : PC_SEGMENT_UNSPECIFIED;
        out->has_unknown_status = field->value > PC_SEGMENT_EXITED;
    }
    if (field->type != PC_WIRE_BYTES) {
        return;
    }
    switch (field->number) {
    case SEGMENT_NAMESPACE:
        out->name_space = field->bytes;
        out->name_space_size = field->size;
        break;
    case SEGMENT_ID:
        out->segment_id = field->bytes;
        out->segment_id_size = field->size;
        break;
    case SEGMENT_VALID_UNTIL:
        out->has_valid_until = pc_wire_timestamp(
            field->bytes, field->size, &out->valid_until_seconds, &out->valid_until_nanos);
        break;
    case SEGMENT_EXTENSIONS:
        out->has_unknown_status = out->has_unknown_status || has_status(field);
        break;
    default:
        break;
    }
}

bool pc_segment_iterator_next(pc_segment_iterator *iterator, pc_segment *out)
{
    pc_wire_field field;
    while (pc_wire_next(&iterator->reader, &field)) {
        if (field.number != iterator->field_number || field.type != PC_WIRE_BYTES) {
            continue;
        }
        pc_wire_reader reader;
        pc_wire_field inner;
        *out = (pc_segment){.name_space = (const uint8_t *)"",
                            .segment_id = (const uint8_t *)"",
                            .wire = field.bytes,
                            .wire_size = field.size};
        pc_wire_reader_init(&reader, field.bytes, field.size);
        while (pc_wire_next(&reader, &inner)) {
            read_field(out, &inner);
        }
        if (reader.failed) {
            iterator->reader.failed = true;
            return false;
        }
        return true;
    }
    return false;
}

bool pc_segment_active(const pc_segment *segment, int64_t now_ms)
{
    if (segment->status == PC_SEGMENT_EXITED || segment->has_unknown_status) {
        return false;
    }
    if (!segment->has_valid_until) {
        return true;
    }
    int64_t seconds = now_ms / 1000 - (now_ms % 1000 < 0);
    int64_t nanos = (now_ms - seconds * 1000) * 1000000;
    return seconds < segment->valid_until_seconds ||
           (seconds == segment->valid_until_seconds && nanos <= segment->valid_until_nanos);
}

static void put_source_fields(pc_buffer *out, const pc_segment *segment)
{
    if (!segment->has_computed) {
        pc_buffer_append(out, segment->wire, segment->wire_size);
        return;
    }
    pc_wire_reader reader;
    pc_wire_field field;
    pc_wire_reader_init(&reader, segment->wire, segment->wire_size);
    while (pc_wire_next(&reader, &field)) {
        if (!is_computed(&field)) {
            pc_buffer_append(out, field.start, field.whole_size);
        }
    }
}

void pc_segment_put_plain(pc_buffer *out, uint32_t field_number, const pc_segment *segment)
{
    size_t mark = pc_wire_begin(out, field_number);
    put_source_fields(out, segment);
    pc_wire_end(out, mark);
}

void pc_segment_put(pc_buffer *out, uint32_t field_number, const pc_segment *segment,
                    const pc_segment_words *words, int64_t now_ms)
{
    size_t mark = pc_wire_begin(out, field_number);
    put_source_fields(out, segment);
    if (words->name != NULL) {
        pc_wire_put_text(out, SEGMENT_DISPLAY_NAME, words->name);
    }
    if (words->description != NULL) {
        pc_wire_put_text(out, SEGMENT_DESCRIPTION, words->description);
    }
    pc_wire_put_bool(out, SEGMENT_ACTIVE, pc_segment_active(segment, now_ms));
    pc_wire_end(out, mark);
}
