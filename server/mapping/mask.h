/* Field masks (AIP-157): compiled against a message's table, applied to wire bytes without
 * unpacking them, and turned into the upstream's `fields`.
 *
 * A path is field names of the .proto joined by dots; it may go through repeated fields and then
 * means that part of every item. A parent covers its children. `*` or an empty list means all.
 * `extensions` can be named only whole.
 * Threads: a compiled mask never changes; any thread may use it while its arena lives. */
#ifndef PC_MAPPING_MASK_H
#define PC_MAPPING_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mapping/tables.h"
#include "util/arena.h"
#include "util/buffer.h"
#include "util/status.h"

typedef struct pc_mask pc_mask;

/* Limits on what callers send. */
enum { PC_MASK_PATHS_MAX = 256, PC_MASK_PATH_BYTES_MAX = 512 };

/* Compiles `count` NUL-terminated paths (borrowed for the call) against `table`. `*out` lives in
 * the arena. Errors: INVALID_ARGUMENT INVALID_REQUEST with a violation of `read_mask` for each bad
 * path, naming its place in the list, its text unless that may be personal data, and the part of it
 * that is known; out of memory. */
PC_NODISCARD pc_status pc_mask_compile(const pc_mask **out, pc_arena *arena,
                                       const pc_message_table *table, const char *const *paths,
                                       size_t count);

/* The part of the mask that holds for the message field `name` of the mask's message: NULL when the
 * field is left out. The result covers all when the field is named whole. Borrowed from the
 * arena. */
const pc_mask *pc_mask_child(const pc_mask *mask, const char *name);

/* The same by the field's number. */
const pc_mask *pc_mask_child_number(const pc_mask *mask, uint32_t number);

/* Whether the mask leaves nothing out. */
bool pc_mask_is_all(const pc_mask *mask);

/* The part of both masks, for a caller's mask and a policy's. NULL when out of memory; arena. Both
 * masks were compiled against the same table. */
const pc_mask *pc_mask_intersect(pc_arena *arena, const pc_mask *a, const pc_mask *b);

/* Whether the mask keeps nothing at all. */
bool pc_mask_is_empty(const pc_mask *mask);

/* The mask, with the extensions cut down to what `clear` keeps whole: a value that did not fit its
 * field is among the extensions under the field's JSON name, where it would show what the mask
 * leaves out, or what is shown changed. NULL for `clear` is nothing. NULL when out of memory;
 * arena. Both masks were compiled against the same table. */
const pc_mask *pc_mask_keep_untyped(pc_arena *arena, const pc_mask *mask, const pc_mask *clear);

/* What is left of a mask when what `denied` covers is taken off; `*out` is NULL when that is
 * nothing; arena. False when out of memory. Both masks were compiled against the same table. */
PC_NODISCARD bool pc_mask_without(const pc_mask **out, pc_arena *arena, const pc_mask *mask,
                                  const pc_mask *denied);

/* The mask with the part of the message field `number` cut down to what `child` keeps, too; NULL
 * leaves the field out. NULL when out of memory; arena. */
const pc_mask *pc_mask_narrow(pc_arena *arena, const pc_mask *mask, uint32_t number,
                              const pc_mask *child);

/* Appends, as texts of field `number`, the paths that `asked` keeps and `kept` (NULL: nothing) does
 * not, each as high as that goes, with `prefix` before it; "" and a path of nothing is `*`. When
 * they are more than `size_max` bytes it says the prefix instead, for all of them. */
void pc_mask_put_missing(pc_buffer *out, uint32_t number, const char *prefix, const pc_mask *asked,
                         const pc_mask *kept, size_t size_max);

/* Whether all that an XDM path such as `commerce.order.priceTotal` can mean in a message of the
 * mask's is kept: what has no typed field is part of the extensions, unless it is a field's name in
 * another case or with a prefix. */
bool pc_mask_keeps_json_path(const pc_mask *mask, const char *path);

/* Appends the fields of the message in `wire` that the mask keeps, in their order. Fields that the
 * table does not know are dropped unless the mask covers all. Errors: INTERNAL MESSAGE_MALFORMED;
 * RESOURCE_EXHAUSTED when `out` fails. */
PC_NODISCARD pc_status pc_mask_filter(pc_buffer *out, const uint8_t *wire, size_t size,
                                      const pc_mask *mask);

/* The upstream's `fields` value that fetches what the mask keeps: JSON dot paths joined by commas,
 * in the order of the table. `*out` is NULL when everything must be fetched (the mask covers all,
 * or names `extensions` at the root); arena. "" when nothing of the document is needed. Paths stop
 * at repeated fields, of which the upstream gives all or nothing, and at properties whose names
 * hold a dot or a comma. Errors: out of memory. */
PC_NODISCARD pc_status pc_mask_upstream_fields(const char **out, pc_arena *arena,
                                               const pc_mask *mask);

#endif
