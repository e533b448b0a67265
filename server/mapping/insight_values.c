/* One value that was found, as a message Insight. */
#include <string.h>

#include "mapping/insights_internal.h"
#include "mapping/numbers.h"
#include "mapping/times.h"
#include "mapping/wire.h"

/* Field numbers of insight.proto. */
enum {
    INSIGHT_NAME = 1,
    INSIGHT_SOURCE_PATH = 2,
    INSIGHT_KIND = 3,
    INSIGHT_NUMBER = 4,
    INSIGHT_TEXT = 5,
    INSIGHT_FLAG = 6,
    INSIGHT_TIME = 7,
    INSIGHT_LIST = 8,
    INSIGHT_UNIT = 9,
    INSIGHT_DIRECTION = 10,
    INSIGHT_PROPENSITY = 11,
    INSIGHT_BAND = 12,
    INSIGHT_FACTORS = 13,
    STRING_LIST_VALUES = 1,
    FACTOR_CODE = 1,
    FACTOR_VALUE = 2,
    FACTOR_IMPORTANCE = 3,
    BAND_LOW = 1,
    BAND_MEDIUM = 2,
    BAND_HIGH = 3
};

/* Appends a string, a number's digits, or true or false as a text field. False for all else. The
 * reader moves past the value. */
static bool put_as_text(pc_buffer *out, uint32_t number, pc_json_reader *reader, bool also_bool)
{
    pc_json_text text;
    pc_json_range digits;
    bool flag;
    pc_json_kind kind = pc_json_peek(reader);
    if (kind == PC_JSON_STRING && pc_json_read_string(reader, &text)) {
        size_t mark = pc_wire_begin(out, number);
        pc_json_text_append(out, &text);
        pc_wire_end(out, mark);
        return true;
    }
    if (kind == PC_JSON_NUMBER && pc_json_read_number(reader, &digits)) {
        pc_wire_put_bytes(out, number, digits.bytes, digits.size);
        return true;
    }
    if (also_bool && (kind == PC_JSON_TRUE || kind == PC_JSON_FALSE) &&
        pc_json_read_bool(reader, &flag)) {
        pc_wire_put_text(out, number, flag ? "true" : "false");
        return true;
    }
    (void)pc_json_skip(reader, NULL);
    return false;
}

/* The text of a string without escapes, or of a number. Others are of no type but text. */
static pc_json_range scalar_text(const pc_json_range *value)
{
    const pc_json_range none = {0};
    pc_json_reader reader;
    pc_json_text text;
    pc_json_reader_init(&reader, value->bytes, value->size, 0);
    switch (pc_json_peek(&reader)) {
    case PC_JSON_STRING:
        return pc_json_read_string(&reader, &text) && text.plain
                   ? (pc_json_range){.bytes = text.bytes, .size = text.size}
                   : none;
    case PC_JSON_NUMBER:
    case PC_JSON_TRUE:
    case PC_JSON_FALSE:
        return *value;
    default:
        return none;
    }
}

static bool put_number(pc_buffer *out, const pc_insight_rule *rule, const pc_json_range *value)
{
    pc_json_range text = scalar_text(value);
    double number;
    if (!pc_number_valid(text.bytes, text.size) ||
        pc_number_double(text.bytes, text.size, &number) == PC_READING_NONE) {
        return false;
    }
    pc_wire_put_double(out, INSIGHT_NUMBER, number);
    if (rule->has_bounds) {
        pc_wire_put_int(out, INSIGHT_BAND,
                        number < rule->low_below    ? BAND_LOW
                        : number > rule->high_above ? BAND_HIGH
                                                    : BAND_MEDIUM);
    }
    return true;
}

static bool put_flag(pc_buffer *out, const pc_json_range *value)
{
    pc_json_range text = scalar_text(value);
    bool yes = text.size == 4 && memcmp(text.bytes, "true", 4) == 0;
    if (!yes && (text.size != 5 || memcmp(text.bytes, "false", 5) != 0)) {
        return false;
    }
    pc_wire_put_bool(out, INSIGHT_FLAG, yes);
    return true;
}

