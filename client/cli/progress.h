/* How far long work has come, as one line that is written over: only on a terminal. */
#ifndef PROFILECTL_PROGRESS_H
#define PROFILECTL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { PROGRESS_TEXT_SIZE = 160 };

typedef struct {
    FILE *out;
    bool shown; /* whether there is a terminal */
    int64_t start_ms;
    int64_t last_ms;
} progress;

/* What is known at a moment. */
typedef struct {
    uint64_t done;   /* in this run */
    uint64_t failed; /* of them */
    double share;    /* of all work, 0 to 1; below 0: not known */
    int64_t elapsed_ms;
} progress_state;

/* Starts the clock. `terminal` says whether anything is shown. */
void progress_start(progress *to, FILE *out, bool terminal);

/* Shows the state, ten times a second at most. Milliseconds of any steady clock. */
void progress_show(progress *to, uint64_t done, uint64_t failed, double share);

/* Shows a line of another kind, at once. */
void progress_line(progress *to, const char *text);

/* Takes the line away. */
void progress_end(progress *to);

/* The line itself. */
void progress_format(char out[PROGRESS_TEXT_SIZE], const progress_state *state);

#endif
