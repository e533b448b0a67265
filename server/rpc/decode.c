/* One walk over the wire with the descriptor at hand, then protobuf-c's unpack into the arena. */
#include "rpc/decode.h"

#include <stdio.h>
#include <string.h>

#include "util/utf8.h"

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

/* Long enough for every path in our requests; longer ones are cut. */
enum { PATH_BYTES_MAX = 128 };

typedef struct {
    unsigned fields;
    pc_status status;
} walk_state;

/* Where the walk is; the path is only spelled out for a violation. */
typedef struct place {
    const struct place *above;
    const char *field;
} place;

static size_t spell(char *out, size_t size, const place *at)
{
    size_t used = at->above == NULL ? 0 : spell(out, size, at->above);
    int more = snprintf(out + used, size - used, "%s%s", used == 0 ? "" : ".", at->field);
    return more < 0 || used + (size_t)more >= size ? size - 1 : used + (size_t)more;
}

static bool read_varint(const uint8_t **at, const uint8_t *end, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
        uint8_t byte = *(*at)++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *out = value;
            return true;
        }
    }
    return false;
}

static pc_status unreadable(const char *why)
{
    return pc_status_new(PC_CODE_INVALID_ARGUMENT, "REQUEST_UNREADABLE",
                         "the request message cannot be read: %s", why);
}

static void check_text(walk_state *state, const place *at, const uint8_t *bytes, size_t size)
{
    const char *problem = memchr(bytes, 0, size) != NULL ? "must not hold a NUL character"
                          : !pc_utf8_valid(bytes, size)  ? "must be valid UTF-8"
                                                         : NULL;
    if (problem != NULL) {
        char path[PATH_BYTES_MAX] = "";
        (void)spell(path, sizeof path, at);
        pc_status_add_violation(&state->status, path, problem);
    }
}

static void walk(walk_state *state, const ProtobufCMessageDescriptor *descriptor, const uint8_t *at,
                 const uint8_t *end, const place *above, int depth);

static void walk_bytes(walk_state *state, const ProtobufCFieldDescriptor *field, const uint8_t *at,
                       size_t size, const place *above, int depth)
{
    if (field == NULL) {
        return;
    }
    place here = {.above = above, .field = field->name};
    if (field->type == PROTOBUF_C_TYPE_STRING) {
        check_text(state, &here, at, size);
    } else if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        walk(state, field->descriptor, at, at + size, &here, depth + 1);
    }
}

static void walk(walk_state *state, const ProtobufCMessageDescriptor *descriptor, const uint8_t *at,
                 const uint8_t *end, const place *above, int depth)
{
    if (depth > PC_DECODE_DEPTH_MAX) {
        state->status = unreadable("it is nested too deep");
        return;
    }
    while (at < end && pc_status_ok(&state->status)) {
        uint64_t key;
        uint64_t value;
        if (!read_varint(&at, end, &key) || key >> 3 == 0 || key >> 3 > 0x1fffffff) {
            state->status = unreadable("a field key is damaged");
            return;
        }
        if (++state->fields > PC_DECODE_FIELDS_MAX) {
            state->status = unreadable("it has too many fields");
            return;
        }
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(descriptor, (unsigned)(key >> 3));
        bool whole = true;
        switch (key & 7) {
        case WIRE_VARINT:
            whole = read_varint(&at, end, &value);
            break;
        case WIRE_FIXED64:
            whole = end - at >= 8;
            at += whole ? 8 : 0;
            break;
        case WIRE_FIXED32:
            whole = end - at >= 4;
            at += whole ? 4 : 0;
            break;
        case WIRE_BYTES:
            whole = read_varint(&at, end, &value) && value <= (uint64_t)(end - at);
            if (whole) {
                walk_bytes(state, field, at, (size_t)value, above, depth);
                at += value;
            }
            break;
        default:
            state->status = unreadable("a field has an unknown wire type");
            return;
        }
        if (!whole) {
            state->status = unreadable("it ends within a field");
            return;
        }
    }
}

static void *arena_alloc(void *arena, size_t size)
{
    return pc_arena_alloc(arena, size);
}

static void arena_free(void *arena, void *memory)
{
    (void)arena;
    (void)memory;
}

pc_status pc_decode(const ProtobufCMessage **out, const ProtobufCMessageDescriptor *descriptor,
                    const uint8_t *bytes, size_t size, pc_arena *arena)
{
    *out = NULL;
    walk_state state = {.status = PC_OK};
    if (size > 0) {
        walk(&state, descriptor, bytes, bytes + size, NULL, 0);
    }
    if (!pc_status_ok(&state.status)) {
        return state.status;
    }
    ProtobufCAllocator allocator = {
        .alloc = arena_alloc, .free = arena_free, .allocator_data = arena};
    static const uint8_t nothing[1] = {0};
    *out = protobuf_c_message_unpack(descriptor, &allocator, size, size == 0 ? nothing : bytes);
    return *out == NULL ? unreadable("its fields do not fit the message") : PC_OK;
}
