/* Event lookups, see events.h. */
#include "events.h"

#include "json.h"
#include "lookup.h"
#include "page.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PROFILE_SCHEMA "_xdm.context.profile"
#define TOO_MANY_IDENTITIES "Too many related identities"

/* What is asked, read from a query or from a body. */
struct question {
    int64_t start_ms;
    int64_t end_ms;
    size_t limit;
    bool descending;
    char order[16];
    struct sbx_property properties[SBX_PROPERTY_MAX];
    size_t property_count;
    struct sbx_selection selection;
};

static void question_deinit(struct question *question)
{
    for (size_t i = 0; i < question->property_count; i++) {
        sbx_property_deinit(&question->properties[i]);
    }
    sbx_selection_deinit(&question->selection);
}

static bool read_integer(int64_t *out, const char *text)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0') {
        return false;
    }
    *out = value;
    return true;
}

static bool read_order(struct question *question, const char *order)
{
    const char *name = order[0] == '+' || order[0] == '-' ? order + 1 : order;
    if (strcmp(name, "timestamp") != 0) {
        return false;
    }
    question->descending = order[0] == '-';
    snprintf(question->order, sizeof question->order, "%stimestamp",
             question->descending ? "-" : "");
    return true;
}

static bool read_limit(struct question *question, int64_t limit)
{
    question->limit = limit > SBX_PAGE_MAX ? SBX_PAGE_MAX : (size_t)(limit > 0 ? limit : 0);
    return limit > 0;
}

static bool read_properties(struct question *question, const struct sbx_request *request,
                            struct sbx_answer *answer)
{
    const char *text;
    for (size_t i = 0; (text = sbx_request_nth_argument(request, "property", i)) != NULL; i++) {
        struct sbx_error error;
        if (i == SBX_PROPERTY_MAX) {
            sbx_bad_request(answer, "at most 3 property filters are allowed");
            return false;
        }
        if (!sbx_property_parse(&question->properties[i], text, &error)) {
            sbx_bad_request(answer, error.text);
            return false;
        }
        question->property_count++;
    }
    return true;
}

static const char *either(const char *one, const char *other)
{
    return one != NULL ? one : other;
}

static bool read_query(struct question *question, const struct sbx_request *request,
                       struct sbx_answer *answer)
{
    *question =
        (struct question){.start_ms = INT64_MIN, .end_ms = INT64_MAX, .limit = SBX_PAGE_DEFAULT};
    strcpy(question->order, "timestamp");
    const char *start = sbx_request_argument(request, "startTime");
    const char *end = sbx_request_argument(request, "endTime");
    const char *limit = sbx_request_argument(request, "limit");
    const char *order =
        either(sbx_request_argument(request, "orderby"), sbx_request_argument(request, "orderBy"));
    int64_t wanted = SBX_PAGE_DEFAULT;
    if ((start != NULL && !read_integer(&question->start_ms, start)) ||
        (end != NULL && !read_integer(&question->end_ms, end))) {
        sbx_bad_request(answer, "startTime and endTime are numbers of milliseconds");
        return false;
    }
    if (limit != NULL && (!read_integer(&wanted, limit) || wanted <= 0)) {
        sbx_bad_request(answer, "limit is not a positive number");
        return false;
    }
    if (order != NULL && !read_order(question, order)) {
        sbx_bad_request(answer, "orderby is timestamp, +timestamp or -timestamp");
        return false;
    }
    read_limit(question, wanted);
    bool done = sbx_selection_read(&question->selection, request, answer) &&
                read_properties(question, request, answer);
    if (!done) {
        question_deinit(question);
    }
    return done;
}

static bool read_time(int64_t *out, const json_t *value)
{
    if (value == NULL || json_is_null(value)) {
        return true;
    }
    *out = json_integer_value(value);
    return json_is_integer(value);
}

