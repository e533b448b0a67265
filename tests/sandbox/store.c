/* The store: opening, schema, writing. Reading is in store_read.c. */
#include "store_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Marks a file as ours ("sbx1"), so that --database cannot scribble into somebody else's. */
#define APPLICATION_ID 0x73627831

enum { NS_MAX = 255, ID_MAX = 1024, IDENTITIES_PER_RECORD_MAX = 256 };

static const char schema_sql[] =
    "CREATE TABLE IF NOT EXISTS person(id INTEGER PRIMARY KEY);"
    "CREATE TABLE IF NOT EXISTS identity(id INTEGER PRIMARY KEY, person INTEGER NOT NULL,"
    " ns TEXT NOT NULL, value TEXT NOT NULL, xid TEXT NOT NULL, state TEXT,"
    " is_primary INTEGER NOT NULL);"
    "CREATE UNIQUE INDEX IF NOT EXISTS identity_xid ON identity(xid);"
    "CREATE INDEX IF NOT EXISTS identity_person ON identity(person);"
    "CREATE TABLE IF NOT EXISTS fragment(id INTEGER PRIMARY KEY, person INTEGER NOT NULL,"
    " schema INTEGER NOT NULL, dataset TEXT NOT NULL, batch TEXT, ts INTEGER NOT NULL,"
    " identities TEXT NOT NULL, body TEXT NOT NULL);"
    "CREATE INDEX IF NOT EXISTS fragment_person ON fragment(person);"
    "CREATE TABLE IF NOT EXISTS event(id INTEGER PRIMARY KEY, person INTEGER NOT NULL,"
    " ts INTEGER NOT NULL, event_id TEXT NOT NULL, dataset TEXT NOT NULL,"
    " identities TEXT NOT NULL, body TEXT NOT NULL);"
    "CREATE INDEX IF NOT EXISTS event_person ON event(person, ts);"
    "CREATE INDEX IF NOT EXISTS event_name ON event(person, event_id);"
    "CREATE TABLE IF NOT EXISTS document(kind INTEGER NOT NULL, id TEXT NOT NULL,"
    " body TEXT NOT NULL, UNIQUE(kind, id));"
    "CREATE TABLE IF NOT EXISTS note(name TEXT PRIMARY KEY, value TEXT NOT NULL);";

/* The events of a person are read in the order of the index event_person, whose entries end with
 * the row id: from any place, without looking at what stands before it.
 *
 * An identity is found by its XID alone, also when asked by name: the XID is a hash of the name. */
