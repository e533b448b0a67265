/* Two rings under one lock. */
#include "telemetry/recent_calls.h"

#include <pthread.h>
#include <stdlib.h>

#include "util/clock.h"

typedef struct {
    pc_recent_call calls[PC_RECENT_CALLS];
    size_t noted; /* since the start */
} ring;

struct pc_recent_calls {
    int64_t slow_ns;
    pthread_mutex_t lock; /* guards: rings */
    ring rings[PC_RECENT_LISTS];
};

pc_status pc_recent_calls_new(pc_recent_calls **out, int64_t slow_ns)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL) {
        return pc_status_out_of_memory();
    }
    (*out)->slow_ns = slow_ns;
    pthread_mutex_init(&(*out)->lock, NULL);
    return PC_OK;
}

void pc_recent_calls_free(pc_recent_calls *recent)
{
    if (recent != NULL) {
        pthread_mutex_destroy(&recent->lock);
        free(recent);
    }
}

static bool has_failed(pc_code code)
{
    return code != PC_CODE_OK && code != PC_CODE_NOT_FOUND && code != PC_CODE_CANCELLED;
}

bool pc_recent_calls_wants(const pc_recent_calls *recent, pc_code code, int64_t duration_ns)
{
    return duration_ns >= recent->slow_ns || has_failed(code);
}

static void put(ring *r, const pc_recent_call *call)
{
    r->calls[r->noted++ % PC_RECENT_CALLS] = *call;
}

void pc_recent_calls_note(pc_recent_calls *recent, const pc_recent_call *call)
{
    if (pthread_mutex_trylock(&recent->lock) != 0) {
        return;
    }
    pc_recent_call noted = *call;
    noted.ended_wall_ms = pc_clock_wall_ms();
    if (has_failed(call->code)) {
        put(&recent->rings[PC_RECENT_FAILED], &noted);
    }
    if (call->duration_ns >= recent->slow_ns) {
        put(&recent->rings[PC_RECENT_SLOW], &noted);
    }
    pthread_mutex_unlock(&recent->lock);
}

size_t pc_recent_calls_read(pc_recent_calls *recent, pc_recent_list list,
                            pc_recent_call out[PC_RECENT_CALLS])
{
    pthread_mutex_lock(&recent->lock);
    const ring *r = &recent->rings[list];
    size_t count = r->noted < PC_RECENT_CALLS ? r->noted : PC_RECENT_CALLS;
    for (size_t i = 0; i < count; i++) {
        out[i] = r->calls[(r->noted - 1 - i) % PC_RECENT_CALLS];
    }
    pthread_mutex_unlock(&recent->lock);
    return count;
}
