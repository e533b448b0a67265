/* Few bytes as one number, for hashing: without the call that a copy of unknown size costs.
 * Threads: pure. */
#ifndef PC_UTIL_SHORT_BYTES_H
#define PC_UTIL_SHORT_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What copying the `size` (at most 8) bytes to a zero number gives. */
static inline uint64_t pc_short_bytes(const void *bytes, size_t size)
{
    uint64_t word = 0;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    const uint8_t *at = bytes;
    if (size == sizeof word) {
        memcpy(&word, at, sizeof word);
    } else if (size >= 4) {
        /* The two may overlap, with the same bits there. */
        uint32_t first;
        uint32_t last;
        memcpy(&first, at, sizeof first);
        memcpy(&last, at + size - sizeof last, sizeof last);
        word = first | (uint64_t)last << 8 * (size - sizeof last);
    } else if (size > 0) {
        word = at[0] | (uint64_t)at[size / 2] << 8 * (size / 2) |
               (uint64_t)at[size - 1] << 8 * (size - 1);
    }
#else
    memcpy(&word, bytes, size);
#endif
    return word;
}

#endif