static const char *const sql[SBX_SQL_COUNT] = {
    [SBX_SQL_FIND_BY_NAME] = "SELECT id, person, ns, value, xid, state, is_primary FROM identity"
                             " WHERE xid = ?1 AND ns = ?2 AND value = ?3",
    [SBX_SQL_FIND_BY_XID] = "SELECT id, person, ns, value, xid, state, is_primary FROM identity"
                            " WHERE xid = ?1",
    [SBX_SQL_ADD_IDENTITY] = "INSERT INTO identity(person, ns, value, xid, state, is_primary)"
                             " VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [SBX_SQL_UPDATE_IDENTITY] = "UPDATE identity SET state = coalesce(?2, state),"
                                " is_primary = max(is_primary, ?3) WHERE id = ?1",
    [SBX_SQL_ADD_PERSON] = "INSERT INTO person DEFAULT VALUES",
    [SBX_SQL_DROP_FRAGMENT] = "DELETE FROM fragment WHERE person = ?1 AND schema = ?2"
                              " AND dataset = ?3 AND identities = ?4",
    [SBX_SQL_ADD_FRAGMENT] = "INSERT INTO fragment(person, schema, dataset, batch, ts, identities,"
                             " body) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [SBX_SQL_DROP_EVENT] = "DELETE FROM event WHERE person = ?1 AND event_id = ?2",
    [SBX_SQL_ADD_EVENT] = "INSERT INTO event(person, ts, event_id, dataset, identities, body)"
                          " VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [SBX_SQL_PUT_DOCUMENT] = "INSERT INTO document(kind, id, body) VALUES(?1, ?2, ?3)"
                             " ON CONFLICT(kind, id) DO UPDATE SET body = excluded.body",
    [SBX_SQL_GET_DOCUMENT] = "SELECT body FROM document WHERE kind = ?1 AND id = ?2",
    [SBX_SQL_ALL_DOCUMENTS] = "SELECT id, body FROM document WHERE kind = ?1 ORDER BY rowid",
    [SBX_SQL_SET_NOTE] = "INSERT INTO note(name, value) VALUES(?1, ?2)"
                         " ON CONFLICT(name) DO UPDATE SET value = excluded.value",
    [SBX_SQL_GET_NOTE] = "SELECT value FROM note WHERE name = ?1",
    [SBX_SQL_IDENTITIES] = "SELECT id, person, ns, value, xid, state, is_primary FROM identity"
                           " WHERE person = ?1 ORDER BY id",
    [SBX_SQL_COUNT_IDENTITIES] = "SELECT count(*) FROM identity WHERE person = ?1",
    [SBX_SQL_FRAGMENTS] = "SELECT dataset, batch, ts, identities, body FROM fragment"
                          " WHERE person = ?1 AND schema = ?2 ORDER BY ts, id",
    [SBX_SQL_LATEST_EVENT] = "SELECT dataset, ts FROM event WHERE person = ?1"
                             " ORDER BY ts DESC LIMIT 1",
    [SBX_SQL_EVENTS_UP] = "SELECT id, ts, event_id, identities, body FROM event WHERE person = ?1"
                          " AND ts >= ?2 AND ts <= ?3 AND (ts > ?2 OR id >= ?4)"
                          " ORDER BY ts, id LIMIT ?5",
    [SBX_SQL_EVENTS_DOWN] = "SELECT id, ts, event_id, identities, body FROM event WHERE person = ?1"
                            " AND ts >= ?2 AND ts <= ?3 AND (ts < ?3 OR id <= ?4)"
                            " ORDER BY ts DESC, id DESC LIMIT ?5",
    [SBX_SQL_FIND_EVENT] = "SELECT ts, id FROM event WHERE person = ?1 AND event_id = ?2",
};

bool sbx_store_fail(sbx_store *store, struct sbx_error *error)
{
    return sbx_fail(error, "database: %s", sqlite3_errmsg(store->db));
}

sqlite3_stmt *sbx_store_statement(sbx_store *store, enum sbx_statement which)
{
    sqlite3_stmt *statement = store->statements[which];
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return statement;
}

bool sbx_store_run(sbx_store *store, sqlite3_stmt *statement, struct sbx_error *error)
{
    bool done = sqlite3_step(statement) == SQLITE_DONE;
    if (!done) {
        sbx_store_fail(store, error);
    }
    sqlite3_reset(statement);
    return done;
}

static bool execute(sbx_store *store, const char *text, struct sbx_error *error)
{
    return sqlite3_exec(store->db, text, NULL, NULL, NULL) == SQLITE_OK ||
           sbx_store_fail(store, error);
}

