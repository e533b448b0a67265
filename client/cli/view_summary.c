/* The summary: what an agent needs before the first word is said. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "times.h"
#include "view.h"

typedef Profilecontext__V1__ContextSummary context_summary;

enum { FACTORS_SHOWN = 3, CASES_SHOWN = 3, CONTACTS_SHOWN = 3 };

static void add_moment(display *to, const Google__Protobuf__Timestamp *time)
{
    char date[TIMES_TEXT_SIZE];
    if (time != NULL) {
        times_format_date(date, time->seconds);
        display_addf(to, STYLE_FAINT, "%s ", date);
    }
}

static void show_value(display *to, const Profilecontext__V1__LifetimeValue *value)
{
    char number[VIEW_NUMBER_SIZE];
    if (value != NULL) {
        view_number(number, value->value, 2);
        view_label(to, "Lifetime value");
        display_addf(to, STYLE_BOLD, "%s %s", number, value->unit);
        display_end(to);
    }
}

static const char *band_in_words(Profilecontext__V1__InsightBand band)
{
    switch (band) {
    case PROFILECONTEXT__V1__INSIGHT_BAND__INSIGHT_BAND_HIGH:
        return "high";
    case PROFILECONTEXT__V1__INSIGHT_BAND__INSIGHT_BAND_MEDIUM:
        return "medium";
    case PROFILECONTEXT__V1__INSIGHT_BAND__INSIGHT_BAND_LOW:
        return "low";
    default:
        return "";
    }
}

static void show_propensity(display *to, const char *name,
                            const Profilecontext__V1__PropensitySummary *it)
{
    if (it == NULL) {
        return;
    }
    char number[VIEW_NUMBER_SIZE];
    view_number(number, it->score, it->score == floor(it->score) ? 0 : 2);
    view_label(to, name);
    display_addf(to, STYLE_BOLD, "%s",
                 *band_in_words(it->band) == '\0' ? number : band_in_words(it->band));
    if (*band_in_words(it->band) != '\0') {
        display_addf(to, STYLE_PLAIN, " (%s)", number);
    }
    for (size_t i = 0; i < it->n_factors && i < FACTORS_SHOWN; i++) {
        display_addf(to, STYLE_FAINT, "%s%s", i == 0 ? " because of " : ", ", it->factors[i]->code);
    }
    display_end(to);
}

static void add_money(display *to, const Google__Type__Money *money)
{
    char number[VIEW_NUMBER_SIZE];
    view_number(number, (double)money->units + money->nanos / 1e9, 2);
    display_addf(to, STYLE_PLAIN, "%s %s", number, money->currency_code);
}

static void show_purchases(display *to, const Profilecontext__V1__PurchaseSummary *it)
{
    if (it == NULL || it->count == 0) {
        return;
    }
    view_label(to, "Purchases");
    display_addf(to, STYLE_PLAIN, "%" PRId32, it->count);
    for (size_t i = 0; i < it->n_totals; i++) {
        display_add(to, STYLE_PLAIN, i == 0 ? " for " : " and ");
        add_money(to, it->totals[i]);
    }
    if (it->last != NULL) {
        display_add(to, STYLE_PLAIN, ", last ");
        add_moment(to, it->last->time);
        for (size_t i = 0; i < it->last->n_products; i++) {
            display_addf(to, STYLE_PLAIN, "%s%s", i == 0 ? "" : ", ", it->last->products[i]);
        }
    }
    display_end(to);
}

static const char *reaction_in_words(Profilecontext__V1__CampaignReaction reaction)
{
    static const char *const words[] = {"",           "sent",      "delivered", "opened",
                                        "clicked",    "converted", "bounced",   "unsubscribed",
                                        "complained", "dismissed", "not sent"};
    return (size_t)reaction < sizeof words / sizeof *words ? words[reaction] : "";
}

static void show_campaigns(display *to, const Profilecontext__V1__CampaignSummary *it)
{
    for (size_t i = 0; it != NULL && i < it->n_contacts && i < CONTACTS_SHOWN; i++) {
        const Profilecontext__V1__CampaignContact *contact = it->contacts[i];
        view_label(to, i == 0 ? "Campaign contacts" : "");
        add_moment(to, contact->last_time);
        display_addf(to, STYLE_PLAIN, "%s",
                     *contact->campaign_name == '\0' ? "a message" : contact->campaign_name);
        if (*contact->channel != '\0') {
            display_addf(to, STYLE_PLAIN, " by %s", contact->channel);
        }
        for (size_t j = 0; j < contact->n_reactions; j++) {
            display_addf(to, STYLE_PLAIN, "%s%s", j == 0 ? ": " : ", ",
                         reaction_in_words(contact->reactions[j]));
        }
        display_end(to);
    }
}

static void show_service(display *to, const Profilecontext__V1__ServiceSummary *it)
{
    for (size_t i = 0; it != NULL && i < it->n_open_cases && i < CASES_SHOWN; i++) {
        const Profilecontext__V1__ServiceCase *open = it->open_cases[i];
        view_label(to, i == 0 ? "Open cases" : "");
        add_moment(to, open->last_time);
        display_addf(to, STYLE_WARNING, "%s", open->case_id);
        display_addf(to, STYLE_PLAIN, "%s%s", *open->subject == '\0' ? "" : " ", open->subject);
        if (*open->status != '\0') {
            display_addf(to, STYLE_FAINT, " (%s)", open->status);
        }
        display_end(to);
    }
    if (it != NULL && it->last_contact != NULL) {
        view_label(to, "Last service contact");
        add_moment(to, it->last_contact->time);
        display_add(to, STYLE_PLAIN,
                    *it->last_contact->subject == '\0' ? it->last_contact->event_type
                                                       : it->last_contact->subject);
        display_end(to);
    }
}

/* The channels with this answer on a line. */
static void show_channels(display *to, const context_summary *summary, const char *name,
                          Profilecontext__V1__Contactability which, display_style style)
{
    size_t shown = 0;
    for (size_t i = 0; i < summary->n_contactability; i++) {
        if (summary->contactability[i]->contactability == which) {
            if (shown++ == 0) {
                view_label(to, name);
            }
            display_addf(to, style, "%s%s", shown == 1 ? "" : ", ",
                         summary->contactability[i]->channel);
        }
    }
    if (shown > 0) {
        display_end(to);
    }
}

void view_summary(display *to, const context_summary *summary)
{
    show_value(to, summary->lifetime_value);
    show_propensity(to, "Churn", summary->churn);
    show_propensity(to, "Conversion", summary->conversion);
    show_purchases(to, summary->purchases);
    show_campaigns(to, summary->campaigns);
    show_service(to, summary->service);
    show_channels(to, summary, "May be contacted by",
                  PROFILECONTEXT__V1__CONTACTABILITY__CONTACTABILITY_ALLOWED, STYLE_GOOD);
    show_channels(to, summary, "Must not be by",
                  PROFILECONTEXT__V1__CONTACTABILITY__CONTACTABILITY_FORBIDDEN, STYLE_BAD);
    show_channels(to, summary, "Undecided",
                  PROFILECONTEXT__V1__CONTACTABILITY__CONTACTABILITY_UNDECIDED, STYLE_WARNING);
    show_channels(to, summary, "On another ground",
                  PROFILECONTEXT__V1__CONTACTABILITY__CONTACTABILITY_OTHER_GROUND, STYLE_WARNING);
}
