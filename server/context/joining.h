/* Fetches of whole profiles that come within a few milliseconds of each other, as one upstream
 * request: a source in front of another. It trades a little time for calls, which are billed.
 *
 * Joined are fetches of profiles with all fields, of the same sandbox and merge policy, unless they
 * are for routing, which waits for nobody. They wait until the window of the first is over or
 * enough have come. One that is by itself then goes as it would have gone; several become one
 * request. Each is told what a request of its own would have brought: its part of the answer, or
 * its entry's own error. Whoever is not found in the answer beyond doubt has a request of its own,
 * so nobody is called unknown on a guess; so have all when the upstream refuses them together. When
 * it fails, all are told so, for more requests do not help an upstream that is down.
 *
 * The calls of a joint request are counted to the first of those who wait for its answer; one that
 * leaves is told so at once, and when none is left the request ends. Threads: as source.h; those
 * who were joined are told on a worker. */
#ifndef PC_CONTEXT_JOINING_H
#define PC_CONTEXT_JOINING_H

#include "context/source.h"
#include "util/timers.h"
#include "util/workers.h"

typedef struct pc_joining pc_joining;

/* Borrowed; all of it lives longer than the joining. */
typedef struct {
    const pc_source *inner; /* and until the workers have ended */
    pc_workers *workers;
    pc_timers *timers;
    int64_t window_ms;
    size_t most; /* in one request: 2 to PC_FETCH_REFS_MAX */
} pc_joining_options;

/* Owned: pc_joining_free. Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_joining_new(pc_joining **out, const pc_joining_options *options);

/* Waits until every operation has ended and been released. NULL is allowed. */
void pc_joining_free(pc_joining *joining);

/* Works until pc_joining_free. */
pc_source pc_joining_source(pc_joining *joining);

#endif
