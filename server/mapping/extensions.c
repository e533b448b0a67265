/* The untyped side: writes the message Extensions. Its entries are written where the reading is, in
 * the midst of the typed fields, and are brought together at the end of their object. */
#include <string.h>

#include "mapping/numbers.h"
#include "mapping/transcode_internal.h"
#include "mapping/wire.h"
#include "util/utf8.h"

/* Field numbers of Extensions, of google.protobuf.Struct, Value and ListValue, and of map entries.
 */
enum {
    EXTENSIONS_FIELDS = 1,
    EXTENSIONS_EXACT_NUMBERS = 2,
    EXTENSIONS_DEEP_VALUES = 3,
    STRUCT_FIELDS = 1,
    LIST_VALUES = 1,
    VALUE_NULL = 1,
    VALUE_NUMBER = 2,
    VALUE_STRING = 3,
    VALUE_BOOL = 4,
    VALUE_STRUCT = 5,
    VALUE_LIST = 6,
    ENTRY_KEY = 1,
    ENTRY_VALUE = 2
};

/* A property of the extensions is on level 1. What is deeper than this goes to deep_values. */
enum { LEVEL_MAX = 16 };

/* One step of a JSON pointer. */
typedef struct {
    bool is_key;
    pc_json_text key;
    size_t index;
} step;

typedef struct {
    pc_transcoder *t;
    pc_json_reader reader;
    step path[LEVEL_MAX + 1];
    size_t level; /* steps in use */
    int place;    /* of the value along the paths of t->search */
} writer;

static void write_value(writer *w);

/* ---- the side entries ---------------------------------------------------------------------- */

/* Appends a step with the escapes of RFC 6901. */
static void append_step(pc_buffer *out, const step *s)
{
    pc_buffer_append_byte(out, '/');
    if (!s->is_key) {
        char digits[24];
        size_t at = sizeof digits;
        size_t index = s->index;
        do {
            digits[--at] = (char)('0' + index % 10);
            index /= 10;
        } while (index > 0);
        pc_buffer_append(out, digits + at, sizeof digits - at);
        return;
    }
    size_t mark = out->size;
    pc_json_text_append(out, &s->key);
    if (out->failed) {
        return;
    }
    size_t escapes = 0;
    for (size_t i = mark; i < out->size; i++) {
        escapes += out->bytes[i] == '~' || out->bytes[i] == '/';
    }
    if (escapes == 0 || !pc_buffer_reserve(out, escapes)) {
        return;
    }
    /* Backwards, so that nothing is overwritten before it was moved. */
    size_t from = out->size;
    out->size += escapes;
    for (size_t to = out->size; from > mark;) {
        uint8_t byte = out->bytes[--from];
        if (byte == '~' || byte == '/') {
            out->bytes[--to] = byte == '~' ? '0' : '1';
            out->bytes[--to] = '~';
        } else {
            out->bytes[--to] = byte;
        }
    }
}

static size_t begin_side_entry(writer *w, uint32_t number)
{
    pc_buffer *side = &w->t->side;
    size_t entry = pc_wire_begin(side, number);
    size_t pointer = pc_wire_begin(side, ENTRY_KEY);
    for (size_t i = 0; i < w->level; i++) {
        append_step(side, &w->path[i]);
    }
    pc_wire_end(side, pointer);
    return entry;
}

/* Appends JSON text as it stands, but strictly valid: strings may hold raw control characters and
 * bytes that are no UTF-8, which a proto string or another parser would refuse. */
