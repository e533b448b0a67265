/* Joining, in front of a source that answers when told. Groups are made by their size, with a
 * window that does not end; what the window does has tests of its own. */
#include "check.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "context/joining.h"
#include "util/clock.h"

enum { ENDLESS_MS = 600000, ASKERS = 8 };

/* ---- a source that holds its answers --------------------------------------------------------- */

typedef struct held {
    pc_fetch_kind kind;
    char persons[256]; /* ids or XIDs, joined by spaces */
    char sandbox[16];
    char merge_policy[16];
    char request_id[16];
    uint64_t caller;
    pc_criticality criticality;
    int64_t deadline_ns;
    int64_t patience_ns;
    pc_fetch_done done; /* NULL when it has been told */
    void *self;
    bool seen;
    bool released;
    struct held *next;
} held;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    held *all; /* newest first */
    int started;
    const char *refuses; /* a reason; NULL: nothing is refused */
} w = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void add_person(held *h, const char *id, const char *xid)
{
    size_t used = strlen(h->persons);
    (void)snprintf(h->persons + used, sizeof h->persons - used, "%s%s", used == 0 ? "" : " ",
                   xid == NULL ? id : xid);
}

static pc_status fake_start(const pc_source *source, const pc_fetch_request *request,
                            pc_fetch_done done, void *self, void **op_out)
{
    (void)source;
    *op_out = NULL;
    if (w.refuses != NULL) {
        return pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, w.refuses, "as told");
    }
    held *h = calloc(1, sizeof *h);
    assert_non_null(h);
    h->kind = request->kind;
    h->caller = request->caller;
    h->criticality = request->criticality;
    h->deadline_ns = request->deadline_ns;
    h->patience_ns = request->patience_ns;
    h->done = done;
    h->self = self;
    strncpy(h->sandbox, request->person.sandbox, sizeof h->sandbox - 1);
    strncpy(h->merge_policy, request->person.merge_policy, sizeof h->merge_policy - 1);
    strncpy(h->request_id, request->request_id, sizeof h->request_id - 1);
    for (size_t i = 0; i < request->ref_count; i++) {
        add_person(h, request->refs[i].id, request->refs[i].xid);
    }
    if (request->kind != PC_FETCH_PROFILES) {
        add_person(h, request->person.id, request->person.xid);
    }
    pthread_mutex_lock(&w.lock);
    h->next = w.all;
    w.all = h;
    w.started++;
    pthread_cond_broadcast(&w.changed);
    pthread_mutex_unlock(&w.lock);
    *op_out = h;
    return PC_OK;
}

typedef struct {
    pc_fetch_done done;
    void *self;
} ending;

static void *tell_cancelled(void *argument)
{
    ending *e = argument;
    e->done(e->self, pc_status_new(PC_CODE_CANCELLED, "CANCELLED", "cancelled"), NULL, 1);
    free(e);
    return NULL;
}

/* Ends as the real source does: by the callback, on another thread. */
static void fake_cancel(const pc_source *source, void *op)
{
    (void)source;
    held *h = op;
    pthread_mutex_lock(&w.lock);
    pc_fetch_done done = h->done;
    h->done = NULL;
    pthread_cond_broadcast(&w.changed);
    pthread_mutex_unlock(&w.lock);
    if (done != NULL) {
        ending *e = malloc(sizeof *e);
        *e = (ending){done, h->self};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, tell_cancelled, e), 0);
        pthread_detach(thread);
    }
}

static void fake_raise(const pc_source *source, void *op, pc_criticality criticality)
{
    (void)source;
    pthread_mutex_lock(&w.lock);
    ((held *)op)->criticality = criticality;
    pthread_cond_broadcast(&w.changed);
    pthread_mutex_unlock(&w.lock);
}

static void fake_release(const pc_source *source, void *op)
{
    (void)source;
    pthread_mutex_lock(&w.lock);
    ((held *)op)->released = true;
    pthread_mutex_unlock(&w.lock);
}

/* Waits with a bound, under the lock, until something changes. */
static void wait_for_change(const char *what)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    if (pthread_cond_timedwait(&w.changed, &w.lock, &until) != 0) {
        pthread_mutex_unlock(&w.lock);
        fail_msg("not within 10 s: %s", what);
    }
}

