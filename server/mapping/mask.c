/* A mask is a tree beside the table's: a node for each message that is named in part, with a child
 * for each field that is kept. */
#include "mapping/mask_internal.h"

#include <stdio.h>
#include <string.h>

#include "mapping/wire.h"
#include "mapping/wire_path.h"

enum { VIOLATIONS_MAX = 16, MAP_KEY = 1 };

pc_mask *pc_mask_new(pc_arena *arena, const pc_message_table *table, bool all)
{
    pc_mask *mask = pc_arena_calloc(arena, 1, sizeof *mask);
    if (mask == NULL) {
        return NULL;
    }
    mask->table = table;
    mask->all = all;
    if (table != NULL && !all) {
        mask->children = pc_arena_calloc(arena, table->field_count, sizeof(pc_mask *));
        if (mask->children == NULL) {
            return NULL;
        }
    }
    return mask;
}

/* ---- compiling ----------------------------------------------------------------------------- */

typedef struct {
    pc_arena *arena;
    pc_status status; /* violations so far */
    size_t violations;
    bool memory;
} compiler;

/* Whether a path can be told back: nothing but what names of fields are made of, and too few digits
 * in a row for a number that belongs to a person. */
static bool can_be_told(const char *path)
{
    enum { TOLD_BYTES_MAX = 128, DIGITS_MAX = 2 };
    size_t digits = 0;
    size_t size = 0;
    for (; size < TOLD_BYTES_MAX && path[size] != '\0'; size++) {
        char c = path[size];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool digit = c >= '0' && c <= '9';
        digits = digit ? digits + 1 : 0;
        if (digits > DIGITS_MAX || (!letter && !digit && c != '_' && c != '.' && c != '*')) {
            return false;
        }
    }
    return size > 0 && path[size] == '\0';
}

/* Names the path, by its place and, where it can be told, its text; and the part that is known. */
static void refuse(compiler *c, size_t place, const char *path, size_t known_size, const char *what)
{
    char told[PC_MASK_PATH_BYTES_MAX] = "";
    char description[2 * PC_MASK_PATH_BYTES_MAX + 128];
    if (c->violations++ >= VIOLATIONS_MAX) {
        return;
    }
    if (can_be_told(path)) {
        (void)snprintf(told, sizeof told, " (`%s`)", path);
    }
    if (known_size == 0) {
        (void)snprintf(description, sizeof description, "path %zu%s: %s", place, told, what);
    } else {
        (void)snprintf(description, sizeof description, "path %zu%s: %s below `%.*s`", place, told,
                       what, (int)known_size, path);
    }
    pc_status_add_violation(&c->status, "read_mask", description);
}

static void add_path(compiler *c, pc_mask *mask, size_t place, const char *path)
{
    size_t size = strnlen(path, PC_MASK_PATH_BYTES_MAX + 1);
    if (size > PC_MASK_PATH_BYTES_MAX) {
        refuse(c, place, path, 0, "is too long");
        return;
    }
    if (strcmp(path, "*") == 0) {
        mask->all = true;
        return;
    }
    /* A known part goes on being checked below a parent that covers it. */
    const pc_message_table *table = mask->table;
    for (size_t at = 0;;) {
        const char *dot = strchr(path + at, '.');
        size_t length = dot == NULL ? size - at : (size_t)(dot - path) - at;
        size_t known_size = at == 0 ? 0 : at - 1;
        if (table == NULL) {
            refuse(c, place, path, known_size, "nothing can be named");
            return;
        }
        const pc_field_table *field = pc_table_find_name(table, path + at, length);
        if (field == NULL) {
            refuse(c, place, path, known_size, "there is no such field");
            return;
        }
        const pc_message_table *below = field->type == PC_FIELD_MESSAGE ? field->message : NULL;
        if (mask != NULL && !mask->all) {
            pc_mask **child = &mask->children[field - table->fields];
            if (*child == NULL) {
                *child = pc_mask_new(c->arena, below, dot == NULL || below == NULL);
                if (*child == NULL) {
                    c->memory = false;
                    return;
                }
            } else if (dot == NULL) {
                (*child)->all = true;
            }
            mask = *child;
        }
        table = below;
        if (dot == NULL) {
            return;
        }
        at = (size_t)(dot - path) + 1;
    }
}

