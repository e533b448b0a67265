/* Hashes of what stands between the tags, as browsers count them (w3.org/TR/CSP3). */
#include "operator/content_policy.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

enum { DIGEST_BYTES = 32, HASH_BYTES = 48 };

/* False when the page has no such element. */
static bool hash_inside(char out[HASH_BYTES], const char *page, size_t size, const char *begin,
                        const char *end)
{
    const char *from = memmem(page, size, begin, strlen(begin));
    if (from == NULL) {
        return false;
    }
    from += strlen(begin);
    const char *to = memmem(from, size - (size_t)(from - page), end, strlen(end));
    unsigned char digest[DIGEST_BYTES];
    if (to == NULL ||
        EVP_Digest(from, (size_t)(to - from), digest, NULL, EVP_sha256(), NULL) != 1) {
        return false;
    }
    (void)EVP_EncodeBlock((unsigned char *)out, digest, DIGEST_BYTES);
    return true;
}

pc_status pc_content_policy(char out[PC_CONTENT_POLICY_BYTES], const char *page, size_t size)
{
    char style[HASH_BYTES];
    char script[HASH_BYTES];
    if (!hash_inside(style, page, size, "<style>", "</style>") ||
        !hash_inside(script, page, size, "<script>", "</script>")) {
        return pc_status_new(PC_CODE_INTERNAL, "STATUS_PAGE_INVALID",
                             "the status page lacks its style or its script");
    }
    (void)snprintf(out, PC_CONTENT_POLICY_BYTES,
                   "default-src 'none'; style-src 'sha256-%s'; script-src 'sha256-%s'; "
                   "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
                   "frame-ancestors 'none'",
                   style, script);
    return PC_OK;
}
