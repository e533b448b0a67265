/* Requests from the command line. */
#include "request.h"

#include <stdlib.h>
#include <string.h>

char *request_text(const char *text)
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

static void fill_filter(request_parts *parts, size_t at, const filter *from)
{
    Profilecontext__V1__PropertyFilter *out = &parts->filters[at];
    profilecontext__v1__property_filter__init(out);
    out->path = request_text(from->path);
    out->operator_ = from->operator_;
    switch (from->kind) {
    case FILTER_TEXT:
        out->value_case = PROFILECONTEXT__V1__PROPERTY_FILTER__VALUE_TEXT;
        out->text = request_text(from->text);
        break;
    case FILTER_NUMBER:
        out->value_case = PROFILECONTEXT__V1__PROPERTY_FILTER__VALUE_NUMBER;
        out->number = from->number;
        break;
    case FILTER_FLAG:
        out->value_case = PROFILECONTEXT__V1__PROPERTY_FILTER__VALUE_FLAG;
        out->flag = from->flag;
        break;
    case FILTER_DATE:
        out->value_case = PROFILECONTEXT__V1__PROPERTY_FILTER__VALUE_DATE;
        profilecontext__v1__date__init(&parts->dates[at]);
        parts->dates[at].year = from->year;
        parts->dates[at].month = from->month;
        parts->dates[at].day = from->day;
        out->date = &parts->dates[at];
        break;
    }
    parts->filter_list[at] = out;
}

bool request_parts_init(request_parts *parts, const options *from)
{
    google__protobuf__field_mask__init(&parts->mask);
    google__protobuf__duration__init(&parts->staleness);
    google__protobuf__timestamp__init(&parts->since);
    google__protobuf__timestamp__init(&parts->until);
    profilecontext__v1__identity__init(&parts->identity);
    parts->mask_text = NULL;
    parts->identity.namespace_ = request_text(from->person.namespace_code);
    parts->identity.id = request_text(from->person.id);
    parts->staleness.seconds = from->max_staleness_ms / 1000;
    parts->staleness.nanos = (int32_t)(from->max_staleness_ms % 1000) * 1000000;
    parts->since.seconds = from->since_ms / 1000;
    parts->since.nanos = (int32_t)(from->since_ms % 1000) * 1000000;
    parts->until.seconds = from->until_ms / 1000;
    parts->until.nanos = (int32_t)(from->until_ms % 1000) * 1000000;
    for (size_t i = 0; i < from->event_types.count; i++) {
        parts->event_types[i] = request_text(from->event_types.items[i]);
    }
    for (size_t i = 0; i < from->filter_count; i++) {
        fill_filter(parts, i, &from->filters[i]);
    }
    return from->mask == NULL || split_mask(parts, from->mask);
}

void request_parts_deinit(request_parts *parts)
{
    free(parts->mask.paths);
    free(parts->mask_text);
}

/* What requests have in common, under the same names in different structs. */
#define FILL_PLACE(out, from)                                                                      \
    do {                                                                                           \
        (out)->sandbox = request_text((from)->sandbox);                                            \
        (out)->merge_policy_id = request_text((from)->merge_policy);                               \
    } while (0)
#define FILL_READ(out, parts, from)                                                                \
    do {                                                                                           \
        FILL_PLACE(out, from);                                                                     \
        (out)->max_staleness = (from)->max_staleness_ms >= 0 ? &(parts)->staleness : NULL;         \
    } while (0)
#define FILL_MASK(out, parts) ((out)->read_mask = (parts)->mask.n_paths > 0 ? &(parts)->mask : NULL)
#define FILL_WHO(out, which_case, parts, from, PERSON)                                             \
    do {                                                                                           \
        if ((from)->person.by_xid) {                                                               \
            (out)->which_case = PERSON##_XID;                                                      \
            (out)->xid = request_text((from)->person.id);                                          \
        } else {                                                                                   \
            (out)->which_case = PERSON##_IDENTITY;                                                 \
            (out)->identity = &(parts)->identity;                                                  \
        }                                                                                          \
    } while (0)
#define FILL_COMMON(out, parts, from, PERSON)                                                      \
    do {                                                                                           \
        FILL_WHO(out, person_case, parts, from, PERSON);                                           \
        FILL_READ(out, parts, from);                                                               \
    } while (0)
#define FILL_EVENTS(out, parts, from)                                                              \
    do {                                                                                           \
        FILL_MASK(out, parts);                                                                     \
        (out)->page_size = (from)->page_size;                                                      \
        (out)->start_time = (from)->since_ms >= 0 ? &(parts)->since : NULL;                        \
        (out)->end_time = (from)->until_ms >= 0 ? &(parts)->until : NULL;                          \
        (out)->order_by = request_text((from)->oldest_first ? "timestamp" : "timestamp desc");     \
        (out)->event_types = (parts)->event_types;                                                 \
        (out)->n_event_types = (from)->event_types.count;                                          \
        (out)->property_filters = (parts)->filter_list;                                            \
        (out)->n_property_filters = (from)->filter_count;                                          \
    } while (0)

