/* Persons on the command line, beside those of a list. */
#ifndef PROFILECTL_OPTIONS_PERSONS_H
#define PROFILECTL_OPTIONS_PERSONS_H

#include "options.h"

/* Checks the persons, and that options about a list come with --ids. False with one sentence in
 * `problem`. */
bool options_persons_check(const options *of, char problem[OPTIONS_PROBLEM_SIZE]);

#endif
