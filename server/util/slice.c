/* Bytes either follow the header in one allocation or belong to a malloc block that was taken. */
#include "util/slice.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct pc_slice {
    atomic_size_t references;
    size_t size;
    uint8_t *bytes;
    uint8_t inline_bytes[];
};

pc_slice *pc_slice_new(size_t size)
{
    if (size > SIZE_MAX - sizeof(pc_slice)) {
        return NULL;
    }
    pc_slice *slice = malloc(sizeof *slice + size);
    if (slice == NULL) {
        return NULL;
    }
    atomic_init(&slice->references, 1);
    slice->size = size;
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
    pc_slice *slice = pc_slice_new(0);
    if (slice == NULL) {
        free(bytes);
        return NULL;
    }
    slice->bytes = bytes;
    slice->size = size;
    return slice;
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
        free(slice->bytes);
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
    slice->size = size;
}
