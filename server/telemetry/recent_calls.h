/* The latest calls that somebody might want to look into: those that failed, and those that were
 * slow. Of a call there is only what is from closed sets: nothing of its caller or of a person.
 * Threads: any. Noting never waits: when two come at once, one is left out. */
#ifndef PC_TELEMETRY_RECENT_CALLS_H
#define PC_TELEMETRY_RECENT_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/status.h"

enum { PC_RECENT_CALLS = 16 };

typedef struct pc_recent_calls pc_recent_calls;

typedef struct {
    int64_t ended_wall_ms;
    const char *method; /* constant */
    pc_code code;
    const char *reason; /* constant; "" for OK */
    int64_t duration_ns;
    unsigned upstream_calls;
} pc_recent_call;

typedef enum { PC_RECENT_FAILED, PC_RECENT_SLOW, PC_RECENT_LISTS } pc_recent_list;

/* Calls of `slow_ns` and more are slow. Owned: pc_recent_calls_free. Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_recent_calls_new(pc_recent_calls **out, int64_t slow_ns);

/* NULL is allowed. */
void pc_recent_calls_free(pc_recent_calls *recent);

/* Whether the call is one of those; that a person is unknown, or a caller has gone, is nothing that
 * has failed. */
bool pc_recent_calls_wants(const pc_recent_calls *recent, pc_code code, int64_t duration_ns);

/* Notes a call that it wants. `ended_wall_ms` is filled in. */
void pc_recent_calls_note(pc_recent_calls *recent, const pc_recent_call *call);

/* The latest first; how many there are. */
size_t pc_recent_calls_read(pc_recent_calls *recent, pc_recent_list list,
                            pc_recent_call out[PC_RECENT_CALLS]);

#endif
