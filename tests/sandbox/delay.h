/* Waiting without threads: any number of things that are due later, and one thread that calls back
 * for each of them. */
#ifndef SBX_DELAY_H
#define SBX_DELAY_H

#include <stdbool.h>
#include <stdint.h>

typedef struct sbx_delay sbx_delay;

/* Called on the delay's own thread, once per submission, when the time has come or (expired false)
 * because the delay is being stopped. Must not block. */
typedef void sbx_delay_fn(void *payload, bool expired);

/* NULL when no thread can be started. */
sbx_delay *sbx_delay_new(sbx_delay_fn *due);
/* False after stop: the callback will not come. May be called from the callback. */
bool sbx_delay_submit(sbx_delay *delay, int64_t due_ms, void *payload);
/* Calls back for all that still wait, then returns. */
void sbx_delay_stop(sbx_delay *delay);
void sbx_delay_free(sbx_delay *delay); /* after stop */

#endif
