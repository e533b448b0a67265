/* A list of tasks, each one fetch about some persons. What a task finds out may add tasks; when
 * none is left the batch is done. */
#include "context/batch_profiles.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "context/batch_entry.h"
#include "context/batch_match.h"
#include "context/fetching.h"
#include "context/section_bytes.h"
#include "mapping/identity_answers.h"
#include "mapping_tables.h"
#include "util/clock.h"

enum { ARENA_BYTES_MAX = 256 * 1024 * 1024 };

/* Steps of a group of persons, in order; any may be the last:
 *   TASK_CHUNK   their first request
 *   TASK_XID     XIDs for those whose entry was not found, one by one, while the answer is kept
 *   TASK_AGAIN   those left over, together
 *   TASK_SINGLE  one person */
typedef enum { TASK_CHUNK, TASK_XID, TASK_AGAIN, TASK_SINGLE } task_kind;

/* The persons of a chunk whose XIDs are being asked for. In the arena. */
typedef struct {
    pc_slice *answer; /* the chunk's; owned */
    size_t *persons;
    size_t count;
    size_t waiting; /* XIDs that are not known yet */
    pc_known_xid *known;
    size_t known_count;
} xid_group;

typedef struct task {
    struct task *next;
    struct pc_batch *batch;
    task_kind kind;
    size_t count;
    xid_group *group;      /* of TASK_XID */
    size_t place;          /* of TASK_XID: in the group */
    pc_fetching *fetching; /* owned; while under way */
    size_t persons[];      /* places */
} task;

struct pc_batch {
    const pc_gatherer *gatherer;
    pc_batch_plan plan;
    void (*done)(void *self, const pc_batch_results *results);
    void *self;
    pthread_mutex_t lock; /* guards all that follows */
    pc_arena arena;
    task *waiting; /* to be started, oldest first */
    task **waiting_end;
    task *running;
    size_t running_count;
    bool cancelled;
    bool ended;
    pc_batch_result *results;
    bool *settled; /* by person */
    pc_batch_results all;
    int references; /* the work's and the starter's */
    pc_job first;
};

static void on_fetched(void *self, pc_status status, pc_slice *body, unsigned attempts);

/* ---- results --------------------------------------------------------------------------------- */

/* Takes `failure`. The first verdict about a person stays. */
static void fail_person(pc_batch *b, size_t person, pc_status failure)
{
    if (b->settled[person]) {
        pc_status_clear(&failure);
        return;
    }
    b->settled[person] = true;
    b->results[person].failure = failure;
}

static void fail_all(pc_batch *b, const task *t, const pc_status *failure)
{
    for (size_t i = 0; i < t->count; i++) {
        size_t person = t->persons[i];
        if (!b->settled[person]) {
            b->results[person].failed_with_others = t->count > 1;
        }
        fail_person(b, person, pc_status_copy(failure));
    }
}

static void settle_entry(pc_batch *b, size_t person, const pc_profile_envelope *entry)
{
    if (b->settled[person]) {
        return;
    }
    pc_status failure = pc_entry_failure(entry);
    if (!pc_status_ok(&failure)) {
        fail_person(b, person, failure);
        return;
    }
    pc_buffer profile;
    pc_buffer_init(&profile, b->gatherer->body_bytes_max);
    static const uint8_t empty[] = "{}";
    bool has_entity = entry->entity.size > 0;
    pc_status status = pc_transcode(&profile, has_entity ? entry->entity.bytes : empty,
                                    has_entity ? entry->entity.size : 2, &pc_table_Profile, NULL);
    pc_slice *slice = pc_status_ok(&status) ? pc_buffer_take_slice(&profile) : NULL;
    pc_buffer_deinit(&profile);
    slice = pc_mask_message(slice, b->plan.mask, b->gatherer->body_bytes_max);
    if (slice == NULL) {
        fail_person(b, person, pc_status_ok(&status) ? pc_status_out_of_memory() : status);
        return;
    }
    b->settled[person] = true;
    b->results[person].profile = slice;
    b->results[person].last_modified = entry->last_modified;
    b->results[person].xid = entry->xid;
}

