/* The masks are sorted by path, so those below a field are a range; the walk narrows it. */
#include "policy/value_masks.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "mapping/wire.h"

static int compare_paths(const void *a, const void *b)
{
    const pc_wire_path *left = &((const pc_value_mask *)a)->path;
    const pc_wire_path *right = &((const pc_value_mask *)b)->path;
    for (unsigned i = 0; i < left->depth && i < right->depth; i++) {
        if (left->numbers[i] != right->numbers[i]) {
            return left->numbers[i] < right->numbers[i] ? -1 : 1;
        }
    }
    return left->depth < right->depth ? -1 : left->depth > right->depth;
}

void pc_value_masks_sort(pc_value_mask *masks, size_t count)
{
    qsort(masks, count, sizeof *masks, compare_paths);
}

/* Nothing is shown when OpenSSL fails. */
static void put_hash(pc_buffer *out, const pc_wire_field *field,
                     const uint8_t key[PC_VALUE_KEY_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t mac[EVP_MAX_MD_SIZE];
    char text[PC_VALUE_HASH_DIGITS];
    unsigned size = 0;
    if (HMAC(EVP_sha256(), key, PC_VALUE_KEY_BYTES, field->bytes, field->size, mac, &size) ==
        NULL) {
        memset(mac, 0, sizeof mac);
    }
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = digits[i % 2 == 0 ? mac[i / 2] >> 4 : mac[i / 2] & 15];
    }
    pc_wire_put_bytes(out, field->number, text, sizeof text);
}

static bool begins_character(uint8_t byte)
{
    return (byte & 0xc0) != 0x80;
}

static void put_partial(pc_buffer *out, const pc_wire_field *field, unsigned kept)
{
    size_t characters = 0;
    for (size_t i = 0; i < field->size; i++) {
        characters += begins_character(field->bytes[i]);
    }
    size_t hidden = characters > kept ? characters - kept : characters;
    size_t mark = pc_wire_begin(out, field->number);
    for (size_t i = 0; i < hidden; i++) {
        pc_buffer_append_byte(out, '*');
    }
    size_t at = 0;
    for (size_t passed = 0; at < field->size; at++) {
        if (begins_character(field->bytes[at]) && passed++ == hidden) {
            break;
        }
    }
    pc_buffer_append(out, field->bytes + at, field->size - at);
    pc_wire_end(out, mark);
}

/* Recursive as deep as the paths, which end at the last of their numbers. */
static bool apply(pc_buffer *out, const uint8_t *wire, size_t size, const pc_value_mask *masks,
                  size_t count, unsigned level, const uint8_t *key)
{
    pc_wire_reader reader;
    pc_wire_field field;
    pc_wire_reader_init(&reader, wire, size);
    while (pc_wire_next(&reader, &field)) {
        size_t first = 0;
        while (first < count && masks[first].path.numbers[level] != field.number) {
            first++;
        }
        size_t end = first;
        while (end < count && masks[end].path.numbers[level] == field.number) {
            end++;
        }
        if (first == end) {
            pc_buffer_append(out, field.start, field.whole_size);
        } else if (field.type != PC_WIRE_BYTES) {
            return false;
        } else if (level + 1 < PC_WIRE_PATH_DEPTH_MAX && masks[first].path.depth > level + 1) {
            size_t mark = pc_wire_begin(out, field.number);
            if (!apply(out, field.bytes, field.size, masks + first, end - first, level + 1, key)) {
                return false;
            }
            pc_wire_end(out, mark);
        } else if (masks[first].kind == PC_VALUE_HASH) {
            put_hash(out, &field, key);
        } else {
            put_partial(out, &field, masks[first].kept);
        }
    }
    return !reader.failed;
}

bool pc_value_masks_apply(pc_buffer *out, const uint8_t *wire, size_t size,
                          const pc_value_masks *masks, const uint8_t key[PC_VALUE_KEY_BYTES])
{
    return apply(out, wire, size, masks->masks, masks->count, 0, key);
}
