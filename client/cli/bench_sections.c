/* What became of the sections of an answer. */
#include "bench_sections.h"

#include <string.h>

#include "internal.h"

/* The numbers of fields in the service's .proto files. */
enum {
    CONTEXT_OF_RESPONSE = 1,
    SECTIONS_OF_CONTEXT = 3,
    INFO_OF_PROFILE = 2,
    INFO_OF_EVENTS = 3,
    INFO_OF_SEGMENTS = 3,
    STATUS_OF_SECTION = 2
};

/* Finds each field of a number in a message and adds what is in it; false for bytes that are no
 * message. `within` is the number of the field below, 0 for the sections themselves. */
static bool add_fields(uint64_t counts[BENCH_SECTION_STATUSES], const uint8_t *data, size_t size,
                       unsigned number, unsigned within);

static bool add_section(uint64_t counts[BENCH_SECTION_STATUSES], const uint8_t *data, size_t size)
{
    uint64_t status = 0;
    const uint8_t *at = data;
    while (at < data + size) {
        pcc_wire_field field;
        if (!pcc_wire_next(&field, &at, data + size)) {
            return false;
        }
        if (field.number == STATUS_OF_SECTION && field.data == NULL) {
            status = field.value;
        }
    }
    counts[status < BENCH_SECTION_STATUSES ? status : BENCH_SECTION_STATUSES - 1]++;
    return true;
}

static bool add_fields(uint64_t counts[BENCH_SECTION_STATUSES], const uint8_t *data, size_t size,
                       unsigned number, unsigned within)
{
    const uint8_t *at = data;
    while (at < data + size) {
        pcc_wire_field field;
        if (!pcc_wire_next(&field, &at, data + size)) {
            return false;
        }
        if (field.number != number || field.data == NULL) {
            continue;
        }
        size_t length = (size_t)field.value;
        if (within != 0 ? !add_fields(counts, field.data, length, within, 0)
                        : !add_section(counts, field.data, length)) {
            return false;
        }
    }
    return true;
}

bool bench_sections_count(uint64_t counts[BENCH_SECTION_STATUSES], bench_method method,
                          const uint8_t *data, size_t size)
{
    static const struct {
        unsigned number;
        unsigned within;
    } places[] = {
        [BENCH_CONTEXT] = {CONTEXT_OF_RESPONSE, SECTIONS_OF_CONTEXT},
        [BENCH_PROFILE] = {INFO_OF_PROFILE, 0},
        [BENCH_EVENTS] = {INFO_OF_EVENTS, 0},
        [BENCH_SEGMENTS] = {INFO_OF_SEGMENTS, 0},
    };
    uint64_t found[BENCH_SECTION_STATUSES] = {0};
    if (!add_fields(found, data, size, places[method].number, places[method].within)) {
        return false;
    }
    for (size_t i = 0; i < BENCH_SECTION_STATUSES; i++) {
        counts[i] += found[i];
    }
    return true;
}

const char *bench_section_status_name(size_t place)
{
    static const char prefix[] = "SECTION_STATUS_";
    const ProtobufCEnumValue *value =
        place + 1 < BENCH_SECTION_STATUSES
            ? protobuf_c_enum_descriptor_get_value(&profilecontext__v1__section_status__descriptor,
                                                   (int)place)
            : NULL;
    return value == NULL ? "OTHER" : value->name + sizeof prefix - 1;
}
