/* A flight: asked for, fetched (source's thread), mapped and remembered (worker), told (worker). It
 * is found by its key until its cancel or until those who wait are told, whichever is first. */
#include "context/flights.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "context/listed_keys.h"
#include "context/nameless.h"
#include "context/policies.h"
#include "context/told_names.h"
#include "util/clock.h"

enum {
    BUCKETS = 1024,
    REQUEST_BYTES_MAX = 64 * 1024,
    LINKED_MAX = 12,
    FORGOTTEN_MAX = 64,
    NAMES_BYTES_MAX = 16 * 1024 * 1024,
    KEY_TEXTS = 8 + PC_FETCH_PROPERTIES_MAX + PC_FETCH_AUDIENCES_MAX
};

struct pc_flight {
    pc_flights *flights;
    pc_part_kind kind;
    uint32_t number;
    pc_cache_key key; /* of the question */
    bool remembers;
    pc_cache_key person; /* where it remembers */
    pc_person look;      /* sandbox and merge policy, for other keys of the person; in the arena */
    uint64_t caller;     /* who pays */
    pc_trace trace;      /* of who began it */
    bool of_names;       /* of these audiences; in the arena */
    const char **ids;
    size_t id_count;
    pc_arena arena;
    int64_t began_ns;
    int64_t deadline_ns;
    pc_job job;
    pc_status status; /* of the fetch; then of the part */
    pc_slice *body;   /* owned */
    pc_slice *part;   /* owned */
    unsigned attempts;
    size_t bytes;
    /* Under the lock of all flights. */
    pc_flight *next; /* in its bucket */
    bool found;      /* is in its bucket */
    bool outdated;   /* its person was forgotten since it began: nobody joins */
    pc_waiter *waiters;
    void *op;                   /* of the source; owned */
    pc_criticality criticality; /* of the most critical who wait */
    bool cancelled;
    bool prefetch;  /* nobody has asked for it so far; counted in `prefetches` */
    int references; /* the fetch's, and that of who starts it */
};

struct pc_flights {
    pc_flights_options options;
    atomic_int_least64_t expected_us[PC_PART_COUNT];
    pc_policies policies;
    pthread_mutex_t lock; /* guards all that follows */
    pthread_cond_t ended;
    size_t count;
    size_t prefetches;
    bool closing;
    pc_flight *buckets[BUCKETS];
};

static void on_fetched(void *self, pc_status status, pc_slice *body, unsigned attempts);
static void land(pc_job *job);

/* ---- the table, under the lock --------------------------------------------------------------- */

static pc_flight **bucket_of(pc_flights *flights, const pc_cache_key *key)
{
    return &flights->buckets[key->low % BUCKETS];
}

/* One that has used up half of its time may be lost, and would fail who comes now too early. */
static bool may_join(const pc_flight *f, int64_t oldest_ns)
{
    return !f->outdated && f->began_ns >= oldest_ns &&
           pc_clock_now_ns() - f->began_ns <= (f->deadline_ns - f->began_ns) / 2;
}

static pc_flight *find(pc_flights *flights, const pc_cache_key *key, int64_t oldest_ns)
{
    pc_flight *f = *bucket_of(flights, key);
    while (f != NULL &&
           (f->key.low != key->low || f->key.high != key->high || !may_join(f, oldest_ns))) {
        f = f->next;
    }
    return f;
}

static void add(pc_flights *flights, pc_flight *f)
{
    pc_flight **bucket = bucket_of(flights, &f->key);
    f->next = *bucket;
    *bucket = f;
    f->found = true;
    flights->count++;
}

/* Nobody finds it any more. */
static void hide(pc_flights *flights, pc_flight *f)
{
    if (!f->found) {
        return;
    }
    pc_flight **link = bucket_of(flights, &f->key);
    while (*link != f) {
        link = &(*link)->next;
    }
    *link = f->next;
    f->found = false;
}

static void add_waiter(pc_flight *f, pc_waiter *w)
{
    w->flight = f;
    w->next = f->waiters;
    w->link = &f->waiters;
    if (w->next != NULL) {
        w->next->link = &w->next;
    }
    f->waiters = w;
}

static void remove_waiter(pc_waiter *w)
{
    *w->link = w->next;
    if (w->next != NULL) {
        w->next->link = w->link;
    }
    w->flight = NULL;
}

/* ---- making ---------------------------------------------------------------------------------- */

