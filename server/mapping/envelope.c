/* One walk per answer. The entities inside are passed over and kept as ranges, or mapped on the
 * way.
 */
#include "mapping/envelope.h"

#include <string.h>

#include "mapping/numbers.h"
#include "mapping/times.h"
#include "mapping/transcode_internal.h"
#include "mapping/wire.h"
#include "mapping_tables.h"

/* Fields of ExperienceEvent that come from the envelope; see event.proto. */
enum { EVENT_ID = 1, EVENT_TIMESTAMP = 2, EVENT_LAST_MODIFIED_TIME = 60 };

/* Milliseconds that a google.protobuf.Timestamp can hold: the years 1 to 9999. */
#define FIRST_MS INT64_C(-62135596800000)
#define LAST_MS INT64_C(253402300799999)

/* ---- parts --------------------------------------------------------------------------------- */

/* A NUL-terminated copy; NULL when out of memory. */
static char *copy_text(pc_arena *arena, const pc_json_text *text)
{
    if (text->plain) {
        return pc_arena_strndup(arena, (const char *)text->bytes, text->size);
    }
    if (text->size > (SIZE_MAX - 1) / 3) {
        return NULL;
    }
    uint8_t *copy = pc_arena_alloc(arena, text->size * 3 + 1);
    if (copy != NULL) {
        copy[pc_json_text_decode(text, copy)] = 0;
    }
    return (char *)copy;
}

/* Reads a string, or the digits of a number, into the arena; what is neither is passed over and
 * leaves `*out` alone. False when out of memory. */
static bool read_text(pc_json_reader *reader, pc_arena *arena, const char **out)
{
    pc_json_text text;
    pc_json_range number;
    switch (pc_json_peek(reader)) {
    case PC_JSON_STRING:
        if (!pc_json_read_string(reader, &text)) {
            return true;
        }
        break;
    case PC_JSON_NUMBER:
        if (!pc_json_read_number(reader, &number)) {
            return true;
        }
        text = (pc_json_text){.bytes = number.bytes, .size = number.size, .plain = true};
        break;
    default:
        (void)pc_json_skip(reader, NULL);
        return true;
    }
    const char *copy = copy_text(arena, &text);
    if (copy == NULL) {
        return false;
    }
    *out = copy;
    return true;
}

/* Reads a time in text, or milliseconds; what is neither is passed over as absent. */
static pc_moment read_moment(pc_json_reader *reader)
{
    pc_moment moment = {0};
    pc_json_text text;
    pc_json_range number;
    int64_t ms;
    switch (pc_json_peek(reader)) {
    case PC_JSON_STRING:
        if (pc_json_read_string(reader, &text) && text.plain) {
            moment.present = pc_time_read(text.bytes, text.size, &moment.seconds, &moment.nanos) !=
                             PC_READING_NONE;
        }
        break;
    case PC_JSON_NUMBER:
        if (pc_json_read_number(reader, &number) &&
            pc_number_integer(number.bytes, number.size, FIRST_MS, LAST_MS, &ms) !=
                PC_READING_NONE) {
            int64_t rest = ms % 1000;
            rest += rest < 0 ? 1000 : 0;
            moment = (pc_moment){
                .present = true, .seconds = (ms - rest) / 1000, .nanos = (int32_t)rest * 1000000};
        }
        break;
    default:
        (void)pc_json_skip(reader, NULL);
        break;
    }
    return moment;
}

static bool later(const pc_moment *a, const pc_moment *b)
{
    return a->present && (!b->present || a->seconds > b->seconds ||
                          (a->seconds == b->seconds && a->nanos > b->nanos));
}

/* Enters an object, or passes over anything else and returns false. */
static bool enter_object(pc_json_reader *reader)
{
    if (pc_json_peek(reader) == PC_JSON_OBJECT) {
        return pc_json_enter_object(reader);
    }
    (void)pc_json_skip(reader, NULL);
    return false;
}

static bool enter_array(pc_json_reader *reader)
{
    if (pc_json_peek(reader) == PC_JSON_ARRAY) {
        return pc_json_enter_array(reader);
    }
    (void)pc_json_skip(reader, NULL);
    return false;
}

static pc_status ended(pc_json_reader *reader, bool memory)
{
    return memory ? pc_json_status(reader) : pc_status_out_of_memory();
}

/* ---- profiles ------------------------------------------------------------------------------ */

void pc_profile_iterator_init(pc_profile_iterator *iterator, pc_arena *arena, const uint8_t *bytes,
                              size_t size)
{
    *iterator = (pc_profile_iterator){.arena = arena};
    pc_json_reader_init(&iterator->reader, bytes, size, 0);
}

