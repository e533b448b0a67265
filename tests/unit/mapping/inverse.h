/* The way back, for tests only: from a message's wire bytes to the JSON value that it was mapped
 * from, by the meaning of Extensions. Values are trees in an arena; numbers keep their digits, so
 * that nothing is hidden by a double. */
#ifndef PC_TESTS_MAPPING_INVERSE_H
#define PC_TESTS_MAPPING_INVERSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mapping/json_reader.h"
#include "mapping/tables.h"
#include "util/arena.h"

typedef struct value value;

typedef struct {
    const char *key; /* of an object's member */
    size_t key_size;
    value *item;
} member;

struct value {
    pc_json_kind kind;
    const char *text; /* a string's bytes or a number's digits */
    size_t size;
    member *members; /* of an object or an array */
    size_t count;
    size_t room;
    bool is_time;     /* a string made from a Timestamp: any equal form of it is right */
    bool is_map_item; /* an object that an array of one object is equal to */
};

/* The tree of a JSON text, of equal keys the last; NULL when it cannot be read. */
value *value_parse(pc_arena *arena, const void *json, size_t size);

/* The tree of a message. NULL when the message breaks a rule of the contract; then `*why` says
 * which. */
value *value_from_wire(pc_arena *arena, const pc_message_table *table, const uint8_t *wire,
                       size_t size, const char **why);

/* Whether the tree of a message is equal to the tree of the source. */
bool value_equal(const value *from_wire, const value *source);

/* The member of an object, or NULL. */
value *value_get(const value *object, const char *key);

/* Prints a tree as JSON, for messages of failed tests. */
void value_print(const value *v);

#endif
