/* The table of well-formed sequences is that of the Unicode Standard, chapter 3. */
#include "util/utf8.h"

#include <string.h>

static bool continues(uint8_t byte, uint8_t low, uint8_t high)
{
    return byte >= low && byte <= high;
}

size_t pc_utf8_character(const uint8_t *bytes, size_t size)
{
    if (size == 0) {
        return 0;
    }
    uint8_t first = bytes[0];
    if (first < 0x80) {
        return 1;
    }
    size_t length;
    uint8_t low = 0x80;
    uint8_t high = 0xBF;
    if (first >= 0xC2 && first <= 0xDF) {
        length = 2;
    } else if (first >= 0xE0 && first <= 0xEF) {
        length = 3;
        low = first == 0xE0 ? 0xA0 : low;
        high = first == 0xED ? 0x9F : high;
    } else if (first >= 0xF0 && first <= 0xF4) {
        length = 4;
        low = first == 0xF0 ? 0x90 : low;
        high = first == 0xF4 ? 0x8F : high;
    } else {
        return 0;
    }
    if (size < length || !continues(bytes[1], low, high)) {
        return 0;
    }
    for (size_t i = 2; i < length; i++) {
        if (!continues(bytes[i], 0x80, 0xBF)) {
            return 0;
        }
    }
    return length;
}

bool pc_utf8_valid(const uint8_t *bytes, size_t size)
{
    size_t at = 0;
    while (at < size) {
        uint64_t word;
        if (size - at >= sizeof word) {
            memcpy(&word, bytes + at, sizeof word);
            if ((word & 0x8080808080808080u) == 0) {
                at += sizeof word;
                continue;
            }
        }
        size_t length = bytes[at] < 0x80 ? 1 : pc_utf8_character(bytes + at, size - at);
        if (length == 0) {
            return false;
        }
        at += length;
    }
    return true;
}