static bool read_requested(pc_json_reader *reader, pc_arena *arena, pc_profile_envelope *out)
{
    bool memory = true;
    pc_json_text key;
    if (!enter_object(reader)) {
        return true;
    }
    while (memory && pc_json_next_member(reader, &key)) {
        if (pc_json_text_is(&key, "entityId")) {
            memory = read_text(reader, arena, &out->requested_id);
        } else if (pc_json_text_is(&key, "entityIdNS") && enter_object(reader)) {
            while (memory && pc_json_next_member(reader, &key)) {
                if (pc_json_text_is(&key, "code")) {
                    memory = read_text(reader, arena, &out->requested_namespace);
                } else {
                    (void)pc_json_skip(reader, NULL);
                }
            }
        } else if (!pc_json_text_is(&key, "entityIdNS")) {
            (void)pc_json_skip(reader, NULL);
        }
    }
    return memory;
}

/* Whether an array names at least one source. Placeholders have one empty text. */
static bool read_sources(pc_json_reader *reader)
{
    bool any = false;
    if (!enter_array(reader)) {
        return false;
    }
    while (pc_json_next_item(reader)) {
        pc_json_text text;
        if (pc_json_peek(reader) == PC_JSON_STRING) {
            any |= pc_json_read_string(reader, &text) && text.size > 0;
        } else {
            (void)pc_json_skip(reader, NULL);
        }
    }
    return any;
}

/* An object with one text of interest, such as mergePolicy.id. */
static bool read_member_text(pc_json_reader *reader, pc_arena *arena, const char *name,
                             const char **out)
{
    bool memory = true;
    pc_json_text key;
    if (!enter_object(reader)) {
        return true;
    }
    while (memory && pc_json_next_member(reader, &key)) {
        if (pc_json_text_is(&key, name)) {
            memory = read_text(reader, arena, out);
        } else {
            (void)pc_json_skip(reader, NULL);
        }
    }
    return memory;
}

/* Whether an object has any member. */
static bool is_filled(const pc_json_range *object)
{
    pc_json_reader reader;
    pc_json_text key;
    pc_json_reader_init(&reader, object->bytes, object->size, PC_JSON_DEPTH_MAX);
    return object->size > 0 && pc_json_enter_object(&reader) && pc_json_next_member(&reader, &key);
}

/* The error of an entry: its status, and what its message begins with where that matters. */
static bool read_error(pc_json_reader *reader, pc_arena *arena, pc_profile_envelope *out,
                       const char **status)
{
    static const char too_many[] = "Too many related identities";
    bool memory = true;
    const char *message = "";
    pc_json_text key;
    if (!enter_object(reader)) {
        return true;
    }
    while (memory && pc_json_next_member(reader, &key)) {
        if (pc_json_text_is(&key, "statusCode")) {
            memory = read_text(reader, arena, status);
        } else if (pc_json_text_is(&key, "message")) {
            memory = read_text(reader, arena, &message);
        } else {
            (void)pc_json_skip(reader, NULL);
        }
    }
    out->too_many_identities = strncmp(message, too_many, sizeof too_many - 1) == 0;
    return memory;
}

/* Moves past an entity, which is an object; false when it could not. */
typedef bool (*entity_reader)(pc_json_reader *reader, void *self);

/* Reads the value of `entity`: its range when it is an object, given to `on_entity` if that is not
 * NULL and passed over else. False when `on_entity` says so. */
static bool read_entity(pc_json_reader *reader, pc_json_range *out, entity_reader on_entity,
                        void *self)
{
    bool object = pc_json_peek(reader) == PC_JSON_OBJECT;
    pc_json_range range;
    *out = (pc_json_range){0};
    if (object && on_entity != NULL) {
        size_t start = reader->at;
        if (!on_entity(reader, self)) {
            return false;
        }
        *out = (pc_json_range){.bytes = reader->bytes + start, .size = reader->at - start};
    } else if (pc_json_skip(reader, &range) && object) {
        *out = range;
    }
    return true;
}