/* The request about just these persons, which was not given out before. */
static held *request_about(const char *persons)
{
    pthread_mutex_lock(&w.lock);
    for (;;) {
        for (held *h = w.all; h != NULL; h = h->next) {
            if (!h->seen && strcmp(h->persons, persons) == 0) {
                h->seen = true;
                pthread_mutex_unlock(&w.lock);
                return h;
            }
        }
        wait_for_change(persons);
    }
}

static void end(held *h, pc_status status, const char *body)
{
    pc_slice *slice = body == NULL ? NULL : pc_slice_copy(body, strlen(body));
    pthread_mutex_lock(&w.lock);
    pc_fetch_done done = h->done;
    h->done = NULL;
    pthread_mutex_unlock(&w.lock);
    assert_non_null(done);
    done(h->self, status, slice, 1);
    pc_slice_unref(slice);
}

static void answer(held *h, const char *body)
{
    end(h, PC_OK, body);
}

static void refuse(held *h, pc_code code, const char *reason)
{
    end(h, pc_status_new(code, reason, "as told"), NULL);
}

/* ---- who asks -------------------------------------------------------------------------------- */

typedef struct {
    void *op;
    int told;
    pc_code code;
    char reason[64];
    char body[512];
    unsigned attempts;
} asker;

typedef struct {
    pc_source inner;
    pc_workers *workers;
    pc_timers *timers;
    pc_joining *joining;
    pc_source source;
    asker askers[ASKERS];
} world;

static void on_done(void *self, pc_status status, pc_slice *body, unsigned attempts)
{
    asker *a = self;
    pthread_mutex_lock(&w.lock);
    a->told++;
    a->code = status.code;
    strncpy(a->reason, pc_status_reason(&status), sizeof a->reason - 1);
    if (body != NULL) {
        memcpy(a->body, pc_slice_bytes(body), pc_slice_size(body));
    }
    a->attempts = attempts;
    pthread_cond_broadcast(&w.changed);
    pthread_mutex_unlock(&w.lock);
    pc_status_clear(&status);
}

static void open_joining(world *t, int64_t window_ms, size_t most)
{
    const pc_joining_options options = {&t->inner, t->workers, t->timers, window_ms, most};
    check_ok(pc_joining_new(&t->joining, &options));
    t->source = pc_joining_source(t->joining);
}

static int set_up(void **state)
{
    world *t = calloc(1, sizeof *t);
    w.all = NULL;
    w.started = 0;
    w.refuses = NULL;
    t->inner = (pc_source){
        .start = fake_start, .cancel = fake_cancel, .raise = fake_raise, .release = fake_release};
    check_ok(pc_workers_new(&t->workers, 2));
    check_ok(pc_timers_new(&t->timers));
    *state = t;
    return 0;
}

/* Everybody is told exactly once, and nothing is left. */
static int tear_down(void **state)
{
    world *t = *state;
    for (asker *a = t->askers; a < t->askers + ASKERS; a++) {
        if (a->op != NULL) {
            pthread_mutex_lock(&w.lock);
            while (a->told == 0) {
                wait_for_change("an end for everybody");
            }
            pthread_mutex_unlock(&w.lock);
            t->source.release(&t->source, a->op);
        }
    }
    pc_joining_free(t->joining);
    pc_timers_free(t->timers);
    pc_workers_free(t->workers);
    for (asker *a = t->askers; a < t->askers + ASKERS; a++) {
        assert_int_equal(a->told, a->op != NULL);
    }
    while (w.all != NULL) {
        held *next = w.all->next;
        assert_true(w.all->released);
        assert_null(w.all->done);
        free(w.all);
        w.all = next;
    }
    free(t);
    return 0;
}

static pc_fetch_request profile_of(const char *id)
{
    return (pc_fetch_request){
        .kind = PC_FETCH_PROFILE,
        .person = {.namespace_code = "Email", .id = id, .sandbox = "prod", .merge_policy = "m"},
        .request_id = id,
        .criticality = PC_CRITICALITY_BATCH,
        .caller = (uint64_t)id[0],
        .deadline_ns = PC_NEVER_NS,
    };
}

static asker *ask_for(world *t, const pc_fetch_request *request)
{
    asker *a = t->askers;
    while (a->op != NULL) {
        a++;
    }
    check_ok(t->source.start(&t->source, request, on_done, a, &a->op));
    return a;
}

