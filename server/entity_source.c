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

static pc_entity_query make_query(const pc_fetch_request *request)
{
    static const pc_entity_kind kinds[] = {
        [PC_FETCH_PROFILE] = PC_ENTITY_PROFILE,
        [PC_FETCH_EVENTS] = PC_ENTITY_EVENTS,
        [PC_FETCH_AUDIENCES] = PC_ENTITY_AUDIENCES,
    };
    return (pc_entity_query){
        .kind = kinds[request->kind],
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
        .request_id = request->request_id,
        .has_start_time = request->has_start,
        .has_end_time = request->has_end,
        .start_time_ms = request->start_ms,
        .end_time_ms = request->end_ms,
        .limit = request->limit,
        .oldest_first = request->oldest_first,
        .cursor = request->cursor,
        .audience_ids = request->audience_ids,
        .audience_count = request->audience_count,
    };
}

static pc_status start(const pc_source *source, const pc_fetch_request *request, pc_fetch_done done,
                       void *self, void **op_out)
{
    *op_out = NULL;
    fetch *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return pc_status_out_of_memory();
    }
    *f = (fetch){.done = done, .self = self, .references = 2};
    const pc_entity_query query = make_query(request);
    pc_status status = pc_entity_fetch(source->self, &query, on_done, f, &f->op);
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

static void release(const pc_source *source, void *op)
{
    (void)source;
    unref(op);
}

pc_source pc_entity_source(pc_entity_client *client)
{
    return (pc_source){.start = start, .cancel = cancel, .release = release, .self = client};
}