/* False when out of memory or when `on_entity` (see read_entity) says so. */
static bool read_entry(pc_json_reader *reader, pc_arena *arena, pc_profile_envelope *out,
                       entity_reader on_entity, void *self)
{
    bool memory = true;
    bool sources_said = false;
    bool has_source = false;
    const char *status = "";
    pc_json_text key;
    if (!pc_json_enter_object(reader)) {
        return true;
    }
    while (memory && pc_json_next_member(reader, &key)) {
        if (pc_json_text_is(&key, "entity")) {
            memory = read_entity(reader, &out->entity, on_entity, self);
        } else if (pc_json_text_is(&key, "lastModifiedAt")) {
            out->last_modified = read_moment(reader);
        } else if (pc_json_text_is(&key, "sources")) {
            sources_said = true;
            has_source = read_sources(reader);
        } else if (pc_json_text_is(&key, "mergePolicy")) {
            memory = read_member_text(reader, arena, "id", &out->merge_policy_id);
        } else if (pc_json_text_is(&key, "requestedIdentity")) {
            memory = read_requested(reader, arena, out);
        } else if (pc_json_text_is(&key, "error")) {
            out->failed = pc_json_peek(reader) == PC_JSON_OBJECT;
            memory = read_error(reader, arena, out, &status);
        } else if (pc_json_text_is(&key, "xid") && out->xid[0] == 0) {
            memory = read_text(reader, arena, &out->xid);
        } else {
            (void)pc_json_skip(reader, NULL);
        }
    }
    int64_t number;
    if (pc_number_valid((const uint8_t *)status, strlen(status)) &&
        pc_number_integer((const uint8_t *)status, strlen(status), 100, 599, &number) !=
            PC_READING_NONE) {
        out->error_status = (int)number;
    }
    /* An empty entity also comes from `fields` that match nothing; then there are sources and a
     * time of change. */
    bool epoch = out->last_modified.present && out->last_modified.seconds == 0;
    bool changed = out->last_modified.present && out->last_modified.seconds != 0;
    out->placeholder = !out->failed && !is_filled(&out->entity) &&
                       (epoch || (sources_said ? !has_source : !changed));
    return memory;
}

static pc_status next_entry(pc_profile_iterator *iterator, pc_profile_envelope *out, bool *found,
                            entity_reader on_entity, void *self)
{
    pc_json_reader *reader = &iterator->reader;
    bool memory = true;
    *found = false;
    if (!iterator->started) {
        iterator->started = true;
        iterator->in_array = pc_json_peek(reader) == PC_JSON_ARRAY;
        (void)(iterator->in_array ? pc_json_enter_array(reader) : pc_json_enter_object(reader));
    }
    pc_json_text key = {.bytes = (const uint8_t *)"", .plain = true};
    while (memory &&
           (iterator->in_array ? pc_json_next_item(reader) : pc_json_next_member(reader, &key))) {
        if (pc_json_peek(reader) != PC_JSON_OBJECT) {
            (void)pc_json_skip(reader, NULL);
            continue;
        }
        *out = (pc_profile_envelope){
            .requested_id = "", .requested_namespace = "", .merge_policy_id = ""};
        out->xid = copy_text(iterator->arena, &key);
        /* The text of a key is behind its quotation mark. */
        const uint8_t *begin = iterator->in_array ? reader->bytes + reader->at : key.bytes - 1;
        memory = out->xid != NULL && read_entry(reader, iterator->arena, out, on_entity, self);
        if (memory && !reader->failed) {
            out->member = (pc_json_range){begin, (size_t)(reader->bytes + reader->at - begin)};
            *found = true;
            return PC_OK;
        }
    }
    if (memory && !reader->failed) {
        (void)pc_json_finish(reader);
    }
    return ended(reader, memory);
}

pc_status pc_profile_iterator_next(pc_profile_iterator *iterator, pc_profile_envelope *out,
                                   bool *found)
{
    return next_entry(iterator, out, found, NULL, NULL);
}

/* `on_entity` is called for the entities of entries until one is chosen, which is the last that it
 * was called for, if it has an entity. */
static pc_status choose_profile(pc_profile_envelope *out, pc_arena *arena, const uint8_t *bytes,
                                size_t size, entity_reader on_entity, void *self)
{
    pc_profile_iterator iterator;
    bool have = false;
    int error_status = 0;
    pc_profile_iterator_init(&iterator, arena, bytes, size);
    for (;;) {
        pc_profile_envelope entry;
        bool found;
        pc_status status = next_entry(&iterator, &entry, &found, have ? NULL : on_entity, self);
        if (!pc_status_ok(&status)) {
            return status;
        }
        if (!found) {
            break;
        }
        if (entry.failed) {
            error_status = entry.error_status;
        } else if (!have && !entry.placeholder) {
            *out = entry;
            have = true;
        }
    }
    if (have) {
        return PC_OK;
    }
    if (error_status != 0 && error_status != 404) {
        return pc_status_new(PC_CODE_UNAVAILABLE, "UPSTREAM_ENTRY_FAILED",
                             "the upstream failed for this entity with status %d", error_status);
    }
    return pc_status_new(PC_CODE_NOT_FOUND, "PROFILE_NOT_FOUND",
                         "the upstream has no profile for this identity");
}

pc_status pc_envelope_profile(pc_profile_envelope *out, pc_arena *arena, const uint8_t *bytes,
                              size_t size)
{
    return choose_profile(out, arena, bytes, size, NULL, NULL);
}

typedef struct {
    pc_transcoder transcoder;
    size_t start; /* in the output */
    pc_status status;
} profile_mapping;

