/* What stands for an identity in the log and the audit trail: a hash under the operator's key. Who
 * has both the key and the identity finds what there is of the person; who has one of them does
 * not. Threads: pure. */
#ifndef PC_TELEMETRY_IDENTITY_HASH_H
#define PC_TELEMETRY_IDENTITY_HASH_H

#include <stddef.h>
#include <stdint.h>

enum {
    PC_IDENTITY_KEY_BYTES_MAX = 64, /* of longer keys the rest is not used */
    PC_IDENTITY_HASH_BYTES = 17     /* the NUL included */
};

/* The namespace counts in any case; an XID has "xid". "" when OpenSSL fails. */
void pc_identity_hash(char out[PC_IDENTITY_HASH_BYTES], const void *key, size_t key_size,
                      const char *namespace_code, const char *id);

#endif
