/* What the parts of the summary share: the compiled paths, an event's head, and small writers. */
#ifndef PC_CONTEXT_SUMMARY_SUMMARY_INTERNAL_H
#define PC_CONTEXT_SUMMARY_SUMMARY_INTERNAL_H

#include "context/summary/summary.h"
#include "mapping/insights.h"
#include "mapping/money.h"
#include "mapping/wire_path.h"

/* Field numbers of ContextSummary. */
enum {
    SUMMARY_LIFETIME_VALUE = 1,
    SUMMARY_CHURN = 2,
    SUMMARY_CONVERSION = 3,
    SUMMARY_PURCHASES = 4,
    SUMMARY_CAMPAIGNS = 5,
    SUMMARY_SERVICE = 6,
    SUMMARY_PREFERRED_CHANNEL = 7,
    SUMMARY_CONTACTABILITY = 8,
    SUMMARY_EVENTS_CONSIDERED = 9,
    SUMMARY_EVENTS_TRUNCATED = 10
};

/* Field numbers of FactSource. */
enum { SOURCE_PATH = 1, SOURCE_INSIGHT = 2, SOURCE_EVENT_ID = 3, SOURCE_TIME = 4 };

/* Paths into the messages; their texts stand in summary.c. */
typedef enum {
    /* of Profile */
    PATH_CONSENTS,
    PATH_ID_SPECIFIC,
    /* of Consents and IdentityConsents */
    PATH_MARKETING,
    PATH_CONSENTS_TIME,
    PATH_IDENTITY_MARKETING,
    PATH_IDENTITY_NAMESPACE,
    PATH_IDENTITY_ID,
    /* of MarketingConsents */
    PATH_PREFERRED,
    /* of ChannelConsent */
    PATH_CONSENT_VALUE,
    PATH_CONSENT_TIME,
    PATH_CONSENT_REASON,
    PATH_CONSENT_EXTENSIONS,
    /* of Insight */
    PATH_INSIGHT_NAME,
    PATH_INSIGHT_PATH,
    PATH_INSIGHT_NUMBER,
    PATH_INSIGHT_UNIT,
    PATH_INSIGHT_DIRECTION,
    PATH_INSIGHT_PROPENSITY,
    PATH_INSIGHT_BAND,
    PATH_INSIGHT_FACTORS,
    /* of ExperienceEvent */
    PATH_EVENT_ID,
    PATH_EVENT_TIME,
    PATH_EVENT_TYPE,
    PATH_EVENT_COMMERCE,
    PATH_EVENT_PRODUCTS,
    PATH_EVENT_MARKETING,
    PATH_EVENT_DIRECT_MARKETING,
    PATH_EVENT_CHANNEL_TYPE,
    PATH_EVENT_CHANNEL_ID,
    PATH_EVENT_FEEDBACK,
    PATH_EVENT_JOURNEYS,
    PATH_FEEDBACK_SUBJECT,
    PATH_JOURNEY_MESSAGE_ID,
    PATH_JOURNEY_EXECUTION_ID,
    PATH_JOURNEY_FEEDBACK,
    PATH_JOURNEY_INTERACTION,
    /* of Commerce */
    PATH_PURCHASES,
    PATH_ORDER,
    /* of Order */
    PATH_ORDER_ID,
    PATH_ORDER_TOTAL,
    PATH_ORDER_CURRENCY,
    PATH_ORDER_REFUNDS,
    PATH_ORDER_REFUND_TOTAL,
    /* of Measure, ProductListItem and Refund */
    PATH_MEASURE_VALUE,
    PATH_PRODUCT_NAME,
    PATH_PRODUCT_SKU,
    PATH_PRODUCT_TOTAL,
    PATH_PRODUCT_CURRENCY,
    PATH_REFUND_AMOUNT,
    PATH_REFUND_CURRENCY,
    /* of Marketing and DirectMarketing */
    PATH_CAMPAIGN_NAME,
    PATH_TRACKING_CODE,
    PATH_MESSAGE_ID,
    PATH_MAILING_ID,
    PATH_MAILING_NAME,
    PATH_COUNT
} path_id;

struct pc_summary_rules {
    pc_wire_path paths[PATH_COUNT];
    char *lifetime_value; /* owned; NULL: none */
    int campaign_contacts;
    pc_insight_set *cases; /* owned; NULL: no cases. Rules named id, status, subject */
    char *case_id_path;    /* owned */
    char **closed;         /* owned, each too */
    size_t closed_count;
    char *event_fields; /* owned; NULL: all */
};

/* Bytes inside the wire. Size 0 is also "absent". */
typedef struct {
    const uint8_t *bytes;
    size_t size;
} span;

/* Reading; what is absent is {0}, 0 or false. */
span summary_span(const pc_summary_rules *rules, span message, path_id path);
bool summary_has(const pc_summary_rules *rules, span message, path_id path);
bool summary_double(const pc_summary_rules *rules, span message, path_id path, double *out);
int64_t summary_int(const pc_summary_rules *rules, span message, path_id path);
bool span_is(span text, const char *literal);
bool span_equal(span a, span b);

/* The fields at a path of depth 1, one after the other: true with the next. `*reader` starts with
 * pc_wire_reader_init over the message. */
bool summary_next(const pc_summary_rules *rules, pc_wire_reader *reader, path_id path, span *out);

/* A moment for comparing and writing. */
typedef struct {
    bool known;
    int64_t seconds;
    int32_t nanos;
} moment;

moment summary_time(const pc_summary_rules *rules, span message, path_id path);
bool moment_before(moment a, moment b); /* an unknown one is before all others */

/* What every part looks at first in an event. */
typedef struct {
    span wire;
    span id;
    span type;
    moment time;
} event_head;

event_head summary_event(const pc_summary_rules *rules, span wire);

/* Writing. */
void summary_put_span(pc_buffer *out, uint32_t number, span text); /* nothing when empty */
void summary_put_moment(pc_buffer *out, uint32_t number, moment when);
void summary_put_money(pc_buffer *out, uint32_t number, span currency, pc_money amount);

/* A FactSource of an event. */
void summary_put_event_source(pc_buffer *out, uint32_t number, const char *path,
                              const event_head *event);

/* The parts, each in a file of its own. False when out of memory. */
void summary_put_insights(pc_buffer *out, const pc_summary_rules *rules,
                          const pc_summary_input *input);
void summary_put_consents(pc_buffer *out, const pc_summary_rules *rules,
                          const pc_summary_input *input);
bool summary_put_purchases(pc_buffer *out, pc_arena *arena, const pc_summary_rules *rules,
                           const pc_summary_input *input);
bool summary_put_campaigns(pc_buffer *out, pc_arena *arena, const pc_summary_rules *rules,
                           const pc_summary_input *input);
bool summary_put_service(pc_buffer *out, pc_arena *arena, const pc_summary_rules *rules,
                         const pc_summary_input *input);

/* How many events there are. */
size_t summary_event_count(const pc_summary_input *input);

#endif
