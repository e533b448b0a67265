/* Both messages are packed again and compared by their bytes. */
#include "unpack_oracle.h"

#include <stdlib.h>
#include <string.h>

static void *member(ProtobufCMessage *message, unsigned offset)
{
    return (uint8_t *)message + offset;
}

/* The wire memory of unknown fields is freed with the message; only their count is set to none for
 * the packing. Returns the number of fields that were hidden. */
static void hide_unknown(ProtobufCMessage *message)
{
    message->n_unknown_fields = 0;
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        if (field->type != PROTOBUF_C_TYPE_MESSAGE) {
            continue;
        }
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            size_t count = *(size_t *)member(message, field->quantifier_offset);
            ProtobufCMessage **items = *(ProtobufCMessage ***)member(message, field->offset);
            for (size_t n = 0; n < count; n++) {
                hide_unknown(items[n]);
            }
            continue;
        }
        bool in_oneof = (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
        if (in_oneof && *(uint32_t *)member(message, field->quantifier_offset) != field->id) {
            continue;
        }
        ProtobufCMessage *inner = *(ProtobufCMessage **)member(message, field->offset);
        if (inner != NULL) {
            hide_unknown(inner);
        }
    }
}

typedef struct block {
    struct block *next;
    max_align_t bytes[];
} block;

/* Everything that protobuf-c allocates is freed at once, hidden fields included. */
static void *allocate(void *self, size_t size)
{
    block **blocks = self;
    block *b = malloc(sizeof *b + size);
    if (b == NULL) {
        return NULL;
    }
    b->next = *blocks;
    *blocks = b;
    return b->bytes;
}

static void keep(void *self, void *memory)
{
    (void)self;
    (void)memory;
}

bool unpack_oracle_agrees(const ProtobufCMessage *ours, const uint8_t *bytes, size_t size)
{
    block *blocks = NULL;
    ProtobufCAllocator allocator = {.alloc = allocate, .free = keep, .allocator_data = &blocks};
    static const uint8_t nothing[1] = {0};
    ProtobufCMessage *theirs =
        protobuf_c_message_unpack(ours->descriptor, &allocator, size, size == 0 ? nothing : bytes);
    bool agrees = theirs != NULL;
    if (agrees) {
        hide_unknown(theirs);
        size_t packed_size = protobuf_c_message_get_packed_size(ours);
        agrees = packed_size == protobuf_c_message_get_packed_size(theirs);
        uint8_t *a = agrees ? malloc(2 * packed_size + 1) : NULL;
        if (a != NULL) {
            (void)protobuf_c_message_pack(ours, a);
            (void)protobuf_c_message_pack(theirs, a + packed_size);
            agrees = memcmp(a, a + packed_size, packed_size) == 0;
        }
        free(a);
    }
    while (blocks != NULL) {
        block *next = blocks->next;
        free(blocks);
        blocks = next;
    }
    return agrees;
}
