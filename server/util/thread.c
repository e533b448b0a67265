#include "util/thread.h"

bool pc_thread_start(pthread_t *out, const char *name, void *(*run)(void *), void *argument)
{
    if (pthread_create(out, NULL, run, argument) != 0) {
        return false;
    }
    /* One without a name works as well. */
    (void)pthread_setname_np(*out, name);
    return true;
}
