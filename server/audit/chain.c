/* Lines are read by their exact form: what reads differently was not written by us. */
#include "audit/chain.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

struct pc_audit_hasher {
    EVP_MD_CTX *digest;
};

static const char *const event_names[PC_AUDIT_EVENT_COUNT] = {
    [PC_AUDIT_OPEN] = "open",         [PC_AUDIT_RESUMED] = "resumed",
    [PC_AUDIT_CUT] = "cut",           [PC_AUDIT_DROPPED] = "dropped",
    [PC_AUDIT_ANCHOR] = "anchor",     [PC_AUDIT_ACCESS] = "access",
    [PC_AUDIT_REFUSED] = "refused",   [PC_AUDIT_HANDSHAKE] = "handshake",
    [PC_AUDIT_LEFT_OUT] = "left_out",
};

const char *pc_audit_event_name(pc_audit_event event)
{
    return event_names[event];
}

/* ---- hashes ---------------------------------------------------------------------------------- */

pc_status pc_audit_hasher_new(pc_audit_hasher **out)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL) {
        return pc_status_out_of_memory();
    }
    (*out)->digest = EVP_MD_CTX_new();
    if ((*out)->digest == NULL) {
        free(*out);
        *out = NULL;
        return pc_status_out_of_memory();
    }
    return PC_OK;
}

void pc_audit_hasher_free(pc_audit_hasher *hasher)
{
    if (hasher != NULL) {
        EVP_MD_CTX_free(hasher->digest);
        free(hasher);
    }
}

bool pc_audit_hash(pc_audit_hasher *hasher, uint8_t out[PC_AUDIT_HASH_BYTES],
                   const uint8_t former[PC_AUDIT_HASH_BYTES], const char *body, size_t size)
{
    return EVP_DigestInit_ex(hasher->digest, EVP_sha256(), NULL) == 1 &&
           EVP_DigestUpdate(hasher->digest, former, PC_AUDIT_HASH_BYTES) == 1 &&
           EVP_DigestUpdate(hasher->digest, body, size) == 1 &&
           EVP_DigestFinal_ex(hasher->digest, out, NULL) == 1;
}

void pc_audit_hex(char out[PC_AUDIT_HEX_BYTES], const uint8_t hash[PC_AUDIT_HASH_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < PC_AUDIT_HASH_BYTES; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
    out[PC_AUDIT_HEX_BYTES - 1] = '\0';
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool pc_audit_hash_read(uint8_t out[PC_AUDIT_HASH_BYTES], const char *text, size_t size)
{
    if (size != PC_AUDIT_HEX_BYTES - 1) {
        return false;
    }
    for (size_t i = 0; i < PC_AUDIT_HASH_BYTES; i++) {
        int high = digit_of(text[2 * i]);
        int low = digit_of(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* What is left of the line. */
typedef struct {
    const char *at;
    const char *end;
} reading;

static bool skip(reading *in, const char *text)
{
    size_t size = strlen(text);
    if ((size_t)(in->end - in->at) < size || memcmp(in->at, text, size) != 0) {
        return false;
    }
    in->at += size;
    return true;
}

static bool read_number(reading *in, uint64_t *out)
{
    const char *begin = in->at;
    *out = 0;
    while (in->at < in->end && *in->at >= '0' && *in->at <= '9') {
        if (*out > (UINT64_MAX - 9) / 10) {
            return false;
        }
        *out = *out * 10 + (uint64_t)(*in->at - '0');
        in->at++;
    }
    return in->at > begin;
}

/* A text without escapes. */
static bool read_text(reading *in, const char **out, size_t *size)
{
    *out = in->at;
    while (in->at < in->end && *in->at != '"' && *in->at != '\\') {
        in->at++;
    }
    *size = (size_t)(in->at - *out);
    return skip(in, "\"");
}

static bool read_event(pc_audit_line *out, reading *in)
{
    const char *name;
    size_t size;
    if (!read_text(in, &name, &size)) {
        return false;
    }
    for (int event = 0; event < PC_AUDIT_EVENT_COUNT; event++) {
        if (strlen(event_names[event]) == size && memcmp(event_names[event], name, size) == 0) {
            out->event = (pc_audit_event)event;
            return true;
        }
    }
    return false;
}

static bool read_former(pc_audit_line *out, reading *in)
{
    const char *text;
    size_t size;
    uint64_t format;
    return skip(in, ",\"format\":") && read_number(in, &format) && skip(in, ",\"former\":\"") &&
           read_text(in, &text, &size) && pc_audit_hash_read(out->former, text, size) &&
           skip(in, ",\"torn_bytes\":") && read_number(in, &out->count);
}

bool pc_audit_line_read(pc_audit_line *out, const char *line, size_t size)
{
    *out = (pc_audit_line){.sequence = 0};
    if (size < PC_AUDIT_END_BYTES || size > PC_AUDIT_LINE_BYTES_MAX) {
        return false;
    }
    out->body_size = size - PC_AUDIT_END_BYTES;
    reading end = {line + out->body_size, line + size};
    const char *text;
    size_t text_size;
    if (!skip(&end, ",\"hash\":\"") || !read_text(&end, &text, &text_size) ||
        !pc_audit_hash_read(out->hash, text, text_size) || !skip(&end, "}")) {
        return false;
    }
    reading in = {line, line + out->body_size};
    if (!skip(&in, "{\"seq\":") || !read_number(&in, &out->sequence) ||
        !skip(&in, ",\"time\":\"") || !read_text(&in, &text, &text_size) ||
        !skip(&in, ",\"event\":\"") || !read_event(out, &in)) {
        return false;
    }
    switch (out->event) {
    case PC_AUDIT_OPEN:
        return read_former(out, &in);
    case PC_AUDIT_CUT:
        return skip(&in, ",\"torn_bytes\":") && read_number(&in, &out->count);
    case PC_AUDIT_DROPPED:
    case PC_AUDIT_LEFT_OUT:
        return skip(&in, ",\"lines\":") && read_number(&in, &out->count);
    default:
        return true;
    }
}
