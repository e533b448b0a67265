/* Requests: any bytes, read as each of the request messages. */
#include <stddef.h>
#include <stdint.h>

#include "profilecontext/v1/profile_context.pb-c.h"
#include "rpc/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const ProtobufCMessageDescriptor *const descriptors[] = {
        &profilecontext__v1__get_context_request__descriptor,
        &profilecontext__v1__get_profile_request__descriptor,
        &profilecontext__v1__list_events_request__descriptor,
        &profilecontext__v1__list_segment_memberships_request__descriptor,
        &profilecontext__v1__batch_get_contexts_request__descriptor,
        &profilecontext__v1__batch_get_profiles_request__descriptor,
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
        pc_status_clear(&status);
        pc_arena_deinit(&arena);
    }
    return 0;
}
