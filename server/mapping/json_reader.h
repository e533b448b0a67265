/* A pull reader over JSON text (RFC 8259): no tree, no allocation. The caller asks for what comes
 * next and reads or skips it; a failure sticks, so loops end and the caller checks once.
 *
 * Strict about structure, numbers and escapes. Tolerant inside strings, because one bad name must
 * not cost a whole profile: bytes that are no UTF-8 and lone surrogate escapes become U+FFFD when a
 * string is decoded (the repair cannot be told from a U+FFFD of the source), and raw control
 * characters are kept as they are. A \u0000 escape is decoded to a NUL byte.
 *
 * Threads: one at a time; ranges and texts borrow from the input. */
#ifndef PC_MAPPING_JSON_READER_H
#define PC_MAPPING_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buffer.h"
#include "util/status.h"

/* Nesting that skipping can follow; larger limits are lowered to this. */
enum { PC_JSON_DEPTH_DEFAULT = 512, PC_JSON_DEPTH_MAX = 1024 };

typedef enum {
    PC_JSON_INVALID, /* the end of the input, or no JSON value */
    PC_JSON_OBJECT,
    PC_JSON_ARRAY,
    PC_JSON_STRING,
    PC_JSON_NUMBER,
    PC_JSON_TRUE,
    PC_JSON_FALSE,
    PC_JSON_NULL
} pc_json_kind;

/* Bytes of the input, such as a whole value. Borrowed. */
typedef struct {
    const uint8_t *bytes;
    size_t size;
} pc_json_range;

/* A string of the input as it stands between its quotes. Borrowed. */
typedef struct {
    const uint8_t *bytes;
    size_t size;
    bool plain; /* no escapes and valid UTF-8: the bytes are the string */
} pc_json_text;

/* Visible so that it can stand on the stack and be copied to read again from a place. */
typedef struct {
    const uint8_t *bytes;
    size_t size;
    size_t at; /* offset of the next byte */
    unsigned depth;
    unsigned depth_max;
    bool fresh;    /* just behind an opening bracket */
    bool failed;   /* at `at` */
    bool too_deep; /* why it failed */
} pc_json_reader;

/* Reads `size` borrowed bytes. `depth_max` 0 means PC_JSON_DEPTH_DEFAULT. */
void pc_json_reader_init(pc_json_reader *reader, const uint8_t *bytes, size_t size,
                         unsigned depth_max);

/* What the next value is; does not move past it. */
pc_json_kind pc_json_peek(pc_json_reader *reader);

/* Goes inside the next value. False when it is not one, or nested too deep. */
bool pc_json_enter_object(pc_json_reader *reader);
bool pc_json_enter_array(pc_json_reader *reader);

/* In an object: true with the key when there is another member, whose value is then to be read or
 * skipped. False at the end of the object, which is then left, or on failure. */
bool pc_json_next_member(pc_json_reader *reader, pc_json_text *key);

/* The same for the items of an array. */
bool pc_json_next_item(pc_json_reader *reader);

/* Reads one value; false when it is not of the kind or malformed. */
bool pc_json_read_string(pc_json_reader *reader, pc_json_text *out);
bool pc_json_read_number(pc_json_reader *reader, pc_json_range *out);
bool pc_json_read_bool(pc_json_reader *reader, bool *out);
bool pc_json_read_null(pc_json_reader *reader);

/* Passes over one value of any kind, checking it. `out` (may be NULL) gets its text. */
bool pc_json_skip(pc_json_reader *reader, pc_json_range *out);

/* True when nothing but white space follows; fails the reader otherwise. */
bool pc_json_finish(pc_json_reader *reader);

/* The failure as a status: INTERNAL, reason UPSTREAM_BODY_UNREADABLE with the byte position and
 * nothing of the content; RESOURCE_EXHAUSTED, UPSTREAM_BODY_TOO_COMPLEX when nested too deep. PC_OK
 * when the reader has not failed. */
PC_NODISCARD pc_status pc_json_status(const pc_json_reader *reader);

/* Appends the decoded string; always valid UTF-8. */
void pc_json_text_append(pc_buffer *out, const pc_json_text *text);

/* Decodes to `out`, which has room for 3 * text->size bytes; returns the decoded size. */
size_t pc_json_text_decode(const pc_json_text *text, uint8_t *out);

/* Whether the decoded string is exactly this literal of plain ASCII. */
bool pc_json_text_is(const pc_json_text *text, const char *literal);

/* Appends the document with the earlier ones of equal keys of any object left out, as the last one
 * is the one that counts. Fails like the reader; out of memory and too large as `out` does. */
PC_NODISCARD pc_status pc_json_drop_duplicates(pc_buffer *out, const uint8_t *bytes, size_t size,
                                               unsigned depth_max);

#endif
