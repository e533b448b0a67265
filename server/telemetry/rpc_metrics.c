/* Counters in stripes: see util/stripes.h. */
#include "telemetry/rpc_metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "telemetry/metrics_text.h"
#include "util/stripes.h"

enum { CODES = PC_RPC_CODES, BOUNDS = PC_RPC_BOUNDS, NAME_BYTES_MAX = 128 };

/* Upper bounds of the buckets: from an answer out of memory to the longest that anybody waits, with
 * the deadlines of routing engines, 20 and 50 ms, among them. */
static const int64_t bounds_ns[BOUNDS] = {
    100000,   200000,    500000,    1000000,   2000000,    5000000,    10000000,   20000000,
    50000000, 100000000, 200000000, 500000000, 1000000000, 2000000000, 5000000000, 10000000000};

/* Of one method, in one stripe. What every call adds to stands together. */
typedef struct {
    _Alignas(PC_STRIPE_ALIGNMENT) pc_counter begun;
    pc_counter duration_ns; /* of those that ended */
    pc_counter request_bytes;
    pc_counter answer_bytes;
    pc_counter ended[CODES];
    pc_counter took[BOUNDS + 1]; /* calls that ended, by bucket */
} counters;

struct pc_rpc_metrics {
    size_t known;       /* methods */
    const char **paths; /* of them */
    counters *stripes;  /* PC_STRIPES times `known` and one more */
};

pc_status pc_rpc_metrics_new(pc_rpc_metrics **out, const char *const *paths, size_t count)
{
    *out = NULL;
    pc_rpc_metrics *metrics = calloc(1, sizeof *metrics);
    if (metrics == NULL) {
        return pc_status_out_of_memory();
    }
    metrics->known = count;
    metrics->paths = calloc(count + 1, sizeof *metrics->paths);
    metrics->stripes = pc_stripes_new((count + 1) * sizeof *metrics->stripes);
    if (metrics->paths == NULL || metrics->stripes == NULL) {
        pc_rpc_metrics_free(metrics);
        return pc_status_out_of_memory();
    }
    for (size_t i = 0; i < count; i++) {
        metrics->paths[i] = paths[i];
    }
    *out = metrics;
    return PC_OK;
}

void pc_rpc_metrics_free(pc_rpc_metrics *metrics)
{
    if (metrics == NULL) {
        return;
    }
    free(metrics->paths);
    free(metrics->stripes);
    free(metrics);
}

/* ---- counting -------------------------------------------------------------------------------- */

static counters *counters_in(const pc_rpc_metrics *metrics, unsigned stripe, size_t method)
{
    size_t place = method < metrics->known ? method : metrics->known;
    return &metrics->stripes[stripe * (metrics->known + 1) + place];
}

void pc_rpc_metrics_begun(pc_rpc_metrics *metrics, size_t method)
{
    unsigned stripe = pc_stripe();
    pc_counter_add(&counters_in(metrics, stripe, method)->begun, stripe, 1);
}

void pc_rpc_metrics_ended(pc_rpc_metrics *metrics, size_t method, pc_code code, int64_t duration_ns,
                          size_t request_bytes, size_t answer_bytes)
{
    /* Most calls are quick, so that this finds its bucket at once. */
    size_t bucket = 0;
    while (bucket < BOUNDS && duration_ns > bounds_ns[bucket]) {
        bucket++;
    }
    unsigned stripe = pc_stripe();
    counters *c = counters_in(metrics, stripe, method);
    pc_counter_add(&c->duration_ns, stripe, duration_ns > 0 ? (uint64_t)duration_ns : 0);
    pc_counter_add(&c->request_bytes, stripe, request_bytes);
    pc_counter_add(&c->answer_bytes, stripe, answer_bytes);
    pc_counter_add(&c->ended[(size_t)code < CODES ? code : PC_CODE_UNKNOWN], stripe, 1);
    pc_counter_add(&c->took[bucket], stripe, 1);
}

/* ---- writing --------------------------------------------------------------------------------- */

const char *pc_rpc_metrics_path(const pc_rpc_metrics *metrics, size_t method)
{
    return metrics->paths[method];
}

const int64_t *pc_rpc_metrics_bounds(void)
{
    return bounds_ns;
}

