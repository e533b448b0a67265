/* A growing byte buffer that cannot be made without its maximum. Once it has failed (too large, or
 * out of memory) it stays failed and ignores what comes after, so a writer checks once at the end.
 * Threads: one at a time. */
#ifndef PC_UTIL_BUFFER_H
#define PC_UTIL_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/attributes.h"
#include "util/slice.h"

typedef struct {
    uint8_t *bytes; /* owned; not NUL-terminated */
    size_t size;
    size_t capacity;
    size_t size_max;
    bool failed;
    bool is_lent; /* `bytes` are not ours */
} pc_buffer;

void pc_buffer_init(pc_buffer *buffer, size_t size_max);

/* The same, using `capacity` bytes at `storage` first, which are borrowed until pc_buffer_deinit:
 * what stays that small allocates nothing. */
void pc_buffer_init_in(pc_buffer *buffer, void *storage, size_t capacity, size_t size_max);
void pc_buffer_deinit(pc_buffer *buffer);

/* Makes room for `size` more bytes; false when that failed. The bytes' address may change. */
bool pc_buffer_reserve(pc_buffer *buffer, size_t size);

/* Gives back the room beyond the content, as far as it can. The bytes' address may change. */
void pc_buffer_trim(pc_buffer *buffer);

void pc_buffer_append(pc_buffer *buffer, const void *bytes, size_t size);
void pc_buffer_append_text(pc_buffer *buffer, const char *text);
void pc_buffer_append_byte(pc_buffer *buffer, uint8_t byte);

/* Moves the content out as a slice and leaves the buffer empty. NULL when the buffer had failed or
 * on lack of memory. Owned. */
pc_slice *pc_buffer_take_slice(pc_buffer *buffer);

/* Moves the content out as a malloc'd NUL-terminated text. NULL as above. Owned: free(). */
char *pc_buffer_take_text(pc_buffer *buffer);

#endif
