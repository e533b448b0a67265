/* Purchases and refunds among the events. A purchase is an event of type commerce.purchases, or one
 * whose measure commerce.purchases is not 0; several events of one order (by its purchaseID) are
 * one purchase. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "context/summary/summary_internal.h"

/* Field numbers of PurchaseSummary and Purchase. */
enum {
    PURCHASES_COUNT = 1,
    PURCHASES_TOTALS = 2,
    PURCHASES_WITHOUT_TOTAL = 3,
    PURCHASES_REFUNDS = 4,
    PURCHASES_LAST = 5,
    PURCHASE_TIME = 1,
    PURCHASE_ID = 2,
    PURCHASE_TOTAL = 3,
    PURCHASE_PRODUCTS = 4,
    PURCHASE_SOURCE = 5
};

enum { PRODUCTS_MAX = 10, CURRENCIES_MAX = 32 };

typedef struct {
    event_head head;
    span commerce;
    span id; /* of the order */
    bool has_total;
    span currency;
    pc_money total;
} purchase;

/* Sums by currency. */
typedef struct {
    span currencies[CURRENCIES_MAX];
    pc_money sums[CURRENCIES_MAX];
    size_t count;
} purse;

/* False when it does not fit: then the amount is in no sum. */
static bool add(purse *to, span currency, pc_money amount)
{
    size_t i = 0;
    while (i < to->count && !span_equal(to->currencies[i], currency)) {
        i++;
    }
    if (i == CURRENCIES_MAX) {
        return false;
    }
    if (i == to->count) {
        to->currencies[to->count++] = currency;
        to->sums[i] = (pc_money){0};
    }
    return pc_money_add(&to->sums[i], amount);
}

