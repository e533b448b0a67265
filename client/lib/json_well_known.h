/* Messages that proto3 JSON writes in a form of their own: Timestamp, Duration, FieldMask, Struct,
 * Value and ListValue. */
#ifndef PROFILECONTEXT_JSON_WELL_KNOWN_H
#define PROFILECONTEXT_JSON_WELL_KNOWN_H

#include <protobuf-c/protobuf-c.h>

#include "json_writer.h"

typedef enum { PCC_NOT_WELL_KNOWN, PCC_WRITTEN, PCC_CANNOT_WRITE } pcc_well_known;

/* Writes the message if it is one of them. PCC_CANNOT_WRITE for a time out of range, or values
 * nested deeper than `depth_left`. */
pcc_well_known pcc_json_well_known(json_writer *out, const ProtobufCMessage *message,
                                   unsigned depth_left);

#endif