static bool put_time(pc_buffer *out, const pc_json_range *value)
{
    pc_json_range text = scalar_text(value);
    int64_t seconds;
    int32_t nanos = 0;
    int year, month, day;
    if (text.size == 0) {
        return false;
    }
    if (pc_date_read(text.bytes, text.size, &year, &month, &day)) {
        seconds = pc_date_days(year, month, day) * 86400;
    } else if (pc_time_read(text.bytes, text.size, &seconds, &nanos) == PC_READING_NONE) {
        return false;
    }
    pc_wire_put_timestamp(out, INSIGHT_TIME, seconds, nanos);
    return true;
}

static bool put_list(pc_buffer *out, const pc_json_range *value)
{
    pc_json_reader reader;
    bool any = false;
    pc_json_reader_init(&reader, value->bytes, value->size, PC_JSON_DEPTH_MAX);
    size_t mark = pc_wire_begin(out, INSIGHT_LIST);
    if (pc_json_peek(&reader) == PC_JSON_ARRAY) {
        any = pc_json_enter_array(&reader);
        while (pc_json_next_item(&reader)) {
            (void)put_as_text(out, STRING_LIST_VALUES, &reader, false);
        }
    } else {
        any = put_as_text(out, STRING_LIST_VALUES, &reader, false);
    }
    pc_wire_end(out, mark);
    return any;
}

static bool put_value(pc_buffer *out, const pc_insight_rule *rule, const pc_json_range *value)
{
    pc_json_reader reader;
    switch (rule->type) {
    case PC_INSIGHT_NUMBER:
        return put_number(out, rule, value);
    case PC_INSIGHT_TEXT:
        pc_json_reader_init(&reader, value->bytes, value->size, PC_JSON_DEPTH_MAX);
        return put_as_text(out, INSIGHT_TEXT, &reader, true);
    case PC_INSIGHT_FLAG:
        return put_flag(out, value);
    case PC_INSIGHT_TIME:
        return put_time(out, value);
    case PC_INSIGHT_LIST:
        return put_list(out, value);
    }
    return false;
}

static void put_factors(pc_buffer *out, const pc_json_range *value)
{
    pc_json_reader reader;
    pc_json_reader_init(&reader, value->bytes, value->size, PC_JSON_DEPTH_MAX);
    if (pc_json_peek(&reader) != PC_JSON_ARRAY || !pc_json_enter_array(&reader)) {
        return;
    }
    while (pc_json_next_item(&reader)) {
        pc_json_text key;
        if (pc_json_peek(&reader) != PC_JSON_OBJECT) {
            (void)pc_json_skip(&reader, NULL);
            continue;
        }
        size_t start = out->size;
        size_t mark = pc_wire_begin(out, INSIGHT_FACTORS);
        bool any = false;
        (void)pc_json_enter_object(&reader);
        while (pc_json_next_member(&reader, &key)) {
            uint32_t number = pc_json_text_is(&key, "code")         ? FACTOR_CODE
                              : pc_json_text_is(&key, "value")      ? FACTOR_VALUE
                              : pc_json_text_is(&key, "importance") ? FACTOR_IMPORTANCE
                                                                    : 0;
            if (number == 0) {
                (void)pc_json_skip(&reader, NULL);
            } else {
                any |= put_as_text(out, number, &reader, true);
            }
        }
        pc_wire_end(out, mark);
        if (!any && !out->failed) {
            out->size = start;
        }
    }
}

static void put_number_field(pc_buffer *out, uint32_t number, int value)
{
    if (value != 0) {
        pc_wire_put_int(out, number, value);
    }
}

void pc_insight_put(pc_buffer *out, uint32_t field_number, const pc_insight_rule *rule,
                    const pc_json_range found[2])
{
    size_t start = out->size;
    if (found[0].size == 0) {
        return;
    }
    size_t mark = pc_wire_begin(out, field_number);
    pc_wire_put_text(out, INSIGHT_NAME, rule->name);
    pc_wire_put_text(out, INSIGHT_SOURCE_PATH, rule->path);
    put_number_field(out, INSIGHT_KIND, rule->kind);
    if (!put_value(out, rule, &found[0])) {
        out->size = out->failed ? out->size : start;
        return;
    }
    if (rule->unit[0] != 0) {
        pc_wire_put_text(out, INSIGHT_UNIT, rule->unit);
    }
    put_number_field(out, INSIGHT_DIRECTION, rule->direction);
    put_number_field(out, INSIGHT_PROPENSITY, rule->propensity);
    if (found[1].size > 0) {
        put_factors(out, &found[1]);
    }
    pc_wire_end(out, mark);
}
