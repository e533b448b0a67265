/* Wipes memory when it is given back, whoever had it: our parts, gRPC core, libcurl, OpenSSL, libc.
 * So what a person's data was copied into is empty once the call that needed it is over. Threads:
 * any; pc_wipe_freed_memory before there is a second one. */
#ifndef PC_WIPE_FREE_H
#define PC_WIPE_FREE_H

#include <stdbool.h>

/* Begins to. False when this build cannot: a sanitizer has free() for itself, or libc is not glibc.
 */
bool pc_wipe_freed_memory(void);

#endif
