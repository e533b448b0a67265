/* What the makers of customers and of events share. Included by generate*.c only. */
#ifndef SBX_GENERATE_INTERNAL_H
#define SBX_GENERATE_INTERNAL_H

#include "generate.h"

enum { SBX_DAY_MS = 86400000 };

#define SBX_COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct sbx_city {
    const char *name;
    const char *country;
    const char *language;
    const char *zone;
};

struct sbx_customer {
    int64_t number;
    uint64_t random;
    int64_t now_ms;
    const char *first;
    const char *last;
    const struct sbx_city *city;
    char crm[24];
    char email[48];
    char phone[32];
    char ecid[48];
    struct sbx_identity identities[4];
};

/* splitmix64: every customer has a stream of its own, so the first thousand are the same people
 * whether a thousand or a million are made. */
static inline uint64_t sbx_draw(struct sbx_customer *customer)
{
    uint64_t z = customer->random += 0x9e3779b97f4a7c15U;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

static inline int64_t sbx_below(struct sbx_customer *customer, int64_t bound)
{
    return (int64_t)(sbx_draw(customer) % (uint64_t)bound);
}

/* The customer points into itself, so it must stay where it is. */
void sbx_customer_make(struct sbx_customer *out, int64_t number, uint64_t seed, int64_t now_ms);
/* text is a scratch buffer, here and below. */
bool sbx_customer_add_profile(sbx_store *store, struct sbx_customer *customer,
                              struct sbx_text *text, struct sbx_error *error);

const char *sbx_draw_page(struct sbx_customer *customer);
void sbx_draw_event_id(char out[37], struct sbx_customer *customer);
/* Appends the JSON of an event. */
void sbx_write_event(struct sbx_text *out, struct sbx_customer *customer, const char *id,
                     int64_t ms);
bool sbx_add_event(sbx_store *store, const struct sbx_customer *customer, const char *id,
                   int64_t ms, const struct sbx_text *entity, struct sbx_error *error);

/* Calls one for 1 to count, shows progress, and gives up when the program shall stop. */
typedef bool sbx_generate_one(int64_t number, void *payload, struct sbx_error *error);
bool sbx_generate_each(const char *what, int64_t count, sbx_generate_one *one, void *payload,
                       struct sbx_error *error);

/* Runs all in one transaction, unless the note says that it was done before. */
typedef bool sbx_generate_all(void *payload, struct sbx_error *error);
bool sbx_generate_once(sbx_store *store, const char *note, const char *wanted,
                       sbx_generate_all *all, void *payload, struct sbx_error *error);

#endif
