/* Three bytes are four digits. */
#include "util/base64url.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t pc_base64url_encode(char *out, const uint8_t *bytes, size_t size)
{
    size_t length = 0;
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t group = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                         (left > 2 ? bytes[i + 2] : 0);
        size_t digits = left >= 3 ? 4 : left + 1;
        for (size_t d = 0; d < digits; d++) {
            out[length++] = alphabet[group >> (18 - 6 * d) & 63];
        }
    }
    out[length] = '\0';
    return length;
}

bool pc_base64url_decode(uint8_t *out, size_t *size_out, const char *text, size_t length)
{
    uint32_t bits = 0;
    unsigned count = 0;
    size_t size = 0;
    *size_out = 0;
    for (size_t i = 0; i < length; i++) {
        const char *digit = text[i] == '\0' ? NULL : strchr(alphabet, text[i]);
        if (digit == NULL) {
            return false;
        }
        bits = bits << 6 | (uint32_t)(digit - alphabet);
        count += 6;
        if (count >= 8) {
            count -= 8;
            out[size++] = (uint8_t)(bits >> count);
        }
    }
    *size_out = size;
    /* The last digit has no bits to spare that could be anything. */
    return length % 4 != 1 && (bits & ((1u << count) - 1)) == 0;
}
