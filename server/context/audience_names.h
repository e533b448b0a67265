/* Names and descriptions of audiences by sandbox and id, remembered for a while, also that there is
 * none. They change rarely, and looking one up costs an upstream call.
 * Threads: any. */
#ifndef PC_CONTEXT_AUDIENCE_NAMES_H
#define PC_CONTEXT_AUDIENCE_NAMES_H

#include "mapping/segments.h"
#include "util/arena.h"
#include "util/status.h"

typedef struct pc_audience_names pc_audience_names;

typedef enum { PC_NAME_UNKNOWN, PC_NAME_KNOWN, PC_NAME_NONE } pc_name_verdict;

/* Remembers at most `entries_max` names, each `ttl_ms`, or `missing_ttl_ms` when there is none; the
 * oldest entry makes room. Owned: pc_audience_names_free. Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_audience_names_new(pc_audience_names **out, size_t entries_max,
                                             int64_t ttl_ms, int64_t missing_ttl_ms);

/* NULL is allowed. */
void pc_audience_names_free(pc_audience_names *names);

/* `*out` holds copies in `arena` for PC_NAME_KNOWN, else NULLs. `now_ns` is monotonic. */
pc_name_verdict pc_audience_names_get(pc_audience_names *names, const char *sandbox, const char *id,
                                      int64_t now_ns, pc_arena *arena, pc_segment_words *out);

/* A name of NULL: there is none. What cannot be kept for lack of memory is looked up again later.
 */
void pc_audience_names_put(pc_audience_names *names, const char *sandbox, const char *id,
                           const pc_segment_words *words, int64_t now_ns);

#endif
