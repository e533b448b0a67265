/* One gathering: a part for the profile (which also holds segments, identities and insights), one
 * for events, and where segments lack names, some fetches for audiences. */
#include "context/gather.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "context/nameless.h"
#include "context/section_bytes.h"
#include "context/settle.h"
#include "util/clock.h"

enum {
    ARENA_BYTES_MAX = 16 * 1024 * 1024,
    NAME_FETCHES_MAX = 10,
    AT_ONCE_BYTES_MAX = 128 * 1024, /* of the parts that a summary is made of: some 50 us */
    SUMMARY_ARENA_BYTES = 4096
};

/* A flight that is waited for. */
typedef struct {
    pc_gathering *gathering;
    pc_waiter waiter;
    bool waits;   /* under the gathering's lock */
    pc_span span; /* of the waiting */
    pc_job job;   /* what follows once told */
} awaited;

/* A part on its way. */
typedef struct {
    pc_part_kind kind;
    awaited flight;
    int64_t seen_ns; /* when what is remembered was fetched; 0: nothing is */
    bool tried_again;
    /* Set before the flight's job is given. */
    pc_status status;
    pc_part_source source; /* its part is owned; NULL on failure */
    /* What is given where the flight fails or is late; owned. */
    pc_part_source fallback;
    pc_nothing fallback_nothing; /* the same where it is that there is none */
} part_fetch;

struct pc_gathering {
    const pc_gatherer *gatherer;
    pc_gather_plan plan;
    pc_gather_callbacks callbacks;
    pc_arena arena;           /* of whichever mapping job runs; used under map_lock */
    pthread_mutex_t map_lock; /* one mapping job of a gathering at a time; taken before `lock` */
    pthread_mutex_t lock;     /* guards: pending to handles, `waits` */
    int pending;              /* fetches that are not mapped yet */
    unsigned upstream_calls;  /* of those that have been answered */
    size_t upstream_bytes;
    bool closed; /* the result is settled: later arrivals are dropped */
    bool cancelled;
    int references; /* of the work: the closing, each fetch under way, the timer */
    int handles;    /* of the memory: the work, and the starter's */
    pc_timer timer;
    pc_job close_job;
    pc_cache_key key; /* of the person */
    part_fetch parts[PC_PART_COUNT];
    awaited names[NAME_FETCHES_MAX];
    pc_part_source nameless; /* the profile part whose segments are still to be finished */
    pc_gathered gathered;
};

/* Steps: start_parts (on the starter's thread); for each part on_part (worker, brief) and map_part
 * (worker); where names are missing fetch_names (worker), on_names (worker, brief),
 * have_names (worker); and once close_gathering (worker), after the last of them or on_time_is_up
 * (timer). */
static void start_parts(pc_gathering *g);
static void on_part(pc_waiter *waiter, pc_flight_result *result);
static void map_part(pc_job *job);
static void fetch_names(pc_gathering *g, const pc_profile_part *part);
static void on_names(pc_waiter *waiter, pc_flight_result *result);
static void have_names(pc_job *job);
static void on_time_is_up(pc_timer *timer);
static void close_gathering(pc_job *job);
static void leave_flight(pc_gathering *g, awaited *a);
static void unref(pc_gathering *g);
/* The same for the starter, in whose call `released` must not come. */
static void unref_elsewhere(pc_gathering *g);

static const unsigned profile_sections =
    PC_SECTION_BIT(PC_SECTION_PROFILE) | PC_SECTION_BIT(PC_SECTION_SEGMENTS) |
    PC_SECTION_BIT(PC_SECTION_IDENTITIES) | PC_SECTION_BIT(PC_SECTION_INSIGHTS) |
    PC_SECTION_BIT(PC_SECTION_SUMMARY);

static bool wants(const pc_gather_plan *plan, pc_section section)
{
    return (plan->sections & PC_SECTION_BIT(section)) != 0;
}

static bool wants_part(const pc_gather_plan *plan, pc_part_kind kind)
{
    return kind == PC_PART_PROFILE
               ? plan->with_profile || (plan->sections & profile_sections) != 0
               : wants(plan, PC_SECTION_EVENTS) || wants(plan, PC_SECTION_SUMMARY);
}

/* ---- what to fetch --------------------------------------------------------------------------- */

static bool remembers_events(const pc_gatherer *gatherer, const pc_gather_plan *plan)
{
    return gatherer->cache != NULL && plan->numbers[PC_SECTION_EVENTS] == PC_PART_EVENTS_NUMBER &&
           plan->event_limit <= gatherer->cached_events && !plan->oldest_first &&
           !plan->has_event_end && (plan->event_cursor == NULL || plan->event_cursor[0] == '\0') &&
           plan->event_type_count == 0 && plan->event_property_count == 0;
}

bool pc_gather_remembers(const pc_gatherer *gatherer, const pc_gather_plan *plan, pc_part_kind kind)
{
    return kind == PC_PART_PROFILE ? gatherer->cache != NULL : remembers_events(gatherer, plan);
}

