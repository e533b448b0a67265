/* The thread that the upstream's parts live on: it runs jobs in the order in which they were
 * posted, calls timers when they are due, and in between lets a driver wait for its sockets. What
 * lives on one loop needs no locks among itself.
 * Threads: pc_loop_post, _ref and _unref any; timers only on the loop's thread. */
#ifndef PC_UPSTREAM_LOOP_H
#define PC_UPSTREAM_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "util/status.h"
#include "util/workers.h"

/* Reference-counted, so that posting to a loop that has ended is harmless. */
typedef struct pc_loop pc_loop;

/* What waits for sockets on behalf of the loop. */
typedef struct {
    /* Waits until there is I/O, `until_ns` has come or `wake` was called, then handles the I/O.
     * `until_ns` is PC_NEVER_NS without timers and in the past when jobs are pending. */
    void (*turn)(void *self, int64_t until_ns);
    void (*wake)(void *self);    /* any thread; makes the present or the next turn return soon */
    void (*stop)(void *self);    /* once: end everything that is under way */
    bool (*is_idle)(void *self); /* after stop: has everything ended? */
    void *self;
} pc_loop_driver;

/* Embedded in what it belongs to. All zero is a timer that is not set. */
typedef struct pc_loop_timer {
    void (*fire)(struct pc_loop_timer *timer);
    int64_t at_ns;
    bool is_set;
    /* Used by the heap. */
    struct pc_loop_timer *child;
    struct pc_loop_timer *sibling;
    struct pc_loop_timer *previous;
} pc_loop_timer;

/* Starts the thread. Owned: pc_loop_stop, then pc_loop_unref. Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_loop_new(pc_loop **out, const pc_loop_driver *driver);

/* Lets the driver end everything, runs the jobs that are posted until then, and joins the thread.
 * Timers still set never fire. Afterwards the driver is not used any more. */
void pc_loop_stop(pc_loop *loop);

pc_loop *pc_loop_ref(pc_loop *loop);
void pc_loop_unref(pc_loop *loop); /* NULL is allowed */

/* Runs `job->run(job)` once on the loop's thread, never inside this call. False when the loop has
 * ended: the job will not run. */
bool pc_loop_post(pc_loop *loop, pc_job *job);

/* Sets `timer`, which is not set, to fire once at `at_ns` or soon after; PC_NEVER_NS sets nothing.
 * The timer stays in memory until it has fired or was cancelled. Cannot fail. */
void pc_loop_timer_set(pc_loop *loop, pc_loop_timer *timer, int64_t at_ns);

/* Harmless when the timer is not set. */
void pc_loop_timer_cancel(pc_loop *loop, pc_loop_timer *timer);

#endif
