/* Gatherings that remember, with a source that answers by a script or holds its answers back. */
#include "check.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "context/gather.h"
#include "util/clock.h"

/* ---- a source that follows a script ---------------------------------------------------------- */

typedef struct fetch {
    pc_job job;
    struct fetch *next;
    pc_fetch_kind kind;
    char id[64];
    pc_fetch_done done;
    void *self;
    bool answered;
    bool cancelled;
} fetch;

typedef struct {
    pc_fetch_kind kind;
    const char *id;   /* NULL: whoever is asked for */
    const char *body; /* NULL: a failure */
    pc_code failure;  /* 0: not found */
} line;

static struct {
    pthread_mutex_t lock; /* guards all that follows */
    pthread_cond_t changed;
    line script[8]; /* what is not in it is not found */
    size_t lines;
    bool hold;
    bool refuses;
    fetch *fetches; /* newest first */
    int started[8]; /* by kind */
    bool done;
    bool released;
    pc_section_status status[PC_SECTION_COUNT];
    pc_section_origin origin[PC_SECTION_COUNT];
    int64_t fetched_wall_ms[PC_SECTION_COUNT];
    char data[PC_SECTION_COUNT][4096]; /* the bytes, NUL-terminated and without NULs */
    unsigned upstream_calls;
} w;

static pc_workers *upstream;

static const line *line_for(const fetch *f)
{
    static const line not_found;
    for (size_t i = 0; i < w.lines; i++) {
        const line *l = &w.script[i];
        if (l->kind == f->kind && (l->id == NULL || strcmp(l->id, f->id) == 0)) {
            return l;
        }
    }
    return &not_found;
}

static void run(pc_job *job)
{
    fetch *f = PC_CONTAINER_OF(job, fetch, job);
    pthread_mutex_lock(&w.lock);
    const line l = *line_for(f);
    bool cancelled = f->cancelled;
    pthread_mutex_unlock(&w.lock);
    if (l.body == NULL || cancelled) {
        pc_code code = cancelled        ? PC_CODE_CANCELLED
                       : l.failure == 0 ? PC_CODE_NOT_FOUND
                                        : l.failure;
        f->done(f->self, pc_status_new(code, "AS_TOLD", "as told"), NULL, 1);
        return;
    }
    const char *body = l.body;
    pc_slice *slice = pc_slice_copy(body, strlen(body));
    f->done(f->self, PC_OK, slice, 1);
    pc_slice_unref(slice);
}

/* Under the lock. */
static void let_go(fetch *f)
{
    if (!f->answered) {
        f->answered = true;
        pc_workers_run(upstream, &f->job);
    }
}

static pc_status start(const pc_source *source, const pc_fetch_request *request, pc_fetch_done done,
                       void *self, void **op_out)
{
    (void)source;
    fetch *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->job.run = run;
    f->kind = request->kind;
    f->done = done;
    f->self = self;
    const char *id = request->person.id != NULL ? request->person.id : request->person.xid;
    strncpy(f->id, id == NULL ? "" : id, sizeof f->id - 1);
    *op_out = f;
    pthread_mutex_lock(&w.lock);
    f->next = w.fetches;
    w.fetches = f;
    w.started[f->kind]++;
    if (!w.hold) {
        let_go(f);
    }
    pthread_cond_broadcast(&w.changed);
    pthread_mutex_unlock(&w.lock);
    return PC_OK;
}

static void cancel(const pc_source *source, void *op)
{
    (void)source;
    fetch *f = op;
    pthread_mutex_lock(&w.lock);
    f->cancelled = f->cancelled || !f->answered;
    let_go(f);
    pthread_mutex_unlock(&w.lock);
}

static void release(const pc_source *source, void *op)
{
    (void)source;
    (void)op;
}

static bool refuses(const pc_source *source, pc_fetch_kind kind)
{
    (void)source;
    (void)kind;
    pthread_mutex_lock(&w.lock);
    bool refused = w.refuses;
    pthread_mutex_unlock(&w.lock);
    return refused;
}

static void set_refuses(bool refused)
{
    pthread_mutex_lock(&w.lock);
    w.refuses = refused;
    pthread_mutex_unlock(&w.lock);
}

static void let_all_go(void)
{
    pthread_mutex_lock(&w.lock);
    w.hold = false;
    for (fetch *f = w.fetches; f != NULL; f = f->next) {
        let_go(f);
    }
    pthread_mutex_unlock(&w.lock);
}

