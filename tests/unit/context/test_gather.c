/* Gathering, with a source that answers when told: each order of arrival, lateness and failure is
 * made on purpose. */
#include "check.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "context/gather.h"
#include "mapping/wire.h"
#include "mapping_tables.h"
#include "util/clock.h"

/* ---- a source that holds its answers --------------------------------------------------------- */

typedef struct held {
    pc_fetch_kind kind;
    char fields[256];
    pc_fetch_done done;
    void *self;
    bool cancelled;
    bool released;
    struct held *next;
} held;

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    held *all; /* newest first */
    bool refuse;
    bool done;
    bool released;
    pc_gathered *result; /* only inside on_done */
    pc_section_status status[PC_SECTION_COUNT];
    char reason[PC_SECTION_COUNT][64];
    size_t bytes[PC_SECTION_COUNT];
    pc_code profile_failure;
    pc_code events_failure;
    bool truncated;
    uint8_t segments[4096];
    char xid[64];
} world;

static world w;

static pc_status fake_start(const pc_source *source, const pc_fetch_request *request,
                            pc_fetch_done done, void *self, void **op_out)
{
    (void)source;
    *op_out = NULL;
    if (w.refuse) {
        return pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_TOO_MANY_IN_FLIGHT", "full");
    }
    held *h = calloc(1, sizeof *h);
    assert_non_null(h);
    h->kind = request->kind;
    h->done = done;
    h->self = self;
    strncpy(h->fields, request->fields == NULL ? "(all)" : request->fields, sizeof h->fields - 1);
    pthread_mutex_lock(&w.lock);
    h->next = w.all;
    w.all = h;
    pthread_cond_broadcast(&w.changed);
    pthread_mutex_unlock(&w.lock);
    *op_out = h;
    return PC_OK;
}

/* A cancelled fetch ends as the real source does: by its callback, on another thread. */
static void *tell_cancelled(void *op)
{
    held *h = op;
    h->done(h->self, pc_status_new(PC_CODE_CANCELLED, "CANCELLED", "cancelled"), NULL, 1);
    return NULL;
}

static void fake_cancel(const pc_source *source, void *op)
{
    (void)source;
    held *h = op;
    pthread_mutex_lock(&w.lock);
    bool tell = !h->cancelled && h->done != NULL;
    h->cancelled = true;
    pthread_mutex_unlock(&w.lock);
    if (tell) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, tell_cancelled, h), 0);
        pthread_detach(thread);
    }
}

static void fake_release(const pc_source *source, void *op)
{
    (void)source;
    pthread_mutex_lock(&w.lock);
    ((held *)op)->released = true;
    pthread_mutex_unlock(&w.lock);
}

static held *wait_for(pc_fetch_kind kind)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    pthread_mutex_lock(&w.lock);
    for (;;) {
        for (held *h = w.all; h != NULL; h = h->next) {
            if (h->kind == kind && h->done != NULL) {
                pthread_mutex_unlock(&w.lock);
                return h;
            }
        }
        if (pthread_cond_timedwait(&w.changed, &w.lock, &until) != 0) {
            pthread_mutex_unlock(&w.lock);
            fail_msg("the fetch was not started");
        }
    }
}

static void answer(held *h, const char *body)
{
    pc_slice *slice = pc_slice_copy(body, strlen(body));
    pc_fetch_done done = h->done;
    pthread_mutex_lock(&w.lock);
    h->done = NULL;
    pthread_mutex_unlock(&w.lock);
    done(h->self, PC_OK, slice, 1);
    pc_slice_unref(slice);
}

static void refuse(held *h, pc_code code, const char *reason)
{
    pc_fetch_done done = h->done;
    pthread_mutex_lock(&w.lock);
    h->done = NULL;
    pthread_mutex_unlock(&w.lock);
    done(h->self, pc_status_new(code, reason, "as told"), NULL, 1);
}

/* ---- the rest of the world ------------------------------------------------------------------- */

typedef struct {
    pc_source source;
    pc_workers *workers;
    pc_timers *timers;
    pc_audience_names *names;
    pc_insight_set *insights;
    pc_summary_rules *summary;
    pc_gatherer gatherer;
} parts;

