/* The chain that ties the lines of an audit trail together: every line ends with the SHA-256 of its
 * predecessor's hash and of all that stands before. So a line that is changed, put in, taken out or
 * moved is seen, by whoever has the trail and no key (README.md has the format).
 * Threads: one at a time for each chain. */
#ifndef PC_AUDIT_CHAIN_H
#define PC_AUDIT_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/status.h"

enum {
    PC_AUDIT_HASH_BYTES = 32,
    PC_AUDIT_HEX_BYTES = 2 * PC_AUDIT_HASH_BYTES + 1,     /* the NUL included */
    PC_AUDIT_END_BYTES = 9 + 2 * PC_AUDIT_HASH_BYTES + 2, /* ,"hash":"..."} */
    PC_AUDIT_LINE_BYTES_MAX = 8192                        /* longer ones are not ours */
};

/* A place in a chain: the last line before it. All zero before the first. */
typedef struct {
    uint64_t sequence;
    uint8_t hash[PC_AUDIT_HASH_BYTES];
} pc_audit_place;

typedef enum {
    PC_AUDIT_OPEN,      /* the first line of a file */
    PC_AUDIT_RESUMED,   /* the server started, and went on with the file */
    PC_AUDIT_CUT,       /* what stands before it since the last whole line was not written whole */
    PC_AUDIT_DROPPED,   /* lines that could not be kept */
    PC_AUDIT_ANCHOR,    /* a place that the log tells too */
    PC_AUDIT_ACCESS,    /* a call, or a person of a batch */
    PC_AUDIT_REFUSED,   /* a call that was not let in */
    PC_AUDIT_HANDSHAKE, /* a connection that was not let in */
    PC_AUDIT_LEFT_OUT,  /* lines of either that there would have been too many of */
    PC_AUDIT_EVENT_COUNT
} pc_audit_event;

/* "access" for PC_AUDIT_ACCESS. */
const char *pc_audit_event_name(pc_audit_event event);

/* A line without its line end, taken apart. */
typedef struct {
    uint64_t sequence;
    pc_audit_event event;
    size_t body_size; /* of what is hashed */
    uint8_t hash[PC_AUDIT_HASH_BYTES];
    uint64_t count; /* DROPPED and LEFT_OUT: lines; CUT and OPEN: bytes that were cut */
    uint8_t former[PC_AUDIT_HASH_BYTES]; /* OPEN: the hash that the file goes on from */
} pc_audit_line;

/* False when the bytes have not the form of a line. */
bool pc_audit_line_read(pc_audit_line *out, const char *line, size_t size);

typedef struct pc_audit_hasher pc_audit_hasher;

/* Owned: pc_audit_hasher_free. Errors: RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_audit_hasher_new(pc_audit_hasher **out);
void pc_audit_hasher_free(pc_audit_hasher *hasher);

/* The hash of the line with this body that comes after one with the hash `former`. False when
 * OpenSSL fails. */
bool pc_audit_hash(pc_audit_hasher *hasher, uint8_t out[PC_AUDIT_HASH_BYTES],
                   const uint8_t former[PC_AUDIT_HASH_BYTES], const char *body, size_t size);

void pc_audit_hex(char out[PC_AUDIT_HEX_BYTES], const uint8_t hash[PC_AUDIT_HASH_BYTES]);

/* False when the text is not 64 lower-case hexadecimal digits. */
bool pc_audit_hash_read(uint8_t out[PC_AUDIT_HASH_BYTES], const char *text, size_t size);

#endif
