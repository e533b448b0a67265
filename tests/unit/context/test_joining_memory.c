/* Joining with each allocation failing in turn: whoever was let in is told exactly once, an answer
 * or the lack of memory, and nothing leaks. */
#include "check.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "context/joining.h"
#include "failing/failing.h"
#include "util/clock.h"

enum { ASKERS = 4 };

/* ---- a source that answers at once, on a thread of its own, without allocating ----------------
 */

/* Of four, three can be matched. */
static const char joint_body[] =
    "{\"A\":{\"sources\":[\"d\"],\"entity\":{\"identityMap\":{\"Email\":[{\"id\":\"a\"}]}}},"
    "\"B\":{\"sources\":[\"d\"],\"entity\":{\"identityMap\":{\"Email\":[{\"id\":\"b\"}]}}},"
    "\"D\":{\"requestedIdentity\":{\"entityId\":\"d\",\"entityIdNS\":{\"code\":\"Email\"}},"
    "\"error\":{\"statusCode\":\"404\"}}}";
static const char own_body[] = "{\"own\":1}";

typedef struct {
    pc_job job;
    pc_fetch_done done;
    void *self;
    pc_slice *body;
} pending;

typedef struct {
    void *op;
    int told;
    pc_code code;
} asker;

static struct {
    pc_workers *upstream;
    pc_slice *joint;
    pc_slice *own;
    pthread_mutex_t lock; /* guards all that follows */
    pthread_cond_t changed;
    pending fetches[2 * ASKERS];
    int count;
    asker askers[ASKERS];
} w = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void answer(pc_job *job)
{
    pending *p = PC_CONTAINER_OF(job, pending, job);
    p->done(p->self, PC_OK, p->body, 1);
}

static pc_status start(const pc_source *source, const pc_fetch_request *request, pc_fetch_done done,
                       void *self, void **op_out)
{
    (void)source;
    pthread_mutex_lock(&w.lock);
    pending *p = &w.fetches[w.count++];
    pthread_mutex_unlock(&w.lock);
    *p = (pending){
        {.run = answer}, done, self, request->kind == PC_FETCH_PROFILES ? w.joint : w.own};
    *op_out = p;
    pc_workers_run(w.upstream, &p->job);
    return PC_OK;
}

static void ignore(const pc_source *source, void *op)
{
    (void)source;
    (void)op;
}

static void on_done(void *self, pc_status status, pc_slice *body, unsigned attempts)
{
    asker *a = self;
    (void)attempts;
    assert_int_equal(body != NULL, pc_status_ok(&status));
    pthread_mutex_lock(&w.lock);
    a->told++;
    a->code = status.code;
    pthread_cond_signal(&w.changed);
    pthread_mutex_unlock(&w.lock);
    pc_status_clear(&status);
}

static void wait_told(const asker *a)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    pthread_mutex_lock(&w.lock);
    while (a->told == 0) {
        if (pthread_cond_timedwait(&w.changed, &w.lock, &until) != 0) {
            pthread_mutex_unlock(&w.lock);
            fail_msg("somebody is not told");
        }
    }
    pthread_mutex_unlock(&w.lock);
}

/* Four who meet, with the n-th allocation failing; false when they needed fewer. */
static bool meet_once(pc_workers *workers, pc_timers *timers, long n)
{
    static const char *const ids[ASKERS] = {"a", "b", "c", "d"};
    static const pc_source inner = {.start = start, .cancel = ignore, .release = ignore};
    const pc_joining_options options = {&inner, workers, timers, 200, ASKERS};
    memset(w.askers, 0, sizeof w.askers);
    w.count = 0;
    pc_joining *joining;
    check_ok(pc_joining_new(&joining, &options));
    const pc_source source = pc_joining_source(joining);
    failing_after(n);
    for (int i = 0; i < ASKERS; i++) {
        const pc_fetch_request request = {
            .kind = PC_FETCH_PROFILE,
            .person = {.namespace_code = "Email",
                       .id = ids[i],
                       .sandbox = "prod",
                       .merge_policy = "m"},
            .request_id = "r",
            .criticality = PC_CRITICALITY_AGENT,
            .deadline_ns = PC_NEVER_NS,
        };
        asker *a = &w.askers[i];
        pc_status status = source.start(&source, &request, on_done, a, &a->op);
        if (!pc_status_ok(&status)) {
            assert_null(a->op);
            check_failure(status, PC_CODE_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY");
        }
    }
    for (int i = 0; i < ASKERS; i++) {
        if (w.askers[i].op != NULL) {
            wait_told(&w.askers[i]);
        }
    }
    bool reached = failing_end();
    for (int i = 0; i < ASKERS; i++) {
        const asker *a = &w.askers[i];
        assert_int_equal(a->told, a->op != NULL);
        assert_true(a->code == PC_CODE_OK || a->code == PC_CODE_RESOURCE_EXHAUSTED ||
                    (a->code == PC_CODE_NOT_FOUND && i == 3));
        if (a->op != NULL) {
            source.release(&source, a->op);
        }
    }
    pc_joining_free(joining);
    return reached;
}

static void test_joining__survives_every_failed_allocation(void **state)
{
    pc_workers *workers;
    (void)state;
    check_ok(pc_workers_new(&w.upstream, 1));
    check_ok(pc_workers_new(&workers, 2));
    w.joint = pc_slice_copy(joint_body, sizeof joint_body - 1);
    w.own = pc_slice_copy(own_body, sizeof own_body - 1);
    long n = 0;
    for (bool reached = true; reached; n++) {
        /* New timers each time, so that setting one allocates. */
        pc_timers *timers;
        check_ok(pc_timers_new(&timers));
        reached = meet_once(workers, timers, n);
        pc_timers_free(timers);
    }
    assert_true(n > 10);
    assert_int_equal(w.askers[0].code, PC_CODE_OK);
    assert_int_equal(w.askers[3].code, PC_CODE_NOT_FOUND);
    assert_int_equal(w.count, 2);
    pc_slice_unref(w.joint);
    pc_slice_unref(w.own);
    pc_workers_free(workers);
    pc_workers_free(w.upstream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_joining__survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
