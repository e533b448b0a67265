#include "descriptor_set.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char own_package[] = "profilecontext.v1";

void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

void *allocate(size_t size)
{
    void *memory = calloc(1, size);
    if (memory == NULL) {
        die("out of memory");
    }
    return memory;
}

file_set *read_set(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        die("cannot read %s", path);
    }
    size_t size = 0;
    size_t capacity = 1 << 20;
    uint8_t *bytes = allocate(capacity);
    for (size_t n; (n = fread(bytes + size, 1, capacity - size, file)) > 0;) {
        size += n;
        if (size == capacity) {
            capacity *= 2;
            bytes = realloc(bytes, capacity);
            if (bytes == NULL) {
                die("out of memory");
            }
        }
    }
    fclose(file);
    file_set *set = google__protobuf__file_descriptor_set__unpack(NULL, size, bytes);
    if (set == NULL) {
        die("%s is not a FileDescriptorSet", path);
    }
    return set;
}

FILE *open_output(const char *path)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        die("cannot write %s", path);
    }
    return file;
}

void close_output(FILE *file, const char *path)
{
    if (ferror(file) != 0 || fclose(file) != 0) {
        die("cannot write %s", path);
    }
}

/* protobuf-c keeps extensions as unknown fields; strings still carry their length prefix. */
static const ProtobufCMessageUnknownField *find_option(const ProtobufCMessage *options,
                                                       uint32_t number)
{
    for (unsigned i = 0; options != NULL && i < options->n_unknown_fields; i++) {
        if (options->unknown_fields[i].tag == number) {
            return &options->unknown_fields[i];
        }
    }
    return NULL;
}

static unsigned read_varint(const ProtobufCMessageUnknownField *field, size_t *used)
{
    unsigned value = 0;
    size_t i = 0;
    for (; i < field->len; i++) {
        value |= (unsigned)(field->data[i] & 0x7f) << (7 * i);
        if ((field->data[i] & 0x80) == 0) {
            break;
        }
    }
    *used = i + 1;
    return value;
}

unsigned number_option(const ProtobufCMessage *options, uint32_t number)
{
    const ProtobufCMessageUnknownField *field = find_option(options, number);
    size_t used;
    return field == NULL ? 0 : read_varint(field, &used);
}

const char *text_option(const ProtobufCMessage *options, uint32_t number)
{
    const ProtobufCMessageUnknownField *field = find_option(options, number);
    if (field == NULL) {
        return NULL;
    }
    size_t used;
    unsigned length = read_varint(field, &used);
    char *text = allocate((size_t)length + 1);
    memcpy(text, field->data + used, length);
    return text;
}

bool in_own_package(const char *type_name)
{
    size_t length = strlen(own_package);
    return type_name[0] == '.' && strncmp(type_name + 1, own_package, length) == 0 &&
           type_name[length + 1] == '.' && strchr(type_name + length + 2, '.') == NULL;
}

const char *last_part(const char *type_name)
{
    const char *dot = strrchr(type_name, '.');
    return dot == NULL ? type_name : dot + 1;
}
