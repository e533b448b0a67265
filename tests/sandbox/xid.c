/* XIDs and UUIDs, see xid.h. */
#include "xid.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void sbx_xid_make(char out[SBX_XID_SIZE], const char *ns_folded, const char *id)
{
    char text[2048];
    int length = snprintf(text, sizeof(text), "%s\n%s", ns_folded, id);
    if (length < 0 || (size_t)length >= sizeof(text)) {
        length = (int)sizeof(text) - 1;
    }
    unsigned char hash[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)text, (size_t)length, hash);
    for (int i = 0; i < SBX_XID_LENGTH / 4; i++) {
        unsigned bits = (unsigned)hash[i * 3] << 16 | (unsigned)hash[i * 3 + 1] << 8 |
                        (unsigned)hash[i * 3 + 2];
        for (int j = 0; j < 4; j++) {
            out[i * 4 + j] = alphabet[bits >> (18 - 6 * j) & 63];
        }
    }
    out[0] = 'B'; /* never a '-' first, which would read as an option on command lines */
    out[SBX_XID_LENGTH] = '\0';
}

bool sbx_xid_valid(const char *text)
{
    return strlen(text) == SBX_XID_LENGTH && strspn(text, alphabet) == SBX_XID_LENGTH;
}

void sbx_uuid_make(char out[37], unsigned long long high, unsigned long long low)
{
    snprintf(out, 37, "%08llx-%04llx-4%03llx-%04llx-%012llx", high >> 32, high >> 16 & 0xffff,
             high & 0xfff, (low >> 48 & 0x3fff) | 0x8000, low & 0xffffffffffffULL);
}
