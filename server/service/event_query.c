/* Checks, and conditions in the words of the upstream. */
#include "service/event_query.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "mapping_tables.h"
#include "util/clock.h"

enum {
    EVENT_TYPES_MAX = 20,
    EVENT_TYPE_BYTES_MAX = 128,
    PATH_BYTES_MAX = 256,
    TEXT_BYTES_MAX = 256
};

typedef Profilecontext__V1__PropertyFilter property_filter;

static void plan_times(pc_gather_plan *plan, pc_status *status, const pc_event_fields *fields)
{
    if (fields->start_time != NULL) {
        plan->has_event_start = true;
        plan->event_start_ms = pc_request_time_ms(status, "start_time", fields->start_time);
    }
    if (fields->end_time != NULL) {
        plan->has_event_end = true;
        plan->event_end_ms = pc_request_time_ms(status, "end_time", fields->end_time);
    }
    if (plan->has_event_start && plan->has_event_end &&
        plan->event_end_ms <= plan->event_start_ms) {
        pc_status_add_violation(status, "end_time", "must be after start_time");
    }
}

static void plan_order(pc_gather_plan *plan, pc_status *status, const pc_event_fields *fields)
{
    if (strcmp(fields->order_by, "timestamp") == 0) {
        plan->oldest_first = true;
    } else if (fields->order_by[0] != '\0' && strcmp(fields->order_by, "timestamp desc") != 0) {
        pc_status_add_violation(status, "order_by", "must be `timestamp` or `timestamp desc`");
    }
}

/* ---- conditions ------------------------------------------------------------------------------ */

static bool made_of_path_characters(const char *path)
{
    size_t length = strlen(path);
    for (const char *c = path; *c != '\0'; c++) {
        bool good = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                    (*c >= '0' && *c <= '9') || strchr("_-.:@", *c) != NULL;
        if (!good) {
            return false;
        }
    }
    return length > 0 && length <= PATH_BYTES_MAX;
}

static bool is_condition_text(const char *text)
{
    size_t length = strlen(text);
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (*c < 0x20 || *c == 0x7f || *c == '"') {
            return false;
        }
    }
    return length > 0 && length <= TEXT_BYTES_MAX;
}

/* How a text is written is not published but for dates, which stand in quotes; so both ways can be
 * configured. */
static const char *write_text(pc_arena *arena, const pc_service *service, const char *text)
{
    return service->quote_texts ? pc_arena_printf(arena, "\"%s\"", text) : text;
}

static bool is_date(const Profilecontext__V1__Date *date)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return date->year >= 1 && date->year <= 9999 && date->month >= 1 && date->month <= 12 &&
           date->day >= 1 && date->day <= days[date->month - 1];
}

/* NULL, with `*fault` set when it is not for lack of memory. */
static const char *write_value(pc_arena *arena, const pc_service *service,
                               const property_filter *filter, const char **fault)
{
    *fault = NULL;
    switch (filter->value_case) {
    case PROFILECONTEXT__V1__PROPERTY_FILTER__VALUE_TEXT:
        *fault = is_condition_text(filter->text)
                     ? NULL
                     : "text must be 1 to 256 bytes without control characters and quotation marks";
        return *fault != NULL ? NULL : write_text(arena, service, filter->text);
    case PROFILECONTEXT__V1__PROPERTY_FILTER__VALUE_NUMBER:
        *fault = isfinite(filter->number) ? NULL : "number must be finite";
        return *fault != NULL ? NULL : pc_arena_printf(arena, "%.17g", filter->number);
    case PROFILECONTEXT__V1__PROPERTY_FILTER__VALUE_FLAG:
        return filter->flag ? "true" : "false";
    case PROFILECONTEXT__V1__PROPERTY_FILTER__VALUE_DATE:
        *fault = is_date(filter->date) ? NULL : "date must be a date";
        return *fault != NULL ? NULL
                              : pc_arena_printf(arena, "\"%04d-%02d-%02d\"", filter->date->year,
                                                filter->date->month, filter->date->day);
    default:
        *fault = "must have a value: text, number, flag or date";
        return NULL;
    }
}

