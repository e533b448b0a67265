/* Threads with names, as top -H, a debugger and a core file show them. */
#ifndef PC_UTIL_THREAD_H
#define PC_UTIL_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* Starts a thread named `name`, at most 15 bytes. False where there are no more threads or no more
 * memory. Owned by the caller, who joins it. */
bool pc_thread_start(pthread_t *out, const char *name, void *(*run)(void *), void *argument);

#endif