/* ---- tasks ----------------------------------------------------------------------------------- */

/* Adds a task about `count` persons; when there is no memory for it they fail. */
static task *add_task(pc_batch *b, task_kind kind, const size_t *persons, size_t count)
{
    if (count == 0) {
        return NULL;
    }
    task *t = malloc(sizeof *t + count * sizeof persons[0]);
    if (t == NULL) {
        for (size_t i = 0; i < count; i++) {
            fail_person(b, persons[i], pc_status_out_of_memory());
        }
        return NULL;
    }
    *t = (task){.batch = b, .kind = kind, .count = count};
    memcpy(t->persons, persons, count * sizeof persons[0]);
    *b->waiting_end = t;
    b->waiting_end = &t->next;
    return t;
}

static void add_singles(pc_batch *b, const size_t *persons, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)add_task(b, TASK_SINGLE, &persons[i], 1);
    }
}

static void free_task(task *t)
{
    pc_fetching_release(t->fetching);
    free(t);
}

static pc_status start_fetch(pc_batch *b, task *t)
{
    const pc_batch_plan *plan = &b->plan;
    pc_fetch_request request = {
        .person = {.sandbox = plan->sandbox, .merge_policy = plan->merge_policy},
        .fields = plan->fields,
        .request_id = plan->request_id,
        .trace = plan->trace,
        .criticality = plan->criticality,
        .caller = plan->caller,
        .deadline_ns = plan->close_ns,
    };
    if (t->kind == TASK_SINGLE || t->kind == TASK_XID) {
        const pc_person_ref *ref = &plan->persons[t->persons[0]];
        request.kind = t->kind == TASK_XID ? PC_FETCH_XID : PC_FETCH_PROFILE;
        request.person.namespace_code = ref->namespace_code;
        request.person.id = ref->id;
        request.person.xid = ref->xid;
        request.alone = true;
        return pc_fetching_start(&t->fetching, b->gatherer->source, b->gatherer->workers, &request,
                                 on_fetched, t);
    }
    pc_person_ref *refs = calloc(t->count, sizeof *refs);
    if (refs == NULL) {
        return pc_status_out_of_memory();
    }
    for (size_t i = 0; i < t->count; i++) {
        refs[i] = plan->persons[t->persons[i]];
    }
    request.kind = PC_FETCH_PROFILES;
    request.refs = refs;
    request.ref_count = t->count;
    pc_status status = pc_fetching_start(&t->fetching, b->gatherer->source, b->gatherer->workers,
                                         &request, on_fetched, t);
    free(refs);
    return status;
}

static void unref(pc_batch *b)
{
    pthread_mutex_lock(&b->lock);
    bool last = --b->references == 0;
    pthread_mutex_unlock(&b->lock);
    if (!last) {
        return;
    }
    for (size_t i = 0; i < b->plan.person_count; i++) {
        pc_status_clear(&b->results[i].failure);
        pc_slice_unref(b->results[i].profile);
    }
    pc_arena_deinit(&b->arena);
    pthread_mutex_destroy(&b->lock);
    free(b->results);
    free(b->settled);
    free(b);
}

/* Why a task is not worth starting; OK when it is. With the lock. */
static pc_status reason_to_stop(const pc_batch *b)
{
    if (b->cancelled) {
        return pc_status_new(PC_CODE_CANCELLED, "CALLER_GONE", "the caller has gone");
    }
    if (pc_clock_now_ns() >= b->plan.close_ns) {
        return pc_status_new(PC_CODE_DEADLINE_EXCEEDED, "UPSTREAM_LATE",
                             "the upstream did not answer before the deadline");
    }
    return PC_OK;
}

static void on_xid(pc_batch *b, task *t, pc_status status, const pc_slice *body);

