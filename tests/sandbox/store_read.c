/* The reading half of the store. */
#include "store_internal.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *column_copy(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return text == NULL ? NULL : sbx_copy_n(text, (size_t)sqlite3_column_bytes(statement, column));
}

static void take_identity(struct sbx_found_identity *out, sqlite3_stmt *row)
{
    *out = (struct sbx_found_identity){
        .key = sqlite3_column_int64(row, 0),
        .person = sqlite3_column_int64(row, 1),
        .ns = column_copy(row, 2),
        .id = column_copy(row, 3),
        .state = column_copy(row, 5),
        .primary = sqlite3_column_int(row, 6) != 0,
    };
    snprintf(out->xid, sizeof(out->xid), "%s", (const char *)sqlite3_column_text(row, 4));
}

bool sbx_store_find(sbx_store *store, const char *ns, const char *id,
                    struct sbx_found_identity *out)
{
    char folded[256] = "";
    char xid[SBX_XID_SIZE];
    if (ns == NULL) {
        if (!sbx_xid_valid(id)) {
            return false;
        }
        memcpy(xid, id, sizeof(xid));
    } else {
        size_t length = strlen(ns);
        if (length >= sizeof(folded)) {
            return false;
        }
        for (size_t i = 0; i <= length; i++) {
            folded[i] = (char)tolower((unsigned char)ns[i]);
        }
        sbx_xid_make(xid, folded, id);
    }
    pthread_mutex_lock(&store->lock);
    sqlite3_stmt *find =
        sbx_store_statement(store, ns == NULL ? SBX_SQL_FIND_BY_XID : SBX_SQL_FIND_BY_NAME);
    sbx_bind_text(find, 1, xid);
    if (ns != NULL) {
        sbx_bind_text(find, 2, folded);
        sbx_bind_text(find, 3, id);
    }
    bool found = sqlite3_step(find) == SQLITE_ROW;
    if (found) {
        take_identity(out, find);
    }
    sqlite3_reset(find);
    pthread_mutex_unlock(&store->lock);
    return found;
}

void sbx_found_identity_deinit(struct sbx_found_identity *identity)
{
    free(identity->ns);
    free(identity->id);
    free(identity->state);
    *identity = (struct sbx_found_identity){0};
}

/* The caller holds the lock. */
static struct sbx_found_identity *read_identities(sbx_store *store, int64_t person, size_t *count)
{
    struct sbx_found_identity *identities = NULL;
    *count = 0;
    sqlite3_stmt *all = sbx_store_statement(store, SBX_SQL_IDENTITIES);
    sqlite3_bind_int64(all, 1, person);
    while (sqlite3_step(all) == SQLITE_ROW) {
        identities = sbx_grow(identities, (*count + 1) * sizeof(*identities));
        take_identity(&identities[(*count)++], all);
    }
    sqlite3_reset(all);
    return identities;
}

struct sbx_found_identity *sbx_store_read_identities(sbx_store *store, int64_t person,
                                                     size_t *count)
{
    pthread_mutex_lock(&store->lock);
    struct sbx_found_identity *identities = read_identities(store, person, count);
    pthread_mutex_unlock(&store->lock);
    return identities;
}

void sbx_found_identities_free(struct sbx_found_identity *identities, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sbx_found_identity_deinit(&identities[i]);
    }
    free(identities);
}

static void read_fragments(sbx_store *store, int64_t person, enum sbx_schema schema,
                           struct sbx_person *out)
{
    sqlite3_stmt *all = sbx_store_statement(store, SBX_SQL_FRAGMENTS);
    sqlite3_bind_int64(all, 1, person);
    sqlite3_bind_int(all, 2, (int)schema);
    while (sqlite3_step(all) == SQLITE_ROW) {
        out->fragments =
            sbx_grow(out->fragments, (out->fragment_count + 1) * sizeof(*out->fragments));
        out->fragments[out->fragment_count++] = (struct sbx_fragment){
            .dataset = column_copy(all, 0),
            .batch = column_copy(all, 1),
            .timestamp_ms = sqlite3_column_int64(all, 2),
            .identity_keys = column_copy(all, 3),
            .entity = column_copy(all, 4),
            .entity_length = (size_t)sqlite3_column_bytes(all, 4),
        };
    }
    sqlite3_reset(all);
}

