/* The scanner behind json_reader.h. Every byte is looked at once by whoever reads or skips the
 * value that it belongs to. */
#include "mapping/json_reader.h"

#include <endian.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include <string.h>

#include "util/utf8.h"

/* U+FFFD in UTF-8. */
static const uint8_t replacement[3] = {0xef, 0xbf, 0xbd};

static bool fail(pc_json_reader *reader)
{
    reader->failed = true;
    return false;
}

static bool fail_at(pc_json_reader *reader, const uint8_t *place)
{
    reader->at = (size_t)(place - reader->bytes);
    return fail(reader);
}

static inline void skip_space(pc_json_reader *reader)
{
    const uint8_t *bytes = reader->bytes;
    size_t at = reader->at;
    while (at < reader->size &&
           (bytes[at] == ' ' || bytes[at] == '\n' || bytes[at] == '\r' || bytes[at] == '\t')) {
        at++;
    }
    reader->at = at;
}

/* The next byte that is no white space, or 0 at the end, which begins nothing. */
static inline uint8_t next_byte(pc_json_reader *reader)
{
    if (reader->failed) {
        return 0;
    }
    if (reader->at < reader->size && reader->bytes[reader->at] > ' ') {
        return reader->bytes[reader->at];
    }
    skip_space(reader);
    return reader->at < reader->size ? reader->bytes[reader->at] : 0;
}

void pc_json_reader_init(pc_json_reader *reader, const uint8_t *bytes, size_t size,
                         unsigned depth_max)
{
    if (depth_max == 0) {
        depth_max = PC_JSON_DEPTH_DEFAULT;
    }
    *reader = (pc_json_reader){
        .bytes = bytes,
        .size = size,
        .depth_max = depth_max < PC_JSON_DEPTH_MAX ? depth_max : PC_JSON_DEPTH_MAX,
    };
}

pc_json_kind pc_json_peek(pc_json_reader *reader)
{
    /* What a value begins with; all else is PC_JSON_INVALID, which is 0. */
    static const uint8_t kinds[256] = {
        ['{'] = PC_JSON_OBJECT, ['['] = PC_JSON_ARRAY,  ['"'] = PC_JSON_STRING,
        ['t'] = PC_JSON_TRUE,   ['f'] = PC_JSON_FALSE,  ['n'] = PC_JSON_NULL,
        ['-'] = PC_JSON_NUMBER, ['0'] = PC_JSON_NUMBER, ['1'] = PC_JSON_NUMBER,
        ['2'] = PC_JSON_NUMBER, ['3'] = PC_JSON_NUMBER, ['4'] = PC_JSON_NUMBER,
        ['5'] = PC_JSON_NUMBER, ['6'] = PC_JSON_NUMBER, ['7'] = PC_JSON_NUMBER,
        ['8'] = PC_JSON_NUMBER, ['9'] = PC_JSON_NUMBER,
    };
    return (pc_json_kind)kinds[next_byte(reader)];
}

static bool enter(pc_json_reader *reader, uint8_t bracket)
{
    if (next_byte(reader) != bracket) {
        return fail(reader);
    }
    if (reader->depth == reader->depth_max) {
        reader->too_deep = !reader->failed;
        return fail(reader);
    }
    reader->at++;
    reader->depth++;
    reader->fresh = true;
    return true;
}

bool pc_json_enter_object(pc_json_reader *reader)
{
    return enter(reader, '{');
}

bool pc_json_enter_array(pc_json_reader *reader)
{
    return enter(reader, '[');
}

/* Behind an opening bracket or an item: passes the comma, or leaves at `bracket`. True when an item
 * must follow. */
static bool another(pc_json_reader *reader, uint8_t bracket)
{
    uint8_t byte = next_byte(reader);
    if (byte == bracket) {
        reader->at++;
        reader->depth--;
        reader->fresh = false;
        return false;
    }
    if (reader->fresh) {
        reader->fresh = false;
        return !reader->failed;
    }
    if (byte != ',') {
        return fail(reader);
    }
    reader->at++;
    return true;
}

static bool is_hex(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f') ||
           (byte >= 'A' && byte <= 'F');
}

