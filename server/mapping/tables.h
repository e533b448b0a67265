/* How messages correspond to XDM's JSON: the tables that proto_tool generates from the .proto files
 * (JSON names, enum strings, map keys), and look-ups in them.
 * Threads: the tables never change. */
#ifndef PC_MAPPING_TABLES_H
#define PC_MAPPING_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    PC_FIELD_BOOL,
    PC_FIELD_INT32,
    PC_FIELD_INT64,
    PC_FIELD_DOUBLE,
    PC_FIELD_STRING,
    PC_FIELD_ENUM,
    PC_FIELD_MESSAGE,
    PC_FIELD_TIMESTAMP,  /* google.protobuf.Timestamp */
    PC_FIELD_DATE,       /* profilecontext.v1.Date */
    PC_FIELD_EXTENSIONS, /* profilecontext.v1.Extensions */
    PC_FIELD_OPAQUE      /* a message of another package; not mapped from JSON */
} pc_field_type;

typedef enum { PC_SOURCE_PROPERTY, PC_SOURCE_MAP_KEY, PC_SOURCE_COMPUTED } pc_field_source;

typedef struct {
    const char *text; /* the JSON string */
    size_t length;
    int32_t number;
} pc_enum_value;

typedef struct {
    const char *name;
    const pc_enum_value *values; /* those with a JSON string */
    size_t count;
} pc_enum_table;

struct pc_message_table;

typedef struct {
    const char *name;      /* in the .proto */
    const char *json_name; /* in XDM */
    size_t json_length;
    uint32_t number;
    pc_field_type type;
    bool repeated;
    pc_field_source source;
    unsigned map_depth; /* levels of map keys above an item; 0: a plain array or value */
    const struct pc_message_table *message; /* of PC_FIELD_MESSAGE */
    const pc_enum_table *enumeration;       /* of PC_FIELD_ENUM */
} pc_field_table;

enum { PC_MAP_KEYS_MAX = 4 };

typedef struct pc_message_table {
    const char *name;
    const pc_field_table *fields; /* in the order of the .proto */
    size_t field_count;
    const uint8_t *index; /* hash of the JSON name -> 1 + place in fields; properties only */
    unsigned index_mask;
    uint32_t extensions_number;            /* 0: the message has no extensions */
    uint32_t key_numbers[PC_MAP_KEYS_MAX]; /* fields that take map keys, outermost first; 0: none */
} pc_message_table;

/* The field that a JSON property maps to, or NULL. */
const pc_field_table *pc_table_find_json(const pc_message_table *table, const char *name,
                                         size_t length);

/* The field of this name in the .proto, or NULL. */
const pc_field_table *pc_table_find_name(const pc_message_table *table, const char *name,
                                         size_t length);

/* The field of this number, or NULL. */
const pc_field_table *pc_table_find_number(const pc_message_table *table, uint32_t number);

/* The number of the enum value with this JSON string, or 0 when it is not in the list. */
int32_t pc_enum_find(const pc_enum_table *table, const char *text, size_t length);

#endif
