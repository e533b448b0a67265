/* Many gatherings of few people at once, with callers that leave, hardly any time, an upstream that
 * fails and people who are forgotten: each ends exactly once and shows nobody another's data. Worth
 * most under the sanitizers. */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "context/gather.h"
#include "util/clock.h"

enum { PEOPLE = 6, CALLERS = 4, ROUNDS = 1500, AT_ONCE = 8 };

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

/* ---- an upstream that takes up to two milliseconds, and fails now and then ------------------- */

typedef struct {
    pc_timer timer;
    pc_job job;
    pc_fetch_kind kind;
    int person;
    uint64_t dice;
    pc_fetch_done done;
    void *self;
    atomic_bool cancelled;
    atomic_int references; /* of the answer and of who asked */
} fetch;

static pc_timers *delays;
static pc_workers *upstream;
static atomic_ulong dice;
static atomic_int under_way;

static void drop(fetch *f)
{
    if (atomic_fetch_sub(&f->references, 1) == 1) {
        free(f);
    }
}

static void make_body(char *out, size_t size, const fetch *f)
{
    if (f->kind == PC_FETCH_PROFILE) {
        (void)snprintf(out, size,
                       "{\"X%d\":{\"entityId\":\"X%d\",\"sources\":[\"d\"],\"entity\":{\"person\":{"
                       "\"name\":{\"firstName\":\"Name%d\"}},\"identityMap\":{\"Email\":[{\"id\":"
                       "\"%d\"}],\"Phone\":[{\"id\":\"%d\"}]},\"segmentMembership\":{\"ups\":{"
                       "\"s%d\":{\"status\":\"realized\"}}}}}}",
                       f->person, f->person, f->person, f->person, f->person, (int)(f->dice % 40));
    } else if (f->kind == PC_FETCH_EVENTS) {
        (void)snprintf(out, size,
                       "{\"_page\":{\"next\":\"\"},\"children\":[{\"entityId\":\"e\",\"timestamp\":"
                       "1000,\"entity\":{\"eventType\":\"Name%d\"}}]}",
                       f->person);
    } else {
        (void)snprintf(out, size, "{\"results\":{}}");
    }
}

static void answer(pc_job *job)
{
    fetch *f = PC_CONTAINER_OF(job, fetch, job);
    char body[1024];
    uint64_t fate = f->dice >> 32;
    if (atomic_load(&f->cancelled)) {
        f->done(f->self, pc_status_new(PC_CODE_CANCELLED, "CANCELLED", "cancelled"), NULL, 1);
    } else if (fate % 8 == 0) {
        f->done(f->self, pc_status_new(PC_CODE_UNAVAILABLE, "UPSTREAM_UNAVAILABLE", "no"), NULL, 1);
    } else if (fate % 8 == 1) {
        f->done(f->self, pc_status_new(PC_CODE_NOT_FOUND, "PROFILE_NOT_FOUND", "no"), NULL, 1);
    } else {
        make_body(body, sizeof body, f);
        pc_slice *slice = pc_slice_copy(body, strlen(body));
        f->done(f->self, PC_OK, slice, 1);
        pc_slice_unref(slice);
    }
    atomic_fetch_sub(&under_way, 1);
    drop(f);
}

static void on_time(pc_timer *timer)
{
    pc_workers_run(upstream, &PC_CONTAINER_OF(timer, fetch, timer)->job);
}

static pc_status start(const pc_source *source, const pc_fetch_request *request, pc_fetch_done done,
                       void *self, void **op_out)
{
    (void)source;
    *op_out = NULL;
    uint64_t number = mix(atomic_fetch_add(&dice, 1));
    if (number % 50 == 0) {
        return pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_TOO_MANY_IN_FLIGHT", "full");
    }
    fetch *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->timer.fire = on_time;
    f->job.run = answer;
    f->kind = request->kind;
    f->person = request->person.id == NULL ? 0 : atoi(request->person.id);
    f->dice = number;
    f->done = done;
    f->self = self;
    atomic_init(&f->references, 2);
    atomic_fetch_add(&under_way, 1);
    *op_out = f;
    if (number % 3 == 0) {
        pc_workers_run(upstream, &f->job);
    } else {
        check_ok(
            pc_timers_set(delays, &f->timer, pc_clock_now_ns() + (int64_t)(number >> 8) % 2000000));
    }
    return PC_OK;
}

static void cancel(const pc_source *source, void *op)
{
    (void)source;
    fetch *f = op;
    atomic_store(&f->cancelled, true);
    if (pc_timers_cancel(delays, &f->timer)) {
        pc_workers_run(upstream, &f->job);
    }
}

static void release(const pc_source *source, void *op)
{
    (void)source;
    drop(op);
}

/* ---- callers --------------------------------------------------------------------------------- */

typedef struct caller caller;

typedef struct {
    caller *caller;
    pc_gathering *gathering;
    pc_gather_plan plan;
    char id[16];
    int done; /* the caller's lock guards these */
    int released;
    bool used;
} question;

struct caller {
    const pc_gatherer *gatherer;
    uint64_t dice;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int mixed_up;
    int undecided;
    int at_once;
    question questions[AT_ONCE];
};

static void check_answer(question *q, const pc_gathered *gathered)
{
    char name[24];
    (void)snprintf(name, sizeof name, "Name%s", q->id);
    for (int s = 1; s < PC_SECTION_COUNT; s++) {
        const pc_section_result *result = &gathered->sections[s];
        bool wanted = (q->plan.sections & PC_SECTION_BIT(s)) != 0;
        q->caller->undecided += wanted && result->status == PC_SECTION_UNDECIDED;
        if (result->data != NULL && (s == PC_SECTION_PROFILE || s == PC_SECTION_EVENTS)) {
            q->caller->mixed_up += memmem(pc_slice_bytes(result->data), pc_slice_size(result->data),
                                          name, strlen(name)) == NULL;
        }
    }
}

