/* UTF-8 checks (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF). */
#ifndef PC_UTIL_UTF8_H
#define PC_UTIL_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool pc_utf8_valid(const uint8_t *bytes, size_t size);

/* Length in bytes of the valid character at the start, or 0 when there is none. */
size_t pc_utf8_character(const uint8_t *bytes, size_t size);

#endif
