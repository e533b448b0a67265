/* Values of an envelope, each read or passed over in one go. */
#include "mapping/envelope_internal.h"

#include "mapping/numbers.h"
#include "mapping/times.h"

/* Milliseconds that a google.protobuf.Timestamp can hold: the years 1 to 9999. */
#define FIRST_MS INT64_C(-62135596800000)
#define LAST_MS INT64_C(253402300799999)

char *pc_envelope_copy_text(pc_arena *arena, const pc_json_text *text)
{
    if (text->plain) {
        return pc_arena_strndup(arena, (const char *)text->bytes, text->size);
    }
    if (text->size > (SIZE_MAX - 1) / 3) {
        return NULL;
    }
    uint8_t *copy = pc_arena_alloc(arena, text->size * 3 + 1);
    if (copy != NULL) {
        copy[pc_json_text_decode(text, copy)] = 0;
    }
    return (char *)copy;
}

bool pc_envelope_read_text(pc_json_reader *reader, pc_arena *arena, const char **out)
{
    pc_json_text text;
    pc_json_range number;
    switch (pc_json_peek(reader)) {
    case PC_JSON_STRING:
        if (!pc_json_read_string(reader, &text)) {
            return true;
        }
        break;
    case PC_JSON_NUMBER:
        if (!pc_json_read_number(reader, &number)) {
            return true;
        }
        text = (pc_json_text){.bytes = number.bytes, .size = number.size, .plain = true};
        break;
    default:
        (void)pc_json_skip(reader, NULL);
        return true;
    }
    const char *copy = pc_envelope_copy_text(arena, &text);
    if (copy == NULL) {
        return false;
    }
    *out = copy;
    return true;
}

pc_moment pc_envelope_read_moment(pc_json_reader *reader)
{
    pc_moment moment = {0};
    pc_json_text text;
    pc_json_range number;
    int64_t ms;
    switch (pc_json_peek(reader)) {
    case PC_JSON_STRING:
        if (pc_json_read_string(reader, &text) && text.plain) {
            moment.present = pc_time_read(text.bytes, text.size, &moment.seconds, &moment.nanos) !=
                             PC_READING_NONE;
        }
        break;
    case PC_JSON_NUMBER:
        if (pc_json_read_number(reader, &number) &&
            pc_number_integer(number.bytes, number.size, FIRST_MS, LAST_MS, &ms) !=
                PC_READING_NONE) {
            int64_t rest = ms % 1000;
            rest += rest < 0 ? 1000 : 0;
            moment = (pc_moment){
                .present = true, .seconds = (ms - rest) / 1000, .nanos = (int32_t)rest * 1000000};
        }
        break;
    default:
        (void)pc_json_skip(reader, NULL);
        break;
    }
    return moment;
}

bool pc_envelope_enter_object(pc_json_reader *reader)
{
    if (pc_json_peek(reader) == PC_JSON_OBJECT) {
        return pc_json_enter_object(reader);
    }
    (void)pc_json_skip(reader, NULL);
    return false;
}

bool pc_envelope_enter_array(pc_json_reader *reader)
{
    if (pc_json_peek(reader) == PC_JSON_ARRAY) {
        return pc_json_enter_array(reader);
    }
    (void)pc_json_skip(reader, NULL);
    return false;
}

pc_status pc_envelope_ended(const pc_json_reader *reader, bool memory)
{
    return memory ? pc_json_status(reader) : pc_status_out_of_memory();
}

bool pc_envelope_read_member_text(pc_json_reader *reader, pc_arena *arena, const char *name,
                                  const char **out)
{
    bool memory = true;
    pc_json_text key;
    if (!pc_envelope_enter_object(reader)) {
        return true;
    }
    while (memory && pc_json_next_member(reader, &key)) {
        if (pc_json_text_is(&key, name)) {
            memory = pc_envelope_read_text(reader, arena, out);
        } else {
            (void)pc_json_skip(reader, NULL);
        }
    }
    return memory;
}

bool pc_envelope_read_entity(pc_json_reader *reader, pc_json_range *out, pc_entity_reader on_entity,
                             void *self)
{
    bool object = pc_json_peek(reader) == PC_JSON_OBJECT;
    pc_json_range range;
    *out = (pc_json_range){0};
    if (object && on_entity != NULL) {
        size_t start = reader->at;
        if (!on_entity(reader, self)) {
            return false;
        }
        *out = (pc_json_range){.bytes = reader->bytes + start, .size = reader->at - start};
    } else if (pc_json_skip(reader, &range) && object) {
        *out = range;
    }
    return true;
}
