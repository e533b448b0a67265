/* Tells the thread sanitizer of a handover between threads that it cannot see, because it goes
 * through a library that is not built for it. Nothing in any other build. */
#ifndef PC_UTIL_HANDOVER_H
#define PC_UTIL_HANDOVER_H

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#define PC_GIVES_OVER(address) __tsan_release(address)
#define PC_TAKES_OVER(address) __tsan_acquire(address)
#else
#define PC_GIVES_OVER(address) ((void)(address))
#define PC_TAKES_OVER(address) ((void)(address))
#endif

#endif
