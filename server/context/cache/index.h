/* From keys to records: hash tables of compact entries. An entry does not own its record: a record
 * that has been reused has another generation, and then the entry is dead and its place free.
 * Threads: any. */
#ifndef PC_CONTEXT_CACHE_INDEX_H
#define PC_CONTEXT_CACHE_INDEX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "context/cache/key.h"

/* A record as an entry names it. `id` 0: none. The keys that a record is about are its own; others
 * it only lists, and these lead to it until its list changes. */
typedef struct {
    uint32_t id : 31;
    uint32_t own : 1;
    uint32_t generation; /* of the record; of its list when not `own` */
} pc_cache_ref;

typedef struct pc_cache_index pc_cache_index;

/* Whether a reference is to a record as it is now. Called with a lock of the index held. */
typedef bool (*pc_cache_is_live)(void *self, pc_cache_ref ref);

/* Owned: pc_cache_index_free. Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_cache_index_new(pc_cache_index **out, pc_cache_is_live is_live,
                                          void *self);
void pc_cache_index_free(pc_cache_index *index);

/* The record of a key, which may be dead; `id` 0 when there is none. */
pc_cache_ref pc_cache_index_find(pc_cache_index *index, const pc_cache_key *key);

/* Binds a key to a record that is live; where `keep` is set, an earlier one that is live stays,
 * unless the key is only listed there and is the new one's own. What the key leads to now; `id` 0
 * when there was no memory. */
pc_cache_ref pc_cache_index_bind(pc_cache_index *index, const pc_cache_key *key, pc_cache_ref ref,
                                 bool keep);

/* Of the heap, as it is. */
size_t pc_cache_index_bytes(const pc_cache_index *index);

/* What one key costs on average. */
enum { PC_CACHE_INDEX_KEY_BYTES = 25 };

#endif
