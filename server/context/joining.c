/* A group is those who wait together, then those whom one request is about. Its members live in its
 * arena, as long as any of them. Nothing is told, and nothing started, with the lock held. */
#include "context/joining.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "context/fetching.h"
#include "context/joint_answer.h"
#include "util/clock.h"

enum {
    GROUPS_MAX = 16,                      /* that are open, and looked through */
    MEMBERS_MAX = 16384,                  /* who wait; whoever comes then is not joined */
    GROUP_BYTES_MAX = 2 * 1024 * 1024,    /* of members and what they ask for */
    MATCHING_BYTES_MAX = 64 * 1024 * 1024 /* beside the answer's body */
};

typedef enum {
    MEMBER_JOINED, /* in its group's list */
    MEMBER_ALONE,  /* has a request of its own, or will have */
    MEMBER_TOLD    /* or will be, that it was cancelled */
} member_state;

typedef struct group group;

/* An operation as it is given out: of the inner source, or a member. */
typedef struct {
    bool joins;
    void *inner; /* when it does not; owned */
} operation;

typedef struct member {
    operation operation;
    group *group;
    pc_fetch_request fetch; /* its texts in the arena */
    pc_fetch_done done;
    void *self;
    pc_job job;
    unsigned attempts; /* of the joint request, to the one who pays */
    member_state state;
    bool cancelled;
    struct member *next;
    pc_fetching *alone; /* owned; its own request, while under way */
} member;

struct group {
    pc_joining *joining;
    const char *sandbox; /* of the first member, in the arena */
    const char *merge_policy;
    pc_arena arena;
    pc_timer window;
    pc_job job;
    group *next; /* of those that are open */
    bool open;   /* others may come */
    bool sent;
    pc_fetching *fetching; /* owned; the joint request, while under way */
    member *members;       /* oldest first */
    member **end;
    size_t count;
    size_t references; /* the timer's, that of what happens next, and two of each member: of whoever
                          has the operation, and until it is told */
};

struct pc_joining {
    pc_joining_options options;
    pthread_mutex_t lock; /* guards all that follows, and groups and members */
    pthread_cond_t ended;
    group *open;
    size_t open_count;
    size_t group_count;
    size_t waiting; /* members who are not told yet */
};

static void depart(pc_job *job);

/* ---- groups, under the lock ------------------------------------------------------------------ */

static void unref(group *g)
{
    if (--g->references > 0) {
        return;
    }
    pc_joining *j = g->joining;
    pc_arena_deinit(&g->arena);
    free(g);
    if (--j->group_count == 0) {
        pthread_cond_broadcast(&j->ended);
    }
}

static void unlock_and_unref(group *g)
{
    pc_joining *j = g->joining;
    unref(g);
    pthread_mutex_unlock(&j->lock);
}

static void lock_and_unref(group *g)
{
    pthread_mutex_lock(&g->joining->lock);
    unlock_and_unref(g);
}

/* Nobody comes any more. */
static void close_group(group *g)
{
    pc_joining *j = g->joining;
    group **link = &j->open;
    while (*link != g) {
        link = &(*link)->next;
    }
    *link = g->next;
    j->open_count--;
    g->open = false;
    if (pc_timers_cancel(j->options.timers, &g->window)) {
        unref(g);
    }
}

static void close_and_depart(group *g)
{
    close_group(g);
    pc_workers_run(g->joining->options.workers, &g->job);
}

static void on_window(pc_timer *timer)
{
    group *g = PC_CONTAINER_OF(timer, group, window);
    pthread_mutex_lock(&g->joining->lock);
    if (g->open) {
        close_and_depart(g);
    }
    unlock_and_unref(g);
}

static group *new_group(pc_joining *j)
{
    group *g = j->open_count < GROUPS_MAX ? calloc(1, sizeof *g) : NULL;
    if (g != NULL) {
        g->joining = j;
        g->end = &g->members;
        g->window.fire = on_window;
        g->job.run = depart;
        g->references = 1;
        pc_arena_init(&g->arena, NULL, 0, GROUP_BYTES_MAX);
        j->group_count++;
    }
    return g;
}

