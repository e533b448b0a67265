/* One walk; what has another shape is passed over. */
#include "mapping/entity_identities.h"

typedef struct {
    pc_json_reader reader;
    pc_arena *arena;
    pc_entity_identity *list;
    size_t count;
    size_t room;
    bool out_of_memory;
} walk;

static const char *copy(walk *w, const pc_json_text *text)
{
    uint8_t *bytes = pc_arena_alloc(w->arena, text->size * 3 + 1);
    if (bytes == NULL) {
        w->out_of_memory = true;
        return NULL;
    }
    bytes[pc_json_text_decode(text, bytes)] = 0;
    return (const char *)bytes;
}

static const char *read_text(walk *w)
{
    pc_json_text text;
    if (pc_json_peek(&w->reader) == PC_JSON_STRING && pc_json_read_string(&w->reader, &text)) {
        return copy(w, &text);
    }
    (void)pc_json_skip(&w->reader, NULL);
    return NULL;
}

static bool enter_object(walk *w)
{
    if (pc_json_peek(&w->reader) == PC_JSON_OBJECT) {
        return pc_json_enter_object(&w->reader);
    }
    (void)pc_json_skip(&w->reader, NULL);
    return false;
}

static bool enter_array(walk *w)
{
    if (pc_json_peek(&w->reader) == PC_JSON_ARRAY) {
        return pc_json_enter_array(&w->reader);
    }
    (void)pc_json_skip(&w->reader, NULL);
    return false;
}

static void add(walk *w, const char *namespace_code, const char *id)
{
    if (namespace_code == NULL || id == NULL || w->count == PC_ENTITY_IDENTITIES_MAX) {
        return;
    }
    if (w->count == w->room) {
        size_t room = w->room == 0 ? 16 : w->room * 2;
        pc_entity_identity *more = pc_arena_alloc(w->arena, room * sizeof *more);
        if (more == NULL) {
            w->out_of_memory = true;
            return;
        }
        for (size_t i = 0; i < w->count; i++) {
            more[i] = w->list[i];
        }
        w->list = more;
        w->room = room;
    }
    w->list[w->count++] = (pc_entity_identity){namespace_code, id};
}

/* An object with `id`, and in the list's form `namespace`. */
static void read_item(walk *w, const char *namespace_code)
{
    pc_json_text key;
    const char *id = NULL;
    if (!enter_object(w)) {
        return;
    }
    while (pc_json_next_member(&w->reader, &key)) {
        if (pc_json_text_is(&key, "id")) {
            id = read_text(w);
        } else if (pc_json_text_is(&key, "namespace") && enter_object(w)) {
            while (pc_json_next_member(&w->reader, &key)) {
                if (pc_json_text_is(&key, "code")) {
                    namespace_code = read_text(w);
                } else {
                    (void)pc_json_skip(&w->reader, NULL);
                }
            }
        } else if (!pc_json_text_is(&key, "namespace")) {
            (void)pc_json_skip(&w->reader, NULL);
        }
    }
    add(w, namespace_code, id);
}

static void read_map(walk *w)
{
    pc_json_text key;
    if (!enter_object(w)) {
        return;
    }
    while (!w->out_of_memory && pc_json_next_member(&w->reader, &key)) {
        const char *namespace_code = copy(w, &key);
        if (pc_json_peek(&w->reader) == PC_JSON_OBJECT) {
            read_item(w, namespace_code);
        } else if (enter_array(w)) {
            while (pc_json_next_item(&w->reader)) {
                read_item(w, namespace_code);
            }
        }
    }
}

static void read_list(walk *w)
{
    if (!enter_array(w)) {
        return;
    }
    while (!w->out_of_memory && pc_json_next_item(&w->reader)) {
        read_item(w, NULL);
    }
}

pc_status pc_entity_identities(pc_entity_identity **out, size_t *count, pc_arena *arena,
                               const pc_json_range *entity)
{
    walk w = {.arena = arena};
    pc_json_text key;
    *out = NULL;
    *count = 0;
    if (entity->size == 0) {
        return PC_OK;
    }
    pc_json_reader_init(&w.reader, entity->bytes, entity->size, 0);
    if (pc_json_enter_object(&w.reader)) {
        while (!w.out_of_memory && pc_json_next_member(&w.reader, &key)) {
            if (pc_json_text_is(&key, "identityMap")) {
                read_map(&w);
            } else if (pc_json_text_is(&key, "identities")) {
                read_list(&w);
            } else {
                (void)pc_json_skip(&w.reader, NULL);
            }
        }
    }
    *out = w.list;
    *count = w.count;
    return w.out_of_memory ? pc_status_out_of_memory() : pc_json_status(&w.reader);
}
