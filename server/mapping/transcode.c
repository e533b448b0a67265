/* The typed side: walks a JSON object beside a message's table and writes fields as it goes. What
 * no field fits is written as an extension, and what a field does not give back is read again for
 * that; see extensions.c. */
#include "mapping/transcode.h"

#include <stdlib.h>
#include <string.h>

#include "mapping/numbers.h"
#include "mapping/times.h"
#include "mapping/transcode_internal.h"
#include "mapping/wire.h"

enum {
    OUTPUT_BYTES_MAX = 64 << 20,
    VALUES_MAX = 4 << 20,
    MAP_DEPTH_MAX = PC_MAP_KEYS_MAX,
    /* Longer texts are no number, boolean, time or enum string. Decoding may triple the size. */
    SHORT_TEXT = 400,
    /* What any write but a string's needs at most: tag, length, value. */
    SMALL_WRITE = 64
};

/* A map entry in the output, from its tag to its end. */
typedef struct {
    size_t start;
    size_t keys; /* where its first field begins */
    size_t end;
} chunk;

static void write_message(pc_transcoder *t, const pc_message_table *table);

/* ---- the transcoder's own ------------------------------------------------------------------ */

void pc_transcoder_init(pc_transcoder *t, pc_buffer *out, const pc_transcode_limits *limits)
{
    static const pc_transcode_limits none = {0};
    limits = limits == NULL ? &none : limits;
    size_t bytes = limits->output_bytes_max == 0 ? OUTPUT_BYTES_MAX : limits->output_bytes_max;
    *t = (pc_transcoder){
        .out = out,
        .out_max = bytes < SIZE_MAX - out->size ? out->size + bytes : SIZE_MAX,
        .depth_max = limits->depth_max,
        .values_left = limits->values_max == 0 ? VALUES_MAX : limits->values_max,
    };
    pc_buffer_init(&t->hashes, SIZE_MAX);
    pc_buffer_init(&t->pieces, SIZE_MAX);
    pc_buffer_init(&t->chunks, SIZE_MAX);
    pc_buffer_init(&t->side, SIZE_MAX);
    pc_buffer_init(&t->scratch, SIZE_MAX);
}

void pc_transcoder_deinit(pc_transcoder *t)
{
    pc_buffer_deinit(&t->hashes);
    pc_buffer_deinit(&t->pieces);
    pc_buffer_deinit(&t->chunks);
    pc_buffer_deinit(&t->side);
    pc_buffer_deinit(&t->scratch);
}

static bool buffers_good(const pc_transcoder *t)
{
    return !t->out->failed && !t->hashes.failed && !t->pieces.failed && !t->chunks.failed &&
           !t->side.failed && !t->scratch.failed;
}

bool pc_transcoder_good(const pc_transcoder *t)
{
    return !t->reader.failed && !t->too_complex && buffers_good(t);
}

pc_status pc_transcoder_status(const pc_transcoder *t)
{
    /* A buffer does not say why it failed. Strings were checked before they were written, and
     * nothing else is large. */
    if (t->too_complex || (t->out->failed && t->out->size_max - t->out->size < SMALL_WRITE)) {
        return pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_BODY_TOO_COMPLEX",
                             "the upstream's answer is larger than the configured limits");
    }
    if (!buffers_good(t)) {
        return pc_status_out_of_memory();
    }
    /* Asked last: loops that end for one of the reasons above leave the reader in the middle. */
    return pc_json_status(&t->reader);
}

bool pc_transcoder_count(pc_transcoder *t)
{
    if (t->values_left == 0 || t->out->size > t->out_max || t->side.size > t->out_max) {
        t->too_complex = true;
    } else {
        t->values_left--;
    }
    /* The stacks' failures show at the end; what is pushed to a failed one is ignored. */
    return !t->too_complex && !t->out->failed && !t->reader.failed;
}