/* A group with its first member. Without a timer it goes at once. */
static void open_group(group *g, const member *first)
{
    pc_joining *j = g->joining;
    g->sandbox = first->fetch.person.sandbox;
    g->merge_policy = first->fetch.person.merge_policy;
    g->open = true;
    g->next = j->open;
    j->open = g;
    j->open_count++;
    g->references++;
    pc_status status = pc_timers_set(j->options.timers, &g->window,
                                     pc_clock_after_ms(pc_clock_now_ns(), j->options.window_ms));
    if (!pc_status_ok(&status)) {
        pc_status_clear(&status);
        unref(g);
        close_and_depart(g);
    }
}

static group *find(const pc_joining *j, const pc_person *person)
{
    group *g = j->open;
    while (g != NULL && (strcmp(g->sandbox, person->sandbox) != 0 ||
                         strcmp(g->merge_policy, person->merge_policy) != 0)) {
        g = g->next;
    }
    return g;
}

/* ---- members, under the lock ----------------------------------------------------------------- */

static bool copy(const char **out, pc_arena *arena, const char *text)
{
    *out = text == NULL ? NULL : pc_arena_strndup(arena, text, strlen(text));
    return text == NULL || *out != NULL;
}

/* NULL when there is no memory. */
static member *new_member(group *g, const pc_fetch_request *request)
{
    const pc_person *from = &request->person;
    member *m = pc_arena_calloc(&g->arena, 1, sizeof *m);
    if (m == NULL) {
        return NULL;
    }
    m->operation.joins = true;
    m->group = g;
    m->fetch = *request;
    pc_person *person = &m->fetch.person;
    bool copied = copy(&person->namespace_code, &g->arena, from->namespace_code) &&
                  copy(&person->id, &g->arena, from->id) &&
                  copy(&person->xid, &g->arena, from->xid) &&
                  copy(&person->sandbox, &g->arena, from->sandbox) &&
                  copy(&person->merge_policy, &g->arena, from->merge_policy) &&
                  copy(&m->fetch.request_id, &g->arena, request->request_id);
    return copied ? m : NULL;
}

/* The new member, or NULL when it cannot be joined to anyone. */
static member *join(pc_joining *j, const pc_fetch_request *request, pc_fetch_done done, void *self)
{
    group *g = j->waiting < MEMBERS_MAX ? find(j, &request->person) : NULL;
    bool is_new = g == NULL && j->waiting < MEMBERS_MAX;
    g = is_new ? new_group(j) : g;
    member *m = g == NULL ? NULL : new_member(g, request);
    if (m == NULL) {
        if (is_new && g != NULL) {
            unref(g);
        }
        return NULL;
    }
    m->done = done;
    m->self = self;
    *g->end = m;
    g->end = &m->next;
    g->count++;
    g->references += 2;
    j->waiting++;
    if (is_new) {
        open_group(g, m);
    } else if (g->count >= j->options.most) {
        close_and_depart(g);
    }
    return m;
}

static void leave(member *m)
{
    group *g = m->group;
    member **link = &g->members;
    while (*link != m) {
        link = &(*link)->next;
    }
    *link = m->next;
    if (m->next == NULL) {
        g->end = link;
    }
    g->count--;
    if (g->count > 0) {
        return;
    }
    if (g->open) {
        close_group(g);
        unref(g);
    } else if (g->fetching != NULL) {
        pc_fetching_cancel(g->fetching);
    }
}

static pc_person_ref ref_of(const member *m)
{
    const pc_person *person = &m->fetch.person;
    return (pc_person_ref){person->namespace_code, person->id, person->xid};
}

static pc_criticality most_critical(const group *g)
{
    pc_criticality most = PC_CRITICALITY_PREFETCH;
    for (const member *m = g->members; m != NULL; m = m->next) {
        most = m->fetch.criticality < most ? m->fetch.criticality : most;
    }
    return most;
}

/* ---- telling, without the lock --------------------------------------------------------------- */