/* What is remembered is always asked for in the same way. */
static pc_cache_key key_of_part(const pc_cache_key *person, pc_part_kind kind)
{
    return (pc_cache_key){person->high, person->low ^ ((uint64_t)kind + 1)};
}

/* Everything that a fetch's answer depends on. */
static pc_cache_key key_of(const pc_flights *flights, const pc_flight_request *request)
{
    const pc_fetch_request *fetch = request->fetch;
    if (request->remember != NULL) {
        return key_of_part(request->remember, request->kind);
    }
    char numbers[160];
    const char *texts[KEY_TEXTS] = {
        fetch->person.namespace_code,
        fetch->person.id,
        fetch->person.xid,
        fetch->person.sandbox,
        fetch->person.merge_policy,
        fetch->fields,
        fetch->cursor == NULL ? "" : fetch->cursor,
        numbers,
    };
    size_t count = 8;
    (void)snprintf(numbers, sizeof numbers, "%d %u %d %d %lld %d %lld %d %zu", (int)fetch->kind,
                   request->number, fetch->limit, fetch->has_start, (long long)fetch->start_ms,
                   fetch->has_end, (long long)fetch->end_ms, fetch->oldest_first,
                   fetch->property_count);
    for (size_t i = 0; i < fetch->property_count && count < KEY_TEXTS; i++) {
        texts[count++] = fetch->properties[i];
    }
    for (size_t i = 0; i < fetch->audience_count && count < KEY_TEXTS; i++) {
        texts[count++] = fetch->audience_ids[i];
    }
    return pc_cache_key_of_texts(flights->options.keys, "f", texts, count);
}

static const char *copy(pc_arena *arena, const char *text)
{
    return pc_arena_strndup(arena, text, strlen(text));
}

/* Those that there is memory for. */
static void copy_ids(pc_flight *f, const pc_fetch_request *fetch)
{
    if (!f->of_names) {
        return;
    }
    f->ids = pc_arena_calloc(&f->arena, fetch->audience_count, sizeof *f->ids);
    for (size_t i = 0; f->ids != NULL && i < fetch->audience_count; i++) {
        f->ids[f->id_count] = copy(&f->arena, fetch->audience_ids[i]);
        f->id_count += f->ids[f->id_count] != NULL;
    }
}

static pc_flight *new_flight(pc_flights *flights, const pc_flight_request *request,
                             const pc_cache_key *key)
{
    pc_flight *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return NULL;
    }
    const pc_person *person = &request->fetch->person;
    f->flights = flights;
    f->kind = request->kind;
    f->number = request->number;
    f->key = *key;
    f->began_ns = pc_clock_now_ns();
    f->criticality = request->fetch->criticality;
    f->caller = request->fetch->caller;
    f->trace = request->fetch->trace;
    f->of_names = request->fetch->kind == PC_FETCH_AUDIENCES;
    f->deadline_ns = f->of_names ? request->fetch->deadline_ns
                                 : pc_clock_after_ms(f->began_ns, flights->options.timeout_ms);
    f->job.run = land;
    f->references = 2;
    pc_arena_init(&f->arena, NULL, 0, REQUEST_BYTES_MAX);
    f->look.sandbox = copy(&f->arena, person->sandbox);
    f->look.merge_policy = copy(&f->arena, person->merge_policy);
    copy_ids(f, request->fetch);
    if (f->look.sandbox == NULL || f->look.merge_policy == NULL) {
        pc_arena_deinit(&f->arena);
        free(f);
        return NULL;
    }
    if (request->remember != NULL && flights->options.cache != NULL) {
        f->remembers = true;
        f->person = *request->remember;
    }
    return f;
}

/* Under the lock. */
static void begin_prefetch(pc_flights *flights, pc_flight *f)
{
    f->prefetch = true;
    flights->prefetches++;
}

/* Somebody has asked, or it is over. Under the lock. */
static void end_prefetch(pc_flights *flights, pc_flight *f)
{
    flights->prefetches -= f->prefetch;
    f->prefetch = false;
}

static void unref(pc_flight *f)
{
    pc_flights *flights = f->flights;
    pthread_mutex_lock(&flights->lock);
    bool last = --f->references == 0;
    if (last) {
        end_prefetch(flights, f);
    }
    pthread_mutex_unlock(&flights->lock);
    if (!last) {
        return;
    }
    if (f->op != NULL) {
        flights->options.source->release(flights->options.source, f->op);
    }
    pc_slice_unref(f->body);
    pc_slice_unref(f->part);
    pc_status_clear(&f->status);
    pc_arena_deinit(&f->arena);
    free(f);
    pthread_mutex_lock(&flights->lock);
    if (--flights->count == 0) {
        pthread_cond_broadcast(&flights->ended);
    }
    pthread_mutex_unlock(&flights->lock);
}

