/* Two rounds for each word of eight bytes, four at the end. */
#include "util/siphash.h"

#include <endian.h>
#include <string.h>

enum { WORD = PC_SIPHASH_WORD_BYTES, ROUNDS = 2, LAST_ROUNDS = 4 };

static inline uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static inline void mix(uint64_t v[4], int rounds)
{
    for (int i = 0; i < rounds; i++) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] = rotate(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] = rotate(v[2], 32);
    }
}

static inline uint64_t load(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return le64toh(word);
}

static inline void take(pc_siphash *hash, uint64_t word)
{
    hash->v[3] ^= word;
    mix(hash->v, ROUNDS);
    hash->v[0] ^= word;
}

void pc_siphash_init(pc_siphash *hash, const uint8_t key[PC_SIPHASH_KEY_BYTES])
{
    uint64_t first = load(key);
    uint64_t last = load(key + WORD);
    /* "somepseudorandomlygeneratedbytes", and 0xee for the variant of 128 bits. */
    hash->v[0] = first ^ 0x736f6d6570736575;
    hash->v[1] = last ^ 0x646f72616e646f6d ^ 0xee;
    hash->v[2] = first ^ 0x6c7967656e657261;
    hash->v[3] = last ^ 0x7465646279746573;
    hash->size = 0;
}

void pc_siphash_add(pc_siphash *hash, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    size_t filled = hash->size % WORD;
    hash->size += size;
    if (filled > 0) {
        size_t part = size < WORD - filled ? size : WORD - filled;
        memcpy(hash->rest + filled, at, part);
        if (filled + part < WORD) {
            return;
        }
        take(hash, load(hash->rest));
        at += part;
        size -= part;
    }
    for (; size >= WORD; size -= WORD) {
        take(hash, load(at));
        at += WORD;
    }
    if (size > 0) {
        memcpy(hash->rest, at, size);
    }
}

void pc_siphash_end(pc_siphash *hash, uint64_t *first, uint64_t *last)
{
    uint64_t *v = hash->v;
    memset(hash->rest + hash->size % WORD, 0, WORD - hash->size % WORD);
    take(hash, load(hash->rest) | (uint64_t)hash->size << 56);
    v[2] ^= 0xee;
    mix(v, LAST_ROUNDS);
    *first = v[0] ^ v[1] ^ v[2] ^ v[3];
    v[1] ^= 0xdd;
    mix(v, LAST_ROUNDS);
    *last = v[0] ^ v[1] ^ v[2] ^ v[3];
}
