/* Look-ups in the generated tables. */
#include "mapping/tables.h"

#include <string.h>

#include "util/short_bytes.h"

/* The same function as in proto/tools/proto_tool.c, which lays out the index.
 * The first and the last eight bytes and the length tell the names of a message apart. */
typedef struct {
    uint64_t first;
    uint64_t last; /* 0 for a name of less than eight bytes */
} name_ends;

static inline name_ends ends_of(const char *name, size_t length)
{
    name_ends ends = {0};
    if (length >= sizeof ends.first) {
        memcpy(&ends.first, name, sizeof ends.first);
        memcpy(&ends.last, name + length - sizeof ends.last, sizeof ends.last);
    } else {
        ends.first = pc_short_bytes(name, length);
    }
    return ends;
}

static inline unsigned json_name_hash(name_ends ends, size_t length)
{
    uint64_t hash = (ends.first ^ (length << 56)) * 0x9e3779b97f4a7c15u;
    hash = (hash ^ (hash >> 29) ^ ends.last) * 0xbf58476d1ce4e5b9u;
    return (unsigned)(hash >> 40);
}

/* Up to 16 bytes the ends are all of a name, and most names are no longer. */
static inline bool same_name(const pc_field_table *field, const char *name, size_t length,
                             name_ends ends)
{
    if (field->json_length != length) {
        return false;
    }
    name_ends theirs = ends_of(field->json_name, length);
    return theirs.first == ends.first && theirs.last == ends.last &&
           (length <= sizeof ends || memcmp(field->json_name, name, length) == 0);
}

const pc_field_table *pc_table_find_json(const pc_message_table *table, const char *name,
                                         size_t length)
{
    name_ends ends = ends_of(name, length);
    unsigned at = json_name_hash(ends, length) & table->index_mask;
    for (; table->index[at] != 0; at = (at + 1) & table->index_mask) {
        const pc_field_table *field = &table->fields[table->index[at] - 1];
        if (same_name(field, name, length, ends)) {
            return field;
        }
    }
    return NULL;
}

const pc_field_table *pc_table_find_name(const pc_message_table *table, const char *name,
                                         size_t length)
{
    for (size_t i = 0; i < table->field_count; i++) {
        const char *known = table->fields[i].name;
        if (length > 0 && known[0] == name[0] && strncmp(known, name, length) == 0 &&
            known[length] == '\0') {
            return &table->fields[i];
        }
    }
    return NULL;
}

const pc_field_table *pc_table_find_number(const pc_message_table *table, uint32_t number)
{
    /* Most messages number their fields in order and without gaps. */
    if (number - 1 < table->field_count && table->fields[number - 1].number == number) {
        return &table->fields[number - 1];
    }
    for (size_t i = 0; i < table->field_count; i++) {
        if (table->fields[i].number == number) {
            return &table->fields[i];
        }
    }
    return NULL;
}

int32_t pc_enum_find(const pc_enum_table *table, const char *text, size_t length)
{
    for (size_t i = 0; i < table->count; i++) {
        if (table->values[i].length == length && memcmp(table->values[i].text, text, length) == 0) {
            return table->values[i].number;
        }
    }
    return 0;
}
