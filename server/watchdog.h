/* The sign of life for a supervisor that wants one (WatchdogSec= of systemd). It is given when the
 * timer thread, a worker and an RPC thread have each in turn done a small piece of work, so that a
 * process whose threads hang is ended and started anew.
 * Threads: one (main). */
#ifndef PC_WATCHDOG_H
#define PC_WATCHDOG_H

#include "rpc/server.h"
#include "util/supervisor.h"
#include "util/timers.h"
#include "util/workers.h"

typedef struct pc_watchdog pc_watchdog;

typedef struct {
    const pc_supervisor *supervisor;
    pc_timers *timers;
    pc_workers *workers;
    pc_rpc_server *server; /* started */
} pc_watchdog_parts;

/* Gives the first sign soon. The parts are borrowed until pc_watchdog_free has returned. Owned.
 * Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_watchdog_new(pc_watchdog **out, const pc_watchdog_parts *parts);

/* Ends after the sign that is under way, when all parts are still there. NULL is allowed. */
void pc_watchdog_free(pc_watchdog *watchdog);

#endif
