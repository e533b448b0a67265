/* What the status page shows, as JSON: rates and percentiles of the last minute, the curves of the
 * last five, the cache, the upstream, its budget, and the latest calls that failed or were slow.
 * Like the page of metrics it tells nothing of persons or callers. */
#ifndef PC_STATUS_PAGE_H
#define PC_STATUS_PAGE_H

#include "config/config.h"
#include "metrics_page.h"
#include "status_history.h"
#include "telemetry/recent_calls.h"

/* Borrowed, and alive as long as pages are written. */
typedef struct {
    const pc_metrics_page *metrics;
    pc_status_history *history;
    pc_recent_calls *recent;
    int64_t slow_ms;
    bool is_draining;
} pc_status_page;

void pc_status_page_write(const pc_status_page *page, pc_buffer *out);

/* The configuration in effect, its secrets hidden. */
void pc_status_config_write(const pc_config *config, pc_buffer *out);

#endif
