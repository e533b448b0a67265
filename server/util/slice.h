/* Bytes that several parts share: reference-counted, immutable once made.
 * Threads: a slice may be used, referenced and released from any thread. */
#ifndef PC_UTIL_SLICE_H
#define PC_UTIL_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/attributes.h"

typedef struct pc_slice pc_slice;

/* A slice of `size` bytes (below 4 GiB) to be filled through pc_slice_writable() before it is
 * shared. NULL when out of memory. Owned: release with pc_slice_unref(). */
pc_slice *pc_slice_new(size_t size);

/* A slice that holds a copy of the bytes. NULL when out of memory. Owned. */
pc_slice *pc_slice_copy(const void *bytes, size_t size);

/* A slice over memory from malloc, which it takes and frees with free(). On lack of memory returns
 * NULL and has freed `bytes`. Owned. */
pc_slice *pc_slice_take(void *bytes, size_t size);

/* A slice over some bytes of `whole`, to which it holds a reference. NULL when out of memory.
 * Owned. */
pc_slice *pc_slice_part(pc_slice *whole, const uint8_t *bytes, size_t size);

/* Lengthens `slice`, a part that nobody else refers to, by `next` where that is the part right
 * behind it; false, and nothing has changed, where it is not. `next` stays the caller's. */
bool pc_slice_join(pc_slice *slice, const pc_slice *next);

/* What a slice of `size` bytes takes of the heap when it was made by pc_slice_new or
 * pc_slice_copy. */
size_t pc_slice_memory(size_t size);

/* Another reference to the same bytes; returns `slice`. NULL is passed through. */
pc_slice *pc_slice_ref(pc_slice *slice);

/* Gives a reference back; the last one frees. NULL is allowed. */
void pc_slice_unref(pc_slice *slice);

/* Borrowed until the caller's reference is given back. A slice of NULL is empty. */
const uint8_t *pc_slice_bytes(const pc_slice *slice);
size_t pc_slice_size(const pc_slice *slice);

/* For filling before sharing; only valid while there is one reference. */
uint8_t *pc_slice_writable(pc_slice *slice);

/* Shortens a slice before sharing. `size` is at most the present size. */
void pc_slice_truncate(pc_slice *slice, size_t size);

#endif
