/* What handlers add to the metadata of their answers. Few calls have any, so that it stands aside
 * in the arena, and others pay for a look at a pointer. */
#include <string.h>

#include <grpc/slice.h>

#include "rpc/call_internal.h"

static pc_added_metadata *added_to(pc_call *call)
{
    if (call->added == NULL) {
        call->added = pc_arena_calloc(&call->arena, 1, sizeof *call->added);
    }
    return call->added;
}

/* Core may hold on to both for longer than the arena lives, hence the copies. */
static bool add(grpc_metadata *list, size_t *count, const char *name, const void *value,
                size_t size)
{
    if (*count == ADDED_METADATA_MAX) {
        return false;
    }
    grpc_slice key = grpc_slice_from_copied_string(name);
    grpc_slice text = grpc_slice_from_copied_buffer(value, size);
    if (grpc_header_key_is_legal(key) == 0 ||
        (grpc_is_binary_header(key) == 0 && grpc_header_nonbin_value_is_legal(text) == 0)) {
        grpc_slice_unref(key);
        grpc_slice_unref(text);
        return false;
    }
    list[(*count)++] = (grpc_metadata){.key = key, .value = text};
    return true;
}

bool pc_call_add_header(pc_call *call, const char *name, const void *value, size_t size)
{
    pc_added_metadata *added = added_to(call);
    return added != NULL && add(added->headers, &added->header_count, name, value, size);
}

bool pc_call_add_trailer(pc_call *call, const char *name, const void *value, size_t size)
{
    pc_added_metadata *added = added_to(call);
    return added != NULL && add(added->trailers, &added->trailer_count, name, value, size);
}

void pc_added_headers(pc_added_metadata *added, grpc_op *op)
{
    op->data.send_initial_metadata.metadata = added->headers;
    op->data.send_initial_metadata.count = added->header_count;
}

void pc_added_trailers(pc_added_metadata *added, grpc_op *op)
{
    size_t others = op->data.send_status_from_server.trailing_metadata_count;
    if (others > 0) {
        memcpy(added->trailers + added->trailer_count,
               op->data.send_status_from_server.trailing_metadata,
               others * sizeof *added->trailers);
    }
    op->data.send_status_from_server.trailing_metadata = added->trailers;
    op->data.send_status_from_server.trailing_metadata_count = added->trailer_count + others;
}

static void release(grpc_metadata *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        grpc_slice_unref(list[i].key);
        grpc_slice_unref(list[i].value);
    }
}

void pc_added_release(pc_added_metadata *added)
{
    release(added->headers, added->header_count);
    release(added->trailers, added->trailer_count);
}
