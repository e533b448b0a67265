/* Identities by number. */
#include "bench_template.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "person.h"

enum { DIGITS_MAX = 18 };

/* Reads %d or %0Nd; returns what follows, or NULL where there is something else. */
static const char *read_place(int *digits, const char *text)
{
    *digits = 1;
    text++;
    if (*text == '0' && isdigit((unsigned char)text[1])) {
        char *end = NULL;
        long value = strtol(text + 1, &end, 10);
        if (value < 1 || value > DIGITS_MAX) {
            return NULL;
        }
        *digits = (int)value;
        text = end;
    }
    return *text == 'd' ? text + 1 : NULL;
}

const char *bench_template_parse(bench_template *out, const char *text)
{
    *out = (bench_template){.text = text};
    if (strlen(text) >= BENCH_TEMPLATE_TEXT_SIZE - DIGITS_MAX - 1) {
        return "it is longer than 1,000 bytes";
    }
    for (const char *at = strchr(text, '%'); at != NULL; at = strchr(at + 1, '%')) {
        int digits = 0;
        const char *after = read_place(&digits, at);
        if (after != NULL && out->after != NULL) {
            return "it has more than one %d";
        }
        if (after != NULL) {
            out->before = (size_t)(at - text);
            out->digits = digits;
            out->after = after;
        }
    }
    if (out->after == NULL) {
        return "it needs %d where the number goes, such as email:load-%d@example.com";
    }
    char sample[BENCH_TEMPLATE_TEXT_SIZE];
    bench_template_write(sample, out, 1);
    person who;
    return person_parse(&who, sample);
}

void bench_template_write(char out[BENCH_TEMPLATE_TEXT_SIZE], const bench_template *from,
                          int64_t number)
{
    (void)snprintf(out, BENCH_TEMPLATE_TEXT_SIZE, "%.*s%0*" PRId64 "%s", (int)from->before,
                   from->text, from->digits, number, from->after);
}
