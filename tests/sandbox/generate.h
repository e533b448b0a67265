/* Synthetic customers. */
#ifndef SBX_GENERATE_H
#define SBX_GENERATE_H

#include "store.h"

/* Adds customers 1 to count, in one transaction; customer i of a seed is always the same apart from
 * the dates, which count back from now. Shows progress on stderr when that is a terminal. A
 * database that holds exactly these already is left alone. */
bool sbx_generate(sbx_store *store, int64_t count, uint64_t seed, struct sbx_error *error);

#endif