static void append_json(pc_buffer *out, const pc_json_range *json)
{
    size_t from = 0; /* of what is copied as it is */
    bool in_string = false;
    for (size_t i = 0; i < json->size;) {
        uint8_t byte = json->bytes[i];
        size_t size = 1;
        bool bad = false;
        if (byte >= 0x80) {
            size = pc_utf8_character(json->bytes + i, json->size - i);
            bad = size == 0;
            size = bad ? 1 : size;
        } else if (byte == '"') {
            in_string = !in_string;
        } else if (byte == '\\') {
            size = 2;
        } else {
            bad = in_string && byte < 0x20;
        }
        if (bad) {
            static const char hex[] = "0123456789abcdef";
            char escape[] = "\\u00xx";
            escape[4] = hex[byte >> 4];
            escape[5] = hex[byte & 15];
            pc_buffer_append(out, json->bytes + from, i - from);
            pc_buffer_append_text(out, byte >= 0x80 ? "\xef\xbf\xbd" : escape);
            from = i + 1;
        }
        i += size;
    }
    pc_buffer_append(out, json->bytes + from, json->size - from);
}

/* ---- values -------------------------------------------------------------------------------- */

/* Each writes the content of a google.protobuf.Value. */

static void write_number(writer *w)
{
    pc_json_range text;
    double value;
    if (!pc_json_read_number(&w->reader, &text)) {
        return;
    }
    pc_reading reading = pc_number_double(text.bytes, text.size, &value);
    pc_wire_put_double(w->t->out, VALUE_NUMBER, value);
    if (reading != PC_READING_EXACT) {
        size_t entry = begin_side_entry(w, EXTENSIONS_EXACT_NUMBERS);
        pc_wire_put_bytes(&w->t->side, ENTRY_VALUE, text.bytes, text.size);
        pc_wire_end(&w->t->side, entry);
    }
}

static void write_deep(writer *w)
{
    pc_json_range json;
    if (!pc_json_skip(&w->reader, &json)) {
        return;
    }
    if (w->place != PC_INSIGHT_NOWHERE) {
        pc_insight_search_value(w->t->search, w->place, &json);
    }
    pc_wire_put_int(w->t->out, VALUE_NULL, 0);
    size_t entry = begin_side_entry(w, EXTENSIONS_DEEP_VALUES);
    size_t text = pc_wire_begin(&w->t->side, ENTRY_VALUE);
    append_json(&w->t->side, &json);
    pc_wire_end(&w->t->side, text);
    pc_wire_end(&w->t->side, entry);
}

/* Begins a member of a Struct; the value's content follows, and then end_member(). */
static size_t begin_member(writer *w, const pc_json_text *key, size_t *value_mark)
{
    size_t entry = pc_wire_begin(w->t->out, STRUCT_FIELDS);
    pc_transcoder_put_text(w->t, ENTRY_KEY, key);
    *value_mark = pc_wire_begin(w->t->out, ENTRY_VALUE);
    w->path[w->level++] = (step){.is_key = true, .key = *key};
    return entry;
}

static void end_member(writer *w, size_t entry, size_t value_mark)
{
    w->level--;
    pc_wire_end(w->t->out, value_mark);
    pc_wire_end(w->t->out, entry);
}

/* Writes a member's value, and shows it to the search when a path leads there. */
static void write_member_value(writer *w, int parent, const pc_json_text *key)
{
    if (parent == PC_INSIGHT_NOWHERE) {
        write_value(w);
        return;
    }
    w->place = pc_insight_search_enter(w->t->search, parent, key);
    pc_json_kind kind = pc_json_peek(&w->reader); /* moves to its beginning */
    size_t start = w->reader.at;
    write_value(w);
    if (w->place != PC_INSIGHT_NOWHERE && kind != PC_JSON_OBJECT && !w->reader.failed) {
        const pc_json_range value = {.bytes = w->reader.bytes + start,
                                     .size = w->reader.at - start};
        pc_insight_search_value(w->t->search, w->place, &value);
    }
    w->place = parent;
}

static void write_object(writer *w)
{
    int place = w->place;
    size_t keys_mark = w->t->hashes.size;
    size_t mark = pc_wire_begin(w->t->out, VALUE_STRUCT);
    pc_json_text key;
    if (!pc_json_enter_object(&w->reader)) {
        return;
    }
    while (pc_json_next_member(&w->reader, &key) && pc_transcoder_count(w->t)) {
        size_t value;
        pc_transcoder_push_key(w->t, &key);
        size_t entry = begin_member(w, &key, &value);
        write_member_value(w, place, &key);
        end_member(w, entry, value);
    }
    pc_wire_end(w->t->out, mark);
    pc_transcoder_check_keys(w->t, keys_mark);
}

