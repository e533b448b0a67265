/* Everything the sandbox knows, in one SQLite database.
 *
 * A person is a set of linked identities; profile fragments, events, accounts and opportunities
 * hang on persons. Namespaces are compared without case, ids byte for byte. Every function may be
 * called from any thread: one lock guards the connection, and it is held only while SQLite works,
 * never while JSON is parsed. */
#ifndef SBX_STORE_H
#define SBX_STORE_H

#include "text.h"
#include "xid.h"

#include <stdint.h>

typedef struct sbx_store sbx_store;

enum sbx_schema { SBX_PROFILE, SBX_ACCOUNT, SBX_OPPORTUNITY };
enum sbx_document { SBX_AUDIENCE, SBX_MERGE_POLICY, SBX_NAMESPACE };

/* An identity as a record states it. */
struct sbx_identity {
    const char *ns;
    const char *id;
    const char *state; /* authenticatedState, may be NULL */
    bool primary;
};

struct sbx_record {
    const struct sbx_identity *identities;
    size_t identity_count;
    enum sbx_schema schema; /* of a fragment; an event has none */
    const char *dataset;
    const char *batch;    /* may be NULL */
    const char *event_id; /* of an event only */
    int64_t timestamp_ms;
    const char *entity; /* JSON text */
    size_t entity_length;
    bool fresh; /* the caller knows that nothing of this person is there to be replaced */
};

/* One linked identity, found. */
struct sbx_found_identity {
    int64_t key;
    int64_t person;
    char *ns; /* lower case */
    char *id;
    char *state;
    bool primary;
    char xid[SBX_XID_SIZE];
};

struct sbx_fragment {
    char *dataset;
    char *batch;
    int64_t timestamp_ms;
    char *identity_keys; /* ",3,17," */
    char *entity;
    size_t entity_length;
};

struct sbx_person {
    struct sbx_found_identity *identities; /* oldest first */
    size_t identity_count;
    struct sbx_fragment *fragments; /* oldest first */
    size_t fragment_count;
    char *event_dataset; /* of the latest event, NULL when there is none */
    int64_t event_ms;
};

struct sbx_event {
    int64_t row;
    int64_t timestamp_ms;
    char *event_id;
    char *identity_keys;
    char *entity;
    size_t entity_length;
};

struct sbx_event_range {
    int64_t person;
    int64_t start_ms; /* inclusive */
    int64_t end_ms;   /* exclusive */
    bool descending;
    bool resume; /* begin at (from_ms, from_row), inclusive */
    int64_t from_ms;
    int64_t from_row;
    size_t limit;
};

/* A NULL path means a private temporary database that goes away with the process. */
bool sbx_store_open(sbx_store **out, const char *path, struct sbx_error *error);
void sbx_store_free(sbx_store *store);

/* Loading. One thread at a time is between begin and commit or rollback, the others wait in begin;
 * on disk it is all or nothing, while lookups of this process may see half of it. A record that is
 * there already (same dataset and identities, same event id) is replaced. */
bool sbx_store_begin(sbx_store *store, struct sbx_error *error);
bool sbx_store_commit(sbx_store *store, struct sbx_error *error);
void sbx_store_rollback(sbx_store *store);
bool sbx_store_link(sbx_store *store, const struct sbx_identity *identities, size_t count,
                    struct sbx_error *error);
bool sbx_store_add_fragment(sbx_store *store, const struct sbx_record *record,
                            struct sbx_error *error);
bool sbx_store_add_event(sbx_store *store, const struct sbx_record *record,
                         struct sbx_error *error);
bool sbx_store_put_document(sbx_store *store, enum sbx_document kind, const char *id,
                            const char *body, struct sbx_error *error);

/* A small note kept in the database under a name; get gives an owned copy or NULL. */
bool sbx_store_set_note(sbx_store *store, const char *name, const char *value,
                        struct sbx_error *error);
char *sbx_store_get_note(sbx_store *store, const char *name);

/* Looking up. A NULL namespace means that id is an XID. False when there is no such identity. */
bool sbx_store_find(sbx_store *store, const char *ns, const char *id,
                    struct sbx_found_identity *out);
void sbx_found_identity_deinit(struct sbx_found_identity *identity);
/* All identities of a person, oldest first; free with sbx_found_identities_free. */
struct sbx_found_identity *sbx_store_read_identities(sbx_store *store, int64_t person,
                                                     size_t *count);
void sbx_found_identities_free(struct sbx_found_identity *identities, size_t count);
void sbx_store_read_person(sbx_store *store, int64_t person, enum sbx_schema schema,
                           struct sbx_person *out);
void sbx_person_deinit(struct sbx_person *person);
size_t sbx_store_count_identities(sbx_store *store, int64_t person);

/* Up to range->limit events in order; free with sbx_events_free. */
struct sbx_event *sbx_store_read_events(sbx_store *store, const struct sbx_event_range *range,
                                        size_t *count);
void sbx_events_free(struct sbx_event *events, size_t count);
/* Where an event of this person stands, for a paging cursor. */
bool sbx_store_find_event(sbx_store *store, int64_t person, const char *event_id, int64_t *ms,
                          int64_t *row);

/* An owned JSON text, or NULL. */
char *sbx_store_get_document(sbx_store *store, enum sbx_document kind, const char *id);
/* All of a kind in the order they were put; the callback gets borrowed texts and must not call the
 * store. */
void sbx_store_each_document(sbx_store *store, enum sbx_document kind,
                             void (*each)(const char *id, const char *body, void *payload),
                             void *payload);

/* Removes the person with all identities, fragments and events. */
void sbx_store_delete_person(sbx_store *store, int64_t person);

struct sbx_store_totals {
    int64_t persons;
    int64_t identities;
    int64_t fragments;
    int64_t events;
    int64_t audiences;
};
void sbx_store_count(sbx_store *store, struct sbx_store_totals *out);

/* Whether key stands in a list such as ",3,17,". */
bool sbx_keys_contain(const char *keys, int64_t key);

#endif
