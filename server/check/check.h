/* Walks through what a customer of Adobe has to set up, and says of each step whether it is right,
 * and if not, what to do: profile-contextd --check-upstream, and through it `profilectl check`.
 *
 * It asks the upstream itself, without a server. Nothing that it prints is about the person that it
 * is given. Its look-ups are billed: a handful. */
#ifndef PC_CHECK_CHECK_H
#define PC_CHECK_CHECK_H

#include <stdio.h>

#include "config/config.h"

typedef enum {
    PC_CHECK_OK,
    PC_CHECK_WARNING, /* works, but callers will miss something */
    PC_CHECK_FAILED,
    PC_CHECK_SKIPPED /* for want of a step before, or of a person */
} pc_check_verdict;

typedef struct {
    const char *step;  /* constant, such as "token" */
    const char *title; /* constant */
    pc_check_verdict verdict;
    char detail[256];
    const char *remedy; /* constant; NULL when there is nothing to do */
    double took_ms;     /* 0: nothing was measured */
} pc_check_result;

enum { PC_CHECK_STEPS = 12 };

/* Runs the steps. `person` is NAMESPACE:ID, or NULL. Errors: INVALID_ARGUMENT for a person that is
 * none; RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_check_run(pc_check_result results[PC_CHECK_STEPS],
                                    const pc_config *config, const char *person);

/* Prints them, for people or as JSON; false when one has failed. */
bool pc_check_print(FILE *out, const pc_check_result results[PC_CHECK_STEPS], bool as_json);

#endif
