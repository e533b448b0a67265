/* The options of bench: what they are when they are not given, and what they need of each other. */
#ifndef PROFILECTL_OPTIONS_BENCH_H
#define PROFILECTL_OPTIONS_BENCH_H

#include "options.h"

/* Sets those of bench. */
void options_bench_defaults(options *out);

/* Checks them, and fills in what depends on others. False with a sentence in `problem`. */
bool options_bench_check(options *of, char problem[OPTIONS_PROBLEM_SIZE]);

#endif
