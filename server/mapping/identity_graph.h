/* The identity service's answer about linked identities (POST v2/graph): for each that was asked
 * for a list of members, in any of the forms that are known or likely: objects {ns|nsid, id},
 * {xid, composite_xid}, or XIDs alone; under `members` or `vertices`.
 * Threads: pure. */
#ifndef PC_MAPPING_IDENTITY_GRAPH_H
#define PC_MAPPING_IDENTITY_GRAPH_H

#include "mapping/json_reader.h"
#include "util/arena.h"
#include "util/buffer.h"

/* One member. Texts are NUL-terminated, in the arena, and "" when the answer does not give them. */
typedef struct {
    const char *asked_namespace; /* of the graph it belongs to: what was asked for */
    const char *asked_id;
    const char *asked_xid;
    const char *namespace_code; /* digits of the namespace's number where there is no code */
    const char *id;
    const char *xid;
} pc_graph_member;

/* Lists all members of all graphs, at most PC_GRAPH_MEMBERS_MAX. Errors: INTERNAL
 * UPSTREAM_BODY_UNREADABLE; RESOURCE_EXHAUSTED. */
enum { PC_GRAPH_MEMBERS_MAX = 100000 };
PC_NODISCARD pc_status pc_graph_read(pc_graph_member **out, size_t *count, pc_arena *arena,
                                     const uint8_t *bytes, size_t size);

/* Whether the member belongs to the graph of this identity. Namespaces are compared without case.
 */
bool pc_graph_is_asked(const pc_graph_member *member, const char *namespace_code, const char *id);

/* Appends the members that have a namespace and an id as fields `field_number` of message
 * LinkedIdentity, sorted by namespace and id, each once. `*written` is their number. Reorders the
 * list. */
void pc_graph_put(pc_buffer *out, uint32_t field_number, pc_graph_member *members, size_t count,
                  size_t *written);

#endif