void pc_transcoder_put_text(pc_transcoder *t, uint32_t number, const pc_json_text *text)
{
    size_t room = t->out->size_max - t->out->size;
    if (text->size > room || room - text->size < SMALL_WRITE) {
        t->too_complex = true;
    } else if (text->plain) {
        pc_wire_put_bytes(t->out, number, text->bytes, text->size);
    } else {
        size_t mark = pc_wire_begin(t->out, number);
        pc_json_text_append(t->out, text);
        pc_wire_end(t->out, mark);
    }
}

/* ---- single values ------------------------------------------------------------------------- */

/* The decoded bytes of a short text, which may need `decoded` for them. False for a long one. */
static bool short_text(const pc_json_text *text, uint8_t decoded[3 * SHORT_TEXT],
                       const uint8_t **bytes, size_t *size)
{
    if (text->size > SHORT_TEXT) {
        return false;
    }
    *bytes = text->bytes;
    *size = text->size;
    if (!text->plain) {
        *size = pc_json_text_decode(text, decoded);
        *bytes = decoded;
    }
    return true;
}

static pc_reading put_number(pc_transcoder *t, const pc_field_table *field, const uint8_t *text,
                             size_t size)
{
    pc_reading reading;
    if (field->type == PC_FIELD_DOUBLE) {
        double value;
        reading = pc_number_double(text, size, &value);
        if (reading != PC_READING_NONE) {
            pc_wire_put_double(t->out, field->number, value);
        }
        return reading;
    }
    bool narrow = field->type == PC_FIELD_INT32;
    int64_t value;
    reading = pc_number_integer(text, size, narrow ? INT32_MIN : INT64_MIN,
                                narrow ? INT32_MAX : INT64_MAX, &value);
    if (reading != PC_READING_NONE) {
        pc_wire_put_int(t->out, field->number, value);
    }
    return reading;
}

/* A string for a field that is no string. */
static pc_reading put_from_text(pc_transcoder *t, const pc_field_table *field, const uint8_t *bytes,
                                size_t size)
{
    pc_reading reading;
    int64_t seconds;
    int32_t nanos;
    int year, month, day;
    int32_t value;
    switch (field->type) {
    case PC_FIELD_BOOL:
        if (size == 4 && memcmp(bytes, "true", 4) == 0) {
            pc_wire_put_bool(t->out, field->number, true);
            return PC_READING_LENIENT;
        }
        if (size == 5 && memcmp(bytes, "false", 5) == 0) {
            pc_wire_put_bool(t->out, field->number, false);
            return PC_READING_LENIENT;
        }
        return PC_READING_NONE;
    case PC_FIELD_INT32:
    case PC_FIELD_INT64:
    case PC_FIELD_DOUBLE:
        if (!pc_number_valid(bytes, size)) {
            return PC_READING_NONE;
        }
        reading = put_number(t, field, bytes, size);
        return reading == PC_READING_NONE ? PC_READING_NONE : PC_READING_LENIENT;
    case PC_FIELD_ENUM:
        value = pc_enum_find(field->enumeration, (const char *)bytes, size);
        if (value == 0) {
            return PC_READING_NONE;
        }
        pc_wire_put_int(t->out, field->number, value);
        return PC_READING_EXACT;
    case PC_FIELD_TIMESTAMP:
        reading = pc_time_read(bytes, size, &seconds, &nanos);
        if (reading != PC_READING_NONE) {
            pc_wire_put_timestamp(t->out, field->number, seconds, nanos);
        }
        return reading;
    case PC_FIELD_DATE:
        if (!pc_date_read(bytes, size, &year, &month, &day)) {
            return PC_READING_NONE;
        }
        size_t mark = pc_wire_begin(t->out, field->number);
        pc_wire_put_int(t->out, 1, year);
        pc_wire_put_int(t->out, 2, month);
        pc_wire_put_int(t->out, 3, day);
        pc_wire_end(t->out, mark);
        return PC_READING_EXACT;
    default:
        return PC_READING_NONE;
    }
}

