/* From the source's thread to a worker. */
#include "context/fetching.h"

#include <pthread.h>
#include <stdlib.h>

struct pc_fetching {
    const pc_source *source;
    pc_workers *workers;
    pc_fetching_done done;
    void *self;
    pc_job job;
    pc_status status;
    pc_slice *body; /* owned */
    unsigned attempts;
    pthread_mutex_t lock; /* guards: op, cancelled, criticality, references */
    void *op;             /* owned */
    bool cancelled;
    pc_criticality criticality;
    int references; /* the starter's, and the fetch's until it has called back */
};

static void unref(pc_fetching *fetching)
{
    pthread_mutex_lock(&fetching->lock);
    bool last = --fetching->references == 0;
    pthread_mutex_unlock(&fetching->lock);
    if (!last) {
        return;
    }
    if (fetching->op != NULL) {
        fetching->source->release(fetching->source, fetching->op);
    }
    pc_slice_unref(fetching->body);
    pthread_mutex_destroy(&fetching->lock);
    free(fetching);
}

static void run(pc_job *job)
{
    pc_fetching *fetching = PC_CONTAINER_OF(job, pc_fetching, job);
    fetching->done(fetching->self, fetching->status, fetching->body, fetching->attempts);
    unref(fetching);
}

static void on_fetched(void *self, pc_status status, pc_slice *body, unsigned attempts)
{
    pc_fetching *fetching = self;
    fetching->status = status;
    fetching->body = pc_slice_ref(body);
    fetching->attempts = attempts;
    pc_workers_run(fetching->workers, &fetching->job);
}

/* Under the lock: raising does not call back. */
static void raise_op(const pc_fetching *fetching)
{
    const pc_source *source = fetching->source;
    if (fetching->op != NULL && source->raise != NULL) {
        source->raise(source, fetching->op, fetching->criticality);
    }
}

pc_status pc_fetching_start(pc_fetching **out, const pc_source *source, pc_workers *workers,
                            const pc_fetch_request *request, pc_fetching_done done, void *self)
{
    pc_fetching *fetching = calloc(1, sizeof *fetching);
    *out = fetching;
    if (fetching == NULL) {
        return pc_status_out_of_memory();
    }
    fetching->source = source;
    fetching->workers = workers;
    fetching->done = done;
    fetching->self = self;
    fetching->job.run = run;
    fetching->criticality = request->criticality;
    fetching->references = 3; /* and this call's */
    pthread_mutex_init(&fetching->lock, NULL);
    void *op = NULL;
    pc_status status = source->start(source, request, on_fetched, fetching, &op);
    if (!pc_status_ok(&status)) {
        fetching->status = status;
        pc_workers_run(workers, &fetching->job);
        unref(fetching);
        return PC_OK;
    }
    pthread_mutex_lock(&fetching->lock);
    fetching->op = op;
    bool unwanted = fetching->cancelled;
    if (fetching->criticality < request->criticality) {
        raise_op(fetching);
    }
    pthread_mutex_unlock(&fetching->lock);
    if (unwanted) {
        source->cancel(source, op);
    }
    unref(fetching);
    return PC_OK;
}

void pc_fetching_cancel(pc_fetching *fetching)
{
    pthread_mutex_lock(&fetching->lock);
    fetching->cancelled = true;
    void *op = fetching->op;
    pthread_mutex_unlock(&fetching->lock);
    if (op != NULL) {
        fetching->source->cancel(fetching->source, op);
    }
}

void pc_fetching_raise(pc_fetching *fetching, pc_criticality criticality)
{
    pthread_mutex_lock(&fetching->lock);
    if (criticality < fetching->criticality) {
        fetching->criticality = criticality;
        raise_op(fetching);
    }
    pthread_mutex_unlock(&fetching->lock);
}

void pc_fetching_release(pc_fetching *fetching)
{
    if (fetching != NULL) {
        unref(fetching);
    }
}
