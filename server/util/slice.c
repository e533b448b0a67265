/* Bytes follow the header in one allocation, or belong to a malloc block that was taken, or to
 * another slice. In the last two cases a pointer to the other slice follows the header. Sizes are
 * kept in 32 bits: slices are cached by the million. */
#include "util/slice.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct pc_slice {
    atomic_uint references;
    uint32_t size;
    uint8_t *bytes;
    _Alignas(pc_slice *) uint8_t inline_bytes[];
};

/* Of a slice whose bytes are not its own: the slice that they belong to, NULL for a block. */
static pc_slice **whole_of(pc_slice *slice)
{
    return (pc_slice **)(void *)slice->inline_bytes;
}

static pc_slice *new_view(uint8_t *bytes, size_t size, pc_slice *whole)
{
    pc_slice *slice = size > UINT32_MAX ? NULL : pc_slice_new(sizeof whole);
    if (slice != NULL) {
        slice->bytes = bytes;
        slice->size = (uint32_t)size;
        *whole_of(slice) = pc_slice_ref(whole);
    }
    return slice;
}

pc_slice *pc_slice_new(size_t size)
{
    if (size > UINT32_MAX - sizeof(pc_slice)) {
        return NULL;
    }
    pc_slice *slice = malloc(sizeof *slice + size);
    if (slice == NULL) {
        return NULL;
    }
    atomic_init(&slice->references, 1);
    slice->size = (uint32_t)size;
    slice->bytes = slice->inline_bytes;
    return slice;
}

pc_slice *pc_slice_copy(const void *bytes, size_t size)
{
    pc_slice *slice = pc_slice_new(size);
    if (slice != NULL && size > 0) {
        memcpy(slice->inline_bytes, bytes, size);
    }
    return slice;
}

pc_slice *pc_slice_take(void *bytes, size_t size)
{
    pc_slice *slice = new_view(bytes, size, NULL);
    if (slice == NULL) {
        free(bytes);
    }
    return slice;
}

pc_slice *pc_slice_part(pc_slice *whole, const uint8_t *bytes, size_t size)
{
    assert(bytes >= whole->bytes && bytes + size <= whole->bytes + whole->size);
    return new_view(whole->bytes + (bytes - whole->bytes), size, whole);
}

static const pc_slice *const *const_whole_of(const pc_slice *slice)
{
    return (const pc_slice *const *)(const void *)slice->inline_bytes;
}

bool pc_slice_join(pc_slice *slice, const pc_slice *next)
{
    bool parts = slice->bytes != slice->inline_bytes && next->bytes != next->inline_bytes;
    if (!parts || *const_whole_of(slice) == NULL ||
        *const_whole_of(slice) != *const_whole_of(next) ||
        slice->bytes + slice->size != next->bytes) {
        return false;
    }
    assert(atomic_load_explicit(&slice->references, memory_order_relaxed) == 1);
    slice->size += next->size;
    return true;
}

size_t pc_slice_memory(size_t size)
{
    /* As glibc's malloc rounds. */
    size_t block = sizeof(pc_slice) + size + sizeof(size_t);
    return (block + 15) / 16 * 16;
}

pc_slice *pc_slice_ref(pc_slice *slice)
{
    if (slice != NULL) {
        atomic_fetch_add_explicit(&slice->references, 1, memory_order_relaxed);
    }
    return slice;
}

void pc_slice_unref(pc_slice *slice)
{
    if (slice == NULL ||
        atomic_fetch_sub_explicit(&slice->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (slice->bytes != slice->inline_bytes) {
        if (*whole_of(slice) == NULL) {
            free(slice->bytes);
        }
        pc_slice_unref(*whole_of(slice));
    }
    free(slice);
}

const uint8_t *pc_slice_bytes(const pc_slice *slice)
{
    return slice == NULL ? NULL : slice->bytes;
}

size_t pc_slice_size(const pc_slice *slice)
{
    return slice == NULL ? 0 : slice->size;
}

uint8_t *pc_slice_writable(pc_slice *slice)
{
    assert(atomic_load_explicit(&slice->references, memory_order_relaxed) == 1);
    return slice->bytes;
}

void pc_slice_truncate(pc_slice *slice, size_t size)
{
    assert(size <= slice->size);
    slice->size = (uint32_t)size;
}
