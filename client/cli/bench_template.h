/* Identities by number: a text with one place for a number, such as email:load-%d@example.com or
 * crmid:C%07d. */
#ifndef PROFILECTL_BENCH_TEMPLATE_H
#define PROFILECTL_BENCH_TEMPLATE_H

#include <stddef.h>
#include <stdint.h>

enum { BENCH_TEMPLATE_TEXT_SIZE = 1024 };

typedef struct {
    const char *text; /* borrowed */
    size_t before;    /* bytes before the number */
    int digits;       /* that the number has at least, with zeros before it */
    const char *after;
} bench_template;

/* Reads a template. The place is %d, or %0Nd for N digits at least, N from 1 to 18; any other
 * percent sign is itself. On failure returns what is wrong, in words; NULL when all is well. */
const char *bench_template_parse(bench_template *out, const char *text);

/* Writes the text with the number, which is 0 or more. */
void bench_template_write(char out[BENCH_TEMPLATE_TEXT_SIZE], const bench_template *from,
                          int64_t number);

#endif
