/* The JSON names of fields. Messages of this service have names that lowerCamel does not give, such
 * as `_id`; the tables that the server maps with know them. */
#ifndef PROFILECONTEXT_JSON_NAMES_H
#define PROFILECONTEXT_JSON_NAMES_H

#include <protobuf-c/protobuf-c.h>

#include "mapping/tables.h"

enum { PCC_JSON_NAME_SIZE = 128 };

/* The table of a message by its descriptor; NULL when it is not of this service. */
const pc_message_table *pcc_json_table(const ProtobufCMessageDescriptor *descriptor);

/* The JSON name of a field: from `table`, which may be NULL, or made in `buffer`. */
const char *pcc_json_name(const pc_message_table *table, const ProtobufCFieldDescriptor *field,
                          char buffer[PCC_JSON_NAME_SIZE]);

#endif