static void hold(void)
{
    pthread_mutex_lock(&w.lock);
    w.hold = true;
    pthread_mutex_unlock(&w.lock);
}

static void set_script(const line *lines, size_t count)
{
    pthread_mutex_lock(&w.lock);
    assert_true(count <= PC_COUNT_OF(w.script));
    memcpy(w.script, lines, count * sizeof *lines);
    w.lines = count;
    pthread_mutex_unlock(&w.lock);
}

#define SCRIPT(...)                                                                                \
    set_script((const line[]){__VA_ARGS__}, PC_COUNT_OF(((const line[]){__VA_ARGS__})))

static int started(pc_fetch_kind kind)
{
    pthread_mutex_lock(&w.lock);
    int count = w.started[kind];
    pthread_mutex_unlock(&w.lock);
    return count;
}

/* ---- gathering ------------------------------------------------------------------------------- */

typedef struct {
    pc_source source;
    pc_insight_set *insights;
    pc_summary_rules *summary;
    pc_gatherer gatherer;
} world;

enum { FRESH_MS = 60000 };

static int set_up_with(void **state, int64_t fetch_timeout_ms)
{
    world *p = calloc(1, sizeof *p);
    memset(&w, 0, sizeof w);
    pthread_mutex_init(&w.lock, NULL);
    pthread_cond_init(&w.changed, NULL);
    p->source =
        (pc_source){.start = start, .cancel = cancel, .refuses = refuses, .release = release};
    check_ok(pc_workers_new(&upstream, 1));
    check_ok(pc_insight_set_new(&p->insights, NULL, 0));
    const pc_summary_options summary = {.campaign_contacts = 10};
    check_ok(pc_summary_rules_new(&p->summary, &summary));
    pc_gatherer *g = &p->gatherer;
    *g = (pc_gatherer){.source = &p->source,
                       .insights = p->insights,
                       .summary = p->summary,
                       .body_bytes_max = 1 << 20,
                       .names_wait_ms = 5000,
                       .fetch_timeout_ms = fetch_timeout_ms,
                       .scope = "org",
                       .cache_bytes_max = 1 << 20,
                       .cached_events = 100,
                       .link_identities = true,
                       .freshness = {.missing_ms = FRESH_MS, .ahead_percent = 100}};
    for (int s = 1; s < PC_SECTION_COUNT; s++) {
        g->freshness.fresh_ms[s] = FRESH_MS;
    }
    check_ok(pc_workers_new(&g->workers, 2));
    check_ok(pc_timers_new(&g->timers));
    check_ok(pc_audience_names_new(&g->names, 100, FRESH_MS, FRESH_MS));
    check_ok(pc_gatherer_open(g));
    *state = p;
    return 0;
}

static int set_up(void **state)
{
    return set_up_with(state, 60000);
}

static int set_up_impatient(void **state)
{
    return set_up_with(state, 2);
}

static int tear_down(void **state)
{
    world *p = *state;
    let_all_go();
    pc_gatherer_stop(&p->gatherer);
    pc_workers_free(upstream);
    pc_timers_free(p->gatherer.timers);
    pc_workers_free(p->gatherer.workers);
    pc_gatherer_close(&p->gatherer);
    pc_audience_names_free(p->gatherer.names);
    pc_insight_set_free(p->insights);
    pc_summary_rules_free(p->summary);
    while (w.fetches != NULL) {
        fetch *next = w.fetches->next;
        free(w.fetches);
        w.fetches = next;
    }
    free(p);
    return 0;
}

static void on_done(void *self, pc_gathered *gathered)
{
    (void)self;
    pthread_mutex_lock(&w.lock);
    for (int s = 1; s < PC_SECTION_COUNT; s++) {
        const pc_section_result *result = &gathered->sections[s];
        const uint8_t *bytes = pc_slice_bytes(result->data);
        w.status[s] = result->status;
        w.origin[s] = result->origin;
        w.fetched_wall_ms[s] = result->fetched_wall_ms;
        memset(w.data[s], 0, sizeof w.data[s]);
        for (size_t i = 0; i < pc_slice_size(result->data) && i < sizeof w.data[s] - 1; i++) {
            w.data[s][i] = bytes[i] == 0 ? ' ' : (char)bytes[i];
        }
    }
    w.upstream_calls = gathered->upstream_calls;
    w.done = true;
    pthread_cond_broadcast(&w.changed);
    pthread_mutex_unlock(&w.lock);
}

