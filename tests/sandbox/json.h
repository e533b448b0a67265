/* JSON that comes back out as it went in.
 *
 * jansson refuses integers beyond 64 bits and prints 129.9 as 129.90000000000001. XDM data has
 * both, so a number that would not survive is carried through jansson as a marked string and
 * becomes a bare number again when it is printed. */
#ifndef SBX_JSON_H
#define SBX_JSON_H

#include "text.h"

#include <jansson.h>
#include <stdint.h>

/* New reference, or NULL with a message. */
json_t *sbx_json_parse(const char *text, size_t length, struct sbx_error *error);

/* Appends the compact form of value. */
void sbx_json_print(struct sbx_text *out, const json_t *value);

/* The number a value stands for, whether jansson holds it or a marked string does. */
bool sbx_json_number(double *out, const json_t *value);

/* The digits of a number that is carried as a marked string, NULL for any other value. Borrowed. */
const char *sbx_json_exact_number(const json_t *value);

/* Appends text as a JSON string with its quotes. */
void sbx_json_quote(struct sbx_text *out, const char *text);

/* Replaces every string "{{-3d4h}}" or "{{-3d4h|form}}" below value by a time relative to now_ms;
 * the forms are seconds (default), millis, offset, basic, space and date. False for a template
 * that cannot be read. */
bool sbx_json_resolve_times(json_t *value, int64_t now_ms, struct sbx_error *error);

/* Member of an object as a string, or NULL when absent or of another type. Borrowed. */
const char *sbx_json_text(const json_t *object, const char *key);

#endif
