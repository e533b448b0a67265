/* The persons of a batch: one a line, or a row of a CSV table. */
#ifndef PROFILECTL_BATCH_INPUT_H
#define PROFILECTL_BATCH_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "options.h"

enum { BATCH_PROBLEM_SIZE = 256, BATCH_LINE_MAX = 4096 };

typedef struct batch_input batch_input;

/* A person that was read. `text` is owned; `who` points into it. */
typedef struct {
    size_t line; /* where it begins, from 1 */
    char *text;
    person who;
} batch_person;

typedef enum {
    BATCH_INPUT_PERSON, /* there is one */
    BATCH_INPUT_END,
    BATCH_INPUT_BAD,   /* the line names nobody; the next call reads on */
    BATCH_INPUT_FAILED /* nothing more can be read */
} batch_input_result;

/* Opens what the options name. NULL with a sentence in `problem` where it cannot be read, or a
 * table has not the columns. Free with batch_input_close.
 *
 * A line is NAMESPACE:ID, or with --namespace the id alone; empty lines and lines that begin with #
 * are left out. A table (RFC 4180) has a line of names first, and the columns `namespace` and `id`,
 * or `xid`, or with --namespace only the id; --id-column names that of the id. */
batch_input *batch_input_open(const options *from, char problem[BATCH_PROBLEM_SIZE]);

/* Reads the next person; `problem` says what is wrong with a bad line. */
batch_input_result batch_input_next(batch_input *input, batch_person *out,
                                    char problem[BATCH_PROBLEM_SIZE]);

void batch_person_free(batch_person *who);

/* How much was read, and how much there is; 0 where that is not known. */
void batch_input_place(batch_input *input, int64_t *read, int64_t *size);

void batch_input_close(batch_input *input);

#endif
