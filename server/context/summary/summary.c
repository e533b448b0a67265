/* The rules, made at start, and the order of the parts. The paths are names of the .proto, so that
 * a change there that this code does not follow is found by the first test that makes rules. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "context/summary/summary_internal.h"
#include "mapping_tables.h"

enum { CASE_RULES_MAX = 3 };

static const struct {
    const pc_message_table *table;
    const char *path;
} path_texts[PATH_COUNT] = {
    [PATH_CONSENTS] = {&pc_table_Profile, "consents"},
    [PATH_ID_SPECIFIC] = {&pc_table_Consents, "id_specific"},
    [PATH_MARKETING] = {&pc_table_Consents, "marketing"},
    [PATH_CONSENTS_TIME] = {&pc_table_Consents, "metadata.time"},
    [PATH_IDENTITY_MARKETING] = {&pc_table_IdentityConsents, "marketing"},
    [PATH_IDENTITY_NAMESPACE] = {&pc_table_IdentityConsents, "namespace"},
    [PATH_IDENTITY_ID] = {&pc_table_IdentityConsents, "id"},
    [PATH_PREFERRED] = {&pc_table_MarketingConsents, "preferred"},
    [PATH_CONSENT_VALUE] = {&pc_table_ChannelConsent, "val"},
    [PATH_CONSENT_TIME] = {&pc_table_ChannelConsent, "time"},
    [PATH_CONSENT_REASON] = {&pc_table_ChannelConsent, "reason"},
    [PATH_CONSENT_EXTENSIONS] = {&pc_table_ChannelConsent, "extensions"},
    [PATH_INSIGHT_NAME] = {&pc_table_Insight, "name"},
    [PATH_INSIGHT_PATH] = {&pc_table_Insight, "source_path"},
    [PATH_INSIGHT_NUMBER] = {&pc_table_Insight, "number"},
    [PATH_INSIGHT_UNIT] = {&pc_table_Insight, "unit"},
    [PATH_INSIGHT_DIRECTION] = {&pc_table_Insight, "direction"},
    [PATH_INSIGHT_PROPENSITY] = {&pc_table_Insight, "propensity"},
    [PATH_INSIGHT_BAND] = {&pc_table_Insight, "band"},
    [PATH_INSIGHT_FACTORS] = {&pc_table_Insight, "factors"},
    [PATH_EVENT_ID] = {&pc_table_ExperienceEvent, "event_id"},
    [PATH_EVENT_TIME] = {&pc_table_ExperienceEvent, "timestamp"},
    [PATH_EVENT_TYPE] = {&pc_table_ExperienceEvent, "event_type"},
    [PATH_EVENT_COMMERCE] = {&pc_table_ExperienceEvent, "commerce"},
    [PATH_EVENT_PRODUCTS] = {&pc_table_ExperienceEvent, "product_list_items"},
    [PATH_EVENT_MARKETING] = {&pc_table_ExperienceEvent, "marketing"},
    [PATH_EVENT_DIRECT_MARKETING] = {&pc_table_ExperienceEvent, "direct_marketing"},
    [PATH_EVENT_CHANNEL_TYPE] = {&pc_table_ExperienceEvent, "channel.channel_type"},
    [PATH_EVENT_CHANNEL_ID] = {&pc_table_ExperienceEvent, "channel.channel_id"},
    [PATH_EVENT_FEEDBACK] = {&pc_table_ExperienceEvent, "customer_feedback"},
    [PATH_EVENT_JOURNEYS] = {&pc_table_ExperienceEvent, "experience.customer_journey_management"},
    [PATH_FEEDBACK_SUBJECT] = {&pc_table_ExperienceEvent, "customer_feedback.subject"},
#define JOURNEY "experience.customer_journey_management."
    [PATH_JOURNEY_MESSAGE_ID] = {&pc_table_ExperienceEvent, JOURNEY "message_execution.message_id"},
    [PATH_JOURNEY_EXECUTION_ID] = {&pc_table_ExperienceEvent,
                                   JOURNEY "message_execution.message_execution_id"},
    [PATH_JOURNEY_FEEDBACK] = {&pc_table_ExperienceEvent,
                               JOURNEY "message_deliveryfeedback.feedback_status"},
    [PATH_JOURNEY_INTERACTION] = {&pc_table_ExperienceEvent,
                                  JOURNEY "message_interaction.interaction_type"},
    [PATH_PURCHASES] = {&pc_table_Commerce, "purchases"},
    [PATH_ORDER] = {&pc_table_Commerce, "order"},
    [PATH_ORDER_ID] = {&pc_table_Order, "purchase_id"},
    [PATH_ORDER_TOTAL] = {&pc_table_Order, "price_total"},
    [PATH_ORDER_CURRENCY] = {&pc_table_Order, "currency_code"},
    [PATH_ORDER_REFUNDS] = {&pc_table_Order, "refunds"},
    [PATH_ORDER_REFUND_TOTAL] = {&pc_table_Order, "refund_total"},
    [PATH_MEASURE_VALUE] = {&pc_table_Measure, "value"},
    [PATH_PRODUCT_NAME] = {&pc_table_ProductListItem, "name"},
    [PATH_PRODUCT_SKU] = {&pc_table_ProductListItem, "sku"},
    [PATH_PRODUCT_TOTAL] = {&pc_table_ProductListItem, "price_total"},
    [PATH_PRODUCT_CURRENCY] = {&pc_table_ProductListItem, "currency_code"},
    [PATH_REFUND_AMOUNT] = {&pc_table_Refund, "refund_amount"},
    [PATH_REFUND_CURRENCY] = {&pc_table_Refund, "currency_code"},
    [PATH_CAMPAIGN_NAME] = {&pc_table_Marketing, "campaign_name"},
    [PATH_TRACKING_CODE] = {&pc_table_Marketing, "tracking_code"},
    [PATH_MESSAGE_ID] = {&pc_table_DirectMarketing, "message_id"},
    [PATH_MAILING_ID] = {&pc_table_DirectMarketing, "mailing_id"},
    [PATH_MAILING_NAME] = {&pc_table_DirectMarketing, "mailing_name"},
};

/* ---- rules ----------------------------------------------------------------------------------- */