static asker *ask(world *t, const char *id)
{
    const pc_fetch_request request = profile_of(id);
    return ask_for(t, &request);
}

static asker *ask_xid(world *t, const char *xid)
{
    pc_fetch_request request = profile_of(xid);
    request.person.namespace_code = NULL;
    request.person.id = NULL;
    request.person.xid = xid;
    return ask_for(t, &request);
}

static void wait_told(const asker *a)
{
    pthread_mutex_lock(&w.lock);
    while (a->told == 0) {
        wait_for_change("an end");
    }
    pthread_mutex_unlock(&w.lock);
}

static void check_body(const asker *a, const char *body, unsigned attempts)
{
    wait_told(a);
    assert_int_equal(a->code, PC_CODE_OK);
    assert_string_equal(a->body, body);
    assert_int_equal(a->attempts, attempts);
}

static void check_told(const asker *a, pc_code code, const char *reason)
{
    wait_told(a);
    assert_string_equal(pc_code_name(a->code), pc_code_name(code));
    assert_string_equal(a->reason, reason);
}

/* What a request of one's own for `id` brings. */
static void answer_alone(const char *id)
{
    held *h = request_about(id);
    assert_int_equal(h->kind, PC_FETCH_PROFILE);
    char body[64];
    (void)snprintf(body, sizeof body, "{\"own\":\"%s\"}", id);
    answer(h, body);
}

#define ENTRY(key, id)                                                                             \
    "\"" key "\" : {\"sources\":[\"d\"],\"entity\":{\"identityMap\":{\"Email\":[{\"id\":\"" id     \
    "\"}]}}}"

/* ---- who is joined --------------------------------------------------------------------------- */

static void test_joining__those_who_meet_are_one_request_and_each_is_told_of_its_own(void **state)
{
    world *t = *state;
    open_joining(t, ENDLESS_MS, 3);
    const asker *a = ask(t, "a");
    const asker *b = ask(t, "b");
    const asker *c = ask(t, "c");
    held *h = request_about("a b c");
    assert_int_equal(h->kind, PC_FETCH_PROFILES);
    assert_string_equal(h->sandbox, "prod");
    assert_string_equal(h->merge_policy, "m");
    answer(h, "{" ENTRY("X\\u00e9", "c") "," ENTRY("Y", "a") "," ENTRY("Z", "b") "}");
    check_body(a, "{" ENTRY("Y", "a") "}", 1);
    check_body(b, "{" ENTRY("Z", "b") "}", 0);
    check_body(c, "{" ENTRY("X\\u00e9", "c") "}", 0);
    assert_int_equal(w.started, 1);
}

static void test_joining__who_waits_goes_when_the_window_ends(void **state)
{
    world *t = *state;
    open_joining(t, 500, 10);
    const asker *a = ask(t, "a");
    const asker *b = ask(t, "b");
    answer(request_about("a b"), "{" ENTRY("X", "a") "," ENTRY("Y", "b") "}");
    check_body(a, "{" ENTRY("X", "a") "}", 1);
    check_body(b, "{" ENTRY("Y", "b") "}", 0);
}

static void test_joining__one_by_itself_goes_as_it_was(void **state)
{
    world *t = *state;
    open_joining(t, 1, 10);
    pc_fetch_request request = profile_of("a");
    request.deadline_ns = 17;
    request.patience_ns = 16;
    const asker *a = ask_for(t, &request);
    held *h = request_about("a");
    assert_int_equal(h->kind, PC_FETCH_PROFILE);
    assert_string_equal(h->sandbox, "prod");
    assert_string_equal(h->merge_policy, "m");
    assert_string_equal(h->request_id, "a");
    assert_int_equal(h->caller, 'a');
    assert_int_equal(h->criticality, PC_CRITICALITY_BATCH);
    assert_int_equal(h->deadline_ns, 17);
    assert_int_equal(h->patience_ns, 16);
    answer(h, "{}");
    check_body(a, "{}", 1);
}

