/* Synthetic customers, see generate.h. The JSON is written as text: building it as a tree first
 * would take most of the time that generating takes. */
#include "generate_internal.h"

#include "clock.h"
#include "stop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DATASET_CRM "5e00000000000000000000c1"
#define DATASET_LOYALTY "5e00000000000000000000c2"

enum { EVENTS_MAX = 12 };

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
static const struct sbx_city cities[] = {
    {"Torino", "IT", "it-IT", "Europe/Rome"},     {"Lyon", "FR", "fr-FR", "Europe/Paris"},
    {"Leeds", "GB", "en-GB", "Europe/London"},    {"Porto", "PT", "pt-PT", "Europe/Lisbon"},
    {"Austin", "US", "en-US", "America/Chicago"}, {"Osaka", "JP", "ja-JP", "Asia/Tokyo"},
    {"Brno", "CZ", "cs-CZ", "Europe/Prague"},     {"Izmir", "TR", "tr-TR", "Europe/Istanbul"},
};
static const char *const audiences[] = {
    "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222",
    "33333333-3333-4333-8333-333333333333", "44444444-4444-4444-8444-444444444444",
    "55555555-5555-4555-8555-555555555555", "66666666-6666-4666-8666-666666666666",
};
static const char *const tiers[] = {"bronze", "silver", "gold", "platinum"};

void sbx_customer_make(struct sbx_customer *out, int64_t number, uint64_t seed, int64_t now_ms)
{
    *out = (struct sbx_customer){.number = number, .now_ms = now_ms};
    out->random = seed * 0xd1342543de82ef95U + (uint64_t)number;
    sbx_draw(out);
    out->first = first_names[sbx_below(out, SBX_COUNT(first_names))];
    out->last = last_names[sbx_below(out, SBX_COUNT(last_names))];
    out->city = &cities[sbx_below(out, SBX_COUNT(cities))];
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

static void write_memberships(struct sbx_text *out, struct sbx_customer *customer)
{
    sbx_text_puts(out, "\"segmentMembership\":{\"ups\":{");
    bool first = true;
    for (size_t i = 0; i < SBX_COUNT(audiences); i++) {
        if (sbx_below(customer, 3) != 0) {
            continue;
        }
        char at[SBX_TIME_SIZE];
        sbx_time_format(at, customer->now_ms - sbx_below(customer, 60) * SBX_DAY_MS,
                        SBX_TIME_SECONDS);
        sbx_text_printf(out, "%s\"%s\":{\"lastQualificationTime\":\"%s\",\"status\":\"%s\"}",
                        first ? "" : ",", audiences[i], at,
                        sbx_below(customer, 5) == 0 ? "exited" : "realized");
        first = false;
    }
    sbx_text_puts(out, "}}");
}

static void write_score(struct sbx_text *out, struct sbx_customer *customer, const char *name,
                        const char *type)
{
    int score = (int)sbx_below(customer, 101);
    char date[SBX_TIME_SIZE];
    sbx_time_format(date, customer->now_ms - SBX_DAY_MS, SBX_TIME_DATE);
    sbx_text_printf(out,
                    "\"%s\":{\"score\":%d,\"probability\":%d.%03d,\"percentile\":%d,"
                    "\"propensityType\":\"%s\",\"scoreDate\":\"%s\",\"influentialFactors\":[{"
                    "\"code\":\"web.webPageDetails.name\",\"value\":\"%s\",\"importance\":\"%s\"}]"
                    "}",
                    name, score, 0, score * 6, score > 0 ? score : 1, type, date,
                    sbx_draw_page(customer), score > 74 ? "high" : "medium");
}

/* The record of the CRM: who, where, consents, scores. */
static void write_crm(struct sbx_text *out, struct sbx_customer *customer)
{
    const struct sbx_city *city = customer->city;
    /* One draw a statement: C leaves the order of a call's arguments to the compiler. */
    int64_t value = sbx_below(customer, 900000);
    int year = 1945 + (int)sbx_below(customer, 60);
    int month = 1 + (int)sbx_below(customer, 12);
    int day = 1 + (int)sbx_below(customer, 28);
    const char *gender = sbx_below(customer, 2) ? "female" : "male";
    int house = 1 + (int)sbx_below(customer, 200);
    int postcode = (int)sbx_below(customer, 99999);
    const char *share = sbx_below(customer, 2) ? "y" : "n";
    const char *personalize = sbx_below(customer, 4) ? "y" : "n";
    const char *email = sbx_below(customer, 3) ? "y" : "n";
    const char *call = sbx_below(customer, 3) ? "y" : "n";
    char consent[SBX_TIME_SIZE];
    sbx_time_format(consent, customer->now_ms - sbx_below(customer, 700) * SBX_DAY_MS,
                    SBX_TIME_OFFSET);
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
                    (long long)(value / 100), (int)(value % 100), (int)sbx_below(customer, 9));
}

