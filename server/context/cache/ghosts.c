/* A table without probing. */
#include "context/cache/ghosts.h"

#include <stdlib.h>

enum { LEAST_CAPACITY = 64, MOST_CAPACITY = 1 << 24 };

static uint32_t *place(const pc_ghosts *ghosts, uint32_t fingerprint)
{
    return &ghosts->fingerprints[(fingerprint >> 1) & (ghosts->capacity - 1)];
}

static void grow(pc_ghosts *ghosts)
{
    uint32_t capacity = ghosts->capacity == 0 ? LEAST_CAPACITY : ghosts->capacity * 2;
    pc_ghosts larger = {calloc(capacity, sizeof(uint32_t)), capacity};
    if (larger.fingerprints == NULL) {
        return;
    }
    for (uint32_t i = 0; i < ghosts->capacity; i++) {
        if (ghosts->fingerprints[i] != 0) {
            *place(&larger, ghosts->fingerprints[i]) = ghosts->fingerprints[i];
        }
    }
    free(ghosts->fingerprints);
    *ghosts = larger;
}

void pc_ghosts_deinit(pc_ghosts *ghosts)
{
    free(ghosts->fingerprints);
    *ghosts = (pc_ghosts){0};
}

void pc_ghosts_add(pc_ghosts *ghosts, uint32_t fingerprint, size_t records)
{
    while (ghosts->capacity < records && ghosts->capacity < MOST_CAPACITY) {
        uint32_t before = ghosts->capacity;
        grow(ghosts);
        if (ghosts->capacity == before) {
            break;
        }
    }
    if (ghosts->capacity > 0) {
        *place(ghosts, fingerprint) = fingerprint;
    }
}

bool pc_ghosts_take(pc_ghosts *ghosts, uint32_t fingerprint)
{
    if (ghosts->capacity == 0 || *place(ghosts, fingerprint) != fingerprint) {
        return false;
    }
    *place(ghosts, fingerprint) = 0;
    return true;
}
