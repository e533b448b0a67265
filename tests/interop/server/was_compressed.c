/* Core tells this to tests only, by a C++ function that no header declares; it is looked up by the
 * name that compilers give it. Without it every request counts as not compressed, and the cases
 * that depend on it fail. */
#include "was_compressed.h"

#include <dlfcn.h>
#include <string.h>

#include "rpc/call_internal.h"

enum { WAS_COMPRESSED = 0x40000000 };

bool was_compressed(const pc_call *call)
{
    void *found = dlsym(RTLD_DEFAULT, "_Z37grpc_call_test_only_get_message_flagsP9grpc_call");
    if (found == NULL) {
        return false;
    }
    uint32_t (*flags)(grpc_call *);
    /* ISO C has no cast from an object pointer to a function; POSIX means it so. */
    memcpy(&flags, &found, sizeof flags);
    return (flags(call->grpc) & WAS_COMPRESSED) != 0;
}
