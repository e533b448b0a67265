/* XDM's JSON to wire bytes, in one pass over the text, steered by the generated tables.
 *
 * The one rule: a value stands in its typed field when it can be read as the field's type; and when
 * the typed field does not give back the source's value, the value stands in the message's
 * `extensions` as well, under its own JSON name. See `Extensions` in common.proto. In detail:
 * - Read leniently, so in both: numbers and booleans from strings that spell them, strings from
 *   numbers (their source digits), doubles that are not exactly the source's decimal, times with an
 *   offset or in an odd but clear form.
 * - In extensions only: unknown properties, null, wrong types, unknown enum strings, numbers out of
 *   range, times without a zone, empty arrays, and empty objects where a map is expected.
 * - Numbers are compared by value: 3.0 is an integer like 3. `Z`, `+00:00`, `+0000` and up to nine
 *   digits of fraction are one form of a time. In a map, an object and an array of just that object
 *   are the same.
 * - A number too large for a double stands in the Struct as the nearest finite double, with its
 *   digits in exact_numbers. Values more than 16 levels below the extensions (a property is on
 *   level 1) are null there, with their JSON text in deep_values.
 * - An array with some unreadable items: the good ones typed, the whole array in extensions. A map:
 *   only the affected keys in extensions, nested as in the source.
 * - Map entries come out sorted by their keys' bytes, and in the source's order within one key.
 * - Of equal keys in one object the last counts, as in common JSON parsers; keys are compared
 *   decoded.
 * - Strings come out as valid UTF-8 (see json_reader.h for repairs). Messages without an extensions
 *   field (none in the tables of XDM types) drop what they do not know.
 *
 * Pure: no clock, no global state. Threads: any. */
#ifndef PC_MAPPING_TRANSCODE_H
#define PC_MAPPING_TRANSCODE_H

#include <stddef.h>
#include <stdint.h>

#include "mapping/tables.h"
#include "util/buffer.h"
#include "util/status.h"

/* 0 means the default, everywhere. */
typedef struct {
    size_t output_bytes_max; /* of one call; the buffer's own maximum holds besides. 64 MiB */
    unsigned depth_max;      /* of the JSON text. PC_JSON_DEPTH_DEFAULT */
    size_t values_max;       /* properties and items of one call, at any depth. 4 million */
} pc_transcode_limits;

/* Appends the wire bytes of the message that `table` describes for the JSON object in `json`
 * (borrowed for the call), and no tag before them. `limits` may be NULL. On failure `out` is as it
 * was before (or failed, when it was the buffer that failed).
 * Errors: INTERNAL UPSTREAM_BODY_UNREADABLE when it is not one JSON object, with the position;
 * RESOURCE_EXHAUSTED UPSTREAM_BODY_TOO_COMPLEX over a limit; out of memory. */
PC_NODISCARD pc_status pc_transcode(pc_buffer *out, const uint8_t *json, size_t size,
                                    const pc_message_table *table,
                                    const pc_transcode_limits *limits);

#endif
