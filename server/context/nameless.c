/* A look at each segment in turn. */
#include "context/nameless.h"

#include "context/section_bytes.h"

void pc_nameless_init(pc_nameless *nameless, const pc_profile_part *part, pc_audience_names *names,
                      const char *sandbox, int64_t now_ns)
{
    *nameless = (pc_nameless){.names = names, .sandbox = sandbox, .now_ns = now_ns};
    pc_segment_iterator_init(&nameless->segments, part->segments, part->segments_size,
                             PC_PROFILE_SEGMENT_MEMBERSHIP);
}

static bool is_unknown(const pc_nameless *nameless, const char *id, pc_arena *arena)
{
    pc_segment_words unused;
    return id != NULL && pc_audience_names_get(nameless->names, nameless->sandbox, id,
                                               nameless->now_ns, arena, &unused) == PC_NAME_UNKNOWN;
}

size_t pc_nameless_next(const char **ids, size_t most, pc_nameless *nameless, pc_arena *arena)
{
    pc_segment segment;
    size_t count = 0;
    while (count < most && pc_segment_iterator_next(&nameless->segments, &segment)) {
        if (pc_segment_has_name(&segment)) {
            const char *id =
                pc_arena_strndup(arena, (const char *)segment.segment_id, segment.segment_id_size);
            if (is_unknown(nameless, id, arena)) {
                ids[count++] = id;
            }
        }
    }
    return count;
}
