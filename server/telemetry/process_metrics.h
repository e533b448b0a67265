/* What the kernel says of this process, by the names that Prometheus' own libraries use.
 * Threads: any. */
#ifndef PC_TELEMETRY_PROCESS_METRICS_H
#define PC_TELEMETRY_PROCESS_METRICS_H

#include "util/buffer.h"

/* Writes CPU time, memory, open files and the time of the start, which is the caller's to know.
 * What cannot be read is left out. */
void pc_process_metrics_write(pc_buffer *out, int64_t started_wall_ms);

#endif
