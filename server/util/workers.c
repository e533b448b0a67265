/* One queue, one lock, one condition: jobs are tens of microseconds each, so this is no bottleneck
 * on the few cores that a replica has. */
#include "util/workers.h"

#include <pthread.h>
#include <stdlib.h>

#include "util/thread.h"
#include "util/wipe.h"

struct pc_workers {
    pthread_mutex_t lock; /* guards: first, last, wipes, stopping */
    pthread_cond_t changed;
    pc_job *first;
    pc_job **last;
    bool wipes;
    bool stopping;
    int count;
    pthread_t threads[];
};

static void *work(void *argument)
{
    pc_workers *workers = argument;
    pthread_mutex_lock(&workers->lock);
    for (;;) {
        while (workers->first == NULL && !workers->stopping) {
            pthread_cond_wait(&workers->changed, &workers->lock);
        }
        pc_job *job = workers->first;
        if (job == NULL) {
            break;
        }
        workers->first = job->next;
        if (workers->first == NULL) {
            workers->last = &workers->first;
        }
        bool wipes = workers->wipes;
        pthread_mutex_unlock(&workers->lock);
        job->run(job);
        if (wipes) {
            pc_wipe_stack();
        }
        pthread_mutex_lock(&workers->lock);
    }
    pthread_mutex_unlock(&workers->lock);
    return NULL;
}

pc_status pc_workers_new(pc_workers **out, int count)
{
    *out = NULL;
    if (count < 1) {
        count = 1;
    }
    pc_workers *workers = calloc(1, sizeof *workers + (size_t)count * sizeof workers->threads[0]);
    if (workers == NULL) {
        return pc_status_out_of_memory();
    }
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->changed, NULL);
    workers->last = &workers->first;
    for (; workers->count < count; workers->count++) {
        if (!pc_thread_start(&workers->threads[workers->count], "worker", work, workers)) {
            pc_workers_free(workers);
            return pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "NO_THREADS",
                                 "cannot start a worker thread");
        }
    }
    *out = workers;
    return PC_OK;
}

void pc_workers_wipe_stacks(pc_workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    workers->wipes = true;
    pthread_mutex_unlock(&workers->lock);
}

void pc_workers_free(pc_workers *workers)
{
    if (workers == NULL) {
        return;
    }
    pthread_mutex_lock(&workers->lock);
    workers->stopping = true;
    pthread_cond_broadcast(&workers->changed);
    pthread_mutex_unlock(&workers->lock);
    for (int i = 0; i < workers->count; i++) {
        pthread_join(workers->threads[i], NULL);
    }
    pthread_cond_destroy(&workers->changed);
    pthread_mutex_destroy(&workers->lock);
    free(workers);
}

void pc_workers_run(pc_workers *workers, pc_job *job)
{
    job->next = NULL;
    pthread_mutex_lock(&workers->lock);
    *workers->last = job;
    workers->last = &job->next;
    pthread_cond_signal(&workers->changed);
    pthread_mutex_unlock(&workers->lock);
}
