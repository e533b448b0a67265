/* One fetch by itself whose answer is worked on by a worker: for what needs no gathering.
 * Threads: start and cancel on any; the callback comes on a worker. */
#ifndef PC_CONTEXT_FETCHING_H
#define PC_CONTEXT_FETCHING_H

#include "context/source.h"
#include "util/workers.h"

typedef struct pc_fetching pc_fetching;

/* Takes `status`; `body` is borrowed and NULL on failure; `attempts` counts upstream calls. May
 * take its time. Comes exactly once, never within the start. */
typedef void (*pc_fetching_done)(void *self, pc_status status, pc_slice *body, unsigned attempts);

/* Starts. Owned: pc_fetching_release; it goes on to its end by itself. Always calls back, also when
 * the source refuses; an error returned (lack of memory) means that it will not, and `*out` is
 * NULL. */
PC_NODISCARD pc_status pc_fetching_start(pc_fetching **out, const pc_source *source,
                                         pc_workers *workers, const pc_fetch_request *request,
                                         pc_fetching_done done, void *self);

/* Asks for an early end; the callback still comes. Harmless when it has come. */
void pc_fetching_cancel(pc_fetching *fetching);

/* Has it wait for its turn as a more critical one. Harmless at any other time. */
void pc_fetching_raise(pc_fetching *fetching, pc_criticality criticality);

/* NULL is allowed. */
void pc_fetching_release(pc_fetching *fetching);

#endif
