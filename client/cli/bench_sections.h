/* What became of the sections of an answer, read from its bytes: unpacking costs more than the
 * call. */
#ifndef PROFILECTL_BENCH_SECTIONS_H
#define PROFILECTL_BENCH_SECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "options.h"

/* The last place counts statuses that this client does not know. */
enum { BENCH_SECTION_STATUSES = 9 };

/* Adds the sections of a response to the counts of their statuses: all sections of a context, the
 * one of other methods. False, with nothing added, where the bytes are no such response. */
bool bench_sections_count(uint64_t counts[BENCH_SECTION_STATUSES], bench_method method,
                          const uint8_t *data, size_t size);

/* The name of a place, such as OK or LATE. */
const char *bench_section_status_name(size_t place);

#endif
