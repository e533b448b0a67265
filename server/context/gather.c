/* One gathering: a fetch for the profile (which also holds segments, identities and insights), one
 * for events, and where segments lack names, some for audiences. */
#include "context/gather.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "context/section_bytes.h"
#include "mapping_tables.h"
#include "util/clock.h"

enum {
    ARENA_BYTES_MAX = 16 * 1024 * 1024,
    NAMES_PER_FETCH = 100, /* the upstream's limit (audience bulk-get) */
    NAME_FETCHES_MAX = 10,
    FETCH_PROFILE = 0,
    FETCH_EVENTS = 1,
    FETCH_NAMES = 2, /* the first of them */
    FETCHES_MAX = FETCH_NAMES + NAME_FETCHES_MAX
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
    pthread_mutex_t lock;     /* guards: pending to handles, fetches' op */
    int pending;              /* fetches that are not mapped yet */
    int unanswered;           /* fetches under way */
    unsigned upstream_calls;  /* of those that have been answered */
    size_t upstream_bytes;
    bool closed; /* the result is settled: later arrivals are dropped */
    bool cancelled;
    int references; /* of the work: the closing, each fetch under way, the timer */
    int handles;    /* of the memory: the work, and the starter's */
    pc_timer timer;
    pc_job close_job;
    fetch fetches[FETCHES_MAX];
    pc_slice *segments; /* owned; field 41 of Profile, before names are added */
    /* What the summary is made of, owned; kept only when it is wanted. */
    pc_slice *whole_profile;
    pc_slice *all_insights;
    pc_slice *all_events;
    const pc_case_note *notes; /* arena */
    size_t note_count;
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
    PC_SECTION_BIT(PC_SECTION_IDENTITIES) | PC_SECTION_BIT(PC_SECTION_INSIGHTS) |
    PC_SECTION_BIT(PC_SECTION_SUMMARY);

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
    g->unanswered++;
    pthread_mutex_unlock(&g->lock);
    void *op = NULL;
    pc_status status = g->gatherer->source->start(g->gatherer->source, request, on_fetched, f, &op);
    if (!pc_status_ok(&status)) {
        pthread_mutex_lock(&g->lock);
        g->unanswered--;
        pthread_mutex_unlock(&g->lock);
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
    if (wants(g, PC_SECTION_EVENTS) || wants(g, PC_SECTION_SUMMARY)) {
        request.kind = PC_FETCH_EVENTS;
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
    f->gathering->unanswered--;
    f->gathering->upstream_calls += attempts;
    f->gathering->upstream_bytes += pc_slice_size(body);
    pthread_mutex_unlock(&f->gathering->lock);
    pc_workers_run(f->gathering->gatherer->workers, &f->map_job);
}

/* ---- mapping --------------------------------------------------------------------------------- */

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
    pc_slice *items = pc_status_ok(&status) ? pc_buffer_take_slice(&out) : NULL;
    pc_buffer_deinit(&out);
    if (!pc_status_ok(&status)) {
        return status;
    }
    if (wants(g, PC_SECTION_SUMMARY)) {
        g->all_insights = pc_slice_ref(items);
    }
    if (wants(g, PC_SECTION_INSIGHTS)) {
        items =
            pc_mask_items(items, g->plan.masks[PC_SECTION_INSIGHTS], g->gatherer->body_bytes_max);
        settle(g, PC_SECTION_INSIGHTS, items, &envelope->last_modified);
    } else {
        pc_slice_unref(items);
    }
    return PC_OK;
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
                             PC_PROFILE_SEGMENT_MEMBERSHIP);
    bool more = true;
    while (more && fetches < NAME_FETCHES_MAX) {
        more = pc_segment_iterator_next(&iterator, &segment);
        /* Only the platform's own audiences can be looked up by the key of a membership. */
        if (more && segment.name_space_size == 3 && memcmp(segment.name_space, "ups", 3) == 0) {
            pc_segment_words unused;
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

/* The sections that are parts of the profile's bytes. */
static void settle_parts(pc_gathering *g, const pc_slice *whole, const pc_moment *last_modified)
{
    const pc_gather_plan *plan = &g->plan;
    size_t most = g->gatherer->body_bytes_max;
    if (wants(g, PC_SECTION_IDENTITIES)) {
        pc_slice *items = pc_pick_profile_fields(whole, PC_PROFILE_IDENTITY_MAP,
                                                 plan->numbers[PC_SECTION_IDENTITIES]);
        settle(g, PC_SECTION_IDENTITIES,
               pc_mask_items(items, plan->masks[PC_SECTION_IDENTITIES], most), last_modified);
    }
    if (wants(g, PC_SECTION_SEGMENTS)) {
        g->segments = pc_pick_profile_fields(whole, PC_PROFILE_SEGMENT_MEMBERSHIP,
                                             PC_PROFILE_SEGMENT_MEMBERSHIP);
        settle(g, PC_SECTION_SEGMENTS, pc_slice_ref(g->segments), last_modified);
        if (g->segments != NULL) {
            fetch_names(g);
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
    if (pc_status_ok(&status) && (wants(g, PC_SECTION_INSIGHTS) || wants(g, PC_SECTION_SUMMARY))) {
        status = map_insights(g, &envelope);
    }
    pc_slice *whole = pc_status_ok(&status) ? pc_buffer_take_slice(&profile) : NULL;
    pc_buffer_deinit(&profile);
    if (whole == NULL) {
        return pc_status_ok(&status) ? pc_status_out_of_memory() : status;
    }
    settle_parts(g, whole, &envelope.last_modified);
    if (wants(g, PC_SECTION_SUMMARY)) {
        g->whole_profile = pc_slice_ref(whole);
    }
    if (wants(g, PC_SECTION_PROFILE)) {
        pc_slice *shown = g->plan.whole_profile ? pc_slice_ref(whole) : pc_pick_profile_rest(whole);
        settle(
            g, PC_SECTION_PROFILE,
            pc_mask_message(shown, g->plan.masks[PC_SECTION_PROFILE], g->gatherer->body_bytes_max),
            &envelope.last_modified);
    }
    pc_slice_unref(whole);
    return PC_OK;
}

static pc_status map_events(pc_gathering *g, const pc_slice *body)
{
    const pc_gather_plan *plan = &g->plan;
    size_t most = g->gatherer->body_bytes_max;
    pc_buffer out;
    pc_buffer_init(&out, most);
    pc_event_summary summary;
    pc_status status = pc_map_events(&out, &summary, &g->arena, pc_slice_bytes(body),
                                     pc_slice_size(body), plan->numbers[PC_SECTION_EVENTS], NULL);
    if (pc_status_ok(&status) && wants(g, PC_SECTION_SUMMARY)) {
        status = pc_summary_case_notes(&g->notes, &g->note_count, &g->arena, g->gatherer->summary,
                                       pc_slice_bytes(body), pc_slice_size(body));
    }
    pc_slice *items = pc_status_ok(&status) ? pc_buffer_take_slice(&out) : NULL;
    pc_buffer_deinit(&out);
    if (!pc_status_ok(&status)) {
        return status;
    }
    if (wants(g, PC_SECTION_SUMMARY)) {
        g->all_events = pc_slice_ref(items);
    }
    g->gathered.event_count = summary.count;
    g->gathered.next_cursor = summary.next_cursor;
    items = pc_keep_event_types(items, plan->event_types, plan->event_type_count, most,
                                &g->gathered.event_count);
    if (wants(g, PC_SECTION_EVENTS)) {
        settle(g, PC_SECTION_EVENTS, pc_mask_items(items, plan->masks[PC_SECTION_EVENTS], most),
               &summary.newest_last_modified);
        g->gathered.sections[PC_SECTION_EVENTS].truncated = summary.next_cursor[0] != '\0';
    } else {
        pc_slice_unref(items);
    }
    return PC_OK;
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
            const pc_segment_words words = {audience.name, audience.description};
            pc_audience_names_put(g->gatherer->names, g->plan.person.sandbox, audience.id, &words,
                                  now);
        }
    }
}

pc_section_status pc_section_verdict(const pc_status *failure)
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
        result->status = pc_section_verdict(failure);
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
            if (s != PC_SECTION_EVENTS && s != PC_SECTION_SUMMARY) {
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
                             PC_PROFILE_SEGMENT_MEMBERSHIP);
    int64_t now_ns = pc_clock_now_ns();
    int64_t wall_ms = pc_clock_wall_ms();
    while (pc_segment_iterator_next(&iterator, &segment)) {
        pc_segment_words words = {NULL, NULL};
        const char *id =
            pc_arena_strndup(&g->arena, (const char *)segment.segment_id, segment.segment_id_size);
        if (id != NULL && segment.name_space_size == 3 &&
            memcmp(segment.name_space, "ups", 3) == 0) {
            (void)pc_audience_names_get(g->gatherer->names, g->plan.person.sandbox, id, now_ns,
                                        &g->arena, &words);
        }
        pc_segment_put(&out, g->plan.numbers[PC_SECTION_SEGMENTS], &segment, &words, wall_ms);
    }
    pc_slice_unref(result->data);
    pc_slice *items = pc_buffer_take_slice(&out);
    result->data = items == NULL ? NULL
                                 : pc_mask_items(items, g->plan.masks[PC_SECTION_SEGMENTS],
                                                 g->gatherer->body_bytes_max);
    if (result->data == NULL) {
        result->status = PC_SECTION_FAILED;
        result->reason = "OUT_OF_MEMORY";
    }
    pc_buffer_deinit(&out);
}

/* The summary of what has arrived: where a part is missing its failure is the summary's status, and
 * what the other part tells is there all the same. */
static void finish_summary(pc_gathering *g)
{
    if (!wants(g, PC_SECTION_SUMMARY)) {
        return;
    }
    bool has_profile = g->whole_profile != NULL;
    /* A known person without events may be "not found" to the upstream's event look-up. */
    bool has_events = g->all_events != NULL ||
                      (has_profile && g->gathered.events_failure.code == PC_CODE_NOT_FOUND);
    const pc_status *failure =
        has_profile ? &g->gathered.events_failure : &g->gathered.profile_failure;
    if (!has_profile && !has_events) {
        settle_failure(g, PC_SECTION_SUMMARY, failure);
        return;
    }
    const pc_summary_input input = {
        .namespace_code = g->plan.person.namespace_code,
        .id = g->plan.person.id,
        .has_profile = has_profile,
        .profile = pc_slice_bytes(g->whole_profile),
        .profile_size = pc_slice_size(g->whole_profile),
        .insights = pc_slice_bytes(g->all_insights),
        .insights_size = pc_slice_size(g->all_insights),
        .has_events = has_events,
        .events = pc_slice_bytes(g->all_events),
        .events_size = pc_slice_size(g->all_events),
        .notes = g->notes,
        .note_count = g->note_count,
        .events_truncated = g->gathered.next_cursor[0] != '\0',
    };
    pc_buffer out;
    pc_buffer_init(&out, g->gatherer->body_bytes_max);
    pc_status status = pc_summary_put(&out, &g->arena, g->gatherer->summary, &input);
    pc_slice *made = pc_status_ok(&status) ? pc_buffer_take_slice(&out) : NULL;
    pc_status_clear(&status);
    pc_buffer_deinit(&out);
    const pc_moment unknown = {.present = false};
    settle(g, PC_SECTION_SUMMARY,
           pc_mask_message(made, g->plan.masks[PC_SECTION_SUMMARY], g->gatherer->body_bytes_max),
           &unknown);
    pc_section_result *result = &g->gathered.sections[PC_SECTION_SUMMARY];
    if (result->status == PC_SECTION_OK && !(has_profile && has_events)) {
        result->status = pc_section_verdict(failure);
        result->reason = pc_status_reason(failure);
    }
    result->truncated = input.events_truncated;
}

/* The summary needs both fetches, also where no section of its own wants one of them. */
static void note_late(pc_gathering *g, const pc_status *late)
{
    if (g->whole_profile == NULL && pc_status_ok(&g->gathered.profile_failure)) {
        g->gathered.profile_failure = pc_status_copy(late);
    }
    if (g->all_events == NULL && pc_status_ok(&g->gathered.events_failure)) {
        g->gathered.events_failure = pc_status_copy(late);
    }
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
        if (s == PC_SECTION_SUMMARY) {
            note_late(g, &late);
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
    finish_summary(g);
    pthread_mutex_unlock(&g->map_lock);
    pthread_mutex_lock(&g->lock);
    /* What is still under way is paid for as well. */
    g->gathered.upstream_calls = g->upstream_calls + (unsigned)g->unanswered;
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
    pc_slice_unref(g->whole_profile);
    pc_slice_unref(g->all_insights);
    pc_slice_unref(g->all_events);
    pc_arena_deinit(&g->arena);
    pc_gather_callbacks callbacks = g->callbacks;
    pc_gather_release(g);
    callbacks.released(callbacks.self);
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
