/* One gathering: a fetch for the profile (which also holds segments, identities and insights), one
 * for events, and where segments lack names, some for audiences. */
#include "context/gather.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/wire.h"
#include "mapping_tables.h"
#include "util/clock.h"

enum {
    ARENA_BYTES_MAX = 16 * 1024 * 1024,
    NAMES_PER_FETCH = 100, /* the upstream's limit (audience bulk-get) */
    NAME_FETCHES_MAX = 10,
    FETCH_PROFILE = 0,
    FETCH_EVENTS = 1,
    FETCH_NAMES = 2, /* the first of them */
    FETCHES_MAX = FETCH_NAMES + NAME_FETCHES_MAX,
    /* Field numbers of Profile that are sections of their own. */
    NUMBER_IDENTITY_MAP = 40,
    NUMBER_SEGMENT_MEMBERSHIP = 41
};

typedef struct {
    pc_gathering *gathering;
    pc_job map_job;
    void *op; /* of the source; owned until the gathering's end */
    bool started;
    pc_status status; /* set before map_job is given */
    pc_slice *body;   /* owned */
} fetch;

struct pc_gathering {
    const pc_gatherer *gatherer;
    pc_gather_plan plan;
    pc_gather_callbacks callbacks;
    pc_arena arena;           /* of whichever mapping job runs; used under map_lock */
    pthread_mutex_t map_lock; /* one mapping job of a gathering at a time; taken before `lock` */
    pthread_mutex_t lock;     /* guards: pending, closed, cancelled, references, fetches' op */
    int pending;              /* fetches that are not mapped yet */
    bool closed;              /* the result is settled: later arrivals are dropped */
    bool cancelled;
    int references; /* of the work: the closing, each fetch under way, the timer */
    int handles;    /* of the memory: the work, and the starter's */
    pc_timer timer;
    pc_job close_job;
    fetch fetches[FETCHES_MAX];
    pc_slice *segments; /* owned; field 41 of Profile, before names are added */
    pc_gathered gathered;
};

/* Steps, in order:                                                  thread */
static void start_fetches(pc_gathering *g); /* the starter's                  */
static void on_fetched(void *self, pc_status status, pc_slice *body,
                       unsigned attempts);  /* source  */
static void map_fetched(pc_job *job);       /* worker                         */
static void on_time_is_up(pc_timer *timer); /* timer                          */
static void close_gathering(pc_job *job);   /* worker: once                   */
static void unref(pc_gathering *g);         /* any                            */

static bool wants(const pc_gathering *g, pc_section section)
{
    return (g->plan.sections & PC_SECTION_BIT(section)) != 0;
}

static const unsigned profile_sections =
    PC_SECTION_BIT(PC_SECTION_PROFILE) | PC_SECTION_BIT(PC_SECTION_SEGMENTS) |
    PC_SECTION_BIT(PC_SECTION_IDENTITIES) | PC_SECTION_BIT(PC_SECTION_INSIGHTS);

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
    g->gathered.xid = "";
    g->gathered.next_cursor = "";
    for (size_t i = 0; i < PC_SECTION_COUNT; i++) {
        g->gathered.sections[i].reason = "";
    }
    pc_arena_init(&g->arena, NULL, 0, ARENA_BYTES_MAX);
    pthread_mutex_init(&g->map_lock, NULL);
    pthread_mutex_init(&g->lock, NULL);
    g->close_job.run = close_gathering;
    g->references = 2; /* the closing, and this call */
    g->handles = 2;
    g->timer.fire = on_time_is_up;
    *out = g;
    pthread_mutex_lock(&g->lock);
    g->references++;
    pthread_mutex_unlock(&g->lock);
    pc_status timer = pc_timers_set(gatherer->timers, &g->timer, plan->close_ns);
    if (!pc_status_ok(&timer)) {
        /* The fetches have the same deadline, so the gathering still ends. */
        pc_status_clear(&timer);
        unref(g);
    }
    start_fetches(g);
    unref(g);
    return PC_OK;
}

