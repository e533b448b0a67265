/* What protobuf-c's own unpack makes of the bytes of a request, to compare with ours. */
#ifndef PC_TEST_UNPACK_ORACLE_H
#define PC_TEST_UNPACK_ORACLE_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether protobuf-c reads the same message out of the bytes as `ours`. Unknown fields, which it
 * keeps and we drop, are left out. */
bool unpack_oracle_agrees(const ProtobufCMessage *ours, const uint8_t *bytes, size_t size);

#endif