static int read_pragma(sbx_store *store, const char *text)
{
    sqlite3_stmt *statement = NULL;
    int value = -1;
    if (sqlite3_prepare_v2(store->db, text, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
        value = sqlite3_column_int(statement, 0);
    }
    sqlite3_finalize(statement);
    return value;
}

static bool claim_file(sbx_store *store, const char *path, struct sbx_error *error)
{
    int tables = read_pragma(store, "SELECT count(*) FROM sqlite_master");
    int application = read_pragma(store, "PRAGMA application_id");
    if (tables < 0 || (tables > 0 && application != APPLICATION_ID)) {
        return sbx_fail(error, "%s is not a database of entity-sandbox", path);
    }
    char text[64];
    snprintf(text, sizeof(text), "PRAGMA application_id=%d", APPLICATION_ID);
    return execute(store, text, error);
}

bool sbx_store_open(sbx_store **out, const char *path, struct sbx_error *error)
{
    sbx_store *store = sbx_alloc(sizeof(*store));
    pthread_mutex_init(&store->writer, NULL);
    pthread_mutex_init(&store->lock, NULL);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path != NULL ? path : "", &store->db, flags, NULL) != SQLITE_OK) {
        sbx_fail(error, "cannot open the database %s: %s", path != NULL ? path : "(temporary)",
                 sqlite3_errmsg(store->db));
        goto fail;
    }
    sqlite3_busy_timeout(store->db, 2000);
    if (path != NULL && !claim_file(store, path, error)) {
        goto fail;
    }
    if (!execute(store,
                 path != NULL ? "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                              : "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF;",
                 error) ||
        !execute(store, "PRAGMA cache_size=-131072;", error) ||
        !execute(store, schema_sql, error)) {
        goto fail;
    }
    for (int i = 0; i < SBX_SQL_COUNT; i++) {
        if (sqlite3_prepare_v3(store->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &store->statements[i], NULL) != SQLITE_OK) {
            sbx_store_fail(store, error);
            goto fail;
        }
    }
    *out = store;
    return true;
fail:
    sbx_store_free(store);
    return false;
}

void sbx_store_free(sbx_store *store)
{
    if (store == NULL) {
        return;
    }
    for (int i = 0; i < SBX_SQL_COUNT; i++) {
        sqlite3_finalize(store->statements[i]);
    }
    sqlite3_close(store->db);
    pthread_mutex_destroy(&store->lock);
    pthread_mutex_destroy(&store->writer);
    free(store);
}

bool sbx_store_begin(sbx_store *store, struct sbx_error *error)
{
    pthread_mutex_lock(&store->writer);
    pthread_mutex_lock(&store->lock);
    bool done = execute(store, "BEGIN IMMEDIATE", error);
    pthread_mutex_unlock(&store->lock);
    if (!done) {
        pthread_mutex_unlock(&store->writer);
    }
    return done;
}

bool sbx_store_commit(sbx_store *store, struct sbx_error *error)
{
    pthread_mutex_lock(&store->lock);
    bool done = execute(store, "COMMIT", error);
    if (!done) {
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    }
    pthread_mutex_unlock(&store->lock);
    pthread_mutex_unlock(&store->writer);
    return done;
}

void sbx_store_rollback(sbx_store *store)
{
    pthread_mutex_lock(&store->lock);
    sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    pthread_mutex_unlock(&store->lock);
    pthread_mutex_unlock(&store->writer);
}

static bool fold_ns(char out[NS_MAX + 1], const char *ns, struct sbx_error *error)
{
    size_t length = strlen(ns);
    if (length == 0 || length > NS_MAX) {
        return sbx_fail(error, "a namespace has 1 to %d characters", NS_MAX);
    }
    for (size_t i = 0; i <= length; i++) {
        out[i] = (char)tolower((unsigned char)ns[i]);
    }
    return true;
}

/* Gives the key and person of one identity, adding it to *person when it is new. When it belongs to
 * another person already, both are one from now on. */
