/* Names are a comfort: what cannot be read is passed over. */
#include "context/told_names.h"

#include "mapping/envelope.h"
#include "util/clock.h"

/* False when the answer cannot be read. */
static bool keep_told(pc_audience_names *names, const char *sandbox, const pc_slice *body,
                      int64_t now_ns, pc_arena *arena)
{
    pc_audience_iterator iterator;
    pc_audience audience;
    bool found = true;
    pc_audience_iterator_init(&iterator, arena, pc_slice_bytes(body), pc_slice_size(body));
    while (found) {
        pc_status status = pc_audience_iterator_next(&iterator, &audience, &found);
        if (!pc_status_ok(&status)) {
            pc_status_clear(&status);
            return false;
        }
        if (found) {
            const pc_segment_words words = {audience.name, audience.description};
            pc_audience_names_put(names, sandbox, audience.id, &words, now_ns);
        }
    }
    return true;
}

void pc_told_names_keep(pc_audience_names *names, const char *sandbox, const char *const *ids,
                        size_t count, const pc_status *status, const pc_slice *body,
                        pc_arena *arena)
{
    int64_t now_ns = pc_clock_now_ns();
    bool told = pc_status_ok(status) ? keep_told(names, sandbox, body, now_ns, arena)
                                     : status->code == PC_CODE_NOT_FOUND ||
                                           status->code == PC_CODE_PERMISSION_DENIED;
    const pc_segment_words none = {NULL, NULL};
    for (size_t i = 0; told && i < count; i++) {
        pc_segment_words known;
        if (pc_audience_names_get(names, sandbox, ids[i], now_ns, arena, &known) ==
            PC_NAME_UNKNOWN) {
            pc_audience_names_put(names, sandbox, ids[i], &none, now_ns);
        }
    }
}
