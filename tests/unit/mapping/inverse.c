#include "inverse.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mapping/wire.h"
#include "util/utf8.h"

/* ---- trees --------------------------------------------------------------------------------- */

static void *need(void *memory)
{
    if (memory == NULL) {
        abort();
    }
    return memory;
}

static value *new_value(pc_arena *arena, pc_json_kind kind)
{
    value *v = need(pc_arena_calloc(arena, 1, sizeof *v));
    v->kind = kind;
    return v;
}

static value *new_text(pc_arena *arena, pc_json_kind kind, const void *text, size_t size)
{
    value *v = new_value(arena, kind);
    v->text = need(pc_arena_strndup(arena, size == 0 ? "" : text, size));
    v->size = size;
    return v;
}

static member *find(const value *object, const char *key, size_t size)
{
    for (size_t i = 0; i < object->count; i++) {
        if (object->members[i].key_size == size && memcmp(object->members[i].key, key, size) == 0) {
            return &object->members[i];
        }
    }
    return NULL;
}

static void push(pc_arena *arena, value *list, const char *key, size_t size, value *item)
{
    if (list->count == list->room) {
        size_t room = list->room == 0 ? 8 : list->room * 2;
        member *grown = need(pc_arena_calloc(arena, room, sizeof *grown));
        if (list->count > 0) {
            memcpy(grown, list->members, list->count * sizeof *grown);
        }
        list->members = grown;
        list->room = room;
    }
    list->members[list->count++] = (member){.key = key, .key_size = size, .item = item};
}

static void set(pc_arena *arena, value *object, const char *key, size_t size, value *item)
{
    member *old = find(object, key, size);
    if (old != NULL) {
        old->item = item;
    } else {
        push(arena, object, key, size, item);
    }
}

value *value_get(const value *object, const char *key)
{
    member *m =
        object == NULL || object->kind != PC_JSON_OBJECT ? NULL : find(object, key, strlen(key));
    return m == NULL ? NULL : m->item;
}

static value *decode(pc_arena *arena, const pc_json_text *text)
{
    uint8_t *bytes = need(malloc(text->size * 3 + 1));
    size_t size = pc_json_text_decode(text, bytes);
    value *v = new_text(arena, PC_JSON_STRING, bytes, size);
    free(bytes);
    return v;
}

static value *parse(pc_arena *arena, pc_json_reader *reader)
{
    pc_json_text text;
    pc_json_range digits;
    bool flag;
    pc_json_kind kind = pc_json_peek(reader);
    switch (kind) {
    case PC_JSON_OBJECT: {
        value *v = new_value(arena, kind);
        (void)pc_json_enter_object(reader);
        while (pc_json_next_member(reader, &text)) {
            value *key = decode(arena, &text);
            value *item = parse(arena, reader);
            set(arena, v, key->text, key->size, item);
        }
        return v;
    }
    case PC_JSON_ARRAY: {
        value *v = new_value(arena, kind);
        (void)pc_json_enter_array(reader);
        while (pc_json_next_item(reader)) {
            push(arena, v, "", 0, parse(arena, reader));
        }
        return v;
    }
    case PC_JSON_STRING:
        return pc_json_read_string(reader, &text) ? decode(arena, &text) : NULL;
    case PC_JSON_NUMBER:
        return pc_json_read_number(reader, &digits)
                   ? new_text(arena, kind, digits.bytes, digits.size)
                   : NULL;
    case PC_JSON_TRUE:
    case PC_JSON_FALSE:
        (void)pc_json_read_bool(reader, &flag);
        return new_value(arena, kind);
    default:
        (void)pc_json_read_null(reader);
        return new_value(arena, PC_JSON_NULL);
    }
}

value *value_parse(pc_arena *arena, const void *json, size_t size)
{
    pc_json_reader reader;
    pc_json_reader_init(&reader, json, size, PC_JSON_DEPTH_MAX);
    value *v = parse(arena, &reader);
    return pc_json_finish(&reader) ? v : NULL;
}

static void print_text(const char *text, size_t size)
{
    putchar('"');
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == '"' || c == '\\') {
            printf("\\u%04x", c);
        } else {
            putchar(c);
        }
    }
    putchar('"');
}

