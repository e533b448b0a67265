/* Synthetic events, see generate.h; written as text, for speed. */
#include "generate_internal.h"

#include "clock.h"

#include <stdio.h>

#define DATASET_WEB "5e00000000000000000000c3"

static const struct product {
    const char *sku;
    const char *name;
    int cents;
} products[] = {
    {"TENT-2P", "Two-person tent", 24990}, {"BAG-45L", "Backpack 45 l", 12950},
    {"STOVE-1", "Gas stove", 4495},        {"LAMP-HD", "Head lamp", 3290},
    {"BOOT-M9", "Hiking boots", 15900},    {"MAT-AIR", "Air mattress", 7999},
    {"JKT-RAIN", "Rain jacket", 11900},    {"BOTTLE-1L", "Steel bottle", 2450},
};
static const char *const campaigns[] = {"Spring trails", "Rainy days", "Members' week",
                                        "Back to the hills"};
static const char *const pages[] = {"Home", "Tents", "Boots", "Sale", "Support", "Store finder"};

const char *sbx_draw_page(struct sbx_customer *customer)
{
    return pages[sbx_below(customer, SBX_COUNT(pages))];
}

void sbx_draw_event_id(char out[37], struct sbx_customer *customer)
{
    uint64_t high = sbx_draw(customer);
    sbx_uuid_make(out, high, sbx_draw(customer));
}

static void write_event_head(struct sbx_text *out, const char *id, int64_t ms, const char *type)
{
    char at[SBX_TIME_SIZE];
    sbx_time_format(at, ms, SBX_TIME_MILLIS);
    sbx_text_printf(out, "{\"_id\":\"%s\",\"timestamp\":\"%s\",\"eventType\":\"%s\",", id, at,
                    type);
}

static void write_commerce(struct sbx_text *out, struct sbx_customer *customer, const char *id,
                           int64_t ms, bool bought)
{
    const struct product *product = &products[sbx_below(customer, SBX_COUNT(products))];
    int quantity = 1 + (int)sbx_below(customer, 3);
    int cents = product->cents * quantity;
    write_event_head(out, id, ms, bought ? "commerce.purchases" : "commerce.productViews");
    if (bought) {
        sbx_text_printf(out,
                        "\"commerce\":{\"purchases\":{\"value\":1},\"order\":{\"purchaseID\":"
                        "\"P-%.8s\",\"priceTotal\":%d.%02d,\"currencyCode\":\"EUR\",\"payments\":[{"
                        "\"paymentType\":\"credit_card\",\"paymentAmount\":%d.%02d,"
                        "\"currencyCode\":\"EUR\"}]}},",
                        id, cents / 100, cents % 100, cents / 100, cents % 100);
    } else {
        sbx_text_puts(out, "\"commerce\":{\"productViews\":{\"value\":1}},");
    }
    sbx_text_printf(out,
                    "\"productListItems\":[{\"SKU\":\"%s\",\"name\":\"%s\",\"quantity\":%d,"
                    "\"priceTotal\":%d.%02d,\"currencyCode\":\"EUR\"}]}",
                    product->sku, product->name, quantity, cents / 100, cents % 100);
}

void sbx_write_event(struct sbx_text *out, struct sbx_customer *customer, const char *id,
                     int64_t ms)
{
    switch (sbx_below(customer, 6)) {
    case 0:
        write_commerce(out, customer, id, ms, true);
        break;
    case 1:
        write_commerce(out, customer, id, ms, false);
        break;
    case 2:
    case 3: {
        const char *what = sbx_below(customer, 2) ? "sends" : "opens";
        write_event_head(out, id, ms,
                         what[0] == 's' ? "directMarketing.emailSent"
                                        : "directMarketing.emailOpened");
        sbx_text_printf(out,
                        "\"marketing\":{\"campaignName\":\"%s\"},\"directMarketing\":{\"%s\":{"
                        "\"value\":1}}}",
                        campaigns[sbx_below(customer, SBX_COUNT(campaigns))], what);
        break;
    }
    default: {
        const char *page = sbx_draw_page(customer);
        write_event_head(out, id, ms, "web.webpagedetails.pageViews");
        sbx_text_printf(out,
                        "\"web\":{\"webPageDetails\":{\"name\":\"%s\",\"pageViews\":{\"value\":1}"
                        "}}}",
                        page);
        break;
    }
    }
}

bool sbx_add_event(sbx_store *store, const struct sbx_customer *customer, const char *id,
                   int64_t ms, const struct sbx_text *entity, struct sbx_error *error)
{
    struct sbx_record record = {
        .identities = &customer->identities[3],
        .identity_count = 1,
        .dataset = DATASET_WEB,
        .event_id = id,
        .timestamp_ms = ms,
        .entity = entity->data,
        .entity_length = entity->length,
        .fresh = true,
    };
    return sbx_store_add_event(store, &record, error);
}

/* --- one person with very many --- */

struct stream {
    sbx_store *store;
    struct sbx_customer customer;
    int64_t count;
    struct sbx_text text;
};

/* What a web tracker adds to every event: it makes them as long as real ones are. */
static void write_surroundings(struct sbx_text *out, struct sbx_customer *customer, int64_t number)
{
    out->length--; /* reopens the event */
    int width = 360 + 8 * (int)sbx_below(customer, 200);
    sbx_text_printf(out,
                    ",\"device\":{\"type\":\"%s\",\"screenWidth\":%d},\"environment\":{\"type\":"
                    "\"browser\",\"browserDetails\":{\"userAgent\":\"Mozilla/5.0 Firefox/128.0\"}},"
                    "\"placeContext\":{\"geo\":{\"countryCode\":\"%s\"}},"
                    "\"_exampletenant\":{\"sequence\":%lld}}",
                    width < 800 ? "mobile" : "desktop", width, customer->city->country,
                    (long long)number);
}

/* Evenly spaced, so that a test can tell which events a range of time has. */
static bool add_numbered(int64_t number, void *payload, struct sbx_error *error)
{
    struct stream *stream = payload;
    struct sbx_customer *customer = &stream->customer;
    int64_t gap_ms = SBX_EVENT_STREAM_DAYS * (int64_t)SBX_DAY_MS / stream->count;
    int64_t ms = customer->now_ms - (stream->count - number + 1) * gap_ms;
    char id[37];
    sbx_draw_event_id(id, customer);
    sbx_text_clear(&stream->text);
    sbx_write_event(&stream->text, customer, id, ms);
    write_surroundings(&stream->text, customer, number);
    return sbx_add_event(stream->store, customer, id, ms, &stream->text, error);
}

static bool add_stream(void *payload, struct sbx_error *error)
{
    struct stream *stream = payload;
    return sbx_customer_add_profile(stream->store, &stream->customer, &stream->text, error) &&
           sbx_generate_each("events", stream->count, add_numbered, stream, error);
}

bool sbx_generate_events(sbx_store *store, int64_t count, uint64_t seed, struct sbx_error *error)
{
    char wanted[80];
    snprintf(wanted, sizeof(wanted), "--generate-events %lld --seed %llu", (long long)count,
             (unsigned long long)seed);
    struct stream stream = {.store = store, .count = count};
    sbx_customer_make(&stream.customer, 0, seed, sbx_clock_now());
    snprintf(stream.customer.crm, sizeof(stream.customer.crm), "C-EVENTS");
    snprintf(stream.customer.email, sizeof(stream.customer.email), "events@example.net");
    bool done = sbx_generate_once(store, "generated events", wanted, add_stream, &stream, error);
    sbx_text_deinit(&stream.text);
    return done;
}
