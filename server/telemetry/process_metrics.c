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

static void read_memory(pc_process_figures *out)
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
        int64_t page_bytes = sysconf(_SC_PAGESIZE);
        out->virtual_bytes = (int64_t)virtual_pages * page_bytes;
        out->resident_bytes = (int64_t)resident_pages * page_bytes;
    }
    (void)fclose(file);
}

static void read_files(pc_process_figures *out)
{
    DIR *folder = opendir("/proc/self/fd");
    if (folder != NULL) {
        out->open_files = -1; /* without the folder's own */
        for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
            out->open_files += entry->d_name[0] != '.' ? 1 : 0;
        }
        (void)closedir(folder);
    }
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        out->open_files_max = (int64_t)limit.rlim_cur;
    }
}

void pc_process_read(pc_process_figures *out)
{
    *out = (pc_process_figures){0};
    read_memory(out);
    read_files(out);
}

void pc_process_metrics_write(pc_buffer *out, int64_t started_wall_ms)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        write_one(out, "process_cpu_seconds_total", PC_METRIC_COUNTER,
                  "CPU time, of the user and the system.",
                  (double)(microseconds(usage.ru_utime) + microseconds(usage.ru_stime)) / 1e6);
    }
    pc_process_figures figures;
    pc_process_read(&figures);
    const struct {
        const char *name;
        const char *help;
        int64_t value;
    } gauges[] = {
        {"process_virtual_memory_bytes", "Virtual memory.", figures.virtual_bytes},
        {"process_resident_memory_bytes", "Resident memory.", figures.resident_bytes},
        {"process_open_fds", "Open file descriptors.", figures.open_files},
        {"process_max_fds", "File descriptors that may be open.", figures.open_files_max},
    };
    for (size_t i = 0; i < sizeof gauges / sizeof gauges[0]; i++) {
        if (gauges[i].value > 0) {
            write_one(out, gauges[i].name, PC_METRIC_GAUGE, gauges[i].help,
                      (double)gauges[i].value);
        }
    }
    write_one(out, "process_start_time_seconds", PC_METRIC_GAUGE,
              "When the process started, since 1970.", (double)started_wall_ms / 1000);
}