static void on_released(void *self)
{
    (void)self;
    pthread_mutex_lock(&w.lock);
    w.released = true;
    pthread_cond_broadcast(&w.changed);
    pthread_mutex_unlock(&w.lock);
}

/* Waits until `*what`, or until so many fetches have started. */
static void wait_until(const bool *what, const int *number, int least)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    pthread_mutex_lock(&w.lock);
    while (what != NULL ? !*what : *number < least) {
        if (pthread_cond_timedwait(&w.changed, &w.lock, &until) != 0) {
            pthread_mutex_unlock(&w.lock);
            fail_msg("not within ten seconds");
        }
    }
    pthread_mutex_unlock(&w.lock);
}

static pc_gather_plan plan_for(const char *name_space, const char *id, unsigned sections)
{
    return (pc_gather_plan){
        .person = {.namespace_code = name_space, .id = id, .sandbox = "prod", .merge_policy = "m"},
        .request_id = "r",
        .sections = sections,
        .numbers = {0, 4, 5, 41, 40, 6, 7},
        .event_limit = 10,
        .close_ns = pc_clock_after_ms(pc_clock_now_ns(), 20000),
    };
}

static pc_gathering *begin(world *p, const pc_gather_plan *plan)
{
    pc_gathering *gathering;
    const pc_gather_callbacks callbacks = {on_done, on_released, NULL};
    w.done = w.released = false;
    check_ok(pc_gather_start(&gathering, &p->gatherer, plan, &callbacks));
    return gathering;
}

static void finish(pc_gathering *gathering)
{
    wait_until(&w.done, NULL, 0);
    wait_until(&w.released, NULL, 0);
    pc_gather_release(gathering);
}

/* Asks as a caller does, and waits for the answer. */
static void ask(world *p, const pc_gather_plan *plan)
{
    pc_gathered gathered;
    bool at_once = pc_gather_at_once(&gathered, &p->gatherer, plan);
    if (at_once) {
        on_done(NULL, &gathered);
    }
    pc_gathered_deinit(&gathered);
    if (!at_once) {
        finish(begin(p, plan));
    }
}

static void ask_for(world *p, const char *name_space, const char *id, pc_section section)
{
    const pc_gather_plan plan = plan_for(name_space, id, PC_SECTION_BIT(section));
    ask(p, &plan);
}

static bool shows(pc_section section, const char *text)
{
    return strstr(w.data[section], text) != NULL;
}

/* ---- people ---------------------------------------------------------------------------------- */

#define PROFILE(xid, name, identities)                                                             \
    "{\"" xid "\":{\"entityId\":\"" xid "\",\"sources\":[\"d\"],\"entity\":{\"person\":{\"name\":" \
    "{\"firstName\":\"" name "\"}},\"identityMap\":{" identities "}}}}"
#define EVENTS(type)                                                                               \
    "{\"_page\":{\"count\":1,\"next\":\"\"},\"children\":[{\"entityId\":\"e\",\"timestamp\":1000," \
    "\"entity\":{\"eventType\":\"" type "\"}}]}"

static const char ada_by_email[] =
    PROFILE("XE", "Ada", "\"Email\":[{\"id\":\"ada\"}],\"Phone\":[{\"id\":\"1\"}]");
static const char ada_without_phone[] = PROFILE("XE", "Ada", "\"Email\":[{\"id\":\"ada\"}]");
static const char bob_by_phone[] =
    PROFILE("XP", "Bob", "\"Email\":[{\"id\":\"bob\"}],\"Phone\":[{\"id\":\"1\"}]");

static void test_remembered__a_phone_that_has_changed_hands_does_not_mix_two_people(void **state)
{
    world *p = *state;
    SCRIPT({PC_FETCH_PROFILE, "ada", ada_by_email, 0},
           {PC_FETCH_EVENTS, "ada", EVENTS("ada-event"), 0});
    ask_for(p, "Email", "ada", PC_SECTION_PROFILE);
    ask_for(p, "Email", "ada", PC_SECTION_EVENTS);
    SCRIPT({PC_FETCH_PROFILE, "1", bob_by_phone, 0},
           {PC_FETCH_EVENTS, "1", EVENTS("bob-event"), 0});
    pc_gather_plan fresh = plan_for(
        "Phone", "1", PC_SECTION_BIT(PC_SECTION_PROFILE) | PC_SECTION_BIT(PC_SECTION_EVENTS));
    fresh.has_max_staleness = true;
    ask(p, &fresh);
    assert_true(shows(PC_SECTION_PROFILE, "Bob"));
    assert_true(shows(PC_SECTION_EVENTS, "bob-event"));
    ask_for(p, "Email", "ada", PC_SECTION_PROFILE);
    assert_true(shows(PC_SECTION_PROFILE, "Ada"));
    ask_for(p, "Phone", "1", PC_SECTION_PROFILE);
    assert_true(shows(PC_SECTION_PROFILE, "Bob"));
}

