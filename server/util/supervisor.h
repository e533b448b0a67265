/* Telling the program that supervises this one how it stands: the protocol of sd_notify(3), which
 * systemd and some container runtimes speak. Without a supervisor nothing is told.
 * Threads: pc_supervisor_tell any; the rest on one (main). */
#ifndef PC_UTIL_SUPERVISOR_H
#define PC_UTIL_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

/* All zero but `socket`, which is -1: there is no supervisor. */
typedef struct {
    int socket;          /* -1: there is none */
    int64_t watchdog_ms; /* it wants a sign of life within this time; 0: it does not */
} pc_supervisor;

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID and takes them out of the environment, so
 * that children do not speak in our name. Before there are other threads. Close it when done. */
void pc_supervisor_open(pc_supervisor *supervisor);

/* Tells lines such as "READY=1\nSTATUS=serving". Never blocks: what the supervisor has no room for
 * is lost. False when it was not told. */
bool pc_supervisor_tell(const pc_supervisor *supervisor, const char *lines);

/* Tells that new settings are being read, with the time that systemd wants to see; afterwards tell
 * READY=1 again. */
bool pc_supervisor_tell_reloading(const pc_supervisor *supervisor);

void pc_supervisor_close(pc_supervisor *supervisor);

#endif
