/* Fields of a line of the trail, for those who read it. A line is taken as bytes from anywhere:
 * what is no object of JSON has no fields. Threads: pure. */
#ifndef PC_AUDIT_FIELDS_H
#define PC_AUDIT_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

/* A value as it stands in the line, which it borrows: of a text what is between its quotation
 * marks, escapes and all. */
typedef struct {
    const char *bytes;
    size_t size;
    bool is_text;
} pc_audit_value;

/* The first field of this name, of a line or of a value that is an object. */
bool pc_audit_field(pc_audit_value *out, const char *line, size_t size, const char *name);
bool pc_audit_field_in(pc_audit_value *out, const pc_audit_value *in, const char *name);

/* Steps through the fields of an object: `*at` is 0 at first. False when there are no more. */
bool pc_audit_next_field(pc_audit_value *name, pc_audit_value *value, const pc_audit_value *in,
                         size_t *at);

/* The text with its escapes undone, cut where it does not fit; "" for what is no text. */
void pc_audit_value_text(char *out, size_t size, const pc_audit_value *value);

/* Whether it is just this text. */
bool pc_audit_value_is(const pc_audit_value *value, const char *text);

#endif
