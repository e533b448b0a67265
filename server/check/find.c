/* Each question reads the range anew. */
#include "check/find.h"

#include <string.h>

enum { NAME_BYTES_MAX = 256 };

/* Takes the next name of a path; false at its end, and for one that is too long. */
static bool next_name(char name[NAME_BYTES_MAX], const char **path)
{
    size_t size = 0;
    const char *c = *path;
    if (*c == '\0') {
        return false;
    }
    for (; *c != '\0' && *c != '.'; c++) {
        if (*c == '\\' && c[1] != '\0') {
            c++;
        }
        if (size + 1 == NAME_BYTES_MAX) {
            return false;
        }
        name[size++] = *c;
    }
    name[size] = '\0';
    *path = *c == '.' ? c + 1 : c;
    return true;
}

static bool find_member(pc_json_range *out, const pc_json_range *object, const char *name)
{
    pc_json_reader reader;
    pc_json_text key;
    pc_json_reader_init(&reader, object->bytes, object->size, 0);
    if (!pc_json_enter_object(&reader)) {
        return false;
    }
    bool found = false;
    while (pc_json_next_member(&reader, &key)) {
        pc_json_range value;
        if (!pc_json_skip(&reader, &value)) {
            return false;
        }
        if (pc_json_text_is(&key, name)) {
            *out = value;
            found = true;
        }
    }
    return found && !reader.failed;
}

bool pc_find(pc_json_range *out, const pc_json_range *document, const char *path)
{
    char name[NAME_BYTES_MAX];
    pc_json_range at = *document;
    while (*path != '\0') {
        if (!next_name(name, &path) || !find_member(&at, &at, name)) {
            return false;
        }
    }
    *out = at;
    return true;
}

size_t pc_find_items(pc_json_range *out, size_t most, const pc_json_range *array)
{
    pc_json_reader reader;
    size_t count = 0;
    pc_json_reader_init(&reader, array->bytes, array->size, 0);
    if (!pc_json_enter_array(&reader)) {
        return 0;
    }
    while (pc_json_next_item(&reader)) {
        pc_json_range item;
        if (!pc_json_skip(&reader, &item)) {
            break;
        }
        if (count < most) {
            out[count] = item;
        }
        count++;
    }
    return count;
}

size_t pc_find_names(pc_json_text *out, size_t most, const pc_json_range *object)
{
    pc_json_reader reader;
    pc_json_text key;
    size_t count = 0;
    pc_json_reader_init(&reader, object->bytes, object->size, 0);
    if (!pc_json_enter_object(&reader)) {
        return 0;
    }
    while (pc_json_next_member(&reader, &key)) {
        if (!pc_json_skip(&reader, NULL)) {
            break;
        }
        if (count < most) {
            out[count] = key;
        }
        count++;
    }
    return count;
}

bool pc_find_is(const pc_json_range *value, const char *text)
{
    pc_json_reader reader;
    pc_json_text string;
    pc_json_reader_init(&reader, value->bytes, value->size, 0);
    return pc_json_read_string(&reader, &string) && pc_json_text_is(&string, text);
}

void pc_find_text(char *out, size_t size, const pc_json_range *value)
{
    pc_json_reader reader;
    pc_json_text string;
    pc_json_reader_init(&reader, value->bytes, value->size, 0);
    out[0] = '\0';
    if (pc_json_read_string(&reader, &string) && string.plain) {
        size_t length = string.size < size - 1 ? string.size : size - 1;
        memcpy(out, string.bytes, length);
        out[length] = '\0';
    }
}
