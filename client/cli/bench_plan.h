/* When calls of a load are started, and which of them count. Time is passed in: nanoseconds of any
 * steady clock. */
#ifndef PROFILECTL_BENCH_PLAN_H
#define PROFILECTL_BENCH_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#define BENCH_PLAN_NEVER INT64_MAX

typedef struct {
    /* What is wanted. */
    double rate;         /* starts a second on a fixed schedule; 0: whenever a call has ended */
    int64_t warmup_ns;   /* before anything counts */
    int64_t duration_ns; /* of what counts; 0: until there are so many requests */
    uint64_t requests;   /* that count; 0: until the duration is over */
    /* What became of it. */
    int64_t begin_ns;
    uint64_t scheduled; /* starts so far */
    uint64_t counted;   /* of them */
    bool stopped;
} bench_plan;

/* Begins with the warm-up. */
void bench_plan_begin(bench_plan *plan, int64_t now_ns);

/* When the next call is to be started, which may be past; BENCH_PLAN_NEVER after the last. The
 * schedule of a rate does not wait for anything: where starts are late, the moments at which they
 * were due stay, so that answers can be measured from there. */
int64_t bench_plan_due(const bench_plan *plan, int64_t now_ns);

/* Takes the start that is due at `due_ns`. Returns whether it counts. */
bool bench_plan_take(bench_plan *plan, int64_t due_ns);

/* Ends the plan before its time. */
void bench_plan_stop(bench_plan *plan);

/* The time in which answers count for the rate; the end is BENCH_PLAN_NEVER where the number of
 * requests decides. */
int64_t bench_plan_window_begin(const bench_plan *plan);
int64_t bench_plan_window_end(const bench_plan *plan);

#endif
