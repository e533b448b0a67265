/* A fixed set of threads that run short jobs in the order in which they were given.
 * Threads: pc_workers_run may be called on any thread. */
#ifndef PC_UTIL_WORKERS_H
#define PC_UTIL_WORKERS_H

#include "util/status.h"

typedef struct pc_workers pc_workers;

/* A job is embedded in what it works on, so that giving it away cannot fail. It belongs to the
 * workers from pc_workers_run until `run` is called. */
typedef struct pc_job {
    void (*run)(struct pc_job *job);
    struct pc_job *next; /* used by the queue */
} pc_job;

/* Starts `count` threads (at least 1). Owned: stop with pc_workers_free.
 * Errors: RESOURCE_EXHAUSTED when threads or memory cannot be had. */
PC_NODISCARD pc_status pc_workers_new(pc_workers **out, int count);

/* From now on wipes the stack after each job. */
void pc_workers_wipe_stacks(pc_workers *workers);

/* Runs what was given, then ends the threads. No job may be given any more. NULL is allowed. */
void pc_workers_free(pc_workers *workers);

/* Runs `job->run(job)` once on a worker, never before this call has returned on this thread's
 * behalf; the order of jobs is kept per giver. */
void pc_workers_run(pc_workers *workers, pc_job *job);

#endif