void sbx_store_read_person(sbx_store *store, int64_t person, enum sbx_schema schema,
                           struct sbx_person *out)
{
    *out = (struct sbx_person){0};
    pthread_mutex_lock(&store->lock);
    out->identities = read_identities(store, person, &out->identity_count);
    read_fragments(store, person, schema, out);
    if (schema == SBX_PROFILE) {
        sqlite3_stmt *latest = sbx_store_statement(store, SBX_SQL_LATEST_EVENT);
        sqlite3_bind_int64(latest, 1, person);
        if (sqlite3_step(latest) == SQLITE_ROW) {
            out->event_dataset = column_copy(latest, 0);
            out->event_ms = sqlite3_column_int64(latest, 1);
        }
        sqlite3_reset(latest);
    }
    pthread_mutex_unlock(&store->lock);
}

void sbx_person_deinit(struct sbx_person *person)
{
    sbx_found_identities_free(person->identities, person->identity_count);
    for (size_t i = 0; i < person->fragment_count; i++) {
        free(person->fragments[i].dataset);
        free(person->fragments[i].batch);
        free(person->fragments[i].identity_keys);
        free(person->fragments[i].entity);
    }
    free(person->fragments);
    free(person->event_dataset);
    *person = (struct sbx_person){0};
}

size_t sbx_store_count_identities(sbx_store *store, int64_t person)
{
    pthread_mutex_lock(&store->lock);
    sqlite3_stmt *count = sbx_store_statement(store, SBX_SQL_COUNT_IDENTITIES);
    sqlite3_bind_int64(count, 1, person);
    size_t value = sqlite3_step(count) == SQLITE_ROW ? (size_t)sqlite3_column_int64(count, 0) : 0;
    sqlite3_reset(count);
    pthread_mutex_unlock(&store->lock);
    return value;
}

/* Narrows the range to what follows the place to resume at, so that the index begins there. */
static void bind_range(sqlite3_stmt *all, const struct sbx_event_range *range)
{
    int64_t first_ms = range->start_ms;
    int64_t last_ms = range->end_ms - 1;
    int64_t row = range->descending ? INT64_MAX : INT64_MIN;
    if (range->resume && range->descending && range->from_ms <= last_ms) {
        last_ms = range->from_ms;
        row = range->from_row;
    } else if (range->resume && !range->descending && range->from_ms >= first_ms) {
        first_ms = range->from_ms;
        row = range->from_row;
    }
    sqlite3_bind_int64(all, 1, range->person);
    sqlite3_bind_int64(all, 2, first_ms);
    sqlite3_bind_int64(all, 3, last_ms);
    sqlite3_bind_int64(all, 4, row);
    sqlite3_bind_int64(all, 5, (sqlite3_int64)range->limit);
}

struct sbx_event *sbx_store_read_events(sbx_store *store, const struct sbx_event_range *range,
                                        size_t *count)
{
    struct sbx_event *events = NULL;
    size_t capacity = 0;
    *count = 0;
    if (range->end_ms == INT64_MIN) {
        return NULL;
    }
    pthread_mutex_lock(&store->lock);
    sqlite3_stmt *all =
        sbx_store_statement(store, range->descending ? SBX_SQL_EVENTS_DOWN : SBX_SQL_EVENTS_UP);
    bind_range(all, range);
    while (sqlite3_step(all) == SQLITE_ROW) {
        if (*count == capacity) {
            capacity = capacity > 0 ? capacity * 2 : 16;
            events = sbx_grow(events, capacity * sizeof(*events));
        }
        events[(*count)++] = (struct sbx_event){
            .row = sqlite3_column_int64(all, 0),
            .timestamp_ms = sqlite3_column_int64(all, 1),
            .event_id = column_copy(all, 2),
            .identity_keys = column_copy(all, 3),
            .entity = column_copy(all, 4),
            .entity_length = (size_t)sqlite3_column_bytes(all, 4),
        };
    }
    sqlite3_reset(all);
    pthread_mutex_unlock(&store->lock);
    return events;
}