pc_status pc_mask_compile(const pc_mask **out, pc_arena *arena, const pc_message_table *table,
                          const char *const *paths, size_t count)
{
    compiler c = {.arena = arena, .status = PC_OK, .memory = true};
    *out = NULL;
    pc_mask *root = pc_mask_new(arena, table, count == 0);
    if (root == NULL) {
        return pc_status_out_of_memory();
    }
    if (count > PC_MASK_PATHS_MAX) {
        pc_status_add_violation(&c.status, "read_mask", "has too many paths");
        return c.status;
    }
    for (size_t i = 0; i < count && c.memory; i++) {
        add_path(&c, root, i, paths[i]);
    }
    if (!c.memory) {
        pc_status_clear(&c.status);
        return pc_status_out_of_memory();
    }
    if (pc_status_ok(&c.status)) {
        *out = root;
    }
    return c.status;
}

/* ---- using --------------------------------------------------------------------------------- */

bool pc_mask_is_all(const pc_mask *mask)
{
    return mask->all;
}

static const pc_mask *child_of(const pc_mask *mask, const pc_field_table *field)
{
    return field == NULL ? NULL : mask->children[field - mask->table->fields];
}

const pc_mask *pc_mask_child(const pc_mask *mask, const char *name)
{
    return mask->all ? mask : child_of(mask, pc_table_find_name(mask->table, name, strlen(name)));
}

const pc_mask *pc_mask_child_number(const pc_mask *mask, uint32_t number)
{
    return mask->all ? mask : child_of(mask, pc_table_find_number(mask->table, number));
}

const pc_mask *pc_mask_intersect(pc_arena *arena, const pc_mask *a, const pc_mask *b)
{
    if (a->all) {
        return b;
    }
    if (b->all) {
        return a;
    }
    pc_mask *both = pc_mask_new(arena, a->table, false);
    if (both == NULL) {
        return NULL;
    }
    both->untyped = a->untyped == NULL   ? b->untyped
                    : b->untyped == NULL ? a->untyped
                                         : pc_mask_intersect(arena, a->untyped, b->untyped);
    if (both->untyped == NULL && (a->untyped != NULL || b->untyped != NULL)) {
        return NULL;
    }
    for (size_t i = 0; i < a->table->field_count; i++) {
        if (a->children[i] != NULL && b->children[i] != NULL) {
            const pc_mask *child = pc_mask_intersect(arena, a->children[i], b->children[i]);
            if (child == NULL) {
                return NULL;
            }
            /* The tree is only written to while it is compiled. */
            both->children[i] = (pc_mask *)(uintptr_t)child;
        }
    }
    return both;
}

/* Whether a property's value that did not fit its field may be shown. */
static bool keeps_untyped(const pc_mask *untyped, const uint8_t *name, size_t size)
{
    const pc_field_table *field =
        untyped->all ? NULL : pc_table_find_json(untyped->table, (const char *)name, size);
    const pc_mask *child = field == NULL ? NULL : untyped->children[field - untyped->table->fields];
    return field == NULL || (child != NULL && child->all);
}

/* Whether an entry of the maps in Extensions may be shown; its key is a name, or a JSON pointer
 * that begins with one. */
static bool keeps_entry(const pc_mask *untyped, const pc_wire_field *entry, bool by_pointer)
{
    const pc_wire_path path = {.numbers = {MAP_KEY}, .depth = 1};
    pc_wire_field key;
    if (!pc_wire_find(entry->bytes, entry->size, &path, &key) || key.type != PC_WIRE_BYTES) {
        return false;
    }
    size_t start = by_pointer && key.size > 0 ? 1 : 0;
    const uint8_t *slash = by_pointer ? memchr(key.bytes + start, '/', key.size - start) : NULL;
    size_t end = slash == NULL ? key.size : (size_t)(slash - key.bytes);
    return keeps_untyped(untyped, key.bytes + start, end - start);
}

/* The maps of an Extensions: `fields`, a Struct, and those by JSON pointer. */
static bool filter_extensions(pc_buffer *out, const uint8_t *wire, size_t size,
                              const pc_mask *untyped, bool in_struct)
{
    enum { FIELDS = 1 };
    pc_wire_reader reader;
    pc_wire_field field;
    pc_wire_reader_init(&reader, wire, size);
    while (pc_wire_next(&reader, &field)) {
        if (field.type != PC_WIRE_BYTES) {
            return false;
        }
        if (field.number == FIELDS && !in_struct) {
            size_t mark = pc_wire_begin(out, FIELDS);
            if (!filter_extensions(out, field.bytes, field.size, untyped, true)) {
                return false;
            }
            pc_wire_end(out, mark);
        } else if (keeps_entry(untyped, &field, !in_struct)) {
            pc_buffer_append(out, field.start, field.whole_size);
        }
    }
    return !reader.failed;
}

