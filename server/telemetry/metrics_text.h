/* Writes metrics in Prometheus' text format, version 0.0.4
 * (prometheus.io/docs/instrumenting/exposition_formats): for each metric its head, then all of its
 * samples. Names and label names are constants of ours; values of labels may be any text, and come
 * from closed sets: a caller's or a person's words have no place here.
 * Threads: pure. */
#ifndef PC_TELEMETRY_METRICS_TEXT_H
#define PC_TELEMETRY_METRICS_TEXT_H

#include "util/buffer.h"

#define PC_METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

typedef enum { PC_METRIC_COUNTER, PC_METRIC_GAUGE, PC_METRIC_HISTOGRAM } pc_metric_type;

typedef struct {
    const char *name;
    const char *value;
} pc_metric_label;

/* What a histogram has seen. */
typedef struct {
    const double *bounds;   /* upper bounds of the buckets, growing, without the infinite one */
    const uint64_t *counts; /* of each bucket by itself; one more than there are bounds */
    size_t bound_count;
    double sum; /* of the values seen */
} pc_metric_histogram;

/* The head: once for each metric, before its samples. */
void pc_metrics_head(pc_buffer *out, const char *name, pc_metric_type type, const char *help);

/* One sample. `labels` may be NULL when `label_count` is 0. */
void pc_metrics_count(pc_buffer *out, const char *name, const pc_metric_label *labels,
                      size_t label_count, uint64_t value);
void pc_metrics_number(pc_buffer *out, const char *name, const pc_metric_label *labels,
                       size_t label_count, double value);

/* The samples of one histogram. */
void pc_metrics_histogram(pc_buffer *out, const char *name, const pc_metric_label *labels,
                          size_t label_count, const pc_metric_histogram *histogram);

#endif
