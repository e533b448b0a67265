/* Which channel is preferred, and which may be used for marketing.
 *
 * The rule (reference: XDM consents, `any` and `idSpecific`): `any` = n forbids every channel, and
 * the person's n on a channel forbids it whatever the asked identity says. Else the consent of the
 * identity counts before that of the person, and a channel's own before `any`; but `any` = y stands
 * for what is pending or unknown. `any` is the person's: below an identity it is not supported, and
 * only its n is heeded. A text that is not in the list is never a yes. */
#include <strings.h>

#include "context/summary/summary_internal.h"
#include "mapping_tables.h"

/* Field numbers of ChannelContactability and ChannelPreference. */
enum {
    CONTACT_CHANNEL = 1,
    CONTACT_VERDICT = 2,
    CONTACT_VALUE = 3,
    CONTACT_REASON = 4,
    CONTACT_SOURCE = 5,
    PREFERENCE_CHANNEL = 1,
    PREFERENCE_SOURCE = 2
};

/* Numbers of consent.proto's ConsentValue and summary.proto's Contactability. */
enum {
    VALUE_YES = 1,
    VALUE_NO = 2,
    VALUE_PENDING = 3,
    VALUE_UNKNOWN = 4,
    VALUE_DEFAULT_YES = 5,
    VALUE_DEFAULT_NO = 6,
    ALLOWED = 1,
    FORBIDDEN = 2,
    UNDECIDED = 3,
    OTHER_GROUND = 4
};

/* A channel's field in MarketingConsents, and its name in XDM. */
static const struct {
    const char *field;
    const char *path;
    const char *identity_path;
} channels[] = {
#define CHANNEL(field, name)                                                                       \
    {                                                                                              \
        field, "consents.marketing." name, "consents.idSpecific.marketing." name                   \
    }
    CHANNEL("email", "email"),
    CHANNEL("push", "push"),
    CHANNEL("sms", "sms"),
    CHANNEL("whats_app", "whatsApp"),
    CHANNEL("call", "call"),
    CHANNEL("fax", "fax"),
    CHANNEL("commercial_email", "commercialEmail"),
    CHANNEL("postal_mail", "postalMail"),
    CHANNEL("any", "any"),
#undef CHANNEL
};

enum { CHANNEL_ANY = 8, PATH_PREFIX = sizeof "consents.marketing." - 1 };

static span channel_consent(span marketing, size_t channel)
{
    const pc_field_table *field =
        pc_table_find_name(&pc_table_MarketingConsents, channels[channel].field,
                           __builtin_strlen(channels[channel].field));
    pc_wire_path path = {.numbers = {field == NULL ? 0 : field->number}, .depth = 1};
    pc_wire_field found;
    return pc_wire_find(marketing.bytes, marketing.size, &path, &found)
               ? (span){found.bytes, found.size}
               : (span){0};
}

/* The marketing consents of the identity that was asked for. */
static span identity_marketing(const pc_summary_rules *rules, const pc_summary_input *input,
                               span consents)
{
    pc_wire_reader reader;
    span entry;
    if (input->namespace_code == NULL) {
        return (span){0};
    }
    pc_wire_reader_init(&reader, consents.bytes, consents.size);
    while (summary_next(rules, &reader, PATH_ID_SPECIFIC, &entry)) {
        span name = summary_span(rules, entry, PATH_IDENTITY_NAMESPACE);
        if (name.size == __builtin_strlen(input->namespace_code) &&
            strncasecmp((const char *)name.bytes, input->namespace_code, name.size) == 0 &&
            span_is(summary_span(rules, entry, PATH_IDENTITY_ID), input->id)) {
            return summary_span(rules, entry, PATH_IDENTITY_MARKETING);
        }
    }
    return (span){0};
}

static int verdict_of(int64_t value)
{
    switch (value) {
    case VALUE_YES:
    case VALUE_DEFAULT_YES:
        return ALLOWED;
    case VALUE_NO:
    case VALUE_DEFAULT_NO:
        return FORBIDDEN;
    case VALUE_PENDING:
    case VALUE_UNKNOWN:
    case 0:
        return UNDECIDED;
    default:
        return OTHER_GROUND;
    }
}

/* A consent that may decide, and where it stands. */
typedef struct {
    span consent;
    const char *path;
    moment set_time; /* of the set that it belongs to, for one without a time */
} record;

