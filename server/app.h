/* The composition root: the only place that names every part, in the order in which they stand on
 * each other. */
#ifndef PC_APP_H
#define PC_APP_H

#include "config/config.h"
#include "telemetry/log.h"
#include "util/supervisor.h"

typedef struct pc_app pc_app;

/* The status that the process ends with when it finds that it serves no one any more. */
enum { PC_EXIT_DEAD = 3 };

/* Makes and starts every part; when it returns, calls are served. `config` and `log` are borrowed
 * until pc_app_stop has returned. Owned: pc_app_stop. Errors: what kept a part from starting, in
 * one sentence for the operator. */
PC_NODISCARD pc_status pc_app_start(pc_app **out, const pc_config *config, pc_log *log);

/* Gives a supervisor that wants it a sign of life, until the stop; `supervisor` is borrowed until
 * then. Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_app_watch(pc_app *app, const pc_supervisor *supervisor);

/* "127.0.0.1:50051": where calls are served. Borrowed until the stop. */
const char *pc_app_address(const pc_app *app);

/* Has every file that can change read again soon: certificates, secrets. What is broken keeps its
 * old content, and the log says so. An audit trail that was moved away is begun anew. */
void pc_app_reload(pc_app *app);

/* Drains, then frees every part in reverse. NULL is allowed. */
void pc_app_stop(pc_app *app);

#endif