/* The length of the escape sequence at `place`, or 0 when it is none. */
static size_t escape_size(const uint8_t *place, const uint8_t *end)
{
    if (end - place < 2) {
        return 0;
    }
    switch (place[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return 2;
    case 'u':
        return end - place >= 6 && is_hex(place[2]) && is_hex(place[3]) && is_hex(place[4]) &&
                       is_hex(place[5])
                   ? 6
                   : 0;
    default:
        return 0;
    }
}

#ifdef __SSE2__
/* A bit for each of 16 bytes that is a quote, a backslash or above 0x7f. */
static inline int special_mask(const uint8_t *place)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)place);
    __m128i found = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                 _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
    /* The mask takes the highest bit of each byte, which `bytes` has where it is no ASCII. */
    return _mm_movemask_epi8(_mm_or_si128(found, bytes));
}
#endif

/* The first quote, backslash or byte above 0x7f at or behind `place`. */
static inline const uint8_t *find_special(const uint8_t *place, const uint8_t *end)
{
#ifdef __SSE2__
    while (end - place >= 16) {
        int mask = special_mask(place);
        if (mask != 0) {
            return place + __builtin_ctz((unsigned)mask);
        }
        place += 16;
    }
#endif
    const uint64_t ones = 0x0101010101010101u;
    const uint64_t highs = 0x8080808080808080u;
    while (end - place >= 8) {
        uint64_t word;
        memcpy(&word, place, 8);
        word = le64toh(word);
        uint64_t quote = word ^ (ones * '"');
        uint64_t backslash = word ^ (ones * '\\');
        uint64_t found =
            (((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) | word) & highs;
        if (found != 0) {
            return place + __builtin_ctzll(found) / 8;
        }
        place += 8;
    }
    while (place < end && *place != '"' && *place != '\\' && *place < 0x80) {
        place++;
    }
    return place;
}

static bool scan_any_string(pc_json_reader *reader, pc_json_text *out)
{
    const uint8_t *start = reader->bytes + reader->at + 1;
    const uint8_t *end = reader->bytes + reader->size;
    const uint8_t *place = start;
    bool plain = true;
    for (;;) {
        place = find_special(place, end);
        if (place == end) {
            return fail_at(reader, place);
        }
        if (*place == '"') {
            break;
        }
        if (*place == '\\') {
            size_t size = escape_size(place, end);
            if (size == 0) {
                return fail_at(reader, place);
            }
            place += size;
            plain = false;
            continue;
        }
        size_t size = pc_utf8_character(place, (size_t)(end - place));
        plain = plain && size > 0;
        place += size > 0 ? size : 1;
    }
    *out = (pc_json_text){.bytes = start, .size = (size_t)(place - start), .plain = plain};
    reader->at = (size_t)(place + 1 - reader->bytes);
    return true;
}

/* Reads the string whose quote is next. Most are short and plain. */
static inline bool scan_string(pc_json_reader *reader, pc_json_text *out)
{
#ifdef __SSE2__
    const uint8_t *start = reader->bytes + reader->at + 1;
    if (reader->size - reader->at > 16) {
        int mask = special_mask(start);
        int size = __builtin_ctz((unsigned)mask | 1u << 16);
        if (size < 16 && start[size] == '"') {
            *out = (pc_json_text){.bytes = start, .size = (size_t)size, .plain = true};
            reader->at += (size_t)size + 2;
            return true;
        }
    }
#endif
    return scan_any_string(reader, out);
}

bool pc_json_next_member(pc_json_reader *reader, pc_json_text *key)
{
    if (!another(reader, '}')) {
        return false;
    }
    if (next_byte(reader) != '"') {
        return fail(reader);
    }
    if (!scan_string(reader, key)) {
        return false;
    }
    if (next_byte(reader) != ':') {
        return fail(reader);
    }
    reader->at++;
    return true;
}

bool pc_json_next_item(pc_json_reader *reader)
{
    return another(reader, ']');
}

bool pc_json_read_string(pc_json_reader *reader, pc_json_text *out)
{
    if (next_byte(reader) != '"') {
        return fail(reader);
    }
    return scan_string(reader, out);
}

static inline bool is_digit(const uint8_t *place, const uint8_t *end)
{
    return place < end && *place >= '0' && *place <= '9';
}

bool pc_json_read_number(pc_json_reader *reader, pc_json_range *out)
{
    if (pc_json_peek(reader) != PC_JSON_NUMBER) {
        return fail(reader);
    }
    const uint8_t *start = reader->bytes + reader->at;
    const uint8_t *end = reader->bytes + reader->size;
    const uint8_t *place = start + (*start == '-');
    if (!is_digit(place, end)) {
        return fail_at(reader, place);
    }
    if (*place == '0') {
        place++;
    } else {
        while (is_digit(place, end)) {
            place++;
        }
    }
    if (place < end && *place == '.') {
        place++;
        if (!is_digit(place, end)) {
            return fail_at(reader, place);
        }
        while (is_digit(place, end)) {
            place++;
        }
    }
    if (place < end && (*place == 'e' || *place == 'E')) {
        place++;
        place += place < end && (*place == '+' || *place == '-');
        if (!is_digit(place, end)) {
            return fail_at(reader, place);
        }
        while (is_digit(place, end)) {
            place++;
        }
    }
    *out = (pc_json_range){.bytes = start, .size = (size_t)(place - start)};
    reader->at = (size_t)(place - reader->bytes);
    return true;
}

static bool read_word(pc_json_reader *reader, const char *word, size_t size)
{
    if (reader->failed || reader->size - reader->at < size ||
        memcmp(reader->bytes + reader->at, word, size) != 0) {
        return fail(reader);
    }
    reader->at += size;
    return true;
}

bool pc_json_read_bool(pc_json_reader *reader, bool *out)
{
    *out = next_byte(reader) == 't';
    return *out ? read_word(reader, "true", 4) : read_word(reader, "false", 5);
}

bool pc_json_read_null(pc_json_reader *reader)
{
    (void)next_byte(reader);
    return read_word(reader, "null", 4);
}

/* Passes over a value, or into it when it is an object or an array. */
static bool skip_one(pc_json_reader *reader, pc_json_kind kind)
{
    pc_json_text text;
    pc_json_range number;
    bool flag;
    switch (kind) {
    case PC_JSON_OBJECT:
        return pc_json_enter_object(reader);
    case PC_JSON_ARRAY:
        return pc_json_enter_array(reader);
    case PC_JSON_STRING:
        return scan_string(reader, &text);
    case PC_JSON_NUMBER:
        return pc_json_read_number(reader, &number);
    case PC_JSON_TRUE:
    case PC_JSON_FALSE:
        return pc_json_read_bool(reader, &flag);
    case PC_JSON_NULL:
        return pc_json_read_null(reader);
    case PC_JSON_INVALID:
        break;
    }
    return fail(reader);
}

bool pc_json_skip(pc_json_reader *reader, pc_json_range *out)
{
    /* One bit for each open bracket: whether it is an array's. */
    uint64_t arrays[PC_JSON_DEPTH_MAX / 64];
    unsigned open = 0;
    pc_json_kind kind = pc_json_peek(reader);
    size_t start = reader->at;
    for (;;) {
        if (!skip_one(reader, kind)) {
            return false;
        }
        if (kind == PC_JSON_OBJECT || kind == PC_JSON_ARRAY) {
            uint64_t bit = UINT64_C(1) << (open % 64);
            arrays[open / 64] = open % 64 == 0 ? 0 : arrays[open / 64] & ~bit;
            arrays[open / 64] |= kind == PC_JSON_ARRAY ? bit : 0;
            open++;
        }
        for (; open > 0; open--) {
            pc_json_text key;
            bool array = (arrays[(open - 1) / 64] >> ((open - 1) % 64) & 1) != 0;
            bool more = array ? pc_json_next_item(reader) : pc_json_next_member(reader, &key);
            if (reader->failed) {
                return false;
            }
            if (more) {
                break;
            }
        }
        if (open == 0) {
            break;
        }
        kind = pc_json_peek(reader);
    }
    if (out != NULL) {
        *out = (pc_json_range){.bytes = reader->bytes + start, .size = reader->at - start};
    }
    return true;
}

bool pc_json_finish(pc_json_reader *reader)
{
    (void)next_byte(reader);
    if (reader->failed) {
        return false;
    }
    return reader->at == reader->size ? true : fail(reader);
}

pc_status pc_json_status(const pc_json_reader *reader)
{
    if (!reader->failed) {
        return PC_OK;
    }
    if (reader->too_deep) {
        return pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_BODY_TOO_COMPLEX",
                             "the upstream's JSON is nested more than %u levels deep at byte %zu",
                             reader->depth_max, reader->at);
    }
    return pc_status_new(PC_CODE_INTERNAL, "UPSTREAM_BODY_UNREADABLE",
                         "the upstream's JSON cannot be read at byte %zu of %zu", reader->at,
                         reader->size);
}

