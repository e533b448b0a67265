/* The identity service's answers: the XID of an identity, and linked identities (POST v2/graph), as
 * lists of members in any of the forms that are known or likely: objects {ns|nsid, id},
 * {xid, composite_xid}, or XIDs alone; under `members` or `vertices`.
 * Threads: pure. */
#ifndef PC_MAPPING_IDENTITY_ANSWERS_H
#define PC_MAPPING_IDENTITY_ANSWERS_H

#include "mapping/json_reader.h"
#include "util/arena.h"
#include "util/buffer.h"

/* One member. Texts are NUL-terminated, in the arena, and "" when the answer does not give them. */
typedef struct {
    const char *namespace_code; /* digits of the namespace's number where there is no code */
    const char *id;
    const char *xid;
} pc_graph_member;

/* Lists all members of all graphs, at most PC_GRAPH_MEMBERS_MAX. Errors: INTERNAL
 * UPSTREAM_BODY_UNREADABLE; RESOURCE_EXHAUSTED. */
enum { PC_GRAPH_MEMBERS_MAX = 100000 };
PC_NODISCARD pc_status pc_graph_read(pc_graph_member **out, size_t *count, pc_arena *arena,
                                     const uint8_t *bytes, size_t size);

/* Appends the members that have a namespace and an id as fields `field_number` of message
 * LinkedIdentity, sorted by namespace and id, each once. `*written` is their number. Reorders the
 * list. */
void pc_graph_put(pc_buffer *out, uint32_t field_number, pc_graph_member *members, size_t count,
                  size_t *written);

/* The XID of the answer to GET identity/identity ({"xid"}); "" when it has none. In the arena.
 * Errors: INTERNAL UPSTREAM_BODY_UNREADABLE; RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_xid_read(const char **out, pc_arena *arena, const uint8_t *bytes,
                                   size_t size);

#endif
