/* The identities that an entity's JSON names: `identityMap` ({namespace: [{id}]}) and the older
 * list `identities` ([{id, namespace: {code}}]). For finding out whose entity it is. Threads: pure.
 */
#ifndef PC_MAPPING_ENTITY_IDENTITIES_H
#define PC_MAPPING_ENTITY_IDENTITIES_H

#include "mapping/json_reader.h"
#include "util/arena.h"

/* Texts are NUL-terminated and in the arena. */
typedef struct {
    const char *namespace_code;
    const char *id;
} pc_entity_identity;

enum { PC_ENTITY_IDENTITIES_MAX = 1000 };

/* Lists at most PC_ENTITY_IDENTITIES_MAX. Errors: INTERNAL UPSTREAM_BODY_UNREADABLE;
 * RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_entity_identities(pc_entity_identity **out, size_t *count,
                                            pc_arena *arena, const pc_json_range *entity);

#endif