static bool place_identity(sbx_store *store, const struct sbx_identity *identity, int64_t *person,
                           int64_t *key, struct sbx_error *error)
{
    char ns[NS_MAX + 1];
    size_t length = strlen(identity->id);
    if (!fold_ns(ns, identity->ns, error)) {
        return false;
    }
    if (length == 0 || length > ID_MAX) {
        return sbx_fail(error, "an identity has 1 to %d characters", ID_MAX);
    }
    char xid[SBX_XID_SIZE];
    sbx_xid_make(xid, ns, identity->id);
    sqlite3_stmt *find = sbx_store_statement(store, SBX_SQL_FIND_BY_XID);
    sbx_bind_text(find, 1, xid);
    if (sqlite3_step(find) == SQLITE_ROW) {
        *key = sqlite3_column_int64(find, 0);
        int64_t found = sqlite3_column_int64(find, 1);
        sqlite3_reset(find);
        if (*person != 0 && *person != found) {
            char text[400];
            snprintf(text, sizeof(text),
                     "UPDATE identity SET person = %lld WHERE person = %lld;"
                     "UPDATE fragment SET person = %lld WHERE person = %lld;"
                     "UPDATE event SET person = %lld WHERE person = %lld;"
                     "DELETE FROM person WHERE id = %lld",
                     (long long)found, (long long)*person, (long long)found, (long long)*person,
                     (long long)found, (long long)*person, (long long)*person);
            if (!execute(store, text, error)) {
                return false;
            }
        }
        *person = found;
        if (identity->state == NULL && !identity->primary) {
            return true;
        }
        sqlite3_stmt *update = sbx_store_statement(store, SBX_SQL_UPDATE_IDENTITY);
        sqlite3_bind_int64(update, 1, *key);
        sbx_bind_text(update, 2, identity->state);
        sqlite3_bind_int(update, 3, identity->primary);
        return sbx_store_run(store, update, error);
    }
    if (*person == 0) {
        if (!sbx_store_run(store, sbx_store_statement(store, SBX_SQL_ADD_PERSON), error)) {
            return false;
        }
        *person = sqlite3_last_insert_rowid(store->db);
    }
    sqlite3_stmt *add = sbx_store_statement(store, SBX_SQL_ADD_IDENTITY);
    sqlite3_bind_int64(add, 1, *person);
    sbx_bind_text(add, 2, ns);
    sbx_bind_text(add, 3, identity->id);
    sbx_bind_text(add, 4, xid);
    sbx_bind_text(add, 5, identity->state);
    sqlite3_bind_int(add, 6, identity->primary);
    if (!sbx_store_run(store, add, error)) {
        return false;
    }
    *key = sqlite3_last_insert_rowid(store->db);
    return true;
}

/* Links the identities into one person and lists their keys as ",1,2,". */
static bool place_identities(sbx_store *store, const struct sbx_identity *identities, size_t count,
                             int64_t *person, struct sbx_text *keys, struct sbx_error *error)
{
    if (count == 0 || count > IDENTITIES_PER_RECORD_MAX) {
        return sbx_fail(error, "a record has 1 to %d identities", IDENTITIES_PER_RECORD_MAX);
    }
    *person = 0;
    sbx_text_puts(keys, ",");
    for (size_t i = 0; i < count; i++) {
        int64_t key = 0;
        if (!place_identity(store, &identities[i], person, &key, error)) {
            return false;
        }
        sbx_text_printf(keys, "%lld,", (long long)key);
    }
    return true;
}

bool sbx_store_link(sbx_store *store, const struct sbx_identity *identities, size_t count,
                    struct sbx_error *error)
{
    struct sbx_text keys = {0};
    int64_t person = 0;
    pthread_mutex_lock(&store->lock);
    bool done = place_identities(store, identities, count, &person, &keys, error);
    pthread_mutex_unlock(&store->lock);
    sbx_text_deinit(&keys);
    return done;
}

static bool add_fragment(sbx_store *store, const struct sbx_record *record, int64_t person,
                         const char *keys, struct sbx_error *error)
{
    if (!record->fresh) {
        sqlite3_stmt *drop = sbx_store_statement(store, SBX_SQL_DROP_FRAGMENT);
        sqlite3_bind_int64(drop, 1, person);
        sqlite3_bind_int(drop, 2, (int)record->schema);
        sbx_bind_text(drop, 3, record->dataset);
        sbx_bind_text(drop, 4, keys);
        if (!sbx_store_run(store, drop, error)) {
            return false;
        }
    }
    sqlite3_stmt *add = sbx_store_statement(store, SBX_SQL_ADD_FRAGMENT);
    sqlite3_bind_int64(add, 1, person);
    sqlite3_bind_int(add, 2, (int)record->schema);
    sbx_bind_text(add, 3, record->dataset);
    sbx_bind_text(add, 4, record->batch);
    sqlite3_bind_int64(add, 5, record->timestamp_ms);
    sbx_bind_text(add, 6, keys);
    sqlite3_bind_text(add, 7, record->entity, (int)record->entity_length, SQLITE_STATIC);
    return sbx_store_run(store, add, error);
}

