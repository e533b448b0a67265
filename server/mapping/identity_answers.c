/* One walk over the graphs; what has another shape is passed over. */
#include "mapping/identity_answers.h"

#include <stdlib.h>
#include <string.h>

#include "mapping/wire.h"

/* Field numbers of LinkedIdentity. */
enum { IDENTITY_NAMESPACE = 1, IDENTITY_ID = 2, IDENTITY_XID = 5 };

typedef struct {
    pc_json_reader reader;
    pc_arena *arena;
    pc_graph_member *list;
    size_t count;
    size_t room;
    bool out_of_memory;
} walk;

/* A string, or the digits of a number; "" for anything else. */
static const char *read_text(walk *w)
{
    pc_json_text text;
    pc_json_range number;
    switch (pc_json_peek(&w->reader)) {
    case PC_JSON_STRING:
        if (!pc_json_read_string(&w->reader, &text)) {
            return "";
        }
        break;
    case PC_JSON_NUMBER:
        if (!pc_json_read_number(&w->reader, &number)) {
            return "";
        }
        text = (pc_json_text){.bytes = number.bytes, .size = number.size, .plain = true};
        break;
    default:
        (void)pc_json_skip(&w->reader, NULL);
        return "";
    }
    uint8_t *copy = pc_arena_alloc(w->arena, text.size * 3 + 1);
    if (copy == NULL) {
        w->out_of_memory = true;
        return "";
    }
    copy[pc_json_text_decode(&text, copy)] = 0;
    return (const char *)copy;
}

static bool enter_array(walk *w)
{
    if (pc_json_peek(&w->reader) == PC_JSON_ARRAY) {
        return pc_json_enter_array(&w->reader);
    }
    (void)pc_json_skip(&w->reader, NULL);
    return false;
}

/* One property of an identity's object; true when it was one. */
static bool read_part(walk *w, pc_graph_member *out, const pc_json_text *key)
{
    if (pc_json_text_is(key, "ns")) {
        out->namespace_code = read_text(w);
    } else if (pc_json_text_is(key, "nsid")) {
        const char *number = read_text(w);
        out->namespace_code = out->namespace_code[0] == '\0' ? number : out->namespace_code;
    } else if (pc_json_text_is(key, "id")) {
        out->id = read_text(w);
    } else if (pc_json_text_is(key, "xid")) {
        out->xid = read_text(w);
    } else {
        return false;
    }
    return true;
}

static void read_composite(walk *w, pc_graph_member *out)
{
    pc_json_text key;
    if (pc_json_peek(&w->reader) != PC_JSON_OBJECT) {
        (void)pc_json_skip(&w->reader, NULL);
        return;
    }
    (void)pc_json_enter_object(&w->reader);
    while (pc_json_next_member(&w->reader, &key)) {
        if (!read_part(w, out, &key)) {
            (void)pc_json_skip(&w->reader, NULL);
        }
    }
}

static pc_graph_member read_name(walk *w)
{
    pc_graph_member found = {"", "", ""};
    pc_json_text key;
    if (pc_json_peek(&w->reader) != PC_JSON_OBJECT) {
        found.xid = read_text(w);
        return found;
    }
    (void)pc_json_enter_object(&w->reader);
    while (pc_json_next_member(&w->reader, &key)) {
        if (pc_json_text_is(&key, "composite_xid")) {
            read_composite(w, &found);
        } else if (!read_part(w, &found, &key)) {
            (void)pc_json_skip(&w->reader, NULL);
        }
    }
    return found;
}

static void add(walk *w, const pc_graph_member *member)
{
    if (w->count == PC_GRAPH_MEMBERS_MAX) {
        return;
    }
    if (w->count == w->room) {
        size_t room = w->room == 0 ? 64 : w->room * 2;
        pc_graph_member *more = pc_arena_alloc(w->arena, room * sizeof *more);
        if (more == NULL) {
            w->out_of_memory = true;
            return;
        }
        if (w->count > 0) {
            memcpy(more, w->list, w->count * sizeof *more);
        }
        w->list = more;
        w->room = room;
    }
    w->list[w->count++] = *member;
}

static void read_graph(walk *w)
{
    pc_json_text key;
    if (pc_json_peek(&w->reader) != PC_JSON_OBJECT) {
        (void)pc_json_skip(&w->reader, NULL);
        return;
    }
    (void)pc_json_enter_object(&w->reader);
    while (pc_json_next_member(&w->reader, &key)) {
        bool is_list = pc_json_text_is(&key, "members") || pc_json_text_is(&key, "vertices");
        if (!is_list) {
            (void)pc_json_skip(&w->reader, NULL);
        } else if (enter_array(w)) {
            while (!w->out_of_memory && pc_json_next_item(&w->reader)) {
                const pc_graph_member member = read_name(w);
                add(w, &member);
            }
        }
    }
}

pc_status pc_graph_read(pc_graph_member **out, size_t *count, pc_arena *arena, const uint8_t *bytes,
                        size_t size)
{
    walk w = {.arena = arena};
    pc_json_text key;
    pc_json_reader_init(&w.reader, bytes, size, 0);
    (void)pc_json_enter_object(&w.reader);
    while (!w.out_of_memory && pc_json_next_member(&w.reader, &key)) {
        if (!pc_json_text_is(&key, "graphs")) {
            (void)pc_json_skip(&w.reader, NULL);
        } else if (enter_array(&w)) {
            while (!w.out_of_memory && pc_json_next_item(&w.reader)) {
                read_graph(&w);
            }
        }
    }
    if (!w.out_of_memory && !w.reader.failed) {
        (void)pc_json_finish(&w.reader);
    }
    *out = w.list;
    *count = w.count;
    return w.out_of_memory ? pc_status_out_of_memory() : pc_json_status(&w.reader);
}

static int compare_members(const void *a, const void *b)
{
    const pc_graph_member *left = a;
    const pc_graph_member *right = b;
    int order = strcmp(left->namespace_code, right->namespace_code);
    return order != 0 ? order : strcmp(left->id, right->id);
}

void pc_graph_put(pc_buffer *out, uint32_t field_number, pc_graph_member *members, size_t count,
                  size_t *written)
{
    *written = 0;
    if (count == 0) {
        return;
    }
    qsort(members, count, sizeof *members, compare_members);
    for (size_t i = 0; i < count; i++) {
        bool named = members[i].namespace_code[0] != '\0' && members[i].id[0] != '\0';
        if (!named || (i > 0 && compare_members(&members[i - 1], &members[i]) == 0)) {
            continue;
        }
        size_t mark = pc_wire_begin(out, field_number);
        pc_wire_put_text(out, IDENTITY_NAMESPACE, members[i].namespace_code);
        pc_wire_put_text(out, IDENTITY_ID, members[i].id);
        if (members[i].xid[0] != '\0') {
            pc_wire_put_text(out, IDENTITY_XID, members[i].xid);
        }
        pc_wire_end(out, mark);
        (*written)++;
    }
}

pc_status pc_xid_read(const char **out, pc_arena *arena, const uint8_t *bytes, size_t size)
{
    walk w = {.arena = arena};
    pc_graph_member found = {"", "", ""};
    pc_json_reader_init(&w.reader, bytes, size, 0);
    read_composite(&w, &found);
    if (!w.out_of_memory && !w.reader.failed) {
        (void)pc_json_finish(&w.reader);
    }
    *out = found.xid;
    return w.out_of_memory ? pc_status_out_of_memory() : pc_json_status(&w.reader);
}