static pc_reading put_string(pc_transcoder *t, const pc_field_table *field)
{
    pc_json_text text;
    if (!pc_json_read_string(&t->reader, &text)) {
        return PC_READING_NONE;
    }
    if (field->type == PC_FIELD_STRING) {
        pc_transcoder_put_text(t, field->number, &text);
        return PC_READING_EXACT;
    }
    uint8_t decoded[3 * SHORT_TEXT];
    const uint8_t *bytes;
    size_t size;
    if (!short_text(&text, decoded, &bytes, &size)) {
        return PC_READING_NONE;
    }
    return put_from_text(t, field, bytes, size);
}

/* Reads one value, writes the field when it can, and says whether the field gives the value back.
 */
static bool write_value(pc_transcoder *t, const pc_field_table *field)
{
    pc_json_range number;
    pc_json_text digits;
    bool flag;
    size_t mark;
    switch (pc_json_peek(&t->reader)) {
    case PC_JSON_STRING:
        return put_string(t, field) == PC_READING_EXACT;
    case PC_JSON_NUMBER:
        if (!pc_json_read_number(&t->reader, &number)) {
            return false;
        }
        switch (field->type) {
        case PC_FIELD_STRING:
            digits = (pc_json_text){.bytes = number.bytes, .size = number.size, .plain = true};
            pc_transcoder_put_text(t, field->number, &digits);
            return false;
        case PC_FIELD_INT32:
        case PC_FIELD_INT64:
        case PC_FIELD_DOUBLE:
            return put_number(t, field, number.bytes, number.size) == PC_READING_EXACT;
        default:
            return false;
        }
    case PC_JSON_TRUE:
    case PC_JSON_FALSE:
        if (!pc_json_read_bool(&t->reader, &flag) || field->type != PC_FIELD_BOOL) {
            return false;
        }
        pc_wire_put_bool(t->out, field->number, flag);
        return true;
    case PC_JSON_OBJECT:
        if (field->type != PC_FIELD_MESSAGE) {
            break;
        }
        mark = pc_wire_begin(t->out, field->number);
        write_message(t, field->message);
        pc_wire_end(t->out, mark);
        return true;
    default:
        break;
    }
    (void)pc_json_skip(&t->reader, NULL);
    return false;
}

/* ---- arrays and maps ----------------------------------------------------------------------- */

static bool write_array(pc_transcoder *t, const pc_field_table *field)
{
    if (pc_json_peek(&t->reader) != PC_JSON_ARRAY) {
        (void)pc_json_skip(&t->reader, NULL);
        return false;
    }
    if (!pc_json_enter_array(&t->reader)) {
        return false;
    }
    bool any = false;
    bool exact = true;
    while (pc_json_next_item(&t->reader) && pc_transcoder_count(t)) {
        any = true;
        exact &= write_value(t, field);
    }
    return any && exact;
}

typedef struct {
    const pc_field_table *field;
    pc_json_text keys[MAP_DEPTH_MAX];
} map_walk;

static void write_map_entry(pc_transcoder *t, const map_walk *walk)
{
    const pc_field_table *field = walk->field;
    chunk entry = {.start = t->out->size};
    size_t mark = pc_wire_begin(t->out, field->number);
    for (unsigned i = 0; i < field->map_depth; i++) {
        pc_transcoder_put_text(t, field->message->key_numbers[i], &walk->keys[i]);
    }
    write_message(t, field->message);
    size_t size = t->out->size - mark;
    pc_wire_end(t->out, mark);
    entry.end = t->out->size;
    entry.keys = entry.end - size;
    pc_buffer_append(&t->chunks, &entry, sizeof entry);
}

