/* Abseil has no C interface, so its C++ function is looked up by the name that compilers give it.
 */
#include "rpc/core_tuning.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

/* absl::SetMutexDeadlockDetectionMode, whose name holds that of the version: Debian 12's, and
 * 20220623 as others build it. */
static const char *const names[] = {
    "_ZN4absl7debian329SetMutexDeadlockDetectionModeENS0_15OnDeadlockCycleE",
    "_ZN4absl12lts_2022062329SetMutexDeadlockDetectionModeENS0_15OnDeadlockCycleE",
};

/* absl::OnDeadlockCycle::kIgnore */
enum { IGNORE = 0 };

void pc_rpc_tune_core(void)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        void *found = dlsym(RTLD_DEFAULT, names[i]);
        if (found != NULL) {
            void (*set_mode)(int);
            /* ISO C has no cast from an object pointer to a function; POSIX means it so. */
            memcpy(&set_mode, &found, sizeof set_mode);
            set_mode(IGNORE);
            return;
        }
    }
}
