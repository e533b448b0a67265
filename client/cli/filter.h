/* A condition on a property of an event, as people write it: commerce.order.priceTotal>=100. */
#ifndef PROFILECTL_FILTER_H
#define PROFILECTL_FILTER_H

#include <stdbool.h>

#include "profilecontext/client.h"

enum { FILTER_PATH_SIZE = 257 };

typedef enum { FILTER_TEXT, FILTER_NUMBER, FILTER_FLAG, FILTER_DATE } filter_kind;

typedef struct {
    char path[FILTER_PATH_SIZE];
    Profilecontext__V1__ComparisonOperator operator_;
    filter_kind kind;
    const char *text; /* borrows the argument */
    double number;
    bool flag;
    int year;
    int month;
    int day;
} filter;

/* Reads a path, one of = != < <= > >=, and a value: a number, true or false, a date such as
 * 2025-11-02, or else a text. Text that looks like one of these is forced by a leading apostrophe:
 * 'true. On failure returns what is wrong, in words; NULL when all is well. */
const char *filter_parse(filter *out, const char *text);

#endif
