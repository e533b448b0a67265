/* The calls of the interface: each is a path, and the type of its response. */
#include "grpc/health/v1/health.pb-c.h"
#include "internal.h"

#define SERVICE "/profilecontext.v1.ProfileContext/"

profilecontext_code profilecontext_get_context(Profilecontext__V1__GetContextResponse **out,
                                               profilecontext_client *client,
                                               const Profilecontext__V1__GetContextRequest *request,
                                               const profilecontext_call_options *options,
                                               profilecontext_status *status)
{
    ProtobufCMessage *message = NULL;
    profilecontext_code code =
        pcc_call(&message, client, SERVICE "GetContext", &request->base,
                 &profilecontext__v1__get_context_response__descriptor, options, status);
    *out = (Profilecontext__V1__GetContextResponse *)message;
    return code;
}

profilecontext_code profilecontext_get_profile(Profilecontext__V1__GetProfileResponse **out,
                                               profilecontext_client *client,
                                               const Profilecontext__V1__GetProfileRequest *request,
                                               const profilecontext_call_options *options,
                                               profilecontext_status *status)
{
    ProtobufCMessage *message = NULL;
    profilecontext_code code =
        pcc_call(&message, client, SERVICE "GetProfile", &request->base,
                 &profilecontext__v1__get_profile_response__descriptor, options, status);
    *out = (Profilecontext__V1__GetProfileResponse *)message;
    return code;
}

profilecontext_code profilecontext_list_events(Profilecontext__V1__ListEventsResponse **out,
                                               profilecontext_client *client,
                                               const Profilecontext__V1__ListEventsRequest *request,
                                               const profilecontext_call_options *options,
                                               profilecontext_status *status)
{
    ProtobufCMessage *message = NULL;
    profilecontext_code code =
        pcc_call(&message, client, SERVICE "ListEvents", &request->base,
                 &profilecontext__v1__list_events_response__descriptor, options, status);
    *out = (Profilecontext__V1__ListEventsResponse *)message;
    return code;
}

profilecontext_code profilecontext_list_segment_memberships(
    Profilecontext__V1__ListSegmentMembershipsResponse **out, profilecontext_client *client,
    const Profilecontext__V1__ListSegmentMembershipsRequest *request,
    const profilecontext_call_options *options, profilecontext_status *status)
{
    ProtobufCMessage *message = NULL;
    profilecontext_code code = pcc_call(
        &message, client, SERVICE "ListSegmentMemberships", &request->base,
        &profilecontext__v1__list_segment_memberships_response__descriptor, options, status);
    *out = (Profilecontext__V1__ListSegmentMembershipsResponse *)message;
    return code;
}

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