static void on_done(void *self, pc_gathered *gathered)
{
    question *q = self;
    pthread_mutex_lock(&q->caller->lock);
    q->done++;
    check_answer(q, gathered);
    pthread_mutex_unlock(&q->caller->lock);
}

static void on_released(void *self)
{
    question *q = self;
    caller *c = q->caller;
    pthread_mutex_lock(&c->lock);
    q->released++;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

static void begin(caller *c, question *q)
{
    uint64_t number = c->dice = mix(c->dice);
    *q = (question){.caller = c, .used = true};
    (void)snprintf(q->id, sizeof q->id, "%d", (int)(number % PEOPLE));
    q->plan = (pc_gather_plan){
        .person = {.namespace_code = number >> 8 & 1 ? "Email" : "Phone",
                   .id = q->id,
                   .sandbox = "prod",
                   .merge_policy = "m"},
        .request_id = "r",
        .sections = (unsigned)(number >> 16) & 0x7e,
        .numbers = {0, 4, 5, 41, 40, 6, 7},
        .event_limit = number >> 24 & 3 ? 10 : 1000,
        .close_ns = pc_clock_now_ns() + (int64_t)(number >> 32) % 3000000,
        .has_max_staleness = number >> 28 & 1,
        .max_staleness_ms = (int64_t)(number >> 30 & 3),
    };
    q->plan.sections = q->plan.sections == 0 ? 0x7e : q->plan.sections;
    const pc_gather_callbacks callbacks = {on_done, on_released, q};
    pc_gathered gathered;
    bool at_once = pc_gather_at_once(&gathered, c->gatherer, &q->plan);
    if (at_once) {
        on_done(q, &gathered);
        on_released(q);
        c->at_once++;
    }
    pc_gathered_deinit(&gathered);
    if (!at_once) {
        check_ok(pc_gather_start(&q->gathering, c->gatherer, &q->plan, &callbacks));
    }
    if (number >> 40 & 1 && q->gathering != NULL) {
        pc_gather_cancel(q->gathering);
    }
    if (number % 64 == 0) {
        pc_gatherer_forget(c->gatherer, &q->plan.person);
    }
}

static void end(caller *c, question *q)
{
    if (!q->used) {
        return;
    }
    pthread_mutex_lock(&c->lock);
    while (q->released == 0) {
        pthread_cond_wait(&c->changed, &c->lock);
    }
    assert_int_equal(q->done, 1);
    assert_int_equal(q->released, 1);
    pthread_mutex_unlock(&c->lock);
    pc_gather_release(q->gathering);
}

static void *call(void *self)
{
    caller *c = self;
    for (int i = 0; i < ROUNDS; i++) {
        question *q = &c->questions[i % AT_ONCE];
        end(c, q);
        begin(c, q);
    }
    for (int i = 0; i < AT_ONCE; i++) {
        end(c, &c->questions[i]);
    }
    return NULL;
}

static void test_gather__churn_ends_every_gathering_once_and_mixes_nobody_up(void **state)
{
    (void)state;
    const pc_source source = {.start = start, .cancel = cancel, .release = release};
    pc_insight_set *insights;
    pc_summary_rules *summary;
    const pc_summary_options options = {.campaign_contacts = 10};
    check_ok(pc_insight_set_new(&insights, NULL, 0));
    check_ok(pc_summary_rules_new(&summary, &options));
    check_ok(pc_workers_new(&upstream, 1));
    check_ok(pc_timers_new(&delays));
    pc_gatherer gatherer = {
        .source = &source,
        .insights = insights,
        .summary = summary,
        .body_bytes_max = 1 << 20,
        .names_wait_ms = 2,
        .fetch_timeout_ms = 1000,
        .scope = "org",
        .cache_bytes_max = 1 << 20,
        .cached_events = 100,
        .link_identities = true,
        .freshness = {.fresh_ms = {0, 3, 2, 3, 3, 3, 0},
                      .revalidate_ms = 2,
                      .if_error_ms = 20,
                      .missing_ms = 1,
                      .ahead_percent = 50},
    };
    check_ok(pc_workers_new(&gatherer.workers, 3));
    check_ok(pc_timers_new(&gatherer.timers));
    check_ok(pc_audience_names_new(&gatherer.names, 20, 5, 2));
    check_ok(pc_gatherer_open(&gatherer));
    caller *callers = calloc(CALLERS, sizeof *callers);
    pthread_t threads[CALLERS];
    for (int i = 0; i < CALLERS; i++) {
        callers[i].gatherer = &gatherer;
        callers[i].dice = (uint64_t)i + 1;
        pthread_mutex_init(&callers[i].lock, NULL);
        pthread_cond_init(&callers[i].changed, NULL);
        assert_int_equal(pthread_create(&threads[i], NULL, call, &callers[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(callers[i].mixed_up, 0);
        assert_int_equal(callers[i].undecided, 0);
        assert_true(callers[i].at_once > 0);
        pthread_cond_destroy(&callers[i].changed);
        pthread_mutex_destroy(&callers[i].lock);
    }
    free(callers);
    pc_gatherer_stop(&gatherer);
    pc_timers_free(delays);
    pc_workers_free(upstream);
    assert_int_equal(atomic_load(&under_way), 0);
    pc_timers_free(gatherer.timers);
    pc_workers_free(gatherer.workers);
    pc_gatherer_close(&gatherer);
    pc_audience_names_free(gatherer.names);
    pc_insight_set_free(insights);
    pc_summary_rules_free(summary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gather__churn_ends_every_gathering_once_and_mixes_nobody_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
