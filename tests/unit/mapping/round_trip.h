/* The claim that nothing is lost, for one document: it is mapped, read back and compared with the
 * source, which is compared with what jansson reads. Both give false with the reason and the
 * document printed. */
#ifndef PC_TESTS_MAPPING_ROUND_TRIP_H
#define PC_TESTS_MAPPING_ROUND_TRIP_H

#include <stdbool.h>
#include <stddef.h>

bool profile_returns(const char *json, size_t size);
bool event_returns(const char *json, size_t size);

#endif
