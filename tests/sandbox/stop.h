/* Whether the process has been asked to stop. SIGINT and SIGTERM stay blocked from the first line
 * of main to the last, so that no handler ever runs: long work asks here, and the server waits. */
#ifndef SBX_STOP_H
#define SBX_STOP_H

#include <stdbool.h>

void sbx_stop_block_signals(void); /* before any thread is started */
bool sbx_stop_requested(void);
void sbx_stop_wait(void);

#endif
