/* Counts the sections of answers: which section, where it came from, what became of it. The share
 * of the cache is read off it, and what callers have to do without.
 * Threads: any. Counting takes no lock and no memory. */
#ifndef PC_CONTEXT_SECTION_COUNTS_H
#define PC_CONTEXT_SECTION_COUNTS_H

#include "context/section.h"

enum { PC_SECTION_STATUS_COUNT = PC_SECTION_FAILED + 1, PC_ORIGIN_COUNT = PC_ORIGIN_CACHE + 1 };

typedef struct pc_section_counts pc_section_counts;

/* Owned: pc_section_counts_free. Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_section_counts_new(pc_section_counts **out);

/* NULL is allowed. */
void pc_section_counts_free(pc_section_counts *counts);

/* Counts `count` sections, of which the first is `first`; those that nothing became of, as they
 * were not asked for, are left out. NULL counts nothing. */
void pc_section_counts_add(pc_section_counts *counts, pc_section first,
                           const pc_section_result *results, size_t count);

uint64_t pc_section_counts_read(const pc_section_counts *counts, pc_section section,
                                pc_section_origin origin, pc_section_status status);

#endif
