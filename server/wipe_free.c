/* The program's own free() and realloc() stand before libc's, for all libraries that are loaded.
 * Until they are asked to wipe they only pass on. */
#include "wipe_free.h"

#include <malloc.h>
#include <stdint.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define SANITIZED
#endif

#ifdef SANITIZED

bool pc_wipe_freed_memory(void)
{
    return false;
}

#else

/* glibc has its functions under these names too, for just such replacements. */
extern void __libc_free(void *memory);                  /* NOLINT(bugprone-reserved-identifier) */
extern void *__libc_malloc(size_t size);                /* NOLINT(bugprone-reserved-identifier) */
extern void *__libc_realloc(void *memory, size_t size); /* NOLINT(bugprone-reserved-identifier) */

static bool wipes;

bool pc_wipe_freed_memory(void)
{
    wipes = true;
    return true;
}

void free(void *memory)
{
    if (wipes && memory != NULL) {
        explicit_bzero(memory, malloc_usable_size(memory));
    }
    __libc_free(memory);
}

/* libc's would leave the old place as it was when it moves the block. */
void *realloc(void *memory, size_t size)
{
    if (!wipes || memory == NULL) {
        return __libc_realloc(memory, size);
    }
    if (size == 0) {
        free(memory);
        return NULL;
    }
    size_t before = malloc_usable_size(memory);
    if (size <= before && size > before / 2) {
        explicit_bzero((uint8_t *)memory + size, before - size);
        return memory;
    }
    void *moved = __libc_malloc(size);
    if (moved != NULL) {
        memcpy(moved, memory, before < size ? before : size);
        free(memory);
    }
    return moved;
}

#endif