static bool add_event(sbx_store *store, const struct sbx_record *record, int64_t person,
                      const char *keys, struct sbx_error *error)
{
    if (!record->fresh) {
        sqlite3_stmt *drop = sbx_store_statement(store, SBX_SQL_DROP_EVENT);
        sqlite3_bind_int64(drop, 1, person);
        sbx_bind_text(drop, 2, record->event_id);
        if (!sbx_store_run(store, drop, error)) {
            return false;
        }
    }
    sqlite3_stmt *add = sbx_store_statement(store, SBX_SQL_ADD_EVENT);
    sqlite3_bind_int64(add, 1, person);
    sqlite3_bind_int64(add, 2, record->timestamp_ms);
    sbx_bind_text(add, 3, record->event_id);
    sbx_bind_text(add, 4, record->dataset);
    sbx_bind_text(add, 5, keys);
    sqlite3_bind_text(add, 6, record->entity, (int)record->entity_length, SQLITE_STATIC);
    return sbx_store_run(store, add, error);
}

typedef bool add_fn(sbx_store *store, const struct sbx_record *record, int64_t person,
                    const char *keys, struct sbx_error *error);

static bool add_record(sbx_store *store, const struct sbx_record *record, add_fn *add,
                       struct sbx_error *error)
{
    struct sbx_text keys = {0};
    int64_t person = 0;
    pthread_mutex_lock(&store->lock);
    bool done = place_identities(store, record->identities, record->identity_count, &person, &keys,
                                 error) &&
                add(store, record, person, keys.data, error);
    pthread_mutex_unlock(&store->lock);
    sbx_text_deinit(&keys);
    return done;
}

bool sbx_store_add_fragment(sbx_store *store, const struct sbx_record *record,
                            struct sbx_error *error)
{
    return add_record(store, record, add_fragment, error);
}

bool sbx_store_add_event(sbx_store *store, const struct sbx_record *record, struct sbx_error *error)
{
    return add_record(store, record, add_event, error);
}

bool sbx_store_put_document(sbx_store *store, enum sbx_document kind, const char *id,
                            const char *body, struct sbx_error *error)
{
    pthread_mutex_lock(&store->lock);
    sqlite3_stmt *put = sbx_store_statement(store, SBX_SQL_PUT_DOCUMENT);
    sqlite3_bind_int(put, 1, (int)kind);
    sbx_bind_text(put, 2, id);
    sbx_bind_text(put, 3, body);
    bool done = sbx_store_run(store, put, error);
    pthread_mutex_unlock(&store->lock);
    return done;
}

bool sbx_store_set_note(sbx_store *store, const char *name, const char *value,
                        struct sbx_error *error)
{
    pthread_mutex_lock(&store->lock);
    sqlite3_stmt *set = sbx_store_statement(store, SBX_SQL_SET_NOTE);
    sbx_bind_text(set, 1, name);
    sbx_bind_text(set, 2, value);
    bool done = sbx_store_run(store, set, error);
    pthread_mutex_unlock(&store->lock);
    return done;
}

void sbx_store_delete_person(sbx_store *store, int64_t person)
{
    char text[300];
    snprintf(text, sizeof(text),
             "BEGIN; DELETE FROM fragment WHERE person = %lld; DELETE FROM event WHERE person = "
             "%lld; DELETE FROM identity WHERE person = %lld; DELETE FROM person WHERE id = %lld; "
             "COMMIT",
             (long long)person, (long long)person, (long long)person, (long long)person);
    pthread_mutex_lock(&store->writer);
    pthread_mutex_lock(&store->lock);
    if (sqlite3_exec(store->db, text, NULL, NULL, NULL) != SQLITE_OK) {
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    }
    pthread_mutex_unlock(&store->lock);
    pthread_mutex_unlock(&store->writer);
}