static pc_fetch_request fetch_of(const pc_gatherer *gatherer, const pc_gather_plan *plan,
                                 pc_part_kind kind, bool remember)
{
    pc_fetch_request request = {
        .kind = kind == PC_PART_PROFILE ? PC_FETCH_PROFILE : PC_FETCH_EVENTS,
        .person = plan->person,
        .request_id = plan->request_id,
        .trace = plan->trace,
        .criticality = plan->criticality,
        .caller = plan->caller,
    };
    if (kind == PC_PART_PROFILE) {
        request.fields = remember ? NULL : plan->profile_fields;
    } else if (remember) {
        request.limit = gatherer->cached_events;
    } else {
        request.fields = plan->event_fields;
        request.has_start = plan->has_event_start;
        request.start_ms = plan->event_start_ms;
        request.has_end = plan->has_event_end;
        request.end_ms = plan->event_end_ms;
        request.limit = plan->event_limit;
        request.oldest_first = plan->oldest_first;
        request.cursor = plan->event_cursor;
        request.properties = plan->event_properties;
        request.property_count = plan->event_property_count;
    }
    return request;
}

/* ---- what is remembered ---------------------------------------------------------------------- */

/* What the upstream said of a person of whom there is nothing. */
static pc_status nothing_status(pc_nothing nothing)
{
    switch (nothing) {
    case PC_NOTHING_REFUSED:
        return pc_status_new(PC_CODE_PERMISSION_DENIED, "EVENTS_NOT_ENABLED",
                             "the upstream's licence has no look-up of events");
    case PC_NOTHING_TOO_MANY:
        return pc_status_new(PC_CODE_FAILED_PRECONDITION, "UPSTREAM_TOO_MANY_IDENTITIES",
                             "the profile has more linked identities than the upstream serves");
    default:
        return pc_status_new(PC_CODE_NOT_FOUND, "PROFILE_NOT_FOUND",
                             "the upstream has no profile for this identity");
    }
}

static pc_freshness_question question_of(const pc_gather_plan *plan, pc_part_kind kind,
                                         const pc_cached *cached, int64_t now_ns)
{
    unsigned sections = plan->sections;
    const unsigned events = PC_SECTION_BIT(PC_SECTION_EVENTS);
    if (wants(plan, PC_SECTION_SUMMARY)) {
        sections |=
            PC_SECTION_BIT(PC_SECTION_PROFILE) | PC_SECTION_BIT(PC_SECTION_INSIGHTS) | events;
    }
    if (plan->with_profile) {
        sections |= PC_SECTION_BIT(PC_SECTION_PROFILE);
    }
    return (pc_freshness_question){
        .sections = kind == PC_PART_EVENTS ? events : sections & ~events,
        .staleness_ms = plan->has_max_staleness ? plan->max_staleness_ms : PC_STALENESS_UNSET,
        .is_bounded = plan->is_bounded,
        .bound_ms = plan->staleness_bound_ms,
        .age_ms = (now_ns - cached->fetched_ns) / 1000000,
        .missing = cached->nothing != PC_NOTHING_NOT,
        .is_hidden = plan->is_hidden,
        .popular = cached->popular,
    };
}

/* Of events that were found by an identity which an old profile lists. */
static bool may_be_anothers(const pc_gatherer *gatherer, pc_part_kind kind, const pc_cached *cached)
{
    int64_t listed_ms = (pc_clock_now_ns() - cached->listed_ns) / 1000000;
    return kind == PC_PART_EVENTS && cached->listed_ns != 0 &&
           listed_ms > gatherer->freshness.fresh_ms[PC_SECTION_IDENTITIES];
}

static pc_freshness_verdict judge(const pc_gatherer *gatherer, const pc_gather_plan *plan,
                                  pc_part_kind kind, const pc_cached *cached, int64_t now_ns)
{
    if (may_be_anothers(gatherer, kind, cached)) {
        return (pc_freshness_verdict){.fetch = true};
    }
    const pc_freshness_question question = question_of(plan, kind, cached, now_ns);
    pc_freshness_verdict verdict = pc_freshness_judge(&gatherer->freshness, &question);
    if (verdict.give_if_bad) {
        /* A fetch that will hardly be in time need not be waited for. */
        int64_t expected_ms = pc_flights_expected_ms(gatherer->flights, kind);
        int64_t left_ms = (plan->close_ns - now_ns) / 1000000;
        verdict.give = expected_ms > 0 && left_ms < expected_ms;
    }
    return verdict;
}

static void note_given(const pc_gatherer *gatherer, const pc_cache_key *key, pc_part_kind kind,
                       const pc_cached *cached)
{
    if (cached->prefetched) {
        pc_cache_note_given(gatherer->cache, key, kind);
    }
}

