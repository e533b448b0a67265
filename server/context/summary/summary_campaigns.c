/* Messages and campaigns that reached for the customer. Events that belong to one message (by the
 * message's or mailing's id, else the tracking code or the campaign's name) are one contact; what
 * they measure says what became of it. */
#include <string.h>

#include "context/summary/summary_internal.h"
#include "mapping_tables.h"

/* Field numbers of CampaignSummary and CampaignContact. */
enum {
    CAMPAIGNS_COUNT = 1,
    CAMPAIGNS_CONTACTS = 2,
    CONTACT_NAME = 1,
    CONTACT_MESSAGE_ID = 2,
    CONTACT_CHANNEL = 3,
    CONTACT_FIRST_TIME = 4,
    CONTACT_LAST_TIME = 5,
    CONTACT_REACTIONS = 6,
    CONTACT_SOURCE = 7
};

/* Numbers of summary.proto's CampaignReaction. */
enum {
    SENT = 1,
    DELIVERED = 2,
    OPENED = 3,
    CLICKED = 4,
    CONVERTED = 5,
    BOUNCED = 6,
    UNSUBSCRIBED = 7,
    COMPLAINED = 8,
    DISMISSED = 9,
    NOT_SENT = 10,
    REACTIONS_END = 11
};

#define BIT(reaction) (1u << (reaction))

typedef struct {
    span key;
    span name;
    span message_id;
    span channel;
    span tracking_code;
    moment first;
    event_head last;
    const char *path;
    unsigned reactions;
} contact;

/* What a field that is set says. Measures count when they are not 0. */
typedef struct {
    const char *field;
    int reaction;
} field_reaction;

/* Of DirectMarketing. */
static const field_reaction measures[] = {
    {"sends", SENT},
    {"email_delivered", DELIVERED},
    {"opens", OPENED},
    {"offer_opens", OPENED},
    {"mirror_pages", OPENED},
    {"impressions", OPENED},
    {"clicks", CLICKED},
    {"bounces", BOUNCED},
    {"non_deliverables", BOUNCED},
    {"unsubscriptions", UNSUBSCRIBED},
    {"user_complaints", COMPLAINED},
    {"not_sent", NOT_SENT},
    {"excludes", NOT_SENT},
};

/* Standard event types about messages; those without a reaction are contacts all the same. */
static const struct {
    const char *type;
    int reaction;
    const char *channel;
} types[] = {
    {"directMarketing.emailSent", SENT, "email"},
    {"directMarketing.emailDelivered", DELIVERED, "email"},
    {"directMarketing.emailOpened", OPENED, "email"},
    {"directMarketing.emailClicked", CLICKED, "email"},
    {"directMarketing.emailBounced", BOUNCED, "email"},
    {"directMarketing.emailBouncedSoft", BOUNCED, "email"},
    {"directMarketing.emailUnsubscribed", UNSUBSCRIBED, "email"},
    {"pushTracking.applicationOpened", OPENED, "push"},
    {"pushTracking.customAction", CLICKED, "push"},
    {"inappmessageTracking.display", OPENED, "inApp"},
    {"inappmessageTracking.interact", CLICKED, "inApp"},
    {"inappmessageTracking.dismiss", DISMISSED, "inApp"},
    {"message.feedback", 0, ""},
    {"message.tracking", 0, ""},
    {"delivery.feedback", 0, ""},
};

static unsigned measured(const pc_summary_rules *rules, span direct)
{
    unsigned found = 0;
    pc_wire_reader reader;
    pc_wire_field field;
    pc_wire_reader_init(&reader, direct.bytes, direct.size);
    while (pc_wire_next(&reader, &field)) {
        const pc_field_table *known = pc_table_find_number(&pc_table_DirectMarketing, field.number);
        for (size_t i = 0; known != NULL && i < PC_COUNT_OF(measures); i++) {
            double value = 1;
            if (strcmp(known->name, measures[i].field) != 0) {
                continue;
            }
            (void)summary_double(rules, (span){field.bytes, field.size}, PATH_MEASURE_VALUE,
                                 &value);
            found |= value != 0 ? BIT(measures[i].reaction) : 0;
        }
    }
    return found;
}