static unsigned hex4(const uint8_t *digits)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t byte = digits[i];
        value = value * 16 + (byte <= '9' ? byte - 0x30u : (byte | 0x20u) - 0x61u + 10u);
    }
    return value;
}

static size_t encode_utf8(uint32_t character, uint8_t *out)
{
    if (character < 0x80) {
        out[0] = (uint8_t)character;
        return 1;
    }
    if (character < 0x800) {
        out[0] = (uint8_t)(0xc0 | character >> 6);
        out[1] = (uint8_t)(0x80 | (character & 0x3f));
        return 2;
    }
    if (character < 0x10000) {
        out[0] = (uint8_t)(0xe0 | character >> 12);
        out[1] = (uint8_t)(0x80 | (character >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (character & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | character >> 18);
    out[1] = (uint8_t)(0x80 | (character >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (character >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (character & 0x3f));
    return 4;
}

/* Decodes the \u escape at `place`, with the low surrogate behind it if there is one. */
static const uint8_t *decode_unicode(const uint8_t *place, const uint8_t *end, uint32_t *out)
{
    uint32_t unit = hex4(place + 2);
    place += 6;
    *out = unit;
    if (unit >= 0xd800 && unit < 0xe000) {
        *out = 0xfffd;
        if (unit < 0xdc00 && end - place >= 6 && place[0] == '\\' && place[1] == 'u') {
            uint32_t low = hex4(place + 2);
            if (low >= 0xdc00 && low < 0xe000) {
                *out = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                place += 6;
            }
        }
    }
    return place;
}

static uint8_t simple_escape(uint8_t letter)
{
    switch (letter) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return letter;
    }
}

size_t pc_json_text_decode(const pc_json_text *text, uint8_t *out)
{
    if (text->plain) {
        if (text->size > 0) {
            memcpy(out, text->bytes, text->size);
        }
        return text->size;
    }
    const uint8_t *place = text->bytes;
    const uint8_t *end = place + text->size;
    uint8_t *to = out;
    while (place < end) {
        const uint8_t *special = find_special(place, end);
        memcpy(to, place, (size_t)(special - place));
        to += special - place;
        place = special;
        if (place == end) {
            break;
        }
        if (*place == '\\' && place[1] == 'u') {
            uint32_t character;
            place = decode_unicode(place, end, &character);
            to += encode_utf8(character, to);
        } else if (*place == '\\') {
            *to++ = simple_escape(place[1]);
            place += 2;
        } else {
            size_t size = pc_utf8_character(place, (size_t)(end - place));
            memcpy(to, size > 0 ? place : replacement, size > 0 ? size : sizeof replacement);
            to += size > 0 ? size : sizeof replacement;
            place += size > 0 ? size : 1;
        }
    }
    return (size_t)(to - out);
}

void pc_json_text_append(pc_buffer *out, const pc_json_text *text)
{
    if (text->plain) {
        pc_buffer_append(out, text->bytes, text->size);
        return;
    }
    /* Room for the worst case, which is three bytes for a bad one; the caller's maximum is kept for
     * what is really written by trying the exact size when the worst case does not fit. */
    if (text->size <= SIZE_MAX / 3 && text->size * 3 <= out->size_max - out->size) {
        if (pc_buffer_reserve(out, text->size * 3)) {
            out->size += pc_json_text_decode(text, out->bytes + out->size);
        }
        return;
    }
    for (size_t at = 0; at < text->size && !out->failed;) {
        const uint8_t *place = text->bytes + at;
        const uint8_t *end = text->bytes + text->size;
        uint8_t decoded[12];
        size_t size = 1;
        if (*place == '\\') {
            size = escape_size(place, end);
            if (size == 6) {
                uint32_t character;
                size = (size_t)(decode_unicode(place, end, &character) - place);
            }
        } else if (*place >= 0x80) {
            size_t valid = pc_utf8_character(place, (size_t)(end - place));
            size = valid > 0 ? valid : 1;
        }
        pc_json_text one = {.bytes = place, .size = size, .plain = false};
        pc_buffer_append(out, decoded, pc_json_text_decode(&one, decoded));
        at += size;
    }
}

bool pc_json_text_is(const pc_json_text *text, const char *literal)
{
    size_t length = strlen(literal);
    if (text->plain) {
        return text->size == length && memcmp(text->bytes, literal, length) == 0;
    }
    uint8_t decoded[3 * 384];
    if (text->size > sizeof decoded / 3) {
        return false;
    }
    return pc_json_text_decode(text, decoded) == length && memcmp(decoded, literal, length) == 0;
}