/* Takes `status`. The member may be gone then, unless its group is held. */
static void tell(member *m, pc_status status, pc_slice *body, unsigned attempts)
{
    pc_joining *j = m->group->joining;
    pthread_mutex_lock(&j->lock);
    m->state = MEMBER_TOLD;
    pc_fetching *alone = m->alone;
    m->alone = NULL;
    j->waiting--;
    pthread_mutex_unlock(&j->lock);
    pc_fetching_release(alone);
    m->done(m->self, status, body, attempts);
    lock_and_unref(m->group);
}

static void tell_cancelled(pc_job *job)
{
    member *m = PC_CONTAINER_OF(job, member, job);
    tell(m, pc_status_new(PC_CODE_CANCELLED, "CANCELLED", "the fetch was cancelled"), NULL,
         m->attempts);
}

static void on_alone(void *self, pc_status status, pc_slice *body, unsigned attempts)
{
    member *m = self;
    tell(m, status, body, m->attempts + attempts);
}

/* A request of its own. */
static void go_alone(member *m)
{
    group *g = m->group;
    pc_joining *j = g->joining;
    pthread_mutex_lock(&j->lock);
    m->state = MEMBER_ALONE;
    bool cancelled = m->cancelled;
    const pc_fetch_request request = m->fetch;
    g->references++;
    pthread_mutex_unlock(&j->lock);
    pc_fetching *fetching = NULL;
    if (cancelled) {
        tell_cancelled(&m->job);
    } else {
        pc_status status = pc_fetching_start(&fetching, j->options.inner, j->options.workers,
                                             &request, on_alone, m);
        if (!pc_status_ok(&status)) {
            tell(m, status, NULL, m->attempts);
        }
    }
    pthread_mutex_lock(&j->lock);
    if (fetching != NULL && m->state == MEMBER_ALONE) {
        m->alone = fetching;
        pc_fetching_raise(fetching, m->fetch.criticality);
        if (m->cancelled) {
            pc_fetching_cancel(fetching);
        }
        fetching = NULL;
    }
    unlock_and_unref(g);
    pc_fetching_release(fetching);
}

static void go_alone_job(pc_job *job)
{
    go_alone(PC_CONTAINER_OF(job, member, job));
}

/* Under the lock: takes all members out of the list, who may go alone now. */
static member *take_all(group *g)
{
    member *all = g->members;
    for (member *m = all; m != NULL; m = m->next) {
        m->state = MEMBER_ALONE;
    }
    g->members = NULL;
    g->count = 0;
    return all;
}

/* ---- the joint answer, on a worker ----------------------------------------------------------- */

static void tell_entry(member *m, const pc_profile_envelope *entry)
{
    pc_slice *body;
    pc_status status = pc_joint_answer_part(&body, entry);
    tell(m, status, body, m->attempts);
    pc_slice_unref(body);
}

static pc_status read_answer(const pc_profile_envelope ***entries, pc_arena *arena, const group *g,
                             const member *all, size_t count, const pc_slice *body)
{
    pc_person_ref *refs = pc_arena_calloc(arena, count, sizeof *refs);
    *entries = pc_arena_calloc(arena, count, sizeof **entries);
    if (refs == NULL || *entries == NULL) {
        return pc_status_out_of_memory();
    }
    for (size_t i = 0; i < count; i++, all = all->next) {
        refs[i] = ref_of(all);
    }
    return pc_joint_answer_read(*entries, arena, refs, count, g->merge_policy, body);
}

/* Takes `status`. The list is no longer the group's. */
static void settle(group *g, member *all, size_t count, pc_status status, const pc_slice *body)
{
    pc_arena arena;
    pc_arena_init(&arena, NULL, 0, MATCHING_BYTES_MAX);
    const pc_profile_envelope **entries = NULL;
    if (pc_status_ok(&status) && count > 0) {
        status = read_answer(&entries, &arena, g, all, count, body);
    }
    bool failed = !pc_status_ok(&status) && !pc_joint_failure_is_joint(&status);
    for (size_t i = 0; all != NULL; i++) {
        member *m = all;
        all = m->next;
        if (failed) {
            tell(m, pc_status_copy(&status), NULL, m->attempts);
        } else if (pc_status_ok(&status) && entries[i] != NULL) {
            tell_entry(m, entries[i]);
        } else {
            go_alone(m);
        }
    }
    pc_status_clear(&status);
    pc_arena_deinit(&arena);
}

