/* Notices keys that an object has twice, by the hashes of its keys. A hash that is equal by chance
 * only costs time. */
#include <stdlib.h>
#include <string.h>

#include "mapping/transcode_internal.h"
#include "util/short_bytes.h"

static uint64_t hash_bytes(const uint8_t *bytes, size_t size)
{
    const uint64_t factor = 0x9e3779b97f4a7c15u;
    uint64_t hash = size * factor;
    for (; size >= 8; bytes += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        hash = (hash ^ word) * factor;
        hash ^= hash >> 32;
    }
    if (size > 0) {
        uint64_t word = pc_short_bytes(bytes, size);
        hash = (hash ^ word) * factor;
        hash ^= hash >> 32;
    }
    return hash;
}

void pc_transcoder_push_key(pc_transcoder *t, const pc_json_text *key)
{
    uint64_t hash;
    if (key->plain) {
        hash = hash_bytes(key->bytes, key->size);
    } else {
        size_t mark = t->scratch.size;
        pc_json_text_append(&t->scratch, key);
        if (t->scratch.failed) {
            return;
        }
        hash = t->scratch.size == mark
                   ? hash_bytes(key->bytes, 0)
                   : hash_bytes(t->scratch.bytes + mark, t->scratch.size - mark);
        t->scratch.size = mark;
    }
    pc_buffer_append(&t->hashes, &hash, sizeof hash);
}

static int compare_hashes(const void *a_void, const void *b_void)
{
    const uint64_t *a = a_void;
    const uint64_t *b = b_void;
    return *a < *b ? -1 : *a > *b;
}

static bool equal_in_pairs(const uint64_t *hashes, size_t count)
{
    bool equal = false;
    for (size_t i = 1; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            equal |= hashes[i] == hashes[j];
        }
    }
    return equal;
}

static bool equal_when_sorted(uint64_t *hashes, size_t count)
{
    bool equal = false;
    qsort(hashes, count, sizeof *hashes, compare_hashes);
    for (size_t i = 1; i < count; i++) {
        equal |= hashes[i - 1] == hashes[i];
    }
    return equal;
}

/* With an open-addressed set in `slots` places, a power of two above `count`, all 0. A hash's low
 * half says where it stands, its high half is what stands there. Keys that were made to meet are
 * left to sorting. */
static bool equal_in_set(uint64_t *hashes, size_t count, uint32_t *set, size_t slots)
{
    size_t steps_left = 8 * count;
    for (size_t i = 0; i < count; i++) {
        uint32_t mark = (uint32_t)(hashes[i] >> 32) | 1;
        size_t at = (uint32_t)hashes[i] & (slots - 1);
        for (; set[at] != 0; at = (at + 1) & (slots - 1)) {
            if (set[at] == mark) {
                return true;
            }
            if (--steps_left == 0) {
                return equal_when_sorted(hashes, count);
            }
        }
        set[at] = mark;
    }
    return false;
}

void pc_transcoder_check_keys(pc_transcoder *t, size_t mark)
{
    enum { FEW = 16 };
    if (t->hashes.size <= mark || t->hashes.failed) {
        return;
    }
    size_t count = (t->hashes.size - mark) / sizeof(uint64_t);
    size_t slots = 2 * FEW;
    while (slots < 2 * count) {
        slots *= 2;
    }
    uint64_t *hashes = (uint64_t *)(void *)(t->hashes.bytes + mark);
    if (count <= FEW) {
        t->duplicates = t->duplicates || equal_in_pairs(hashes, count);
    } else if (pc_buffer_reserve(&t->scratch, slots * sizeof(uint32_t))) {
        /* Between its uses the scratch is empty, so that this is where it begins, aligned. */
        uint32_t *set = (uint32_t *)(void *)t->scratch.bytes;
        memset(set, 0, slots * sizeof *set);
        t->duplicates = t->duplicates || equal_in_set(hashes, count, set, slots);
    }
    t->hashes.size = mark;
}