/* Data is as old as the beginning of its fetch. 0: nobody has said how old it may be. */
static int64_t oldest_of(const pc_gather_plan *plan)
{
    int64_t now_ns = pc_clock_now_ns();
    int64_t most_ms = plan->has_max_staleness ? plan->max_staleness_ms : INT64_MAX;
    if (plan->is_bounded && plan->staleness_bound_ms < most_ms) {
        most_ms = plan->staleness_bound_ms;
    }
    return most_ms < now_ns / 1000000 ? now_ns - most_ms * 1000000 : 0;
}

static void refresh(const pc_gatherer *gatherer, const pc_gather_plan *plan, pc_part_kind kind,
                    const pc_cache_key *key)
{
    pc_fetch_request fetch = fetch_of(gatherer, plan, kind, true);
    /* Nobody waits for it. */
    if (fetch.criticality < PC_CRITICALITY_BATCH) {
        fetch.criticality = PC_CRITICALITY_BATCH;
    }
    const pc_flight_request request = {
        .kind = kind, .fetch = &fetch, .number = PC_PART_EVENTS_NUMBER, .remember = key};
    pc_flights_refresh(gatherer->flights, &request);
}

/* ---- at once --------------------------------------------------------------------------------- */

static void init_gathered(pc_gathered *gathered)
{
    *gathered = (pc_gathered){.now = pc_clock_read(), .xid = "", .next_cursor = ""};
    for (size_t i = 0; i < PC_SECTION_COUNT; i++) {
        gathered->sections[i].reason = "";
    }
}

void pc_gathered_deinit(pc_gathered *gathered)
{
    for (size_t i = 0; i < PC_SECTION_COUNT; i++) {
        pc_slice_unref(gathered->sections[i].data);
        pc_slice_unref(gathered->sections[i].denied_later);
    }
    for (size_t i = 0; i < PC_PART_COUNT; i++) {
        pc_slice_unref(gathered->held[i].part);
    }
    pc_slice_unref(gathered->shown_events);
    pc_status_clear(&gathered->profile_failure);
    pc_status_clear(&gathered->events_failure);
}

static pc_status *failure_of(pc_gathered *gathered, pc_part_kind kind)
{
    return kind == PC_PART_PROFILE ? &gathered->profile_failure : &gathered->events_failure;
}

/* Of all sections of a part. Takes `failure`. */
static void tell_failure(const pc_gather_plan *plan, pc_gathered *gathered, pc_part_kind kind,
                         pc_status failure, const pc_part_source *source)
{
    for (int s = 1; s < PC_SECTION_COUNT; s++) {
        bool of_events = s == PC_SECTION_EVENTS;
        if (s != PC_SECTION_SUMMARY && of_events == (kind == PC_PART_EVENTS)) {
            pc_settle_failure(plan, gathered, (pc_section)s, &failure, source);
        }
    }
    *failure_of(gathered, kind) = failure;
}

/* Of the profile or the events; false when there is nothing that may be given at once. */
static bool settle_at_once(pc_gathered *out, const pc_gatherer *gatherer,
                           const pc_gather_plan *plan, pc_part_kind kind, const pc_cache_key *key)
{
    pc_cached cached;
    /* Counted with the last part, when it is likely to be an answer. */
    bool counts = kind == PC_PART_EVENTS || !wants_part(plan, PC_PART_EVENTS);
    if (!pc_cache_get(gatherer->cache, key, kind, counts, &cached)) {
        return false;
    }
    const pc_part_source source = {cached.part, cached.fetched_ns, true};
    out->held[kind] = source;
    const pc_freshness_verdict verdict = judge(gatherer, plan, kind, &cached, out->now.ns);
    if (!verdict.give) {
        return false;
    }
    if (cached.part == NULL) {
        tell_failure(plan, out, kind, nothing_status(cached.nothing), &source);
    } else if (kind == PC_PART_EVENTS) {
        pc_settle_events(gatherer, plan, out, &source);
    } else if (pc_settle_profile(gatherer, plan, out, &source)) {
        return false;
    }
    note_given(gatherer, key, kind, &cached);
    if (verdict.fetch) {
        refresh(gatherer, plan, kind, key);
    }
    return true;
}

/* False when there is too much to read for an RPC thread. */
static bool summarise_at_once(pc_gathered *out, const pc_gatherer *gatherer,
                              const pc_gather_plan *plan, const pc_cache_key *key)
{
    _Alignas(max_align_t) uint8_t memory[SUMMARY_ARENA_BYTES];
    pc_arena arena;
    size_t size = 0;
    for (int kind = 0; kind < PC_PART_COUNT; kind++) {
        size += pc_slice_size(out->held[kind].part);
    }
    if (!wants(plan, PC_SECTION_SUMMARY)) {
        return true;
    }
    if (size > AT_ONCE_BYTES_MAX) {
        return false;
    }
    pc_arena_init(&arena, memory, sizeof memory, ARENA_BYTES_MAX);
    pc_settle_summary(gatherer, plan, out, key, &arena);
    pc_arena_deinit(&arena);
    return true;
}

