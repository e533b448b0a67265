/* Walks down, one level at a time. */
#include "mapping/wire_path.h"

#include <string.h>

bool pc_wire_path_compile(pc_wire_path *out, const pc_message_table *table, const char *path)
{
    *out = (pc_wire_path){.depth = 0};
    while (table != NULL && out->depth < PC_WIRE_PATH_DEPTH_MAX) {
        size_t length = strcspn(path, ".");
        const pc_field_table *field = pc_table_find_name(table, path, length);
        if (field == NULL) {
            return false;
        }
        out->numbers[out->depth++] = field->number;
        if (path[length] == '\0') {
            return true;
        }
        table = field->message;
        path += length + 1;
    }
    return false;
}

bool pc_wire_find(const uint8_t *message, size_t size, const pc_wire_path *path, pc_wire_field *out)
{
    for (unsigned level = 0; level < path->depth; level++) {
        pc_wire_reader reader;
        pc_wire_field field;
        bool found = false;
        pc_wire_reader_init(&reader, message, size);
        while (pc_wire_next(&reader, &field)) {
            if (field.number == path->numbers[level]) {
                *out = field;
                found = true;
            }
        }
        if (!found || (level + 1 < path->depth && out->type != PC_WIRE_BYTES)) {
            return false;
        }
        message = out->bytes;
        size = out->size;
    }
    return path->depth > 0;
}
