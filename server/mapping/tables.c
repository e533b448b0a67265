/* Look-ups in the generated tables. */
#include "mapping/tables.h"

#include <string.h>

/* The same function as in proto/tools/proto_tool.c, which lays out the index. */
static unsigned json_name_hash(const char *name, size_t length)
{
    unsigned hash = 2166136261u;
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (unsigned char)name[i]) * 16777619u;
    }
    return hash ^ (hash >> 15);
}

const pc_field_table *pc_table_find_json(const pc_message_table *table, const char *name,
                                         size_t length)
{
    unsigned at = json_name_hash(name, length) & table->index_mask;
    for (; table->index[at] != 0; at = (at + 1) & table->index_mask) {
        const pc_field_table *field = &table->fields[table->index[at] - 1];
        if (field->json_length == length && memcmp(field->json_name, name, length) == 0) {
            return field;
        }
    }
    return NULL;
}

const pc_field_table *pc_table_find_name(const pc_message_table *table, const char *name,
                                         size_t length)
{
    for (size_t i = 0; i < table->field_count; i++) {
        if (strlen(table->fields[i].name) == length &&
            memcmp(table->fields[i].name, name, length) == 0) {
            return &table->fields[i];
        }
    }
    return NULL;
}

const pc_field_table *pc_table_find_number(const pc_message_table *table, uint32_t number)
{
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