static const char *write_operator(const property_filter *filter, const char **fault)
{
    static const char *const operators[] = {"", "=", "!=", "<", "<=", ">", ">="};
    unsigned place = (unsigned)filter->operator_;
    if (place == 0 || place >= PC_COUNT_OF(operators)) {
        *fault = "must have an operator";
        return "";
    }
    if (filter->value_case == PROFILECONTEXT__V1__PROPERTY_FILTER__VALUE_FLAG && place > 2) {
        *fault = "a flag can only be equal or not equal";
    }
    return operators[place];
}

/* NULL on a violation, or lack of memory. */
static const char *write_filter(pc_arena *arena, pc_status *status, const pc_service *service,
                                const property_filter *filter, size_t place)
{
    const char *fault;
    const char *value = write_value(arena, service, filter, &fault);
    const char *operator_ = write_operator(filter, &fault);
    if (!made_of_path_characters(filter->path)) {
        fault = "path must be 1 to 256 letters, digits or characters of _-.:@";
    }
    if (fault != NULL) {
        const char *field = pc_arena_printf(arena, "property_filters[%zu]", place);
        pc_status_add_violation(status, field == NULL ? "property_filters" : field, fault);
        return NULL;
    }
    return value == NULL ? NULL : pc_arena_printf(arena, "%s%s%s", filter->path, operator_, value);
}

static void plan_conditions(pc_gather_plan *plan, pc_status *status, pc_arena *arena,
                            const pc_service *service, const pc_event_fields *fields)
{
    if (fields->filter_count > PC_FETCH_PROPERTIES_MAX) {
        pc_status_add_violation(status, "property_filters", "must be at most 3");
        return;
    }
    if (fields->event_type_count > EVENT_TYPES_MAX) {
        pc_status_add_violation(status, "event_types", "must be at most 20");
        return;
    }
    for (size_t i = 0; i < fields->event_type_count; i++) {
        if (!is_condition_text(fields->event_types[i]) ||
            strlen(fields->event_types[i]) > EVENT_TYPE_BYTES_MAX) {
            pc_status_add_violation(status, "event_types",
                                    "must be 1 to 128 bytes each, without control characters and "
                                    "quotation marks");
            return;
        }
    }
    const char **conditions = pc_arena_calloc(arena, PC_FETCH_PROPERTIES_MAX, sizeof *conditions);
    if (conditions == NULL) {
        return;
    }
    plan->event_types = (const char *const *)fields->event_types;
    plan->event_type_count = fields->event_type_count;
    plan->event_properties = conditions;
    for (size_t i = 0; i < fields->filter_count; i++) {
        conditions[plan->event_property_count++] =
            write_filter(arena, status, service, fields->filters[i], i);
    }
    /* Conditions are joined by "and", so only a single type can be asked for. It is checked here
     * once more like the others. */
    if (fields->event_type_count == 1 && fields->filter_count < PC_FETCH_PROPERTIES_MAX) {
        const char *text = write_text(arena, service, fields->event_types[0]);
        conditions[plan->event_property_count++] =
            text == NULL ? NULL : pc_arena_printf(arena, "eventType=%s", text);
    }
}

/* Lack of memory left a condition out, or the list of them. */
static bool conditions_complete(const pc_gather_plan *plan, const pc_event_fields *fields)
{
    bool complete =
        plan->event_properties != NULL && plan->event_property_count >= fields->filter_count;
    for (size_t i = 0; complete && i < plan->event_property_count; i++) {
        complete = plan->event_properties[i] != NULL;
    }
    return complete;
}

/* ---- the query ------------------------------------------------------------------------------- */

/* Not the page size, which may change from page to page, and not the mask, which decides what is
 * shown of an event but not which events there are. */
static pc_status hash_query(pc_query_hash *query, const pc_gather_plan *plan, pc_arena *arena,
                            const char *caller)
{
    const char *texts[12 + EVENT_TYPES_MAX + PC_FETCH_PROPERTIES_MAX] = {
        "events", /* of ListEvents and StreamEvents, which go on with each other */
        caller,
        plan->person.namespace_code,
        plan->person.id,
        plan->person.xid,
        plan->person.sandbox,
        plan->person.merge_policy,
        plan->has_event_start ? pc_arena_printf(arena, "%" PRId64, plan->event_start_ms) : NULL,
        plan->has_event_end ? pc_arena_printf(arena, "%" PRId64, plan->event_end_ms) : NULL,
        plan->oldest_first ? "oldest" : "newest",
    };
    size_t count = 10;
    for (size_t i = 0; i < plan->event_property_count; i++) {
        texts[count++] = plan->event_properties[i];
    }
    texts[count++] = NULL;
    for (size_t i = 0; i < plan->event_type_count; i++) {
        texts[count++] = plan->event_types[i];
    }
    return pc_query_hash_of(query, texts, count);
}