bool pc_gather_at_once(pc_gathered *out, const pc_gatherer *gatherer, const pc_gather_plan *plan)
{
    init_gathered(out);
    bool events = wants_part(plan, PC_PART_EVENTS);
    if (gatherer->cache == NULL || (events && !remembers_events(gatherer, plan))) {
        return false;
    }
    const pc_cache_key key = pc_cache_key_of(gatherer->keys, &plan->person);
    for (int kind = 0; kind < PC_PART_COUNT; kind++) {
        if (wants_part(plan, (pc_part_kind)kind) &&
            !settle_at_once(out, gatherer, plan, (pc_part_kind)kind, &key)) {
            return false;
        }
    }
    return summarise_at_once(out, gatherer, plan, &key);
}

/* ---- ahead ----------------------------------------------------------------------------------- */

static bool is_warm(const pc_gatherer *gatherer, const pc_gather_plan *plan, pc_part_kind kind,
                    const pc_cache_key *key)
{
    pc_cached cached;
    if (!pc_cache_get(gatherer->cache, key, kind, false, &cached)) {
        return false;
    }
    const pc_freshness_question question = question_of(plan, kind, &cached, pc_clock_now_ns());
    pc_slice_unref(cached.part);
    return !may_be_anothers(gatherer, kind, &cached) &&
           pc_freshness_is_warm(&gatherer->freshness, &question);
}

static bool prefetch(const pc_gatherer *gatherer, const pc_gather_plan *plan, pc_part_kind kind,
                     const pc_cache_key *key)
{
    pc_fetch_request fetch = fetch_of(gatherer, plan, kind, true);
    fetch.criticality = PC_CRITICALITY_PREFETCH;
    const pc_flight_request request = {.kind = kind,
                                       .fetch = &fetch,
                                       .number = PC_PART_EVENTS_NUMBER,
                                       .remember = key,
                                       .oldest_ns = oldest_of(plan)};
    return pc_flights_prefetch(gatherer->flights, &request);
}

pc_prefetch_state pc_gather_prefetch(const pc_gatherer *gatherer, const pc_gather_plan *plan)
{
    if (gatherer->cache == NULL) {
        return PC_PREFETCH_NO_CACHE;
    }
    const pc_cache_key key = pc_cache_key_of(gatherer->keys, &plan->person);
    pc_prefetch_state state = PC_PREFETCH_WARM;
    for (int k = 0; k < PC_PART_COUNT && state != PC_PREFETCH_FULL; k++) {
        pc_part_kind kind = (pc_part_kind)k;
        if (wants_part(plan, kind) && !is_warm(gatherer, plan, kind, &key)) {
            state = prefetch(gatherer, plan, kind, &key) ? PC_PREFETCH_STARTED : PC_PREFETCH_FULL;
        }
    }
    return state;
}

/* ---- start ----------------------------------------------------------------------------------- */

pc_status pc_gather_start(pc_gathering **out, const pc_gatherer *gatherer,
                          const pc_gather_plan *plan, const pc_gather_callbacks *callbacks)
{
    *out = NULL;
    pc_gathering *g = calloc(1, sizeof *g);
    if (g == NULL) {
        return pc_status_out_of_memory();
    }
    g->gatherer = gatherer;
    g->plan = *plan;
    g->callbacks = *callbacks;
    init_gathered(&g->gathered);
    pc_arena_init(&g->arena, NULL, 0, ARENA_BYTES_MAX);
    pthread_mutex_init(&g->map_lock, NULL);
    pthread_mutex_init(&g->lock, NULL);
    g->close_job.run = close_gathering;
    g->references = 3; /* the closing, the timer, and this call */
    g->handles = 2;
    g->timer.fire = on_time_is_up;
    if (gatherer->cache != NULL) {
        g->key = pc_cache_key_of(gatherer->keys, &plan->person);
    }
    *out = g;
    pc_status timer = pc_timers_set(gatherer->timers, &g->timer, plan->close_ns);
    if (!pc_status_ok(&timer)) {
        /* Flights have an end of their own, so the gathering still ends. */
        pc_status_clear(&timer);
        unref(g);
    }
    start_parts(g);
    unref_elsewhere(g);
    return PC_OK;
}

/* Counts a fetch before it starts, as its answer may come before the start returns. */
static void count_fetch(pc_gathering *g)
{
    pthread_mutex_lock(&g->lock);
    g->references++;
    g->pending++;
    pthread_mutex_unlock(&g->lock);
}

static void set_waits(pc_gathering *g, awaited *a, bool waits)
{
    pthread_mutex_lock(&g->lock);
    a->waits = waits;
    pthread_mutex_unlock(&g->lock);
}

