/* Synthetic customers, see generate.h. The JSON is written as text: building it as a tree first
 * would take most of the time that generating takes. */
#include "generate.h"

#include "clock.h"
#include "stop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DATASET_CRM "5e00000000000000000000c1"
#define DATASET_LOYALTY "5e00000000000000000000c2"
#define DATASET_WEB "5e00000000000000000000c3"

enum { DAY_MS = 86400000, EVENTS_MAX = 12 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const first_names[] = {
    "Amara", "Bruno", "Chiara", "Dmitri", "Elif",  "Farah", "Goran", "Hana",
    "Ivo",   "Jana",  "Kenji",  "Lucia",  "Marek", "Nadia", "Omar",  "Priya",
    "Quinn", "Rosa",  "Sven",   "Tomas",  "Uma",   "Vera",  "Wen",   "Yara",
};
static const char *const last_names[] = {
    "Abel", "Bianchi", "Costa",  "Dvorak", "Eriksen", "Ferrari", "Garcia", "Hoffmann",
    "Ito",  "Jensen",  "Kaya",   "Lopez",  "Moretti", "Novak",   "Okafor", "Park",
    "Rao",  "Silva",   "Tanaka", "Umarov", "Varga",   "Weber",   "Yilmaz", "Zhang",
};
static const struct city {
    const char *name;
    const char *country;
    const char *language;
    const char *zone;
} cities[] = {
    {"Torino", "IT", "it-IT", "Europe/Rome"},     {"Lyon", "FR", "fr-FR", "Europe/Paris"},
    {"Leeds", "GB", "en-GB", "Europe/London"},    {"Porto", "PT", "pt-PT", "Europe/Lisbon"},
    {"Austin", "US", "en-US", "America/Chicago"}, {"Osaka", "JP", "ja-JP", "Asia/Tokyo"},
    {"Brno", "CZ", "cs-CZ", "Europe/Prague"},     {"Izmir", "TR", "tr-TR", "Europe/Istanbul"},
};
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
static const char *const audiences[] = {
    "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222",
    "33333333-3333-4333-8333-333333333333", "44444444-4444-4444-8444-444444444444",
    "55555555-5555-4555-8555-555555555555", "66666666-6666-4666-8666-666666666666",
};
static const char *const tiers[] = {"bronze", "silver", "gold", "platinum"};

struct customer {
    int64_t number;
    uint64_t random;
    int64_t now_ms;
    const char *first;
    const char *last;
    const struct city *city;
    char crm[24];
    char email[48];
    char phone[32];
    char ecid[48];
    struct sbx_identity identities[4];
};

/* splitmix64: every customer has a stream of its own, so the first thousand are the same people
 * whether a thousand or a million are made. */
static uint64_t draw(struct customer *customer)
{
    uint64_t z = customer->random += 0x9e3779b97f4a7c15U;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

static int64_t below(struct customer *customer, int64_t bound)
{
    return (int64_t)(draw(customer) % (uint64_t)bound);
}

static void make_customer(struct customer *out, int64_t number, uint64_t seed, int64_t now_ms)
{
    *out = (struct customer){.number = number, .now_ms = now_ms};
    out->random = seed * 0xd1342543de82ef95U + (uint64_t)number;
    draw(out);
    out->first = first_names[below(out, COUNT(first_names))];
    out->last = last_names[below(out, COUNT(last_names))];
    out->city = &cities[below(out, COUNT(cities))];
    snprintf(out->crm, sizeof(out->crm), "C%07lld", (long long)number);
    snprintf(out->email, sizeof(out->email), "customer%lld@example.net", (long long)number);
    snprintf(out->phone, sizeof(out->phone), "+1555%07lld", (long long)number);
    snprintf(out->ecid, sizeof(out->ecid), "2%037lld", (long long)number);
    out->identities[0] = (struct sbx_identity){
        .ns = "CRMID", .id = out->crm, .state = "authenticated", .primary = true};
    out->identities[1] = (struct sbx_identity){.ns = "Email", .id = out->email};
    out->identities[2] = (struct sbx_identity){.ns = "Phone", .id = out->phone};
    out->identities[3] = (struct sbx_identity){.ns = "ECID", .id = out->ecid, .state = "ambiguous"};
}

static void write_memberships(struct sbx_text *out, struct customer *customer)
{
    sbx_text_puts(out, "\"segmentMembership\":{\"ups\":{");
    bool first = true;
    for (size_t i = 0; i < COUNT(audiences); i++) {
        if (below(customer, 3) != 0) {
            continue;
        }
        char at[SBX_TIME_SIZE];
        sbx_time_format(at, customer->now_ms - below(customer, 60) * DAY_MS, SBX_TIME_SECONDS);
        sbx_text_printf(out, "%s\"%s\":{\"lastQualificationTime\":\"%s\",\"status\":\"%s\"}",
                        first ? "" : ",", audiences[i], at,
                        below(customer, 5) == 0 ? "exited" : "realized");
        first = false;
    }
    sbx_text_puts(out, "}}");
}

static void write_score(struct sbx_text *out, struct customer *customer, const char *name,
                        const char *type)
{
    int score = (int)below(customer, 101);
    char date[SBX_TIME_SIZE];
    sbx_time_format(date, customer->now_ms - DAY_MS, SBX_TIME_DATE);
    sbx_text_printf(out,
                    "\"%s\":{\"score\":%d,\"probability\":%d.%03d,\"percentile\":%d,"
                    "\"propensityType\":\"%s\",\"scoreDate\":\"%s\",\"influentialFactors\":[{"
                    "\"code\":\"web.webPageDetails.name\",\"value\":\"%s\",\"importance\":\"%s\"}]"
                    "}",
                    name, score, 0, score * 6, score > 0 ? score : 1, type, date,
                    pages[below(customer, COUNT(pages))], score > 74 ? "high" : "medium");
}

/* The record of the CRM: who, where, consents, scores. */
static void write_crm(struct sbx_text *out, struct customer *customer)
{
    const struct city *city = customer->city;
    /* One draw a statement: C leaves the order of a call's arguments to the compiler. */
    int64_t value = below(customer, 900000);
    int year = 1945 + (int)below(customer, 60);
    int month = 1 + (int)below(customer, 12);
    int day = 1 + (int)below(customer, 28);
    const char *gender = below(customer, 2) ? "female" : "male";
    int house = 1 + (int)below(customer, 200);
    int postcode = (int)below(customer, 99999);
    const char *share = below(customer, 2) ? "y" : "n";
    const char *personalize = below(customer, 4) ? "y" : "n";
    const char *email = below(customer, 3) ? "y" : "n";
    const char *call = below(customer, 3) ? "y" : "n";
    char consent[SBX_TIME_SIZE];
    sbx_time_format(consent, customer->now_ms - below(customer, 700) * DAY_MS, SBX_TIME_OFFSET);
    sbx_text_printf(
        out,
        "{\"_id\":\"%s\",\"personID\":\"%s\",\"person\":{\"name\":{\"firstName\":\"%s\","
        "\"lastName\":\"%s\",\"fullName\":\"%s %s\"},\"birthDate\":\"%04d-%02d-%02d\","
        "\"gender\":\"%s\"},\"personalEmail\":{\"address\":\"%s\",\"status\":\"active\","
        "\"primary\":true},\"mobilePhone\":{\"number\":\"%s\",\"status\":\"active\"},"
        "\"homeAddress\":{\"street1\":\"%d Station Road\",\"city\":\"%s\",\"countryCode\":\"%s\","
        "\"postalCode\":\"%05d\"},\"preferredLanguage\":\"%s\",\"timeZone\":\"%s\",",
        customer->crm, customer->crm, customer->first, customer->last, customer->first,
        customer->last, year, month, day, gender, customer->email, customer->phone, house,
        city->name, city->country, postcode, city->language, city->zone);
    sbx_text_printf(out,
                    "\"consents\":{\"collect\":{\"val\":\"y\"},\"share\":{\"val\":\"%s\"},"
                    "\"personalize\":{\"content\":{\"val\":\"%s\"}},\"marketing\":{\"preferred\":"
                    "\"email\",\"email\":{\"val\":\"%s\",\"time\":\"%s\"},\"call\":{\"val\":\"%s\""
                    "}},\"metadata\":{\"time\":\"%s\"}},",
                    share, personalize, email, consent, call, consent);
    write_memberships(out, customer);
    sbx_text_puts(out, ",\"_exampletenant\":{\"customerAI\":{");
    write_score(out, customer, "churn30d", "churn");
    sbx_text_puts(out, ",");
    write_score(out, customer, "conversion30d", "conversion");
    sbx_text_printf(out,
                    "},\"SystemComputedAttributes\":{\"lifetimeValue\":{\"value\":%lld.%02d},"
                    "\"purchaseCount90d\":{\"value\":%d}}}}",
                    (long long)(value / 100), (int)(value % 100), (int)below(customer, 9));
}

static void write_loyalty(struct sbx_text *out, struct customer *customer)
{
    char joined[SBX_TIME_SIZE];
    sbx_time_format(joined, customer->now_ms - (100 + below(customer, 2000)) * DAY_MS,
                    SBX_TIME_SECONDS);
    const char *tier = tiers[below(customer, COUNT(tiers))];
    int points = (int)below(customer, 20000);
    sbx_text_printf(out,
                    "{\"loyalty\":{\"program\":\"Trail Club\",\"status\":\"active\",\"tier\":\"%s\""
                    ",\"loyaltyID\":[\"L%07lld\"],\"points\":%d,\"joinDate\":\"%s\"}}",
                    tier, (long long)customer->number, points, joined);
}

static void write_event_head(struct sbx_text *out, const char *id, int64_t ms, const char *type)
{
    char at[SBX_TIME_SIZE];
    sbx_time_format(at, ms, SBX_TIME_MILLIS);
    sbx_text_printf(out, "{\"_id\":\"%s\",\"timestamp\":\"%s\",\"eventType\":\"%s\",", id, at,
                    type);
}

static void write_commerce(struct sbx_text *out, struct customer *customer, const char *id,
                           int64_t ms, bool bought)
{
    const struct product *product = &products[below(customer, COUNT(products))];
    int quantity = 1 + (int)below(customer, 3);
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

static void write_event(struct sbx_text *out, struct customer *customer, const char *id, int64_t ms)
{
    switch (below(customer, 6)) {
    case 0:
        write_commerce(out, customer, id, ms, true);
        break;
    case 1:
        write_commerce(out, customer, id, ms, false);
        break;
    case 2:
    case 3: {
        const char *what = below(customer, 2) ? "sends" : "opens";
        write_event_head(out, id, ms,
                         what[0] == 's' ? "directMarketing.emailSent"
                                        : "directMarketing.emailOpened");
        sbx_text_printf(out,
                        "\"marketing\":{\"campaignName\":\"%s\"},\"directMarketing\":{\"%s\":{"
                        "\"value\":1}}}",
                        campaigns[below(customer, COUNT(campaigns))], what);
        break;
    }
    default: {
        const char *page = pages[below(customer, COUNT(pages))];
        write_event_head(out, id, ms, "web.webpagedetails.pageViews");
        sbx_text_printf(out,
                        "\"web\":{\"webPageDetails\":{\"name\":\"%s\",\"pageViews\":{\"value\":1}"
                        "}}}",
                        page);
        break;
    }
    }
}

static bool add_fragment(sbx_store *store, struct customer *customer, const char *dataset,
                         const struct sbx_text *entity, struct sbx_error *error)
{
    struct sbx_record record = {
        .identities = customer->identities,
        .identity_count = COUNT(customer->identities),
        .dataset = dataset,
        .timestamp_ms = customer->now_ms - below(customer, 30 * (int64_t)DAY_MS),
        .entity = entity->data,
        .entity_length = entity->length,
        .fresh = true,
    };
    return sbx_store_add_fragment(store, &record, error);
}

static bool add_events(sbx_store *store, struct customer *customer, struct sbx_text *text,
                       struct sbx_error *error)
{
    int64_t count = below(customer, EVENTS_MAX);
    for (int64_t i = 0; i < count; i++) {
        char id[37];
        uint64_t high = draw(customer);
        sbx_uuid_make(id, high, draw(customer));
        int64_t ms = customer->now_ms - below(customer, 90 * (int64_t)DAY_MS);
        sbx_text_clear(text);
        write_event(text, customer, id, ms);
        struct sbx_record record = {
            .identities = &customer->identities[3],
            .identity_count = 1,
            .dataset = DATASET_WEB,
            .event_id = id,
            .timestamp_ms = ms,
            .entity = text->data,
            .entity_length = text->length,
            .fresh = true,
        };
        if (!sbx_store_add_event(store, &record, error)) {
            return false;
        }
    }
    return true;
}

static bool add_customer(sbx_store *store, int64_t number, uint64_t seed, int64_t now_ms,
                         struct sbx_text *text, struct sbx_error *error)
{
    struct customer customer;
    make_customer(&customer, number, seed, now_ms);
    sbx_text_clear(text);
    write_crm(text, &customer);
    if (!add_fragment(store, &customer, DATASET_CRM, text, error)) {
        return false;
    }
    if (below(&customer, 3) == 0) {
        sbx_text_clear(text);
        write_loyalty(text, &customer);
        if (!add_fragment(store, &customer, DATASET_LOYALTY, text, error)) {
            return false;
        }
    }
    return add_events(store, &customer, text, error);
}

static void show_progress(int64_t done, int64_t count)
{
    if (isatty(STDERR_FILENO) && (done % 1000 == 0 || done == count)) {
        fprintf(stderr, "\rgenerating customers: %3d %%%s", (int)(done * 100 / count),
                done == count ? "\n" : "");
    }
}

static bool add_all(sbx_store *store, int64_t count, uint64_t seed, struct sbx_error *error)
{
    struct sbx_text text = {0};
    int64_t now_ms = sbx_clock_now();
    bool done = true;
    for (int64_t i = 1; i <= count && done; i++) {
        done = add_customer(store, i, seed, now_ms, &text, error);
        if (i % 256 == 0 && sbx_stop_requested()) {
            done = sbx_fail(error, "stopped while generating");
        }
        show_progress(i, count);
    }
    sbx_text_deinit(&text);
    return done;
}

bool sbx_generate(sbx_store *store, int64_t count, uint64_t seed, struct sbx_error *error)
{
    char wanted[64];
    snprintf(wanted, sizeof(wanted), "--generate %lld --seed %llu", (long long)count,
             (unsigned long long)seed);
    char *there = sbx_store_get_note(store, "generated");
    if (there != NULL) {
        bool same = strcmp(there, wanted) == 0;
        if (!same) {
            sbx_fail(error, "the database holds the customers of %s already; take another file",
                     there);
        }
        free(there);
        return same;
    }
    if (!sbx_store_begin(store, error)) {
        return false;
    }
    if (add_all(store, count, seed, error) &&
        sbx_store_set_note(store, "generated", wanted, error)) {
        return sbx_store_commit(store, error);
    }
    sbx_store_rollback(store);
    return false;
}
