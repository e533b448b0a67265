/* JSON's decimal numbers as doubles and integers, with the question whether they came through
 * exactly. Independent of the locale. Threads: any. */
#ifndef PC_MAPPING_NUMBERS_H
#define PC_MAPPING_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mapping/reading.h"

/* Whether the text is a number as JSON writes them, and nothing else. */
bool pc_number_valid(const uint8_t *text, size_t size);

/* The nearest double of a valid number. EXACT when the shortest decimal that reads back as the same
 * double has the text's value; LENIENT when not. NONE for what is too large: `*out` is then the
 * finite double nearest to it. */
pc_reading pc_number_double(const uint8_t *text, size_t size, double *out);

/* The value of a valid number when it is whole and from `min` to `max`, else NONE. "3.0" and "3e0"
 * are whole. LENIENT only for negative zero. */
pc_reading pc_number_integer(const uint8_t *text, size_t size, int64_t min, int64_t max,
                             int64_t *out);

#endif
