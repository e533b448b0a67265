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

#endif