void sbx_events_free(struct sbx_event *events, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(events[i].event_id);
        free(events[i].identity_keys);
        free(events[i].entity);
    }
    free(events);
}

bool sbx_store_find_event(sbx_store *store, int64_t person, const char *event_id, int64_t *ms,
                          int64_t *row)
{
    pthread_mutex_lock(&store->lock);
    sqlite3_stmt *find = sbx_store_statement(store, SBX_SQL_FIND_EVENT);
    sqlite3_bind_int64(find, 1, person);
    sbx_bind_text(find, 2, event_id);
    bool found = sqlite3_step(find) == SQLITE_ROW;
    if (found) {
        *ms = sqlite3_column_int64(find, 0);
        *row = sqlite3_column_int64(find, 1);
    }
    sqlite3_reset(find);
    pthread_mutex_unlock(&store->lock);
    return found;
}

char *sbx_store_get_document(sbx_store *store, enum sbx_document kind, const char *id)
{
    pthread_mutex_lock(&store->lock);
    sqlite3_stmt *get = sbx_store_statement(store, SBX_SQL_GET_DOCUMENT);
    sqlite3_bind_int(get, 1, (int)kind);
    sbx_bind_text(get, 2, id);
    char *body = sqlite3_step(get) == SQLITE_ROW ? column_copy(get, 0) : NULL;
    sqlite3_reset(get);
    pthread_mutex_unlock(&store->lock);
    return body;
}

void sbx_store_each_document(sbx_store *store, enum sbx_document kind,
                             void (*each)(const char *id, const char *body, void *payload),
                             void *payload)
{
    pthread_mutex_lock(&store->lock);
    sqlite3_stmt *all = sbx_store_statement(store, SBX_SQL_ALL_DOCUMENTS);
    sqlite3_bind_int(all, 1, (int)kind);
    while (sqlite3_step(all) == SQLITE_ROW) {
        each((const char *)sqlite3_column_text(all, 0), (const char *)sqlite3_column_text(all, 1),
             payload);
    }
    sqlite3_reset(all);
    pthread_mutex_unlock(&store->lock);
}

char *sbx_store_get_note(sbx_store *store, const char *name)
{
    pthread_mutex_lock(&store->lock);
    sqlite3_stmt *get = sbx_store_statement(store, SBX_SQL_GET_NOTE);
    sbx_bind_text(get, 1, name);
    char *value = sqlite3_step(get) == SQLITE_ROW ? column_copy(get, 0) : NULL;
    sqlite3_reset(get);
    pthread_mutex_unlock(&store->lock);
    return value;
}

static int64_t count_rows(sbx_store *store, const char *text)
{
    sqlite3_stmt *statement = NULL;
    int64_t value = 0;
    if (sqlite3_prepare_v2(store->db, text, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
        value = sqlite3_column_int64(statement, 0);
    }
    sqlite3_finalize(statement);
    return value;
}

void sbx_store_count(sbx_store *store, struct sbx_store_totals *out)
{
    pthread_mutex_lock(&store->lock);
    out->persons = count_rows(store, "SELECT count(*) FROM person");
    out->identities = count_rows(store, "SELECT count(*) FROM identity");
    out->fragments = count_rows(store, "SELECT count(*) FROM fragment");
    out->events = count_rows(store, "SELECT count(*) FROM event");
    out->audiences = count_rows(store, "SELECT count(*) FROM document WHERE kind = 0");
    pthread_mutex_unlock(&store->lock);
}

bool sbx_keys_contain(const char *keys, int64_t key)
{
    char wanted[32];
    snprintf(wanted, sizeof(wanted), ",%lld,", (long long)key);
    return strstr(keys, wanted) != NULL;
}
