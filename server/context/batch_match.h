/* Which entry of a batch's answer belongs to which person that was asked for. The upstream neither
 * promises an order nor always says whom an entry is about (entity-api.md 2.4), so rules are tried:
 *   1. the entry names the identity that was requested
 *   2. the entry's key is the XID that was asked for
 *   3. the entity lists an identity that was asked for
 *   4. the entry's key is the XID that the identity service gave for a person
 *   5. what is left over are placeholders, as many as persons without an entry: these are unknown
 * Namespaces are compared without case, ids byte by byte. Several persons may have one entry.
 * Threads: pure. */
#ifndef PC_CONTEXT_BATCH_MATCH_H
#define PC_CONTEXT_BATCH_MATCH_H

#include "context/source.h"
#include "mapping/envelope.h"

enum { PC_NO_ENTRY = -1, PC_UNKNOWN_PERSON = -2 };

/* An answer's entries, in their order. In the arena. */
typedef struct {
    pc_profile_envelope *entries;
    size_t count;
} pc_batch_entries;

/* Reads all entries. Errors: INTERNAL UPSTREAM_BODY_UNREADABLE; RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_batch_entries_read(pc_batch_entries *out, pc_arena *arena,
                                             const uint8_t *bytes, size_t size);

/* XIDs that the identity service gave. `person` is a place in the list of persons. */
typedef struct {
    size_t person;
    const char *xid;
} pc_known_xid;

/* `matches[i]` becomes the place of person i's entry, PC_UNKNOWN_PERSON for one that rule 5 found
 * unknown, or PC_NO_ENTRY. Errors: INTERNAL UPSTREAM_BODY_UNREADABLE; RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_batch_match(int *matches, pc_arena *arena, const pc_person_ref *persons,
                                      size_t person_count, const pc_batch_entries *entries,
                                      const pc_known_xid *known, size_t known_count);

#endif