/* Takes a part that is remembered; false when it has to be fetched. */
static bool take_remembered(pc_gathering *g, part_fetch *f)
{
    pc_cached cached;
    bool counts = f->kind == PC_PART_PROFILE || !wants_part(&g->plan, PC_PART_PROFILE);
    if (!pc_cache_get(g->gatherer->cache, &g->key, f->kind, counts, &cached)) {
        return false;
    }
    const pc_freshness_verdict verdict =
        judge(g->gatherer, &g->plan, f->kind, &cached, pc_clock_now_ns());
    const pc_part_source source = {cached.part, cached.fetched_ns, true};
    f->seen_ns = cached.fetched_ns;
    if (verdict.give) {
        f->source = source;
        f->status = cached.nothing == PC_NOTHING_NOT ? PC_OK : nothing_status(cached.nothing);
        note_given(g->gatherer, &g->key, f->kind, &cached);
    } else if (verdict.give_if_bad) {
        f->fallback = source;
        f->fallback_nothing = cached.nothing;
    } else {
        pc_slice_unref(cached.part);
    }
    if (verdict.give && verdict.fetch) {
        refresh(g->gatherer, &g->plan, f->kind, &g->key);
    }
    return verdict.give;
}

/* Waits for a flight that brings the part. */
static void fly(pc_gathering *g, part_fetch *f)
{
    bool remember = pc_gather_remembers(g->gatherer, &g->plan, f->kind);
    pc_fetch_request fetch = fetch_of(g->gatherer, &g->plan, f->kind, remember);
    /* A call that is made later than this will hardly be answered in time. */
    fetch.patience_ns =
        g->plan.close_ns - pc_flights_expected_ms(g->gatherer->flights, f->kind) * 1000000;
    const pc_flight_request request = {.kind = f->kind,
                                       .fetch = &fetch,
                                       .number = g->plan.numbers[PC_SECTION_EVENTS],
                                       .remember = remember ? &g->key : NULL,
                                       .oldest_ns = oldest_of(&g->plan),
                                       .seen_ns = f->seen_ns};
    set_waits(g, &f->flight, true);
    pc_span_begin(&f->flight.span, &g->plan.trace,
                  f->kind == PC_PART_PROFILE ? "wait for profile" : "wait for events",
                  PC_SPAN_INTERNAL);
    fetch.trace = f->flight.span.trace;
    pc_status status = pc_flights_join(g->gatherer->flights, &request, &f->flight.waiter);
    if (!pc_status_ok(&status)) {
        set_waits(g, &f->flight, false);
        f->status = status;
        pc_workers_run(g->gatherer->workers, &f->flight.job);
        return;
    }
    pthread_mutex_lock(&g->lock);
    bool too_late = g->closed;
    pthread_mutex_unlock(&g->lock);
    if (too_late) {
        /* It closed while it was still starting. */
        leave_flight(g, &f->flight);
    }
}

static void start_part(pc_gathering *g, pc_part_kind kind)
{
    part_fetch *f = &g->parts[kind];
    f->kind = kind;
    f->flight.gathering = g;
    f->flight.job.run = map_part;
    f->flight.waiter.told = on_part;
    count_fetch(g);
    if (pc_gather_remembers(g->gatherer, &g->plan, kind) && take_remembered(g, f)) {
        pc_workers_run(g->gatherer->workers, &f->flight.job);
        return;
    }
    fly(g, f);
}

static void start_parts(pc_gathering *g)
{
    /* A hold on `pending` until both are started, so that a quick first one does not close. */
    pthread_mutex_lock(&g->lock);
    g->pending++;
    pthread_mutex_unlock(&g->lock);
    for (int kind = 0; kind < PC_PART_COUNT; kind++) {
        if (wants_part(&g->plan, (pc_part_kind)kind)) {
            start_part(g, (pc_part_kind)kind);
        }
    }
    pthread_mutex_lock(&g->lock);
    bool last = --g->pending == 0 && !g->closed;
    g->closed = g->closed || last;
    pthread_mutex_unlock(&g->lock);
    if (last) {
        pc_workers_run(g->gatherer->workers, &g->close_job);
    }
}

static void note_told(pc_gathering *g, awaited *a, const pc_flight_result *result)
{
    pthread_mutex_lock(&g->lock);
    a->waits = false;
    g->upstream_calls += result->attempts;
    g->upstream_bytes += result->bytes;
    pthread_mutex_unlock(&g->lock);
    pc_workers_run(g->gatherer->workers, &a->job);
}

static void on_part(pc_waiter *waiter, pc_flight_result *result)
{
    part_fetch *f = PC_CONTAINER_OF(waiter, part_fetch, flight.waiter);
    f->status = result->status;
    f->source = (pc_part_source){pc_slice_ref(result->part), result->fetched_ns, false};
    pc_span_int(&f->flight.span, "profilecontext.upstream_calls", result->attempts);
    pc_span_end(&f->flight.span, &f->status);
    note_told(f->flight.gathering, &f->flight, result);
}

/* The end of what was counted by count_fetch. */
static void end_fetch(pc_gathering *g)
{
    pthread_mutex_lock(&g->lock);
    bool last = --g->pending == 0 && !g->closed;
    g->closed = g->closed || last;
    pthread_mutex_unlock(&g->lock);
    if (last) {
        close_gathering(&g->close_job);
    }
    unref(g);
}