static bool is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static pc_status make_cases(pc_summary_rules *rules, const pc_summary_options *options)
{
    if (!is_given(options->case_id_path)) {
        return PC_OK;
    }
    pc_insight_rule texts[CASE_RULES_MAX];
    size_t count = 0;
    const struct {
        const char *name;
        const char *path;
    } wanted[CASE_RULES_MAX] = {{"id", options->case_id_path},
                                {"status", options->case_status_path},
                                {"subject", options->case_subject_path}};
    for (size_t i = 0; i < CASE_RULES_MAX; i++) {
        if (is_given(wanted[i].path)) {
            texts[count++] = (pc_insight_rule){
                .name = wanted[i].name, .path = wanted[i].path, .type = PC_INSIGHT_TEXT};
        }
    }
    rules->case_id_path = strdup(options->case_id_path);
    return rules->case_id_path == NULL ? pc_status_out_of_memory()
                                       : pc_insight_set_new(&rules->cases, texts, count);
}

static pc_status make_closed(pc_summary_rules *rules, const char *list)
{
    list = list == NULL ? "" : list;
    size_t most = 1;
    for (const char *c = list; *c != '\0'; c++) {
        most += *c == ',';
    }
    rules->closed = calloc(most, sizeof *rules->closed);
    while (rules->closed != NULL && *list != '\0') {
        list += strspn(list, ", ");
        size_t length = strcspn(list, ",");
        size_t used = length;
        while (used > 0 && list[used - 1] == ' ') {
            used--;
        }
        if (used > 0) {
            char *one = strndup(list, used);
            if (one == NULL) {
                return pc_status_out_of_memory();
            }
            rules->closed[rules->closed_count++] = one;
        }
        list += length;
    }
    return rules->closed == NULL ? pc_status_out_of_memory() : PC_OK;
}

#define EVENT_FIELDS                                                                               \
    "_id,timestamp,eventType,commerce,productListItems,marketing,directMarketing,channel,"         \
    "customerFeedback,_experience.customerJourneyManagement"

static pc_status make_event_fields(pc_summary_rules *rules)
{
    const char *cases = rules->cases == NULL ? "" : pc_insight_set_fields(rules->cases);
    if (cases == NULL) {
        return PC_OK;
    }
    size_t size = strlen(cases) + sizeof EVENT_FIELDS + 2;
    rules->event_fields = malloc(size);
    if (rules->event_fields == NULL) {
        return pc_status_out_of_memory();
    }
    (void)snprintf(rules->event_fields, size, "%s%s%s", EVENT_FIELDS, cases[0] == '\0' ? "" : ",",
                   cases);
    return PC_OK;
}

