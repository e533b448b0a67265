/* What the upstream wraps around profiles, events and audiences, read without building trees.
 * reference: the Entity API's answers (entities, events pages, audiences bulk-get).
 * All ranges and the text of entities borrow from the answer's bytes; texts are copied to the
 * arena. Every failure to read is INTERNAL UPSTREAM_BODY_UNREADABLE with a position.
 * Threads: one at a time. */
#ifndef PC_MAPPING_ENVELOPE_H
#define PC_MAPPING_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mapping/insights.h"
#include "mapping/json_reader.h"
#include "mapping/transcode.h"
#include "util/arena.h"
#include "util/buffer.h"
#include "util/status.h"

/* A moment since 1970-01-01 UTC. */
typedef struct {
    bool present;
    int64_t seconds;
    int32_t nanos;
} pc_moment;

/* One entry of an answer about entities. Texts are NUL-terminated and owned by the arena; absent
 * ones are "". */
typedef struct {
    const char *xid;                 /* the key of the entry, or `xid` of a batch error */
    const char *requested_id;        /* requestedIdentity.entityId; a number's digits */
    const char *requested_namespace; /* requestedIdentity.entityIdNS.code */
    const char *merge_policy_id;
    pc_json_range entity; /* the JSON object; size 0 when there is none */
    pc_json_range member; /* all of the entry, from its key on where it has one */
    pc_moment last_modified;
    bool placeholder; /* stands for "nothing known": an empty entity without a source or time */
    bool failed;      /* an error of this entry only */
    int error_status; /* its HTTP status, when given */
    bool too_many_identities; /* the error is about more linked identities than are served */
} pc_profile_envelope;

typedef struct {
    pc_json_reader reader;
    pc_arena *arena; /* borrowed */
    bool started;
    bool in_array; /* the batch form of errors: [{xid, error}] */
} pc_profile_iterator;

/* Starts over the answer to GET or POST /access/entities: an object keyed by XID, an array of
 * errors, or an object that mixes both. */
void pc_profile_iterator_init(pc_profile_iterator *iterator, pc_arena *arena, const uint8_t *bytes,
                              size_t size);

/* `*found` says whether `*out` holds another entry; false at the end. */
PC_NODISCARD pc_status pc_profile_iterator_next(pc_profile_iterator *iterator,
                                                pc_profile_envelope *out, bool *found);

/* The one profile of an answer about one identity; when there are several, the first that is no
 * placeholder. Errors: NOT_FOUND PROFILE_NOT_FOUND for no entry or only placeholders; UNAVAILABLE
 * UPSTREAM_ENTRY_FAILED when all there is is an entry's error other than 404. */
PC_NODISCARD pc_status pc_envelope_profile(pc_profile_envelope *out, pc_arena *arena,
                                           const uint8_t *bytes, size_t size);

/* The same, and appends the fields of the profile's entity, as pc_transcode does, in one walk over
 * the answer. `search` (may be NULL) is shown the entity's members. Errors besides: those of
 * pc_transcode; then `out` is as before. */
PC_NODISCARD pc_status pc_map_profile(pc_buffer *out, pc_profile_envelope *envelope,
                                      pc_insight_search *search, pc_arena *arena,
                                      const uint8_t *bytes, size_t size);

/* One event of a page. Ranges of JSON values, size 0 when absent. */
typedef struct {
    pc_json_range entity;           /* an object, or absent */
    pc_json_text entity_id;         /* bytes NULL when absent */
    pc_json_text related_entity_id; /* bytes NULL when absent */
    pc_moment timestamp;            /* of the envelope */
    pc_moment last_modified;
} pc_event_envelope;

/* A page of events, read over once. */
typedef struct {
    pc_json_range children;  /* the array; size 0 when there is none */
    const char *next_cursor; /* "" on the last page; arena */
    int64_t count;           /* as the page says; -1 when it does not */
} pc_event_page;

/* Errors: unreadable; out of memory. `{}` is an empty page. */
PC_NODISCARD pc_status pc_envelope_event_page(pc_event_page *out, pc_arena *arena,
                                              const uint8_t *bytes, size_t size);

typedef struct {
    pc_json_reader reader;
    bool started;
} pc_event_iterator;

/* Over the children of a page, without allocating. Children that are no objects are passed over. */
void pc_event_iterator_init(pc_event_iterator *iterator, const pc_event_page *page);
PC_NODISCARD pc_status pc_event_iterator_next(pc_event_iterator *iterator, pc_event_envelope *out,
                                              bool *found);

/* What pc_map_events found. */
typedef struct {
    size_t count;            /* events written */
    const char *next_cursor; /* "" on the last page; arena */
    pc_moment newest_last_modified;
} pc_event_summary;

/* Appends each event of a page as a field `field_number` of message ExperienceEvent, in the page's
 * order. `_id` and `timestamp` come from the envelope where the entity has none that could be read;
 * last_modified_time is the envelope's. Limits hold for the page as a whole. Errors: those of
 * pc_transcode; then `out` is as before. */
PC_NODISCARD pc_status pc_map_events(pc_buffer *out, pc_event_summary *summary, pc_arena *arena,
                                     const uint8_t *bytes, size_t size, uint32_t field_number,
                                     const pc_transcode_limits *limits);

/* What looks at each event while a page is mapped. */
typedef struct {
    pc_insight_search *search; /* is shown the members of each event's entity; borrowed */
    void *self;
    /* Behind each event; false ends the mapping as out of memory. When `index` is 0 what came
     * before does not count. */
    bool (*on_event)(void *self, size_t index);
} pc_event_watch;

/* As pc_map_events with default limits, with somebody looking on. */
PC_NODISCARD pc_status pc_map_watched_events(pc_buffer *out, pc_event_summary *summary,
                                             pc_arena *arena, const uint8_t *bytes, size_t size,
                                             uint32_t field_number, const pc_event_watch *watch);

/* One audience of a bulk-get. Arena texts; `name` and `description` are NULL for one that was not
 * found or has none. */
typedef struct {
    const char *id;
    const char *name;
    const char *description;
} pc_audience;

typedef struct {
    pc_json_reader reader;
    pc_arena *arena; /* borrowed */
    bool started;
} pc_audience_iterator;

/* Over the answer to POST /audiences/bulk-get: {"results": {id: {...}}}. */
void pc_audience_iterator_init(pc_audience_iterator *iterator, pc_arena *arena,
                               const uint8_t *bytes, size_t size);
PC_NODISCARD pc_status pc_audience_iterator_next(pc_audience_iterator *iterator, pc_audience *out,
                                                 bool *found);

#endif
