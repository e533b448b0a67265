/* One walk over the identities. */
#include "context/listed_keys.h"

#include "mapping/wire.h"

enum { LINKED_NAMESPACE = 1, LINKED_ID = 2 /* fields of LinkedIdentity */ };

/* False for an identity that is none. */
static bool read_identity(pc_person *out, pc_arena *arena, const pc_wire_field *identity)
{
    pc_wire_reader reader;
    pc_wire_field field;
    out->namespace_code = NULL;
    out->id = NULL;
    out->xid = NULL;
    pc_wire_reader_init(&reader, identity->bytes, identity->size);
    while (pc_wire_next(&reader, &field)) {
        if (field.number == LINKED_NAMESPACE || field.number == LINKED_ID) {
            const char *text = pc_arena_strndup(arena, (const char *)field.bytes, field.size);
            *(field.number == LINKED_ID ? &out->id : &out->namespace_code) = text;
        }
    }
    return out->namespace_code != NULL && out->id != NULL;
}

size_t pc_listed_keys(pc_cache_key *out, size_t most, const pc_cache_keys *keys,
                      const pc_person *where, pc_arena *arena, const pc_profile_part *part)
{
    pc_wire_reader reader;
    pc_wire_field identity;
    pc_person person = *where;
    size_t count = 0;
    pc_wire_reader_init(&reader, part->identities, part->identities_size);
    while (count < most && pc_wire_next(&reader, &identity)) {
        if (read_identity(&person, arena, &identity)) {
            out[count++] = pc_cache_key_of(keys, &person);
        }
    }
    return count;
}

bool pc_xid_key(pc_cache_key *out, const pc_cache_keys *keys, const pc_person *where,
                const pc_profile_part *part)
{
    const pc_person person = {
        .xid = part->xid, .sandbox = where->sandbox, .merge_policy = where->merge_policy};
    if (part->xid[0] == '\0') {
        return false;
    }
    *out = pc_cache_key_of(keys, &person);
    return true;
}
