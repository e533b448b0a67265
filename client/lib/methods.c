/* The calls of the interface: each is a path, and the type of its response. */
#include "grpc/health/v1/health.pb-c.h"
#include "internal.h"

#define SERVICE "/profilecontext.v1.ProfileContext/"

/* Defines a call: its name in C, and in the service. */
#define UNARY_CALL(name, Name)                                                                     \
    profilecontext_code profilecontext_##name(                                                     \
        Profilecontext__V1__##Name##Response **out, profilecontext_client *client,                 \
        const Profilecontext__V1__##Name##Request *request,                                        \
        const profilecontext_call_options *options, profilecontext_status *status)                 \
    {                                                                                              \
        ProtobufCMessage *message = NULL;                                                          \
        profilecontext_code code =                                                                 \
            pcc_call(&message, client, SERVICE #Name, &request->base,                              \
                     &profilecontext__v1__##name##_response__descriptor, options, status);         \
        *out = (Profilecontext__V1__##Name##Response *)message;                                    \
        return code;                                                                               \
    }

/* Defines a stream: opening it, and taking its next message. */
#define STREAM_CALL(name, Name)                                                                    \
    profilecontext_code profilecontext_##name(                                                     \
        profilecontext_stream **out, profilecontext_client *client,                                \
        const Profilecontext__V1__##Name##Request *request,                                        \
        const profilecontext_call_options *options, profilecontext_status *status)                 \
    {                                                                                              \
        return pcc_stream_open(out, client, SERVICE #Name, &request->base,                         \
                               &profilecontext__v1__##name##_response__descriptor, options,        \
                               status);                                                            \
    }                                                                                              \
                                                                                                   \
    profilecontext_code profilecontext_##name##_next(Profilecontext__V1__##Name##Response **out,   \
                                                     profilecontext_stream *stream,                \
                                                     profilecontext_status *status)                \
    {                                                                                              \
        ProtobufCMessage *message = NULL;                                                          \
        profilecontext_code code = pcc_stream_next(                                                \
            &message, stream, &profilecontext__v1__##name##_response__descriptor, status);         \
        *out = (Profilecontext__V1__##Name##Response *)message;                                    \
        return code;                                                                               \
    }

UNARY_CALL(get_context, GetContext)
UNARY_CALL(get_profile, GetProfile)
UNARY_CALL(list_events, ListEvents)
UNARY_CALL(list_segment_memberships, ListSegmentMemberships)
UNARY_CALL(batch_get_profiles, BatchGetProfiles)
UNARY_CALL(prefetch_contexts, PrefetchContexts)
UNARY_CALL(get_identities, GetIdentities)
UNARY_CALL(get_entity, GetEntity)
UNARY_CALL(delete_profile, DeleteProfile)
STREAM_CALL(stream_events, StreamEvents)
STREAM_CALL(batch_get_contexts, BatchGetContexts)

void profilecontext_response_free(void *response)
{
    if (response != NULL) {
        protobuf_c_message_free_unpacked(response, NULL);
    }
}

profilecontext_code profilecontext_check_health(profilecontext_health *out,
                                                profilecontext_client *client, const char *service,
                                                const profilecontext_call_options *options,
                                                profilecontext_status *status)
{
    *out = PROFILECONTEXT_HEALTH_UNKNOWN;
    union {
        const char *in;
        char *out;
    } name = {.in = service == NULL ? "" : service};
    Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    request.service = name.out;
    ProtobufCMessage *message = NULL;
    profilecontext_code code =
        pcc_call(&message, client, "/grpc.health.v1.Health/Check", &request.base,
                 &grpc__health__v1__health_check_response__descriptor, options, status);
    if (message == NULL) {
        return code;
    }
    switch (((const Grpc__Health__V1__HealthCheckResponse *)message)->status) {
    case GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING:
        *out = PROFILECONTEXT_HEALTH_SERVING;
        break;
    case GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING:
        *out = PROFILECONTEXT_HEALTH_NOT_SERVING;
        break;
    default:
        break;
    }
    protobuf_c_message_free_unpacked(message, NULL);
    return code;
}
