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

static void add_text(pc_siphash *hash, const char *text);

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
    pc_siphash_init(&keys->begun, keys->secret);
    add_text(&keys->begun, scope);
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

/* No two lists of texts look alike: each ends with its NUL, and one that is not there is told from
 * all that are by its first byte. */
static void add_text(pc_siphash *hash, const char *text)
{
    if (text == NULL) {
        pc_siphash_add(hash, "-", 1);
        return;
    }
    pc_siphash_add(hash, "+", 1);
    pc_siphash_add(hash, text, strlen(text) + 1);
}

static void add_folded(pc_siphash *hash, const char *text)
{
    char block[64];
    size_t filled = 0;
    const char *c = text;
    do {
        block[filled++] = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
        if (filled == sizeof block) {
            pc_siphash_add(hash, block, filled);
            filled = 0;
        }
    } while (*c++ != '\0');
    pc_siphash_add(hash, block, filled);
}

pc_cache_key pc_cache_key_of(const pc_cache_keys *keys, const pc_person *person)
{
    pc_cache_key key;
    pc_siphash hash = keys->begun;
    bool by_xid = person->xid != NULL;
    add_text(&hash, by_xid ? "x" : "i");
    add_text(&hash, person->sandbox);
    add_text(&hash, person->merge_policy);
    if (by_xid) {
        add_text(&hash, person->xid);
    } else {
        add_folded(&hash, person->namespace_code);
        add_text(&hash, person->id);
    }
    pc_siphash_end(&hash, &key.high, &key.low);
    return key;
}

pc_cache_key pc_cache_key_of_texts(const pc_cache_keys *keys, const char *domain,
                                   const char *const *texts, size_t count)
{
    pc_cache_key key;
    pc_siphash hash = keys->begun;
    add_text(&hash, domain);
    for (size_t i = 0; i < count; i++) {
        add_text(&hash, texts[i]);
    }
    pc_siphash_end(&hash, &key.high, &key.low);
    return key;
}
