/* How many calls each caller may make: a token bucket for each, by its key. The table has a fixed
 * size; where it is full, the caller that has been silent for longest is forgotten, which gives it
 * a full bucket when it comes again. Threads: any. */
#ifndef PC_UTIL_QUOTAS_H
#define PC_UTIL_QUOTAS_H

#include <stdint.h>

#include "util/status.h"

typedef struct pc_quotas pc_quotas;

typedef struct {
    double rate;  /* calls a second; 0: no bound */
    double burst; /* calls at once after a pause */
} pc_quota;

PC_NODISCARD pc_status pc_quotas_new(pc_quotas **out);
void pc_quotas_free(pc_quotas *quotas);

/* Takes one call out of the caller's bucket. 0, or how long until there is one, in nanoseconds. */
int64_t pc_quotas_take(pc_quotas *quotas, uint64_t caller, const pc_quota *quota, int64_t now_ns);

/* Puts back one that was taken of late. */
void pc_quotas_give_back(pc_quotas *quotas, uint64_t caller);

#endif
