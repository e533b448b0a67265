/* What is remembered about people: one record for each person, found by any of the person's keys,
 * with a part for the profile and one for the events. A part is one slice of wire bytes and is
 * shared with the answers that are under way.
 *
 * Bounded by bytes, of which every record counts all that it takes of the heap: slices, the record,
 * its places in the index. Who has to go is decided by S3-FIFO (Yang et al., SOSP 2023): newcomers
 * wait in a small queue, from which those that nobody asked for again leave first, so that a scan
 * does not wash out what is popular.
 *
 * Freshness is the asker's business (freshness.h); here, data only has an age.
 * Threads: any; locks are held for a look-up, an insertion, or the making of room for one. */
#ifndef PC_CONTEXT_CACHE_H
#define PC_CONTEXT_CACHE_H

#include "context/cache/key.h"
#include "util/slice.h"

typedef enum { PC_PART_PROFILE, PC_PART_EVENTS, PC_PART_COUNT } pc_part_kind;

typedef struct pc_cache pc_cache;

/* Why there is no part: what the upstream says of this person, rather than of the moment. */
typedef enum {
    PC_NOTHING_NOT = 0, /* there is one */
    PC_NOTHING_UNKNOWN, /* the person is unknown */
    PC_NOTHING_REFUSED, /* the licence has no events */
    PC_NOTHING_TOO_MANY /* more linked identities than the upstream serves */
} pc_nothing;

typedef struct {
    pc_slice *part; /* NULL where there is nothing */
    pc_nothing nothing;
    int64_t fetched_ns; /* pc_clock_now_ns when its fetch began */
    bool prefetched;    /* fetched before anyone asked, and not given to anyone yet */
    /* Not of pc_cache_put: */
    int64_t
        listed_ns; /* when the profile was fetched that lists the key; 0 for a person's own key */
    bool popular;  /* asked for several times */
} pc_cached;

/* `bytes_max` of the heap, about. Owned: pc_cache_free. Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_cache_new(pc_cache **out, size_t bytes_max);

/* NULL is allowed. */
void pc_cache_free(pc_cache *cache);

/* True with what is remembered; its part is a reference for the caller, to be given back. `counts`
 * makes the person more popular: once for an answer, of however many parts it is. */
bool pc_cache_get(pc_cache *cache, const pc_cache_key *key, pc_part_kind kind, bool counts,
                  pc_cached *out);

/* Notes that a prefetched part was given to someone; harmless where that is known or it has left.
 */
void pc_cache_note_given(pc_cache *cache, const pc_cache_key *key, pc_part_kind kind);

/* Remembers a part under all the keys of one person, of which the first `sure` (1 or more) were
 * asked for; the others are only listed by the profile, are bound where they name nobody yet, and
 * no longer than until the next profile. Never changes the record of a person who was found by
 * other keys alone, as a listed one may name somebody else by now. Takes a reference of its own.
 * Data that is older than what is remembered is not kept, nor is what there is no memory for; what
 * is too large for the cache is not kept either, and drops what is older. */
void pc_cache_put(pc_cache *cache, const pc_cache_key *keys, size_t count, size_t sure,
                  pc_part_kind kind, const pc_cached *data);

/* Puts `better` in the place of `part` where that is still what is remembered. */
void pc_cache_replace(pc_cache *cache, const pc_cache_key *key, pc_part_kind kind,
                      const pc_slice *part, pc_slice *better);

/* What was computed of a person's parts, so that it need not be again: one slice a person, dropped
 * as soon as a part is another. `variant` stands for all else that it depends on. */

/* What was made of these parts: a reference for the caller, or NULL. */
pc_slice *pc_cache_get_made(pc_cache *cache, const pc_cache_key *key, uint64_t variant,
                            pc_slice *const parts[PC_PART_COUNT]);

/* Remembers what was made, where the parts still are the person's. Takes a reference of its own. */
void pc_cache_put_made(pc_cache *cache, const pc_cache_key *key, uint64_t variant,
                       pc_slice *const parts[PC_PART_COUNT], pc_slice *made);

/* Forgets the person, also what was fetched until `now_ns` (pc_clock_now_ns) and is still to come.
 */
void pc_cache_forget(pc_cache *cache, const pc_cache_key *key, int64_t now_ns);

typedef struct {
    size_t records;
    size_t bytes;   /* charged for records, slices and index */
    size_t evicted; /* records, since the start */
    /* Parts that were fetched before anyone asked, since the start. Those that are neither given
     * nor wasted are still remembered. */
    size_t prefetched;
    size_t prefetched_given;  /* to at least one answer */
    size_t prefetched_wasted; /* evicted, forgotten or replaced before that */
} pc_cache_figures;

pc_cache_figures pc_cache_count(pc_cache *cache);

#endif