/* By the numbers of JourneyFeedbackStatus and JourneyInteractionType; programs' clicks and opens
 * are no reaction of the person. */
static unsigned journey_reactions(const pc_summary_rules *rules, span event)
{
    static const int feedbacks[] = {0,        BOUNCED,  NOT_SENT,  SENT,   BOUNCED, SENT,
                                    NOT_SENT, NOT_SENT, DELIVERED, OPENED, 0};
    static const int interactions[] = {
        0, CLICKED, OPENED, UNSUBSCRIBED, COMPLAINED, CONVERTED, CONVERTED, CLICKED, 0, 0};
    int64_t feedback = summary_int(rules, event, PATH_JOURNEY_FEEDBACK);
    int64_t interaction = summary_int(rules, event, PATH_JOURNEY_INTERACTION);
    unsigned found = 0;
    if (feedback > 0 && feedback < (int64_t)PC_COUNT_OF(feedbacks) && feedbacks[feedback] != 0) {
        found |= BIT(feedbacks[feedback]);
    }
    if (interaction > 0 && interaction < (int64_t)PC_COUNT_OF(interactions) &&
        interactions[interaction] != 0) {
        found |= BIT(interactions[interaction]);
    }
    return found;
}

/* The last part of a URI such as https://ns.adobe.com/xdm/channel-types/email. */
static span last_part(span uri)
{
    size_t at = uri.size;
    while (at > 0 && uri.bytes[at - 1] != '/') {
        at--;
    }
    return (span){uri.bytes + at, uri.size - at};
}

static span first_of(span a, span b)
{
    return a.size > 0 ? a : b;
}

static span text_span(const char *text)
{
    return (span){(const uint8_t *)text, strlen(text)};
}

/* False when the event is none of a message. */
static bool read_contact(contact *out, const pc_summary_rules *rules, span wire)
{
    *out = (contact){.last = summary_event(rules, wire)};
    span direct = summary_span(rules, wire, PATH_EVENT_DIRECT_MARKETING);
    span marketing = summary_span(rules, wire, PATH_EVENT_MARKETING);
    span channel = summary_span(rules, wire, PATH_EVENT_CHANNEL_TYPE);
    channel = first_of(channel, summary_span(rules, wire, PATH_EVENT_CHANNEL_ID));
    out->channel = last_part(channel);
    bool is_contact = summary_has(rules, wire, PATH_EVENT_DIRECT_MARKETING);
    out->path = is_contact ? "directMarketing" : "eventType";
    out->reactions = measured(rules, direct);
    for (size_t i = 0; i < PC_COUNT_OF(types); i++) {
        if (span_is(out->last.type, types[i].type)) {
            is_contact = true;
            out->reactions |= types[i].reaction == 0 ? 0 : BIT(types[i].reaction);
            out->channel = first_of(out->channel, text_span(types[i].channel));
        }
    }
    if (summary_has(rules, wire, PATH_EVENT_JOURNEYS)) {
        is_contact = true;
        out->path = "_experience.customerJourneyManagement";
        out->reactions |= journey_reactions(rules, wire);
    }
    out->name = first_of(summary_span(rules, marketing, PATH_CAMPAIGN_NAME),
                         summary_span(rules, direct, PATH_MAILING_NAME));
    out->tracking_code = summary_span(rules, marketing, PATH_TRACKING_CODE);
    out->message_id = first_of(summary_span(rules, direct, PATH_MESSAGE_ID),
                               summary_span(rules, direct, PATH_MAILING_ID));
    out->message_id =
        first_of(out->message_id, summary_span(rules, wire, PATH_JOURNEY_EXECUTION_ID));
    out->message_id = first_of(out->message_id, summary_span(rules, wire, PATH_JOURNEY_MESSAGE_ID));
    out->key = first_of(out->message_id, first_of(out->tracking_code, out->name));
    return is_contact;
}