/* A task that was not started. Takes `status`. */
static void drop_task(pc_batch *b, task *t, pc_status status)
{
    fail_all(b, t, &status);
    if (t->kind == TASK_XID) {
        on_xid(b, t, status, NULL);
    } else {
        pc_status_clear(&status);
    }
    free_task(t);
}

static void unlink_running(pc_batch *b, task *t)
{
    for (task **link = &b->running; *link != NULL; link = &(*link)->next) {
        if (*link == t) {
            *link = t->next;
            b->running_count--;
            return;
        }
    }
}

/* Starts what may be started, and ends the batch when nothing is left. Comes with the lock, which
 * is held while the source is called, whose answers come on other threads and wait for it; gives it
 * back, and then the batch may be gone. */
static void go_on_and_unlock(pc_batch *b)
{
    while (b->waiting != NULL && b->running_count < b->plan.parallel) {
        task *t = b->waiting;
        b->waiting = t->next;
        if (b->waiting == NULL) {
            b->waiting_end = &b->waiting;
        }
        pc_status status = reason_to_stop(b);
        if (pc_status_ok(&status)) {
            t->next = b->running;
            b->running = t;
            b->running_count++;
            status = start_fetch(b, t);
            if (!pc_status_ok(&status)) {
                unlink_running(b, t);
            }
        }
        if (!pc_status_ok(&status)) {
            drop_task(b, t, status);
        }
    }
    bool end = b->running_count == 0 && b->waiting == NULL && !b->ended;
    b->ended = b->ended || end;
    pthread_mutex_unlock(&b->lock);
    if (end) {
        b->all.fetched_wall_ms = pc_clock_wall_ms();
        b->all.results = b->results;
        b->done(b->self, &b->all);
        unref(b);
    }
}

/* ---- answers, with the lock ------------------------------------------------------------------ */

typedef struct {
    size_t *left; /* persons without an entry */
    size_t left_count;
    size_t *singles; /* persons whose entry was merged in another way */
    size_t single_count;
    bool has_unmatched_entries;
} leftovers;

static pc_status settle_matches(pc_batch *b, const size_t *persons, size_t count,
                                const pc_slice *body, const pc_known_xid *known, size_t known_count,
                                leftovers *out)
{
    pc_batch_entries entries;
    *out = (leftovers){.left = pc_arena_calloc(&b->arena, count, sizeof *out->left),
                       .singles = pc_arena_calloc(&b->arena, count, sizeof *out->singles)};
    pc_person_ref *refs = pc_arena_calloc(&b->arena, count, sizeof *refs);
    int *matches = pc_arena_calloc(&b->arena, count, sizeof *matches);
    if (out->left == NULL || out->singles == NULL || refs == NULL || matches == NULL) {
        return pc_status_out_of_memory();
    }
    for (size_t i = 0; i < count; i++) {
        refs[i] = b->plan.persons[persons[i]];
    }
    pc_status status =
        pc_batch_entries_read(&entries, &b->arena, pc_slice_bytes(body), pc_slice_size(body));
    if (pc_status_ok(&status)) {
        status = pc_batch_match(matches, &b->arena, refs, count, &entries, known, known_count);
    }
    size_t matched = 0;
    for (size_t i = 0; pc_status_ok(&status) && i < count; i++) {
        size_t person = persons[i];
        if (matches[i] == PC_NO_ENTRY) {
            out->left[out->left_count++] = person;
        } else if (matches[i] == PC_UNKNOWN_PERSON) {
            fail_person(b, person, pc_entry_unknown());
            matched++;
        } else if (!pc_entry_merged_by(&entries.entries[matches[i]], b->plan.merge_policy)) {
            out->singles[out->single_count++] = person;
            matched++;
        } else {
            settle_entry(b, person, &entries.entries[matches[i]]);
            matched++;
        }
    }
    out->has_unmatched_entries = entries.count > matched;
    return status;
}