static bool read_body(struct question *question, const struct sbx_request *request,
                      struct sbx_answer *answer)
{
    *question =
        (struct question){.start_ms = INT64_MIN, .end_ms = INT64_MAX, .limit = SBX_PAGE_DEFAULT};
    strcpy(question->order, "timestamp");
    const json_t *filter = json_object_get(request->json, "timeFilter");
    const json_t *limit = json_object_get(request->json, "limit");
    const char *order =
        either(sbx_json_text(request->json, "orderby"), sbx_json_text(request->json, "orderBy"));
    if (!read_time(&question->start_ms, json_object_get(filter, "startTime")) ||
        !read_time(&question->end_ms, json_object_get(filter, "endTime"))) {
        sbx_bad_request(answer, "timeFilter has numbers of milliseconds");
        return false;
    }
    if (limit != NULL &&
        (!json_is_integer(limit) || !read_limit(question, json_integer_value(limit)))) {
        sbx_bad_request(answer, "limit is not a positive number");
        return false;
    }
    if (order != NULL && !read_order(question, order)) {
        sbx_bad_request(answer, "orderby is timestamp, +timestamp or -timestamp");
        return false;
    }
    return sbx_selection_read(&question->selection, request, answer);
}

static struct sbx_page_query page_query(const struct question *question,
                                        const struct sbx_found_identity *identity,
                                        const sbx_policy *policy, const char *start)
{
    return (struct sbx_page_query){
        .identity = identity,
        .graph = sbx_policy_uses_graph(policy),
        .start_ms = question->start_ms,
        .end_ms = question->end_ms,
        .descending = question->descending,
        .limit = question->limit,
        .start = start,
        .fields = question->selection.paths,
        .field_count = question->selection.count,
        .properties = question->properties,
        .property_count = question->property_count,
    };
}

static json_t *describe_page(const struct sbx_page *page, const struct question *question,
                             json_t *next_link)
{
    return json_pack("{s:{s:s, s:s, s:I, s:s}, s:O, s:{s:o}}", "_page", "orderby", question->order,
                     "start", page->start, "count", (json_int_t)json_array_size(page->children),
                     "next", page->next, "children", page->children, "_links", "next", next_link);
}

/* Repeats the caller's own parameters with a new start. */
static json_t *query_link(const struct sbx_request *request, const char *next)
{
    struct sbx_text href = {0};
    if (next[0] != '\0') {
        sbx_text_puts(&href, "/entities?start=");
        sbx_percent_encode(&href, next);
        for (size_t i = 0; i < request->argument_count; i++) {
            const struct sbx_argument *argument = &request->arguments[i];
            if (strcmp(argument->name, "start") != 0) {
                sbx_text_puts(&href, "&");
                sbx_percent_encode(&href, argument->name);
                sbx_text_puts(&href, "=");
                sbx_percent_encode(&href, argument->value);
            }
        }
    }
    json_t *link = json_pack("{s:s}", "href", href.data != NULL ? href.data : "");
    sbx_text_deinit(&href);
    return link;
}

static json_t *body_link(const struct sbx_request *request, const json_t *item, const char *next)
{
    if (next[0] == '\0') {
        return json_pack("{s:s}", "href", "");
    }
    json_t *again = json_copy((json_t *)(uintptr_t)item);
    json_object_set_new(again, "start", json_string(next));
    json_t *payload = json_copy(request->json);
    json_object_set_new(payload, "identities", json_pack("[o]", again));
    return json_pack("{s:s, s:o}", "href", "/entities", "payload", payload);
}

static bool related_to_profile(const char *schema, struct sbx_answer *answer)
{
    if (schema == NULL || strcmp(schema, PROFILE_SCHEMA) != 0) {
        sbx_bad_request(answer, "relatedSchema.name must be " PROFILE_SCHEMA " for events");
        return false;
    }
    return true;
}

static bool too_many(struct sbx_service *service, const struct sbx_found_identity *identity,
                     const sbx_policy *policy)
{
    return sbx_policy_uses_graph(policy) &&
           sbx_store_count_identities(service->store, identity->person) > SBX_GRAPH_MAX;
}

