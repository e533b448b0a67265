/* Synthetic customers, and one of them with very many events. */
#ifndef SBX_GENERATE_H
#define SBX_GENERATE_H

#include "store.h"

/* Adds customers 1 to count, in one transaction; customer i of a seed is always the same apart from
 * the dates, which count back from now. Shows progress on stderr when that is a terminal. A
 * database that holds exactly these already is left alone. */
bool sbx_generate(sbx_store *store, int64_t count, uint64_t seed, struct sbx_error *error);

/* The days before now over which the events of sbx_generate_events are spread. */
enum { SBX_EVENT_STREAM_DAYS = 365 };

/* Adds customer 0, who is C-EVENTS and events@example.net, with that many events: number i of count
 * (_exampletenant.sequence, 1 is the oldest) in step i of the days. Otherwise as sbx_generate. */
bool sbx_generate_events(sbx_store *store, int64_t count, uint64_t seed, struct sbx_error *error);

#endif
