/* A failure in the wire form that gRPC libraries know as google.rpc.Status. */
#ifndef PC_RPC_STATUS_DETAILS_H
#define PC_RPC_STATUS_DETAILS_H

#include "util/slice.h"
#include "util/status.h"

/* The packed google.rpc.Status with ErrorInfo (domain "profilecontext"), and BadRequest, RetryInfo
 * and RequestInfo where there is something to say. At most 20 violations, so that it fits a
 * trailer. `request_id` may be NULL. NULL when out of memory: the plain status still goes out.
 * Owned. */
pc_slice *pc_status_details(const pc_status *status, const char *request_id);

#endif