static void test_remembered__a_phone_that_was_given_up_is_asked_for_anew(void **state)
{
    world *p = *state;
    SCRIPT({PC_FETCH_PROFILE, "ada", ada_by_email, 0});
    ask_for(p, "Email", "ada", PC_SECTION_PROFILE);
    SCRIPT({PC_FETCH_PROFILE, "ada", ada_without_phone, 0},
           {PC_FETCH_PROFILE, "1", bob_by_phone, 0});
    pc_gather_plan fresh = plan_for("Email", "ada", PC_SECTION_BIT(PC_SECTION_PROFILE));
    fresh.has_max_staleness = true;
    ask(p, &fresh);
    ask_for(p, "Phone", "1", PC_SECTION_PROFILE);
    assert_true(shows(PC_SECTION_PROFILE, "Bob"));
}

static void test_remembered__events_are_shared_by_what_a_fresh_profile_lists(void **state)
{
    world *p = *state;
    SCRIPT({PC_FETCH_PROFILE, "ada", ada_by_email, 0},
           {PC_FETCH_EVENTS, NULL, EVENTS("ada-event"), 0});
    ask_for(p, "Email", "ada", PC_SECTION_PROFILE);
    ask_for(p, "Phone", "1", PC_SECTION_EVENTS);
    ask_for(p, "Email", "ada", PC_SECTION_EVENTS);
    assert_true(shows(PC_SECTION_EVENTS, "ada-event"));
    assert_int_equal(started(PC_FETCH_EVENTS), 1);
}

static void test_remembered__events_are_not_shared_by_what_an_old_profile_lists(void **state)
{
    world *p = *state;
    SCRIPT({PC_FETCH_PROFILE, "ada", ada_by_email, 0},
           {PC_FETCH_EVENTS, "ada", EVENTS("ada-event"), 0},
           {PC_FETCH_EVENTS, "1", EVENTS("bob-event"), 0});
    p->gatherer.freshness.fresh_ms[PC_SECTION_IDENTITIES] = -1;
    ask_for(p, "Email", "ada", PC_SECTION_PROFILE);
    ask_for(p, "Email", "ada", PC_SECTION_EVENTS);
    ask_for(p, "Phone", "1", PC_SECTION_EVENTS);
    assert_true(shows(PC_SECTION_EVENTS, "bob-event"));
}

static void forget(world *p, const char *name_space, const char *id)
{
    const pc_gather_plan plan = plan_for(name_space, id, 0);
    pc_gatherer_forget(&p->gatherer, &plan.person);
}

static void test_remembered__a_forgotten_person_does_not_come_back_with_what_was_under_way(
    void **state)
{
    world *p = *state;
    SCRIPT({PC_FETCH_PROFILE, "ada", ada_by_email, 0});
    hold();
    const pc_gather_plan plan = plan_for("Email", "ada", PC_SECTION_BIT(PC_SECTION_PROFILE));
    pc_gathering *gathering = begin(p, &plan);
    wait_until(NULL, &w.started[PC_FETCH_PROFILE], 1);
    forget(p, "Email", "ada");
    let_all_go();
    finish(gathering);
    SCRIPT({PC_FETCH_PROFILE, "ada", NULL, 0});
    ask(p, &plan);
    assert_int_equal(w.status[PC_SECTION_PROFILE], PC_SECTION_MISSING);
}

static void test_remembered__who_asks_after_a_person_was_forgotten_waits_for_no_earlier_answer(
    void **state)
{
    world *p = *state;
    hold();
    const pc_gather_plan plan = plan_for("Email", "ada", PC_SECTION_BIT(PC_SECTION_PROFILE));
    pc_gathering *earlier = begin(p, &plan);
    wait_until(NULL, &w.started[PC_FETCH_PROFILE], 1);
    forget(p, "Email", "ada");
    pc_gathering *later = begin(p, &plan);
    wait_until(NULL, &w.started[PC_FETCH_PROFILE], 2);
    pc_gather_cancel(earlier);
    finish(earlier);
    w.done = w.released = false;
    let_all_go();
    finish(later);
}

