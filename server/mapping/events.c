/* Pages of events: one walk, in which the entities are passed over and kept as ranges, or mapped on
 * the way. */
#include <string.h>

#include "mapping/envelope_internal.h"
#include "mapping/numbers.h"
#include "mapping/transcode_internal.h"
#include "mapping/wire.h"
#include "mapping_tables.h"

/* Fields of ExperienceEvent that come from the envelope; see event.proto. */
enum { EVENT_ID = 1, EVENT_TIMESTAMP = 2, EVENT_LAST_MODIFIED_TIME = 60 };

static bool later(const pc_moment *a, const pc_moment *b)
{
    return a->present && (!b->present || a->seconds > b->seconds ||
                          (a->seconds == b->seconds && a->nanos > b->nanos));
}

/* For `on_entity` see pc_envelope_read_entity. */
static bool read_event(pc_json_reader *reader, pc_event_envelope *out, pc_entity_reader on_entity,
                       void *self)
{
    *out = (pc_event_envelope){0};
    pc_json_text key;
    if (!pc_json_enter_object(reader)) {
        return false;
    }
    while (pc_json_next_member(reader, &key)) {
        pc_json_text *text = pc_json_text_is(&key, "entityId")          ? &out->entity_id
                             : pc_json_text_is(&key, "relatedEntityId") ? &out->related_entity_id
                                                                        : NULL;
        if (pc_json_text_is(&key, "entity")) {
            if (!pc_envelope_read_entity(reader, &out->entity, on_entity, self)) {
                return false;
            }
        } else if (pc_json_text_is(&key, "timestamp")) {
            out->timestamp = pc_envelope_read_moment(reader);
        } else if (pc_json_text_is(&key, "lastModifiedAt")) {
            out->last_modified = pc_envelope_read_moment(reader);
        } else if (text != NULL && pc_json_peek(reader) == PC_JSON_STRING) {
            (void)pc_json_read_string(reader, text);
        } else {
            (void)pc_json_skip(reader, NULL);
        }
    }
    return !reader->failed;
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The value of the query parameter `start` of a link, decoded in place. */
static const char *cursor_of_link(char *href)
{
    char *query = strchr(href, '?');
    while (query != NULL && strncmp(query + 1, "start=", 6) != 0) {
        query = strchr(query + 1, '&');
    }
    if (query == NULL) {
        return "";
    }
    char *start = query + 7;
    char *to = start;
    for (char *from = start; *from != 0 && *from != '&'; from++) {
        if (*from == '%' && hex_value(from[1]) >= 0 && hex_value(from[2]) >= 0) {
            *to++ = (char)(hex_value(from[1]) * 16 + hex_value(from[2]));
            from += 2;
        } else {
            *to++ = *from;
        }
    }
    *to = 0;
    return start;
}

typedef struct {
    bool said; /* _page.next was there, if only to say that this is the last page */
    char *href;
    bool memory;
} page_state;

static void read_page_head(pc_json_reader *reader, pc_arena *arena, pc_event_page *out,
                           page_state *state)
{
    pc_json_text key;
    if (!pc_envelope_enter_object(reader)) {
        return;
    }
    while (state->memory && pc_json_next_member(reader, &key)) {
        pc_json_range number;
        int64_t count;
        if (pc_json_text_is(&key, "next")) {
            state->said = pc_json_peek(reader) == PC_JSON_STRING;
            out->next_cursor = "";
            state->memory = pc_envelope_read_text(reader, arena, &out->next_cursor);
        } else if (pc_json_text_is(&key, "count") && pc_json_peek(reader) == PC_JSON_NUMBER) {
            if (pc_json_read_number(reader, &number) &&
                pc_number_integer(number.bytes, number.size, 0, INT64_MAX, &count) !=
                    PC_READING_NONE) {
                out->count = count;
            }
        } else {
            (void)pc_json_skip(reader, NULL);
        }
    }
}

static void read_links(pc_json_reader *reader, pc_arena *arena, page_state *state)
{
    pc_json_text key;
    if (!pc_envelope_enter_object(reader)) {
        return;
    }
    while (state->memory && pc_json_next_member(reader, &key)) {
        const char *href = NULL;
        if (!pc_json_text_is(&key, "next")) {
            (void)pc_json_skip(reader, NULL);
            continue;
        }
        state->memory = pc_envelope_read_member_text(reader, arena, "href", &href);
        state->href = href == NULL ? NULL : pc_arena_strndup(arena, href, strlen(href));
        state->memory = state->memory && (href == NULL || state->href != NULL);
    }
}

/* Walks a page. `on_children` is called at the value of `children`, moves past it and returns
 * whether to go on. */
static pc_status read_page(pc_event_page *out, pc_arena *arena, pc_json_reader *reader,
                           bool (*on_children)(pc_json_reader *reader, void *self), void *self)
{
    page_state state = {.memory = true};
    *out = (pc_event_page){.next_cursor = "", .count = -1};
    if (pc_json_enter_object(reader)) {
        pc_json_text key;
        bool go_on = true;
        while (go_on && state.memory && pc_json_next_member(reader, &key)) {
            if (pc_json_text_is(&key, "children")) {
                go_on = on_children(reader, self);
            } else if (pc_json_text_is(&key, "_page")) {
                read_page_head(reader, arena, out, &state);
            } else if (pc_json_text_is(&key, "_links")) {
                read_links(reader, arena, &state);
            } else {
                (void)pc_json_skip(reader, NULL);
            }
        }
        if (go_on && state.memory && !reader->failed) {
            (void)pc_json_finish(reader);
        }
    }
    if (!state.said && state.href != NULL) {
        out->next_cursor = cursor_of_link(state.href);
    }
    return pc_envelope_ended(reader, state.memory);
}

static bool note_children(pc_json_reader *reader, void *self)
{
    pc_json_range *children = self;
    bool array = pc_json_peek(reader) == PC_JSON_ARRAY;
    *children = (pc_json_range){0};
    if (!pc_json_skip(reader, children) || !array) {
        *children = (pc_json_range){0};
    }
    return true;
}

pc_status pc_envelope_event_page(pc_event_page *out, pc_arena *arena, const uint8_t *bytes,
                                 size_t size)
{
    pc_json_reader reader;
    pc_json_range children = {0};
    pc_json_reader_init(&reader, bytes, size, 0);
    pc_status status = read_page(out, arena, &reader, note_children, &children);
    out->children = children;
    return status;
}

void pc_event_iterator_init(pc_event_iterator *iterator, const pc_event_page *page)
{
    *iterator = (pc_event_iterator){.started = false};
    pc_json_reader_init(&iterator->reader, page->children.bytes, page->children.size, 0);
}

pc_status pc_event_iterator_next(pc_event_iterator *iterator, pc_event_envelope *out, bool *found)
{
    pc_json_reader *reader = &iterator->reader;
    *found = false;
    if (reader->size == 0) {
        return PC_OK;
    }
    if (!iterator->started) {
        iterator->started = true;
        (void)pc_json_enter_array(reader);
    }
    while (reader->at < reader->size && pc_json_next_item(reader)) {
        if (pc_json_peek(reader) != PC_JSON_OBJECT) {
            (void)pc_json_skip(reader, NULL);
        } else if (read_event(reader, out, NULL, NULL)) {
            *found = true;
            break;
        }
    }
    return pc_json_status(reader);
}

typedef struct {
    pc_transcoder transcoder;
    const pc_event_watch *watch; /* NULL: nobody looks on */
    pc_event_summary *summary;
    uint32_t field_number;
    size_t start;  /* of the first event in the output */
    size_t entity; /* of the present event's fields */
    pc_status status;
} event_mapping;

static void put_moment(pc_buffer *out, uint32_t number, const pc_moment *moment)
{
    if (moment->present) {
        pc_wire_put_timestamp(out, number, moment->seconds, moment->nanos);
    }
}

/* At an event's entity: of several, which would be one too many, the last counts. */
static bool put_entity(pc_json_reader *reader, void *self)
{
    event_mapping *m = self;
    m->transcoder.out->size = m->entity;
    m->status = pc_transcoder_run_here(&m->transcoder, reader, &pc_table_ExperienceEvent);
    return pc_status_ok(&m->status);
}

/* What the envelope knows and the entity does not say. */
static void put_rest(event_mapping *m, const pc_event_envelope *event)
{
    pc_buffer *out = m->transcoder.out;
    bool has_id = false;
    bool has_timestamp = false;
    pc_wire_reader reader;
    pc_wire_field field;
    pc_wire_reader_init(&reader, out->bytes + m->entity, out->size - m->entity);
    while (pc_wire_next(&reader, &field)) {
        has_id |= field.number == EVENT_ID;
        has_timestamp |= field.number == EVENT_TIMESTAMP;
    }
    if (!has_id && event->entity_id.bytes != NULL) {
        pc_transcoder_put_text(&m->transcoder, EVENT_ID, &event->entity_id);
    }
    if (!has_timestamp) {
        put_moment(out, EVENT_TIMESTAMP, &event->timestamp);
    }
    put_moment(out, EVENT_LAST_MODIFIED_TIME, &event->last_modified);
    m->summary->count++;
    if (later(&event->last_modified, &m->summary->newest_last_modified)) {
        m->summary->newest_last_modified = event->last_modified;
    }
}

static bool map_children(pc_json_reader *reader, void *self)
{
    event_mapping *m = self;
    /* A second `children` takes the place of the first. */
    m->transcoder.out->size = m->start;
    *m->summary = (pc_event_summary){.next_cursor = ""};
    if (!pc_envelope_enter_array(reader)) {
        return true;
    }
    while (pc_json_next_item(reader)) {
        pc_event_envelope event;
        if (pc_json_peek(reader) != PC_JSON_OBJECT) {
            (void)pc_json_skip(reader, NULL);
        } else {
            if (m->transcoder.search != NULL) {
                pc_insight_search_restart(m->transcoder.search);
            }
            size_t mark = pc_wire_begin(m->transcoder.out, m->field_number);
            m->entity = m->transcoder.out->size;
            bool read =
                pc_transcoder_count(&m->transcoder) && read_event(reader, &event, put_entity, m);
            if (read) {
                put_rest(m, &event);
                pc_wire_end(m->transcoder.out, mark);
            }
            if (!read || !pc_transcoder_good(&m->transcoder)) {
                return false;
            }
            if (m->watch != NULL && !m->watch->on_event(m->watch->self, m->summary->count - 1)) {
                m->status = pc_status_out_of_memory();
                return false;
            }
        }
    }
    return true;
}

static pc_status map_events(pc_buffer *out, pc_event_summary *summary, pc_arena *arena,
                            const uint8_t *bytes, size_t size, uint32_t field_number,
                            const pc_transcode_limits *limits, const pc_event_watch *watch)
{
    event_mapping m = {
        .summary = summary, .watch = watch, .field_number = field_number, .start = out->size};
    pc_event_page page;
    pc_json_reader reader;
    *summary = (pc_event_summary){.next_cursor = ""};
    pc_json_reader_init(&reader, bytes, size, limits == NULL ? 0 : limits->depth_max);
    pc_transcoder_init(&m.transcoder, out, limits);
    m.transcoder.search = watch == NULL ? NULL : watch->search;
    pc_status status = read_page(&page, arena, &reader, map_children, &m);
    /* Why an event could not be mapped says more than that the page's walk pc_envelope_ended there.
     */
    if (!pc_status_ok(&m.status)) {
        pc_status_clear(&status);
        status = m.status;
        m.status = PC_OK;
    }
    if (pc_status_ok(&status)) {
        status = pc_transcoder_status(&m.transcoder);
    }
    pc_status_clear(&m.status);
    pc_transcoder_deinit(&m.transcoder);
    if (!pc_status_ok(&status)) {
        out->size = m.start;
        *summary = (pc_event_summary){.next_cursor = ""};
        return status;
    }
    summary->next_cursor = page.next_cursor;
    return PC_OK;
}

pc_status pc_map_events(pc_buffer *out, pc_event_summary *summary, pc_arena *arena,
                        const uint8_t *bytes, size_t size, uint32_t field_number,
                        const pc_transcode_limits *limits)
{
    return map_events(out, summary, arena, bytes, size, field_number, limits, NULL);
}

pc_status pc_map_watched_events(pc_buffer *out, pc_event_summary *summary, pc_arena *arena,
                                const uint8_t *bytes, size_t size, uint32_t field_number,
                                const pc_event_watch *watch)
{
    return map_events(out, summary, arena, bytes, size, field_number, NULL, watch);
}