static void join(contact *to, const contact *event)
{
    to->name = first_of(to->name, event->name);
    to->channel = first_of(to->channel, event->channel);
    to->tracking_code = first_of(to->tracking_code, event->tracking_code);
    to->reactions |= event->reactions;
    if (!to->first.known || moment_before(event->last.time, to->first)) {
        to->first = event->last.time;
    }
    if (!moment_before(event->last.time, to->last.time)) {
        to->last = event->last;
        to->path = event->path;
    }
}

/* A purchase that names the campaign it came from. */
static void convert(contact *all, size_t count, const pc_summary_rules *rules, span wire)
{
    span marketing = summary_span(rules, wire, PATH_EVENT_MARKETING);
    span code = summary_span(rules, marketing, PATH_TRACKING_CODE);
    span type = summary_span(rules, wire, PATH_EVENT_TYPE);
    for (size_t i = 0; code.size > 0 && span_is(type, "commerce.purchases") && i < count; i++) {
        if (span_equal(all[i].tracking_code, code)) {
            all[i].reactions |= BIT(CONVERTED);
        }
    }
}

static void put_contact(pc_buffer *out, const contact *c)
{
    size_t mark = pc_wire_begin(out, CAMPAIGNS_CONTACTS);
    summary_put_span(out, CONTACT_NAME, c->name);
    summary_put_span(out, CONTACT_MESSAGE_ID, c->message_id);
    summary_put_span(out, CONTACT_CHANNEL, c->channel);
    summary_put_moment(out, CONTACT_FIRST_TIME, c->first);
    summary_put_moment(out, CONTACT_LAST_TIME, c->last.time);
    size_t packed = pc_wire_begin(out, CONTACT_REACTIONS);
    for (unsigned reaction = SENT; reaction < REACTIONS_END; reaction++) {
        if ((c->reactions & BIT(reaction)) != 0) {
            pc_wire_put_varint(out, reaction);
        }
    }
    pc_wire_end(out, packed);
    summary_put_event_source(out, CONTACT_SOURCE, c->path, &c->last);
    pc_wire_end(out, mark);
}

static size_t collect(contact *all, const pc_summary_rules *rules, const pc_summary_input *input)
{
    size_t count = 0;
    pc_wire_reader reader;
    pc_wire_field field;
    pc_wire_reader_init(&reader, input->events, input->events_size);
    while (pc_wire_next(&reader, &field)) {
        contact event;
        if (!read_contact(&event, rules, (span){field.bytes, field.size})) {
            continue;
        }
        size_t same = 0;
        while (same < count && (event.key.size == 0 || !span_equal(all[same].key, event.key))) {
            same++;
        }
        if (same == count) {
            all[count] = event;
            all[count++].first = event.last.time;
        } else {
            join(&all[same], &event);
        }
    }
    pc_wire_reader_init(&reader, input->events, input->events_size);
    while (pc_wire_next(&reader, &field)) {
        convert(all, count, rules, (span){field.bytes, field.size});
    }
    return count;
}

bool summary_put_campaigns(pc_buffer *out, pc_arena *arena, const pc_summary_rules *rules,
                           const pc_summary_input *input)
{
    contact *all = pc_arena_calloc(arena, summary_event_count(input) + 1, sizeof *all);
    if (all == NULL) {
        return false;
    }
    size_t count = collect(all, rules, input);
    size_t mark = pc_wire_begin(out, SUMMARY_CAMPAIGNS);
    pc_wire_put_int(out, CAMPAIGNS_COUNT, (int64_t)count);
    /* Latest first. */
    for (size_t shown = 0; shown < count && shown < (size_t)rules->campaign_contacts; shown++) {
        size_t latest = shown;
        for (size_t i = shown + 1; i < count; i++) {
            if (moment_before(all[latest].last.time, all[i].last.time)) {
                latest = i;
            }
        }
        contact c = all[latest];
        all[latest] = all[shown];
        all[shown] = c;
        put_contact(out, &c);
    }
    pc_wire_end(out, mark);
    return true;
}