static bool write_map_item(pc_transcoder *t, const map_walk *walk)
{
    pc_json_kind kind = pc_json_peek(&t->reader);
    if (kind == PC_JSON_OBJECT) {
        write_map_entry(t, walk);
        return true;
    }
    if (kind != PC_JSON_ARRAY) {
        (void)pc_json_skip(&t->reader, NULL);
        return false;
    }
    if (!pc_json_enter_array(&t->reader)) {
        return false;
    }
    bool any = false;
    bool exact = true;
    while (pc_json_next_item(&t->reader) && pc_transcoder_count(t)) {
        any = true;
        if (pc_json_peek(&t->reader) == PC_JSON_OBJECT) {
            write_map_entry(t, walk);
        } else {
            exact = false;
            (void)pc_json_skip(&t->reader, NULL);
        }
    }
    return any && exact;
}

/* One level of keys; recursive, at most MAP_DEPTH_MAX deep. */
static bool write_map_level(pc_transcoder *t, map_walk *walk, unsigned level)
{
    if (pc_json_peek(&t->reader) != PC_JSON_OBJECT) {
        (void)pc_json_skip(&t->reader, NULL);
        return false;
    }
    if (!pc_json_enter_object(&t->reader)) {
        return false;
    }
    size_t keys_mark = t->hashes.size;
    bool any = false;
    bool exact = true;
    while (pc_json_next_member(&t->reader, &walk->keys[level]) && pc_transcoder_count(t)) {
        pc_transcoder_push_key(t, &walk->keys[level]);
        any = true;
        exact &= level + 1 < walk->field->map_depth ? write_map_level(t, walk, level + 1)
                                                    : write_map_item(t, walk);
    }
    pc_transcoder_check_keys(t, keys_mark);
    return any && exact;
}

typedef struct {
    const uint8_t *bytes;
    unsigned key_count;
} entry_order;

