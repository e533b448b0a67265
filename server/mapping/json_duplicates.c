/* Rewrites a document so that no object has a key twice. Rare, so built for simplicity: each object
 * is copied, and then the members that a later one shadows are cut out of the copy. */
#include <stdlib.h>
#include <string.h>

#include "mapping/json_reader.h"

typedef struct {
    size_t key_start; /* of the decoded key, in copier.keys */
    size_t key_size;
    size_t out_start; /* of `"key":value,` in the copy */
    size_t out_end;
    size_t place; /* among the members of the object */
    bool shadowed;
} member;

typedef struct {
    pc_json_reader reader;
    pc_buffer *out;
    pc_buffer keys;    /* decoded keys of the open objects */
    pc_buffer members; /* their members, as a stack of `member` */
} copier;

static member *members_at(const copier *c, size_t offset)
{
    return (member *)(void *)(c->members.bytes + offset);
}

static int compare_members(const void *a_void, const void *b_void, void *keys_void)
{
    const member *a = a_void;
    const member *b = b_void;
    const pc_buffer *keys = keys_void;
    size_t common = a->key_size < b->key_size ? a->key_size : b->key_size;
    int order =
        common == 0 ? 0 : memcmp(keys->bytes + a->key_start, keys->bytes + b->key_start, common);
    if (order != 0) {
        return order;
    }
    if (a->key_size != b->key_size) {
        return a->key_size < b->key_size ? -1 : 1;
    }
    return a->place < b->place ? -1 : a->place > b->place;
}

static bool same_key(const copier *c, const member *a, const member *b)
{
    return a->key_size == b->key_size &&
           (a->key_size == 0 ||
            memcmp(c->keys.bytes + a->key_start, c->keys.bytes + b->key_start, a->key_size) == 0);
}

/* Marks the members from `first` (offset in the stack) that have a later equal. */
static bool mark_shadowed(copier *c, size_t first, size_t count)
{
    size_t bytes = count * sizeof(member);
    if (!pc_buffer_reserve(&c->members, bytes)) {
        return false;
    }
    member *all = members_at(c, first);
    member *sorted = members_at(c, c->members.size);
    memcpy(sorted, all, bytes);
    qsort_r(sorted, count, sizeof *sorted, compare_members, &c->keys);
    bool any = false;
    for (size_t i = 0; i + 1 < count; i++) {
        if (same_key(c, &sorted[i], &sorted[i + 1])) {
            all[sorted[i].place].shadowed = true;
            any = true;
        }
    }
    return any;
}

static void cut_shadowed(copier *c, size_t first, size_t count)
{
    const member *all = members_at(c, first);
    size_t to = all[0].out_start;
    for (size_t i = 0; i < count; i++) {
        size_t size = all[i].out_end - all[i].out_start;
        if (!all[i].shadowed) {
            memmove(c->out->bytes + to, c->out->bytes + all[i].out_start, size);
            to += size;
        }
    }
    c->out->size = to;
}

static bool copy_value(copier *c);

static bool copy_object(copier *c)
{
    size_t first = c->members.size;
    size_t first_key = c->keys.size;
    size_t count = 0;
    if (!pc_json_enter_object(&c->reader)) {
        return false;
    }
    pc_buffer_append_byte(c->out, '{');
    pc_json_text key;
    while (pc_json_next_member(&c->reader, &key)) {
        member m = {.key_start = c->keys.size, .out_start = c->out->size, .place = count++};
        pc_json_text_append(&c->keys, &key);
        m.key_size = c->keys.size - m.key_start;
        pc_buffer_append_byte(c->out, '"');
        pc_buffer_append(c->out, key.bytes, key.size);
        pc_buffer_append(c->out, "\":", 2);
        pc_buffer_append(&c->members, &m, sizeof m);
        if (!copy_value(c)) {
            return false;
        }
        pc_buffer_append_byte(c->out, ',');
        if (c->out->failed || c->keys.failed || c->members.failed) {
            return false;
        }
        members_at(c, first)[count - 1].out_end = c->out->size;
    }
    if (c->reader.failed || c->out->failed) {
        return false;
    }
    if (count == 0) {
        pc_buffer_append_byte(c->out, '}');
    } else {
        if (mark_shadowed(c, first, count)) {
            cut_shadowed(c, first, count);
        }
        c->out->bytes[c->out->size - 1] = '}';
    }
    c->members.size = first;
    c->keys.size = first_key;
    return !c->members.failed;
}

static bool copy_array(copier *c)
{
    if (!pc_json_enter_array(&c->reader)) {
        return false;
    }
    pc_buffer_append_byte(c->out, '[');
    bool any = false;
    while (pc_json_next_item(&c->reader)) {
        if (any) {
            pc_buffer_append_byte(c->out, ',');
        }
        any = true;
        if (!copy_value(c)) {
            return false;
        }
    }
    pc_buffer_append_byte(c->out, ']');
    return !c->reader.failed;
}

/* Recursive, which the reader's limit of depth bounds. */
static bool copy_value(copier *c)
{
    switch (pc_json_peek(&c->reader)) {
    case PC_JSON_OBJECT:
        return copy_object(c);
    case PC_JSON_ARRAY:
        return copy_array(c);
    default: {
        pc_json_range range;
        if (!pc_json_skip(&c->reader, &range)) {
            return false;
        }
        pc_buffer_append(c->out, range.bytes, range.size);
        return !c->out->failed;
    }
    }
}

pc_status pc_json_drop_duplicates(pc_buffer *out, const uint8_t *bytes, size_t size,
                                  unsigned depth_max)
{
    copier c = {.out = out};
    pc_json_reader_init(&c.reader, bytes, size, depth_max);
    pc_buffer_init(&c.keys, SIZE_MAX);
    pc_buffer_init(&c.members, SIZE_MAX);
    bool copied = copy_value(&c) && pc_json_finish(&c.reader);
    pc_status status = pc_json_status(&c.reader);
    if (pc_status_ok(&status) && (!copied || out->failed)) {
        status = pc_status_out_of_memory();
    }
    pc_buffer_deinit(&c.keys);
    pc_buffer_deinit(&c.members);
    return status;
}