/* Starts the fetch of a flight that others may find by now. A failure to start is told like any
 * other. */
static void take_off(pc_flights *flights, pc_flight *f, const pc_flight_request *request)
{
    const pc_source *source = flights->options.source;
    pc_fetch_request fetch = *request->fetch;
    fetch.deadline_ns = f->deadline_ns;
    void *op = NULL;
    pc_status status = source->start(source, &fetch, on_fetched, f, &op);
    if (!pc_status_ok(&status)) {
        f->status = status;
        pc_workers_run(flights->options.workers, &f->job);
        unref(f);
        return;
    }
    pthread_mutex_lock(&flights->lock);
    f->op = op;
    bool unwanted = f->cancelled;
    if (f->criticality < fetch.criticality && source->raise != NULL) {
        source->raise(source, op, f->criticality);
    }
    pthread_mutex_unlock(&flights->lock);
    if (unwanted) {
        source->cancel(source, op);
    }
    unref(f);
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* Between the look of who asks and this one a flight may have landed, which remembers first and is
 * hidden then. Under the lock; the part is a reference for the caller. */
static bool has_landed(pc_cached *out, const pc_flights *flights, const pc_flight_request *request)
{
    *out = (pc_cached){.part = NULL};
    if (request->remember == NULL || flights->options.cache == NULL ||
        !pc_cache_get(flights->options.cache, request->remember, request->kind, false, out)) {
        return false;
    }
    /* Whose events a listed key leads to is for the asker to judge, who would ask again. */
    bool good = out->part != NULL && out->fetched_ns > request->seen_ns &&
                out->fetched_ns >= request->oldest_ns &&
                (request->kind == PC_PART_PROFILE || out->listed_ns == 0);
    if (!good) {
        pc_slice_unref(out->part);
    } else if (out->prefetched) {
        pc_cache_note_given(flights->options.cache, request->remember, request->kind);
    }
    return good;
}

/* Under the lock. Raising does not call back. */
static void raise_to(pc_flights *flights, pc_flight *f, pc_criticality criticality)
{
    const pc_source *source = flights->options.source;
    if (criticality < f->criticality) {
        f->criticality = criticality;
        if (f->op != NULL && source->raise != NULL) {
            source->raise(source, f->op, criticality);
        }
    }
}

pc_status pc_flights_join(pc_flights *flights, const pc_flight_request *request, pc_waiter *waiter)
{
    const pc_cache_key key = key_of(flights, request);
    pthread_mutex_lock(&flights->lock);
    pc_flight *f = find(flights, &key, request->oldest_ns);
    pc_cached landed;
    if (f == NULL && has_landed(&landed, flights, request)) {
        pthread_mutex_unlock(&flights->lock);
        pc_flight_result result = {.part = landed.part, .fetched_ns = landed.fetched_ns};
        waiter->told(waiter, &result);
        pc_slice_unref(landed.part);
        return PC_OK;
    }
    waiter->leads = f == NULL;
    if (f == NULL) {
        f = new_flight(flights, request, &key);
        if (f == NULL) {
            pthread_mutex_unlock(&flights->lock);
            return pc_status_out_of_memory();
        }
        add(flights, f);
    }
    add_waiter(f, waiter);
    end_prefetch(flights, f);
    raise_to(flights, f, request->fetch->criticality);
    pthread_mutex_unlock(&flights->lock);
    if (waiter->leads) {
        take_off(flights, f, request);
    }
    return PC_OK;
}

/* A flight without anyone who wants it. Under the lock; the operation to cancel, if any. */
static void *give_up(pc_flights *flights, pc_flight *f)
{
    hide(flights, f);
    f->cancelled = true;
    return f->op;
}

bool pc_flights_leave(pc_flights *flights, pc_waiter *waiter, bool lost_interest)
{
    const pc_source *source = flights->options.source;
    pthread_mutex_lock(&flights->lock);
    pc_flight *f = waiter->flight;
    if (f == NULL) {
        pthread_mutex_unlock(&flights->lock);
        return false;
    }
    remove_waiter(waiter);
    void *op = NULL;
    if (f->waiters == NULL && (lost_interest || !(f->remembers || f->of_names))) {
        op = give_up(flights, f);
    }
    if (op != NULL) {
        /* Cancelling does not call back, so it may happen under the lock, which keeps the operation
         * alive. */
        source->cancel(source, op);
    }
    pthread_mutex_unlock(&flights->lock);
    return true;
}

void pc_flights_refresh(pc_flights *flights, const pc_flight_request *request)
{
    if (flights->options.cache == NULL || request->remember == NULL ||
        pc_source_refuses(flights->options.source, request->fetch->kind)) {
        return;
    }
    const pc_cache_key key = key_of(flights, request);
    pthread_mutex_lock(&flights->lock);
    pc_flight *f = NULL;
    if (!flights->closing && find(flights, &key, 0) == NULL) {
        f = new_flight(flights, request, &key);
        if (f != NULL) {
            add(flights, f);
        }
    }
    pthread_mutex_unlock(&flights->lock);
    if (f != NULL) {
        take_off(flights, f, request);
    }
}

bool pc_flights_prefetch(pc_flights *flights, const pc_flight_request *request)
{
    const pc_cache_key key = key_of(flights, request);
    pthread_mutex_lock(&flights->lock);
    bool under_way = find(flights, &key, request->oldest_ns) != NULL;
    bool has_room = flights->prefetches < flights->options.prefetches_max && !flights->closing;
    pc_flight *f = under_way || !has_room ? NULL : new_flight(flights, request, &key);
    if (f != NULL) {
        begin_prefetch(flights, f);
        add(flights, f);
    }
    pthread_mutex_unlock(&flights->lock);
    if (f != NULL) {
        take_off(flights, f, request);
    }
    return under_way || f != NULL;
}

/* ---- landing --------------------------------------------------------------------------------- */

static void on_fetched(void *self, pc_status status, pc_slice *body, unsigned attempts)
{
    pc_flight *f = self;
    f->status = status;
    f->body = pc_slice_ref(body);
    f->bytes = pc_slice_size(body);
    f->attempts = attempts;
    pc_workers_run(f->flights->options.workers, &f->job);
}

static void note_duration(pc_flights *flights, const pc_flight *f)
{
    atomic_int_least64_t *expected = &flights->expected_us[f->kind];
    int64_t took = (pc_clock_now_ns() - f->began_ns) / 1000;
    int64_t before = atomic_load_explicit(expected, memory_order_relaxed);
    int64_t now = before == 0 ? took : before + (took - before) / 8;
    atomic_store_explicit(expected, now < 1 ? 1 : now, memory_order_relaxed);
}

/* What of a failure is worth remembering. */
static pc_nothing nothing_of(const pc_status *status)
{
    const char *reason = pc_status_reason(status);
    if (status->code == PC_CODE_NOT_FOUND) {
        return PC_NOTHING_UNKNOWN;
    }
    if (strcmp(reason, "EVENTS_NOT_ENABLED") == 0) {
        return PC_NOTHING_REFUSED;
    }
    if (strcmp(reason, "UPSTREAM_TOO_MANY_IDENTITIES") == 0) {
        return PC_NOTHING_TOO_MANY;
    }
    return PC_NOTHING_NOT;
}

/* That the identity which events were asked by is still the person's own is what the profile says
 * that is remembered, while it is young enough to be believed in that. */
static size_t vouching_keys(pc_cache_key *out, size_t most, pc_flight *f)
{
    const pc_flights_options *options = &f->flights->options;
    pc_cached profile;
    size_t count = 0;
    if (!pc_cache_get(options->cache, &f->person, PC_PART_PROFILE, false, &profile)) {
        return 0;
    }
    int64_t age_ms = (f->began_ns - profile.fetched_ns) / 1000000;
    if (profile.part != NULL && age_ms <= options->listed_ms) {
        pc_profile_part part;
        pc_profile_part_read(&part, profile.part);
        count = pc_listed_keys(out, most, options->keys, &f->look, &f->arena, &part);
    }
    pc_slice_unref(profile.part);
    return count;
}

static bool is_prefetch(pc_flight *f)
{
    pthread_mutex_lock(&f->flights->lock);
    bool is = f->prefetch;
    pthread_mutex_unlock(&f->flights->lock);
    return is;
}

static void remember(pc_flight *f)
{
    const pc_flights_options *options = &f->flights->options;
    pc_cache_key keys[2 + LINKED_MAX] = {f->person};
    size_t count = 1;
    size_t sure = 1;
    const pc_cached data = {.part = f->part,
                            .nothing = f->part == NULL ? nothing_of(&f->status) : PC_NOTHING_NOT,
                            .fetched_ns = f->began_ns,
                            .prefetched = is_prefetch(f)};
    /* That there is nothing need not be found again to be forgotten, and is what the upstream says
     * of policies that there are not. */
    if (data.part == NULL
            ? data.nothing == PC_NOTHING_NOT
            : !pc_policies_add(&f->flights->policies, f->look.merge_policy, f->caller)) {
        return;
    }
    if (f->part != NULL && f->kind == PC_PART_PROFILE) {
        pc_profile_part part;
        pc_profile_part_read(&part, f->part);
        if (pc_xid_key(&keys[count], options->keys, &f->look, &part)) {
            count++;
            sure++;
        }
        if (options->link_identities) {
            count +=
                pc_listed_keys(keys + count, LINKED_MAX, options->keys, &f->look, &f->arena, &part);
        }
    } else if (f->part != NULL && options->link_identities) {
        count += vouching_keys(keys + count, LINKED_MAX, f);
    }
    pc_cache_put(options->cache, keys, count, sure, f->kind, &data);
}

static void make_part(pc_flight *f)
{
    const pc_part_rules *rules = f->flights->options.rules;
    pc_span span;
    note_duration(f->flights, f);
    pc_span_begin(&span, &f->trace, f->kind == PC_PART_PROFILE ? "map profile" : "map events",
                  PC_SPAN_INTERNAL);
    pc_span_int(&span, "profilecontext.body_bytes", (int64_t)f->bytes);
    f->status = f->kind == PC_PART_PROFILE
                    ? pc_profile_part_make(&f->part, rules, f->look.sandbox, f->body)
                    : pc_events_part_make(&f->part, rules, f->number, f->body);
    pc_span_end(&span, &f->status);
    pc_slice_unref(f->body);
    f->body = NULL;
}

static void keep_names(pc_flight *f)
{
    const pc_part_rules *rules = f->flights->options.rules;
    pc_arena arena;
    pc_arena_init(&arena, NULL, 0, NAMES_BYTES_MAX);
    pc_told_names_keep(rules->names, f->look.sandbox, f->ids, f->id_count, &f->status, f->body,
                       &arena);
    pc_arena_deinit(&arena);
}

/* One flight for the first names that a prefetched profile lacks: it goes in the place of the
 * profile's own, which has landed. */
static void prefetch_names_of(pc_flight *f, const pc_profile_part *part)
{
    pc_flights *flights = f->flights;
    const char *ids[PC_FETCH_AUDIENCES_MAX];
    pc_nameless nameless;
    int64_t now_ns = pc_clock_now_ns();
    pc_nameless_init(&nameless, part, flights->options.rules->names, f->look.sandbox, now_ns);
    const pc_fetch_request fetch = {
        .kind = PC_FETCH_AUDIENCES,
        .person = {.sandbox = f->look.sandbox, .merge_policy = ""},
        .criticality = PC_CRITICALITY_PREFETCH,
        .caller = f->caller,
        .deadline_ns = pc_clock_after_ms(now_ns, flights->options.timeout_ms),
        .audience_ids = ids,
        .audience_count = pc_nameless_next(ids, PC_FETCH_AUDIENCES_MAX, &nameless, &f->arena),
    };
    const pc_flight_request request = {.fetch = &fetch};
    if (fetch.audience_count == 0) {
        return;
    }
    pthread_mutex_lock(&flights->lock);
    end_prefetch(flights, f);
    pthread_mutex_unlock(&flights->lock);
    (void)pc_flights_prefetch(flights, &request);
}

static void prefetch_names(pc_flight *f)
{
    if (f->part == NULL || f->kind != PC_PART_PROFILE || !is_prefetch(f)) {
        return;
    }
    pc_profile_part part;
    pc_profile_part_read(&part, f->part);
    if (part.segments_verdict.lacks_names) {
        prefetch_names_of(f, &part);
    }
}

/* All at once, so that those who are told first cannot be found by those who come later. */
static pc_waiter *take_waiters(pc_flight *f)
{
    pthread_mutex_lock(&f->flights->lock);
    hide(f->flights, f);
    pc_waiter *waiters = f->waiters;
    f->waiters = NULL;
    for (pc_waiter *w = waiters; w != NULL; w = w->next) {
        w->flight = NULL;
    }
    pthread_mutex_unlock(&f->flights->lock);
    return waiters;
}

static void land(pc_job *job)
{
    pc_flight *f = PC_CONTAINER_OF(job, pc_flight, job);
    if (f->of_names) {
        keep_names(f);
    } else if (pc_status_ok(&f->status)) {
        make_part(f);
    }
    if (f->remembers) {
        remember(f);
        prefetch_names(f);
    }
    for (pc_waiter *w = take_waiters(f); w != NULL;) {
        pc_waiter *next = w->next;
        pc_flight_result result = {.status = pc_status_copy(&f->status),
                                   .part = f->part,
                                   .fetched_ns = f->began_ns,
                                   .attempts = w->leads ? f->attempts : 0,
                                   .bytes = w->leads ? f->bytes : 0};
        w->told(w, &result);
        w = next;
    }
    unref(f);
}

/* ---- forgetting ------------------------------------------------------------------------------ */

/* All keys of a person that are known. */
static size_t known_keys(pc_cache_key *out, const pc_flights_options *options,
                         const pc_person *person)
{
    pc_cached profile;
    size_t count = 1;
    out[0] = pc_cache_key_of(options->keys, person);
    if (!pc_cache_get(options->cache, &out[0], PC_PART_PROFILE, false, &profile) ||
        profile.part == NULL) {
        return count;
    }
    pc_arena arena;
    pc_profile_part part;
    pc_arena_init(&arena, NULL, 0, REQUEST_BYTES_MAX);
    pc_profile_part_read(&part, profile.part);
    count += pc_xid_key(&out[count], options->keys, person, &part);
    count +=
        pc_listed_keys(out + count, FORGOTTEN_MAX - count, options->keys, person, &arena, &part);
    pc_arena_deinit(&arena);
    pc_slice_unref(profile.part);
    return count;
}

static void forget_under_policy(pc_flights *flights, const pc_person *person)
{
    pc_cache_key keys[FORGOTTEN_MAX];
    size_t count = known_keys(keys, &flights->options, person);
    pthread_mutex_lock(&flights->lock);
    for (size_t i = 0; i < count * PC_PART_COUNT; i++) {
        const pc_cache_key asked =
            key_of_part(&keys[i / PC_PART_COUNT], (pc_part_kind)(i % PC_PART_COUNT));
        pc_flight *f = find(flights, &asked, 0);
        if (f != NULL) {
            f->outdated = true;
        }
    }
    pthread_mutex_unlock(&flights->lock);
    int64_t now_ns = pc_clock_now_ns();
    for (size_t i = 0; i < count; i++) {
        pc_cache_forget(flights->options.cache, &keys[i], now_ns);
    }
}

void pc_flights_forget(pc_flights *flights, const pc_person *person)
{
    pc_person under = *person;
    /* Its own as well: what is under way there may be the first to be remembered. */
    forget_under_policy(flights, person);
    for (size_t i = 0; (under.merge_policy = pc_policies_at(&flights->policies, i)) != NULL; i++) {
        if (strcmp(under.merge_policy, person->merge_policy) != 0) {
            forget_under_policy(flights, &under);
        }
    }
}

int64_t pc_flights_expected_ms(const pc_flights *flights, pc_part_kind kind)
{
    return atomic_load_explicit(&flights->expected_us[kind], memory_order_relaxed) / 1000;
}

/* ---- life ------------------------------------------------------------------------------------ */

pc_status pc_flights_new(pc_flights **out, const pc_flights_options *options)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL) {
        return pc_status_out_of_memory();
    }
    (*out)->options = *options;
    pc_policies_init(&(*out)->policies, options->merge_policy == NULL ? "" : options->merge_policy);
    pthread_mutex_init(&(*out)->lock, NULL);
    pthread_cond_init(&(*out)->ended, NULL);
    return PC_OK;
}

static void cancel_all(pc_flights *flights)
{
    const pc_source *source = flights->options.source;
    for (size_t i = 0; i < BUCKETS; i++) {
        while (flights->buckets[i] != NULL) {
            void *op = give_up(flights, flights->buckets[i]);
            if (op != NULL) {
                source->cancel(source, op);
            }
        }
    }
}

void pc_flights_free(pc_flights *flights)
{
    if (flights == NULL) {
        return;
    }
    pthread_mutex_lock(&flights->lock);
    flights->closing = true;
    cancel_all(flights);
    while (flights->count > 0) {
        pthread_cond_wait(&flights->ended, &flights->lock);
    }
    pthread_mutex_unlock(&flights->lock);
    pthread_cond_destroy(&flights->ended);
    pthread_mutex_destroy(&flights->lock);
    pc_policies_deinit(&flights->policies);
    free(flights);
}
