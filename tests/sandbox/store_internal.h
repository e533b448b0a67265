/* What the writing and the reading half of the store share. Included by store*.c only. */
#ifndef SBX_STORE_INTERNAL_H
#define SBX_STORE_INTERNAL_H

#include "store.h"

#include <pthread.h>
#include <sqlite3.h>

enum sbx_statement {
    SBX_SQL_FIND_BY_NAME,
    SBX_SQL_FIND_BY_XID,
    SBX_SQL_ADD_IDENTITY,
    SBX_SQL_UPDATE_IDENTITY,
    SBX_SQL_ADD_PERSON,
    SBX_SQL_DROP_FRAGMENT,
    SBX_SQL_ADD_FRAGMENT,
    SBX_SQL_DROP_EVENT,
    SBX_SQL_ADD_EVENT,
    SBX_SQL_PUT_DOCUMENT,
    SBX_SQL_GET_DOCUMENT,
    SBX_SQL_ALL_DOCUMENTS,
    SBX_SQL_SET_NOTE,
    SBX_SQL_GET_NOTE,
    SBX_SQL_IDENTITIES,
    SBX_SQL_COUNT_IDENTITIES,
    SBX_SQL_FRAGMENTS,
    SBX_SQL_LATEST_EVENT,
    SBX_SQL_EVENTS_UP,
    SBX_SQL_EVENTS_DOWN,
    SBX_SQL_FIND_EVENT,
    SBX_SQL_COUNT
};

struct sbx_store {
    sqlite3 *db;
    pthread_mutex_t writer; /* held through a whole transaction; taken before lock */
    pthread_mutex_t lock;   /* guards db and every statement */
    sqlite3_stmt *statements[SBX_SQL_COUNT];
};

/* The prepared statement, reset and with no bindings. The caller holds the lock. */
sqlite3_stmt *sbx_store_statement(sbx_store *store, enum sbx_statement which);
bool sbx_store_fail(sbx_store *store, struct sbx_error *error);
/* Runs a statement that returns no rows. */
bool sbx_store_run(sbx_store *store, sqlite3_stmt *statement, struct sbx_error *error);

static inline void sbx_bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

#endif