static pc_status plan_fields(pc_gather_plan *plan, pc_arena *arena)
{
    pc_status status =
        pc_mask_upstream_fields(&plan->event_fields, arena, plan->masks[PC_SECTION_EVENTS]);
    if (pc_status_ok(&status) && plan->event_fields != NULL && plan->event_type_count > 0) {
        plan->event_fields =
            pc_arena_printf(arena, plan->event_fields[0] == '\0' ? "%seventType" : "%s,eventType",
                            plan->event_fields);
    }
    return status;
}

static pc_status open_token(pc_gather_plan *plan, const pc_query_hash *query, pc_arena *arena,
                            const pc_service *service, const pc_event_fields *fields)
{
    size_t size;
    if (fields->page_token[0] == '\0') {
        return PC_OK;
    }
    pc_status status = pc_page_token_open(&plan->event_cursor, &size, arena,
                                          service->page_token_key, query, fields->page_token);
    if (status.code == PC_CODE_INVALID_ARGUMENT) {
        pc_status_clear(&status);
        pc_status_add_violation(&status, fields->page_token_field,
                                "is not a token of this server for this query");
    }
    return status;
}

/* Conditions tell of what they are about; an order does only where it is not the upstream's own. */
static void check_conditions(const pc_access *access, pc_status *status,
                             const pc_event_fields *fields)
{
    for (size_t i = 0; i < fields->filter_count; i++) {
        pc_access_condition(access, status, fields->filters[i]->path);
    }
    if (fields->event_type_count > 0) {
        pc_access_condition(access, status, "eventType");
    }
    if (fields->start_time != NULL || fields->end_time != NULL) {
        pc_access_condition(access, status, "timestamp");
    }
}

void pc_plan_events(pc_gather_plan *plan, pc_access *access, pc_query_hash *query,
                    pc_status *status, pc_arena *arena, const pc_service *service,
                    const char *caller, const pc_event_fields *fields)
{
    const pc_mask *mask;
    plan->sections = PC_SECTION_BIT(PC_SECTION_EVENTS);
    pc_request_mask(&mask, status, arena, fields->read_mask, &pc_table_ExperienceEvent);
    plan->masks[PC_SECTION_EVENTS] =
        pc_access_only_mask(access, status, arena, PC_VIEW_EVENTS, mask);
    pc_access_ask_consents(access, plan);
    plan->profile_fields = "consents";
    plan->event_limit = pc_request_limit(status, "page_size", fields->page_size,
                                         service->event_limit, service->event_limit_max);
    plan_times(plan, status, fields);
    plan_order(plan, status, fields);
    plan_conditions(plan, status, arena, service, fields);
    check_conditions(access, status, fields);
    if (!pc_status_ok(status)) {
        return;
    }
    if (!conditions_complete(plan, fields)) {
        *status = pc_status_out_of_memory();
        return;
    }
    *status = hash_query(query, plan, arena, caller);
    if (pc_status_ok(status)) {
        *status = open_token(plan, query, arena, service, fields);
    }
    if (pc_status_ok(status)) {
        *status = plan_fields(plan, arena);
    }
}

pc_status pc_cursor_repeats(void)
{
    return pc_status_new(PC_CODE_INTERNAL, "UPSTREAM_CURSOR_REPEATS",
                         "the upstream repeats its page; stop here");
}

pc_status pc_next_page_token(const char **out, pc_arena *arena, const pc_service *service,
                             const pc_query_hash *query, const char *present_cursor,
                             const char *cursor)
{
    *out = "";
    if (cursor[0] == '\0') {
        return PC_OK;
    }
    if (present_cursor != NULL && strcmp(cursor, present_cursor) == 0) {
        return pc_cursor_repeats();
    }
    return pc_page_token_seal(out, arena, service->page_token_key, query, cursor, strlen(cursor));
}