static void test_remembered__a_person_is_forgotten_by_every_identity_that_is_known(void **state)
{
    world *p = *state;
    SCRIPT({PC_FETCH_PROFILE, NULL, ada_by_email, 0}, {PC_FETCH_EVENTS, NULL, EVENTS("web"), 0});
    /* The phone has a record of its own, as it was asked for before anyone knew whose it is. */
    ask_for(p, "Phone", "1", PC_SECTION_EVENTS);
    ask_for(p, "Email", "ada", PC_SECTION_PROFILE);
    forget(p, "Email", "ada");
    ask_for(p, "Phone", "1", PC_SECTION_EVENTS);
    assert_int_equal(started(PC_FETCH_EVENTS), 2);
}

static void test_remembered__policies_that_there_are_not_keep_nobody_from_being_remembered(
    void **state)
{
    world *p = *state;
    char policy[32];
    pc_gather_plan plan = plan_for("Email", "ada", PC_SECTION_BIT(PC_SECTION_PROFILE));
    for (int i = 0; i < 70; i++) {
        (void)snprintf(policy, sizeof policy, "made-up-%d", i);
        plan.person.merge_policy = policy;
        ask(p, &plan);
        assert_int_equal(w.status[PC_SECTION_PROFILE], PC_SECTION_MISSING);
    }
    ask(p, &plan);
    assert_int_equal(started(PC_FETCH_PROFILE), 70);
    SCRIPT({PC_FETCH_PROFILE, "ada", ada_by_email, 0});
    plan.person.merge_policy = "m";
    ask(p, &plan);
    ask(p, &plan);
    assert_int_equal(started(PC_FETCH_PROFILE), 71);
}

static const char in_segments[] =
    "{\"X\":{\"sources\":[\"d\"],\"entity\":{\"segmentMembership\":{\"ups\":{"
    "\"s1\":{\"status\":\"realized\"},\"s2\":{\"status\":\"realized\"}}}}}}";

static void test_remembered__audiences_without_a_name_are_asked_for_once(void **state)
{
    world *p = *state;
    const line answers[] = {
        {PC_FETCH_AUDIENCES, NULL, "{\"results\":{\"s1\":{\"id\":\"s1\",\"name\":\"Loyal\"}}}", 0},
        {PC_FETCH_AUDIENCES, NULL, NULL, PC_CODE_NOT_FOUND},
        {PC_FETCH_AUDIENCES, NULL, NULL, PC_CODE_PERMISSION_DENIED},
    };
    for (size_t i = 0; i < PC_COUNT_OF(answers); i++) {
        pc_gather_plan plan = plan_for("Email", "ada", PC_SECTION_BIT(PC_SECTION_SEGMENTS));
        plan.person.sandbox = i == 0 ? "a" : i == 1 ? "b" : "c";
        SCRIPT({PC_FETCH_PROFILE, "ada", in_segments, 0}, answers[i]);
        for (int times = 0; times < 3; times++) {
            ask(p, &plan);
            assert_int_equal(w.status[PC_SECTION_SEGMENTS], PC_SECTION_OK);
            assert_int_equal(shows(PC_SECTION_SEGMENTS, "Loyal"), i == 0);
        }
        assert_int_equal(started(PC_FETCH_AUDIENCES), i + 1);
    }
}

/* As while the upstream's breaker is open: neither to refresh what is given as stale, nor for
 * names. */
static void test_remembered__nothing_is_started_in_vain(void **state)
{
    world *p = *state;
    SCRIPT({PC_FETCH_PROFILE, "ada", in_segments, 0},
           {PC_FETCH_AUDIENCES, NULL, NULL, PC_CODE_UNAVAILABLE});
    ask_for(p, "Email", "ada", PC_SECTION_SEGMENTS);
    assert_int_equal(started(PC_FETCH_PROFILE), 1);
    assert_int_equal(started(PC_FETCH_AUDIENCES), 1);
    p->gatherer.freshness.fresh_ms[PC_SECTION_SEGMENTS] = 0;
    p->gatherer.freshness.revalidate_ms = FRESH_MS;
    set_refuses(true);
    int64_t old_ns = pc_clock_after_ms(pc_clock_now_ns(), 2);
    while (pc_clock_now_ns() < old_ns) {
    }
    for (int times = 0; times < 3; times++) {
        ask_for(p, "Email", "ada", PC_SECTION_SEGMENTS);
        assert_int_equal(w.status[PC_SECTION_SEGMENTS], PC_SECTION_STALE);
    }
    assert_int_equal(started(PC_FETCH_PROFILE), 1);
    assert_int_equal(started(PC_FETCH_AUDIENCES), 1);
    set_refuses(false);
    ask_for(p, "Email", "ada", PC_SECTION_SEGMENTS);
    wait_until(NULL, &w.started[PC_FETCH_PROFILE], 2);
    wait_until(NULL, &w.started[PC_FETCH_AUDIENCES], 2);
}

