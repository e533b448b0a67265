/* The audiences of a profile's segments whose names are not known: what to ask the upstream for.
 * Threads: as pc_audience_names. */
#ifndef PC_CONTEXT_NAMELESS_H
#define PC_CONTEXT_NAMELESS_H

#include "context/audience_names.h"
#include "context/part.h"
#include "mapping/segments.h"

/* Goes through the segments of a part. Visible only to be embedded; borrows what it is made of. */
typedef struct {
    pc_segment_iterator segments;
    pc_audience_names *names;
    const char *sandbox;
    int64_t now_ns;
} pc_nameless;

void pc_nameless_init(pc_nameless *nameless, const pc_profile_part *part, pc_audience_names *names,
                      const char *sandbox, int64_t now_ns);

/* The next ones, `most` at most, as texts in the arena; those that it has no room for are left out.
 * 0 after the last. */
size_t pc_nameless_next(const char **ids, size_t most, pc_nameless *nameless, pc_arena *arena);

#endif
