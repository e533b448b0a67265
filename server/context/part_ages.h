/* How old the remembered parts are that answers are made of: what tells whether the configured
 * freshness is used up, or could be shorter at no cost.
 * Threads: any. Counting takes no lock and no memory. */
#ifndef PC_CONTEXT_PART_AGES_H
#define PC_CONTEXT_PART_AGES_H

#include "context/gather.h"
#include "util/distribution.h"

/* One kind for each pc_part_kind, in milliseconds. Owned: pc_distribution_free. Errors:
 * RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_part_ages_new(pc_distribution **out);

/* Counts those of an answer. NULL counts nothing. */
void pc_part_ages_add(pc_distribution *ages, const pc_gathered *gathered);

#endif
