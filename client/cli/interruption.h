/* Ctrl-C and SIGTERM during long work: the calls in progress are cancelled, so that the work can be
 * ended in order. A second signal ends the process at once. */
#ifndef PROFILECTL_INTERRUPTION_H
#define PROFILECTL_INTERRUPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "profilecontext/client.h"

/* From now on a signal cancels; with NULL it is only noted. Called once in a process; the
 * cancellation stays until its end. False without resources; then signals end the process as ever.
 */
bool interruption_watch(profilecontext_cancellation *cancellation);

bool interruption_happened(void);

/* Sleeps; a signal ends the sleep. */
void interruption_sleep(int64_t ms);

#endif