static void test_joining__what_may_not_wait_or_is_something_else_goes_at_once(void **state)
{
    world *t = *state;
    open_joining(t, ENDLESS_MS, 2);
    pc_fetch_request requests[4];
    for (size_t i = 0; i < PC_COUNT_OF(requests); i++) {
        requests[i] = profile_of("a");
    }
    requests[0].criticality = PC_CRITICALITY_ROUTING;
    requests[1].fields = "person";
    requests[2].kind = PC_FETCH_EVENTS;
    requests[3].alone = true;
    for (size_t i = 0; i < PC_COUNT_OF(requests); i++) {
        const asker *a = ask_for(t, &requests[i]);
        assert_int_equal(w.started, i + 1);
        answer(request_about("a"), "{}");
        check_body(a, "{}", 1);
    }
}

static void test_joining__what_passes_is_cancelled_and_raised_as_ever(void **state)
{
    world *t = *state;
    open_joining(t, ENDLESS_MS, 2);
    pc_fetch_request request = profile_of("a");
    request.alone = true;
    const asker *a = ask_for(t, &request);
    t->source.raise(&t->source, a->op, PC_CRITICALITY_ROUTING);
    assert_int_equal(request_about("a")->criticality, PC_CRITICALITY_ROUTING);
    t->source.cancel(&t->source, a->op);
    check_told(a, PC_CODE_CANCELLED, "CANCELLED");
}

