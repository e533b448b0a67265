/* Answers about profiles and audiences: one walk for each. The entities inside are passed over and
 * kept as ranges, or mapped on the way. */
#include <string.h>

#include "mapping/envelope_internal.h"
#include "mapping/numbers.h"
#include "mapping/transcode_internal.h"
#include "mapping_tables.h"

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
    if (!pc_envelope_enter_object(reader)) {
        return true;
    }
    while (memory && pc_json_next_member(reader, &key)) {
        if (pc_json_text_is(&key, "entityId")) {
            memory = pc_envelope_read_text(reader, arena, &out->requested_id);
        } else if (pc_json_text_is(&key, "entityIdNS") && pc_envelope_enter_object(reader)) {
            while (memory && pc_json_next_member(reader, &key)) {
                if (pc_json_text_is(&key, "code")) {
                    memory = pc_envelope_read_text(reader, arena, &out->requested_namespace);
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
    if (!pc_envelope_enter_array(reader)) {
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
    if (!pc_envelope_enter_object(reader)) {
        return true;
    }
    while (memory && pc_json_next_member(reader, &key)) {
        if (pc_json_text_is(&key, "statusCode")) {
            memory = pc_envelope_read_text(reader, arena, status);
        } else if (pc_json_text_is(&key, "message")) {
            memory = pc_envelope_read_text(reader, arena, &message);
        } else {
            (void)pc_json_skip(reader, NULL);
        }
    }
    out->too_many_identities = strncmp(message, too_many, sizeof too_many - 1) == 0;
    return memory;
}

/* False when out of memory or when `on_entity` (see pc_envelope_read_entity) says so. */
static bool read_entry(pc_json_reader *reader, pc_arena *arena, pc_profile_envelope *out,
                       pc_entity_reader on_entity, void *self)
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
            memory = pc_envelope_read_entity(reader, &out->entity, on_entity, self);
        } else if (pc_json_text_is(&key, "lastModifiedAt")) {
            out->last_modified = pc_envelope_read_moment(reader);
        } else if (pc_json_text_is(&key, "sources")) {
            sources_said = true;
            has_source = read_sources(reader);
        } else if (pc_json_text_is(&key, "mergePolicy")) {
            memory = pc_envelope_read_member_text(reader, arena, "id", &out->merge_policy_id);
        } else if (pc_json_text_is(&key, "requestedIdentity")) {
            memory = read_requested(reader, arena, out);
        } else if (pc_json_text_is(&key, "error")) {
            out->failed = pc_json_peek(reader) == PC_JSON_OBJECT;
            memory = read_error(reader, arena, out, &status);
        } else if (pc_json_text_is(&key, "xid") && out->xid[0] == 0) {
            memory = pc_envelope_read_text(reader, arena, &out->xid);
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
                            pc_entity_reader on_entity, void *self)
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
        out->xid = pc_envelope_copy_text(iterator->arena, &key);
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
    return pc_envelope_ended(reader, memory);
}

pc_status pc_profile_iterator_next(pc_profile_iterator *iterator, pc_profile_envelope *out,
                                   bool *found)
{
    return next_entry(iterator, out, found, NULL, NULL);
}

/* `on_entity` is called for the entities of entries until one is chosen, which is the last that it
 * was called for, if it has an entity. */
static pc_status choose_profile(pc_profile_envelope *out, pc_arena *arena, const uint8_t *bytes,
                                size_t size, pc_entity_reader on_entity, void *self)
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
    /* Why an entity could not be mapped says more than that the walk pc_envelope_ended there. */
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
    if (!pc_envelope_enter_object(reader)) {
        return true;
    }
    while (memory && pc_json_next_member(reader, &key)) {
        if (pc_json_text_is(&key, "name")) {
            memory = pc_envelope_read_text(reader, arena, &out->name);
        } else if (pc_json_text_is(&key, "description")) {
            memory = pc_envelope_read_text(reader, arena, &out->description);
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
                (void)pc_envelope_enter_object(reader);
            } else {
                (void)pc_json_skip(reader, NULL);
            }
            continue;
        }
        *out = (pc_audience){.id = pc_envelope_copy_text(iterator->arena, &key)};
        memory = out->id != NULL && read_audience(reader, iterator->arena, out);
        if (memory && !reader->failed) {
            *found = true;
            return PC_OK;
        }
    }
    if (memory && !reader->failed) {
        (void)pc_json_finish(reader);
    }
    return pc_envelope_ended(reader, memory);
}