static void answer_nothing(struct sbx_answer *answer, const struct sbx_shapes *shapes)
{
    if (shapes->events_not_found_as_empty) {
        sbx_answer_json(answer, 200, json_object());
    } else {
        sbx_answer_not_found(answer);
    }
}

static struct sbx_page empty_page(void)
{
    return (struct sbx_page){.children = json_array(), .start = sbx_copy(""), .next = sbx_copy("")};
}

/* Whether the answer shall not show that the profile is there and its events are not. */
static bool hides(const struct sbx_page *page, const struct sbx_shapes *shapes)
{
    return shapes->events_not_found_as_404 && json_array_size(page->children) == 0;
}

/* Lets the last page lead to the first. */
static void close_circle(struct sbx_page *page, sbx_store *store, struct sbx_page_query query)
{
    struct sbx_page first;
    query.start = NULL;
    query.limit = 1;
    if (page->next[0] == '\0' && sbx_page_read(&first, store, &query)) {
        free(page->next);
        page->next = sbx_copy(first.start);
        sbx_page_deinit(&first);
    }
}

static void answer_page(struct sbx_service *service, const struct sbx_request *request,
                        const struct question *question, const struct sbx_found_identity *identity,
                        const sbx_policy *policy, struct sbx_answer *answer)
{
    struct sbx_shapes shapes = sbx_faults_shapes(service->faults);
    struct sbx_page page;
    if (identity->key != 0) {
        struct sbx_page_query query =
            page_query(question, identity, policy, sbx_request_argument(request, "start"));
        if (!sbx_page_read(&page, service->store, &query)) {
            sbx_bad_request(answer, "start does not name an event of this profile");
            return;
        }
        if (shapes.events_in_a_circle) {
            close_circle(&page, service->store, query);
        }
    } else {
        page = empty_page();
    }
    if (hides(&page, &shapes) || (identity->key == 0 && !shapes.events_not_found_as_page)) {
        answer_nothing(answer, &shapes);
    } else {
        json_t *described = describe_page(&page, question, query_link(request, page.next));
        if (shapes.events_link_only) {
            json_object_del(json_object_get(described, "_page"), "next");
        }
        sbx_answer_json(answer, 200, described);
    }
    sbx_page_deinit(&page);
}

void sbx_events_get(struct sbx_service *service, const struct sbx_request *request,
                    struct sbx_answer *answer)
{
    const char *id = sbx_request_argument(request, "relatedEntityId");
    const char *ns = either(sbx_request_argument(request, "relatedEntityIdNS"),
                            sbx_request_argument(request, "relatedEntityIdNs"));
    ns = ns != NULL && ns[0] != '\0' ? ns : NULL;
    if (!related_to_profile(sbx_request_argument(request, "relatedSchema.name"), answer)) {
        return;
    }
    if (id == NULL || id[0] == '\0' || (ns == NULL && !sbx_xid_valid(id))) {
        sbx_bad_request(answer, "relatedEntityId is missing, or not an XID without a namespace");
        return;
    }
    struct question question;
    if (!read_query(&question, request, answer)) {
        return;
    }
    struct sbx_found_identity identity = {0};
    sbx_policy *policy = sbx_lookup_policy(service, request, SBX_PROFILE, answer);
    if (policy != NULL) {
        bool found = sbx_store_find(service->store, ns, id, &identity);
        if (found && too_many(service, &identity, policy)) {
            sbx_answer_entity_error(answer, 422, TOO_MANY_IDENTITIES, NULL);
        } else {
            answer_page(service, request, &question, &identity, policy, answer);
        }
    }
    sbx_policy_free(policy);
    sbx_found_identity_deinit(&identity);
    question_deinit(&question);
}

/* A batch while it grows. */
struct batch {
    struct sbx_service *service;
    const struct sbx_request *request;
    const struct question *question;
    const sbx_policy *policy;
    struct sbx_shapes shapes;
    json_t *pages;  /* keyed by XID */
    json_t *errors; /* array of {xid, error} */
};

