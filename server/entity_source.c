/* Words of one folder into words of the other. */
#include "entity_source.h"

#include <stdlib.h>
#include <string.h>

/* One fetch: holds the upstream's operation and the callback, until both sides are done with it. */
typedef struct {
    pc_fetch_done done;
    void *self;
    pc_entity_op *op; /* owned; set once the fetch has been started */
    int references;   /* the callback and the giver; atomic */
} fetch;

static void unref(fetch *f)
{
    if (__atomic_sub_fetch(&f->references, 1, __ATOMIC_ACQ_REL) == 0) {
        pc_entity_op_unref(f->op);
        free(f);
    }
}

/* What the upstream refused is this server's credential: a caller that heard UNAUTHENTICATED would
 * look for the fault in its own. */
static pc_status for_callers(pc_status status)
{
    if (status.code != PC_CODE_UNAUTHENTICATED) {
        return status;
    }
    pc_status ours = pc_status_new(PC_CODE_UNAVAILABLE, pc_status_reason(&status),
                                   "the upstream refuses this server's credentials; its operator "
                                   "has to mend that");
    return pc_status_with_cause(ours, status);
}

static void on_done(void *self, pc_status status, const pc_entity_result *result)
{
    fetch *f = self;
    f->done(f->self, for_callers(status), result->body, result->attempts);
    unref(f);
}

static size_t length(const char *text)
{
    return text == NULL ? 0 : strlen(text);
}

static const pc_entity_kind kinds[] = {
    [PC_FETCH_PROFILE] = PC_ENTITY_PROFILE,
    [PC_FETCH_EVENTS] = PC_ENTITY_EVENTS,
    [PC_FETCH_AUDIENCES] = PC_ENTITY_AUDIENCES,
    [PC_FETCH_PROFILES] = PC_ENTITY_BATCH,
    [PC_FETCH_RECORD] = PC_ENTITY_RECORD,
    [PC_FETCH_GRAPH] = PC_ENTITY_GRAPH,
    [PC_FETCH_XID] = PC_ENTITY_XID,
    [PC_FETCH_DELETE] = PC_ENTITY_DELETE,
};

/* `refs` are those of the request in the upstream's type. */
static pc_entity_query make_query(const pc_fetch_request *request, const pc_entity_ref *refs)
{
    return (pc_entity_query){
        .kind = kinds[request->kind],
        .schema = request->schema,
        .namespace_code = request->person.namespace_code,
        .namespace_size = length(request->person.namespace_code),
        .id = request->person.id,
        .id_size = length(request->person.id),
        .xid = request->person.xid,
        .xid_size = length(request->person.xid),
        .sandbox = request->person.sandbox,
        .merge_policy = request->person.merge_policy,
        .fields = request->fields,
        .deadline_ns = request->deadline_ns,
        .patience_ns = request->patience_ns,
        .criticality = request->criticality,
        .caller = request->caller,
        .request_id = request->request_id,
        .trace = request->trace,
        .has_start_time = request->has_start,
        .has_end_time = request->has_end,
        .start_time_ms = request->start_ms,
        .end_time_ms = request->end_ms,
        .limit = request->limit,
        .oldest_first = request->oldest_first,
        .cursor = request->cursor,
        .properties = request->properties,
        .property_count = request->property_count,
        .audience_ids = request->audience_ids,
        .audience_count = request->audience_count,
        .refs = refs,
        .ref_count = request->ref_count,
    };
}

/* Owned: free(). NULL for none, and on lack of memory. */
static pc_entity_ref *make_refs(const pc_fetch_request *request)
{
    pc_entity_ref *refs = request->ref_count == 0 ? NULL : calloc(request->ref_count, sizeof *refs);
    for (size_t i = 0; refs != NULL && i < request->ref_count; i++) {
        const pc_person_ref *from = &request->refs[i];
        refs[i] = (pc_entity_ref){from->namespace_code, from->id, from->xid};
    }
    return refs;
}

static pc_status start(const pc_source *source, const pc_fetch_request *request, pc_fetch_done done,
                       void *self, void **op_out)
{
    *op_out = NULL;
    fetch *f = calloc(1, sizeof *f);
    pc_entity_ref *refs = make_refs(request);
    if (f == NULL || (refs == NULL && request->ref_count > 0)) {
        free(f);
        free(refs);
        return pc_status_out_of_memory();
    }
    *f = (fetch){.done = done, .self = self, .references = 2};
    const pc_entity_query query = make_query(request, refs);
    pc_status status = pc_entity_fetch(source->self, &query, on_done, f, &f->op);
    free(refs);
    if (!pc_status_ok(&status)) {
        free(f);
        return status;
    }
    *op_out = f;
    return PC_OK;
}

static void cancel(const pc_source *source, void *op)
{
    (void)source;
    pc_entity_cancel(((fetch *)op)->op);
}

static void raise_op(const pc_source *source, void *op, pc_criticality criticality)
{
    (void)source;
    pc_entity_raise(((fetch *)op)->op, criticality);
}

static int64_t calls_left(const pc_source *source, pc_criticality criticality, uint64_t caller)
{
    return pc_entity_calls_left(source->self, criticality, caller);
}

static bool refuses(const pc_source *source, pc_fetch_kind kind)
{
    return pc_entity_refuses(source->self, kinds[kind]);
}

static void release(const pc_source *source, void *op)
{
    (void)source;
    unref(op);
}

pc_source pc_entity_source(pc_entity_client *client)
{
    return (pc_source){.start = start,
                       .cancel = cancel,
                       .raise = raise_op,
                       .calls_left = calls_left,
                       .refuses = refuses,
                       .release = release,
                       .self = client};
}
