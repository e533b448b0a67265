/* The linker sends allocations here (--wrap). */
#include "failing/failing.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
char *__wrap_strdup(const char *text);

static atomic_long left = -1; /* until one fails; negative: none does */
static bool (*is_spared)(void);

void failing_after(long count)
{
    atomic_store(&left, count);
}

bool failing_end(void)
{
    return atomic_exchange(&left, -1) < 0;
}

void failing_spare(bool (*fn)(void))
{
    is_spared = fn;
}

static bool fails(void)
{
    return atomic_load(&left) >= 0 && (is_spared == NULL || !is_spared()) &&
           atomic_fetch_sub(&left, 1) == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return fails() ? NULL : __real_realloc(block, size);
}

char *__wrap_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = __wrap_malloc(size);
    return copy == NULL ? NULL : memcpy(copy, text, size);
}
