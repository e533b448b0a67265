/* Layout before base64url: version (1), nonce (12), sealed cursor, tag (16). The query's hash is
 * authenticated with it but not carried. */
#include "service/page_token.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "util/base64url.h"

enum {
    VERSION = 1,
    NONCE_BYTES = 12,
    TAG_BYTES = 16,
    OVERHEAD = 1 + NONCE_BYTES + TAG_BYTES,
    SECRET_BYTES_MIN = 16
};

static pc_status crypto_failed(void)
{
    return pc_status_new(PC_CODE_INTERNAL, "CRYPTO_FAILED", "the cryptographic library failed");
}

static pc_status foreign_token(void)
{
    pc_status status = PC_OK;
    pc_status_add_violation(&status, "page_token",
                            "must be the next_page_token of an answer to the same query");
    return status;
}

/* ---- keys and hashes ------------------------------------------------------------------------- */

pc_status pc_page_token_key_derive(pc_page_token_key *out, const void *secret, size_t size)
{
    static const char purpose[] = "profilecontext page token v1";
    if (size < SECRET_BYTES_MIN) {
        return pc_status_new(PC_CODE_INVALID_ARGUMENT, "PAGE_TOKEN_KEY_TOO_SHORT",
                             "the page token key must have at least %d bytes", SECRET_BYTES_MIN);
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(context, purpose, sizeof purpose) == 1 &&
                EVP_DigestUpdate(context, secret, size) == 1 &&
                EVP_DigestFinal_ex(context, out->bytes, NULL) == 1;
    EVP_MD_CTX_free(context);
    return done ? PC_OK : crypto_failed();
}

pc_status pc_page_token_key_random(pc_page_token_key *out)
{
    return RAND_bytes(out->bytes, sizeof out->bytes) == 1 ? PC_OK : crypto_failed();
}

pc_status pc_query_hash_of(pc_query_hash *out, const char *const *texts, size_t count)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; done && i < count; i++) {
        uint64_t length = texts[i] == NULL ? UINT64_MAX : strlen(texts[i]);
        done = EVP_DigestUpdate(context, &length, sizeof length) == 1 &&
               (texts[i] == NULL || EVP_DigestUpdate(context, texts[i], (size_t)length) == 1);
    }
    done = done && EVP_DigestFinal_ex(context, out->bytes, NULL) == 1;
    EVP_MD_CTX_free(context);
    return done ? PC_OK : crypto_failed();
}

/* ---- sealing --------------------------------------------------------------------------------- */

pc_status pc_page_token_seal(const char **out, pc_arena *arena, const pc_page_token_key *key,
                             const pc_query_hash *query, const char *cursor, size_t size)
{
    *out = NULL;
    if (size > PC_CURSOR_BYTES_MAX) {
        return pc_status_new(PC_CODE_INTERNAL, "CURSOR_TOO_LONG",
                             "the upstream's cursor has %zu bytes; at most %d fit a token", size,
                             PC_CURSOR_BYTES_MAX);
    }
    uint8_t *sealed = pc_arena_alloc(arena, size + OVERHEAD);
    char *text = pc_arena_alloc(arena, (size + OVERHEAD) * 4 / 3 + 4);
    if (sealed == NULL || text == NULL) {
        return pc_status_out_of_memory();
    }
    sealed[0] = VERSION;
    uint8_t *nonce = sealed + 1;
    uint8_t *body = nonce + NONCE_BYTES;
    int length = 0;
    int tail = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool done =
        context != NULL && RAND_bytes(nonce, NONCE_BYTES) == 1 &&
        EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key->bytes, nonce) == 1 &&
        EVP_EncryptUpdate(context, NULL, &length, query->bytes, sizeof query->bytes) == 1 &&
        EVP_EncryptUpdate(context, body, &length, (const uint8_t *)cursor, (int)size) == 1 &&
        EVP_EncryptFinal_ex(context, body + length, &tail) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, body + size) == 1;
    EVP_CIPHER_CTX_free(context);
    if (!done) {
        return crypto_failed();
    }
    (void)pc_base64url_encode(text, sealed, size + OVERHEAD);
    *out = text;
    return PC_OK;
}

pc_status pc_page_token_open(const char **out, size_t *size_out, pc_arena *arena,
                             const pc_page_token_key *key, const pc_query_hash *query,
                             const char *token)
{
    *out = NULL;
    size_t length = strlen(token);
    if (length > (PC_CURSOR_BYTES_MAX + OVERHEAD) * 4 / 3 + 4) {
        return foreign_token();
    }
    uint8_t *sealed = pc_arena_alloc(arena, length + 1);
    uint8_t *cursor = pc_arena_alloc(arena, length + 1);
    if (sealed == NULL || cursor == NULL) {
        return pc_status_out_of_memory();
    }
    size_t size;
    if (!pc_base64url_decode(sealed, &size, token, length) || size < OVERHEAD ||
        sealed[0] != VERSION) {
        return foreign_token();
    }
    size_t cursor_size = size - OVERHEAD;
    uint8_t *body = sealed + 1 + NONCE_BYTES;
    int plain = 0;
    int tail = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    if (context == NULL) {
        return pc_status_out_of_memory();
    }
    bool done =
        EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key->bytes, sealed + 1) == 1 &&
        EVP_DecryptUpdate(context, NULL, &plain, query->bytes, sizeof query->bytes) == 1 &&
        EVP_DecryptUpdate(context, cursor, &plain, body, (int)cursor_size) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, body + cursor_size) == 1 &&
        EVP_DecryptFinal_ex(context, cursor + plain, &tail) == 1;
    EVP_CIPHER_CTX_free(context);
    if (!done) {
        return foreign_token();
    }
    cursor[cursor_size] = '\0';
    *out = (const char *)cursor;
    *size_out = cursor_size;
    return PC_OK;
}
