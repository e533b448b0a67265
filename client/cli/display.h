/* Lines on a terminal: text from anywhere made harmless, measured in columns and cut to fit.
 * Threads: one at a time; display_init sets the character type of the calling thread to UTF-8. */
#ifndef PROFILECTL_DISPLAY_H
#define PROFILECTL_DISPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum {
    STYLE_PLAIN,
    STYLE_BOLD,
    STYLE_FAINT,
    STYLE_GOOD,    /* green */
    STYLE_BAD,     /* red */
    STYLE_WARNING, /* yellow */
    STYLE_COUNT
} display_style;

enum { DISPLAY_LINE_BYTES = 8192, DISPLAY_UNLIMITED = 1 << 20 };

typedef struct {
    FILE *out; /* borrowed */
    int width; /* columns of a line */
    bool colour;
    /* The line that is being made. */
    char line[DISPLAY_LINE_BYTES];
    size_t size;
    int column;
    bool full; /* the line was cut */
    display_style style;
} display;

/* Makes ready to write lines of `width` columns. */
void display_init(display *to, FILE *out, int width, bool colour);

/* Adds text to the line. Control and invisible formatting characters, and bytes that are no UTF-8,
 * become U+FFFD; tabs and line ends become spaces. What does not fit becomes an ellipsis. */
void display_add(display *to, display_style style, const char *text);
void display_addf(display *to, display_style style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds text cut or padded to `columns`. */
void display_cell(display *to, display_style style, const char *text, int columns);

/* Pads with spaces to a column, counted from 0. */
void display_pad(display *to, int column);

/* Writes the line, without spaces at its end. */
void display_end(display *to);

/* The columns that display_add would take for the text. */
int display_width(const char *text);

#endif
