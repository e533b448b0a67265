/* Requests from the wire, checked and read at once. protobuf-c itself has no depth limit, takes any
 * bytes for a string, and turns a small hostile message into a very large struct.
 * Threads: any. */
#ifndef PC_RPC_DECODE_H
#define PC_RPC_DECODE_H

#include <protobuf-c/protobuf-c.h>

#include "util/arena.h"
#include "util/status.h"

enum { PC_DECODE_DEPTH_MAX = 16, PC_DECODE_FIELDS_MAX = 100000 };

/* Reads `size` bytes into a struct of protobuf-c in the arena, for a proto3 message. `*out` is
 * borrowed from the arena and never freed by itself. Unknown fields are passed over.
 * Errors: INVALID_ARGUMENT with reason REQUEST_UNREADABLE for bytes that are no such message, nest
 * deeper than PC_DECODE_DEPTH_MAX or hold more than PC_DECODE_FIELDS_MAX fields; INVALID_REQUEST
 * with the field's path for strings that are no UTF-8 or hold NUL; RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_decode(const ProtobufCMessage **out,
                                 const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes,
                                 size_t size, pc_arena *arena);

#endif
