/* Events: purchases, campaign contacts, and the rest. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "times.h"
#include "view.h"

typedef Profilecontext__V1__ExperienceEvent event;

enum {
    PURCHASES_SHOWN = 8,
    CAMPAIGNS_SHOWN = 8,
    OTHERS_SHOWN = 8,
    CURRENCIES_MAX = 8,
    CURRENCY_SIZE = 12,
    AMOUNT_SIZE = VIEW_NUMBER_SIZE + CURRENCY_SIZE + 1,
    AMOUNT_COLUMNS = 16,
    TYPE_COLUMNS = 34
};

typedef struct {
    char currency[CURRENCY_SIZE];
    double total;
    size_t orders;
} currency_sum;

static bool is_purchase(const event *it)
{
    return it->commerce != NULL && it->commerce->order != NULL;
}

static bool is_campaign(const event *it)
{
    return !is_purchase(it) && (it->direct_marketing != NULL || it->marketing != NULL);
}

static const char *event_type(const event *it)
{
    return it->event_type == NULL || *it->event_type == '\0' ? "without type" : it->event_type;
}

static void add_date(display *to, const event *it)
{
    char date[TIMES_TEXT_SIZE] = "no date";
    if (it->timestamp != NULL) {
        times_format_date(date, it->timestamp->seconds);
    }
    display_pad(to, VIEW_INDENT);
    display_cell(to, STYLE_FAINT, date, 12);
}

static bool has_total(const Profilecontext__V1__Order *order)
{
    return order->_price_total_case != PROFILECONTEXT__V1__ORDER___PRICE_TOTAL__NOT_SET;
}

static const char *currency_of(const Profilecontext__V1__Order *order)
{
    return order->currency_code == NULL ? "" : order->currency_code;
}

/* The items of an order, such as "Kettle, Cup ×2". */
static void add_items(display *to, const event *it)
{
    size_t shown = 0;
    for (size_t i = 0; i < it->n_product_list_items; i++) {
        const Profilecontext__V1__ProductListItem *item = it->product_list_items[i];
        const char *name = item->name != NULL ? item->name : item->sku;
        if (name == NULL || *name == '\0') {
            continue;
        }
        display_addf(to, STYLE_PLAIN, "%s%s", shown++ == 0 ? "" : ", ", name);
        if (item->_quantity_case != PROFILECONTEXT__V1__PRODUCT_LIST_ITEM___QUANTITY__NOT_SET &&
            item->quantity != 1) {
            display_addf(to, STYLE_PLAIN, " ×%" PRId64, item->quantity);
        }
    }
    if (shown == 0 && it->commerce != NULL && it->commerce->order != NULL &&
        it->commerce->order->purchase_id != NULL) {
        display_addf(to, STYLE_PLAIN, "order %s", it->commerce->order->purchase_id);
    }
}

/* Writes an amount and its currency, of which no more is taken than a currency can have. */
static void format_amount(char out[AMOUNT_SIZE], double amount, const char *currency)
{
    char number[VIEW_NUMBER_SIZE];
    view_number(number, amount, 2);
    snprintf(out, AMOUNT_SIZE, "%s %.*s", number, CURRENCY_SIZE - 1, currency);
}

static void add_order(display *to, const event *it)
{
    const Profilecontext__V1__Order *order = it->commerce->order;
    char amount[AMOUNT_SIZE] = "";
    if (has_total(order)) {
        format_amount(amount, order->price_total, currency_of(order));
    }
    display_cell(to, STYLE_PLAIN, amount, AMOUNT_COLUMNS);
    if (order->cancel_date != NULL) {
        display_add(to, STYLE_WARNING, "cancelled ");
    }
    add_items(to, it);
    if (order->_refund_total_case != PROFILECONTEXT__V1__ORDER___REFUND_TOTAL__NOT_SET &&
        order->refund_total > 0) {
        format_amount(amount, order->refund_total, currency_of(order));
        display_addf(to, STYLE_WARNING, ", refunded %s", amount);
    }
}

/* Adds an order to the sum of its currency. Cancelled orders are no purchases. */
static void add_to_sums(currency_sum sums[CURRENCIES_MAX], size_t *count,
                        const Profilecontext__V1__Order *order)
{
    if (!has_total(order) || order->cancel_date != NULL) {
        return;
    }
    size_t at = 0;
    while (at < *count && strncmp(sums[at].currency, currency_of(order), CURRENCY_SIZE - 1) != 0) {
        at++;
    }
    if (at == *count) {
        if (*count == CURRENCIES_MAX) {
            return;
        }
        sums[at] = (currency_sum){0};
        snprintf(sums[at].currency, CURRENCY_SIZE, "%s", currency_of(order));
        (*count)++;
    }
    sums[at].total += order->price_total;
    sums[at].orders++;
}

static void view_more(display *to, size_t more)
{
    if (more > 0) {
        char text[VIEW_NUMBER_SIZE];
        snprintf(text, sizeof text, "and %zu more", more);
        view_note(to, text);
    }
}

