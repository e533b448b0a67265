/* The method table: one row an RPC. */
#include "service/service.h"

#include "profilecontext/v1/profile_context.pb-c.h"

#define METHOD(name, the_kind, message, handler, who)                                              \
    {                                                                                              \
        .path = "/profilecontext.v1.ProfileContext/" name, .kind = (the_kind),                     \
        .request = &profilecontext__v1__##message##__descriptor, .handle = (handler),              \
        .tells_cost = true, .criticality = PC_CRITICALITY_##who                                    \
    }

static const pc_method methods[PC_SERVICE_METHODS] = {
    METHOD("GetContext", PC_RPC_UNARY, get_context_request, pc_get_context, AGENT),
    METHOD("GetProfile", PC_RPC_UNARY, get_profile_request, pc_get_profile, AGENT),
    METHOD("ListEvents", PC_RPC_UNARY, list_events_request, pc_list_events, AGENT),
    METHOD("ListSegmentMemberships", PC_RPC_UNARY, list_segment_memberships_request,
           pc_list_segment_memberships, AGENT),
    METHOD("BatchGetContexts", PC_RPC_SERVER_STREAM, batch_get_contexts_request,
           pc_batch_get_contexts, BATCH),
    METHOD("BatchGetProfiles", PC_RPC_UNARY, batch_get_profiles_request, pc_batch_get_profiles,
           BATCH),
    METHOD("PrefetchContexts", PC_RPC_UNARY, prefetch_contexts_request, pc_prefetch_contexts,
           PREFETCH),
    METHOD("StreamEvents", PC_RPC_SERVER_STREAM, stream_events_request, pc_stream_events, AGENT),
    METHOD("GetIdentities", PC_RPC_UNARY, get_identities_request, pc_get_identities, AGENT),
    METHOD("GetEntity", PC_RPC_UNARY, get_entity_request, pc_get_entity, AGENT),
    METHOD("DeleteProfile", PC_RPC_UNARY, delete_profile_request, pc_delete_profile, AGENT),
};

void pc_service_methods(const pc_service *service, pc_method *rows)
{
    for (size_t i = 0; i < PC_SERVICE_METHODS; i++) {
        rows[i] = methods[i];
        /* Handlers get the service back as it was given; the row's pointer is not const for
         * others. */
        rows[i].service = (void *)(uintptr_t)service;
    }
}
