/* Requests: any bytes, read as each of the request messages. What is read is what protobuf-c reads.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "profilecontext/v1/profile_context.pb-c.h"
#include "rpc/decode.h"
#include "unpack_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = malloc(size + 1);
    if (bytes != NULL) {
        (void)protobuf_c_message_pack(message, bytes);
        if (!unpack_oracle_agrees(message, bytes, size)) {
            abort();
        }
    }
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const ProtobufCMessageDescriptor *const descriptors[] = {
        &profilecontext__v1__get_context_request__descriptor,
        &profilecontext__v1__get_profile_request__descriptor,
        &profilecontext__v1__list_events_request__descriptor,
        &profilecontext__v1__list_segment_memberships_request__descriptor,
        &profilecontext__v1__batch_get_contexts_request__descriptor,
        &profilecontext__v1__batch_get_profiles_request__descriptor,
        &profilecontext__v1__prefetch_contexts_request__descriptor,
        &profilecontext__v1__stream_events_request__descriptor,
        &profilecontext__v1__get_identities_request__descriptor,
        &profilecontext__v1__get_entity_request__descriptor,
        &profilecontext__v1__delete_profile_request__descriptor,
    };
    for (size_t i = 0; i < PC_COUNT_OF(descriptors); i++) {
        pc_arena arena;
        pc_arena_init(&arena, NULL, 0, 1 << 20);
        const ProtobufCMessage *message;
        pc_status status = pc_decode(&message, descriptors[i], bytes, size, &arena);
        if (message != NULL) {
            check(message);
        }
        pc_status_clear(&status);
        pc_arena_deinit(&arena);
    }
    return 0;
}
