/* What the kernel says of this process, by the names that Prometheus' own libraries use.
 * Threads: any. */
#ifndef PC_TELEMETRY_PROCESS_METRICS_H
#define PC_TELEMETRY_PROCESS_METRICS_H

#include "util/buffer.h"

/* What could not be read is 0. */
typedef struct {
    int64_t virtual_bytes;
    int64_t resident_bytes;
    int64_t open_files;
    int64_t open_files_max;
} pc_process_figures;

void pc_process_read(pc_process_figures *out);

/* Writes CPU time, memory, open files and the time of the start, which is the caller's to know.
 * What cannot be read is left out. */
void pc_process_metrics_write(pc_buffer *out, int64_t started_wall_ms);

#endif
