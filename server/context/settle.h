/* From parts to the sections of one answer: the sections that a plan wants, cut and masked as it
 * wants them. Threads: pure. */
#ifndef PC_CONTEXT_SETTLE_H
#define PC_CONTEXT_SETTLE_H

#include "context/gather.h"

/* Settles what the profile gives, but for segments whose names are still to be found or that hold
 * no longer; true when there are such, and they are wanted. The texts of `gathered` then borrow
 * from the part. */
bool pc_settle_profile(const pc_gatherer *gatherer, const pc_gather_plan *plan,
                       pc_gathered *gathered, const pc_part_source *source);

/* Settles the segments with these bytes, which are taken; NULL: out of memory. */
void pc_settle_segments(const pc_gatherer *gatherer, const pc_gather_plan *plan,
                        pc_gathered *gathered, const pc_part_source *source, pc_slice *segments);

/* Settles the events. `shown_events` becomes the items that the plan's limits leave, before any
 * mask, where a summary is wanted; NULL when out of memory. */
void pc_settle_events(const pc_gatherer *gatherer, const pc_gather_plan *plan,
                      pc_gathered *gathered, const pc_part_source *source);

/* Settles the summary, where it is wanted, with what has been settled by now: where a part is
 * missing its failure is the summary's status, and what the other part tells is there all the same.
 * `key` is the person's, where there is a cache; `key` is the person's, where there is a cache;
 * `arena` is used for working memory. */
void pc_settle_summary(const pc_gatherer *gatherer, const pc_gather_plan *plan,
                       pc_gathered *gathered, const pc_cache_key *key, pc_arena *arena);

/* Settles a section that is wanted and still undecided with what its fetch's failure makes of it.
 * `source` has no part, and says when a failure that is remembered was told. */
void pc_settle_failure(const pc_gather_plan *plan, pc_gathered *gathered, pc_section section,
                       const pc_status *failure, const pc_part_source *source);

/* Settles a section with bytes, which are taken. NULL: out of memory. */
void pc_settle(const pc_gatherer *gatherer, pc_gathered *gathered, pc_section section,
               const pc_part_source *source, const pc_moment *last_modified, pc_slice *data);

#endif