void pc_rpc_metrics_read(const pc_rpc_metrics *metrics, size_t method, pc_rpc_figures *out)
{
    *out = (pc_rpc_figures){0};
    uint64_t begun = 0;
    uint64_t ended = 0;
    for (unsigned stripe = 0; stripe < PC_STRIPES; stripe++) {
        const counters *c = counters_in(metrics, stripe, method);
        out->duration_ns += pc_counter_read(&c->duration_ns);
        out->request_bytes += pc_counter_read(&c->request_bytes);
        out->answer_bytes += pc_counter_read(&c->answer_bytes);
        for (size_t i = 0; i < CODES; i++) {
            uint64_t count = pc_counter_read(&c->ended[i]);
            out->ended[i] += count;
            ended += count;
        }
        for (size_t i = 0; i <= BOUNDS; i++) {
            out->took[i] += pc_counter_read(&c->took[i]);
        }
    }
    /* A call may begin in one stripe and end in another, so all ends are read before. */
    for (unsigned stripe = 0; stripe < PC_STRIPES; stripe++) {
        begun += pc_counter_read(&counters_in(metrics, stripe, method)->begun);
    }
    out->in_flight = begun > ended ? begun - ended : 0;
}

/* The labels of a method, and room for what they point to. */
typedef struct {
    char service[NAME_BYTES_MAX];
    pc_metric_label labels[3]; /* the third is for a code */
} method_labels;

static void name_method(method_labels *out, const pc_rpc_metrics *metrics, size_t method)
{
    const char *path = method < metrics->known ? metrics->paths[method] : "/unknown/unknown";
    size_t service_size = strcspn(path + 1, "/");
    (void)snprintf(out->service, sizeof out->service, "%.*s", (int)service_size, path + 1);
    out->labels[0] = (pc_metric_label){"grpc_service", out->service};
    out->labels[1] = (pc_metric_label){"grpc_method", path + 1 + service_size + 1};
}

static void write_ended(pc_buffer *out, const char *name, method_labels *names,
                        const pc_rpc_figures *t)
{
    for (size_t code = 0; code < CODES; code++) {
        names->labels[2] = (pc_metric_label){"grpc_code", pc_code_name((pc_code)code)};
        pc_metrics_count(out, name, names->labels, 3, t->ended[code]);
    }
}

static void write_duration(pc_buffer *out, const char *name, method_labels *names,
                           const pc_rpc_figures *t)
{
    double bounds[BOUNDS];
    for (size_t i = 0; i < BOUNDS; i++) {
        bounds[i] = (double)bounds_ns[i] / 1e9;
    }
    const pc_metric_histogram histogram = {
        .bounds = bounds,
        .counts = t->took,
        .bound_count = BOUNDS,
        .sum = (double)t->duration_ns / 1e9,
    };
    pc_metrics_histogram(out, name, names->labels, 2, &histogram);
}

static void write_in_flight(pc_buffer *out, const char *name, method_labels *names,
                            const pc_rpc_figures *t)
{
    pc_metrics_count(out, name, names->labels, 2, t->in_flight);
}

static void write_request_bytes(pc_buffer *out, const char *name, method_labels *names,
                                const pc_rpc_figures *t)
{
    pc_metrics_count(out, name, names->labels, 2, t->request_bytes);
}

static void write_answer_bytes(pc_buffer *out, const char *name, method_labels *names,
                               const pc_rpc_figures *t)
{
    pc_metrics_count(out, name, names->labels, 2, t->answer_bytes);
}

static const struct {
    const char *name;
    pc_metric_type type;
    const char *help;
    /* Writes the samples of one method. */
    void (*write)(pc_buffer *out, const char *name, method_labels *names, const pc_rpc_figures *t);
} metrics_written[] = {
    {"profilecontext_rpc_calls_total", PC_METRIC_COUNTER, "Calls that have ended, by gRPC code.",
     write_ended},
    {"profilecontext_rpc_duration_seconds", PC_METRIC_HISTOGRAM,
     "Time of calls from their arrival until their answer was out.", write_duration},
    {"profilecontext_rpc_in_flight", PC_METRIC_GAUGE, "Calls that have begun and not ended.",
     write_in_flight},
    {"profilecontext_rpc_request_bytes_total", PC_METRIC_COUNTER,
     "Request messages of calls that have ended, unpacked.", write_request_bytes},
    {"profilecontext_rpc_answer_bytes_total", PC_METRIC_COUNTER,
     "Answer messages of calls that have ended, before compression.", write_answer_bytes},
};

void pc_rpc_metrics_write(const pc_rpc_metrics *metrics, pc_buffer *out)
{
    for (size_t i = 0; i < PC_COUNT_OF(metrics_written); i++) {
        const char *name = metrics_written[i].name;
        pc_metrics_head(out, name, metrics_written[i].type, metrics_written[i].help);
        for (size_t method = 0; method <= metrics->known; method++) {
            method_labels names;
            name_method(&names, metrics, method);
            pc_rpc_figures t;
            pc_rpc_metrics_read(metrics, method, &t);
            metrics_written[i].write(out, name, &names, &t);
        }
    }
}
