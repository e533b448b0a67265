/* Growing text, and allocation that never returns NULL.
 *
 * The sandbox is a test instrument on a developer's machine: when memory runs out there is nothing
 * useful to answer, so allocation failure ends the program with one line instead of being threaded
 * through every caller. The server proper does not share this habit, nor this file. */
#ifndef SBX_TEXT_H
#define SBX_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define SBX_PRINTF(string, first) __attribute__((format(printf, string, first), nonnull(string)))

/* What went wrong, for a person, without a trailing period or newline. */
struct sbx_error {
    char text[512];
};

/* Writes the message and returns false, so that a failing function can end in one line. */
bool sbx_fail(struct sbx_error *error, const char *format, ...) SBX_PRINTF(2, 3);

void *sbx_alloc(size_t size); /* zeroed */
void *sbx_grow(void *block, size_t size);
char *sbx_copy(const char *text); /* NULL gives NULL */
char *sbx_copy_n(const char *text, size_t length);

/* Zero-initialise before use. data is always terminated once anything was added. */
struct sbx_text {
    char *data;
    size_t length;
    size_t capacity;
};

void sbx_text_add(struct sbx_text *text, const char *more, size_t length);
void sbx_text_puts(struct sbx_text *text, const char *more);
void sbx_text_printf(struct sbx_text *text, const char *format, ...) SBX_PRINTF(2, 3);
void sbx_text_clear(struct sbx_text *text); /* keeps the memory */
void sbx_text_deinit(struct sbx_text *text);

#endif