static void write_list(writer *w)
{
    size_t mark = pc_wire_begin(w->t->out, VALUE_LIST);
    int place = w->place;
    if (!pc_json_enter_array(&w->reader)) {
        return;
    }
    w->place = PC_INSIGHT_NOWHERE; /* no path leads into a list */
    step *here = &w->path[w->level++];
    *here = (step){.is_key = false};
    for (; pc_json_next_item(&w->reader) && pc_transcoder_count(w->t); here->index++) {
        size_t value = pc_wire_begin(w->t->out, LIST_VALUES);
        write_value(w);
        pc_wire_end(w->t->out, value);
    }
    w->level--;
    w->place = place;
    pc_wire_end(w->t->out, mark);
}

/* Recursive, at most LEVEL_MAX deep. The value's own level is w->level. */
static void write_value(writer *w)
{
    pc_json_text text;
    bool flag;
    if (w->level > LEVEL_MAX) {
        write_deep(w);
        return;
    }
    switch (pc_json_peek(&w->reader)) {
    case PC_JSON_OBJECT:
        write_object(w);
        break;
    case PC_JSON_ARRAY:
        write_list(w);
        break;
    case PC_JSON_STRING:
        if (pc_json_read_string(&w->reader, &text)) {
            pc_transcoder_put_text(w->t, VALUE_STRING, &text);
        }
        break;
    case PC_JSON_NUMBER:
        write_number(w);
        break;
    case PC_JSON_TRUE:
    case PC_JSON_FALSE:
        if (pc_json_read_bool(&w->reader, &flag)) {
            pc_wire_put_bool(w->t->out, VALUE_BOOL, flag);
        }
        break;
    case PC_JSON_NULL:
        if (pc_json_read_null(&w->reader)) {
            pc_wire_put_int(w->t->out, VALUE_NULL, 0);
        }
        break;
    case PC_JSON_INVALID:
        w->reader.failed = true;
        break;
    }
}

/* ---- maps ---------------------------------------------------------------------------------- */

/* Whether all of a map's item is typed: an object, or an array of at least one object and nothing
 * else. Leaves the reader where it was. */
static bool item_is_typed(const pc_json_reader *at)
{
    pc_json_reader reader = *at;
    pc_json_kind kind = pc_json_peek(&reader);
    if (kind != PC_JSON_ARRAY) {
        return kind == PC_JSON_OBJECT;
    }
    bool any = false;
    if (pc_json_enter_array(&reader)) {
        while (pc_json_next_item(&reader)) {
            any = true;
            if (pc_json_peek(&reader) != PC_JSON_OBJECT || !pc_json_skip(&reader, NULL)) {
                return false;
            }
        }
    }
    return any && !reader.failed;
}

static bool is_filled_object(const pc_json_reader *at)
{
    pc_json_reader reader = *at;
    pc_json_text key;
    return pc_json_peek(&reader) == PC_JSON_OBJECT && pc_json_enter_object(&reader) &&
           pc_json_next_member(&reader, &key);
}

/* Writes, as a Value, the object of keys that comes next with only those entries in it that the
 * typed field lacks, down to `levels` levels of keys. Returns how many those are. */
static size_t write_untyped_entries(writer *w, unsigned levels)
{
    size_t count = 0;
    size_t mark = pc_wire_begin(w->t->out, VALUE_STRUCT);
    pc_json_text key;
    if (!pc_json_enter_object(&w->reader)) {
        return 0;
    }
    while (pc_json_next_member(&w->reader, &key) && pc_transcoder_good(w->t)) {
        size_t start = w->t->out->size;
        if (levels == 1 && item_is_typed(&w->reader)) {
            (void)pc_json_skip(&w->reader, NULL);
            continue;
        }
        size_t value;
        size_t entry = begin_member(w, &key, &value);
        size_t found = 1;
        if (levels > 1 && is_filled_object(&w->reader)) {
            found = write_untyped_entries(w, levels - 1);
        } else {
            write_value(w);
        }
        end_member(w, entry, value);
        if (found == 0) {
            w->t->out->size = start;
        }
        count += found;
    }
    pc_wire_end(w->t->out, mark);
    return count;
}

