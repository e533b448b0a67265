/* Growing text and allocation, see text.h. */
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool sbx_fail(struct sbx_error *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    return false;
}

static void *require(void *block)
{
    if (block == NULL) {
        fputs("entity-sandbox: out of memory\n", stderr);
        abort();
    }
    return block;
}

void *sbx_alloc(size_t size)
{
    return require(calloc(1, size > 0 ? size : 1));
}

void *sbx_grow(void *block, size_t size)
{
    return require(realloc(block, size > 0 ? size : 1));
}

char *sbx_copy(const char *text)
{
    return text == NULL ? NULL : sbx_copy_n(text, strlen(text));
}

char *sbx_copy_n(const char *text, size_t length)
{
    char *copy = sbx_alloc(length + 1);
    if (length > 0) {
        memcpy(copy, text, length);
    }
    return copy;
}

static void reserve(struct sbx_text *text, size_t more)
{
    size_t needed = text->length + more + 1;
    if (needed <= text->capacity) {
        return;
    }
    size_t capacity = text->capacity > 0 ? text->capacity * 2 : 256;
    while (capacity < needed) {
        capacity *= 2;
    }
    text->data = sbx_grow(text->data, capacity);
    text->capacity = capacity;
}

void sbx_text_add(struct sbx_text *text, const char *more, size_t length)
{
    reserve(text, length);
    if (length > 0) {
        memcpy(text->data + text->length, more, length);
    }
    text->length += length;
    text->data[text->length] = '\0';
}

void sbx_text_puts(struct sbx_text *text, const char *more)
{
    sbx_text_add(text, more, strlen(more));
}

void sbx_text_printf(struct sbx_text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length > 0) {
        reserve(text, (size_t)length);
        vsnprintf(text->data + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
}

void sbx_text_clear(struct sbx_text *text)
{
    text->length = 0;
    if (text->data != NULL) {
        text->data[0] = '\0';
    }
}

void sbx_text_deinit(struct sbx_text *text)
{
    free(text->data);
    *text = (struct sbx_text){0};
}