static void test_remembered__that_there_is_nothing_says_when_it_was_told(void **state)
{
    world *p = *state;
    ask_for(p, "Email", "ada", PC_SECTION_EVENTS);
    assert_int_equal(w.status[PC_SECTION_EVENTS], PC_SECTION_MISSING);
    assert_int_equal(w.origin[PC_SECTION_EVENTS], PC_ORIGIN_NONE);
    int64_t told_ms = pc_clock_wall_ms();
    ask_for(p, "Email", "ada", PC_SECTION_EVENTS);
    assert_int_equal(w.status[PC_SECTION_EVENTS], PC_SECTION_MISSING);
    assert_int_equal(w.origin[PC_SECTION_EVENTS], PC_ORIGIN_CACHE);
    assert_in_range(w.fetched_wall_ms[PC_SECTION_EVENTS], told_ms - 10000,
                    told_ms + 1); /* both are rounded */
}

typedef struct {
    pc_waiter waiter;
    size_t part_bytes;
    unsigned attempts;
} taker;

static void on_told(pc_waiter *waiter, pc_flight_result *result)
{
    taker *t = PC_CONTAINER_OF(waiter, taker, waiter);
    t->part_bytes = pc_slice_size(result->part);
    t->attempts = result->attempts;
    pc_status_clear(&result->status);
}

static void test_remembered__what_has_landed_since_the_asker_looked_is_not_fetched_again(
    void **state)
{
    world *p = *state;
    const pc_gather_plan plan = plan_for("Email", "ada", PC_SECTION_BIT(PC_SECTION_PROFILE));
    const pc_cache_key key = pc_cache_key_of(p->gatherer.keys, &plan.person);
    SCRIPT({PC_FETCH_PROFILE, "ada", ada_by_email, 0});
    ask(p, &plan);
    const pc_fetch_request asked = {.kind = PC_FETCH_PROFILE, .person = plan.person};
    const pc_flight_request request = {
        .kind = PC_PART_PROFILE, .fetch = &asked, .remember = &key, .seen_ns = 0};
    taker late = {.waiter.told = on_told};
    check_ok(pc_flights_join(p->gatherer.flights, &request, &late.waiter));
    assert_true(late.part_bytes > 0);
    assert_int_equal(late.attempts, 0);
    assert_int_equal(started(PC_FETCH_PROFILE), 1);
}

static void test_remembered__one_answer_of_two_parts_makes_nobody_popular(void **state)
{
    world *p = *state;
    const pc_gather_plan plan = plan_for(
        "Email", "ada", PC_SECTION_BIT(PC_SECTION_PROFILE) | PC_SECTION_BIT(PC_SECTION_EVENTS));
    const pc_cache_key key = pc_cache_key_of(p->gatherer.keys, &plan.person);
    pc_cached found;
    SCRIPT({PC_FETCH_PROFILE, "ada", ada_by_email, 0}, {PC_FETCH_EVENTS, "ada", EVENTS("web"), 0});
    /* The first fills the cache, the second and the third are given from it. */
    for (int asked = 1; asked <= 3; asked++) {
        ask(p, &plan);
        assert_true(pc_cache_get(p->gatherer.cache, &key, PC_PART_PROFILE, false, &found));
        assert_int_equal(found.popular, asked == 3);
        pc_slice_unref(found.part);
    }
}

