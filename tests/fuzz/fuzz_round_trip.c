/* Any bytes that are a JSON object, as a profile and as an event: what they were mapped to gives
 * back the document, and jansson reads in it what we do. */
#include <stdint.h>
#include <stdlib.h>

#include "mapping/json_reader.h"
#include "round_trip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_object(const uint8_t *data, size_t size)
{
    pc_json_reader reader;
    pc_json_reader_init(&reader, data, size, 0);
    return pc_json_peek(&reader) == PC_JSON_OBJECT && pc_json_skip(&reader, NULL) &&
           pc_json_finish(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (is_object(data, size)) {
        bool profile = profile_returns((const char *)data, size);
        if (!profile || !event_returns((const char *)data, size)) {
            abort();
        }
    }
    return 0;
}
