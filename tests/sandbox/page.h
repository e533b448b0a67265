/* One page of the events of one profile. */
#ifndef SBX_PAGE_H
#define SBX_PAGE_H

#include "fields.h"
#include "property.h"
#include "store.h"

enum { SBX_PAGE_DEFAULT = 1000, SBX_PAGE_MAX = 1000 };

struct sbx_page_query {
    const struct sbx_found_identity *identity;
    bool graph; /* whether events of linked identities count */
    int64_t start_ms;
    int64_t end_ms;
    bool descending;
    size_t limit;
    const char *start; /* the event to begin with, NULL for the first */
    const char *const *fields;
    size_t field_count;
    const struct sbx_property *properties;
    size_t property_count;
};

struct sbx_page {
    json_t *children; /* owned */
    char *start;      /* id of the first event, "" when there is none; owned */
    char *next;       /* id of the event the next page begins with, or ""; owned */
};

/* False when the cursor names no event of this profile. */
bool sbx_page_read(struct sbx_page *out, sbx_store *store, const struct sbx_page_query *query);
void sbx_page_deinit(struct sbx_page *page);

#endif