/* Counts the fetch before it starts, as its answer may come before the start returns. */
static void start_fetch(pc_gathering *g, int index, const pc_fetch_request *request)
{
    fetch *f = &g->fetches[index];
    f->gathering = g;
    f->map_job.run = map_fetched;
    f->started = true;
    pthread_mutex_lock(&g->lock);
    g->references++;
    g->pending++;
    pthread_mutex_unlock(&g->lock);
    void *op = NULL;
    pc_status status = g->gatherer->source->start(g->gatherer->source, request, on_fetched, f, &op);
    if (!pc_status_ok(&status)) {
        f->status = status;
        pc_workers_run(g->gatherer->workers, &f->map_job);
        return;
    }
    pthread_mutex_lock(&g->lock);
    f->op = op;
    bool unwanted = g->cancelled || g->closed;
    pthread_mutex_unlock(&g->lock);
    if (unwanted) {
        g->gatherer->source->cancel(g->gatherer->source, op);
    }
}

static void start_fetches(pc_gathering *g)
{
    const pc_gather_plan *plan = &g->plan;
    /* A hold on `pending` until both are started, so that a quick first one does not close. */
    pthread_mutex_lock(&g->lock);
    g->pending++;
    pthread_mutex_unlock(&g->lock);
    pc_fetch_request request = {
        .kind = PC_FETCH_PROFILE,
        .person = plan->person,
        .fields = plan->profile_fields,
        .request_id = plan->request_id,
        .deadline_ns = plan->close_ns,
    };
    if ((plan->sections & profile_sections) != 0) {
        start_fetch(g, FETCH_PROFILE, &request);
    }
    if (wants(g, PC_SECTION_EVENTS)) {
        request.kind = PC_FETCH_EVENTS;
        request.fields = plan->event_fields;
        request.has_start = plan->has_event_start;
        request.start_ms = plan->event_start_ms;
        request.has_end = plan->has_event_end;
        request.end_ms = plan->event_end_ms;
        request.limit = plan->event_limit;
        request.oldest_first = plan->oldest_first;
        request.cursor = plan->event_cursor;
        start_fetch(g, FETCH_EVENTS, &request);
    }
    pthread_mutex_lock(&g->lock);
    bool last = --g->pending == 0 && !g->closed;
    g->closed = g->closed || last;
    pthread_mutex_unlock(&g->lock);
    if (last) {
        pc_workers_run(g->gatherer->workers, &g->close_job);
    }
}

static void on_fetched(void *self, pc_status status, pc_slice *body, unsigned attempts)
{
    fetch *f = self;
    f->status = status;
    f->body = pc_slice_ref(body);
    pthread_mutex_lock(&f->gathering->lock);
    f->gathering->gathered.upstream_calls += attempts;
    pthread_mutex_unlock(&f->gathering->lock);
    pc_workers_run(f->gathering->gatherer->workers, &f->map_job);
}

/* ---- mapping --------------------------------------------------------------------------------- */

/* Puts every item of a repeated section through its mask. Takes and returns a slice; NULL when out
 * of memory. */
static pc_slice *mask_items(pc_slice *items, const pc_mask *mask, size_t size_max)
{
    if (mask == NULL || pc_mask_is_all(mask) || items == NULL) {
        return items;
    }
    pc_buffer out;
    pc_buffer_init(&out, size_max);
    pc_wire_reader reader;
    pc_wire_field field;
    pc_wire_reader_init(&reader, pc_slice_bytes(items), pc_slice_size(items));
    pc_status status = PC_OK;
    while (pc_status_ok(&status) && pc_wire_next(&reader, &field)) {
        size_t mark = pc_wire_begin(&out, field.number);
        status = pc_mask_filter(&out, field.bytes, field.size, mask);
        pc_wire_end(&out, mark);
    }
    pc_slice_unref(items);
    pc_slice *masked = pc_status_ok(&status) ? pc_buffer_take_slice(&out) : NULL;
    pc_status_clear(&status);
    pc_buffer_deinit(&out);
    return masked;
}

