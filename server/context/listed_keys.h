/* The other keys of a person, as a profile tells them. Threads: any. */
#ifndef PC_CONTEXT_LISTED_KEYS_H
#define PC_CONTEXT_LISTED_KEYS_H

#include "context/part.h"
#include "context/source.h"
#include "util/arena.h"

/* The keys of the identities that a profile lists, `most` of them. `where` has the sandbox and the
 * merge policy; `arena` is used for working memory. */
size_t pc_listed_keys(pc_cache_key *out, size_t most, const pc_cache_keys *keys,
                      const pc_person *where, pc_arena *arena, const pc_profile_part *part);

/* The key of the profile's XID; false when it has none. */
bool pc_xid_key(pc_cache_key *out, const pc_cache_keys *keys, const pc_person *where,
                const pc_profile_part *part);

#endif
