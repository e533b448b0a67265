/* OpenSSL's SipHash. Its context is kept per thread, since making one costs more than hashing. */
#include "context/cache/key.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SECRET_BYTES = 16, KEY_BYTES = 16, BLOCK_BYTES = 512 };

struct pc_cache_keys {
    uint8_t secret[SECRET_BYTES];
    EVP_MAC *mac;
    pthread_key_t context; /* an EVP_MAC_CTX for each thread */
    char scope[];
};

static void free_context(void *context)
{
    EVP_MAC_CTX_free(context);
}

pc_status pc_cache_keys_new(pc_cache_keys **out, const char *scope)
{
    *out = NULL;
    pc_cache_keys *keys = calloc(1, sizeof *keys + strlen(scope) + 1);
    if (keys == NULL) {
        return pc_status_out_of_memory();
    }
    memcpy(keys->scope, scope, strlen(scope) + 1);
    if (RAND_bytes(keys->secret, SECRET_BYTES) != 1) {
        free(keys);
        return pc_status_new(PC_CODE_INTERNAL, "NO_RANDOMNESS", "OpenSSL has no random bytes");
    }
    keys->mac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_SIPHASH, NULL);
    if (keys->mac == NULL || pthread_key_create(&keys->context, free_context) != 0) {
        EVP_MAC_free(keys->mac);
        free(keys);
        return pc_status_new(PC_CODE_INTERNAL, "NO_HASH", "OpenSSL has no SipHash");
    }
    *out = keys;
    return PC_OK;
}

void pc_cache_keys_free(pc_cache_keys *keys)
{
    if (keys == NULL) {
        return;
    }
    /* Other threads have ended and freed theirs. */
    free_context(pthread_getspecific(keys->context));
    (void)pthread_setspecific(keys->context, NULL);
    (void)pthread_key_delete(keys->context);
    EVP_MAC_free(keys->mac);
    OPENSSL_cleanse(keys->secret, SECRET_BYTES);
    free(keys);
}

/* Of this thread, ready for the first byte; NULL when OpenSSL has failed. */
static EVP_MAC_CTX *begin(const pc_cache_keys *keys)
{
    EVP_MAC_CTX *context = pthread_getspecific(keys->context);
    if (context == NULL) {
        context = EVP_MAC_CTX_new(keys->mac);
        if (context == NULL || pthread_setspecific(keys->context, context) != 0) {
            EVP_MAC_CTX_free(context);
            return NULL;
        }
    }
    size_t size = KEY_BYTES;
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
                                     OSSL_PARAM_construct_end()};
    return EVP_MAC_init(context, keys->secret, SECRET_BYTES, parameters) == 1 ? context : NULL;
}

/* Texts are framed by their size, so that no two lists of texts look alike. Collected in a block,
 * since each update costs. */
typedef struct {
    EVP_MAC_CTX *context;
    bool failed;
    size_t size;
    uint8_t block[BLOCK_BYTES];
} hashing;

static void flush(hashing *h)
{
    h->failed = h->failed || EVP_MAC_update(h->context, h->block, h->size) != 1;
    h->size = 0;
}

static void add(hashing *h, const void *bytes, size_t size)
{
    if (h->size + size > BLOCK_BYTES) {
        flush(h);
    }
    if (size > BLOCK_BYTES) {
        h->failed = h->failed || EVP_MAC_update(h->context, bytes, size) != 1;
        return;
    }
    memcpy(h->block + h->size, bytes, size);
    h->size += size;
}

static void add_text(hashing *h, const char *text)
{
    uint64_t size = text == NULL ? UINT64_MAX : strlen(text);
    add(h, &size, sizeof size);
    if (text != NULL) {
        add(h, text, size);
    }
}

static void add_folded(hashing *h, const char *text)
{
    uint64_t size = strlen(text);
    add(h, &size, sizeof size);
    for (const char *c = text; *c != '\0'; c++) {
        char lower = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
        add(h, &lower, 1);
    }
}

static bool finish(pc_cache_key *out, hashing *h)
{
    uint8_t bytes[KEY_BYTES];
    size_t size = 0;
    flush(h);
    if (h->failed || EVP_MAC_final(h->context, bytes, &size, sizeof bytes) != 1 ||
        size != sizeof bytes) {
        return false;
    }
    memcpy(&out->high, bytes, sizeof out->high);
    memcpy(&out->low, bytes + sizeof out->high, sizeof out->low);
    return true;
}

bool pc_cache_key_of(pc_cache_key *out, const pc_cache_keys *keys, const pc_person *person)
{
    hashing h = {.context = begin(keys)};
    if (h.context == NULL) {
        return false;
    }
    bool by_xid = person->xid != NULL;
    add(&h, by_xid ? "x" : "i", 1);
    add_text(&h, keys->scope);
    add_text(&h, person->sandbox);
    add_text(&h, person->merge_policy);
    if (by_xid) {
        add_text(&h, person->xid);
    } else {
        add_folded(&h, person->namespace_code);
        add_text(&h, person->id);
    }
    return finish(out, &h);
}

bool pc_cache_key_of_texts(pc_cache_key *out, const pc_cache_keys *keys, char domain,
                           const char *const *texts, size_t count)
{
    hashing h = {.context = begin(keys)};
    if (h.context == NULL) {
        return false;
    }
    add(&h, &domain, 1);
    add_text(&h, keys->scope);
    for (size_t i = 0; i < count; i++) {
        add_text(&h, texts[i]);
    }
    return finish(out, &h);
}