static void put_channel(pc_buffer *out, const pc_summary_rules *rules, size_t channel,
                        const record *decisive)
{
    size_t mark = pc_wire_begin(out, SUMMARY_CONTACTABILITY);
    pc_wire_put_text(out, CONTACT_CHANNEL, channels[channel].path + PATH_PREFIX);
    if (decisive != NULL) {
        span consent = decisive->consent;
        int64_t value = summary_int(rules, consent, PATH_CONSENT_VALUE);
        moment own_time = summary_time(rules, consent, PATH_CONSENT_TIME);
        pc_wire_put_int(out, CONTACT_VERDICT, verdict_of(value));
        pc_wire_put_int(out, CONTACT_VALUE, value);
        summary_put_span(out, CONTACT_REASON, summary_span(rules, consent, PATH_CONSENT_REASON));
        size_t source = pc_wire_begin(out, CONTACT_SOURCE);
        pc_wire_put_text(out, SOURCE_PATH, decisive->path);
        summary_put_moment(out, SOURCE_TIME, own_time.known ? own_time : decisive->set_time);
        pc_wire_end(out, source);
    }
    pc_wire_end(out, mark);
}

static bool says_no(const pc_summary_rules *rules, span consent)
{
    return consent.bytes != NULL && summary_int(rules, consent, PATH_CONSENT_VALUE) == VALUE_NO;
}

/* An own choice that says anything: a subscription alone does not. */
static bool says(const pc_summary_rules *rules, span consent)
{
    /* A text that is not in the list stands in the extensions, so the entry is not empty. */
    return consent.bytes != NULL && consent.size > 0 &&
           (summary_int(rules, consent, PATH_CONSENT_VALUE) != 0 ||
            summary_has(rules, consent, PATH_CONSENT_EXTENSIONS));
}

static const record *decide(const pc_summary_rules *rules, const record *identity_channel,
                            const record *person_channel, const record *identity_any,
                            const record *person_any)
{
    const record *const refusals[] = {person_any, identity_any, person_channel};
    const record *const choices[] = {identity_channel, person_channel, person_any};
    for (size_t i = 0; i < PC_COUNT_OF(refusals); i++) {
        if (says_no(rules, refusals[i]->consent)) {
            return refusals[i];
        }
    }
    bool any_yes = summary_int(rules, person_any->consent, PATH_CONSENT_VALUE) == VALUE_YES;
    for (size_t i = 0; i < PC_COUNT_OF(choices); i++) {
        int64_t value = summary_int(rules, choices[i]->consent, PATH_CONSENT_VALUE);
        bool is_open = value == VALUE_PENDING || value == VALUE_UNKNOWN;
        if (says(rules, choices[i]->consent) && !(any_yes && is_open)) {
            return choices[i];
        }
    }
    return NULL;
}

static void put_verdict(pc_buffer *out, const pc_summary_rules *rules, size_t channel, span person,
                        span identity, moment set_time)
{
    const record identity_channel = {.consent = channel_consent(identity, channel),
                                     .path = channels[channel].identity_path};
    const record identity_any = {.consent = channel_consent(identity, CHANNEL_ANY),
                                 .path = channels[CHANNEL_ANY].identity_path};
    const record person_channel = {channel_consent(person, channel), channels[channel].path,
                                   set_time};
    const record person_any = {channel_consent(person, CHANNEL_ANY), channels[CHANNEL_ANY].path,
                               set_time};
    put_channel(out, rules, channel,
                decide(rules, &identity_channel, &person_channel, &identity_any, &person_any));
}

void summary_put_consents(pc_buffer *out, const pc_summary_rules *rules,
                          const pc_summary_input *input)
{
    span profile = {input->profile, input->profile_size};
    span consents = summary_span(rules, profile, PATH_CONSENTS);
    span person = summary_span(rules, consents, PATH_MARKETING);
    span identity = identity_marketing(rules, input, consents);
    moment set_time = summary_time(rules, consents, PATH_CONSENTS_TIME);
    bool own = summary_int(rules, identity, PATH_PREFERRED) != 0;
    int64_t preferred = summary_int(rules, own ? identity : person, PATH_PREFERRED);
    if (preferred != 0) {
        size_t mark = pc_wire_begin(out, SUMMARY_PREFERRED_CHANNEL);
        pc_wire_put_int(out, PREFERENCE_CHANNEL, preferred);
        size_t source = pc_wire_begin(out, PREFERENCE_SOURCE);
        pc_wire_put_text(out, SOURCE_PATH,
                         own ? "consents.idSpecific.marketing.preferred"
                             : "consents.marketing.preferred");
        pc_wire_end(out, source);
        pc_wire_end(out, mark);
    }
    for (size_t i = 0; i < CHANNEL_ANY; i++) {
        put_verdict(out, rules, i, person, identity, set_time);
    }
}
