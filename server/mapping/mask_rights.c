/* Masks set against each other: what one leaves of the other, for access rules. */
#include <string.h>
#include <strings.h>

#include "mapping/mask_internal.h"
#include "mapping/wire.h"

/* What a field holds that a mask can go into. */
static const pc_message_table *below(const pc_field_table *field)
{
    return field->type == PC_FIELD_MESSAGE ? field->message : NULL;
}

bool pc_mask_is_empty(const pc_mask *mask)
{
    if (mask->all || mask->table == NULL) {
        return !mask->all;
    }
    for (size_t i = 0; i < mask->table->field_count; i++) {
        if (mask->children[i] != NULL && !pc_mask_is_empty(mask->children[i])) {
            return false;
        }
    }
    return true;
}

/* The tree is only written to while it is made. */
static pc_mask *writable(const pc_mask *mask)
{
    return (pc_mask *)(uintptr_t)mask;
}

/* The same mask, with a node for each field of its message. NULL when out of memory. */
static pc_mask *spread(pc_arena *arena, const pc_mask *mask)
{
    pc_mask *copy = pc_mask_new(arena, mask->table, false);
    if (copy != NULL) {
        copy->untyped = mask->untyped;
    }
    for (size_t i = 0; copy != NULL && i < mask->table->field_count; i++) {
        copy->children[i] = mask->all ? pc_mask_new(arena, below(&mask->table->fields[i]), true)
                                      : mask->children[i];
        if (mask->all && copy->children[i] == NULL) {
            return NULL;
        }
    }
    return copy;
}

bool pc_mask_without(const pc_mask **out, pc_arena *arena, const pc_mask *mask,
                     const pc_mask *denied)
{
    *out = NULL;
    if (denied->all || mask->table == NULL) {
        return true;
    }
    pc_mask *left = spread(arena, mask);
    if (left == NULL) {
        return false;
    }
    for (size_t i = 0; i < mask->table->field_count; i++) {
        const pc_mask *child = left->children[i];
        if (child == NULL || denied->children[i] == NULL) {
            continue;
        }
        if (!pc_mask_without(&child, arena, child, denied->children[i])) {
            return false;
        }
        left->children[i] = writable(child);
    }
    *out = pc_mask_is_empty(left) ? NULL : left;
    return true;
}

const pc_mask *pc_mask_keep_untyped(pc_arena *arena, const pc_mask *mask, const pc_mask *clear)
{
    if (mask->table == NULL || (clear != NULL && clear->all)) {
        return mask;
    }
    if (clear == NULL) {
        clear = pc_mask_new(arena, mask->table, false);
    }
    pc_mask *marked = spread(arena, mask);
    if (marked == NULL || clear == NULL) {
        return NULL;
    }
    marked->untyped = clear;
    for (size_t i = 0; i < mask->table->field_count; i++) {
        const pc_mask *child = marked->children[i];
        const pc_mask *clear_child = clear->children[i];
        if (child == NULL) {
            continue;
        }
        child = pc_mask_keep_untyped(arena, child, clear_child);
        if (child == NULL) {
            return NULL;
        }
        marked->children[i] = writable(child);
    }
    return marked;
}

const pc_mask *pc_mask_narrow(pc_arena *arena, const pc_mask *mask, uint32_t number,
                              const pc_mask *child)
{
    const pc_field_table *field = pc_table_find_number(mask->table, number);
    const pc_mask *present = field == NULL ? NULL : pc_mask_child_number(mask, number);
    if (present == NULL || (child != NULL && child->all)) {
        return mask;
    }
    pc_mask *narrowed = spread(arena, mask);
    if (narrowed == NULL) {
        return NULL;
    }
    pc_mask **place = &narrowed->children[field - mask->table->fields];
    if (child == NULL) {
        *place = NULL;
        return narrowed;
    }
    const pc_mask *both = pc_mask_intersect(arena, *place, child);
    *place = writable(both);
    return both == NULL ? NULL : narrowed;
}

/* ---- what is missing ------------------------------------------------------------------------- */

typedef struct {
    pc_buffer *out;
    uint32_t number;
    char path[PC_MASK_PATH_BYTES_MAX + 128];
    size_t size;
} missing_list;

static void put_path(missing_list *list)
{
    pc_wire_put_bytes(list->out, list->number, list->size == 0 ? "*" : list->path,
                      list->size == 0 ? 1 : list->size);
}

/* Recursive as deep as the masks. */
static void put_missing(missing_list *list, const pc_mask *asked, const pc_mask *kept)
{
    if (kept == NULL && (asked->all || asked->table == NULL)) {
        put_path(list);
        return;
    }
    if (kept != NULL && (kept->all || kept->table == NULL)) {
        return;
    }
    const pc_message_table *table = kept == NULL ? asked->table : kept->table;
    for (size_t i = 0; i < table->field_count; i++) {
        const pc_field_table *field = &table->fields[i];
        size_t size = list->size;
        size_t name_size = strlen(field->name);
        if ((!asked->all && asked->children[i] == NULL) ||
            size + name_size + 1 > sizeof list->path) {
            continue;
        }
        if (size > 0) {
            list->path[list->size++] = '.';
        }
        memcpy(list->path + list->size, field->name, name_size);
        list->size += name_size;
        put_missing(list, asked->all ? asked : asked->children[i],
                    kept == NULL ? NULL : kept->children[i]);
        list->size = size;
    }
}

void pc_mask_put_missing(pc_buffer *out, uint32_t number, const char *prefix, const pc_mask *asked,
                         const pc_mask *kept, size_t size_max)
{
    missing_list list = {.out = out, .number = number, .size = strlen(prefix)};
    size_t start = out->size;
    memcpy(list.path, prefix, list.size);
    put_missing(&list, asked, kept);
    if (!out->failed && out->size - start > size_max) {
        out->size = start;
        put_path(&list);
    }
}

/* ---- paths of XDM ---------------------------------------------------------------------------- */

/* The field that a name stands for, also in another case or with a prefix such as `xdm:`: nobody
 * says that the upstream takes these for others. */
static const pc_field_table *find_alike(const pc_message_table *table, const char *name,
                                        size_t length)
{
    const pc_field_table *field = pc_table_find_json(table, name, length);
    size_t start = length;
    while (start > 0 && strchr(":@", name[start - 1]) == NULL) {
        start--;
    }
    for (size_t i = 0; field == NULL && i < table->field_count; i++) {
        const char *json_name = table->fields[i].json_name;
        if (strlen(json_name) == length - start && length > start &&
            strncasecmp(json_name, name + start, length - start) == 0) {
            field = &table->fields[i];
        }
    }
    return field;
}

bool pc_mask_keeps_json_path(const pc_mask *mask, const char *path)
{
    while (!mask->all) {
        size_t length = strcspn(path, ".");
        if (length == 0) {
            return false;
        }
        const pc_field_table *field =
            mask->table == NULL ? NULL : find_alike(mask->table, path, length);
        if (field == NULL && mask->table != NULL && mask->table->extensions_number != 0) {
            field = pc_table_find_number(mask->table, mask->table->extensions_number);
        }
        const pc_mask *child = field == NULL ? NULL : mask->children[field - mask->table->fields];
        if (child == NULL) {
            return false;
        }
        /* Behind a map come its keys, and a value of the wrong type is among the extensions: then
         * all of it has to be kept. */
        if (path[length] == '\0' || field->map_depth > 0 || child->table == NULL) {
            return child->all;
        }
        mask = child;
        path += length + 1;
    }
    return true;
}