/* Asks for those left over of `asked` persons. */
static void ask_again(pc_batch *b, task_kind kind, size_t asked, const leftovers *rest)
{
    add_singles(b, rest->singles, rest->single_count);
    /* When none of them was in the answer, asking for the same again tells nothing new. */
    if (rest->left_count > 1 && rest->left_count < asked && kind != TASK_AGAIN) {
        (void)add_task(b, TASK_AGAIN, rest->left, rest->left_count);
    } else {
        add_singles(b, rest->left, rest->left_count);
    }
}

static bool all_by_identity(const pc_batch *b, const size_t *persons, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (b->plan.persons[persons[i]].xid != NULL) {
            return false;
        }
    }
    return true;
}

/* False when there is no memory for it: then the other ways remain. */
static bool ask_xids(pc_batch *b, const leftovers *rest, pc_slice *answer)
{
    xid_group *group = pc_arena_calloc(&b->arena, 1, sizeof *group);
    pc_known_xid *known = pc_arena_calloc(&b->arena, rest->left_count, sizeof *known);
    if (group == NULL || known == NULL) {
        return false;
    }
    *group = (xid_group){.answer = pc_slice_ref(answer),
                         .persons = rest->left,
                         .count = rest->left_count,
                         .known = known};
    for (size_t i = 0; i < rest->left_count; i++) {
        task *t = add_task(b, TASK_XID, &rest->left[i], 1);
        if (t != NULL) {
            t->group = group;
            t->place = i;
            group->waiting++;
        }
    }
    if (group->waiting == 0) {
        pc_slice_unref(group->answer);
    }
    return true;
}

static void on_chunk(pc_batch *b, task *t, pc_status status, pc_slice *body)
{
    const char *reason = pc_status_reason(&status);
    bool too_large = strcmp(reason, "UPSTREAM_REJECTED_REQUEST") == 0 ||
                     strcmp(reason, "UPSTREAM_REQUEST_TOO_LARGE") == 0;
    if (too_large && t->count > 1) {
        pc_status_clear(&status);
        size_t half = t->count / 2;
        (void)add_task(b, t->kind, t->persons, half);
        (void)add_task(b, t->kind, t->persons + half, t->count - half);
        return;
    }
    leftovers rest;
    if (pc_status_ok(&status)) {
        status = settle_matches(b, t->persons, t->count, body, NULL, 0, &rest);
    }
    if (!pc_status_ok(&status)) {
        fail_all(b, t, &status);
        pc_status_clear(&status);
        return;
    }
    bool xids_help = b->plan.has_identity_service && t->kind == TASK_CHUNK && rest.left_count > 0 &&
                     rest.has_unmatched_entries && all_by_identity(b, rest.left, rest.left_count);
    if (xids_help && ask_xids(b, &rest, body)) {
        add_singles(b, rest.singles, rest.single_count);
    } else {
        ask_again(b, t->kind, t->count, &rest);
    }
}

/* The last XID of a group has come, or will not. */
static void match_group(pc_batch *b, xid_group *group)
{
    leftovers rest;
    pc_status status = settle_matches(b, group->persons, group->count, group->answer, group->known,
                                      group->known_count, &rest);
    pc_slice_unref(group->answer);
    if (!pc_status_ok(&status)) {
        for (size_t i = 0; i < group->count; i++) {
            fail_person(b, group->persons[i], pc_status_copy(&status));
        }
        pc_status_clear(&status);
        return;
    }
    /* They were asked for together with others before, so asking for them together is new. */
    ask_again(b, TASK_XID, group->count + 1, &rest);
}

static void on_xid(pc_batch *b, task *t, pc_status status, const pc_slice *body)
{
    xid_group *group = t->group;
    const char *xid = "";
    if (pc_status_ok(&status)) {
        status = pc_xid_read(&xid, &b->arena, pc_slice_bytes(body), pc_slice_size(body));
    }
    /* Without it the other ways remain. */
    pc_status_clear(&status);
    if (xid[0] != '\0') {
        group->known[group->known_count++] = (pc_known_xid){t->place, xid};
    }
    if (--group->waiting == 0) {
        match_group(b, group);
    }
}

