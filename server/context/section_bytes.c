/* Loops over wire fields; nothing is unpacked. */
#include "context/section_bytes.h"

#include <string.h>

#include "mapping/wire.h"

enum { EVENT_TYPE = 3 /* ExperienceEvent.event_type */ };

pc_slice *pc_mask_items(pc_slice *items, const pc_mask *mask, size_t size_max)
{
    if (mask == NULL || pc_mask_is_all(mask) || items == NULL) {
        return items;
    }
    pc_buffer out;
    pc_buffer_init(&out, size_max);
    pc_wire_reader reader;
    pc_wire_field field;
    pc_wire_reader_init(&reader, pc_slice_bytes(items), pc_slice_size(items));
    pc_status status = PC_OK;
    while (pc_status_ok(&status) && pc_wire_next(&reader, &field)) {
        size_t mark = pc_wire_begin(&out, field.number);
        status = pc_mask_filter(&out, field.bytes, field.size, mask);
        pc_wire_end(&out, mark);
    }
    pc_slice_unref(items);
    pc_slice *masked = pc_status_ok(&status) ? pc_buffer_take_slice(&out) : NULL;
    pc_status_clear(&status);
    pc_buffer_deinit(&out);
    return masked;
}

pc_slice *pc_mask_message(pc_slice *message, const pc_mask *mask, size_t size_max)
{
    if (message == NULL || mask == NULL || pc_mask_is_all(mask)) {
        return message;
    }
    pc_buffer out;
    pc_buffer_init(&out, size_max);
    pc_status status = pc_mask_filter(&out, pc_slice_bytes(message), pc_slice_size(message), mask);
    pc_slice_unref(message);
    pc_slice *masked = pc_status_ok(&status) ? pc_buffer_take_slice(&out) : NULL;
    pc_status_clear(&status);
    pc_buffer_deinit(&out);
    return masked;
}

pc_slice *pc_pick_profile_fields(const pc_slice *profile, uint32_t number, uint32_t as_number)
{
    pc_buffer out;
    pc_buffer_init(&out, SIZE_MAX / 2);
    pc_wire_reader reader;
    pc_wire_field field;
    pc_wire_reader_init(&reader, pc_slice_bytes(profile), pc_slice_size(profile));
    while (pc_wire_next(&reader, &field)) {
        if (field.number == number && as_number == number) {
            pc_buffer_append(&out, field.start, field.whole_size);
        } else if (field.number == number) {
            pc_wire_put_bytes(&out, as_number, field.bytes, field.size);
        }
    }
    pc_slice *slice = pc_buffer_take_slice(&out);
    pc_buffer_deinit(&out);
    return slice;
}

pc_slice *pc_pick_profile_rest(const pc_slice *profile)
{
    pc_buffer out;
    pc_buffer_init(&out, SIZE_MAX / 2);
    pc_wire_reader reader;
    pc_wire_field field;
    pc_wire_reader_init(&reader, pc_slice_bytes(profile), pc_slice_size(profile));
    while (pc_wire_next(&reader, &field)) {
        if (field.number != PC_PROFILE_IDENTITY_MAP &&
            field.number != PC_PROFILE_SEGMENT_MEMBERSHIP) {
            pc_buffer_append(&out, field.start, field.whole_size);
        }
    }
    pc_slice *slice = pc_buffer_take_slice(&out);
    pc_buffer_deinit(&out);
    return slice;
}

static bool is_of_type(const pc_wire_field *event, const char *const *types, size_t type_count)
{
    pc_wire_reader reader;
    pc_wire_field field;
    pc_wire_reader_init(&reader, event->bytes, event->size);
    while (pc_wire_next(&reader, &field)) {
        for (size_t i = 0; field.number == EVENT_TYPE && i < type_count; i++) {
            if (field.size == strlen(types[i]) && memcmp(field.bytes, types[i], field.size) == 0) {
                return true;
            }
        }
    }
    return false;
}

pc_slice *pc_keep_event_types(pc_slice *items, const char *const *types, size_t type_count,
                              size_t size_max, size_t *count)
{
    if (items == NULL || type_count == 0) {
        return items;
    }
    pc_buffer out;
    pc_buffer_init(&out, size_max);
    pc_wire_reader reader;
    pc_wire_field field;
    pc_wire_reader_init(&reader, pc_slice_bytes(items), pc_slice_size(items));
    *count = 0;
    while (pc_wire_next(&reader, &field)) {
        if (is_of_type(&field, types, type_count)) {
            pc_buffer_append(&out, field.start, field.whole_size);
            (*count)++;
        }
    }
    pc_slice_unref(items);
    pc_slice *kept = pc_buffer_take_slice(&out);
    pc_buffer_deinit(&out);
    return kept;
}
