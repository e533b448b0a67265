/* The method table: one row an RPC. */
#include "service/service.h"

#include "profilecontext/v1/profile_context.pb-c.h"

void pc_service_methods(const pc_service *service, pc_method *rows)
{
    /* Handlers get the service back as it was given; the row's pointer is not const for others. */
    void *self = (void *)(uintptr_t)service;
    rows[0] =
        (pc_method){"/profilecontext.v1.ProfileContext/GetContext", PC_RPC_UNARY,
                    &profilecontext__v1__get_context_request__descriptor, pc_get_context, self};
    rows[1] =
        (pc_method){"/profilecontext.v1.ProfileContext/GetProfile", PC_RPC_UNARY,
                    &profilecontext__v1__get_profile_request__descriptor, pc_get_profile, self};
    rows[2] =
        (pc_method){"/profilecontext.v1.ProfileContext/ListEvents", PC_RPC_UNARY,
                    &profilecontext__v1__list_events_request__descriptor, pc_list_events, self};
    rows[3] = (pc_method){"/profilecontext.v1.ProfileContext/ListSegmentMemberships", PC_RPC_UNARY,
                          &profilecontext__v1__list_segment_memberships_request__descriptor,
                          pc_list_segment_memberships, self};
}
