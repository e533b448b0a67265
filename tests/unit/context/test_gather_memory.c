/* Gathering with each allocation failing in turn: whatever fails, a gathering that was started ends
 * exactly once, says something about every section, and leaks nothing. */
#include "check.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "context/gather.h"
#include "failing/failing.h"
#include "util/clock.h"

/* ---- a source that answers at once, on a thread of its own, without allocating ----------------
 */

static const char *const bodies[] = {
    [PC_FETCH_PROFILE] =
        "{\"X1\":{\"entityId\":\"X1\",\"sources\":[\"d\"],\"entity\":{\"person\":{\"name\":{"
        "\"firstName\":\"Ada\"}},\"identityMap\":{\"Email\":[{\"id\":\"a@b\"}]},"
        "\"segmentMembership\":{\"ups\":{\"s1\":{\"status\":\"realized\"}}},\"_t\":{\"churn\":7}}}"
        "}",
    [PC_FETCH_EVENTS] =
        "{\"_page\":{\"next\":\"c\"},\"children\":[{\"entityId\":\"e1\",\"timestamp\":1,"
        "\"entity\":{\"eventType\":\"web\",\"_t\":{\"x\":1}}}]}",
    [PC_FETCH_AUDIENCES] = "{\"results\":{\"s1\":{\"id\":\"s1\",\"name\":\"Loyal\"}}}",
};

typedef struct {
    pc_job job;
    pc_fetch_done done;
    void *self;
    pc_slice *body;
} pending;

static struct {
    pc_workers *upstream;
    pending fetches[16];
    int count;
    pc_slice *slices[3];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int done;
    int released;
    unsigned undecided;
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
    *p = (pending){{.run = answer}, done, self, w.slices[request->kind]};
    *op_out = p;
    pc_workers_run(w.upstream, &p->job);
    return PC_OK;
}

static void ignore(const pc_source *source, void *op)
{
    (void)source;
    (void)op;
}

static void on_done(void *self, pc_gathered *gathered)
{
    (void)self;
    pthread_mutex_lock(&w.lock);
    w.done++;
    for (int s = 1; s < PC_SECTION_COUNT; s++) {
        w.undecided += gathered->sections[s].status == PC_SECTION_UNDECIDED;
    }
    pthread_mutex_unlock(&w.lock);
}

static void on_released(void *self)
{
    (void)self;
    pthread_mutex_lock(&w.lock);
    w.released++;
    pthread_cond_signal(&w.changed);
    pthread_mutex_unlock(&w.lock);
}

static void wait_for_release(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    pthread_mutex_lock(&w.lock);
    while (w.released == 0) {
        if (pthread_cond_timedwait(&w.changed, &w.lock, &until) != 0) {
            pthread_mutex_unlock(&w.lock);
            fail_msg("the gathering did not end");
        }
    }
    pthread_mutex_unlock(&w.lock);
}

/* One gathering with the n-th allocation failing; false when it needed fewer. */
static bool gather_once(const pc_gatherer *gatherer, long n)
{
    const pc_gather_plan plan = {
        .person = {.namespace_code = "Email", .id = "a", .sandbox = "prod", .merge_policy = "m"},
        .request_id = "r",
        .sections = 0x7e,
        .numbers = {0, 4, 5, 41, 40, 6, 7},
        .event_limit = 10,
        .close_ns = pc_clock_after_ms(pc_clock_now_ns(), 60000),
    };
    const pc_gather_callbacks callbacks = {on_done, on_released, NULL};
    w.count = w.done = w.released = 0;
    w.undecided = 0;
    pc_gathering *gathering;
    failing_after(n);
    if (gatherer->prefetches_max > 0) {
        (void)pc_gather_prefetch(gatherer, &plan);
    }
    pc_status status = pc_gather_start(&gathering, gatherer, &plan, &callbacks);
    if (pc_status_ok(&status)) {
        wait_for_release();
    }
    bool reached = failing_end();
    if (!pc_status_ok(&status)) {
        check_failure(status, PC_CODE_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY");
        return true;
    }
    assert_int_equal(w.done, 1);
    assert_int_equal(w.undecided, 0);
    pc_gather_release(gathering);
    return reached;
}

/* With a cache or without, with prefetching before each gathering or without. */
static void fail_each(size_t cache_bytes_max, size_t prefetches_max)
{
    const pc_source source = {.start = start, .cancel = ignore, .release = ignore};
    pc_gatherer gatherer = {.source = &source,
                            .body_bytes_max = 1 << 20,
                            .names_wait_ms = 20000,
                            .fetch_timeout_ms = 60000,
                            .scope = "org",
                            .cached_events = 10,
                            .link_identities = true,
                            .cache_bytes_max = cache_bytes_max,
                            .prefetches_max = prefetches_max};
    pc_insight_set *insights;
    const pc_insight_rule rule = {.name = "churn", .path = "_t.churn", .type = PC_INSIGHT_NUMBER};
    check_ok(pc_workers_new(&w.upstream, 1));
    check_ok(pc_timers_new(&gatherer.timers));
    check_ok(pc_insight_set_new(&insights, &rule, 1));
    gatherer.insights = insights;
    pc_summary_rules *summary;
    const pc_summary_options options = {.campaign_contacts = 10, .case_id_path = "_t.case"};
    check_ok(pc_summary_rules_new(&summary, &options));
    gatherer.summary = summary;
    for (int i = 0; i < 3; i++) {
        w.slices[i] = pc_slice_copy(bodies[i], strlen(bodies[i]));
    }
    long n = 0;
    bool reached = true;
    for (; reached; n++) {
        /* Names afresh each time, so that they are always asked for. */
        check_ok(pc_audience_names_new(&gatherer.names, 10, 60000, 60000));
        check_ok(pc_workers_new(&gatherer.workers, 2));
        check_ok(pc_gatherer_open(&gatherer));
        reached = gather_once(&gatherer, n);
        pc_gatherer_stop(&gatherer);
        pc_workers_free(gatherer.workers);
        pc_gatherer_close(&gatherer);
        pc_audience_names_free(gatherer.names);
    }
    assert_true(n > 20);
    for (int i = 0; i < 3; i++) {
        pc_slice_unref(w.slices[i]);
    }
    pc_insight_set_free(insights);
    pc_summary_rules_free(summary);
    pc_timers_free(gatherer.timers);
    pc_workers_free(w.upstream);
}

static void test_gather__survives_every_failed_allocation(void **state)
{
    (void)state;
    fail_each(0, 0);
    fail_each(1 << 20, 0);
    fail_each(1 << 20, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gather__survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