/* Copies the fields of a message with the given number, or all but the two sections' for 0. */
static pc_slice *pick_fields(const pc_buffer *profile, uint32_t number, uint32_t as_number)
{
    pc_buffer out;
    pc_buffer_init(&out, SIZE_MAX / 2);
    pc_wire_reader reader;
    pc_wire_field field;
    pc_wire_reader_init(&reader, profile->bytes, profile->size);
    while (pc_wire_next(&reader, &field)) {
        bool own_section =
            field.number == NUMBER_IDENTITY_MAP || field.number == NUMBER_SEGMENT_MEMBERSHIP;
        if (number == 0 ? !own_section : field.number == number) {
            if (number == 0 || as_number == number) {
                pc_buffer_append(&out, field.start, field.whole_size);
            } else {
                pc_wire_put_bytes(&out, as_number, field.bytes, field.size);
            }
        }
    }
    pc_slice *slice = pc_buffer_take_slice(&out);
    pc_buffer_deinit(&out);
    return slice;
}

static pc_slice *mask_profile(pc_gathering *g, pc_slice *profile)
{
    const pc_mask *mask = g->plan.masks[PC_SECTION_PROFILE];
    if (profile == NULL || mask == NULL || pc_mask_is_all(mask)) {
        return profile;
    }
    pc_buffer out;
    pc_buffer_init(&out, g->gatherer->body_bytes_max);
    pc_status status = pc_mask_filter(&out, pc_slice_bytes(profile), pc_slice_size(profile), mask);
    pc_slice_unref(profile);
    pc_slice *masked = pc_status_ok(&status) ? pc_buffer_take_slice(&out) : NULL;
    pc_status_clear(&status);
    pc_buffer_deinit(&out);
    return masked;
}

static void settle(pc_gathering *g, pc_section section, pc_slice *data,
                   const pc_moment *last_modified)
{
    pc_section_result *result = &g->gathered.sections[section];
    if (data == NULL) {
        result->status = PC_SECTION_FAILED;
        result->reason = "OUT_OF_MEMORY";
        return;
    }
    result->status = PC_SECTION_OK;
    result->origin = PC_ORIGIN_UPSTREAM;
    result->fetched_wall_ms = pc_clock_wall_ms();
    result->last_modified = *last_modified;
    result->data = data;
}

static pc_status map_insights(pc_gathering *g, const pc_profile_envelope *envelope)
{
    pc_buffer out;
    pc_buffer_init(&out, g->gatherer->body_bytes_max);
    pc_status status = pc_map_insights(&out, g->gatherer->insights, envelope->entity.bytes,
                                       envelope->entity.size, g->plan.numbers[PC_SECTION_INSIGHTS]);
    if (pc_status_ok(&status)) {
        pc_slice *items = mask_items(pc_buffer_take_slice(&out), g->plan.masks[PC_SECTION_INSIGHTS],
                                     g->gatherer->body_bytes_max);
        settle(g, PC_SECTION_INSIGHTS, items, &envelope->last_modified);
    }
    pc_buffer_deinit(&out);
    return status;
}

/* Asks for the names of the segments' audiences that are not known yet. */
static void fetch_names(pc_gathering *g)
{
    const char *ids[NAMES_PER_FETCH];
    size_t count = 0;
    int fetches = 0;
    int64_t now = pc_clock_now_ns();
    int64_t deadline = pc_clock_after_ms(now, g->gatherer->names_wait_ms);
    pc_fetch_request request = {
        .kind = PC_FETCH_AUDIENCES,
        .person = {.sandbox = g->plan.person.sandbox},
        .request_id = g->plan.request_id,
        .deadline_ns = deadline < g->plan.close_ns ? deadline : g->plan.close_ns,
        .audience_ids = ids,
    };
    pc_segment_iterator iterator;
    pc_segment segment;
    pc_segment_iterator_init(&iterator, pc_slice_bytes(g->segments), pc_slice_size(g->segments),
                             NUMBER_SEGMENT_MEMBERSHIP);
    bool more = true;
    while (more && fetches < NAME_FETCHES_MAX) {
        more = pc_segment_iterator_next(&iterator, &segment);
        /* Only the platform's own audiences can be looked up by the key of a membership. */
        if (more && segment.name_space_size == 3 && memcmp(segment.name_space, "ups", 3) == 0) {
            const char *unused;
            const char *id = pc_arena_strndup(&g->arena, (const char *)segment.segment_id,
                                              segment.segment_id_size);
            if (id != NULL && id[0] != '\0' &&
                pc_audience_names_get(g->gatherer->names, g->plan.person.sandbox, id, now,
                                      &g->arena, &unused) == PC_NAME_UNKNOWN) {
                ids[count++] = id;
            }
        }
        if (count == NAMES_PER_FETCH || (!more && count > 0)) {
            request.audience_count = count;
            start_fetch(g, FETCH_NAMES + fetches++, &request);
            count = 0;
        }
    }
}