void value_print(const value *v)
{
    if (v == NULL) {
        printf("(nothing)");
        return;
    }
    switch (v->kind) {
    case PC_JSON_OBJECT:
    case PC_JSON_ARRAY:
        putchar(v->kind == PC_JSON_OBJECT ? '{' : '[');
        for (size_t i = 0; i < v->count; i++) {
            if (i > 0) {
                putchar(',');
            }
            if (v->kind == PC_JSON_OBJECT) {
                print_text(v->members[i].key, v->members[i].key_size);
                putchar(':');
            }
            value_print(v->members[i].item);
        }
        putchar(v->kind == PC_JSON_OBJECT ? '}' : ']');
        break;
    case PC_JSON_STRING:
        print_text(v->text, v->size);
        break;
    case PC_JSON_NUMBER:
        printf("%.*s", (int)v->size, v->text);
        break;
    default:
        printf(v->kind == PC_JSON_TRUE ? "true" : v->kind == PC_JSON_FALSE ? "false" : "null");
        break;
    }
}

/* ---- comparing ----------------------------------------------------------------------------- */

enum { EXPONENT_MAX = 1000000000 };

/* A decimal as sign, digits without zeros around them, and exponent. */
typedef struct {
    bool negative;
    char digits[2048];
    size_t count;
    long long exponent;
} decimal;

static decimal normal(const char *text, size_t size)
{
    decimal d = {.negative = text[0] == '-'};
    size_t i = d.negative;
    bool point = false;
    for (; i < size && text[i] != 'e' && text[i] != 'E'; i++) {
        if (text[i] == '.') {
            point = true;
            continue;
        }
        d.exponent -= point;
        if ((d.count > 0 || text[i] != '0') && d.count < sizeof d.digits) {
            d.digits[d.count++] = text[i];
        }
    }
    if (i < size) {
        long long given = atoll(text + i + 1);
        d.exponent += given > EXPONENT_MAX    ? EXPONENT_MAX
                      : given < -EXPONENT_MAX ? -EXPONENT_MAX
                                              : given;
    }
    for (; d.count > 0 && d.digits[d.count - 1] == '0'; d.count--) {
        d.exponent++;
    }
    if (d.count == 0) {
        d.exponent = 0;
    }
    return d;
}

static bool same_number(const value *a, const value *b)
{
    decimal x = normal(a->text, a->size);
    decimal y = normal(b->text, b->size);
    return x.negative == y.negative && x.exponent == y.exponent && x.count == y.count &&
           memcmp(x.digits, y.digits, x.count) == 0;
}

/* The text of a time in the normal form, without zone and zeros at the end of the fraction. 0 when
 * it is not in that form. */
static size_t time_size(const char *text, size_t size)
{
    if (size >= 6 && (memcmp(text + size - 6, "+00:00", 6) == 0)) {
        size -= 6;
    } else if (size >= 5 && memcmp(text + size - 5, "+0000", 5) == 0) {
        size -= 5;
    } else if (size >= 1 && text[size - 1] == 'Z') {
        size -= 1;
    } else {
        return 0;
    }
    if (size < 19 || size > 29 || text[10] != 'T') {
        return 0;
    }
    while (size > 20 && text[size - 1] == '0') {
        size--;
    }
    return size == 20 ? 19 : size;
}

bool value_equal(const value *from_wire, const value *source)
{
    const value *a = from_wire;
    const value *b = source;
    if (a->is_map_item && b->kind == PC_JSON_ARRAY && b->count == 1) {
        b = b->members[0].item;
    }
    if (a->kind != b->kind) {
        return false;
    }
    switch (a->kind) {
    case PC_JSON_STRING:
        if (a->is_time) {
            size_t size = time_size(b->text, b->size);
            return size > 0 && time_size(a->text, a->size) == size &&
                   memcmp(a->text, b->text, size) == 0;
        }
        return a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
    case PC_JSON_NUMBER:
        return same_number(a, b);
    case PC_JSON_OBJECT:
        for (size_t i = 0; i < a->count; i++) {
            member *other = find(b, a->members[i].key, a->members[i].key_size);
            if (other == NULL || !value_equal(a->members[i].item, other->item)) {
                return false;
            }
        }
        return a->count == b->count;
    case PC_JSON_ARRAY:
        for (size_t i = 0; i < a->count && i < b->count; i++) {
            if (!value_equal(a->members[i].item, b->members[i].item)) {
                return false;
            }
        }
        return a->count == b->count;
    default:
        return true;
    }
}

/* ---- from wire bytes ----------------------------------------------------------------------- */

typedef struct {
    pc_arena *arena;
    const char *why;
} inverter;

static void broken(inverter *v, const char *why)
{
    if (v->why == NULL) {
        v->why = why;
    }
}

static value *wire_text(inverter *v, const pc_wire_field *field)
{
    if (field->type != PC_WIRE_BYTES || !pc_utf8_valid(field->bytes, field->size)) {
        broken(v, "a string is not valid UTF-8");
    }
    return new_text(v->arena, PC_JSON_STRING, field->bytes, field->size);
}

