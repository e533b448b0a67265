/* Who left a while ago: fingerprints of keys, about as many as there are records. A later one may
 * push out an earlier one, and different keys may look alike; both only cost a decision that is
 * less than the best. Threads: one at a time. */
#ifndef PC_CONTEXT_CACHE_GHOSTS_H
#define PC_CONTEXT_CACHE_GHOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is empty. */
typedef struct {
    uint32_t *fingerprints; /* 0: none */
    uint32_t capacity;      /* a power of two, or 0 */
} pc_ghosts;

void pc_ghosts_deinit(pc_ghosts *ghosts);

/* Remembers one that is not 0, where there is room for about `records`. Without memory for that it
 * is not remembered. */
void pc_ghosts_add(pc_ghosts *ghosts, uint32_t fingerprint, size_t records);

/* Whether it is remembered; forgets it. */
bool pc_ghosts_take(pc_ghosts *ghosts, uint32_t fingerprint);

#endif
