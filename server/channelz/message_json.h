/* From the JSON of protocol buffers (protobuf.dev/programming-guides/json) to the wire bytes of a
 * message, by the descriptor of its generated code. What the message has no field for is left out,
 * as is google.protobuf.Any.
 * Threads: pure. */
#ifndef PC_CHANNELZ_MESSAGE_JSON_H
#define PC_CHANNELZ_MESSAGE_JSON_H

#include <protobuf-c/protobuf-c.h>

#include "mapping/json_reader.h"

/* Appends the fields of one message. False when the JSON does not fit; then `out` is of no use. */
bool pc_message_json_put(pc_buffer *out, const ProtobufCMessageDescriptor *message,
                         pc_json_reader *json);

#endif
