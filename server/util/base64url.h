/* base64url without padding (RFC 4648, section 5), for tokens. Every sequence of bytes has one
 * spelling only, and nothing else is read.
 * Threads: pure. */
#ifndef PC_UTIL_BASE64URL_H
#define PC_UTIL_BASE64URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Characters that `size` bytes become, without the zero at the end. */
#define PC_BASE64URL_LENGTH(size) (((size)*4 + 2) / 3)

/* Writes PC_BASE64URL_LENGTH(size) characters and a zero; returns their number. */
size_t pc_base64url_encode(char *out, const uint8_t *bytes, size_t size);

/* Writes at most `length` * 3 / 4 bytes; false when the text is not what the encoder writes. */
bool pc_base64url_decode(uint8_t *out, size_t *size_out, const char *text, size_t length);

#endif