static void write_loyalty(struct sbx_text *out, struct sbx_customer *customer)
{
    char joined[SBX_TIME_SIZE];
    sbx_time_format(joined, customer->now_ms - (100 + sbx_below(customer, 2000)) * SBX_DAY_MS,
                    SBX_TIME_SECONDS);
    const char *tier = tiers[sbx_below(customer, SBX_COUNT(tiers))];
    int points = (int)sbx_below(customer, 20000);
    sbx_text_printf(out,
                    "{\"loyalty\":{\"program\":\"Trail Club\",\"status\":\"active\",\"tier\":\"%s\""
                    ",\"loyaltyID\":[\"L%07lld\"],\"points\":%d,\"joinDate\":\"%s\"}}",
                    tier, (long long)customer->number, points, joined);
}

static bool add_fragment(sbx_store *store, struct sbx_customer *customer, const char *dataset,
                         const struct sbx_text *entity, struct sbx_error *error)
{
    struct sbx_record record = {
        .identities = customer->identities,
        .identity_count = SBX_COUNT(customer->identities),
        .dataset = dataset,
        .timestamp_ms = customer->now_ms - sbx_below(customer, 30 * (int64_t)SBX_DAY_MS),
        .entity = entity->data,
        .entity_length = entity->length,
        .fresh = true,
    };
    return sbx_store_add_fragment(store, &record, error);
}

static bool add_events(sbx_store *store, struct sbx_customer *customer, struct sbx_text *text,
                       struct sbx_error *error)
{
    int64_t count = sbx_below(customer, EVENTS_MAX);
    for (int64_t i = 0; i < count; i++) {
        char id[37];
        sbx_draw_event_id(id, customer);
        int64_t ms = customer->now_ms - sbx_below(customer, 90 * (int64_t)SBX_DAY_MS);
        sbx_text_clear(text);
        sbx_write_event(text, customer, id, ms);
        if (!sbx_add_event(store, customer, id, ms, text, error)) {
            return false;
        }
    }
    return true;
}

bool sbx_customer_add_profile(sbx_store *store, struct sbx_customer *customer,
                              struct sbx_text *text, struct sbx_error *error)
{
    sbx_text_clear(text);
    write_crm(text, customer);
    if (!add_fragment(store, customer, DATASET_CRM, text, error)) {
        return false;
    }
    if (sbx_below(customer, 3) == 0) {
        sbx_text_clear(text);
        write_loyalty(text, customer);
        return add_fragment(store, customer, DATASET_LOYALTY, text, error);
    }
    return true;
}

static bool add_customer(sbx_store *store, int64_t number, uint64_t seed, int64_t now_ms,
                         struct sbx_text *text, struct sbx_error *error)
{
    struct sbx_customer customer;
    sbx_customer_make(&customer, number, seed, now_ms);
    return sbx_customer_add_profile(store, &customer, text, error) &&
           add_events(store, &customer, text, error);
}

static void show_progress(const char *what, int64_t done, int64_t count)
{
    if (isatty(STDERR_FILENO) && (done % 1000 == 0 || done == count)) {
        fprintf(stderr, "\rgenerating %s: %3d %%%s", what, (int)(done * 100 / count),
                done == count ? "\n" : "");
    }
}

bool sbx_generate_each(const char *what, int64_t count, sbx_generate_one *one, void *payload,
                       struct sbx_error *error)
{
    for (int64_t i = 1; i <= count; i++) {
        if (!one(i, payload, error)) {
            return false;
        }
        if (i % 256 == 0 && sbx_stop_requested()) {
            return sbx_fail(error, "stopped while generating");
        }
        show_progress(what, i, count);
    }
    return true;
}

bool sbx_generate_once(sbx_store *store, const char *note, const char *wanted,
                       sbx_generate_all *all, void *payload, struct sbx_error *error)
{
    char *there = sbx_store_get_note(store, note);
    if (there != NULL) {
        bool same = strcmp(there, wanted) == 0;
        if (!same) {
            sbx_fail(error, "the database holds what %s made already; take another file", there);
        }
        free(there);
        return same;
    }
    if (!sbx_store_begin(store, error)) {
        return false;
    }
    if (all(payload, error) && sbx_store_set_note(store, note, wanted, error)) {
        return sbx_store_commit(store, error);
    }
    sbx_store_rollback(store);
    return false;
}

struct crowd {
    sbx_store *store;
    int64_t count;
    uint64_t seed;
    int64_t now_ms;
    struct sbx_text text;
};

static bool add_one(int64_t number, void *payload, struct sbx_error *error)
{
    struct crowd *crowd = payload;
    return add_customer(crowd->store, number, crowd->seed, crowd->now_ms, &crowd->text, error);
}

static bool add_all(void *payload, struct sbx_error *error)
{
    struct crowd *crowd = payload;
    return sbx_generate_each("customers", crowd->count, add_one, crowd, error);
}

bool sbx_generate(sbx_store *store, int64_t count, uint64_t seed, struct sbx_error *error)
{
    char wanted[64];
    snprintf(wanted, sizeof(wanted), "--generate %lld --seed %llu", (long long)count,
             (unsigned long long)seed);
    struct crowd crowd = {.store = store, .count = count, .seed = seed, .now_ms = sbx_clock_now()};
    bool done = sbx_generate_once(store, "generated", wanted, add_all, &crowd, error);
    sbx_text_deinit(&crowd.text);
    return done;
}