static int compare_spans(span a, span b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = memcmp(a.bytes, b.bytes, common);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static void put_purse(pc_buffer *out, uint32_t number, purse *from)
{
    for (size_t i = 1; i < from->count; i++) {
        for (size_t j = i; j > 0 && compare_spans(from->currencies[j - 1], from->currencies[j]) > 0;
             j--) {
            span currency = from->currencies[j];
            pc_money sum = from->sums[j];
            from->currencies[j] = from->currencies[j - 1];
            from->sums[j] = from->sums[j - 1];
            from->currencies[j - 1] = currency;
            from->sums[j - 1] = sum;
        }
    }
    for (size_t i = 0; i < from->count; i++) {
        summary_put_money(out, number, from->currencies[i], from->sums[i]);
    }
}

static bool is_purchase(const pc_summary_rules *rules, const event_head *head, span commerce)
{
    double value = 1;
    if (summary_has(rules, commerce, PATH_PURCHASES)) {
        span measure = summary_span(rules, commerce, PATH_PURCHASES);
        (void)summary_double(rules, measure, PATH_MEASURE_VALUE, &value);
        return value != 0;
    }
    return span_is(head->type, "commerce.purchases");
}

/* The order's total; without one, the sum of the lines when all have the same currency. */
static void read_total(purchase *p, const pc_summary_rules *rules)
{
    span order = summary_span(rules, p->commerce, PATH_ORDER);
    double amount;
    p->id = summary_span(rules, order, PATH_ORDER_ID);
    p->currency = summary_span(rules, order, PATH_ORDER_CURRENCY);
    if (summary_double(rules, order, PATH_ORDER_TOTAL, &amount)) {
        p->has_total = p->currency.size > 0 && pc_money_of(amount, &p->total);
        return;
    }
    pc_wire_reader reader;
    span line;
    span currency = {0};
    pc_money sum = {0};
    pc_money price;
    bool good = false;
    pc_wire_reader_init(&reader, p->head.wire.bytes, p->head.wire.size);
    while (summary_next(rules, &reader, PATH_EVENT_PRODUCTS, &line)) {
        span own = summary_span(rules, line, PATH_PRODUCT_CURRENCY);
        if (!summary_double(rules, line, PATH_PRODUCT_TOTAL, &amount) || own.size == 0 ||
            (currency.size > 0 && !span_equal(own, currency)) || !pc_money_of(amount, &price) ||
            !pc_money_add(&sum, price)) {
            return;
        }
        currency = own;
        good = true;
    }
    p->has_total = good;
    p->currency = currency;
    p->total = sum;
}

/* Where the purchase with the same order stands, or `count`. */
static size_t find_same(const purchase *all, size_t count, span id)
{
    size_t i = 0;
    while (i < count && (id.size == 0 || !span_equal(all[i].id, id))) {
        i++;
    }
    return i;
}

static void add_refunds(purse *to, const pc_summary_rules *rules, span commerce)
{
    span order = summary_span(rules, commerce, PATH_ORDER);
    span currency = summary_span(rules, order, PATH_ORDER_CURRENCY);
    pc_wire_reader reader;
    span refund;
    double amount;
    pc_money money;
    bool any = false;
    pc_wire_reader_init(&reader, order.bytes, order.size);
    while (summary_next(rules, &reader, PATH_ORDER_REFUNDS, &refund)) {
        span own = summary_span(rules, refund, PATH_REFUND_CURRENCY);
        own = own.size > 0 ? own : currency;
        if (summary_double(rules, refund, PATH_REFUND_AMOUNT, &amount) && own.size > 0 &&
            pc_money_of(amount, &money)) {
            any = true;
            (void)add(to, own, money);
        }
    }
    if (!any && currency.size > 0 &&
        summary_double(rules, order, PATH_ORDER_REFUND_TOTAL, &amount) && amount != 0 &&
        pc_money_of(amount, &money)) {
        (void)add(to, currency, money);
    }
}

static void put_last(pc_buffer *out, const pc_summary_rules *rules, const purchase *p)
{
    size_t mark = pc_wire_begin(out, PURCHASES_LAST);
    summary_put_moment(out, PURCHASE_TIME, p->head.time);
    summary_put_span(out, PURCHASE_ID, p->id);
    if (p->has_total) {
        summary_put_money(out, PURCHASE_TOTAL, p->currency, p->total);
    }
    pc_wire_reader reader;
    span line;
    pc_wire_reader_init(&reader, p->head.wire.bytes, p->head.wire.size);
    for (int i = 0; i < PRODUCTS_MAX && summary_next(rules, &reader, PATH_EVENT_PRODUCTS, &line);
         i++) {
        span name = summary_span(rules, line, PATH_PRODUCT_NAME);
        summary_put_span(out, PURCHASE_PRODUCTS,
                         name.size > 0 ? name : summary_span(rules, line, PATH_PRODUCT_SKU));
    }
    summary_put_event_source(out, PURCHASE_SOURCE, "commerce.order", &p->head);
    pc_wire_end(out, mark);
}

static void put(pc_buffer *out, const pc_summary_rules *rules, const purchase *all, size_t count,
                purse *refunds)
{
    purse totals = {.count = 0};
    int without = 0;
    const purchase *last = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!all[i].has_total || !add(&totals, all[i].currency, all[i].total)) {
            without++;
        }
        if (last == NULL || moment_before(last->head.time, all[i].head.time)) {
            last = &all[i];
        }
    }
    size_t mark = pc_wire_begin(out, SUMMARY_PURCHASES);
    pc_wire_put_int(out, PURCHASES_COUNT, (int64_t)count);
    put_purse(out, PURCHASES_TOTALS, &totals);
    pc_wire_put_int(out, PURCHASES_WITHOUT_TOTAL, without);
    put_purse(out, PURCHASES_REFUNDS, refunds);
    if (last != NULL) {
        put_last(out, rules, last);
    }
    pc_wire_end(out, mark);
}

bool summary_put_purchases(pc_buffer *out, pc_arena *arena, const pc_summary_rules *rules,
                           const pc_summary_input *input)
{
    size_t most = summary_event_count(input);
    purchase *all = pc_arena_calloc(arena, most + 1, sizeof *all);
    if (all == NULL) {
        return false;
    }
    purse refunds = {.count = 0};
    size_t count = 0;
    pc_wire_reader reader;
    pc_wire_field field;
    pc_wire_reader_init(&reader, input->events, input->events_size);
    while (pc_wire_next(&reader, &field)) {
        span wire = {field.bytes, field.size};
        purchase p = {.head = summary_event(rules, wire),
                      .commerce = summary_span(rules, wire, PATH_EVENT_COMMERCE)};
        add_refunds(&refunds, rules, p.commerce);
        if (!is_purchase(rules, &p.head, p.commerce)) {
            continue;
        }
        read_total(&p, rules);
        size_t same = find_same(all, count, p.id);
        if (same == count) {
            all[count++] = p;
        } else if (!all[same].has_total && p.has_total) {
            all[same] = p;
        }
    }
    put(out, rules, all, count, &refunds);
    return true;
}