static void on_answer(void *self, pc_status status, pc_slice *body, unsigned attempts)
{
    group *g = self;
    pc_joining *j = g->joining;
    pthread_mutex_lock(&j->lock);
    size_t count = g->count;
    member *all = take_all(g);
    if (all != NULL) {
        all->attempts = attempts;
    }
    g->sent = false;
    pc_fetching *fetching = g->fetching;
    g->fetching = NULL;
    pthread_mutex_unlock(&j->lock);
    pc_fetching_release(fetching);
    settle(g, all, count, status, body);
    lock_and_unref(g);
}

/* ---- the joint request, on a worker ---------------------------------------------------------- */

/* Under the lock. The fetch of all members; its refs have room for them. It waits for its turn as
 * long as the most patient would: a call that comes too late for some serves the others. */
static pc_fetch_request joint_request(const group *g, pc_person_ref *refs)
{
    const pc_fetch_request *first = &g->members->fetch;
    pc_fetch_request request = {
        .kind = PC_FETCH_PROFILES,
        .person = {.sandbox = g->sandbox, .merge_policy = g->merge_policy},
        .request_id = first->request_id,
        .trace = first->trace,
        .criticality = most_critical(g),
        .caller = first->caller,
        .refs = refs,
    };
    for (const member *m = g->members; m != NULL; m = m->next) {
        int64_t deadline_ns = m->fetch.deadline_ns;
        int64_t patience_ns = m->fetch.patience_ns == 0 ? deadline_ns : m->fetch.patience_ns;
        refs[request.ref_count++] = ref_of(m);
        request.deadline_ns = deadline_ns > request.deadline_ns ? deadline_ns : request.deadline_ns;
        request.patience_ns = patience_ns > request.patience_ns ? patience_ns : request.patience_ns;
    }
    return request;
}

static void all_go_alone(member *all)
{
    while (all != NULL) {
        member *next = all->next;
        go_alone(all);
        all = next;
    }
}

/* The members' texts are in the arena, so that those who leave meanwhile do no harm. */
static void start_joint(group *g, const pc_fetch_request *request)
{
    pc_joining *j = g->joining;
    pc_fetching *fetching;
    pc_status status =
        pc_fetching_start(&fetching, j->options.inner, j->options.workers, request, on_answer, g);
    if (!pc_status_ok(&status)) {
        on_answer(g, status, NULL, 0);
        return;
    }
    pthread_mutex_lock(&j->lock);
    if (g->sent) {
        g->fetching = fetching;
        fetching = NULL;
        if (g->count == 0) {
            pc_fetching_cancel(g->fetching);
        } else {
            pc_fetching_raise(g->fetching, most_critical(g));
        }
    }
    pthread_mutex_unlock(&j->lock);
    pc_fetching_release(fetching);
}

static void depart(pc_job *job)
{
    group *g = PC_CONTAINER_OF(job, group, job);
    pc_joining *j = g->joining;
    pthread_mutex_lock(&j->lock);
    pc_person_ref *refs = g->count > 1 ? calloc(g->count, sizeof *refs) : NULL;
    if (refs == NULL) {
        member *all = take_all(g);
        pthread_mutex_unlock(&j->lock);
        all_go_alone(all);
        lock_and_unref(g);
        return;
    }
    const pc_fetch_request request = joint_request(g, refs);
    g->sent = true;
    g->references++;
    pthread_mutex_unlock(&j->lock);
    start_joint(g, &request);
    free(refs);
    lock_and_unref(g);
}

/* ---- the source ------------------------------------------------------------------------------ */

static bool may_join(const pc_fetch_request *request)
{
    return request->kind == PC_FETCH_PROFILE && request->fields == NULL && !request->alone &&
           request->criticality != PC_CRITICALITY_ROUTING;
}

static pc_status pass(const pc_source *inner, const pc_fetch_request *request, pc_fetch_done done,
                      void *self, void **op_out)
{
    operation *op = calloc(1, sizeof *op);
    if (op == NULL) {
        return pc_status_out_of_memory();
    }
    pc_status status = inner->start(inner, request, done, self, &op->inner);
    if (!pc_status_ok(&status)) {
        free(op);
        return status;
    }
    *op_out = op;
    return PC_OK;
}

