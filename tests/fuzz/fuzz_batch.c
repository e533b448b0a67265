/* Any bytes as the answer to a batch, a question about audiences, or one to the identity service.
 * Whatever is read, every person gets at most one entry, and one that exists; of a joint answer the
 * same profile as if it had come by itself. */
#include <stdlib.h>
#include <string.h>

#include "context/batch_match.h"
#include "context/joint_answer.h"
#include "mapping/entity_identities.h"
#include "mapping/identity_answers.h"
#include "profilecontext/v1/context.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void match(pc_arena *arena, const uint8_t *data, size_t size)
{
    static const pc_person_ref persons[] = {{"Email", "grace@example.org", NULL},
                                            {"ECID", "1", NULL},
                                            {NULL, NULL, "XID-JOAN-0000000000000"},
                                            {"email", "grace@example.org", NULL}};
    static const pc_known_xid known[] = {{1, "X2"}, {0, "XID-THREE-000000000000000"}};
    enum { PERSONS = sizeof persons / sizeof persons[0] };
    pc_batch_entries entries;
    int matches[PERSONS];
    pc_status status = pc_batch_entries_read(&entries, arena, data, size);
    if (pc_status_ok(&status)) {
        status = pc_batch_match(matches, arena, persons, PERSONS, &entries, known, 2);
    }
    for (size_t i = 0; pc_status_ok(&status) && i < PERSONS; i++) {
        if (matches[i] >= (int)entries.count || matches[i] < PC_UNKNOWN_PERSON) {
            abort();
        }
    }
    pc_status_clear(&status);
}

static void check_part(pc_arena *arena, const pc_profile_envelope *entry)
{
    pc_slice *body;
    pc_profile_envelope own;
    pc_status status = pc_joint_answer_part(&body, entry);
    if (pc_status_ok(&status)) {
        status = pc_envelope_profile(&own, arena, pc_slice_bytes(body), pc_slice_size(body));
        if (status.code == PC_CODE_RESOURCE_EXHAUSTED) {
            pc_status_clear(&status);
        } else if (!pc_status_ok(&status) || strcmp(own.xid, entry->xid) != 0 ||
                   own.entity.size != entry->entity.size ||
                   (own.entity.size > 0 &&
                    memcmp(own.entity.bytes, entry->entity.bytes, own.entity.size) != 0) ||
                   own.last_modified.seconds != entry->last_modified.seconds) {
            abort();
        }
    }
    pc_status_clear(&status);
    pc_slice_unref(body);
}

static void take_apart(pc_arena *arena, const uint8_t *data, size_t size)
{
    static const pc_person_ref persons[] = {{"Email", "grace@example.org", NULL},
                                            {"ECID", "1", NULL},
                                            {NULL, NULL, "XID-JOAN-0000000000000"}};
    enum { PERSONS = sizeof persons / sizeof persons[0] };
    const pc_profile_envelope *entries[PERSONS];
    pc_slice *body = pc_slice_copy(data, size);
    pc_status status = pc_joint_answer_read(entries, arena, persons, PERSONS, "m", body);
    for (size_t i = 0; pc_status_ok(&status) && i < PERSONS; i++) {
        if (entries[i] != NULL) {
            check_part(arena, entries[i]);
        }
    }
    pc_status_clear(&status);
    pc_slice_unref(body);
}

static void read_identities(pc_arena *arena, const uint8_t *data, size_t size)
{
    const pc_json_range whole = {data, size};
    pc_entity_identity *identities;
    size_t count;
    pc_status status = pc_entity_identities(&identities, &count, arena, &whole);
    if (pc_status_ok(&status) && count > PC_ENTITY_IDENTITIES_MAX) {
        abort();
    }
    pc_status_clear(&status);
    const char *xid;
    status = pc_xid_read(&xid, arena, data, size);
    pc_status_clear(&status);
}

static void read_graph(pc_arena *arena, const uint8_t *data, size_t size)
{
    pc_graph_member *members;
    size_t count;
    pc_status status = pc_graph_read(&members, &count, arena, data, size);
    if (pc_status_ok(&status)) {
        pc_buffer out;
        size_t written;
        pc_buffer_init(&out, 1 << 24);
        pc_graph_put(&out, 40, members, count, &written);
        ProtobufCMessage *message = protobuf_c_message_unpack(
            &profilecontext__v1__context__descriptor, NULL, out.size, out.bytes);
        if (message == NULL ||
            ((const Profilecontext__V1__Context *)message)->n_identities != written) {
            abort();
        }
        protobuf_c_message_free_unpacked(message, NULL);
        pc_buffer_deinit(&out);
    }
    pc_status_clear(&status);
}

static void read_audiences(pc_arena *arena, const uint8_t *data, size_t size)
{
    pc_audience_iterator iterator;
    pc_audience audience;
    bool found = true;
    pc_status status = PC_OK;
    pc_audience_iterator_init(&iterator, arena, data, size);
    while (pc_status_ok(&status) && found) {
        status = pc_audience_iterator_next(&iterator, &audience, &found);
        if (pc_status_ok(&status) && found && audience.id == NULL) {
            abort();
        }
    }
    pc_status_clear(&status);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pc_arena arena;
    pc_arena_init(&arena, NULL, 0, 1 << 24);
    match(&arena, data, size);
    take_apart(&arena, data, size);
    read_identities(&arena, data, size);
    read_graph(&arena, data, size);
    read_audiences(&arena, data, size);
    pc_arena_deinit(&arena);
    return 0;
}
