/* Wiping what functions that have returned left on the stack.
 * Threads: any; each has its own stack. */
#ifndef PC_UTIL_WIPE_H
#define PC_UTIL_WIPE_H

/* Wipes the 64 KiB below the caller's frame. */
void pc_wipe_stack(void);

#endif
