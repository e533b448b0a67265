/* An entity-sandbox as a child process: started on a free loopback port, awaited, and stopped. It
 * also stops by itself when this process dies.
 * Threads: one (main). */
#ifndef PC_SANDBOX_CHILD_H
#define PC_SANDBOX_CHILD_H

#include "util/status.h"

typedef struct pc_sandbox_child pc_sandbox_child;

/* Starts `program` (looked up on the PATH when it has no slash) with `arguments` (NULL-terminated,
 * after the program's name) and waits until it says where it listens, at most `wait_ms`. Owned:
 * pc_sandbox_child_stop. Errors: FAILED_PRECONDITION with reason SANDBOX_NOT_STARTED. */
PC_NODISCARD pc_status pc_sandbox_child_start(pc_sandbox_child **out, const char *program,
                                              const char *const *arguments, int64_t wait_ms);

/* "http://127.0.0.1:PORT"; borrowed until the stop. */
const char *pc_sandbox_child_url(const pc_sandbox_child *child);

/* Asks it to end, kills it after 5 s, and frees. NULL is allowed. */
void pc_sandbox_child_stop(pc_sandbox_child *child);

#endif
