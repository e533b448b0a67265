/* jansson as the oracle of what a document says. */
#ifndef PC_TESTS_MAPPING_ORACLE_H
#define PC_TESTS_MAPPING_ORACLE_H

#include <stdbool.h>
#include <stddef.h>

#include "inverse.h"

typedef enum {
    ORACLE_AGREES,
    ORACLE_DIFFERS,
    ORACLE_REFUSES /* numbers beyond its types, bad UTF-8, NUL in a key: nothing can be compared */
} oracle_verdict;

/* Compares a document that was read (NULL: it could not be) with what jansson reads in it. */
oracle_verdict oracle_compare(const value *read, const void *json, size_t size);

/* Whether jansson reads the document at all. */
bool oracle_reads(const void *json, size_t size);

#endif