/* The path is left as it is, as it is large. */
static void begin_writing(writer *w, pc_transcoder *t)
{
    w->t = t;
    w->reader = t->reader;
    w->level = 0;
    w->place = PC_INSIGHT_NOWHERE;
}

void pc_write_extension(pc_transcoder *t, const pc_json_text *key)
{
    writer w;
    begin_writing(&w, t);
    size_t value;
    size_t entry = begin_member(&w, key, &value);
    write_member_value(
        &w, t->reader.depth == t->search_depth ? PC_INSIGHT_ROOT : PC_INSIGHT_NOWHERE, key);
    end_member(&w, entry, value);
    t->reader = w.reader;
}

void pc_write_extension_again(pc_transcoder *t, const pc_json_text *key, size_t at,
                              unsigned map_depth)
{
    writer w;
    begin_writing(&w, t);
    w.reader.at = at;
    size_t value;
    size_t entry = begin_member(&w, key, &value);
    if (map_depth > 0 && is_filled_object(&w.reader)) {
        (void)write_untyped_entries(&w, map_depth);
    } else {
        write_value(&w);
    }
    end_member(&w, entry, value);
    if (w.reader.failed) {
        /* Cannot be: the text was read before. */
        t->reader.failed = true;
    }
}

/* Moves the pieces to the end of the output. False when out of memory. */
static bool gather_pieces(pc_transcoder *t, const pc_piece *pieces, size_t count, size_t size)
{
    pc_buffer *out = t->out;
    if (count == 1 && pieces[0].end == out->size) {
        return true;
    }
    if (!pc_buffer_reserve(&t->scratch, size)) {
        return false;
    }
    /* The scratch is empty between its uses. */
    uint8_t *aside = t->scratch.bytes;
    uint8_t *to = out->bytes + pieces[0].start;
    for (size_t i = 0; i < count; i++) {
        size_t next = i + 1 < count ? pieces[i + 1].start : out->size;
        memcpy(aside, out->bytes + pieces[i].start, pieces[i].end - pieces[i].start);
        aside += pieces[i].end - pieces[i].start;
        memmove(to, out->bytes + pieces[i].end, next - pieces[i].end);
        to += next - pieces[i].end;
    }
    memcpy(to, t->scratch.bytes, size);
    return true;
}

void pc_end_extensions(pc_transcoder *t, uint32_t number, size_t pieces_mark, size_t side_mark)
{
    const pc_piece *pieces = (const pc_piece *)(const void *)(t->pieces.bytes + pieces_mark);
    size_t count = (t->pieces.size - pieces_mark) / sizeof *pieces;
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size += pieces[i].end - pieces[i].start;
    }
    if (!gather_pieces(t, pieces, count, size)) {
        return;
    }
    uint8_t fields[2 * PC_WIRE_VARINT_MAX];
    uint8_t head[4 * PC_WIRE_VARINT_MAX];
    size_t side_size = t->side.size - side_mark;
    size_t fields_size =
        (size_t)(pc_wire_write_int(fields, EXTENSIONS_FIELDS, PC_WIRE_BYTES, size) - fields);
    uint8_t *end = pc_wire_write_int(head, number, PC_WIRE_BYTES, fields_size + size + side_size);
    memcpy(end, fields, fields_size);
    size_t head_size = (size_t)(end - head) + fields_size;
    size_t start = t->out->size - size;
    if (!pc_buffer_reserve(t->out, head_size)) {
        return;
    }
    memmove(t->out->bytes + start + head_size, t->out->bytes + start, size);
    memcpy(t->out->bytes + start, head, head_size);
    t->out->size += head_size;
    if (side_size > 0) {
        pc_buffer_append(t->out, t->side.bytes + side_mark, side_size);
    }
}
