/* What the RPCs about events have in common in a request: which events, and in which order. */
#ifndef PC_SERVICE_EVENT_QUERY_H
#define PC_SERVICE_EVENT_QUERY_H

#include "profilecontext/v1/filter.pb-c.h"
#include "service/access.h"
#include "service/page_token.h"
#include "service/request.h"

/* Borrowed from a request. */
typedef struct {
    const Google__Protobuf__FieldMask *read_mask;  /* may be NULL */
    const Google__Protobuf__Timestamp *start_time; /* may be NULL */
    const Google__Protobuf__Timestamp *end_time;   /* may be NULL */
    const char *order_by;
    char *const *event_types;
    size_t event_type_count;
    Profilecontext__V1__PropertyFilter *const *filters;
    size_t filter_count;
    int32_t page_size;
    const char *page_token;
    const char *page_token_field; /* its name, for violations */
} pc_event_fields;

/* Takes the fields out of a request message; TOKEN is its field with the page token. */
#define PC_EVENT_FIELDS(message, TOKEN)                                                            \
    ((pc_event_fields){                                                                            \
        .read_mask = (message)->read_mask,                                                         \
        .start_time = (message)->start_time,                                                       \
        .end_time = (message)->end_time,                                                           \
        .order_by = (message)->order_by,                                                           \
        .event_types = (message)->event_types,                                                     \
        .event_type_count = (message)->n_event_types,                                              \
        .filters = (message)->property_filters,                                                    \
        .filter_count = (message)->n_property_filters,                                             \
        .page_size = (message)->page_size,                                                         \
        .page_token = (message)->TOKEN,                                                            \
        .page_token_field = #TOKEN,                                                                \
    })

/* Fills in what the plan says of events: mask, order, times, conditions, and the cursor of the page
 * token. The person stands in the plan already. `caller` is the RPC's caller: it
 * is bound, with the query, into `*query`, which seals and opens page tokens. Violations are added.
 */
void pc_plan_events(pc_gather_plan *plan, pc_access *access, pc_query_hash *query,
                    pc_status *status, pc_arena *arena, const pc_service *service,
                    const char *caller, const pc_event_fields *fields);

/* The token of the page behind `cursor`; "" at the end. Errors: INTERNAL UPSTREAM_CURSOR_REPEATS
 * when the cursor is that of the page itself; RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_next_page_token(const char **out, pc_arena *arena,
                                          const pc_service *service, const pc_query_hash *query,
                                          const char *present_cursor, const char *cursor);

/* INTERNAL UPSTREAM_CURSOR_REPEATS: the upstream's pages do not end. */
pc_status pc_cursor_repeats(void);

#endif
