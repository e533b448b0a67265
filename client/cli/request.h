/* Requests from the command line. */
#ifndef PROFILECTL_REQUEST_H
#define PROFILECTL_REQUEST_H

#include "options.h"
#include "profilecontext/client.h"

/* What a request points to. Must stay where it is while the request is used. */
typedef struct {
    Profilecontext__V1__Identity identity;
    Google__Protobuf__FieldMask mask;
    Google__Protobuf__Duration staleness;
    Google__Protobuf__Timestamp since;
    Google__Protobuf__Timestamp until;
    char *mask_text; /* owned; the paths point into it */
    char *event_types[OPTIONS_LIST_MAX];
    Profilecontext__V1__PropertyFilter filters[OPTIONS_LIST_MAX];
    Profilecontext__V1__PropertyFilter *filter_list[OPTIONS_LIST_MAX];
    Profilecontext__V1__Date dates[OPTIONS_LIST_MAX];
} request_parts;

/* Makes the parts for the options, which are borrowed. False without memory. */
bool request_parts_init(request_parts *parts, const options *from);
void request_parts_deinit(request_parts *parts);

/* The requests borrow the parts and the options. */
void request_context(Profilecontext__V1__GetContextRequest *out, request_parts *parts,
                     const options *from);
void request_profile(Profilecontext__V1__GetProfileRequest *out, request_parts *parts,
                     const options *from);
void request_events(Profilecontext__V1__ListEventsRequest *out, request_parts *parts,
                    const options *from);
void request_segments(Profilecontext__V1__ListSegmentMembershipsRequest *out, request_parts *parts,
                      const options *from);
void request_event_stream(Profilecontext__V1__StreamEventsRequest *out, request_parts *parts,
                          const options *from);
void request_identities(Profilecontext__V1__GetIdentitiesRequest *out, request_parts *parts,
                        const options *from);
void request_entity(Profilecontext__V1__GetEntityRequest *out, request_parts *parts,
                    const options *from);
void request_delete(Profilecontext__V1__DeleteProfileRequest *out, request_parts *parts,
                    const options *from);

/* Without the persons. */
void request_batch_contexts(Profilecontext__V1__BatchGetContextsRequest *out, request_parts *parts,
                            const options *from);
void request_batch_profiles(Profilecontext__V1__BatchGetProfilesRequest *out, request_parts *parts,
                            const options *from);

void request_prefetch(Profilecontext__V1__PrefetchContextsRequest *out, request_parts *parts,
                      const options *from);

/* One person of them, who is borrowed; `identity` is where the reference may keep one. */
void request_person_ref(Profilecontext__V1__PersonRef *out, Profilecontext__V1__Identity *identity,
                        const person *who);

/* A text as protobuf-c's structs want it, which know no const; requests are only read. */
char *request_text(const char *text);

#endif