static void test_remembered__names_that_come_too_late_are_there_for_the_next(void **state)
{
    world *p = *state;
    SCRIPT(
        {PC_FETCH_PROFILE, "ada", in_segments, 0},
        {PC_FETCH_AUDIENCES, NULL, "{\"results\":{\"s1\":{\"id\":\"s1\",\"name\":\"Loyal\"}}}", 0});
    pc_gather_plan plan = plan_for("Email", "ada", PC_SECTION_BIT(PC_SECTION_PROFILE));
    ask(p, &plan);
    hold();
    plan.sections = PC_SECTION_BIT(PC_SECTION_SEGMENTS);
    plan.close_ns = pc_clock_now_ns() + 50000000;
    pc_gathering *hasty = begin(p, &plan);
    wait_until(NULL, &w.started[PC_FETCH_AUDIENCES], 1);
    finish(hasty);
    assert_int_equal(w.status[PC_SECTION_SEGMENTS], PC_SECTION_OK);
    assert_false(shows(PC_SECTION_SEGMENTS, "Loyal"));
    plan.close_ns = pc_clock_after_ms(pc_clock_now_ns(), 20000);
    pc_gathering *patient = begin(p, &plan);
    let_all_go();
    finish(patient);
    assert_true(shows(PC_SECTION_SEGMENTS, "Loyal"));
    assert_int_equal(started(PC_FETCH_AUDIENCES), 1);
}

static void test_remembered__who_joins_a_fetch_gets_nothing_older_than_asked_for(void **state)
{
    world *p = *state;
    hold();
    SCRIPT({PC_FETCH_PROFILE, "ada", ada_by_email, 0});
    pc_gather_plan plan = plan_for("Email", "ada", PC_SECTION_BIT(PC_SECTION_PROFILE));
    pc_gathering *gatherings[3];
    gatherings[0] = begin(p, &plan);
    wait_until(NULL, &w.started[PC_FETCH_PROFILE], 1);
    plan.has_max_staleness = true;
    plan.max_staleness_ms = 60000;
    gatherings[1] = begin(p, &plan);
    assert_int_equal(started(PC_FETCH_PROFILE), 1);
    plan.max_staleness_ms = 0;
    gatherings[2] = begin(p, &plan);
    assert_int_equal(started(PC_FETCH_PROFILE), 2);
    for (int i = 0; i < 3; i++) {
        w.done = w.released = false;
        pc_gather_cancel(gatherings[i]);
        finish(gatherings[i]);
    }
}

/* The source here knows no deadlines. */
static void test_remembered__nobody_joins_a_fetch_that_is_about_to_run_out_of_time(void **state)
{
    world *p = *state;
    hold();
    const pc_gather_plan plan = plan_for("Email", "ada", PC_SECTION_BIT(PC_SECTION_PROFILE));
    pc_gathering *first = begin(p, &plan);
    int64_t late_ns = pc_clock_now_ns() + 1000001;
    while (pc_clock_now_ns() < late_ns) {
    }
    pc_gathering *second = begin(p, &plan);
    wait_until(NULL, &w.started[PC_FETCH_PROFILE], 2);
    pc_gather_cancel(first);
    finish(first);
    w.done = w.released = false;
    let_all_go();
    finish(second);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_remembered__a_phone_that_has_changed_hands_does_not_mix_two_people),
        TEST(test_remembered__a_phone_that_was_given_up_is_asked_for_anew),
        TEST(test_remembered__events_are_shared_by_what_a_fresh_profile_lists),
        TEST(test_remembered__events_are_not_shared_by_what_an_old_profile_lists),
        TEST(test_remembered__a_forgotten_person_does_not_come_back_with_what_was_under_way),
        TEST(test_remembered__who_asks_after_a_person_was_forgotten_waits_for_no_earlier_answer),
        TEST(test_remembered__a_person_is_forgotten_by_every_identity_that_is_known),
        TEST(test_remembered__policies_that_there_are_not_keep_nobody_from_being_remembered),
        TEST(test_remembered__audiences_without_a_name_are_asked_for_once),
        TEST(test_remembered__who_joins_a_fetch_gets_nothing_older_than_asked_for),
        TEST(test_remembered__nothing_is_started_in_vain),
        TEST(test_remembered__that_there_is_nothing_says_when_it_was_told),
        TEST(test_remembered__what_has_landed_since_the_asker_looked_is_not_fetched_again),
        TEST(test_remembered__one_answer_of_two_parts_makes_nobody_popular),
        TEST(test_remembered__names_that_come_too_late_are_there_for_the_next),
        cmocka_unit_test_setup_teardown(
            test_remembered__nobody_joins_a_fetch_that_is_about_to_run_out_of_time,
            set_up_impatient, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