void view_purchases(display *to, event *const *events, size_t count)
{
    currency_sum sums[CURRENCIES_MAX];
    size_t sum_count = 0;
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_purchase(events[i])) {
            continue;
        }
        add_to_sums(sums, &sum_count, events[i]->commerce->order);
        if (found++ < PURCHASES_SHOWN) {
            add_date(to, events[i]);
            add_order(to, events[i]);
            display_end(to);
        }
    }
    if (found == 0) {
        view_note(to, "none");
        return;
    }
    view_more(to, found > PURCHASES_SHOWN ? found - PURCHASES_SHOWN : 0);
    for (size_t i = 0; i < sum_count; i++) {
        char amount[AMOUNT_SIZE];
        format_amount(amount, sums[i].total, sums[i].currency);
        display_pad(to, VIEW_INDENT);
        display_cell(to, STYLE_BOLD, "together", 12);
        display_cell(to, STYLE_BOLD, amount, AMOUNT_COLUMNS);
        display_addf(to, STYLE_FAINT, "in %zu %s", sums[i].orders,
                     sums[i].orders == 1 ? "order" : "orders");
        display_end(to);
    }
}

static const char *campaign_name(const event *it)
{
    if (it->marketing != NULL && it->marketing->campaign_name != NULL) {
        return it->marketing->campaign_name;
    }
    if (it->direct_marketing != NULL && it->direct_marketing->mailing_name != NULL) {
        return it->direct_marketing->mailing_name;
    }
    if (it->marketing != NULL && it->marketing->tracking_code != NULL) {
        return it->marketing->tracking_code;
    }
    return "without name";
}

/* What became of the message, in words; falls back on the type of the event. */
static void add_what_happened(display *to, const event *it)
{
    const Profilecontext__V1__DirectMarketing *message = it->direct_marketing;
    size_t shown = 0;
    if (message != NULL) {
        const struct {
            const Profilecontext__V1__Measure *measure;
            const char *words;
            display_style style;
        } happenings[] = {
            {message->sends, "sent", STYLE_PLAIN},
            {message->email_delivered, "delivered", STYLE_PLAIN},
            {message->impressions, "seen", STYLE_PLAIN},
            {message->opens, "opened", STYLE_GOOD},
            {message->mirror_pages, "opened on the web", STYLE_GOOD},
            {message->offer_opens, "opened the offer", STYLE_GOOD},
            {message->clicks, "clicked", STYLE_GOOD},
            {message->bounces, "bounced", STYLE_WARNING},
            {message->non_deliverables, "not deliverable", STYLE_WARNING},
            {message->not_sent, "held back", STYLE_WARNING},
            {message->excludes, "excluded", STYLE_WARNING},
            {message->unsubscriptions, "unsubscribed", STYLE_BAD},
            {message->user_complaints, "complained", STYLE_BAD},
        };
        for (size_t i = 0; i < sizeof happenings / sizeof *happenings; i++) {
            const Profilecontext__V1__Measure *measure = happenings[i].measure;
            bool nothing = measure == NULL || (measure->_value_case != 0 && measure->value == 0);
            if (!nothing) {
                display_add(to, happenings[i].style, shown++ == 0 ? "" : ", ");
                display_add(to, happenings[i].style, happenings[i].words);
            }
        }
    }
    if (shown == 0) {
        display_add(to, STYLE_PLAIN, event_type(it));
    }
}

void view_campaigns(display *to, event *const *events, size_t count)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_campaign(events[i]) && found++ < CAMPAIGNS_SHOWN) {
            add_date(to, events[i]);
            display_cell(to, STYLE_PLAIN, campaign_name(events[i]), TYPE_COLUMNS - 1);
            display_add(to, STYLE_PLAIN, " ");
            add_what_happened(to, events[i]);
            display_end(to);
        }
    }
    if (found == 0) {
        view_note(to, "none");
    }
    view_more(to, found > CAMPAIGNS_SHOWN ? found - CAMPAIGNS_SHOWN : 0);
}

/* What an event was about, as far as it says. */
static void add_subject(display *to, const event *it)
{
    const Profilecontext__V1__Web *web = it->web;
    if (it->n_product_list_items > 0) {
        add_items(to, it);
    } else if (web != NULL && web->web_interaction != NULL && web->web_interaction->name != NULL) {
        display_add(to, STYLE_PLAIN, web->web_interaction->name);
    } else if (web != NULL && web->web_page_details != NULL) {
        const char *page = web->web_page_details->name;
        page = page != NULL ? page : web->web_page_details->url;
        display_add(to, STYLE_PLAIN, page != NULL ? page : "");
    }
}

void view_other_events(display *to, event *const *events, size_t count)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_purchase(events[i]) && !is_campaign(events[i]) && found++ < OTHERS_SHOWN) {
            add_date(to, events[i]);
            display_cell(to, STYLE_PLAIN, event_type(events[i]), TYPE_COLUMNS - 1);
            display_add(to, STYLE_PLAIN, " ");
            add_subject(to, events[i]);
            display_end(to);
        }
    }
    if (found == 0) {
        view_note(to, "none");
    }
    view_more(to, found > OTHERS_SHOWN ? found - OTHERS_SHOWN : 0);
}

void view_event(display *to, const event *it)
{
    char moment[TIMES_TEXT_SIZE] = "no date";
    if (it->timestamp != NULL) {
        times_format_minute(moment, it->timestamp->seconds);
    }
    display_cell(to, STYLE_FAINT, moment, 18);
    display_cell(to, STYLE_PLAIN, event_type(it), TYPE_COLUMNS - 6);
    display_add(to, STYLE_PLAIN, " ");
    if (is_purchase(it)) {
        add_order(to, it);
    } else if (is_campaign(it)) {
        display_addf(to, STYLE_PLAIN, "%s: ", campaign_name(it));
        add_what_happened(to, it);
    } else {
        add_subject(to, it);
    }
    display_end(to);
}
