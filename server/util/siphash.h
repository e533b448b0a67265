/* SipHash-2-4 with 128 bits (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012): a
 * hash under a secret key, for tables that are looked up by what callers send. OpenSSL has it too,
 * but takes ten times as long for its own bookkeeping as for the hash of a short text. Threads: one
 * at a time. */
#ifndef PC_UTIL_SIPHASH_H
#define PC_UTIL_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

enum { PC_SIPHASH_KEY_BYTES = 16, PC_SIPHASH_WORD_BYTES = 8 };

/* Visible only so that it can stand on the stack. */
typedef struct {
    uint64_t v[4];
    size_t size;                         /* of all bytes so far */
    uint8_t rest[PC_SIPHASH_WORD_BYTES]; /* those that do not fill a word yet */
} pc_siphash;

void pc_siphash_init(pc_siphash *hash, const uint8_t key[PC_SIPHASH_KEY_BYTES]);
void pc_siphash_add(pc_siphash *hash, const void *bytes, size_t size);

/* The hash of all that was added, which ends it: the first and the last eight bytes. */
void pc_siphash_end(pc_siphash *hash, uint64_t *first, uint64_t *last);

#endif