static value *wire_double(inverter *v, double number)
{
    char text[40];
    if (!isfinite(number)) {
        broken(v, "a number is not finite");
    }
    for (int precision = 1; precision <= 17; precision++) {
        snprintf(text, sizeof text, "%.*g", precision, number);
        if (strtod(text, NULL) == number) {
            break;
        }
    }
    return new_text(v->arena, PC_JSON_NUMBER, text, strlen(text));
}

static value *from_value(inverter *v, const uint8_t *wire, size_t size, int level);

static value *from_struct(inverter *v, const uint8_t *wire, size_t size, int level)
{
    value *object = new_value(v->arena, PC_JSON_OBJECT);
    pc_wire_reader reader;
    pc_wire_field entry;
    pc_wire_reader_init(&reader, wire, size);
    while (pc_wire_next(&reader, &entry)) {
        pc_wire_reader inner;
        pc_wire_field field;
        value *key = NULL;
        value *item = NULL;
        pc_wire_reader_init(&inner, entry.bytes, entry.size);
        while (pc_wire_next(&inner, &field)) {
            if (field.number == 1) {
                key = wire_text(v, &field);
            } else {
                item = from_value(v, field.bytes, field.size, level + 1);
            }
        }
        if (key == NULL || item == NULL || inner.failed) {
            broken(v, "an entry of a Struct is incomplete");
            return object;
        }
        if (find(object, key->text, key->size) != NULL) {
            broken(v, "a Struct has a key twice");
        }
        push(v->arena, object, key->text, key->size, item);
    }
    if (reader.failed) {
        broken(v, "a Struct is malformed");
    }
    return object;
}

static value *from_value(inverter *v, const uint8_t *wire, size_t size, int level)
{
    pc_wire_reader reader;
    pc_wire_field field;
    pc_wire_reader_init(&reader, wire, size);
    if (level > 17 || !pc_wire_next(&reader, &field)) {
        broken(v, level > 17 ? "a Struct is too deep" : "a Value is empty");
        return new_value(v->arena, PC_JSON_NULL);
    }
    value *result = new_value(v->arena, PC_JSON_NULL);
    if (level == 17 && field.number != 1) {
        broken(v, "a value on level 17 is not null");
    }
    switch (field.number) {
    case 1:
        break;
    case 2:
        result = wire_double(v, pc_wire_double(&field));
        break;
    case 3:
        result = wire_text(v, &field);
        break;
    case 4:
        result->kind = field.value != 0 ? PC_JSON_TRUE : PC_JSON_FALSE;
        break;
    case 5:
        result = from_struct(v, field.bytes, field.size, level);
        break;
    case 6: {
        pc_wire_reader items;
        result->kind = PC_JSON_ARRAY;
        pc_wire_reader_init(&items, field.bytes, field.size);
        while (pc_wire_next(&items, &field)) {
            push(v->arena, result, "", 0, from_value(v, field.bytes, field.size, level + 1));
        }
        break;
    }
    default:
        broken(v, "a Value is of no kind");
    }
    if (pc_wire_next(&reader, &field)) {
        broken(v, "a Value has two kinds");
    }
    return result;
}

/* The place that a JSON pointer names, or NULL. */
static member *resolve(pc_arena *arena, value *root, const char *pointer, size_t size)
{
    member *at = NULL;
    value *here = root;
    char *step = need(pc_arena_alloc(arena, size + 1));
    for (size_t i = 0; i < size;) {
        size_t step_size = 0;
        if (pointer[i++] != '/' || here == NULL) {
            return NULL;
        }
        for (; i < size && pointer[i] != '/'; i++) {
            char c = pointer[i];
            if (c == '~' && i + 1 < size) {
                c = pointer[++i] == '0' ? '~' : '/';
            }
            step[step_size++] = c;
        }
        step[step_size] = 0;
        if (here->kind == PC_JSON_ARRAY) {
            size_t index = (size_t)atoll(step);
            at = index < here->count ? &here->members[index] : NULL;
        } else {
            at = here->kind == PC_JSON_OBJECT ? find(here, step, step_size) : NULL;
        }
        here = at == NULL ? NULL : at->item;
        if (here == NULL) {
            return NULL;
        }
    }
    return at;
}