static int set_up(void **state)
{
    parts *p = calloc(1, sizeof *p);
    w = (world){.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    p->source = (pc_source){.start = fake_start, .cancel = fake_cancel, .release = fake_release};
    check_ok(pc_workers_new(&p->workers, 2));
    check_ok(pc_timers_new(&p->timers));
    check_ok(pc_audience_names_new(&p->names, 100, 60000, 60000));
    const pc_insight_rule rule = {.name = "churn", .path = "_t.churn", .type = PC_INSIGHT_NUMBER};
    check_ok(pc_insight_set_new(&p->insights, &rule, 1));
    const pc_summary_options summary = {.campaign_contacts = 10};
    check_ok(pc_summary_rules_new(&p->summary, &summary));
    p->gatherer = (pc_gatherer){.source = &p->source,
                                .workers = p->workers,
                                .timers = p->timers,
                                .names = p->names,
                                .insights = p->insights,
                                .summary = p->summary,
                                .body_bytes_max = 1 << 20,
                                .names_wait_ms = 5000,
                                .fetch_timeout_ms = 60000,
                                .scope = "org"};
    check_ok(pc_gatherer_open(&p->gatherer));
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    parts *p = *state;
    pc_gatherer_stop(&p->gatherer);
    pc_timers_free(p->timers);
    pc_workers_free(p->workers);
    pc_gatherer_close(&p->gatherer);
    pc_audience_names_free(p->names);
    pc_insight_set_free(p->insights);
    pc_summary_rules_free(p->summary);
    while (w.all != NULL) {
        held *next = w.all->next;
        assert_true(w.all->released);
        free(w.all);
        w.all = next;
    }
    free(p);
    return 0;
}

static void on_done(void *self, pc_gathered *gathered)
{
    (void)self;
    pthread_mutex_lock(&w.lock);
    assert_false(w.done);
    for (int s = 1; s < PC_SECTION_COUNT; s++) {
        const pc_section_result *result = &gathered->sections[s];
        w.status[s] = result->status;
        strncpy(w.reason[s], result->reason, sizeof w.reason[s] - 1);
        w.bytes[s] = result->data == NULL ? 0 : pc_slice_size(result->data);
    }
    const pc_slice *segments = gathered->sections[PC_SECTION_SEGMENTS].data;
    if (segments != NULL && pc_slice_size(segments) < sizeof w.segments) {
        memcpy(w.segments, pc_slice_bytes(segments), pc_slice_size(segments));
    }
    w.profile_failure = gathered->profile_failure.code;
    w.events_failure = gathered->events_failure.code;
    w.truncated = gathered->sections[PC_SECTION_EVENTS].truncated;
    strncpy(w.xid, gathered->xid, sizeof w.xid - 1);
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

static void wait_until(const bool *what)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    pthread_mutex_lock(&w.lock);
    while (!*what) {
        if (pthread_cond_timedwait(&w.changed, &w.lock, &until) != 0) {
            pthread_mutex_unlock(&w.lock);
            fail_msg("the gathering did not end");
        }
    }
    pthread_mutex_unlock(&w.lock);
}

static const unsigned all_sections =
    PC_SECTION_BIT(PC_SECTION_PROFILE) | PC_SECTION_BIT(PC_SECTION_EVENTS) |
    PC_SECTION_BIT(PC_SECTION_SEGMENTS) | PC_SECTION_BIT(PC_SECTION_IDENTITIES) |
    PC_SECTION_BIT(PC_SECTION_INSIGHTS) | PC_SECTION_BIT(PC_SECTION_SUMMARY);

static pc_gather_plan make_plan(unsigned sections, int64_t close_in_ms)
{
    return (pc_gather_plan){
        .person = {.namespace_code = "Email", .id = "a@b", .sandbox = "prod", .merge_policy = "m"},
        .request_id = "r",
        .sections = sections,
        .numbers = {0, 4, 5, 41, 40, 6, 7},
        .event_limit = 10,
        .close_ns = pc_clock_after_ms(pc_clock_now_ns(), close_in_ms),
    };
}

static pc_gathering *start(parts *p, const pc_gather_plan *plan)
{
    pc_gathering *gathering;
    const pc_gather_callbacks callbacks = {on_done, on_released, NULL};
    check_ok(pc_gather_start(&gathering, &p->gatherer, plan, &callbacks));
    return gathering;
}

static const char profile_body[] =
    "{\"X1\":{\"entityId\":\"X1\",\"sources\":[\"d\"],\"entity\":{\"_id\":\"p\",\"person\":{"
    "\"name\":{"
    "\"firstName\":\"Ada\"}},\"identityMap\":{\"Email\":[{\"id\":\"a@b\"}]},\"segmentMembership\":{"
    "\"ups\":{\"s1\":{\"status\":\"realized\"}}},\"_t\":{\"churn\":7}},"
    "\"lastModifiedAt\":\"2026-01-01T00:00:00Z\"}}";

static const char events_body[] =
    "{\"_page\":{\"orderby\":\"-timestamp\",\"count\":1,\"next\":\"cursor\"},\"children\":[{"
    "\"entityId\":"
    "\"e1\",\"timestamp\":1756260476000,\"entity\":{\"eventType\":\"web\"}}],\"_links\":{}}";

static const char names_body[] = "{\"results\":{\"s1\":{\"id\":\"s1\",\"name\":\"Loyal\"}}}";

static void finish(pc_gathering *gathering)
{
    wait_until(&w.done);
    wait_until(&w.released);
    pc_gather_release(gathering);
}

static bool contains(const void *bytes, size_t size, const char *text)
{
    return memmem(bytes, size, text, strlen(text)) != NULL;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void test_gather__all_sections_when_all_arrives_in_any_order(void **state)
{
    parts *p = *state;
    for (int order = 0; order < 2; order++) {
        w.done = false;
        w.released = false;
        pc_gather_plan plan = make_plan(all_sections, 10000);
        pc_gathering *gathering = start(p, &plan);
        held *profile = wait_for(PC_FETCH_PROFILE);
        held *events = wait_for(PC_FETCH_EVENTS);
        answer(order == 0 ? profile : events, order == 0 ? profile_body : events_body);
        answer(order == 0 ? events : profile, order == 0 ? events_body : profile_body);
        if (order == 0) {
            answer(wait_for(PC_FETCH_AUDIENCES), names_body);
        } /* The second time the name is known. */
        finish(gathering);
        for (int s = 1; s < PC_SECTION_COUNT; s++) {
            assert_int_equal(w.status[s], PC_SECTION_OK);
            assert_true(w.bytes[s] > 0);
        }
        assert_true(w.truncated);
        assert_string_equal(w.xid, "X1");
        assert_true(contains(w.segments, w.bytes[PC_SECTION_SEGMENTS], "Loyal"));
    }
}

static void test_gather__a_refused_part_does_not_spoil_the_rest(void **state)
{
    pc_gather_plan plan = make_plan(all_sections, 10000);
    pc_gathering *gathering = start(*state, &plan);
    refuse(wait_for(PC_FETCH_EVENTS), PC_CODE_PERMISSION_DENIED, "EVENTS_NOT_ENABLED");
    answer(wait_for(PC_FETCH_PROFILE), profile_body);
    refuse(wait_for(PC_FETCH_AUDIENCES), PC_CODE_UNAVAILABLE, "UPSTREAM_ERROR");
    finish(gathering);
    assert_int_equal(w.status[PC_SECTION_EVENTS], PC_SECTION_NOT_ENABLED);
    assert_string_equal(w.reason[PC_SECTION_EVENTS], "EVENTS_NOT_ENABLED");
    assert_int_equal(w.status[PC_SECTION_PROFILE], PC_SECTION_OK);
    assert_int_equal(w.status[PC_SECTION_SEGMENTS], PC_SECTION_OK);
}

static void test_gather__what_is_late_is_marked_and_cancelled(void **state)
{
    pc_gather_plan plan = make_plan(all_sections, 60);
    int64_t started = pc_clock_now_ns();
    pc_gathering *gathering = start(*state, &plan);
    held *profile = wait_for(PC_FETCH_PROFILE);
    answer(wait_for(PC_FETCH_EVENTS), events_body);
    wait_until(&w.done);
    assert_true(pc_clock_now_ns() - started >= 55000000);
    finish(gathering);
    assert_true(profile->cancelled);
    assert_int_equal(w.status[PC_SECTION_EVENTS], PC_SECTION_OK);
    assert_int_equal(w.status[PC_SECTION_PROFILE], PC_SECTION_LATE);
    assert_string_equal(w.reason[PC_SECTION_PROFILE], "UPSTREAM_LATE");
    assert_int_equal(w.profile_failure, PC_CODE_DEADLINE_EXCEEDED);
}

static void test_gather__late_names_leave_segments_without_names(void **state)
{
    pc_gather_plan plan = make_plan(PC_SECTION_BIT(PC_SECTION_SEGMENTS), 60);
    pc_gathering *gathering = start(*state, &plan);
    answer(wait_for(PC_FETCH_PROFILE), profile_body);
    (void)wait_for(PC_FETCH_AUDIENCES);
    finish(gathering);
    assert_int_equal(w.status[PC_SECTION_SEGMENTS], PC_SECTION_OK);
    assert_true(contains(w.segments, w.bytes[PC_SECTION_SEGMENTS], "s1"));
    assert_false(contains(w.segments, w.bytes[PC_SECTION_SEGMENTS], "Loyal"));
}

static void test_gather__an_unknown_person_is_missing(void **state)
{
    pc_gather_plan plan = make_plan(all_sections, 10000);
    pc_gathering *gathering = start(*state, &plan);
    answer(wait_for(PC_FETCH_PROFILE), "{}");
    refuse(wait_for(PC_FETCH_EVENTS), PC_CODE_NOT_FOUND, "EVENTS_NOT_FOUND");
    finish(gathering);
    assert_int_equal(w.status[PC_SECTION_PROFILE], PC_SECTION_MISSING);
    assert_int_equal(w.status[PC_SECTION_EVENTS], PC_SECTION_MISSING);
    assert_int_equal(w.profile_failure, PC_CODE_NOT_FOUND);
}

static void test_gather__garbage_fails_its_part_only(void **state)
{
    pc_gather_plan plan = make_plan(all_sections, 10000);
    pc_gathering *gathering = start(*state, &plan);
    answer(wait_for(PC_FETCH_PROFILE), "<html>");
    answer(wait_for(PC_FETCH_EVENTS), events_body);
    finish(gathering);
    assert_int_equal(w.status[PC_SECTION_PROFILE], PC_SECTION_FAILED);
    assert_int_equal(w.profile_failure, PC_CODE_INTERNAL);
    assert_int_equal(w.status[PC_SECTION_EVENTS], PC_SECTION_OK);
}

static void test_gather__a_source_that_refuses_to_start_still_ends(void **state)
{
    w.refuse = true;
    pc_gather_plan plan = make_plan(all_sections, 10000);
    pc_gathering *gathering = start(*state, &plan);
    finish(gathering);
    assert_int_equal(w.status[PC_SECTION_PROFILE], PC_SECTION_FAILED);
    assert_int_equal(w.profile_failure, PC_CODE_RESOURCE_EXHAUSTED);
    assert_int_equal(w.events_failure, PC_CODE_RESOURCE_EXHAUSTED);
}

static void test_gather__a_caller_that_goes_ends_the_transfers(void **state)
{
    pc_gather_plan plan = make_plan(all_sections, 10000);
    pc_gathering *gathering = start(*state, &plan);
    held *profile = wait_for(PC_FETCH_PROFILE);
    held *events = wait_for(PC_FETCH_EVENTS);
    pc_gather_cancel(gathering);
    wait_until(&w.released);
    assert_true(profile->cancelled);
    assert_true(events->cancelled);
    pc_gather_cancel(gathering);
    finish(gathering);
    assert_int_equal(w.profile_failure, PC_CODE_CANCELLED);
}

static void test_gather__masks_reach_every_section(void **state)
{
    pc_arena arena;
    pc_arena_init(&arena, NULL, 0, 1 << 20);
    const char *paths[] = {"profile.person", "segment_memberships.segment_id"};
    const pc_mask *mask;
    check_ok(pc_mask_compile(&mask, &arena, &pc_table_Context, paths, 2));
    pc_gather_plan plan =
        make_plan(PC_SECTION_BIT(PC_SECTION_PROFILE) | PC_SECTION_BIT(PC_SECTION_SEGMENTS), 10000);
    plan.masks[PC_SECTION_PROFILE] = pc_mask_child(mask, "profile");
    plan.masks[PC_SECTION_SEGMENTS] = pc_mask_child(mask, "segment_memberships");
    pc_gathering *gathering = start(*state, &plan);
    answer(wait_for(PC_FETCH_PROFILE), profile_body);
    answer(wait_for(PC_FETCH_AUDIENCES), names_body);
    finish(gathering);
    /* person{name{first_name}}: 2 + 2 + 2 + 3 bytes. */
    assert_int_equal(w.bytes[PC_SECTION_PROFILE], 9);
    assert_false(contains(w.segments, w.bytes[PC_SECTION_SEGMENTS], "Loyal"));
    assert_true(contains(w.segments, w.bytes[PC_SECTION_SEGMENTS], "s1"));
    pc_arena_deinit(&arena);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_gather__all_sections_when_all_arrives_in_any_order),
        TEST(test_gather__a_refused_part_does_not_spoil_the_rest),
        TEST(test_gather__what_is_late_is_marked_and_cancelled),
        TEST(test_gather__late_names_leave_segments_without_names),
        TEST(test_gather__an_unknown_person_is_missing),
        TEST(test_gather__garbage_fails_its_part_only),
        TEST(test_gather__a_source_that_refuses_to_start_still_ends),
        TEST(test_gather__a_caller_that_goes_ends_the_transfers),
        TEST(test_gather__masks_reach_every_section),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