pc_status pc_summary_rules_new(pc_summary_rules **out, const pc_summary_options *options)
{
    *out = NULL;
    pc_summary_rules *rules = calloc(1, sizeof *rules);
    if (rules == NULL) {
        return pc_status_out_of_memory();
    }
    pc_status status = PC_OK;
    for (size_t i = 0; i < PATH_COUNT; i++) {
        if (!pc_wire_path_compile(&rules->paths[i], path_texts[i].table, path_texts[i].path)) {
            status = pc_status_new(PC_CODE_INTERNAL, "SUMMARY_PATH_UNKNOWN",
                                   "the messages have no field %s", path_texts[i].path);
        }
    }
    rules->campaign_contacts = options->campaign_contacts;
    if (is_given(options->lifetime_value)) {
        rules->lifetime_value = strdup(options->lifetime_value);
        if (rules->lifetime_value == NULL && pc_status_ok(&status)) {
            status = pc_status_out_of_memory();
        }
    }
    if (pc_status_ok(&status)) {
        status = make_cases(rules, options);
    }
    if (pc_status_ok(&status)) {
        status = make_closed(rules, options->case_closed);
    }
    if (pc_status_ok(&status)) {
        status = make_event_fields(rules);
    }
    if (!pc_status_ok(&status)) {
        pc_summary_rules_free(rules);
        return status;
    }
    *out = rules;
    return PC_OK;
}

void pc_summary_rules_free(pc_summary_rules *rules)
{
    if (rules == NULL) {
        return;
    }
    for (size_t i = 0; i < rules->closed_count; i++) {
        free(rules->closed[i]);
    }
    free(rules->closed);
    free(rules->lifetime_value);
    free(rules->case_id_path);
    free(rules->event_fields);
    pc_insight_set_free(rules->cases);
    free(rules);
}

const char *pc_summary_profile_fields(void)
{
    return "consents";
}

const char *pc_summary_event_fields(const pc_summary_rules *rules)
{
    return rules->event_fields;
}

/* ---- case notes ------------------------------------------------------------------------------ */

bool pc_summary_has_cases(const pc_summary_rules *rules)
{
    return rules->cases != NULL;
}

bool pc_case_reader_init(pc_case_reader *reader, const pc_summary_rules *rules)
{
    pc_buffer_init_in(&reader->insights, reader->storage, sizeof reader->storage, SIZE_MAX);
    return pc_insight_search_init(&reader->search, rules->cases);
}

void pc_case_reader_deinit(pc_case_reader *reader)
{
    pc_insight_search_deinit(&reader->search);
    pc_buffer_deinit(&reader->insights);
}

/* With its NUL; what comes behind one in the text is lost. */
static void put_note_text(pc_buffer *out, span text)
{
    pc_buffer_append(out, text.bytes, strnlen((const char *)text.bytes, text.size));
    pc_buffer_append_byte(out, 0);
}

bool pc_case_reader_put(pc_buffer *out, pc_case_reader *reader)
{
    enum { NAME = 1, TEXT = 5 };
    const span none = {(const uint8_t *)"", 0};
    span id = none;
    span status = none;
    span subject = none;
    pc_wire_reader items;
    pc_wire_field item;
    if (pc_insight_search_is_empty(&reader->search)) {
        pc_buffer_append(out, "\0\0", 3);
        return !out->failed;
    }
    reader->insights.size = 0;
    pc_insight_search_put(&reader->insights, &reader->search, 1);
    pc_wire_reader_init(&items, reader->insights.bytes, reader->insights.size);
    while (pc_wire_next(&items, &item)) {
        pc_wire_reader inner;
        pc_wire_field field;
        span name = none;
        span text = none;
        pc_wire_reader_init(&inner, item.bytes, item.size);
        while (pc_wire_next(&inner, &field)) {
            if (field.number == NAME) {
                name = (span){field.bytes, field.size};
            } else if (field.number == TEXT) {
                text = (span){field.bytes, field.size};
            }
        }
        *(span_is(name, "id") ? &id : span_is(name, "status") ? &status : &subject) = text;
    }
    put_note_text(out, id);
    put_note_text(out, status);
    put_note_text(out, subject);
    return !out->failed && !reader->insights.failed;
}

/* ---- reading and writing --------------------------------------------------------------------- */

static bool find(const pc_summary_rules *rules, span message, path_id path, pc_wire_field *out)
{
    return pc_wire_find(message.bytes, message.size, &rules->paths[path], out);
}

span summary_span(const pc_summary_rules *rules, span message, path_id path)
{
    pc_wire_field field;
    return find(rules, message, path, &field) && field.type == PC_WIRE_BYTES
               ? (span){field.bytes, field.size}
               : (span){0};
}

bool summary_has(const pc_summary_rules *rules, span message, path_id path)
{
    pc_wire_field field;
    return find(rules, message, path, &field);
}

