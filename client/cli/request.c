/* Requests from the command line. */
#include "request.h"

#include <stdlib.h>
#include <string.h>

/* protobuf-c's structs know no const, though a request is only read. */
static char *borrow(const char *text)
{
    union {
        const char *in;
        char *out;
    } both = {.in = text};
    return both.out;
}

/* Splits "a,b" into paths. */
static bool split_mask(request_parts *parts, const char *text)
{
    size_t most = 1;
    for (const char *at = text; *at != '\0'; at++) {
        most += *at == ',';
    }
    parts->mask_text = strdup(text);
    parts->mask.paths = calloc(most, sizeof *parts->mask.paths);
    if (parts->mask_text == NULL || parts->mask.paths == NULL) {
        return false;
    }
    char *rest = parts->mask_text;
    for (char *path = strsep(&rest, ","); path != NULL; path = strsep(&rest, ",")) {
        if (*path != '\0') {
            parts->mask.paths[parts->mask.n_paths++] = path;
        }
    }
    return true;
}

bool request_parts_init(request_parts *parts, const options *from)
{
    google__protobuf__field_mask__init(&parts->mask);
    google__protobuf__duration__init(&parts->staleness);
    google__protobuf__timestamp__init(&parts->since);
    google__protobuf__timestamp__init(&parts->until);
    profilecontext__v1__identity__init(&parts->identity);
    parts->mask_text = NULL;
    parts->identity.namespace_ = borrow(from->person.namespace_code);
    parts->identity.id = borrow(from->person.id);
    parts->staleness.seconds = from->max_staleness_ms / 1000;
    parts->staleness.nanos = (int32_t)(from->max_staleness_ms % 1000) * 1000000;
    parts->since.seconds = from->since_ms / 1000;
    parts->since.nanos = (int32_t)(from->since_ms % 1000) * 1000000;
    parts->until.seconds = from->until_ms / 1000;
    parts->until.nanos = (int32_t)(from->until_ms % 1000) * 1000000;
    return from->mask == NULL || split_mask(parts, from->mask);
}

void request_parts_deinit(request_parts *parts)
{
    free(parts->mask.paths);
    free(parts->mask_text);
}

/* What all requests have, under the same names in different structs. */
#define FILL_COMMON(out, parts, from, PERSON)                                                      \
    do {                                                                                           \
        if ((from)->person.by_xid) {                                                               \
            (out)->person_case = PERSON##_XID;                                                     \
            (out)->xid = borrow((from)->person.id);                                                \
        } else {                                                                                   \
            (out)->person_case = PERSON##_IDENTITY;                                                \
            (out)->identity = &(parts)->identity;                                                  \
        }                                                                                          \
        (out)->sandbox = borrow((from)->sandbox);                                                  \
        (out)->merge_policy_id = borrow((from)->merge_policy);                                     \
        (out)->max_staleness = (from)->max_staleness_ms >= 0 ? &(parts)->staleness : NULL;         \
    } while (0)

void request_context(Profilecontext__V1__GetContextRequest *out, request_parts *parts,
                     const options *from)
{
    profilecontext__v1__get_context_request__init(out);
    FILL_COMMON(out, parts, from, PROFILECONTEXT__V1__GET_CONTEXT_REQUEST__PERSON);
    out->read_mask = parts->mask.n_paths > 0 ? &parts->mask : NULL;
    out->event_start_time = from->since_ms >= 0 ? &parts->since : NULL;
}

void request_profile(Profilecontext__V1__GetProfileRequest *out, request_parts *parts,
                     const options *from)
{
    profilecontext__v1__get_profile_request__init(out);
    FILL_COMMON(out, parts, from, PROFILECONTEXT__V1__GET_PROFILE_REQUEST__PERSON);
    out->read_mask = parts->mask.n_paths > 0 ? &parts->mask : NULL;
}

void request_events(Profilecontext__V1__ListEventsRequest *out, request_parts *parts,
                    const options *from)
{
    profilecontext__v1__list_events_request__init(out);
    FILL_COMMON(out, parts, from, PROFILECONTEXT__V1__LIST_EVENTS_REQUEST__PERSON);
    out->read_mask = parts->mask.n_paths > 0 ? &parts->mask : NULL;
    out->page_size = from->page_size;
    out->page_token = borrow(from->page_token == NULL ? "" : from->page_token);
    out->start_time = from->since_ms >= 0 ? &parts->since : NULL;
    out->end_time = from->until_ms >= 0 ? &parts->until : NULL;
    out->order_by = borrow(from->oldest_first ? "timestamp" : "timestamp desc");
}

void request_segments(Profilecontext__V1__ListSegmentMembershipsRequest *out, request_parts *parts,
                      const options *from)
{
    profilecontext__v1__list_segment_memberships_request__init(out);
    FILL_COMMON(out, parts, from, PROFILECONTEXT__V1__LIST_SEGMENT_MEMBERSHIPS_REQUEST__PERSON);
    out->page_size = from->page_size;
    out->page_token = borrow(from->page_token == NULL ? "" : from->page_token);
}