static void on_single(pc_batch *b, task *t, pc_status status, pc_slice *body)
{
    pc_profile_envelope entry;
    if (pc_status_ok(&status)) {
        status = pc_envelope_profile(&entry, &b->arena, pc_slice_bytes(body), pc_slice_size(body));
    }
    if (pc_status_ok(&status)) {
        settle_entry(b, t->persons[0], &entry);
    } else {
        fail_person(b, t->persons[0], status);
    }
}

static void on_fetched(void *self, pc_status status, pc_slice *body, unsigned attempts)
{
    task *t = self;
    pc_batch *b = t->batch;
    pthread_mutex_lock(&b->lock);
    b->all.upstream_calls += attempts;
    b->all.upstream_bytes += pc_slice_size(body);
    switch (t->kind) {
    case TASK_XID:
        on_xid(b, t, status, body);
        break;
    case TASK_SINGLE:
        on_single(b, t, status, body);
        break;
    default:
        on_chunk(b, t, status, body);
        break;
    }
    unlink_running(b, t);
    /* Without a gap: in one, another task's answer could end the batch. */
    go_on_and_unlock(b);
    free_task(t);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void begin(pc_job *job)
{
    pc_batch *b = PC_CONTAINER_OF(job, pc_batch, first);
    pthread_mutex_lock(&b->lock);
    go_on_and_unlock(b);
}

static void add_chunks(pc_batch *b)
{
    size_t *places = pc_arena_calloc(&b->arena, b->plan.person_count, sizeof *places);
    for (size_t i = 0; i < b->plan.person_count; i++) {
        if (places == NULL) {
            fail_person(b, i, pc_status_out_of_memory());
        } else {
            places[i] = i;
        }
    }
    for (size_t i = 0; places != NULL && i < b->plan.person_count; i += b->plan.chunk) {
        size_t left = b->plan.person_count - i;
        (void)add_task(b, TASK_CHUNK, places + i, left < b->plan.chunk ? left : b->plan.chunk);
    }
}

pc_status pc_batch_start(pc_batch **out, const pc_gatherer *gatherer, const pc_batch_plan *plan,
                         void (*done)(void *self, const pc_batch_results *results), void *self)
{
    *out = NULL;
    pc_batch *b = calloc(1, sizeof *b);
    pc_batch_result *results = calloc(plan->person_count + 1, sizeof *results);
    bool *settled = calloc(plan->person_count + 1, sizeof *settled);
    if (b == NULL || results == NULL || settled == NULL) {
        free(b);
        free(results);
        free(settled);
        return pc_status_out_of_memory();
    }
    for (size_t i = 0; i < plan->person_count; i++) {
        results[i].xid = "";
    }
    b->gatherer = gatherer;
    b->plan = *plan;
    b->done = done;
    b->self = self;
    b->results = results;
    b->settled = settled;
    b->waiting_end = &b->waiting;
    b->references = 2;
    pthread_mutex_init(&b->lock, NULL);
    pc_arena_init(&b->arena, NULL, 0, ARENA_BYTES_MAX);
    b->first.run = begin;
    add_chunks(b);
    *out = b;
    /* On a worker, so that `done` never comes within this call. */
    pc_workers_run(gatherer->workers, &b->first);
    return PC_OK;
}

void pc_batch_cancel(pc_batch *b)
{
    pthread_mutex_lock(&b->lock);
    b->cancelled = true;
    for (task *t = b->running; t != NULL; t = t->next) {
        if (t->fetching != NULL) {
            pc_fetching_cancel(t->fetching);
        }
    }
    pthread_mutex_unlock(&b->lock);
}

void pc_batch_release(pc_batch *b)
{
    if (b != NULL) {
        unref(b);
    }
}
