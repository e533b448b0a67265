#include "telemetry/identity_hash.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

enum { NAMESPACE_BYTES_MAX = 256, TEXT_BYTES_MAX = 2048, HASHED_BYTES = 8 };

void pc_identity_hash(char out[PC_IDENTITY_HASH_BYTES], const void *key, size_t key_size,
                      const char *namespace_code, const char *id)
{
    char text[TEXT_BYTES_MAX];
    size_t length = 0;
    for (const char *c = namespace_code; *c != '\0' && length < NAMESPACE_BYTES_MAX; c++) {
        text[length++] = (char)tolower((unsigned char)*c);
    }
    text[length++] = '\0';
    size_t id_length = strnlen(id, sizeof text - length);
    memcpy(text + length, id, id_length);
    length += id_length;
    size_t used = key_size < PC_IDENTITY_KEY_BYTES_MAX ? key_size : PC_IDENTITY_KEY_BYTES_MAX;
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned mac_size = 0;
    if (HMAC(EVP_sha256(), key, (int)used, (const uint8_t *)text, length, mac, &mac_size) == NULL) {
        mac_size = 0;
    }
    OPENSSL_cleanse(text, length);
    out[0] = '\0';
    for (unsigned i = 0; i < HASHED_BYTES && i < mac_size; i++) {
        (void)snprintf(out + (size_t)2 * i, 3, "%02x", mac[i]);
    }
}