static void apply_side_entry(inverter *v, value *root, const pc_wire_field *entry)
{
    pc_wire_reader reader;
    pc_wire_field field;
    value *pointer = NULL;
    value *text = NULL;
    pc_wire_reader_init(&reader, entry->bytes, entry->size);
    while (pc_wire_next(&reader, &field)) {
        if (field.number == 1) {
            pointer = wire_text(v, &field);
        } else {
            text = wire_text(v, &field);
        }
    }
    member *place = pointer == NULL ? NULL : resolve(v->arena, root, pointer->text, pointer->size);
    value *exact = text == NULL ? NULL : value_parse(v->arena, text->text, text->size);
    if (place == NULL || exact == NULL) {
        broken(v, "a pointer or its text leads nowhere");
        return;
    }
    if (entry->number == 3) {
        if (place->item->kind != PC_JSON_NULL) {
            broken(v, "a deep value has no null in its place");
        }
    } else {
        double nearest = strtod(exact->text, NULL);
        double there = strtod(place->item->text, NULL);
        if (place->item->kind != PC_JSON_NUMBER || exact->kind != PC_JSON_NUMBER ||
            (isfinite(nearest) && nearest != there) || same_number(place->item, exact)) {
            broken(v, "an exact number is wrong or not needed");
        }
    }
    place->item = exact;
}

static value *from_extensions(inverter *v, const uint8_t *wire, size_t size)
{
    pc_wire_reader reader;
    pc_wire_field field;
    value *root = NULL;
    pc_wire_reader_init(&reader, wire, size);
    while (pc_wire_next(&reader, &field)) {
        if (field.number == 1) {
            root = from_struct(v, field.bytes, field.size, 0);
        } else if (root != NULL && (field.number == 2 || field.number == 3)) {
            apply_side_entry(v, root, &field);
        }
    }
    if (reader.failed || root == NULL || root->count == 0) {
        broken(v, "extensions are malformed or empty");
        root = root == NULL ? new_value(v->arena, PC_JSON_OBJECT) : root;
    }
    return root;
}

static value *from_timestamp(inverter *v, const pc_wire_field *field)
{
    int64_t seconds;
    int32_t nanos;
    char text[64];
    if (!pc_wire_timestamp(field->bytes, field->size, &seconds, &nanos) || nanos < 0 ||
        nanos > 999999999) {
        broken(v, "a Timestamp is malformed");
        return new_value(v->arena, PC_JSON_NULL);
    }
    time_t time = (time_t)seconds;
    struct tm parts;
    gmtime_r(&time, &parts);
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%09dZ", parts.tm_year + 1900,
             parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, nanos);
    value *result = new_text(v->arena, PC_JSON_STRING, text, strlen(text));
    result->is_time = true;
    return result;
}

static value *from_date(inverter *v, const pc_wire_field *field)
{
    pc_wire_reader reader;
    pc_wire_field part;
    int parts[4] = {0};
    char text[64];
    pc_wire_reader_init(&reader, field->bytes, field->size);
    while (pc_wire_next(&reader, &part) && part.number <= 3) {
        parts[part.number] = (int)part.value;
    }
    snprintf(text, sizeof text, "%04d-%02d-%02d", parts[1], parts[2], parts[3]);
    return new_text(v->arena, PC_JSON_STRING, text, strlen(text));
}

static value *from_message(inverter *v, const pc_message_table *table, const uint8_t *wire,
                           size_t size, value *keys);

static value *from_field(inverter *v, const pc_field_table *row, const pc_wire_field *field,
                         value *keys)
{
    char text[40];
    value *result;
    switch (row->type) {
    case PC_FIELD_BOOL:
        return new_value(v->arena, field->value != 0 ? PC_JSON_TRUE : PC_JSON_FALSE);
    case PC_FIELD_INT32:
    case PC_FIELD_INT64:
        snprintf(text, sizeof text, "%lld", (long long)field->value);
        return new_text(v->arena, PC_JSON_NUMBER, text, strlen(text));
    case PC_FIELD_DOUBLE:
        return wire_double(v, pc_wire_double(field));
    case PC_FIELD_STRING:
        return wire_text(v, field);
    case PC_FIELD_ENUM:
        for (size_t i = 0; i < row->enumeration->count; i++) {
            const pc_enum_value *e = &row->enumeration->values[i];
            if (e->number == (int32_t)field->value) {
                return new_text(v->arena, PC_JSON_STRING, e->text, e->length);
            }
        }
        broken(v, "an enum has a number without a text");
        break;
    case PC_FIELD_MESSAGE:
        result = from_message(v, row->message, field->bytes, field->size, keys);
        result->is_map_item = row->map_depth > 0;
        return result;
    case PC_FIELD_TIMESTAMP:
        return from_timestamp(v, field);
    case PC_FIELD_DATE:
        return from_date(v, field);
    default:
        broken(v, "a field is of an unexpected type");
    }
    return new_value(v->arena, PC_JSON_NULL);
}