/* ---- mapping --------------------------------------------------------------------------------- */

static void settle_part(pc_gathering *g, pc_part_kind kind, const pc_part_source *source)
{
    if (source == &g->parts[kind].fallback) {
        pc_cache_note_given(g->gatherer->cache, &g->key, kind);
    }
    g->gathered.held[kind] = *source;
    pc_slice_ref(source->part);
    if (kind == PC_PART_EVENTS) {
        pc_settle_events(g->gatherer, &g->plan, &g->gathered, source);
        return;
    }
    if (pc_settle_profile(g->gatherer, &g->plan, &g->gathered, source)) {
        pc_profile_part part;
        pc_profile_part_read(&part, source->part);
        g->nameless = *source;
        pthread_mutex_lock(&g->lock);
        bool in_time = !g->closed;
        pthread_mutex_unlock(&g->lock);
        if (in_time && part.segments_verdict.lacks_names) {
            fetch_names(g, &part);
        }
    }
}

/* Takes `failure`. */
static void settle_failed(pc_gathering *g, pc_part_kind kind, pc_status failure,
                          const pc_part_source *source)
{
    tell_failure(&g->plan, &g->gathered, kind, failure, source);
}

/* Takes what is remembered, of a flight that has failed or is late. False when nothing is. */
static bool settle_fallback(pc_gathering *g, part_fetch *f)
{
    const pc_part_source none = {.part = NULL};
    if (f->fallback.part != NULL) {
        settle_part(g, f->kind, &f->fallback);
    } else if (f->fallback_nothing != PC_NOTHING_NOT) {
        settle_failed(g, f->kind, nothing_status(f->fallback_nothing), &none);
    } else {
        return false;
    }
    return true;
}

/* That a person is unknown is an answer; that the upstream has failed is none. */
static bool is_bad(const pc_status *status)
{
    return status->code != PC_CODE_NOT_FOUND && status->code != PC_CODE_PERMISSION_DENIED &&
           status->code != PC_CODE_FAILED_PRECONDITION;
}

/* A flight that another one began, and for which the budget had nothing left in that one's time. */
static bool is_worth_another_try(const part_fetch *f)
{
    return !f->tried_again && !f->flight.waiter.leads &&
           strcmp(pc_status_reason(&f->status), "UPSTREAM_BUDGET_SPENT") == 0;
}

static void try_again(pc_gathering *g, part_fetch *f)
{
    f->tried_again = true;
    pc_status_clear(&f->status);
    f->flight.waiter = (pc_waiter){.told = on_part};
    /* The flight may end, and with it all that refers to the gathering, before this returns. */
    pthread_mutex_lock(&g->lock);
    g->references++;
    pthread_mutex_unlock(&g->lock);
    fly(g, f);
    unref(g);
}

static void map_part(pc_job *job)
{
    part_fetch *f = PC_CONTAINER_OF(job, part_fetch, flight.job);
    pc_gathering *g = f->flight.gathering;
    pthread_mutex_lock(&g->map_lock);
    pthread_mutex_lock(&g->lock);
    bool too_late = g->closed;
    pthread_mutex_unlock(&g->lock);
    if (!too_late) {
        g->gathered.now = pc_clock_read();
    }
    if (!too_late && is_worth_another_try(f)) {
        pthread_mutex_unlock(&g->map_lock);
        try_again(g, f);
        return;
    }
    if (!too_late && pc_status_ok(&f->status)) {
        settle_part(g, f->kind, &f->source);
    } else if (!too_late && !(is_bad(&f->status) && settle_fallback(g, f))) {
        settle_failed(g, f->kind, f->status, &f->source);
        f->status = PC_OK;
    }
    pthread_mutex_unlock(&g->map_lock);
    end_fetch(g);
}

/* ---- names ----------------------------------------------------------------------------------- */

static void start_names(pc_gathering *g, awaited *a, const pc_fetch_request *fetch)
{
    const pc_flight_request request = {.fetch = fetch};
    a->gathering = g;
    a->job.run = have_names;
    a->waiter.told = on_names;
    count_fetch(g);
    set_waits(g, a, true);
    pc_status status = pc_flights_join(g->gatherer->flights, &request, &a->waiter);
    if (!pc_status_ok(&status)) {
        set_waits(g, a, false);
        pc_status_clear(&status);
        pc_workers_run(g->gatherer->workers, &a->job);
    }
}

