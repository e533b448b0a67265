/* From the upstream's answer about audiences to names that are remembered. Threads: any. */
#ifndef PC_CONTEXT_TOLD_NAMES_H
#define PC_CONTEXT_TOLD_NAMES_H

#include "context/audience_names.h"
#include "util/slice.h"

/* Remembers what the answer to PC_FETCH_AUDIENCES for `ids` tells, and of those that it says
 * nothing about, or that it refuses, that there is no name: else every answer would ask again.
 * `body` is NULL where `status` is a failure; a passing failure leaves all as it was. `arena` is
 * used for working memory. */
void pc_told_names_keep(pc_audience_names *names, const char *sandbox, const char *const *ids,
                        size_t count, const pc_status *status, const pc_slice *body,
                        pc_arena *arena);

#endif
