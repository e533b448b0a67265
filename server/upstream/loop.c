/* Timers stand in a pairing heap made of the timers themselves, so that setting one never has to
 * allocate: a deadline that could not be set would be a call that never ends. */
#include "upstream/loop.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "util/clock.h"
#include "util/thread.h"

struct pc_loop {
    atomic_uint references;
    pc_loop_driver driver;
    pthread_t thread;
    pc_loop_timer *timers; /* the loop's thread only; the earliest, NULL for none */
    bool told_to_stop;     /* the loop's thread only: the driver has been told */

    pthread_mutex_t lock; /* guards what follows */
    pc_job *first;
    pc_job **last;
    bool stopping;
    bool ended;
};

/* --- the heap of timers --- */

/* Of two heaps one; each root has no sibling. NULL is an empty heap. */
static pc_loop_timer *meld(pc_loop_timer *a, pc_loop_timer *b)
{
    if (a == NULL || b == NULL) {
        return a == NULL ? b : a;
    }
    if (b->at_ns < a->at_ns) {
        pc_loop_timer *earlier = b;
        b = a;
        a = earlier;
    }
    b->previous = a;
    b->sibling = a->child;
    if (a->child != NULL) {
        a->child->previous = b;
    }
    a->child = b;
    return a;
}

/* Makes one heap of a list of siblings: in pairs from the left, then all from the right. This is
 * what gives the heap its amortised logarithm. */
static pc_loop_timer *meld_siblings(pc_loop_timer *first)
{
    pc_loop_timer *pairs = NULL;
    while (first != NULL) {
        pc_loop_timer *a = first;
        pc_loop_timer *b = a->sibling;
        first = b == NULL ? NULL : b->sibling;
        a->sibling = NULL;
        a->previous = NULL;
        if (b != NULL) {
            b->sibling = NULL;
            b->previous = NULL;
        }
        pc_loop_timer *pair = meld(a, b);
        pair->sibling = pairs;
        pairs = pair;
    }
    pc_loop_timer *heap = NULL;
    while (pairs != NULL) {
        pc_loop_timer *pair = pairs;
        pairs = pair->sibling;
        pair->sibling = NULL;
        heap = meld(heap, pair);
    }
    return heap;
}

void pc_loop_timer_set(pc_loop *loop, pc_loop_timer *timer, int64_t at_ns)
{
    if (at_ns == PC_NEVER_NS) {
        return;
    }
    timer->at_ns = at_ns;
    timer->is_set = true;
    timer->child = NULL;
    timer->sibling = NULL;
    timer->previous = NULL;
    loop->timers = meld(loop->timers, timer);
}

void pc_loop_timer_cancel(pc_loop *loop, pc_loop_timer *timer)
{
    if (!timer->is_set) {
        return;
    }
    timer->is_set = false;
    pc_loop_timer *orphans = meld_siblings(timer->child);
    timer->child = NULL;
    if (timer == loop->timers) {
        loop->timers = orphans;
        return;
    }
    /* `previous` is the parent of a first child and the left neighbour of any other. */
    if (timer->previous->child == timer) {
        timer->previous->child = timer->sibling;
    } else {
        timer->previous->sibling = timer->sibling;
    }
    if (timer->sibling != NULL) {
        timer->sibling->previous = timer->previous;
    }
    timer->sibling = NULL;
    timer->previous = NULL;
    loop->timers = meld(loop->timers, orphans);
}

/* --- the thread --- */

/* Runs what was posted before the call. What these jobs post waits for the next round, so that
 * timers and sockets are not starved. */
static void run_jobs(pc_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    pc_job *job = loop->first;
    loop->first = NULL;
    loop->last = &loop->first;
    pthread_mutex_unlock(&loop->lock);
    while (job != NULL) {
        pc_job *next = job->next;
        job->run(job);
        job = next;
    }
}

static void fire_timers(pc_loop *loop)
{
    int64_t now_ns = pc_clock_now_ns();
    while (loop->timers != NULL && loop->timers->at_ns <= now_ns) {
        pc_loop_timer *timer = loop->timers;
        pc_loop_timer_cancel(loop, timer);
        timer->fire(timer);
    }
}

typedef enum { NEXT_WAIT, NEXT_JOBS, NEXT_END } next_step;

static next_step choose_next(pc_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    bool stop_now = loop->stopping && !loop->told_to_stop;
    pthread_mutex_unlock(&loop->lock);
    if (stop_now) {
        loop->told_to_stop = true;
        loop->driver.stop(loop->driver.self);
    }
    bool may_end = loop->told_to_stop && loop->driver.is_idle(loop->driver.self);
    pthread_mutex_lock(&loop->lock);
    next_step next = loop->first != NULL ? NEXT_JOBS : may_end ? NEXT_END : NEXT_WAIT;
    loop->ended = next == NEXT_END;
    pthread_mutex_unlock(&loop->lock);
    return next;
}

static void *run(void *argument)
{
    pc_loop *loop = argument;
    /* Signals are for main's sigwait. SIGPIPE must be blocked too: libcurl is told not to touch
     * signals, and OpenSSL writes to sockets without MSG_NOSIGNAL. */
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    for (;;) {
        run_jobs(loop);
        fire_timers(loop);
        next_step next = choose_next(loop);
        if (next == NEXT_END) {
            return NULL;
        }
        int64_t until_ns = next == NEXT_JOBS      ? 0
                           : loop->timers == NULL ? PC_NEVER_NS
                                                  : loop->timers->at_ns;
        loop->driver.turn(loop->driver.self, until_ns);
    }
}

bool pc_loop_post(pc_loop *loop, pc_job *job)
{
    job->next = NULL;
    bool on_loop = pthread_equal(pthread_self(), loop->thread);
    pthread_mutex_lock(&loop->lock);
    bool accepted = !loop->ended;
    if (accepted) {
        bool was_empty = loop->first == NULL;
        *loop->last = job;
        loop->last = &job->next;
        /* Under the lock, as the driver may be gone as soon as `ended` is set. The loop's own
         * thread looks at the queue before it waits and so needs no waking. */
        if (was_empty && !on_loop) {
            loop->driver.wake(loop->driver.self);
        }
    }
    pthread_mutex_unlock(&loop->lock);
    return accepted;
}

/* --- life --- */

pc_status pc_loop_new(pc_loop **out, const pc_loop_driver *driver)
{
    *out = NULL;
    pc_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL) {
        return pc_status_out_of_memory();
    }
    atomic_init(&loop->references, 1);
    loop->driver = *driver;
    loop->last = &loop->first;
    pthread_mutex_init(&loop->lock, NULL);
    if (!pc_thread_start(&loop->thread, "upstream", run, loop)) {
        pc_loop_unref(loop);
        return pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "NO_THREADS",
                             "cannot start the transfer thread");
    }
    *out = loop;
    return PC_OK;
}

void pc_loop_stop(pc_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    loop->stopping = true;
    loop->driver.wake(loop->driver.self);
    pthread_mutex_unlock(&loop->lock);
    pthread_join(loop->thread, NULL);
}

pc_loop *pc_loop_ref(pc_loop *loop)
{
    atomic_fetch_add_explicit(&loop->references, 1, memory_order_relaxed);
    return loop;
}

void pc_loop_unref(pc_loop *loop)
{
    if (loop == NULL ||
        atomic_fetch_sub_explicit(&loop->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}
