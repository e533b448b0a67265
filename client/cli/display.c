/* Lines on a terminal. */
#include "display.h"

#include <limits.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

enum { REPLACEMENT = 0xfffd, SPARE_BYTES = 32 };

static const char *const escapes[STYLE_COUNT] = {
    [STYLE_PLAIN] = "",        [STYLE_BOLD] = "\033[1m", [STYLE_FAINT] = "\033[2m",
    [STYLE_GOOD] = "\033[32m", [STYLE_BAD] = "\033[31m", [STYLE_WARNING] = "\033[33m",
};
static const char reset[] = "\033[0m";

void display_init(display *to, FILE *out, int width, bool colour)
{
    /* wcwidth answers for the locale; the data is UTF-8 whatever the user's locale is. */
    static locale_t utf8;
    if (utf8 == (locale_t)0) {
        utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    }
    if (utf8 != (locale_t)0) {
        uselocale(utf8);
    }
    to->out = out;
    to->width = width;
    to->colour = colour;
    to->size = 0;
    to->column = 0;
    to->full = false;
    to->style = STYLE_PLAIN;
}

/* Whether a character changes how others are shown, or shows nothing: a way to mislead. */
static bool deceptive(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || c == 0x200b ||
           c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
           (c >= 0xe0000 && c <= 0xe007f);
}

/* Reads a character and moves on. What is not UTF-8 reads as U+FFFD, a byte at a time. */
static uint32_t next_character(const char **text)
{
    const unsigned char *at = (const unsigned char *)*text;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    *text += 1;
    if (length == 1) {
        return at[0];
    }
    if (length == 0 || at[0] > 0xf4) {
        return REPLACEMENT;
    }
    uint32_t c = at[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return REPLACEMENT;
        }
        c = c << 6 | (at[i] & 0x3fu);
    }
    if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
        return REPLACEMENT;
    }
    *text += length - 1;
    return c;
}

/* Makes a character harmless, and measures it. */
static uint32_t tame(uint32_t c, int *width)
{
    if (c == '\t' || c == '\n' || c == '\r') {
        c = ' ';
    } else if (deceptive(c)) {
        c = REPLACEMENT;
    }
    *width = wcwidth((wchar_t)c);
    if (*width < 0) {
        c = REPLACEMENT;
        *width = 1;
    }
    return c;
}

static size_t encode(char out[4], uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t length = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    out[0] = (char)((0xf00u >> length & 0xf0) | c);
    return length;
}

int display_width(const char *text)
{
    int total = 0;
    while (*text != '\0' && total < DISPLAY_UNLIMITED) {
        int width = 0;
        tame(next_character(&text), &width);
        total += width;
    }
    return total;
}

static void append(display *to, const char *text, size_t size)
{
    memcpy(to->line + to->size, text, size);
    to->size += size;
}

static void set_style(display *to, display_style style)
{
    if (!to->colour || to->style == style) {
        return;
    }
    if (to->style != STYLE_PLAIN) {
        append(to, reset, sizeof reset - 1);
    }
    append(to, escapes[style], strlen(escapes[style]));
    to->style = style;
}

/* Adds text up to column `limit`; returns false when it was cut with an ellipsis. */
static bool add_until(display *to, display_style style, const char *text, int limit)
{
    if (to->full || *text == '\0') {
        return !to->full;
    }
    if (to->size > DISPLAY_LINE_BYTES - SPARE_BYTES) {
        to->full = true;
        return false;
    }
    set_style(to, style);
    size_t cut_size = to->size;
    int cut_column = to->column;
    while (*text != '\0') {
        int width = 0;
        char bytes[4];
        size_t length = encode(bytes, tame(next_character(&text), &width));
        if (to->column + width > limit || to->size > DISPLAY_LINE_BYTES - SPARE_BYTES) {
            to->size = cut_size;
            to->column = cut_column;
            if (to->column < limit) {
                append(to, "…", strlen("…"));
                to->column++;
            }
            return false;
        }
        append(to, bytes, length);
        to->column += width;
        if (to->column < limit) {
            cut_size = to->size;
            cut_column = to->column;
        }
    }
    return true;
}

void display_add(display *to, display_style style, const char *text)
{
    if (!add_until(to, style, text, to->width)) {
        to->full = true;
    }
}

void display_addf(display *to, display_style style, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = NULL;
    if (vasprintf(&text, format, arguments) >= 0) {
        display_add(to, style, text);
        free(text);
    }
    va_end(arguments);
}

void display_pad(display *to, int column)
{
    while (to->column < column && !to->full) {
        display_add(to, STYLE_PLAIN, " ");
    }
}

void display_cell(display *to, display_style style, const char *text, int columns)
{
    int end = to->column + columns;
    if (end > to->width) {
        display_add(to, style, text);
        return;
    }
    add_until(to, style, text, end);
    display_pad(to, end);
}

void display_end(display *to)
{
    set_style(to, STYLE_PLAIN);
    while (to->size > 0 && to->line[to->size - 1] == ' ') {
        to->size--;
    }
    append(to, "\n", 1);
    fwrite(to->line, 1, to->size, to->out);
    to->size = 0;
    to->column = 0;
    to->full = false;
    to->style = STYLE_PLAIN;
}
