/* Doubling growth below a hard maximum. The first room is just what is asked for, as who asks for
 * much at once knows how much it will be. */
#include "util/buffer.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 256 };

void pc_buffer_init(pc_buffer *buffer, size_t size_max)
{
    *buffer = (pc_buffer){.size_max = size_max};
}

void pc_buffer_init_in(pc_buffer *buffer, void *storage, size_t capacity, size_t size_max)
{
    *buffer = (pc_buffer){.bytes = storage,
                          .capacity = capacity < size_max ? capacity : size_max,
                          .size_max = size_max,
                          .is_lent = true};
}

void pc_buffer_deinit(pc_buffer *buffer)
{
    if (!buffer->is_lent) {
        free(buffer->bytes);
    }
    *buffer = (pc_buffer){.size_max = buffer->size_max};
}

bool pc_buffer_reserve(pc_buffer *buffer, size_t size)
{
    if (buffer->failed) {
        return false;
    }
    if (size <= buffer->capacity - buffer->size) {
        return true;
    }
    if (size > buffer->size_max - buffer->size) {
        buffer->failed = true;
        return false;
    }
    size_t needed = buffer->size + size;
    size_t capacity = buffer->capacity > 0      ? buffer->capacity
                      : needed > FIRST_CAPACITY ? needed
                                                : FIRST_CAPACITY;
    while (capacity < needed) {
        capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
    }
    if (capacity > buffer->size_max) {
        capacity = buffer->size_max;
    }
    uint8_t *grown = realloc(buffer->is_lent ? NULL : buffer->bytes, capacity);
    if (grown == NULL) {
        buffer->failed = true;
        return false;
    }
    if (buffer->is_lent) {
        memcpy(grown, buffer->bytes, buffer->size);
        buffer->is_lent = false;
    }
    buffer->bytes = grown;
    buffer->capacity = capacity;
    return true;
}

void pc_buffer_trim(pc_buffer *buffer)
{
    if (buffer->is_lent || buffer->size == 0 || buffer->size == buffer->capacity) {
        return;
    }
    uint8_t *trimmed = realloc(buffer->bytes, buffer->size);
    if (trimmed != NULL) {
        buffer->bytes = trimmed;
        buffer->capacity = buffer->size;
    }
}

void pc_buffer_append(pc_buffer *buffer, const void *bytes, size_t size)
{
    if (size > 0 && pc_buffer_reserve(buffer, size)) {
        memcpy(buffer->bytes + buffer->size, bytes, size);
        buffer->size += size;
    }
}

void pc_buffer_append_text(pc_buffer *buffer, const char *text)
{
    pc_buffer_append(buffer, text, strlen(text));
}

void pc_buffer_append_byte(pc_buffer *buffer, uint8_t byte)
{
    pc_buffer_append(buffer, &byte, 1);
}

pc_slice *pc_buffer_take_slice(pc_buffer *buffer)
{
    if (buffer->failed) {
        return NULL;
    }
    pc_slice *slice = buffer->is_lent || buffer->bytes == NULL
                          ? pc_slice_copy(buffer->bytes, buffer->size)
                          : pc_slice_take(buffer->bytes, buffer->size);
    *buffer = (pc_buffer){.size_max = buffer->size_max};
    return slice;
}

char *pc_buffer_take_text(pc_buffer *buffer)
{
    /* The terminator does not count against the maximum. */
    buffer->size_max += buffer->size_max < SIZE_MAX;
    pc_buffer_append_byte(buffer, 0);
    if (buffer->failed) {
        return NULL;
    }
    char *text = buffer->is_lent ? malloc(buffer->size) : (char *)buffer->bytes;
    if (buffer->is_lent && text != NULL) {
        memcpy(text, buffer->bytes, buffer->size);
    }
    *buffer = (pc_buffer){.size_max = buffer->size_max - 1};
    return text;
}
