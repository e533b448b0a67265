/* Random documents for a message's table: mostly of the right shape, with everything in between
 * that hostile or careless sources send. The same seed gives the same document. */
#ifndef PC_TESTS_MAPPING_GENERATE_H
#define PC_TESTS_MAPPING_GENERATE_H

#include <stdint.h>

#include "mapping/tables.h"
#include "util/buffer.h"

/* Appends one JSON object and moves `*seed` on. `wildness` is the share of odd values in percent;
 * at 0 it is a document that every reader of JSON takes. */
void generate_document(pc_buffer *out, uint64_t *seed, const pc_message_table *table,
                       unsigned wildness);

#endif