static pc_status map_profile(pc_gathering *g, const pc_slice *body)
{
    pc_profile_envelope envelope;
    pc_status status =
        pc_envelope_profile(&envelope, &g->arena, pc_slice_bytes(body), pc_slice_size(body));
    if (!pc_status_ok(&status)) {
        return status;
    }
    g->gathered.xid = envelope.xid;
    pc_buffer profile;
    pc_buffer_init(&profile, g->gatherer->body_bytes_max);
    status = pc_transcode(&profile, envelope.entity.bytes, envelope.entity.size, &pc_table_Profile,
                          NULL);
    if (pc_status_ok(&status) && wants(g, PC_SECTION_INSIGHTS)) {
        status = map_insights(g, &envelope);
    }
    if (!pc_status_ok(&status)) {
        pc_buffer_deinit(&profile);
        return status;
    }
    const pc_gather_plan *plan = &g->plan;
    if (wants(g, PC_SECTION_IDENTITIES)) {
        pc_slice *items =
            pick_fields(&profile, NUMBER_IDENTITY_MAP, plan->numbers[PC_SECTION_IDENTITIES]);
        items = items == NULL ? NULL
                              : mask_items(items, plan->masks[PC_SECTION_IDENTITIES],
                                           g->gatherer->body_bytes_max);
        settle(g, PC_SECTION_IDENTITIES, items, &envelope.last_modified);
    }
    if (wants(g, PC_SECTION_SEGMENTS)) {
        g->segments = pick_fields(&profile, NUMBER_SEGMENT_MEMBERSHIP, NUMBER_SEGMENT_MEMBERSHIP);
        settle(g, PC_SECTION_SEGMENTS, pc_slice_ref(g->segments), &envelope.last_modified);
        if (g->segments != NULL) {
            fetch_names(g);
        }
    }
    if (wants(g, PC_SECTION_PROFILE)) {
        pc_slice *whole =
            plan->whole_profile ? pc_buffer_take_slice(&profile) : pick_fields(&profile, 0, 0);
        settle(g, PC_SECTION_PROFILE, mask_profile(g, whole), &envelope.last_modified);
    }
    pc_buffer_deinit(&profile);
    return PC_OK;
}

static pc_status map_events(pc_gathering *g, const pc_slice *body)
{
    pc_buffer out;
    pc_buffer_init(&out, g->gatherer->body_bytes_max);
    pc_event_summary summary;
    pc_status status = pc_map_events(&out, &summary, &g->arena, pc_slice_bytes(body),
                                     pc_slice_size(body), g->plan.numbers[PC_SECTION_EVENTS], NULL);
    if (pc_status_ok(&status)) {
        pc_slice *items = pc_buffer_take_slice(&out);
        items = items == NULL ? NULL
                              : mask_items(items, g->plan.masks[PC_SECTION_EVENTS],
                                           g->gatherer->body_bytes_max);
        settle(g, PC_SECTION_EVENTS, items, &summary.newest_last_modified);
        g->gathered.event_count = summary.count;
        g->gathered.next_cursor = summary.next_cursor;
        g->gathered.sections[PC_SECTION_EVENTS].truncated = summary.next_cursor[0] != '\0';
    }
    pc_buffer_deinit(&out);
    return status;
}

static void keep_names(pc_gathering *g, const pc_slice *body)
{
    pc_audience_iterator iterator;
    pc_audience audience;
    pc_audience_iterator_init(&iterator, &g->arena, pc_slice_bytes(body), pc_slice_size(body));
    int64_t now = pc_clock_now_ns();
    bool found = true;
    while (found) {
        pc_status status = pc_audience_iterator_next(&iterator, &audience, &found);
        if (!pc_status_ok(&status)) {
            /* Names are a comfort: without them the segments still stand. */
            pc_status_clear(&status);
            return;
        }
        if (found) {
            pc_audience_names_put(g->gatherer->names, g->plan.person.sandbox, audience.id,
                                  audience.name, now);
        }
    }
}

