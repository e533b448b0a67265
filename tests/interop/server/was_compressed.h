/* Whether a request came compressed, which handlers never see: gRPC core has undone it. */
#ifndef PC_INTEROP_WAS_COMPRESSED_H
#define PC_INTEROP_WAS_COMPRESSED_H

#include <stdbool.h>

#include "rpc/call.h"

/* Of the latest request of a call. */
bool was_compressed(const pc_call *call);

#endif