/* Asks for the names of the segments' audiences that are not known yet. */
static void fetch_names(pc_gathering *g, const pc_profile_part *part)
{
    const char *ids[PC_FETCH_AUDIENCES_MAX];
    int64_t now = pc_clock_now_ns();
    pc_fetch_request request = {
        .kind = PC_FETCH_AUDIENCES,
        .person = {.sandbox = g->plan.person.sandbox, .merge_policy = ""},
        .request_id = g->plan.request_id,
        .trace = g->plan.trace,
        .criticality = g->plan.criticality,
        .caller = g->plan.caller,
        .deadline_ns = pc_clock_after_ms(now, g->gatherer->names_wait_ms),
        .audience_ids = ids,
    };
    if (pc_source_refuses(g->gatherer->source, PC_FETCH_AUDIENCES)) {
        return;
    }
    pc_nameless nameless;
    pc_nameless_init(&nameless, part, g->gatherer->names, g->plan.person.sandbox, now);
    for (int fetches = 0; fetches < NAME_FETCHES_MAX; fetches++) {
        request.audience_count =
            pc_nameless_next(ids, PC_FETCH_AUDIENCES_MAX, &nameless, &g->arena);
        if (request.audience_count == 0) {
            break;
        }
        start_names(g, &g->names[fetches], &request);
    }
}

static void on_names(pc_waiter *waiter, pc_flight_result *result)
{
    awaited *a = PC_CONTAINER_OF(waiter, awaited, waiter);
    /* Names are a comfort: without them the segments still stand. */
    pc_status_clear(&result->status);
    note_told(a->gathering, a, result);
}

static void have_names(pc_job *job)
{
    end_fetch(PC_CONTAINER_OF(job, awaited, job)->gathering);
}

/* ---- close ----------------------------------------------------------------------------------- */

static void on_time_is_up(pc_timer *timer)
{
    pc_gathering *g = PC_CONTAINER_OF(timer, pc_gathering, timer);
    pthread_mutex_lock(&g->lock);
    bool first = !g->closed;
    g->closed = true;
    pthread_mutex_unlock(&g->lock);
    if (first) {
        pc_workers_run(g->gatherer->workers, &g->close_job);
    }
    unref(g);
}

/* The segments once more, with what names are known by now and whether they hold; and so they are
 * remembered. */
static void finish_segments(pc_gathering *g)
{
    const pc_part_source *source = &g->nameless;
    if (source->part == NULL) {
        return;
    }
    pc_profile_part part;
    pc_buffer out;
    pc_profile_part_read(&part, source->part);
    pc_buffer_init(&out, g->gatherer->body_bytes_max);
    const pc_segment_verdict verdict =
        pc_segments_put(&out, PC_PROFILE_SEGMENT_MEMBERSHIP, part.segments, part.segments_size,
                        g->gatherer->names, g->plan.person.sandbox, &g->arena);
    pc_slice *segments = pc_buffer_take_slice(&out);
    pc_buffer_deinit(&out);
    if (segments != NULL && g->gatherer->cache != NULL && !verdict.lacks_names) {
        pc_slice *better = pc_profile_part_with_segments(source->part, segments, verdict);
        if (better != NULL) {
            pc_cache_replace(g->gatherer->cache, &g->key, PC_PART_PROFILE, source->part, better);
        }
        pc_slice_unref(better);
    }
    uint32_t number = g->plan.numbers[PC_SECTION_SEGMENTS];
    if (segments != NULL && number != PC_PROFILE_SEGMENT_MEMBERSHIP) {
        pc_slice *renumbered =
            pc_pick_profile_fields(segments, PC_PROFILE_SEGMENT_MEMBERSHIP, number);
        pc_slice_unref(segments);
        segments = renumbered;
    }
    pc_settle_segments(g->gatherer, &g->plan, &g->gathered, source, segments);
}

/* What has not arrived is taken from memory, or is late. */
static void settle_unarrived(pc_gathering *g, pc_part_kind kind)
{
    part_fetch *f = &g->parts[kind];
    if (!wants_part(&g->plan, kind) || g->gathered.held[kind].part != NULL ||
        !pc_status_ok(failure_of(&g->gathered, kind))) {
        return;
    }
    const pc_part_source none = {.part = NULL};
    if (g->cancelled) {
        settle_failed(
            g, kind, pc_status_new(PC_CODE_CANCELLED, "CALLER_GONE", "the caller has gone"), &none);
    } else if (!settle_fallback(g, f)) {
        settle_failed(g, kind,
                      pc_status_new(PC_CODE_DEADLINE_EXCEEDED, "UPSTREAM_LATE",
                                    "the upstream did not answer before the deadline"),
                      &none);
    }
}

/* A flight that is still under way is not waited for; a late one may go on for those who come. */
static void leave_flight(pc_gathering *g, awaited *a)
{
    pthread_mutex_lock(&g->lock);
    bool waits = a->waits;
    pthread_mutex_unlock(&g->lock);
    if (waits && pc_flights_leave(g->gatherer->flights, &a->waiter, g->cancelled)) {
        pthread_mutex_lock(&g->lock);
        a->waits = false;
        g->pending--;
        /* It is paid for all the same. */
        g->upstream_calls += a->waiter.leads;
        pthread_mutex_unlock(&g->lock);
        const pc_status late = {.code = PC_CODE_DEADLINE_EXCEEDED};
        pc_span_end(&a->span, &late);
        unref(g);
    }
}

