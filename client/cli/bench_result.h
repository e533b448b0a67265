/* What came of a load. */
#ifndef PROFILECTL_BENCH_RESULT_H
#define PROFILECTL_BENCH_RESULT_H

#include "bench_sections.h"
#include "display.h"
#include "histogram.h"
#include "profilecontext/client.h"

enum { BENCH_CODES = PROFILECONTEXT_UNAUTHENTICATED + 1, BENCH_MESSAGE_SIZE = 128 };

typedef struct {
    /* Calls that count: all that were due after the warm-up. */
    uint64_t requests;   /* that were started; those without a code are unfinished */
    uint64_t dropped;    /* that were not, since as many as may be were in flight */
    uint64_t unfinished; /* cut off by an interruption */
    uint64_t codes[BENCH_CODES];
    char messages[BENCH_CODES][BENCH_MESSAGE_SIZE]; /* of the first of each failure */
    uint64_t bytes;                                 /* of the responses */
    uint64_t upstream_calls;
    histogram *latency; /* of all that have ended, from when they were due; owned */
    histogram *latency_ok;
    histogram *hits;   /* of those for persons of the list; owned, as the next */
    histogram *misses; /* of those for somebody new */
    histogram *lag;    /* from when they were due until they were started; owned */
    /* Of the responses that were looked into. */
    uint64_t looked_into;
    uint64_t malformed;
    uint64_t sections[BENCH_SECTION_STATUSES];
    /* Of the time between the warm-up and the end. */
    double seconds;
    uint64_t answered; /* calls that ended in it, whenever they were due */
    uint64_t answered_ok;
    double client_cpu_s; /* of this process */
    double client_spin_s;
    bool interrupted;
} bench_result;

/* What the load was. */
typedef struct {
    bench_method method;
    double rate; /* 0: closed loop */
    uint64_t connections;
    uint64_t in_flight;
    uint64_t persons;
    double miss_percent;
    bench_check check;
    uint64_t sample;
} bench_load;

/* An empty one; false without memory. bench_result_deinit frees it either way. */
bool bench_result_init(bench_result *out);
void bench_result_deinit(bench_result *of);

/* Calls that failed, other than for not finding anybody. */
uint64_t bench_result_failures(const bench_result *of);

/* Writes the result for people, or as one JSON object on a line. */
void bench_result_print(display *to, const bench_result *of, const bench_load *load);
void bench_result_print_json(FILE *out, const bench_result *of, const bench_load *load);

/* The line that shows how far it is. */
enum { BENCH_PROGRESS_SIZE = 160 };
void bench_result_progress(char out[BENCH_PROGRESS_SIZE], const bench_result *of, bool warming_up,
                           double seconds);

#endif
