/* Fetching before anyone asks, with a source that holds every answer back until it is told to give
 * it. */
#include "check.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "context/gather.h"
#include "util/clock.h"

enum { FETCHES_MAX = 16, FRESH_MS = 60000, PREFETCHES_MAX = 2 };

typedef struct {
    pc_fetch_kind kind;
    pc_criticality criticality;
    pc_fetch_done done;
    void *self;
    bool answered;
} fetch;

typedef struct {
    pc_source source;
    fetch fetches[FETCHES_MAX];
    int started;
    pc_insight_set *insights;
    pc_summary_rules *summary;
    pc_gatherer gatherer;
    /* Of the gathering that is under way. */
    pthread_mutex_t lock; /* guards the two */
    pthread_cond_t changed;
    bool released;
    pc_section_status status;
} world;

/* ---- the source ------------------------------------------------------------------------------ */

static pc_status start(const pc_source *source, const pc_fetch_request *request, pc_fetch_done done,
                       void *self, void **op_out)
{
    world *w = source->self;
    pthread_mutex_lock(&w->lock);
    assert_true(w->started < FETCHES_MAX);
    fetch *f = &w->fetches[w->started++];
    *f = (fetch){
        .kind = request->kind, .criticality = request->criticality, .done = done, .self = self};
    pthread_mutex_unlock(&w->lock);
    *op_out = f;
    return PC_OK;
}

/* The test answers all of them. */
static void cancel(const pc_source *source, void *op)
{
    (void)source;
    (void)op;
}

static void raise_op(const pc_source *source, void *op, pc_criticality criticality)
{
    (void)source;
    ((fetch *)op)->criticality = criticality;
}

static void release(const pc_source *source, void *op)
{
    (void)source;
    (void)op;
}

typedef struct {
    pc_job job;
    world *w;
    bool run;
} mark;

static void run_mark(pc_job *job)
{
    mark *m = PC_CONTAINER_OF(job, mark, job);
    pthread_mutex_lock(&m->w->lock);
    m->run = true;
    pthread_cond_broadcast(&m->w->changed);
    pthread_mutex_unlock(&m->w->lock);
}

/* Until the one worker has done what it was given before this. */
static void wait_for_worker(world *w)
{
    mark m = {.job = {.run = run_mark}, .w = w};
    pc_workers_run(w->gatherer.workers, &m.job);
    pthread_mutex_lock(&w->lock);
    while (!m.run) {
        pthread_cond_wait(&w->changed, &w->lock);
    }
    pthread_mutex_unlock(&w->lock);
}

/* NULL: the upstream fails. Returns when what follows has been done. */
static void answer(world *w, int number, const char *body)
{
    fetch *f = &w->fetches[number];
    assert_false(f->answered);
    f->answered = true;
    if (body == NULL) {
        f->done(f->self, pc_status_new(PC_CODE_UNAVAILABLE, "DOWN", "down"), NULL, 1);
    } else {
        pc_slice *slice = pc_slice_copy(body, strlen(body));
        f->done(f->self, PC_OK, slice, 1);
        pc_slice_unref(slice);
    }
    wait_for_worker(w);
}

static void answer_rest(world *w)
{
    for (int i = 0; i < w->started; i++) {
        if (!w->fetches[i].answered) {
            answer(w, i, NULL);
        }
    }
}

/* ---- the world ------------------------------------------------------------------------------- */

static int set_up_with(void **state, size_t cache_bytes_max)
{
    world *w = calloc(1, sizeof *w);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    w->source = (pc_source){
        .start = start, .cancel = cancel, .raise = raise_op, .release = release, .self = w};
    check_ok(pc_insight_set_new(&w->insights, NULL, 0));
    const pc_summary_options summary = {.campaign_contacts = 10};
    check_ok(pc_summary_rules_new(&w->summary, &summary));
    pc_gatherer *g = &w->gatherer;
    *g = (pc_gatherer){.source = &w->source,
                       .insights = w->insights,
                       .summary = w->summary,
                       .body_bytes_max = 1 << 20,
                       .names_wait_ms = 5000,
                       .fetch_timeout_ms = 60000,
                       .scope = "org",
                       .cache_bytes_max = cache_bytes_max,
                       .cached_events = 100,
                       .link_identities = true,
                       .prefetches_max = PREFETCHES_MAX,
                       .freshness = {.missing_ms = FRESH_MS, .ahead_percent = 100}};
    for (int s = 1; s < PC_SECTION_COUNT; s++) {
        g->freshness.fresh_ms[s] = FRESH_MS;
    }
    check_ok(pc_workers_new(&g->workers, 1));
    check_ok(pc_timers_new(&g->timers));
    check_ok(pc_audience_names_new(&g->names, 100, FRESH_MS, FRESH_MS));
    check_ok(pc_gatherer_open(g));
    *state = w;
    return 0;
}