static pc_status start(const pc_source *source, const pc_fetch_request *request, pc_fetch_done done,
                       void *self, void **op_out)
{
    pc_joining *j = source->self;
    *op_out = NULL;
    if (may_join(request)) {
        pthread_mutex_lock(&j->lock);
        *op_out = join(j, request, done, self);
        pthread_mutex_unlock(&j->lock);
    }
    return *op_out != NULL ? PC_OK : pass(j->options.inner, request, done, self, op_out);
}

static void cancel(const pc_source *source, void *op)
{
    pc_joining *j = source->self;
    operation *passing = op;
    if (!passing->joins) {
        j->options.inner->cancel(j->options.inner, passing->inner);
        return;
    }
    member *m = op;
    pthread_mutex_lock(&j->lock);
    m->cancelled = true;
    if (m->state == MEMBER_JOINED) {
        leave(m);
        m->state = MEMBER_TOLD;
        m->job.run = tell_cancelled;
        pc_workers_run(j->options.workers, &m->job);
    } else if (m->alone != NULL) {
        pc_fetching_cancel(m->alone);
    }
    pthread_mutex_unlock(&j->lock);
}

static void raise_op(const pc_source *source, void *op, pc_criticality criticality)
{
    pc_joining *j = source->self;
    operation *passing = op;
    if (!passing->joins) {
        if (j->options.inner->raise != NULL) {
            j->options.inner->raise(j->options.inner, passing->inner, criticality);
        }
        return;
    }
    member *m = op;
    pthread_mutex_lock(&j->lock);
    if (criticality < m->fetch.criticality) {
        m->fetch.criticality = criticality;
        if (m->state == MEMBER_JOINED && !m->group->sent && criticality == PC_CRITICALITY_ROUTING) {
            leave(m);
            m->state = MEMBER_ALONE;
            m->job.run = go_alone_job;
            pc_workers_run(j->options.workers, &m->job);
        } else if (m->state == MEMBER_JOINED && m->group->fetching != NULL) {
            pc_fetching_raise(m->group->fetching, criticality);
        } else if (m->alone != NULL) {
            pc_fetching_raise(m->alone, criticality);
        }
    }
    pthread_mutex_unlock(&j->lock);
}

static int64_t calls_left(const pc_source *source, pc_criticality criticality, uint64_t caller)
{
    const pc_joining *j = source->self;
    return j->options.inner->calls_left(j->options.inner, criticality, caller);
}

static bool refuses(const pc_source *source, pc_fetch_kind kind)
{
    const pc_joining *j = source->self;
    return pc_source_refuses(j->options.inner, kind);
}

static void release(const pc_source *source, void *op)
{
    pc_joining *j = source->self;
    operation *passing = op;
    if (passing->joins) {
        lock_and_unref(((member *)op)->group);
        return;
    }
    j->options.inner->release(j->options.inner, passing->inner);
    free(passing);
}

pc_source pc_joining_source(pc_joining *joining)
{
    return (pc_source){.start = start,
                       .cancel = cancel,
                       .raise = raise_op,
                       .calls_left = joining->options.inner->calls_left == NULL ? NULL : calls_left,
                       .refuses = refuses,
                       .release = release,
                       .self = joining};
}

/* ---- life ------------------------------------------------------------------------------------ */

pc_status pc_joining_new(pc_joining **out, const pc_joining_options *options)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL) {
        return pc_status_out_of_memory();
    }
    (*out)->options = *options;
    pthread_mutex_init(&(*out)->lock, NULL);
    pthread_cond_init(&(*out)->ended, NULL);
    return PC_OK;
}

void pc_joining_free(pc_joining *joining)
{
    if (joining == NULL) {
        return;
    }
    pthread_mutex_lock(&joining->lock);
    while (joining->group_count > 0) {
        pthread_cond_wait(&joining->ended, &joining->lock);
    }
    pthread_mutex_unlock(&joining->lock);
    pthread_cond_destroy(&joining->ended);
    pthread_mutex_destroy(&joining->lock);
    free(joining);
}
