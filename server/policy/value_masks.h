/* Values that are shown changed: as a keyed hash, or their end only. Rewrites wire bytes.
 * Threads: pure. */
#ifndef PC_POLICY_VALUE_MASKS_H
#define PC_POLICY_VALUE_MASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mapping/wire_path.h"
#include "util/buffer.h"

enum { PC_VALUE_KEY_BYTES = 32, PC_VALUE_HASH_DIGITS = 32, PC_VALUE_KEPT_MAX = 16 };

typedef enum { PC_VALUE_HASH, PC_VALUE_PARTIAL } pc_value_mask_kind;

/* The texts at a path, through lists and messages. */
typedef struct {
    pc_wire_path path;
    pc_value_mask_kind kind;
    unsigned kept; /* of PC_VALUE_PARTIAL: how many characters at the end stay */
} pc_value_mask;

/* Those of one message, sorted by path; no path is the beginning of another. */
typedef struct {
    const pc_value_mask *masks;
    size_t count;
} pc_value_masks;

/* Sorts them as pc_value_masks wants it. */
void pc_value_masks_sort(pc_value_mask *masks, size_t count);

/* Appends the message with its values masked: a hash is 32 hexadecimal digits of HMAC-SHA256 under
 * the key; of a partial value each character but the last `kept` is `*`, and all of one that has no
 * more than these. False when the bytes are malformed; `out` says when it failed. */
bool pc_value_masks_apply(pc_buffer *out, const uint8_t *wire, size_t size,
                          const pc_value_masks *masks, const uint8_t key[PC_VALUE_KEY_BYTES]);

#endif