/* Puts an item of a map under its keys; a second one makes a list. */
static void put_map_item(inverter *v, value *map, const value *keys, value *item)
{
    for (size_t i = 0; i + 1 < keys->count; i++) {
        const value *key = keys->members[i].item;
        member *m = find(map, key->text, key->size);
        if (m == NULL) {
            push(v->arena, map, key->text, key->size, new_value(v->arena, PC_JSON_OBJECT));
            m = &map->members[map->count - 1];
        }
        map = m->item;
    }
    const value *key = keys->members[keys->count - 1].item;
    member *m = find(map, key->text, key->size);
    if (m == NULL) {
        push(v->arena, map, key->text, key->size, item);
    } else if (m->item->kind == PC_JSON_OBJECT) {
        value *list = new_value(v->arena, PC_JSON_ARRAY);
        push(v->arena, list, "", 0, m->item);
        push(v->arena, list, "", 0, item);
        m->item = list;
    } else {
        push(v->arena, m->item, "", 0, item);
    }
}

static int compare_keys(const value *a, const value *b)
{
    for (size_t i = 0; i < a->count; i++) {
        const value *x = a->members[i].item;
        const value *y = b->members[i].item;
        size_t common = x->size < y->size ? x->size : y->size;
        int order = memcmp(x->text, y->text, common);
        if (order != 0 || x->size != y->size) {
            return order != 0 ? order : x->size < y->size ? -1 : 1;
        }
    }
    return 0;
}

/* What stands in both: objects complete each other, else the extensions' is the source's. */
static void overlay(inverter *v, value *typed, const value *extensions)
{
    for (size_t i = 0; i < extensions->count; i++) {
        const member *m = &extensions->members[i];
        member *old = find(typed, m->key, m->key_size);
        if (old != NULL && old->item->kind == PC_JSON_OBJECT && m->item->kind == PC_JSON_OBJECT) {
            overlay(v, old->item, m->item);
        } else {
            set(v->arena, typed, m->key, m->key_size, m->item);
        }
    }
}

static value *from_message(inverter *v, const pc_message_table *table, const uint8_t *wire,
                           size_t size, value *keys)
{
    value *object = new_value(v->arena, PC_JSON_OBJECT);
    value *extensions = NULL;
    value *last_keys = NULL;
    uint32_t last_number = 0;
    pc_wire_reader reader;
    pc_wire_field field;
    pc_wire_reader_init(&reader, wire, size);
    while (pc_wire_next(&reader, &field)) {
        const pc_field_table *row = pc_table_find_number(table, field.number);
        if (row == NULL) {
            broken(v, "a field is unknown");
            continue;
        }
        if (extensions != NULL) {
            broken(v, "the extensions are not last, or twice");
        }
        if (row->type == PC_FIELD_EXTENSIONS) {
            extensions = from_extensions(v, field.bytes, field.size);
            continue;
        }
        if (row->source == PC_SOURCE_MAP_KEY) {
            push(v->arena, keys, "", 0, wire_text(v, &field));
            continue;
        }
        value *item_keys = new_value(v->arena, PC_JSON_ARRAY);
        value *item = from_field(v, row, &field, item_keys);
        member *old = find(object, row->json_name, row->json_length);
        if (row->repeated && old == NULL) {
            push(v->arena, object, row->json_name, row->json_length,
                 new_value(v->arena, row->map_depth > 0 ? PC_JSON_OBJECT : PC_JSON_ARRAY));
            old = &object->members[object->count - 1];
        }
        if (!row->repeated) {
            if (old != NULL) {
                broken(v, "a field is there twice");
            }
            push(v->arena, object, row->json_name, row->json_length, item);
        } else if (row->map_depth == 0) {
            push(v->arena, old->item, "", 0, item);
        } else {
            if (item_keys->count != row->map_depth) {
                broken(v, "an item of a map lacks keys");
                return object;
            }
            if (last_number == row->number && compare_keys(last_keys, item_keys) > 0) {
                broken(v, "a map is not sorted");
            }
            put_map_item(v, old->item, item_keys, item);
            last_keys = item_keys;
            last_number = row->number;
        }
    }
    if (reader.failed) {
        broken(v, "a message is malformed");
    }
    if (extensions != NULL) {
        overlay(v, object, extensions);
    }
    return object;
}

value *value_from_wire(pc_arena *arena, const pc_message_table *table, const uint8_t *wire,
                       size_t size, const char **why)
{
    inverter v = {.arena = arena};
    value *keys = new_value(arena, PC_JSON_ARRAY);
    value *result = from_message(&v, table, wire, size, keys);
    *why = v.why;
    return v.why == NULL ? result : NULL;
}
