/* Blocks double from 4 KiB to 256 KiB, so small calls stay small and large ones stay few blocks. */
#include "util/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES_FIRST = 4096, BLOCK_BYTES_LARGEST = 256 * 1024 };

struct pc_arena_block {
    pc_arena_block *next;
    size_t size;
    _Alignas(max_align_t) uint8_t bytes[];
};

void pc_arena_init(pc_arena *arena, void *buffer, size_t buffer_size, size_t bytes_max)
{
    *arena = (pc_arena){.bytes_max = bytes_max};
    if (buffer != NULL) {
        arena->next = buffer;
        arena->end = arena->next + buffer_size;
    }
}

void pc_arena_rewind(pc_arena *arena, const pc_arena *before)
{
    if (arena->blocks == before->blocks) {
        arena->next = before->next;
    }
}

void pc_arena_deinit(pc_arena *arena)
{
    for (pc_arena_block *block = arena->blocks; block != NULL;) {
        pc_arena_block *next = block->next;
        free(block);
        block = next;
    }
    *arena = (pc_arena){0};
}

void *pc_arena_alloc_more(pc_arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2) {
        return NULL;
    }
    size_t wanted = arena->blocks == NULL ? BLOCK_BYTES_FIRST : arena->blocks->size * 2;
    if (wanted > BLOCK_BYTES_LARGEST) {
        wanted = BLOCK_BYTES_LARGEST;
    }
    if (wanted < size) {
        wanted = size;
    }
    size_t left = arena->bytes_max - arena->bytes_used;
    if (wanted > left) {
        wanted = left;
    }
    if (wanted < size) {
        return NULL;
    }
    pc_arena_block *block = malloc(sizeof *block + wanted);
    if (block == NULL) {
        return NULL;
    }
    block->next = arena->blocks;
    block->size = wanted;
    arena->blocks = block;
    arena->bytes_used += wanted;
    arena->next = block->bytes + size;
    arena->end = block->bytes + wanted;
    return block->bytes;
}

void *pc_arena_calloc(pc_arena *arena, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    void *memory = pc_arena_alloc(arena, count * size);
    return memory == NULL ? NULL : memset(memory, 0, count * size);
}

char *pc_arena_strndup(pc_arena *arena, const char *text, size_t length)
{
    char *copy = length == SIZE_MAX ? NULL : pc_arena_alloc(arena, length + 1);
    if (copy != NULL) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}

char *pc_arena_printf(pc_arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    char *text = length < 0 ? NULL : pc_arena_alloc(arena, (size_t)length + 1);
    if (text != NULL) {
        (void)vsnprintf(text, (size_t)length + 1, format, again);
    }
    va_end(again);
    va_end(arguments);
    return text;
}