/* Of several entities the last counts; see choose_profile. */
static bool put_profile(pc_json_reader *reader, void *self)
{
    profile_mapping *m = self;
    m->transcoder.out->size = m->start;
    m->status = pc_transcoder_run_here(&m->transcoder, reader, &pc_table_Profile);
    return pc_status_ok(&m->status);
}

pc_status pc_map_profile(pc_buffer *out, pc_profile_envelope *envelope, pc_insight_search *search,
                         pc_arena *arena, const uint8_t *bytes, size_t size)
{
    profile_mapping m = {.start = out->size};
    pc_transcoder_init(&m.transcoder, out, NULL);
    m.transcoder.search = search;
    pc_status status = choose_profile(envelope, arena, bytes, size, put_profile, &m);
    if (pc_status_ok(&status) && envelope->entity.size == 0) {
        status = pc_status_new(PC_CODE_INTERNAL, "UPSTREAM_BODY_UNREADABLE",
                               "the upstream's answer has an entry without an entity");
    }
    /* Why an entity could not be mapped says more than that the walk ended there. */
    if (!pc_status_ok(&m.status)) {
        pc_status_clear(&status);
        status = m.status;
    }
    if (!pc_status_ok(&status)) {
        out->size = m.start;
    }
    pc_transcoder_deinit(&m.transcoder);
    return status;
}

/* ---- events -------------------------------------------------------------------------------- */

/* For `on_entity` see read_entity. */
static bool read_event(pc_json_reader *reader, pc_event_envelope *out, entity_reader on_entity,
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
            if (!read_entity(reader, &out->entity, on_entity, self)) {
                return false;
            }
        } else if (pc_json_text_is(&key, "timestamp")) {
            out->timestamp = read_moment(reader);
        } else if (pc_json_text_is(&key, "lastModifiedAt")) {
            out->last_modified = read_moment(reader);
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
    if (!enter_object(reader)) {
        return;
    }
    while (state->memory && pc_json_next_member(reader, &key)) {
        pc_json_range number;
        int64_t count;
        if (pc_json_text_is(&key, "next")) {
            state->said = pc_json_peek(reader) == PC_JSON_STRING;
            out->next_cursor = "";
            state->memory = read_text(reader, arena, &out->next_cursor);
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
    if (!enter_object(reader)) {
        return;
    }
    while (state->memory && pc_json_next_member(reader, &key)) {
        const char *href = NULL;
        if (!pc_json_text_is(&key, "next")) {
            (void)pc_json_skip(reader, NULL);
            continue;
        }
        state->memory = read_member_text(reader, arena, "href", &href);
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
    return ended(reader, state.memory);
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
    if (!enter_array(reader)) {
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
    /* Why an event could not be mapped says more than that the page's walk ended there. */
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

/* ---- audiences ----------------------------------------------------------------------------- */

void pc_audience_iterator_init(pc_audience_iterator *iterator, pc_arena *arena,
                               const uint8_t *bytes, size_t size)
{
    *iterator = (pc_audience_iterator){.arena = arena};
    pc_json_reader_init(&iterator->reader, bytes, size, 0);
}

static bool read_audience(pc_json_reader *reader, pc_arena *arena, pc_audience *out)
{
    bool memory = true;
    pc_json_text key;
    if (!enter_object(reader)) {
        return true;
    }
    while (memory && pc_json_next_member(reader, &key)) {
        if (pc_json_text_is(&key, "name")) {
            memory = read_text(reader, arena, &out->name);
        } else if (pc_json_text_is(&key, "description")) {
            memory = read_text(reader, arena, &out->description);
        } else {
            (void)pc_json_skip(reader, NULL);
        }
    }
    return memory;
}

pc_status pc_audience_iterator_next(pc_audience_iterator *iterator, pc_audience *out, bool *found)
{
    pc_json_reader *reader = &iterator->reader;
    pc_json_text key;
    bool memory = true;
    *found = false;
    if (!iterator->started) {
        iterator->started = true;
        (void)pc_json_enter_object(reader);
    }
    /* Depth 1 is the answer itself, depth 2 its results. */
    while (memory && !reader->failed && reader->depth > 0) {
        if (!pc_json_next_member(reader, &key)) {
            continue;
        }
        if (reader->depth == 1) {
            if (pc_json_text_is(&key, "results")) {
                (void)enter_object(reader);
            } else {
                (void)pc_json_skip(reader, NULL);
            }
            continue;
        }
        *out = (pc_audience){.id = copy_text(iterator->arena, &key)};
        memory = out->id != NULL && read_audience(reader, iterator->arena, out);
        if (memory && !reader->failed) {
            *found = true;
            return PC_OK;
        }
    }
    if (memory && !reader->failed) {
        (void)pc_json_finish(reader);
    }
    return ended(reader, memory);
}