bool summary_double(const pc_summary_rules *rules, span message, path_id path, double *out)
{
    pc_wire_field field;
    if (!find(rules, message, path, &field) || field.type != PC_WIRE_FIXED64) {
        return false;
    }
    *out = pc_wire_double(&field);
    return true;
}

int64_t summary_int(const pc_summary_rules *rules, span message, path_id path)
{
    pc_wire_field field;
    return find(rules, message, path, &field) && field.type == PC_WIRE_VARINT ? (int64_t)field.value
                                                                              : 0;
}

bool span_is(span text, const char *literal)
{
    return text.size == strlen(literal) && memcmp(text.bytes, literal, text.size) == 0;
}

bool span_equal(span a, span b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.bytes, b.bytes, a.size) == 0);
}

bool summary_next(const pc_summary_rules *rules, pc_wire_reader *reader, path_id path, span *out)
{
    pc_wire_field field;
    while (pc_wire_next(reader, &field)) {
        if (field.number == rules->paths[path].numbers[0] && field.type == PC_WIRE_BYTES) {
            *out = (span){field.bytes, field.size};
            return true;
        }
    }
    return false;
}

moment summary_time(const pc_summary_rules *rules, span message, path_id path)
{
    moment when = {0};
    span bytes = summary_span(rules, message, path);
    when.known = bytes.bytes != NULL &&
                 pc_wire_timestamp(bytes.bytes, bytes.size, &when.seconds, &when.nanos);
    return when;
}

bool moment_before(moment a, moment b)
{
    if (!a.known || !b.known) {
        return !a.known && b.known;
    }
    return a.seconds != b.seconds ? a.seconds < b.seconds : a.nanos < b.nanos;
}

event_head summary_event(const pc_summary_rules *rules, span wire)
{
    return (event_head){
        .wire = wire,
        .id = summary_span(rules, wire, PATH_EVENT_ID),
        .type = summary_span(rules, wire, PATH_EVENT_TYPE),
        .time = summary_time(rules, wire, PATH_EVENT_TIME),
    };
}

void summary_put_span(pc_buffer *out, uint32_t number, span text)
{
    if (text.size > 0) {
        pc_wire_put_bytes(out, number, text.bytes, text.size);
    }
}

void summary_put_moment(pc_buffer *out, uint32_t number, moment when)
{
    if (when.known) {
        pc_wire_put_timestamp(out, number, when.seconds, when.nanos);
    }
}

void summary_put_money(pc_buffer *out, uint32_t number, span currency, pc_money amount)
{
    enum { CURRENCY_CODE = 1, UNITS = 2, NANOS = 3 };
    size_t mark = pc_wire_begin(out, number);
    summary_put_span(out, CURRENCY_CODE, currency);
    pc_wire_put_int(out, UNITS, amount.units);
    pc_wire_put_int(out, NANOS, amount.nanos);
    pc_wire_end(out, mark);
}

void summary_put_event_source(pc_buffer *out, uint32_t number, const char *path,
                              const event_head *event)
{
    size_t mark = pc_wire_begin(out, number);
    pc_wire_put_text(out, SOURCE_PATH, path);
    summary_put_span(out, SOURCE_EVENT_ID, event->id);
    summary_put_moment(out, SOURCE_TIME, event->time);
    pc_wire_end(out, mark);
}

size_t summary_event_count(const pc_summary_input *input)
{
    pc_wire_reader reader;
    pc_wire_field field;
    size_t count = 0;
    pc_wire_reader_init(&reader, input->events, input->events_size);
    while (pc_wire_next(&reader, &field)) {
        count++;
    }
    return count;
}

/* ---- the whole ------------------------------------------------------------------------------- */

pc_status pc_summary_put(pc_buffer *out, pc_arena *arena, const pc_summary_rules *rules,
                         const pc_summary_input *input)
{
    bool memory = true;
    if (input->has_profile) {
        summary_put_insights(out, rules, input);
    }
    if (input->has_events) {
        memory = summary_put_purchases(out, arena, rules, input) &&
                 summary_put_campaigns(out, arena, rules, input) &&
                 summary_put_service(out, arena, rules, input);
    }
    if (input->has_profile) {
        summary_put_consents(out, rules, input);
    }
    if (input->has_events) {
        pc_wire_put_int(out, SUMMARY_EVENTS_CONSIDERED, (int64_t)summary_event_count(input));
        pc_wire_put_bool(out, SUMMARY_EVENTS_TRUNCATED, input->events_truncated);
    }
    return memory && !out->failed ? PC_OK : pc_status_out_of_memory();
}