static void add_page(struct batch *batch, const char *xid, const json_t *item,
                     const struct sbx_page *page)
{
    if (!hides(page, &batch->shapes)) {
        json_object_set_new(
            batch->pages, xid,
            describe_page(page, batch->question, body_link(batch->request, item, page->next)));
    }
}

/* Left out, as an unknown account is left out of a batch, unless the shapes want otherwise. */
static void add_unknown(struct batch *batch, const char *ns, const char *id, const json_t *item)
{
    if (batch->shapes.events_not_found_as_page) {
        char xid[SBX_XID_SIZE];
        sbx_unknown_xid(xid, ns, id);
        struct sbx_page page = empty_page();
        add_page(batch, xid, item, &page);
        sbx_page_deinit(&page);
    }
}

/* False when the start of the item is not an event of this profile. */
static bool add_found(struct batch *batch, const struct sbx_found_identity *identity,
                      const json_t *item)
{
    if (sbx_faults_entry_fails(batch->service->faults)) {
        json_array_append_new(batch->errors, sbx_lookup_entry_error(identity->xid, 500, NULL));
        return true;
    }
    if (too_many(batch->service, identity, batch->policy)) {
        json_array_append_new(batch->errors,
                              sbx_lookup_entry_error(identity->xid, 422, TOO_MANY_IDENTITIES));
        return true;
    }
    struct sbx_page_query query =
        page_query(batch->question, identity, batch->policy, sbx_json_text(item, "start"));
    struct sbx_page page;
    bool readable = sbx_page_read(&page, batch->service->store, &query);
    if (readable) {
        add_page(batch, identity->xid, item, &page);
        sbx_page_deinit(&page);
    }
    return readable;
}

static bool add_pages(struct batch *batch, const json_t *items)
{
    bool readable = true;
    for (size_t i = 0; i < json_array_size(items) && readable; i++) {
        const json_t *item = json_array_get(items, i);
        char *id = sbx_item_id(item, "relatedEntityId");
        const char *ns = sbx_item_ns(item, "relatedEntityIdNS");
        struct sbx_found_identity identity = {0};
        if (id == NULL || (ns == NULL && !sbx_xid_valid(id))) {
            readable = false;
        } else if (sbx_store_find(batch->service->store, ns, id, &identity)) {
            readable = add_found(batch, &identity, item);
        } else {
            add_unknown(batch, ns, id, item);
        }
        sbx_found_identity_deinit(&identity);
        free(id);
    }
    return readable;
}

void sbx_events_batch(struct sbx_service *service, const struct sbx_request *request,
                      struct sbx_answer *answer)
{
    const json_t *items = sbx_lookup_items(service, request, answer);
    struct question question;
    if (items == NULL ||
        !related_to_profile(sbx_json_text(json_object_get(request->json, "relatedSchema"), "name"),
                            answer) ||
        !read_body(&question, request, answer)) {
        return;
    }
    sbx_policy *policy = sbx_lookup_policy(service, request, SBX_PROFILE, answer);
    if (policy != NULL) {
        struct batch batch = {
            .service = service,
            .request = request,
            .question = &question,
            .policy = policy,
            .shapes = sbx_faults_shapes(service->faults),
            .pages = json_object(),
            .errors = json_array(),
        };
        if (!add_pages(&batch, items)) {
            sbx_bad_request(answer, "an identity or its start cannot be used");
        } else if (json_array_size(batch.errors) > 0) {
            sbx_lookup_answer_errors(answer, batch.pages, batch.errors,
                                     batch.shapes.batch_errors_mixed);
        } else if (json_object_size(batch.pages) == 0) {
            answer_nothing(answer, &batch.shapes);
        } else {
            sbx_answer_json(answer, 200, json_incref(batch.pages));
        }
        json_decref(batch.pages);
        json_decref(batch.errors);
    }
    sbx_policy_free(policy);
    question_deinit(&question);
}
