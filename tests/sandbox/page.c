/* Paging through events, see page.h. */
#include "page.h"

#include "clock.h"
#include "json.h"

#include <stdlib.h>

static bool wanted(const struct sbx_page_query *query, const struct sbx_event *event,
                   const json_t *entity)
{
    if (!query->graph && !sbx_keys_contain(event->identity_keys, query->identity->key)) {
        return false;
    }
    for (size_t i = 0; i < query->property_count; i++) {
        if (!sbx_property_matches(&query->properties[i], entity)) {
            return false;
        }
    }
    return true;
}

static json_t *describe(const struct sbx_page_query *query, const struct sbx_event *event,
                        json_t *entity)
{
    char modified[SBX_TIME_SIZE];
    sbx_time_format(modified, event->timestamp_ms, SBX_TIME_SECONDS);
    return json_pack("{s:s, s:s, s:I, s:o, s:s}", "relatedEntityId", query->identity->xid,
                     "entityId", event->event_id, "timestamp", (json_int_t)event->timestamp_ms,
                     "entity", sbx_fields_select(entity, query->fields, query->field_count),
                     "lastModifiedAt", modified);
}

/* Takes the event when it fits; false when the page was full and the event is the next one's. */
static bool take(struct sbx_page *out, const struct sbx_page_query *query,
                 const struct sbx_event *event)
{
    struct sbx_error ignored;
    json_t *entity = sbx_json_parse(event->entity, event->entity_length, &ignored);
    bool full = false;
    if (wanted(query, event, entity)) {
        size_t taken = json_array_size(out->children);
        if (taken == 0) {
            free(out->start);
            out->start = sbx_copy(event->event_id);
        }
        full = taken == query->limit;
        if (full) {
            free(out->next);
            out->next = sbx_copy(event->event_id);
        } else {
            json_array_append_new(out->children, describe(query, event, entity));
        }
    }
    json_decref(entity);
    return !full;
}

bool sbx_page_read(struct sbx_page *out, sbx_store *store, const struct sbx_page_query *query)
{
    *out = (struct sbx_page){.children = json_array(), .start = sbx_copy(""), .next = sbx_copy("")};
    struct sbx_event_range range = {
        .person = query->identity->person,
        .start_ms = query->start_ms,
        .end_ms = query->end_ms,
        .descending = query->descending,
        .limit = query->limit + 1,
    };
    if (query->start != NULL) {
        range.resume = true;
        if (!sbx_store_find_event(store, range.person, query->start, &range.from_ms,
                                  &range.from_row)) {
            sbx_page_deinit(out);
            return false;
        }
    }
    /* Filters may drop any number of events, so read on until the page is full or all are seen. */
    bool more = true;
    while (more) {
        size_t count;
        struct sbx_event *events = sbx_store_read_events(store, &range, &count);
        for (size_t i = 0; i < count && more; i++) {
            more = take(out, query, &events[i]);
        }
        if (count < range.limit) {
            more = false;
        } else if (more) {
            range.resume = true;
            range.from_ms = events[count - 1].timestamp_ms;
            range.from_row = events[count - 1].row + (query->descending ? -1 : 1);
        }
        sbx_events_free(events, count);
    }
    return true;
}

void sbx_page_deinit(struct sbx_page *page)
{
    json_decref(page->children);
    free(page->start);
    free(page->next);
    *page = (struct sbx_page){0};
}
