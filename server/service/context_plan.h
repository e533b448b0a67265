/* From what GetContext and its batch have in common in a request, to what is to be gathered. */
#ifndef PC_SERVICE_CONTEXT_PLAN_H
#define PC_SERVICE_CONTEXT_PLAN_H

#include "service/access.h"
#include "service/request.h"

/* Borrowed from a request. */
typedef struct {
    const Google__Protobuf__FieldMask *read_mask;        /* may be NULL */
    const Google__Protobuf__Timestamp *event_start_time; /* may be NULL */
    int32_t event_limit;
} pc_context_fields;

/* Fills in sections, masks, what to ask the upstream for, and the events; not the person, nor the
 * time to close. What the access does not grant is left out of it. Violations are added. The plan
 * borrows from the request and the arena. */
void pc_plan_context(pc_gather_plan *plan, pc_access *access, pc_status *status, pc_arena *arena,
                     const pc_service *service, const pc_context_fields *fields);

#endif