static pc_section_status verdict(const pc_status *failure)
{
    if (failure->code == PC_CODE_NOT_FOUND) {
        return PC_SECTION_MISSING;
    }
    if (strcmp(pc_status_reason(failure), "EVENTS_NOT_ENABLED") == 0) {
        return PC_SECTION_NOT_ENABLED;
    }
    if (failure->code == PC_CODE_PERMISSION_DENIED) {
        return PC_SECTION_DENIED;
    }
    return failure->code == PC_CODE_DEADLINE_EXCEEDED ? PC_SECTION_LATE : PC_SECTION_FAILED;
}

static void settle_failure(pc_gathering *g, pc_section section, const pc_status *failure)
{
    pc_section_result *result = &g->gathered.sections[section];
    if (wants(g, section) && result->status == PC_SECTION_UNDECIDED) {
        result->status = verdict(failure);
        result->reason = pc_status_reason(failure);
    }
}

static void map_one(pc_gathering *g, fetch *f)
{
    pc_status status = f->status;
    f->status = PC_OK;
    if (f == &g->fetches[FETCH_PROFILE]) {
        if (pc_status_ok(&status)) {
            status = map_profile(g, f->body);
        }
        for (int s = 1; s < PC_SECTION_COUNT && !pc_status_ok(&status); s++) {
            if (s != PC_SECTION_EVENTS) {
                settle_failure(g, (pc_section)s, &status);
            }
        }
        g->gathered.profile_failure = status;
    } else if (f == &g->fetches[FETCH_EVENTS]) {
        if (pc_status_ok(&status)) {
            status = map_events(g, f->body);
        }
        if (!pc_status_ok(&status)) {
            settle_failure(g, PC_SECTION_EVENTS, &status);
        }
        g->gathered.events_failure = status;
    } else if (pc_status_ok(&status)) {
        keep_names(g, f->body);
    } else {
        /* Segments without names are still right. */
        pc_status_clear(&status);
    }
}

