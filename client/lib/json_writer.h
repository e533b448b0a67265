/* Writing JSON text: a growing buffer that knows where commas, lines and indents go.
 * A failed allocation is remembered; what follows does nothing. */
#ifndef PROFILECONTEXT_JSON_WRITER_H
#define PROFILECONTEXT_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    char *text;
    size_t size;
    size_t capacity;
    unsigned depth; /* open objects and arrays */
    bool pretty;
    bool empty;     /* nothing was written yet into the innermost object or array */
    bool after_key; /* a value is next, on the same line */
    bool failed;
} json_writer;

/* Starts an object or array with '{' or '['. */
void json_open(json_writer *out, char bracket);

/* Ends it with '}' or ']'. */
void json_close(json_writer *out, char bracket);

/* Writes a member's name. */
void json_key(json_writer *out, const char *name);

/* Writes a string. Bytes that are no UTF-8 become U+FFFD. */
void json_string(json_writer *out, const char *text, size_t size);

/* Writes a value that is JSON already: a number, true, false or null. */
void json_raw(json_writer *out, const char *text);

/* Writes a number, or "NaN", "Infinity" and "-Infinity", with as few digits as read back the same.
 * `single` is for a float. */
void json_double(json_writer *out, double value, bool single);

/* Writes bytes in base64. */
void json_base64(json_writer *out, const unsigned char *data, size_t size);

/* Takes the text, to be freed with free(); NULL when anything failed. */
char *json_finish(json_writer *out);

#endif
