/* Fetches of parts that several may wait for: however many ask for the same at the same time, the
 * upstream is called once, the answer is mapped once, and it is remembered. Also called coalescing.
 *
 * A flight goes on for as long as anyone waits for it, or until the upstream's own time-out where
 * what it brings is to be remembered and those who waited ran out of time: the call is paid for
 * anyway. When all who waited have lost interest it is cancelled. Threads: any; waiters are told on
 * a worker. */
#ifndef PC_CONTEXT_FLIGHTS_H
#define PC_CONTEXT_FLIGHTS_H

#include "context/cache/cache.h"
#include "context/part.h"
#include "context/source.h"
#include "util/workers.h"

typedef struct pc_flights pc_flights;

/* Borrowed; all of it lives longer than the flights. */
typedef struct {
    const pc_source *source;
    pc_workers *workers;
    const pc_part_rules *rules;
    const pc_cache_keys *keys;
    const char *merge_policy; /* the usual one; NULL: "" */
    pc_cache *cache;          /* NULL: nothing is remembered */
    int64_t timeout_ms;       /* of a flight */
    bool link_identities;     /* remember a person under all identities that the profile lists */
    int64_t listed_ms;        /* how long a profile is believed that they are one person's */
    size_t prefetches_max; /* flights at once that nobody has asked for; see pc_flights_prefetch */
} pc_flights_options;

/* Owned: pc_flights_free. Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_flights_new(pc_flights **out, const pc_flights_options *options);

/* Cancels what goes on behind answers, and waits for all flights to end. NULL is allowed. */
void pc_flights_free(pc_flights *flights);

/* What to fetch. Borrowed for the call. */
typedef struct {
    pc_part_kind kind;
    /* PC_FETCH_PROFILE or PC_FETCH_EVENTS, whose deadline is not used; or PC_FETCH_AUDIENCES, which
     * makes no part: its names are in the rules' pc_audience_names when the waiters are told. */
    const pc_fetch_request *fetch;
    uint32_t number;              /* of events: their field number */
    const pc_cache_key *remember; /* the person's key, where the part is to be remembered; NULL */
    int64_t oldest_ns;            /* join nothing that began before */
    int64_t seen_ns; /* when what the asker found remembered was fetched; 0: there was nothing */
} pc_flight_request;

/* What a flight brought. Borrowed for the callback. */
typedef struct {
    pc_status status;   /* taken by the callback */
    pc_slice *part;     /* NULL on failure */
    int64_t fetched_ns; /* when it began */
    unsigned attempts;  /* upstream calls; 0 for those who joined a flight */
    size_t bytes;
} pc_flight_result;

typedef struct pc_flight pc_flight;

/* One who waits; embedded. Visible only for that. */
typedef struct pc_waiter {
    /* Once, on a worker or within pc_flights_join, unless pc_flights_leave was in time. Must be
     * brief. */
    void (*told)(struct pc_waiter *waiter, pc_flight_result *result);
    pc_flight *flight;
    struct pc_waiter *next;
    struct pc_waiter **link; /* what points to it */
    bool leads;              /* began the flight, and pays for it */
} pc_waiter;

/* Waits for a flight that is under way, unless half of its time is over, takes what one has brought
 * since the asker looked, or starts one. The waiter
 * is all zero but for `told`, which may be called before this returns, as may pc_flights_leave on
 * another thread. Errors (it is then not called): those of the source's start; RESOURCE_EXHAUSTED.
 */
PC_NODISCARD pc_status pc_flights_join(pc_flights *flights, const pc_flight_request *request,
                                       pc_waiter *waiter);

/* Stops waiting. `lost_interest`: nor is the part wanted for later. False when the waiter has been
 * told, or is being told on another thread. */
bool pc_flights_leave(pc_flights *flights, pc_waiter *waiter, bool lost_interest);

/* Starts a flight nobody waits for, unless there is one, so that a part is fresh the next time. */
void pc_flights_refresh(pc_flights *flights, const pc_flight_request *request);

/* Starts a flight that nobody has asked for, with the criticality of prefetching, unless there is
 * one that could be joined. What it brings is marked so in the cache, and the names of its
 * audiences are fetched behind it. Who joins it makes it a flight like any other. False when there
 * are as many as there may be, those that wait for the budget included; or without memory. */
bool pc_flights_prefetch(pc_flights *flights, const pc_flight_request *request);

/* Forgets a person in the cache, by all identities and under all merge policies that are known
 * there, and what is under way about the person: it is told to those who wait already, and neither
 * found nor remembered. There is a cache. */
void pc_flights_forget(pc_flights *flights, const pc_person *person);

/* How long a fetch of that kind has taken of late; 0: not known yet. */
int64_t pc_flights_expected_ms(const pc_flights *flights, pc_part_kind kind);

#endif
