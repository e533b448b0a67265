/* The headers that cmocka wants before its own, and a display whose text can be read. */
#ifndef PROFILECONTEXT_TESTS_CLIENT_TESTING_H
#define PROFILECONTEXT_TESTS_CLIENT_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "display.h"

typedef struct {
    display display;
    char *text;
    size_t size;
} screen;

static inline void screen_open(screen *to, int width, bool colour)
{
    FILE *out = open_memstream(&to->text, &to->size);
    assert_non_null(out);
    display_init(&to->display, out, width, colour);
}

/* Compares all that was written, and frees it. */
static inline void screen_check(screen *to, const char *expected)
{
    fclose(to->display.out);
    assert_string_equal(to->text, expected);
    free(to->text);
}

#endif
