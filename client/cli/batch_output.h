/* The answers of a batch: JSON lines or a CSV table, to standard output or a file that a later run
 * can go on with. */
#ifndef PROFILECTL_BATCH_OUTPUT_H
#define PROFILECTL_BATCH_OUTPUT_H

#include "batch_input.h"
#include "profilecontext/client.h"

typedef struct batch_output batch_output;

/* Opens what the options name. NULL with a sentence in `problem` where it cannot be written, where
 * it exists and --resume is not given, or where it is not what a batch has written. A last line
 * that was cut off is taken away. Free with batch_output_close. */
batch_output *batch_output_open(const options *from, char problem[BATCH_PROBLEM_SIZE]);

/* Whether an earlier run has answered the person. */
bool batch_output_has(const batch_output *output, const batch_person *who);

/* Write an answer. False where it cannot be written or made. */
bool batch_output_context(batch_output *output, const batch_person *who,
                          const Profilecontext__V1__Context *context);
bool batch_output_profile(batch_output *output, const batch_person *who,
                          const Profilecontext__V1__Profile *profile);
bool batch_output_error(batch_output *output, const batch_person *who,
                        const Profilecontext__V1__EntryError *error);

/* Hands over what was written. False, with a sentence in `problem`, where something was lost. */
bool batch_output_flush(batch_output *output, char problem[BATCH_PROBLEM_SIZE]);

void batch_output_close(batch_output *output);

#endif