static int set_up(void **state)
{
    return set_up_with(state, 1 << 20);
}

static int set_up_without_cache(void **state)
{
    return set_up_with(state, 0);
}

static int tear_down(void **state)
{
    world *w = *state;
    answer_rest(w);
    pc_gatherer_stop(&w->gatherer);
    pc_timers_free(w->gatherer.timers);
    pc_workers_free(w->gatherer.workers);
    pc_gatherer_close(&w->gatherer);
    pc_audience_names_free(w->gatherer.names);
    pc_insight_set_free(w->insights);
    pc_summary_rules_free(w->summary);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    free(w);
    return 0;
}

static const unsigned profile = PC_SECTION_BIT(PC_SECTION_PROFILE);
static const unsigned segments = PC_SECTION_BIT(PC_SECTION_SEGMENTS);
static const unsigned profile_and_events =
    PC_SECTION_BIT(PC_SECTION_PROFILE) | PC_SECTION_BIT(PC_SECTION_EVENTS);

static pc_gather_plan plan_for(const char *id, unsigned sections)
{
    return (pc_gather_plan){
        .person = {.namespace_code = "Email", .id = id, .sandbox = "prod", .merge_policy = "m"},
        .request_id = "r",
        .criticality = PC_CRITICALITY_AGENT,
        .sections = sections,
        .numbers = {0, 4, 5, 41, 40, 6, 7},
        .event_limit = 10,
        .close_ns = pc_clock_after_ms(pc_clock_now_ns(), 20000),
    };
}

static pc_prefetch_state prefetch(world *w, const char *id, unsigned sections)
{
    const pc_gather_plan plan = plan_for(id, sections);
    return pc_gather_prefetch(&w->gatherer, &plan);
}

/* Whether memory alone makes an answer. */
static bool is_given_at_once(world *w, const char *id, unsigned sections)
{
    const pc_gather_plan plan = plan_for(id, sections);
    pc_gathered gathered;
    bool given = pc_gather_at_once(&gathered, &w->gatherer, &plan);
    pc_gathered_deinit(&gathered);
    return given;
}

static void on_done(void *self, pc_gathered *gathered)
{
    ((world *)self)->status = gathered->sections[PC_SECTION_PROFILE].status;
}

