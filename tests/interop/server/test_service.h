/* grpc.testing.TestService, as gRPC's interoperability tests want it.
 * Contract: github.com/grpc/grpc, doc/interop-test-descriptions.md, "Server". */
#ifndef PC_INTEROP_TEST_SERVICE_H
#define PC_INTEROP_TEST_SERVICE_H

#include "rpc/call.h"
#include "util/timers.h"

enum { TEST_SERVICE_METHODS = 5 };

/* The rows for the method table; `timers` must outlive the server. */
void test_service_methods(pc_timers *timers, pc_method *rows);

#endif