void request_context(Profilecontext__V1__GetContextRequest *out, request_parts *parts,
                     const options *from)
{
    profilecontext__v1__get_context_request__init(out);
    FILL_COMMON(out, parts, from, PROFILECONTEXT__V1__GET_CONTEXT_REQUEST__PERSON);
    FILL_MASK(out, parts);
    out->event_limit = from->event_limit;
    out->event_start_time = from->since_ms >= 0 ? &parts->since : NULL;
}

void request_profile(Profilecontext__V1__GetProfileRequest *out, request_parts *parts,
                     const options *from)
{
    profilecontext__v1__get_profile_request__init(out);
    FILL_COMMON(out, parts, from, PROFILECONTEXT__V1__GET_PROFILE_REQUEST__PERSON);
    FILL_MASK(out, parts);
}

void request_events(Profilecontext__V1__ListEventsRequest *out, request_parts *parts,
                    const options *from)
{
    profilecontext__v1__list_events_request__init(out);
    FILL_COMMON(out, parts, from, PROFILECONTEXT__V1__LIST_EVENTS_REQUEST__PERSON);
    FILL_EVENTS(out, parts, from);
    out->page_token = request_text(from->page_token == NULL ? "" : from->page_token);
}

void request_segments(Profilecontext__V1__ListSegmentMembershipsRequest *out, request_parts *parts,
                      const options *from)
{
    profilecontext__v1__list_segment_memberships_request__init(out);
    FILL_COMMON(out, parts, from, PROFILECONTEXT__V1__LIST_SEGMENT_MEMBERSHIPS_REQUEST__PERSON);
    FILL_MASK(out, parts);
    out->page_size = from->page_size;
    out->page_token = request_text(from->page_token == NULL ? "" : from->page_token);
}

void request_event_stream(Profilecontext__V1__StreamEventsRequest *out, request_parts *parts,
                          const options *from)
{
    profilecontext__v1__stream_events_request__init(out);
    FILL_WHO(out, person_case, parts, from, PROFILECONTEXT__V1__STREAM_EVENTS_REQUEST__PERSON);
    FILL_PLACE(out, from);
    FILL_EVENTS(out, parts, from);
    out->resume_token = request_text(from->page_token == NULL ? "" : from->page_token);
}

void request_identities(Profilecontext__V1__GetIdentitiesRequest *out, request_parts *parts,
                        const options *from)
{
    profilecontext__v1__get_identities_request__init(out);
    FILL_COMMON(out, parts, from, PROFILECONTEXT__V1__GET_IDENTITIES_REQUEST__PERSON);
    FILL_MASK(out, parts);
}

void request_entity(Profilecontext__V1__GetEntityRequest *out, request_parts *parts,
                    const options *from)
{
    profilecontext__v1__get_entity_request__init(out);
    FILL_WHO(out, entity_case, parts, from, PROFILECONTEXT__V1__GET_ENTITY_REQUEST__ENTITY);
    FILL_READ(out, parts, from);
    FILL_MASK(out, parts);
    out->schema = request_text(from->schema);
}

void request_delete(Profilecontext__V1__DeleteProfileRequest *out, request_parts *parts,
                    const options *from)
{
    profilecontext__v1__delete_profile_request__init(out);
    FILL_WHO(out, person_case, parts, from, PROFILECONTEXT__V1__DELETE_PROFILE_REQUEST__PERSON);
    FILL_PLACE(out, from);
}

void request_batch_contexts(Profilecontext__V1__BatchGetContextsRequest *out, request_parts *parts,
                            const options *from)
{
    profilecontext__v1__batch_get_contexts_request__init(out);
    FILL_READ(out, parts, from);
    FILL_MASK(out, parts);
    out->event_limit = from->event_limit;
    out->event_start_time = from->since_ms >= 0 ? &parts->since : NULL;
}

void request_batch_profiles(Profilecontext__V1__BatchGetProfilesRequest *out, request_parts *parts,
                            const options *from)
{
    profilecontext__v1__batch_get_profiles_request__init(out);
    FILL_READ(out, parts, from);
    FILL_MASK(out, parts);
}

void request_prefetch(Profilecontext__V1__PrefetchContextsRequest *out, request_parts *parts,
                      const options *from)
{
    profilecontext__v1__prefetch_contexts_request__init(out);
    FILL_READ(out, parts, from);
    FILL_MASK(out, parts);
}

void request_person_ref(Profilecontext__V1__PersonRef *out, Profilecontext__V1__Identity *identity,
                        const person *who)
{
    profilecontext__v1__person_ref__init(out);
    profilecontext__v1__identity__init(identity);
    if (who->by_xid) {
        out->person_case = PROFILECONTEXT__V1__PERSON_REF__PERSON_XID;
        out->xid = request_text(who->id);
    } else {
        identity->namespace_ = request_text(who->namespace_code);
        identity->id = request_text(who->id);
        out->person_case = PROFILECONTEXT__V1__PERSON_REF__PERSON_IDENTITY;
        out->identity = identity;
    }
}
