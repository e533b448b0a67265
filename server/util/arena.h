/* Memory that dies together: everything of one call lives in one arena and is never freed alone.
 * Bounded: an arena refuses to grow past its maximum, so that no request can eat the machine.
 * Threads: one at a time. */
#ifndef PC_UTIL_ARENA_H
#define PC_UTIL_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "util/attributes.h"

typedef struct pc_arena_block pc_arena_block;

/* Visible only so that an arena can be embedded; use the functions. */
typedef struct {
    uint8_t *next;          /* first free byte of the current block */
    uint8_t *end;           /* one past the last byte of the current block */
    pc_arena_block *blocks; /* owned; newest first */
    size_t bytes_used;      /* of malloc blocks, headers left out */
    size_t bytes_max;
} pc_arena;

/* Starts an arena that first hands out `buffer` (borrowed until pc_arena_deinit; may be NULL with
 * size 0) and then grows by malloc to at most `bytes_max` more bytes. */
void pc_arena_init(pc_arena *arena, void *buffer, size_t buffer_size, size_t bytes_max);

/* Hands out again what was handed out since `before` was copied from the arena, as far as no new
 * block was needed since then. */
void pc_arena_rewind(pc_arena *arena, const pc_arena *before);

/* Frees all that was handed out. */
void pc_arena_deinit(pc_arena *arena);

/* Of pc_arena_alloc: from a new block. */
void *pc_arena_alloc_more(pc_arena *arena, size_t size);

/* `size` bytes aligned for any type, not cleared. NULL when out of memory or over the maximum.
 * Borrowed until pc_arena_deinit. */
static inline void *pc_arena_alloc(pc_arena *arena, size_t size)
{
    size_t padding = -(uintptr_t)arena->next & (_Alignof(max_align_t) - 1);
    size_t left = (size_t)(arena->end - arena->next);
    if (padding > left || size > left - padding || arena->next == NULL) {
        return pc_arena_alloc_more(arena, size);
    }
    uint8_t *start = arena->next + padding;
    arena->next = start + size;
    return start;
}

/* The same, cleared, for `count` items of `size` bytes; checks the product for overflow. */
void *pc_arena_calloc(pc_arena *arena, size_t count, size_t size);

/* A NUL-terminated copy of `length` bytes. NULL when out of memory. Borrowed. */
char *pc_arena_strndup(pc_arena *arena, const char *text, size_t length);

/* printf into the arena. NULL when out of memory. Borrowed. */
char *pc_arena_printf(pc_arena *arena, const char *format, ...) PC_PRINTF(2, 3);

#endif
