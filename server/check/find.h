/* Small questions to a JSON document that is not kept as a tree.
 * Threads: pure; ranges borrow from the document. */
#ifndef PC_CHECK_FIND_H
#define PC_CHECK_FIND_H

#include "mapping/json_reader.h"

/* The value at a path of property names joined by dots, where a backslash takes the next character
 * as it is. False when there is none. */
bool pc_find(pc_json_range *out, const pc_json_range *document, const char *path);

/* The items of an array, at most `most`; how many there are. */
size_t pc_find_items(pc_json_range *out, size_t most, const pc_json_range *array);

/* The names of an object's properties, at most `most`; how many there are. */
size_t pc_find_names(pc_json_text *out, size_t most, const pc_json_range *object);

/* Whether the value is a string that says this, of plain ASCII. */
bool pc_find_is(const pc_json_range *value, const char *text);

/* The string of a value, NUL-terminated in `out` and cut to its size; "" when it is none. */
void pc_find_text(char *out, size_t size, const pc_json_range *value);

#endif
