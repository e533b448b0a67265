/* Building URLs from untrusted parts: whatever an id contains, it stays one value of one parameter.
 * Only the unreserved characters of RFC 3986 pass as they are (letters, digits, "-._~"); every
 * other byte becomes %XX.
 * Threads: one at a time per buffer. */
#ifndef PC_UPSTREAM_URL_H
#define PC_UPSTREAM_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buffer.h"

/* A URL, or a form body, that is being written into a buffer. */
typedef struct {
    pc_buffer *out; /* borrowed; check out->failed at the end */
    char separator; /* before the next parameter; 0 for none */
} pc_url;

/* Starts a URL: `base` and `path` joined by exactly one slash, whatever they end and begin with.
 * Both come from us or from configuration and are not encoded. */
pc_url pc_url_begin(pc_buffer *out, const char *base, const char *path);

/* Starts an application/x-www-form-urlencoded body: parameters without a URL before them. */
pc_url pc_url_begin_form(pc_buffer *out);

/* Adds `name=value`. The name is ours and goes as it is; the value is encoded. */
void pc_url_add(pc_url *url, const char *name, const void *value, size_t value_size);
void pc_url_add_text(pc_url *url, const char *name, const char *value);
void pc_url_add_integer(pc_url *url, const char *name, int64_t value);

/* Appends the bytes percent-encoded. */
void pc_url_encode(pc_buffer *out, const void *bytes, size_t size);

typedef enum {
    PC_URL_BASE_OK,
    PC_URL_BASE_MALFORMED, /* not http(s)://host[:port][/path], or with user, query or fragment */
    PC_URL_BASE_PLAIN,     /* http:// to a host that is not loopback */
} pc_url_base_verdict;

/* Judges a base URL from configuration. Loopback is 127.0.0.0/8, ::1 and localhost, by their text
 * alone: no name is looked up. */
pc_url_base_verdict pc_url_base_check(const char *base);

#endif