static void on_released(void *self)
{
    world *w = self;
    pthread_mutex_lock(&w->lock);
    w->released = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

static pc_gathering *ask(world *w, const pc_gather_plan *plan)
{
    pc_gathering *gathering;
    const pc_gather_callbacks callbacks = {on_done, on_released, w};
    w->released = false;
    check_ok(pc_gather_start(&gathering, &w->gatherer, plan, &callbacks));
    return gathering;
}

static void finish(world *w, pc_gathering *gathering)
{
    pthread_mutex_lock(&w->lock);
    while (!w->released) {
        pthread_cond_wait(&w->changed, &w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    pc_gather_release(gathering);
}

static void check_figures(world *w, size_t prefetched, size_t given, size_t wasted)
{
    const pc_cache_figures figures = pc_cache_count(w->gatherer.cache);
    assert_int_equal(figures.prefetched, prefetched);
    assert_int_equal(figures.prefetched_given, given);
    assert_int_equal(figures.prefetched_wasted, wasted);
}

#define PROFILE(more)                                                                              \
    "{\"X\":{\"entityId\":\"X\",\"sources\":[\"d\"],\"entity\":{\"person\":{\"name\":"             \
    "{\"firstName\":\"Ada\"}}" more "}}}"
static const char ada[] = PROFILE("");
static const char ada_in_segments[] =
    PROFILE(",\"segmentMembership\":{\"ups\":{\"s1\":{\"status\":\"realized\"}}}");
static const char some_events[] =
    "{\"_page\":{\"count\":1,\"next\":\"\"},\"children\":[{\"entityId\":\"e\",\"timestamp\":1000,"
    "\"entity\":{\"eventType\":\"t\"}}]}";
static const char audience_names[] = "{\"results\":{\"s1\":{\"id\":\"s1\",\"name\":\"Loyal\"}}}";

/* ---- tests ----------------------------------------------------------------------------------- */

static void test_prefetch__what_is_not_remembered_is_fetched_and_given_to_who_asks(void **state)
{
    world *w = *state;
    assert_int_equal(prefetch(w, "ada", profile_and_events), PC_PREFETCH_STARTED);
    assert_int_equal(w->started, 2);
    assert_int_equal(w->fetches[0].criticality, PC_CRITICALITY_PREFETCH);
    answer(w, 0, ada);
    answer(w, 1, some_events);
    assert_int_equal(prefetch(w, "ada", profile_and_events), PC_PREFETCH_WARM);
    check_figures(w, 2, 0, 0);
    assert_true(is_given_at_once(w, "ada", profile_and_events));
    assert_true(is_given_at_once(w, "ada", profile_and_events));
    check_figures(w, 2, 2, 0);
    assert_int_equal(w->started, 2);
}

static void test_prefetch__only_what_is_wanted_is_fetched(void **state)
{
    world *w = *state;
    assert_int_equal(prefetch(w, "ada", PC_SECTION_BIT(PC_SECTION_EVENTS)), PC_PREFETCH_STARTED);
    assert_int_equal(w->started, 1);
    assert_int_equal(w->fetches[0].kind, PC_FETCH_EVENTS);
    assert_int_equal(prefetch(w, "ada", profile), PC_PREFETCH_STARTED);
    assert_int_equal(w->fetches[1].kind, PC_FETCH_PROFILE);
}

static void test_prefetch__what_is_under_way_is_not_fetched_twice(void **state)
{
    world *w = *state;
    assert_int_equal(prefetch(w, "ada", profile), PC_PREFETCH_STARTED);
    assert_int_equal(prefetch(w, "ada", profile), PC_PREFETCH_STARTED);
    assert_int_equal(w->started, 1);
}

static void test_prefetch__max_staleness_says_what_is_warm(void **state)
{
    world *w = *state;
    (void)prefetch(w, "ada", profile);
    answer(w, 0, ada);
    pc_gather_plan plan = plan_for("ada", profile);
    plan.has_max_staleness = true;
    plan.max_staleness_ms = FRESH_MS;
    assert_int_equal(pc_gather_prefetch(&w->gatherer, &plan), PC_PREFETCH_WARM);
    plan.max_staleness_ms = 0;
    assert_int_equal(pc_gather_prefetch(&w->gatherer, &plan), PC_PREFETCH_STARTED);
    answer(w, 1, ada);
    check_figures(w, 2, 0, 1);
}

static void test_prefetch__who_asks_meanwhile_joins_and_makes_it_more_critical(void **state)
{
    world *w = *state;
    (void)prefetch(w, "ada", profile);
    const pc_gather_plan plan = plan_for("ada", profile);
    pc_gathering *gathering = ask(w, &plan);
    assert_int_equal(w->started, 1);
    assert_int_equal(w->fetches[0].criticality, PC_CRITICALITY_AGENT);
    answer(w, 0, ada);
    finish(w, gathering);
    assert_int_equal(w->status, PC_SECTION_OK);
    /* It came too late to count as one, and is remembered like any other. */
    check_figures(w, 0, 0, 0);
    assert_true(is_given_at_once(w, "ada", profile));
}

static void test_prefetch__so_many_at_once_and_the_bound_is_free_again_when_they_end(void **state)
{
    world *w = *state;
    assert_int_equal(prefetch(w, "a", profile), PC_PREFETCH_STARTED);
    assert_int_equal(prefetch(w, "b", profile), PC_PREFETCH_STARTED);
    assert_int_equal(prefetch(w, "c", profile), PC_PREFETCH_FULL);
    /* What is under way already takes no more room. */
    assert_int_equal(prefetch(w, "a", profile), PC_PREFETCH_STARTED);
    answer(w, 0, NULL);
    assert_int_equal(prefetch(w, "c", profile), PC_PREFETCH_STARTED);
    answer(w, 1, ada);
    assert_int_equal(prefetch(w, "d", profile), PC_PREFETCH_STARTED);
    assert_int_equal(prefetch(w, "b", profile), PC_PREFETCH_WARM);
}

static void test_prefetch__one_that_somebody_waits_for_leaves_room_for_another(void **state)
{
    world *w = *state;
    (void)prefetch(w, "a", profile);
    (void)prefetch(w, "b", profile);
    const pc_gather_plan plan = plan_for("a", profile);
    pc_gathering *gathering = ask(w, &plan);
    assert_int_equal(prefetch(w, "c", profile), PC_PREFETCH_STARTED);
    answer(w, 0, ada);
    finish(w, gathering);
    assert_int_equal(prefetch(w, "d", profile), PC_PREFETCH_FULL);
}

static void test_prefetch__names_of_audiences_are_fetched_behind_it(void **state)
{
    world *w = *state;
    (void)prefetch(w, "ada", segments);
    (void)prefetch(w, "b", profile);
    answer(w, 0, ada_in_segments);
    assert_int_equal(w->started, 3);
    assert_int_equal(w->fetches[2].kind, PC_FETCH_AUDIENCES);
    assert_int_equal(w->fetches[2].criticality, PC_CRITICALITY_PREFETCH);
    /* In the place of the profile's fetch. */
    assert_int_equal(prefetch(w, "c", profile), PC_PREFETCH_FULL);
    answer(w, 2, audience_names);
    const pc_gather_plan plan = plan_for("ada", segments);
    finish(w, ask(w, &plan));
    assert_int_equal(w->started, 3);
    assert_true(is_given_at_once(w, "ada", segments));
    check_figures(w, 1, 1, 0);
}

static void test_prefetch__that_nobody_is_known_is_warm_too(void **state)
{
    world *w = *state;
    (void)prefetch(w, "nobody", profile);
    w->fetches[0].answered = true;
    w->fetches[0].done(w->fetches[0].self,
                       pc_status_new(PC_CODE_NOT_FOUND, "PROFILE_NOT_FOUND", "nobody"), NULL, 1);
    wait_for_worker(w);
    assert_int_equal(prefetch(w, "nobody", profile), PC_PREFETCH_WARM);
    const pc_gather_plan plan = plan_for("nobody", profile);
    finish(w, ask(w, &plan));
    assert_int_equal(w->status, PC_SECTION_MISSING);
    check_figures(w, 1, 1, 0);
}

static void test_prefetch__without_a_cache_nothing_is_fetched(void **state)
{
    world *w = *state;
    assert_int_equal(prefetch(w, "ada", profile), PC_PREFETCH_NO_CACHE);
    assert_int_equal(w->started, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_prefetch__what_is_not_remembered_is_fetched_and_given_to_who_asks),
        TEST(test_prefetch__only_what_is_wanted_is_fetched),
        TEST(test_prefetch__what_is_under_way_is_not_fetched_twice),
        TEST(test_prefetch__max_staleness_says_what_is_warm),
        TEST(test_prefetch__who_asks_meanwhile_joins_and_makes_it_more_critical),
        TEST(test_prefetch__so_many_at_once_and_the_bound_is_free_again_when_they_end),
        TEST(test_prefetch__one_that_somebody_waits_for_leaves_room_for_another),
        TEST(test_prefetch__names_of_audiences_are_fetched_behind_it),
        TEST(test_prefetch__that_nobody_is_known_is_warm_too),
        cmocka_unit_test_setup_teardown(test_prefetch__without_a_cache_nothing_is_fetched,
                                        set_up_without_cache, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
