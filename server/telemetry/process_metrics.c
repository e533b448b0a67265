/* getrusage and /proc. */
#include "telemetry/process_metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "telemetry/metrics_text.h"

static void write_one(pc_buffer *out, const char *name, pc_metric_type type, const char *help,
                      double value)
{
    pc_metrics_head(out, name, type, help);
    pc_metrics_number(out, name, NULL, 0, value);
}

static int64_t microseconds(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}

static void write_memory(pc_buffer *out)
{
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) {
        return;
    }
    char line[128];
    unsigned long long virtual_pages;
    unsigned long long resident_pages;
    if (fgets(line, sizeof line, file) != NULL &&
        sscanf(line, "%llu %llu", &virtual_pages, &resident_pages) == 2) {
        double page_bytes = (double)sysconf(_SC_PAGESIZE);
        write_one(out, "process_virtual_memory_bytes", PC_METRIC_GAUGE, "Virtual memory.",
                  (double)virtual_pages * page_bytes);
        write_one(out, "process_resident_memory_bytes", PC_METRIC_GAUGE, "Resident memory.",
                  (double)resident_pages * page_bytes);
    }
    (void)fclose(file);
}

static void write_files(pc_buffer *out)
{
    DIR *folder = opendir("/proc/self/fd");
    if (folder != NULL) {
        double count = -1; /* without the folder's own */
        for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
            count += entry->d_name[0] != '.' ? 1 : 0;
        }
        (void)closedir(folder);
        write_one(out, "process_open_fds", PC_METRIC_GAUGE, "Open file descriptors.", count);
    }
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        write_one(out, "process_max_fds", PC_METRIC_GAUGE, "File descriptors that may be open.",
                  (double)limit.rlim_cur);
    }
}

void pc_process_metrics_write(pc_buffer *out, int64_t started_wall_ms)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        write_one(out, "process_cpu_seconds_total", PC_METRIC_COUNTER,
                  "CPU time, of the user and the system.",
                  (double)(microseconds(usage.ru_utime) + microseconds(usage.ru_stime)) / 1e6);
    }
    write_memory(out);
    write_files(out);
    write_one(out, "process_start_time_seconds", PC_METRIC_GAUGE,
              "When the process started, since 1970.", (double)started_wall_ms / 1000);
}