static inline size_t take_varint(const uint8_t **at)
{
    size_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = *(*at)++;
        value |= (size_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
}

/* By keys in the order of the levels, then by place, so that lists keep their order. The keys are
 * an entry's first fields, and it was written just now: so nothing needs to be checked. */
static int compare_entries(const void *a_void, const void *b_void, void *order_void)
{
    const chunk *a = a_void;
    const chunk *b = b_void;
    const entry_order *by = order_void;
    const uint8_t *x = by->bytes + a->keys;
    const uint8_t *y = by->bytes + b->keys;
    for (unsigned i = 0; i < by->key_count; i++) {
        (void)take_varint(&x);
        (void)take_varint(&y);
        size_t x_size = take_varint(&x);
        size_t y_size = take_varint(&y);
        int order = memcmp(x, y, x_size < y_size ? x_size : y_size);
        if (order != 0) {
            return order;
        }
        if (x_size != y_size) {
            return x_size < y_size ? -1 : 1;
        }
        x += x_size;
        y += y_size;
    }
    return a->start < b->start ? -1 : a->start > b->start;
}

/* Puts the entries from `mark` (an offset in t->chunks), which stand side by side at the end of the
 * output, in the order of their keys. */
static void sort_entries(pc_transcoder *t, size_t mark, unsigned key_count)
{
    if (t->chunks.size - mark <= sizeof(chunk) || !pc_transcoder_good(t)) {
        return;
    }
    chunk *entries = (chunk *)(void *)(t->chunks.bytes + mark);
    size_t count = (t->chunks.size - mark) / sizeof *entries;
    entry_order by = {.bytes = t->out->bytes, .key_count = key_count};
    bool sorted = true;
    for (size_t i = 1; i < count && sorted; i++) {
        sorted = compare_entries(&entries[i - 1], &entries[i], &by) < 0;
    }
    if (sorted) {
        return;
    }
    size_t start = entries[0].start;
    size_t size = entries[count - 1].end - start;
    if (!pc_buffer_reserve(&t->scratch, size)) {
        return;
    }
    qsort_r(entries, count, sizeof *entries, compare_entries, &by);
    uint8_t *to = t->scratch.bytes + t->scratch.size;
    for (size_t i = 0; i < count; i++) {
        memcpy(to, t->out->bytes + entries[i].start, entries[i].end - entries[i].start);
        to += entries[i].end - entries[i].start;
    }
    memcpy(t->out->bytes + start, t->scratch.bytes + t->scratch.size, size);
}

static bool write_map(pc_transcoder *t, const pc_field_table *field)
{
    size_t mark = t->chunks.size;
    map_walk walk = {.field = field};
    bool exact = write_map_level(t, &walk, 0);
    sort_entries(t, mark, field->map_depth);
    t->chunks.size = mark;
    return exact;
}

/* ---- messages ------------------------------------------------------------------------------ */

static bool write_field(pc_transcoder *t, const pc_field_table *field)
{
    if (!field->repeated) {
        return write_value(t, field);
    }
    return field->map_depth > 0 ? write_map(t, field) : write_array(t, field);
}

/* The field for a key. Keys with escapes are rare but may still name one. */
static const pc_field_table *find_field(const pc_message_table *table, const pc_json_text *key)
{
    uint8_t decoded[3 * SHORT_TEXT];
    const uint8_t *bytes;
    size_t size;
    if (!short_text(key, decoded, &bytes, &size)) {
        return NULL;
    }
    return pc_table_find_json(table, (const char *)bytes, size);
}

/* Shows a member that was read, whose value began at `start` or behind white space there, to the
 * search. */
static void show_member(pc_transcoder *t, const pc_json_text *key, size_t start)
{
    int place = pc_insight_search_enter(t->search, PC_INSIGHT_ROOT, key);
    if (place == PC_INSIGHT_NOWHERE || t->reader.failed) {
        return;
    }
    pc_json_reader reader = t->reader;
    reader.at = start;
    (void)pc_json_peek(&reader); /* moves to its beginning */
    const pc_json_range value = {.bytes = reader.bytes + reader.at,
                                 .size = t->reader.at - reader.at};
    pc_insight_search_value(t->search, place, &value);
}

/* Notes that an entry of the extensions was written from `start` on. */
static void add_piece(pc_transcoder *t, size_t pieces_mark, size_t start)
{
    const pc_piece piece = {.start = start, .end = t->out->size};
    if (t->pieces.size > pieces_mark) {
        pc_piece *last = (pc_piece *)(void *)(t->pieces.bytes + t->pieces.size) - 1;
        if (last->end == start) {
            last->end = piece.end;
            return;
        }
    }
    pc_buffer_append(&t->pieces, &piece, sizeof piece);
}

/* Writes the field for a property, whose value comes next, the extension for it, or both. */
static void write_property(pc_transcoder *t, const pc_message_table *table,
                           const pc_field_table *field, const pc_json_text *key, size_t pieces_mark)
{
    bool extends = table->extensions_number != 0;
    size_t value = t->reader.at;
    if (field == NULL && extends) {
        size_t start = t->out->size;
        pc_transcoder_push_key(t, key);
        pc_write_extension(t, key);
        add_piece(t, pieces_mark, start);
        return;
    }
    bool exact = false;
    if (field == NULL) {
        pc_transcoder_push_key(t, key);
        (void)pc_json_skip(&t->reader, NULL);
    } else {
        exact = write_field(t, field);
    }
    if (t->reader.depth == t->search_depth) {
        show_member(t, key, value);
    }
    if (!exact && extends && pc_transcoder_good(t)) {
        size_t start = t->out->size;
        pc_write_extension_again(t, key, value, field->map_depth);
        add_piece(t, pieces_mark, start);
    }
}

/* Writes the fields of the object that comes next. Recursive along the messages' nesting, which the
 * reader's limit of depth bounds as well. */
static void write_message(pc_transcoder *t, const pc_message_table *table)
{
    uint64_t seen[4] = {0}; /* fields by their place; an index of one byte has at most 255 */
    size_t pieces_mark = t->pieces.size;
    size_t side_mark = t->side.size;
    size_t keys_mark = t->hashes.size;
    if (!pc_json_enter_object(&t->reader)) {
        return;
    }
    pc_json_text key;
    while (pc_json_next_member(&t->reader, &key) && pc_transcoder_count(t)) {
        const pc_field_table *field = find_field(table, &key);
        if (field != NULL) {
            size_t place = (size_t)(field - table->fields);
            uint64_t bit = UINT64_C(1) << place % 64;
            t->duplicates = t->duplicates || (seen[place / 64] & bit) != 0;
            seen[place / 64] |= bit;
        }
        write_property(t, table, field, &key, pieces_mark);
    }
    pc_transcoder_check_keys(t, keys_mark);
    if (t->pieces.size > pieces_mark && pc_transcoder_good(t)) {
        pc_end_extensions(t, table->extensions_number, pieces_mark, side_mark);
    }
    t->pieces.size = pieces_mark;
    t->side.size = side_mark;
}

/* Of what t->reader is at. With `alone`, nothing may follow the object. */
static void run_once(pc_transcoder *t, const pc_message_table *table, bool alone)
{
    if (pc_json_peek(&t->reader) != PC_JSON_OBJECT) {
        t->reader.failed = true;
        return;
    }
    write_message(t, table);
    if (!t->reader.failed && pc_transcoder_good(t)) {
        if (alone) {
            (void)pc_json_finish(&t->reader);
        }
        t->too_complex = t->too_complex || t->out->size > t->out_max;
    }
}

static pc_status run(pc_transcoder *t, const pc_message_table *table, bool alone)
{
    size_t mark = t->out->size;
    size_t values_left = t->values_left;
    size_t start = t->reader.at;
    t->duplicates = false;
    if (t->search != NULL) {
        pc_insight_search_restart(t->search);
        t->search_depth = t->reader.depth + 1;
    }
    run_once(t, table, alone);
    t->search_depth = 0;
    pc_status status = pc_transcoder_status(t);
    if (pc_status_ok(&status) && t->duplicates) {
        /* Seldom: so the fast way only notices it, and the document is then written out without the
         * shadowed members and mapped again. */
        t->out->size = mark;
        t->values_left = values_left;
        pc_json_reader behind = t->reader;
        pc_buffer copy;
        pc_buffer_init(&copy, SIZE_MAX);
        status = pc_json_drop_duplicates(&copy, behind.bytes + start, behind.at - start,
                                         behind.depth_max);
        if (pc_status_ok(&status)) {
            pc_json_reader_init(&t->reader, copy.bytes, copy.size, behind.depth_max);
            run_once(t, table, true);
            status = pc_transcoder_status(t);
        }
        t->reader = behind;
        pc_buffer_deinit(&copy);
    }
    if (!pc_status_ok(&status)) {
        t->out->size = mark;
    }
    return status;
}

pc_status pc_transcoder_run(pc_transcoder *t, const uint8_t *json, size_t size,
                            const pc_message_table *table)
{
    pc_json_reader_init(&t->reader, json, size, t->depth_max);
    return run(t, table, true);
}

pc_status pc_transcoder_run_here(pc_transcoder *t, pc_json_reader *reader,
                                 const pc_message_table *table)
{
    (void)pc_json_peek(reader); /* moves to its beginning */
    t->reader = *reader;
    pc_status status = run(t, table, false);
    *reader = t->reader;
    reader->failed = reader->failed || !pc_status_ok(&status);
    return status;
}

pc_status pc_transcode(pc_buffer *out, const uint8_t *json, size_t size,
                       const pc_message_table *table, const pc_transcode_limits *limits)
{
    pc_transcoder t;
    pc_transcoder_init(&t, out, limits);
    pc_status status = pc_transcoder_run(&t, json, size, table);
    pc_transcoder_deinit(&t);
    return status;
}