static void test_joining__what_is_refused_at_once_is_so_through_it(void **state)
{
    world *t = *state;
    open_joining(t, ENDLESS_MS, 2);
    w.refuses = "UPSTREAM_TOO_MANY_IN_FLIGHT";
    pc_fetch_request request = profile_of("a");
    request.alone = true;
    void *op;
    check_failure(t->source.start(&t->source, &request, on_done, NULL, &op),
                  PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_TOO_MANY_IN_FLIGHT");
    assert_null(op);
}

static void test_joining__sandboxes_and_merge_policies_are_kept_apart(void **state)
{
    world *t = *state;
    open_joining(t, ENDLESS_MS, 2);
    pc_fetch_request other_policy = profile_of("p");
    other_policy.person.merge_policy = "n";
    pc_fetch_request other_sandbox = profile_of("s");
    other_sandbox.person.sandbox = "dev";
    for (int i = 0; i < 2; i++) {
        (void)ask(t, "a");
        (void)ask_for(t, &other_policy);
        (void)ask_for(t, &other_sandbox);
    }
    answer(request_about("a a"), "{}");
    held *policy = request_about("p p");
    assert_string_equal(policy->merge_policy, "n");
    answer(policy, "{}");
    held *sandbox = request_about("s s");
    assert_string_equal(sandbox->sandbox, "dev");
    answer(sandbox, "{}");
    for (int i = 0; i < 2; i++) {
        answer_alone("a");
        answer_alone("p");
        answer_alone("s");
    }
}

static void test_joining__the_request_is_as_urgent_and_patient_as_the_most_of_them(void **state)
{
    world *t = *state;
    open_joining(t, ENDLESS_MS, 3);
    pc_fetch_request requests[] = {profile_of("a"), profile_of("b"), profile_of("c")};
    requests[0].deadline_ns = 100;
    requests[0].patience_ns = 90;
    requests[1].deadline_ns = 300;
    requests[1].patience_ns = 20;
    requests[1].criticality = PC_CRITICALITY_AGENT;
    requests[2].deadline_ns = 200;
    for (size_t i = 0; i < PC_COUNT_OF(requests); i++) {
        (void)ask_for(t, &requests[i]);
    }
    held *h = request_about("a b c");
    assert_int_equal(h->deadline_ns, 300);
    assert_int_equal(h->patience_ns, 200);
    assert_int_equal(h->criticality, PC_CRITICALITY_AGENT);
    assert_int_equal(h->caller, 'a');
    assert_string_equal(h->request_id, "a");
    refuse(h, PC_CODE_UNAVAILABLE, "UPSTREAM_UNAVAILABLE");
}

/* ---- what an answer says --------------------------------------------------------------------- */

static void test_joining__who_is_not_in_the_answer_has_a_request_of_its_own(void **state)
{
    world *t = *state;
    open_joining(t, ENDLESS_MS, 3);
    const asker *a = ask(t, "a");
    const asker *b = ask(t, "b");
    const asker *c = ask(t, "c");
    answer(request_about("a b c"), "{" ENTRY("X", "b") "}");
    check_body(b, "{" ENTRY("X", "b") "}", 0);
    answer_alone("a");
    answer_alone("c");
    check_body(a, "{\"own\":\"a\"}", 2);
    check_body(c, "{\"own\":\"c\"}", 1);
}

#define PLACEHOLDER "{\"sources\":[\"\"],\"entity\":{},\"lastModifiedAt\":\"1970-01-01T00:00:00Z\"}"

static void test_joining__a_placeholder_is_believed_when_it_says_whose_it_is(void **state)
{
    world *t = *state;
    open_joining(t, ENDLESS_MS, 2);
    const asker *a = ask(t, "a");
    const asker *x = ask_xid(t, "X");
    answer(request_about("a X"), "{\"X\":" PLACEHOLDER ",\"?\":" PLACEHOLDER "}");
    check_told(x, PC_CODE_NOT_FOUND, "PROFILE_NOT_FOUND");
    answer_alone("a");
    check_body(a, "{\"own\":\"a\"}", 2);
}

static void test_joining__an_entrys_own_error_is_told_to_whom_it_is_about(void **state)
{
    static const struct {
        const char *error;
        pc_code code;
        const char *reason;
    } cases[] = {
        {"\"statusCode\":\"404\"", PC_CODE_NOT_FOUND, "PROFILE_NOT_FOUND"},
        {"\"statusCode\":\"403\"", PC_CODE_PERMISSION_DENIED, "UPSTREAM_ENTRY_FORBIDDEN"},
        {"\"statusCode\":\"422\"", PC_CODE_FAILED_PRECONDITION, "UPSTREAM_UNPROCESSABLE"},
        {"\"message\":\"Too many related identities\",\"statusCode\":\"422\"",
         PC_CODE_FAILED_PRECONDITION, "UPSTREAM_TOO_MANY_IDENTITIES"},
        {"\"statusCode\":\"429\"", PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_THROTTLED"},
        {"\"statusCode\":\"500\"", PC_CODE_UNAVAILABLE, "UPSTREAM_ENTRY_FAILED"},
    };
    world *t = *state;
    open_joining(t, ENDLESS_MS, PC_COUNT_OF(cases));
    const char *const xids[] = {"0", "1", "2", "3", "4", "5"};
    const asker *askers[PC_COUNT_OF(cases)];
    char body[1024] = "[";
    for (size_t i = 0; i < PC_COUNT_OF(cases); i++) {
        askers[i] = ask_xid(t, xids[i]);
        size_t used = strlen(body);
        (void)snprintf(body + used, sizeof body - used, "%s{\"xid\":\"%s\",\"error\":{%s}}",
                       i == 0 ? "" : ",", xids[i], cases[i].error);
    }
    strncat(body, "]", sizeof body - strlen(body) - 1);
    answer(request_about("0 1 2 3 4 5"), body);
    for (size_t i = 0; i < PC_COUNT_OF(cases); i++) {
        check_told(askers[i], cases[i].code, cases[i].reason);
    }
    assert_int_equal(w.started, 1);
}

static void test_joining__an_entry_in_a_list_is_told_like_one_with_a_key(void **state)
{
    world *t = *state;
    open_joining(t, ENDLESS_MS, 2);
    const asker *a = ask_xid(t, "X");
    const asker *b = ask_xid(t, "Y");
    answer(request_about("X Y"), "[{\"xid\":\"Y\",\"entity\":{\"y\":1}},{\"xid\":\"X\",\"error\":{"
                                 "\"statusCode\":\"404\"}}]");
    check_told(a, PC_CODE_NOT_FOUND, "PROFILE_NOT_FOUND");
    check_body(b, "{\"\":{\"xid\":\"Y\",\"entity\":{\"y\":1}}}", 0);
}

static void test_joining__what_was_merged_by_another_policy_is_asked_again(void **state)
{
    world *t = *state;
    open_joining(t, ENDLESS_MS, 2);
    const asker *a = ask_xid(t, "X");
    const asker *b = ask_xid(t, "Y");
    answer(request_about("X Y"),
           "{\"X\":{\"mergePolicy\":{\"id\":\"default\"},\"entity\":{\"x\":1}},"
           "\"Y\":{\"mergePolicy\":{\"id\":\"m\"},\"entity\":{\"y\":1}}}");
    check_body(b, "{\"Y\":{\"mergePolicy\":{\"id\":\"m\"},\"entity\":{\"y\":1}}}", 0);
    answer_alone("X");
    check_body(a, "{\"own\":\"X\"}", 2);
}

static void test_joining__an_entry_that_seems_to_be_of_two_is_nobodys(void **state)
{
    world *t = *state;
    open_joining(t, ENDLESS_MS, 2);
    const asker *a = ask(t, "a");
    const asker *b = ask(t, "b");
    answer(request_about("a b"), "{\"X\":{\"sources\":[\"d\"],\"entity\":{\"identityMap\":{"
                                 "\"Email\":[{\"id\":\"a\"},{\"id\":\"b\"}]}}}}");
    answer_alone("a");
    answer_alone("b");
    check_body(a, "{\"own\":\"a\"}", 2);
    check_body(b, "{\"own\":\"b\"}", 1);
}

static void test_joining__when_they_are_refused_together_each_asks_for_itself(void **state)
{
    static const struct {
        pc_code code;
        const char *reason;
    } refusals[] = {
        {PC_CODE_INVALID_ARGUMENT, "UPSTREAM_REJECTED_REQUEST"},
        {PC_CODE_INVALID_ARGUMENT, "UPSTREAM_REQUEST_TOO_LARGE"},
        {PC_CODE_FAILED_PRECONDITION, "UPSTREAM_TOO_MANY_IDENTITIES"},
        {PC_CODE_NOT_FOUND, "PROFILE_NOT_FOUND"},
        {PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_BODY_TOO_LARGE"},
        {PC_CODE_OK, "an answer that cannot be read"},
    };
    world *t = *state;
    open_joining(t, ENDLESS_MS, 2);
    for (size_t i = 0; i < PC_COUNT_OF(refusals); i++) {
        asker *a = ask(t, "a");
        asker *b = ask(t, "b");
        held *h = request_about("a b");
        if (refusals[i].code == PC_CODE_OK) {
            answer(h, "{" ENTRY("X", "a"));
        } else {
            refuse(h, refusals[i].code, refusals[i].reason);
        }
        answer_alone("a");
        answer_alone("b");
        check_body(a, "{\"own\":\"a\"}", 2);
        check_body(b, "{\"own\":\"b\"}", 1);
        t->source.release(&t->source, a->op);
        t->source.release(&t->source, b->op);
        memset(t->askers, 0, sizeof t->askers);
    }
}

static void test_joining__when_the_upstream_fails_all_are_told_and_nobody_asks_again(void **state)
{
    static const struct {
        pc_code code;
        const char *reason;
    } failures[] = {
        {PC_CODE_UNAVAILABLE, "UPSTREAM_UNAVAILABLE"},
        {PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_THROTTLED"},
        {PC_CODE_DEADLINE_EXCEEDED, "UPSTREAM_TIMEOUT"},
        {PC_CODE_PERMISSION_DENIED, "UPSTREAM_FORBIDDEN"},
    };
    world *t = *state;
    open_joining(t, ENDLESS_MS, 2);
    for (size_t i = 0; i < PC_COUNT_OF(failures); i++) {
        asker *a = ask(t, "a");
        asker *b = ask(t, "b");
        refuse(request_about("a b"), failures[i].code, failures[i].reason);
        check_told(a, failures[i].code, failures[i].reason);
        check_told(b, failures[i].code, failures[i].reason);
        assert_int_equal(a->attempts, 1);
        assert_int_equal(b->attempts, 0);
        assert_int_equal(w.started, i + 1);
        t->source.release(&t->source, a->op);
        t->source.release(&t->source, b->op);
        memset(t->askers, 0, sizeof t->askers);
    }
}

static void test_joining__when_no_request_can_be_started_all_are_told(void **state)
{
    world *t = *state;
    open_joining(t, ENDLESS_MS, 2);
    w.refuses = "UPSTREAM_TOO_MANY_IN_FLIGHT";
    const asker *a = ask(t, "a");
    const asker *b = ask(t, "b");
    check_told(a, PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_TOO_MANY_IN_FLIGHT");
    check_told(b, PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_TOO_MANY_IN_FLIGHT");
}

/* ---- who leaves, and who is in a hurry ------------------------------------------------------- */

static void cancel(world *t, const asker *a)
{
    t->source.cancel(&t->source, a->op);
    check_told(a, PC_CODE_CANCELLED, "CANCELLED");
    t->source.cancel(&t->source, a->op);
}

static void test_joining__who_leaves_while_waiting_is_not_asked_for(void **state)
{
    world *t = *state;
    open_joining(t, ENDLESS_MS, 3);
    const asker *a = ask(t, "a");
    const asker *b = ask(t, "b");
    const asker *c = ask(t, "c");
    (void)c;
    held *first = request_about("a b c");
    answer(first, "{" ENTRY("X", "a") "," ENTRY("Y", "b") "," ENTRY("Z", "c") "}");
    wait_told(a);
    wait_told(b);
    const asker *d = ask(t, "d");
    const asker *e = ask(t, "e");
    cancel(t, d);
    const asker *f = ask(t, "f");
    const asker *g = ask(t, "g");
    answer(request_about("e f g"), "{" ENTRY("E", "e") "," ENTRY("F", "f") "," ENTRY("G", "g") "}");
    check_body(e, "{" ENTRY("E", "e") "}", 1);
    check_body(f, "{" ENTRY("F", "f") "}", 0);
    check_body(g, "{" ENTRY("G", "g") "}", 0);
}

static void test_joining__when_all_leave_while_waiting_nothing_is_asked(void **state)
{
    world *t = *state;
    open_joining(t, ENDLESS_MS, 3);
    const asker *a = ask(t, "a");
    const asker *b = ask(t, "b");
    cancel(t, b);
    cancel(t, a);
    assert_int_equal(w.started, 0);
    const asker *c = ask(t, "c");
    cancel(t, c);
    assert_int_equal(w.started, 0);
}

static void test_joining__who_leaves_the_request_is_told_at_once_and_the_next_pays(void **state)
{
    world *t = *state;
    open_joining(t, ENDLESS_MS, 2);
    const asker *a = ask(t, "a");
    const asker *b = ask(t, "b");
    held *h = request_about("a b");
    cancel(t, a);
    answer(h, "{" ENTRY("X", "a") "," ENTRY("Y", "b") "}");
    check_body(b, "{" ENTRY("Y", "b") "}", 1);
}

static void test_joining__when_all_leave_the_request_ends(void **state)
{
    world *t = *state;
    open_joining(t, ENDLESS_MS, 2);
    const asker *a = ask(t, "a");
    const asker *b = ask(t, "b");
    held *h = request_about("a b");
    cancel(t, a);
    assert_non_null(h->done);
    cancel(t, b);
    pthread_mutex_lock(&w.lock);
    while (h->done != NULL) {
        wait_for_change("the end of the request");
    }
    pthread_mutex_unlock(&w.lock);
}

static void test_joining__who_leaves_its_own_request_ends_it(void **state)
{
    world *t = *state;
    open_joining(t, ENDLESS_MS, 2);
    const asker *a = ask(t, "a");
    const asker *b = ask(t, "b");
    answer(request_about("a b"), "{}");
    (void)request_about("a");
    answer_alone("b");
    wait_told(b);
    cancel(t, a);
}

static void test_joining__who_becomes_urgent_waits_no_longer(void **state)
{
    world *t = *state;
    open_joining(t, ENDLESS_MS, 3);
    const asker *a = ask(t, "a");
    const asker *b = ask(t, "b");
    t->source.raise(&t->source, a->op, PC_CRITICALITY_AGENT);
    t->source.raise(&t->source, b->op, PC_CRITICALITY_ROUTING);
    held *h = request_about("b");
    assert_int_equal(h->kind, PC_FETCH_PROFILE);
    assert_int_equal(h->criticality, PC_CRITICALITY_ROUTING);
    answer(h, "{}");
    check_body(b, "{}", 1);
    (void)ask(t, "c");
    (void)ask(t, "d");
    held *rest = request_about("a c d");
    assert_int_equal(rest->criticality, PC_CRITICALITY_AGENT);
    refuse(rest, PC_CODE_UNAVAILABLE, "UPSTREAM_UNAVAILABLE");
}

static void wait_urgent(const held *h)
{
    pthread_mutex_lock(&w.lock);
    while (h->criticality != PC_CRITICALITY_ROUTING) {
        wait_for_change("the request to be urgent");
    }
    pthread_mutex_unlock(&w.lock);
}

static void test_joining__a_request_under_way_becomes_urgent_with_any_of_them(void **state)
{
    world *t = *state;
    open_joining(t, ENDLESS_MS, 2);
    const asker *a = ask(t, "a");
    const asker *b = ask(t, "b");
    held *h = request_about("a b");
    t->source.raise(&t->source, b->op, PC_CRITICALITY_ROUTING);
    wait_urgent(h);
    answer(h, "{}");
    answer_alone("b");
    held *own = request_about("a");
    t->source.raise(&t->source, a->op, PC_CRITICALITY_ROUTING);
    wait_urgent(own);
    answer(own, "{}");
}

/* Nobody waits for a number of calls: with any timing everybody is told once, as tear_down sees. */
static void *leave_quickly(void *argument)
{
    world *t = argument;
    for (int i = 0; i < 4; i++) {
        if (t->askers[i].op != NULL) {
            t->source.cancel(&t->source, t->askers[i].op);
        }
    }
    return NULL;
}

static void test_joining__who_leaves_at_any_moment_is_told_once(void **state)
{
    world *t = *state;
    open_joining(t, ENDLESS_MS, 4);
    for (int round = 0; round < 300; round++) {
        (void)ask(t, "a");
        (void)ask(t, "b");
        (void)ask(t, "c");
        (void)ask(t, "d");
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, leave_quickly, t), 0);
        pthread_mutex_lock(&w.lock);
        held *h = w.all;
        pc_fetch_done done = h == NULL ? NULL : h->done;
        if (h != NULL) {
            h->done = NULL;
        }
        pthread_mutex_unlock(&w.lock);
        if (done != NULL) {
            done(h->self, pc_status_new(PC_CODE_INVALID_ARGUMENT, "R", "r"), NULL, 1);
        }
        pthread_join(thread, NULL);
        for (int i = 0; i < 4; i++) {
            wait_told(&t->askers[i]);
            assert_int_equal(t->askers[i].told, 1);
            t->source.release(&t->source, t->askers[i].op);
        }
        memset(t->askers, 0, sizeof t->askers);
    }
}

#define JOINING_TEST(name) cmocka_unit_test_setup_teardown(test_joining__##name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        JOINING_TEST(those_who_meet_are_one_request_and_each_is_told_of_its_own),
        JOINING_TEST(who_waits_goes_when_the_window_ends),
        JOINING_TEST(one_by_itself_goes_as_it_was),
        JOINING_TEST(what_may_not_wait_or_is_something_else_goes_at_once),
        JOINING_TEST(what_passes_is_cancelled_and_raised_as_ever),
        JOINING_TEST(what_is_refused_at_once_is_so_through_it),
        JOINING_TEST(sandboxes_and_merge_policies_are_kept_apart),
        JOINING_TEST(the_request_is_as_urgent_and_patient_as_the_most_of_them),
        JOINING_TEST(who_is_not_in_the_answer_has_a_request_of_its_own),
        JOINING_TEST(a_placeholder_is_believed_when_it_says_whose_it_is),
        JOINING_TEST(an_entrys_own_error_is_told_to_whom_it_is_about),
        JOINING_TEST(an_entry_in_a_list_is_told_like_one_with_a_key),
        JOINING_TEST(what_was_merged_by_another_policy_is_asked_again),
        JOINING_TEST(an_entry_that_seems_to_be_of_two_is_nobodys),
        JOINING_TEST(when_they_are_refused_together_each_asks_for_itself),
        JOINING_TEST(when_the_upstream_fails_all_are_told_and_nobody_asks_again),
        JOINING_TEST(when_no_request_can_be_started_all_are_told),
        JOINING_TEST(who_leaves_while_waiting_is_not_asked_for),
        JOINING_TEST(when_all_leave_while_waiting_nothing_is_asked),
        JOINING_TEST(who_leaves_the_request_is_told_at_once_and_the_next_pays),
        JOINING_TEST(when_all_leave_the_request_ends),
        JOINING_TEST(who_leaves_its_own_request_ends_it),
        JOINING_TEST(who_becomes_urgent_waits_no_longer),
        JOINING_TEST(a_request_under_way_becomes_urgent_with_any_of_them),
        JOINING_TEST(who_leaves_at_any_moment_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