/* False when the bytes are malformed. Recursive as deep as the mask. */
static bool filter(pc_buffer *out, const uint8_t *wire, size_t size, const pc_mask *mask)
{
    pc_wire_reader reader;
    pc_wire_field field;
    pc_wire_reader_init(&reader, wire, size);
    while (pc_wire_next(&reader, &field)) {
        const pc_field_table *row = pc_table_find_number(mask->table, field.number);
        const pc_mask *child = row == NULL ? NULL : mask->children[row - mask->table->fields];
        if (child == NULL) {
            continue;
        }
        bool has_untyped = mask->untyped != NULL && row->type == PC_FIELD_EXTENSIONS;
        if (!has_untyped && (child->all || child->table == NULL)) {
            pc_buffer_append(out, field.start, field.whole_size);
            continue;
        }
        if (field.type != PC_WIRE_BYTES) {
            return false;
        }
        size_t start = out->size;
        size_t mark = pc_wire_begin(out, field.number);
        if (has_untyped ? !filter_extensions(out, field.bytes, field.size, mask->untyped, false)
                        : !filter(out, field.bytes, field.size, child)) {
            return false;
        }
        /* Items of lists keep their places; a single message of which nothing is left goes. */
        if (!out->failed && out->size == mark && field.size > 0 && !row->repeated) {
            out->size = start;
        } else {
            pc_wire_end(out, mark);
        }
    }
    return !reader.failed;
}

pc_status pc_mask_filter(pc_buffer *out, const uint8_t *wire, size_t size, const pc_mask *mask)
{
    size_t start = out->size;
    if (mask->all) {
        pc_buffer_append(out, wire, size);
    } else if (!filter(out, wire, size, mask)) {
        out->size = start;
        return pc_status_new(PC_CODE_INTERNAL, "MESSAGE_MALFORMED",
                             "a stored message cannot be filtered");
    }
    return out->failed ? pc_status_out_of_memory() : PC_OK;
}

/* ---- the upstream's fields ------------------------------------------------------------------ */

/* What is needed of a level. */
typedef enum { NEED_NOTHING, NEED_PARTS, NEED_WHOLE } need;

typedef struct {
    pc_buffer list;
    char path[1024];
    size_t path_size;
} field_list;

static bool can_be_named(const char *json_name)
{
    return json_name[0] != 0 && strpbrk(json_name, ".,") == NULL;
}

static void append_path(field_list *l)
{
    if (l->list.size > 0) {
        pc_buffer_append_byte(&l->list, ',');
    }
    pc_buffer_append(&l->list, l->path, l->path_size);
}

/* Lists what the mask keeps below l->path; for NEED_WHOLE and NEED_NOTHING it lists nothing. */
static need list_fields(field_list *l, const pc_mask *mask)
{
    if (mask->all || mask->table == NULL) {
        return NEED_WHOLE;
    }
    size_t start = l->list.size;
    need result = NEED_NOTHING;
    for (size_t i = 0; i < mask->table->field_count; i++) {
        const pc_field_table *field = &mask->table->fields[i];
        const pc_mask *child = mask->children[i];
        if (child == NULL || field->source != PC_SOURCE_PROPERTY) {
            continue;
        }
        size_t path_size = l->path_size;
        if (field->type == PC_FIELD_EXTENSIONS || !can_be_named(field->json_name) ||
            path_size + field->json_length + 1 > sizeof l->path) {
            l->list.size = start;
            return NEED_WHOLE;
        }
        if (path_size > 0) {
            l->path[l->path_size++] = '.';
        }
        memcpy(l->path + l->path_size, field->json_name, field->json_length);
        l->path_size += field->json_length;
        need below = field->repeated ? NEED_WHOLE : list_fields(l, child);
        if (below == NEED_WHOLE) {
            append_path(l);
        }
        if (below != NEED_NOTHING) {
            result = NEED_PARTS;
        }
        l->path_size = path_size;
    }
    return result;
}

pc_status pc_mask_upstream_fields(const char **out, pc_arena *arena, const pc_mask *mask)
{
    field_list l = {.path_size = 0};
    pc_buffer_init(&l.list, SIZE_MAX);
    *out = NULL;
    pc_status status = PC_OK;
    if (list_fields(&l, mask) != NEED_WHOLE) {
        const char *text = l.list.size == 0 ? "" : (const char *)l.list.bytes;
        *out = l.list.failed ? NULL : pc_arena_strndup(arena, text, l.list.size);
        if (*out == NULL) {
            status = pc_status_out_of_memory();
        }
    }
    pc_buffer_deinit(&l.list);
    return status;
}