static void close_gathering(pc_job *job)
{
    pc_gathering *g = PC_CONTAINER_OF(job, pc_gathering, close_job);
    if (pc_timers_cancel(g->gatherer->timers, &g->timer)) {
        unref(g);
    }
    for (int kind = 0; kind < PC_PART_COUNT; kind++) {
        leave_flight(g, &g->parts[kind].flight);
    }
    pthread_mutex_lock(&g->map_lock);
    g->gathered.now = pc_clock_read();
    settle_unarrived(g, PC_PART_PROFILE);
    settle_unarrived(g, PC_PART_EVENTS);
    for (size_t i = 0; i < NAME_FETCHES_MAX; i++) {
        leave_flight(g, &g->names[i]);
    }
    finish_segments(g);
    pc_settle_summary(g->gatherer, &g->plan, &g->gathered, &g->key, &g->arena);
    pthread_mutex_unlock(&g->map_lock);
    pthread_mutex_lock(&g->lock);
    g->gathered.upstream_calls = g->upstream_calls;
    g->gathered.upstream_bytes = g->upstream_bytes;
    pthread_mutex_unlock(&g->lock);
    g->callbacks.done(g->callbacks.self, &g->gathered);
    unref(g);
}

void pc_gather_cancel(pc_gathering *g)
{
    pthread_mutex_lock(&g->lock);
    bool first = !g->closed;
    if (first) {
        g->closed = true;
        g->cancelled = true;
    }
    pthread_mutex_unlock(&g->lock);
    if (first) {
        pc_workers_run(g->gatherer->workers, &g->close_job);
    }
}

static bool is_last_reference(pc_gathering *g)
{
    pthread_mutex_lock(&g->lock);
    bool last = --g->references == 0;
    pthread_mutex_unlock(&g->lock);
    return last;
}

static void end(pc_gathering *g)
{
    for (size_t i = 0; i < PC_PART_COUNT; i++) {
        pc_status_clear(&g->parts[i].status);
        pc_slice_unref(g->parts[i].source.part);
        pc_slice_unref(g->parts[i].fallback.part);
    }
    pc_gathered_deinit(&g->gathered);
    pc_arena_deinit(&g->arena);
    pc_gather_callbacks callbacks = g->callbacks;
    pc_gather_release(g);
    callbacks.released(callbacks.self);
}

static void unref(pc_gathering *g)
{
    if (is_last_reference(g)) {
        end(g);
    }
}

static void end_on_worker(pc_job *job)
{
    end(PC_CONTAINER_OF(job, pc_gathering, close_job));
}

static void unref_elsewhere(pc_gathering *g)
{
    if (is_last_reference(g)) {
        /* It has run. */
        g->close_job.run = end_on_worker;
        pc_workers_run(g->gatherer->workers, &g->close_job);
    }
}

void pc_gather_release(pc_gathering *g)
{
    if (g == NULL) {
        return;
    }
    pthread_mutex_lock(&g->lock);
    bool last = --g->handles == 0;
    pthread_mutex_unlock(&g->lock);
    if (last) {
        pthread_mutex_destroy(&g->map_lock);
        pthread_mutex_destroy(&g->lock);
        free(g);
    }
}

/* ---- the gatherer ---------------------------------------------------------------------------- */

pc_status pc_gatherer_open(pc_gatherer *gatherer)
{
    gatherer->part_rules = (pc_part_rules){.insights = gatherer->insights,
                                           .summary = gatherer->summary,
                                           .names = gatherer->names,
                                           .body_bytes_max = gatherer->body_bytes_max};
    pc_status status = pc_cache_keys_new(&gatherer->keys, gatherer->scope);
    if (pc_status_ok(&status) && gatherer->cache_bytes_max > 0) {
        status = pc_cache_new(&gatherer->cache, gatherer->cache_bytes_max);
    }
    const pc_flights_options options = {.source = gatherer->source,
                                        .workers = gatherer->workers,
                                        .rules = &gatherer->part_rules,
                                        .keys = gatherer->keys,
                                        .merge_policy = gatherer->merge_policy,
                                        .cache = gatherer->cache,
                                        .timeout_ms = gatherer->fetch_timeout_ms,
                                        .link_identities = gatherer->link_identities,
                                        .listed_ms =
                                            gatherer->freshness.fresh_ms[PC_SECTION_IDENTITIES],
                                        .prefetches_max = gatherer->prefetches_max};
    return pc_status_ok(&status) ? pc_flights_new(&gatherer->flights, &options) : status;
}

void pc_gatherer_stop(pc_gatherer *gatherer)
{
    pc_flights_free(gatherer->flights);
    gatherer->flights = NULL;
}

void pc_gatherer_close(pc_gatherer *gatherer)
{
    pc_cache_free(gatherer->cache);
    pc_cache_keys_free(gatherer->keys);
    gatherer->cache = NULL;
    gatherer->keys = NULL;
}

void pc_gatherer_forget(const pc_gatherer *gatherer, const pc_person *person)
{
    if (gatherer->cache != NULL) {
        pc_flights_forget(gatherer->flights, person);
    }
}