static void map_fetched(pc_job *job)
{
    fetch *f = PC_CONTAINER_OF(job, fetch, map_job);
    pc_gathering *g = f->gathering;
    pthread_mutex_lock(&g->map_lock);
    pthread_mutex_lock(&g->lock);
    bool too_late = g->closed;
    pthread_mutex_unlock(&g->lock);
    if (!too_late) {
        map_one(g, f);
    }
    pthread_mutex_unlock(&g->map_lock);

    pthread_mutex_lock(&g->lock);
    bool last = --g->pending == 0 && !g->closed;
    g->closed = g->closed || last;
    pthread_mutex_unlock(&g->lock);
    if (last) {
        close_gathering(&g->close_job);
    }
    unref(g);
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

/* The segments once more, with what names are known by now and whether they hold. */
static void finish_segments(pc_gathering *g)
{
    pc_section_result *result = &g->gathered.sections[PC_SECTION_SEGMENTS];
    if (result->status != PC_SECTION_OK || g->segments == NULL) {
        return;
    }
    pc_buffer out;
    pc_buffer_init(&out, g->gatherer->body_bytes_max);
    pc_segment_iterator iterator;
    pc_segment segment;
    pc_segment_iterator_init(&iterator, pc_slice_bytes(g->segments), pc_slice_size(g->segments),
                             NUMBER_SEGMENT_MEMBERSHIP);
    int64_t now_ns = pc_clock_now_ns();
    int64_t wall_ms = pc_clock_wall_ms();
    while (pc_segment_iterator_next(&iterator, &segment)) {
        const char *name = NULL;
        const char *id =
            pc_arena_strndup(&g->arena, (const char *)segment.segment_id, segment.segment_id_size);
        if (id != NULL && segment.name_space_size == 3 &&
            memcmp(segment.name_space, "ups", 3) == 0) {
            (void)pc_audience_names_get(g->gatherer->names, g->plan.person.sandbox, id, now_ns,
                                        &g->arena, &name);
        }
        pc_segment_put(&out, g->plan.numbers[PC_SECTION_SEGMENTS], &segment, name, wall_ms);
    }
    pc_slice_unref(result->data);
    pc_slice *items = pc_buffer_take_slice(&out);
    result->data = items == NULL ? NULL
                                 : mask_items(items, g->plan.masks[PC_SECTION_SEGMENTS],
                                              g->gatherer->body_bytes_max);
    if (result->data == NULL) {
        result->status = PC_SECTION_FAILED;
        result->reason = "OUT_OF_MEMORY";
    }
    pc_buffer_deinit(&out);
}

static void settle_unarrived(pc_gathering *g)
{
    pc_status late = g->cancelled
                         ? pc_status_new(PC_CODE_CANCELLED, "CALLER_GONE", "the caller has gone")
                         : pc_status_new(PC_CODE_DEADLINE_EXCEEDED, "UPSTREAM_LATE",
                                         "the upstream did not answer before the deadline");
    for (int s = 1; s < PC_SECTION_COUNT; s++) {
        pc_section_result *result = &g->gathered.sections[s];
        if (!wants(g, (pc_section)s) || result->status != PC_SECTION_UNDECIDED) {
            continue;
        }
        pc_status *failure =
            s == PC_SECTION_EVENTS ? &g->gathered.events_failure : &g->gathered.profile_failure;
        if (pc_status_ok(failure)) {
            *failure = pc_status_copy(&late);
        }
        settle_failure(g, (pc_section)s, failure);
    }
    pc_status_clear(&late);
}

static void cancel_fetches(pc_gathering *g)
{
    for (size_t i = 0; i < FETCHES_MAX; i++) {
        pthread_mutex_lock(&g->lock);
        void *op = g->fetches[i].op;
        pthread_mutex_unlock(&g->lock);
        if (op != NULL) {
            g->gatherer->source->cancel(g->gatherer->source, op);
        }
    }
}

static void close_gathering(pc_job *job)
{
    pc_gathering *g = PC_CONTAINER_OF(job, pc_gathering, close_job);
    if (pc_timers_cancel(g->gatherer->timers, &g->timer)) {
        unref(g);
    }
    cancel_fetches(g);
    pthread_mutex_lock(&g->map_lock);
    settle_unarrived(g);
    finish_segments(g);
    pthread_mutex_unlock(&g->map_lock);
    g->callbacks.done(g->callbacks.self, &g->gathered);
    unref(g);
}

void pc_gather_cancel(pc_gathering *g)
{
    pthread_mutex_lock(&g->lock);
    bool first = !g->closed;
    g->closed = true;
    g->cancelled = g->cancelled || first;
    pthread_mutex_unlock(&g->lock);
    if (first) {
        pc_workers_run(g->gatherer->workers, &g->close_job);
    }
}

static void unref(pc_gathering *g)
{
    pthread_mutex_lock(&g->lock);
    bool last = --g->references == 0;
    pthread_mutex_unlock(&g->lock);
    if (!last) {
        return;
    }
    for (size_t i = 0; i < FETCHES_MAX; i++) {
        if (g->fetches[i].op != NULL) {
            g->gatherer->source->release(g->gatherer->source, g->fetches[i].op);
        }
        pc_slice_unref(g->fetches[i].body);
        pc_status_clear(&g->fetches[i].status);
    }
    for (size_t i = 0; i < PC_SECTION_COUNT; i++) {
        pc_slice_unref(g->gathered.sections[i].data);
    }
    pc_status_clear(&g->gathered.profile_failure);
    pc_status_clear(&g->gathered.events_failure);
    pc_slice_unref(g->segments);
    pc_arena_deinit(&g->arena);
    pc_gather_callbacks callbacks = g->callbacks;
    pc_gather_release(g);
    callbacks.released(callbacks.self);
}

void pc_gather_release(pc_gathering *g)
{
    pthread_mutex_lock(&g->lock);
    bool last = --g->handles == 0;
    pthread_mutex_unlock(&g->lock);
    if (last) {
        pthread_mutex_destroy(&g->map_lock);
        pthread_mutex_destroy(&g->lock);
        free(g);
    }
}
