/* Values inside wire bytes by path, such as `commerce.order.price_total`: compiled once against a
 * message's table, so that a name that does not exist is found at start, then followed by number.
 * Threads: compiled paths never change; finding is pure. */
#ifndef PC_MAPPING_WIRE_PATH_H
#define PC_MAPPING_WIRE_PATH_H

#include "mapping/tables.h"
#include "mapping/wire.h"

enum { PC_WIRE_PATH_DEPTH_MAX = 6 };

typedef struct {
    uint32_t numbers[PC_WIRE_PATH_DEPTH_MAX];
    unsigned depth;
} pc_wire_path;

/* Compiles field names of the .proto joined by dots. False when there is no such path, or it is too
 * deep. */
bool pc_wire_path_compile(pc_wire_path *out, const pc_message_table *table, const char *path);

/* The last field at the path in a message; false when there is none. Of repeated messages on the
 * way only the last is looked into. */
bool pc_wire_find(const uint8_t *message, size_t size, const pc_wire_path *path,
                  pc_wire_field *out);

#endif
