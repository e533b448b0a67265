/* What an answer depends on, text by text, under a secret of this process. */
#include "context/cache/key.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "util/siphash.h"

struct pc_cache_keys {
    uint8_t secret[PC_SIPHASH_KEY_BYTES];
    pc_siphash begun; /* the hash of the secret and the scope */
};

/* Texts on their way into a hash, put together first: the hash takes whole words best. */
typedef struct {
    pc_siphash hash;
    size_t filled;
    char bytes[256];
} text_list;

static void flush(text_list *list)
{
    pc_siphash_add(&list->hash, list->bytes, list->filled);
    list->filled = 0;
}

static void add_bytes(text_list *list, const char *bytes, size_t size)
{
    if (size > sizeof list->bytes - list->filled) {
        flush(list);
    }
    if (size > sizeof list->bytes) {
        pc_siphash_add(&list->hash, bytes, size);
        return;
    }
    memcpy(list->bytes + list->filled, bytes, size);
    list->filled += size;
}

/* No two lists of texts look alike: each ends with its NUL, and one that is not there is told from
 * all that are by its first byte. */
static void add_text(text_list *list, const char *text)
{
    if (text == NULL) {
        add_bytes(list, "-", 1);
        return;
    }
    add_bytes(list, "+", 1);
    add_bytes(list, text, strlen(text) + 1);
}

/* As lower-case letters. */
static void add_folded(text_list *list, const char *text)
{
    const char *c = text;
    do {
        char folded = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
        add_bytes(list, &folded, 1);
    } while (*c++ != '\0');
}

/* Its bytes need not be cleared. */
static void begin(text_list *list, const pc_cache_keys *keys)
{
    list->hash = keys->begun;
    list->filled = 0;
}

static pc_cache_key end(text_list *list)
{
    pc_cache_key key;
    flush(list);
    pc_siphash_end(&list->hash, &key.high, &key.low);
    return key;
}

pc_status pc_cache_keys_new(pc_cache_keys **out, const char *scope)
{
    *out = NULL;
    pc_cache_keys *keys = calloc(1, sizeof *keys);
    if (keys == NULL) {
        return pc_status_out_of_memory();
    }
    if (RAND_bytes(keys->secret, sizeof keys->secret) != 1) {
        free(keys);
        return pc_status_new(PC_CODE_INTERNAL, "NO_RANDOMNESS", "OpenSSL has no random bytes");
    }
    text_list list = {.filled = 0};
    pc_siphash_init(&list.hash, keys->secret);
    add_text(&list, scope);
    flush(&list);
    keys->begun = list.hash;
    OPENSSL_cleanse(&list, sizeof list);
    *out = keys;
    return PC_OK;
}

void pc_cache_keys_free(pc_cache_keys *keys)
{
    if (keys != NULL) {
        OPENSSL_cleanse(keys, sizeof *keys);
        free(keys);
    }
}

pc_cache_key pc_cache_key_of(const pc_cache_keys *keys, const pc_person *person)
{
    text_list list;
    begin(&list, keys);
    bool by_xid = person->xid != NULL;
    add_text(&list, by_xid ? "x" : "i");
    add_text(&list, person->sandbox);
    add_text(&list, person->merge_policy);
    if (by_xid) {
        add_text(&list, person->xid);
    } else {
        add_folded(&list, person->namespace_code);
        add_text(&list, person->id);
    }
    return end(&list);
}

pc_cache_key pc_cache_key_of_texts(const pc_cache_keys *keys, const char *domain,
                                   const char *const *texts, size_t count)
{
    text_list list;
    begin(&list, keys);
    add_text(&list, domain);
    for (size_t i = 0; i < count; i++) {
        add_text(&list, texts[i]);
    }
    return end(&list);
}
