/* The text format, line by line. */
#include "telemetry/metrics_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_BYTES_MAX = 32 };

/* Appends a text with the escapes of labels' values, or of a help text, where quotes may stand. */
static void put_escaped(pc_buffer *out, const char *text, bool in_quotes)
{
    const char *special = in_quotes ? "\\\n\"" : "\\\n";
    while (*text != '\0') {
        size_t plain = strcspn(text, special);
        pc_buffer_append(out, text, plain);
        text += plain;
        if (*text != '\0') {
            pc_buffer_append_byte(out, '\\');
            pc_buffer_append_byte(out, *text == '\n' ? 'n' : (uint8_t)*text);
            text++;
        }
    }
}

/* The shortest digits that are read back as the same number. */
static void print_number(char out[NUMBER_BYTES_MAX], double value)
{
    if (isnan(value) || isinf(value)) {
        (void)snprintf(out, NUMBER_BYTES_MAX, "%s",
                       isnan(value) ? "NaN"
                       : value > 0  ? "+Inf"
                                    : "-Inf");
        return;
    }
    (void)snprintf(out, NUMBER_BYTES_MAX, "%.15g", value);
    if (strtod(out, NULL) != value) {
        (void)snprintf(out, NUMBER_BYTES_MAX, "%.17g", value);
    }
}

static void put_label(pc_buffer *out, bool *any, const char *name, const char *value)
{
    pc_buffer_append_text(out, *any ? "," : "{");
    *any = true;
    pc_buffer_append_text(out, name);
    pc_buffer_append_text(out, "=\"");
    put_escaped(out, value, true);
    pc_buffer_append_byte(out, '"');
}

/* One line; `le`, the bound of a bucket, may be NULL. */
static void put_sample(pc_buffer *out, const char *name, const char *suffix,
                       const pc_metric_label *labels, size_t label_count, const char *le,
                       const char *value)
{
    bool any = false;
    pc_buffer_append_text(out, name);
    pc_buffer_append_text(out, suffix);
    for (size_t i = 0; i < label_count; i++) {
        put_label(out, &any, labels[i].name, labels[i].value);
    }
    if (le != NULL) {
        put_label(out, &any, "le", le);
    }
    if (any) {
        pc_buffer_append_byte(out, '}');
    }
    pc_buffer_append_byte(out, ' ');
    pc_buffer_append_text(out, value);
    pc_buffer_append_byte(out, '\n');
}

void pc_metrics_head(pc_buffer *out, const char *name, pc_metric_type type, const char *help)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    pc_buffer_append_text(out, "# HELP ");
    pc_buffer_append_text(out, name);
    pc_buffer_append_byte(out, ' ');
    put_escaped(out, help, false);
    pc_buffer_append_text(out, "\n# TYPE ");
    pc_buffer_append_text(out, name);
    pc_buffer_append_byte(out, ' ');
    pc_buffer_append_text(out, types[type]);
    pc_buffer_append_byte(out, '\n');
}

static void put_count(pc_buffer *out, const char *name, const char *suffix,
                      const pc_metric_label *labels, size_t label_count, const char *le,
                      uint64_t value)
{
    char text[NUMBER_BYTES_MAX];
    (void)snprintf(text, sizeof text, "%" PRIu64, value);
    put_sample(out, name, suffix, labels, label_count, le, text);
}

void pc_metrics_count(pc_buffer *out, const char *name, const pc_metric_label *labels,
                      size_t label_count, uint64_t value)
{
    put_count(out, name, "", labels, label_count, NULL, value);
}

void pc_metrics_number(pc_buffer *out, const char *name, const pc_metric_label *labels,
                       size_t label_count, double value)
{
    char text[NUMBER_BYTES_MAX];
    print_number(text, value);
    put_sample(out, name, "", labels, label_count, NULL, text);
}

void pc_metrics_histogram(pc_buffer *out, const char *name, const pc_metric_label *labels,
                          size_t label_count, const pc_metric_histogram *histogram)
{
    char text[NUMBER_BYTES_MAX];
    uint64_t count = 0;
    for (size_t i = 0; i <= histogram->bound_count; i++) {
        count += histogram->counts[i];
        print_number(text, i < histogram->bound_count ? histogram->bounds[i] : INFINITY);
        put_count(out, name, "_bucket", labels, label_count, text, count);
    }
    print_number(text, histogram->sum);
    put_sample(out, name, "_sum", labels, label_count, NULL, text);
    put_count(out, name, "_count", labels, label_count, NULL, count);
}
