/* What the build-time tools share: reading a FileDescriptorSet and its options, and writing files.
 *
 * The tools end at the first error, and leave freeing to the end of the process. */
#ifndef PC_TOOLS_DESCRIPTOR_SET_H
#define PC_TOOLS_DESCRIPTOR_SET_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "google/protobuf/descriptor.pb-c.h"

typedef Google__Protobuf__FileDescriptorSet file_set;
typedef Google__Protobuf__FileDescriptorProto file_type;
typedef Google__Protobuf__DescriptorProto message_type;
typedef Google__Protobuf__FieldDescriptorProto field_type;
typedef Google__Protobuf__EnumDescriptorProto enum_type;

/* The numbers of the options in profilecontext/v1/annotations.proto. */
enum { OPTION_FIELD_SOURCE = 51001, OPTION_MAP_DEPTH = 51002, OPTION_JSON_TEXT = 51003 };

/* The values of FieldSource there. */
enum { SOURCE_PROPERTY = 0, SOURCE_MAP_KEY = 1, SOURCE_COMPUTED = 2 };

/* Prints why to standard error and ends the process. */
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Zeroed memory; dies where there is none. */
void *allocate(size_t size);

file_set *read_set(const char *path);
FILE *open_output(const char *path);

/* Dies where anything that was written did not arrive. */
void close_output(FILE *file, const char *path);

/* The option's value; 0 or NULL where it is not given. */
unsigned number_option(const ProtobufCMessage *options, uint32_t number);
const char *text_option(const ProtobufCMessage *options, uint32_t number);

/* Whether the type, as a field names it, is one of profilecontext.v1 itself. */
bool in_own_package(const char *type_name);

/* The part after the last dot. */
const char *last_part(const char *type_name);

#endif
