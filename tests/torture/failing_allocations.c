/* Allocations of our own code, not those of libraries, are counted, and the one that the test asks
 * for fails. The test and the server share a file, which PC_TORTURE_FILE names. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct {
    atomic_int_least64_t left; /* allocations until one fails; below 0: none does */
    atomic_int_least64_t made;
    atomic_int_least64_t failed;
} control;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t most);

static control *shared;

__attribute__((constructor)) static void share(void)
{
    const char *path = getenv("PC_TORTURE_FILE");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
        void *memory = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        shared = memory == MAP_FAILED ? NULL : memory;
        (void)close(fd);
    }
}

static bool fails(void)
{
    if (shared == NULL) {
        return false;
    }
    atomic_fetch_add(&shared->made, 1);
    if (atomic_load(&shared->left) < 0 || atomic_fetch_sub(&shared->left, 1) != 0) {
        return false;
    }
    atomic_fetch_add(&shared->failed, 1);
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails() ? NULL : __real_realloc(memory, size);
}

char *__wrap_strndup(const char *text, size_t most)
{
    size_t size = strnlen(text, most);
    char *copy = __wrap_malloc(size + 1);
    if (copy != NULL) {
        memcpy(copy, text, size);
        copy[size] = '\0';
    }
    return copy;
}

char *__wrap_strdup(const char *text)
{
    return __wrap_strndup(text, SIZE_MAX - 1);
}
