/* Where sections come from, as this folder wants it: a table of functions that upstream/ is fitted
 * to by app.c, and that tests replace. One fetch is one upstream operation; the answer is its raw
 * body. */
#ifndef PC_CONTEXT_SOURCE_H
#define PC_CONTEXT_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/criticality.h"
#include "util/slice.h"
#include "util/status.h"
#include "util/trace.h"

typedef enum {
    PC_FETCH_PROFILE,
    PC_FETCH_EVENTS,    /* one page */
    PC_FETCH_AUDIENCES, /* names and descriptions, by id */
    PC_FETCH_PROFILES,  /* several profiles */
    PC_FETCH_RECORD,    /* an entity of another class */
    PC_FETCH_GRAPH,     /* the identities linked to some */
    PC_FETCH_XID,       /* the XID of an identity */
    PC_FETCH_DELETE     /* not a fetch: deletes a profile */
} pc_fetch_kind;

/* A person by itself: either namespace and id, or xid. Texts are NUL-terminated. */
typedef struct {
    const char *namespace_code; /* NULL when named by xid */
    const char *id;
    const char *xid; /* NULL when named by identity */
} pc_person_ref;

enum {
    PC_FETCH_REFS_MAX = 1000,
    PC_FETCH_AUDIENCES_MAX = 100,
    PC_FETCH_PROPERTIES_MAX = 3 /* the upstream's limit */
};

/* A person and where to look: either namespace and id, or xid. Texts are NUL-terminated. */
typedef struct {
    const char *namespace_code; /* NULL when named by xid */
    const char *id;
    const char *xid; /* NULL when named by identity */
    const char *sandbox;
    const char *merge_policy;
} pc_person;

/* Borrowed for the start only. */
typedef struct {
    pc_fetch_kind kind;
    pc_person person;       /* of audiences and several: only the sandbox and the merge policy */
    const char *schema;     /* of a record */
    const char *fields;     /* JSON dot paths joined by commas; NULL: all */
    const char *request_id; /* NULL: of no request in particular */
    pc_trace trace;         /* what it is a step of */
    int64_t deadline_ns;
    int64_t patience_ns; /* no use when the call cannot be made before this; 0: deadline_ns */
    pc_criticality criticality;
    uint64_t caller; /* who pays; 0: nobody in particular */
    bool alone;      /* never to be joined with others (joining.h) */
    /* Of events. */
    bool has_start;
    bool has_end;
    int64_t start_ms; /* inclusive */
    int64_t end_ms;   /* exclusive */
    int limit;
    bool oldest_first;
    const char *cursor;            /* NULL or "": the first page */
    const char *const *properties; /* conditions such as: commerce.order.priceTotal>=10 */
    size_t property_count;         /* at most PC_FETCH_PROPERTIES_MAX */
    /* Of audiences: at most PC_FETCH_AUDIENCES_MAX. */
    const char *const *audience_ids;
    size_t audience_count;
    /* Of several profiles and of the graph: 1 to PC_FETCH_REFS_MAX; of the graph all by identity or
     * all by XID. */
    const pc_person_ref *refs;
    size_t ref_count;
} pc_fetch_request;

/* Takes `status`; `body` is borrowed for the call and NULL on failure; `attempts` counts upstream
 * calls. Comes exactly once, on a thread of the source, never within start. Must not block. */
typedef void (*pc_fetch_done)(void *self, pc_status status, pc_slice *body, unsigned attempts);

typedef struct pc_source {
    /* An error returned means that `done` never comes. `*op_out` is then NULL. */
    pc_status (*start)(const struct pc_source *source, const pc_fetch_request *request,
                       pc_fetch_done done, void *self, void **op_out);
    /* Asks; `done` still comes. Harmless when it has come. */
    void (*cancel)(const struct pc_source *source, void *op);
    /* Has one that waits for its turn wait as a more critical one. Harmless at any other time.
     * NULL: nothing waits here. */
    void (*raise)(const struct pc_source *source, void *op, pc_criticality criticality);
    /* How many calls this caller could make now; -1: no bound is set. NULL likewise. */
    int64_t (*calls_left)(const struct pc_source *source, pc_criticality criticality,
                          uint64_t caller);
    /* Whether fetches of this kind would fail at once now, so that one that nobody waits for need
     * not be started. NULL: that is never known. */
    bool (*refuses)(const struct pc_source *source, pc_fetch_kind kind);
    /* Gives the operation back; it may still be running. */
    void (*release)(const struct pc_source *source, void *op);
    void *self;
} pc_source;

static inline bool pc_source_refuses(const pc_source *source, pc_fetch_kind kind)
{
    return source->refuses != NULL && source->refuses(source, kind);
}

#endif
