/* Gathers the sections of one person's context: takes what is remembered and fresh enough, fetches
 * the rest in parallel, and closes when all is in or the deadline comes, whichever is first. What
 * is late or refused is taken from memory where it may be stale (cache/freshness.h); else it is
 * marked, and never spoils the others.
 *
 * Threads: pc_gather_start and pc_gather_cancel may be called on any thread; callbacks come on a
 * worker. */
#ifndef PC_CONTEXT_GATHER_H
#define PC_CONTEXT_GATHER_H

#include "context/cache/freshness.h"
#include "context/flights.h"
#include "context/section.h"
#include "mapping/mask.h"
#include "util/clock.h"
#include "util/timers.h"

/* What gathering works with; borrowed, lives longer than every gathering. Filled in by its owner up
 * to `memory`, then opened. */
typedef struct {
    const pc_source *source;
    pc_workers *workers;
    pc_timers *timers;
    pc_audience_names *names;
    const pc_insight_set *insights;
    const pc_summary_rules *summary;
    size_t body_bytes_max;        /* of mapped output */
    int64_t names_wait_ms;        /* at most this long for names of audiences */
    int64_t fetch_timeout_ms;     /* of a fetch, whatever the time of those who wait for it */
    const char *scope;            /* what is the same for all persons: the organisation */
    const char *merge_policy;     /* the usual one; NULL: "" */
    size_t cache_bytes_max;       /* 0: nothing is remembered */
    int cached_events;            /* how many of a person's newest events are remembered */
    bool link_identities;         /* see flights.h */
    size_t prefetches_max;        /* likewise */
    pc_freshness_rules freshness; /* of what is remembered */
    /* Made by pc_gatherer_open. */
    pc_cache_keys *keys;
    pc_cache *cache; /* NULL: nothing is remembered */
    pc_flights *flights;
    pc_part_rules part_rules;
} pc_gatherer;

/* Errors: RESOURCE_EXHAUSTED; INTERNAL (OpenSSL has failed). To be stopped and closed in any case.
 */
PC_NODISCARD pc_status pc_gatherer_open(pc_gatherer *gatherer);

/* Ends the fetches that go on behind answers. Source and workers must still be there; gatherings
 * must not. */
void pc_gatherer_stop(pc_gatherer *gatherer);

/* Forgets everything. The threads that used it must have ended, but for the caller's: what they
 * keep for themselves is freed at their end. */
void pc_gatherer_close(pc_gatherer *gatherer);

/* What to gather. Everything it points to must live until `released`. */
typedef struct {
    pc_person person;
    const char *request_id;
    pc_trace trace; /* what it is a step of */
    pc_criticality criticality;
    uint64_t caller;                        /* who pays for fetches; 0: nobody in particular */
    unsigned sections;                      /* PC_SECTION_BIT of each that is wanted; not empty */
    const pc_mask *masks[PC_SECTION_COUNT]; /* of an item's message; NULL: all of it */
    uint32_t numbers[PC_SECTION_COUNT];     /* field numbers for the repeated sections, not 0 */
    bool whole_profile;                     /* the profile keeps its identities and segments */
    bool with_profile; /* the profile is had as well, as if it were wanted: for its consents */
    bool is_hidden;    /* whether there is such a person is not to be told, nor shown by the time */
    const char *profile_fields; /* what to ask the upstream for; NULL: all */
    const char *event_fields;
    bool has_event_start;
    bool has_event_end;
    int64_t event_start_ms;
    int64_t event_end_ms;
    int event_limit;
    bool oldest_first;
    const char *event_cursor;       /* NULL: the first page */
    const char *const *event_types; /* keep only events of these; NULL: all */
    size_t event_type_count;
    const char *const *event_properties; /* conditions for the upstream */
    size_t event_property_count;
    int64_t close_ns; /* when to close with what there is */
    bool has_max_staleness;
    int64_t max_staleness_ms; /* how old an answer may be, by the caller */
    bool is_bounded;
    int64_t staleness_bound_ms; /* the same, by the caller's rule */
} pc_gather_plan;

/* Where a part comes from. */
typedef struct {
    pc_slice *part;     /* NULL: there is none */
    int64_t fetched_ns; /* pc_clock_now_ns when its fetch began */
    bool remembered;
} pc_part_source;

/* What was gathered. Borrowed for the callback; `data` of a section may be taken by setting it to
 * NULL. */
typedef struct {
    pc_section_result sections[PC_SECTION_COUNT];
    pc_now now;                /* when it was gathered: what ages are counted to */
    pc_status profile_failure; /* of the fetches, or OK. May be taken */
    pc_status events_failure;
    size_t event_count;
    const char *next_cursor; /* of the events; "" at the end */
    bool events_truncated;   /* there are more events than the plan's limits let through */
    const char *xid;         /* "" when not known */
    bool xid_withheld;       /* the caller may not see it */
    pc_part_source held[PC_PART_COUNT]; /* parts owned: what texts borrow from */
    pc_slice *shown_events;             /* owned; what of them the summary is made of */
    unsigned upstream_calls;
    size_t upstream_bytes; /* of the answers' bodies */
} pc_gathered;

typedef struct {
    /* Once, with the result. */
    void (*done)(void *self, pc_gathered *gathered);
    /* Once, last: the plan and `self` are no longer used. */
    void (*released)(void *self);
    void *self;
} pc_gather_callbacks;

typedef struct pc_gathering pc_gathering;

/* Whether the part as the plan wants it is taken from, and left in, the cache. It is then asked for
 * whole, so that it serves every later question: `profile_fields` or `event_fields` are not used.
 */
bool pc_gather_remembers(const pc_gatherer *gatherer, const pc_gather_plan *plan,
                         pc_part_kind kind);

/* Gathers from memory alone, on the calling thread: true when all that the plan wants is remembered
 * and may be given; what is to be fetched anew behind it is under way then. `*out` is to be given
 * back with pc_gathered_deinit in any case. */
bool pc_gather_at_once(pc_gathered *out, const pc_gatherer *gatherer, const pc_gather_plan *plan);
void pc_gathered_deinit(pc_gathered *gathered);

typedef enum {
    PC_PREFETCH_WARM,    /* all that the plan wants is remembered, and fresh enough */
    PC_PREFETCH_STARTED, /* what is not is being fetched */
    PC_PREFETCH_FULL,    /* not all of it: too many others are waited for */
    PC_PREFETCH_NO_CACHE
} pc_prefetch_state;

/* Sees to it that what the plan wants is remembered when somebody asks, on the calling thread and
 * without waiting. Of events, that is as many as are remembered, whatever the plan says of them. */
pc_prefetch_state pc_gather_prefetch(const pc_gatherer *gatherer, const pc_gather_plan *plan);

/* Forgets a person, as after a deletion, under every merge policy. */
void pc_gatherer_forget(const pc_gatherer *gatherer, const pc_person *person);

/* Starts. An error returned means that no callback comes. Else both come, `done` first, neither
 * within this call. Owned: pc_gather_release, whenever it is no longer needed for cancelling.
 * Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_gather_start(pc_gathering **out, const pc_gatherer *gatherer,
                                       const pc_gather_plan *plan,
                                       const pc_gather_callbacks *callbacks);

/* The caller has gone: ends the upstream's transfers. `done` still comes, with code CANCELLED.
 * Harmless when it has come. */
void pc_gather_cancel(pc_gathering *gathering);

/* Gives the gathering back; it goes on to its end by itself. NULL is allowed. */
void pc_gather_release(pc_gathering *gathering);

#endif
