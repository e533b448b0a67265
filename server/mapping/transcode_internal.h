/* The parts of one transcoding that several files share. Only for server/mapping. */
#ifndef PC_MAPPING_TRANSCODE_INTERNAL_H
#define PC_MAPPING_TRANSCODE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mapping/insights.h"
#include "mapping/json_reader.h"
#include "mapping/tables.h"
#include "mapping/transcode.h"
#include "util/buffer.h"
#include "util/status.h"

/* State of a transcoder; may be used for several documents one after the other, whose limits then
 * hold for all together. The buffers are stacks: each object pushes above what its parents have
 * there and takes its own off again, so nothing is allocated per field. */
typedef struct {
    pc_json_reader reader;
    pc_buffer *out;
    size_t out_max;    /* out->size may not pass this */
    pc_buffer hashes;  /* uint64_t: hashed keys of the open objects, to notice duplicates */
    pc_buffer pieces;  /* pc_piece: where extensions of the open messages stand in the output */
    pc_buffer chunks;  /* map entries of the open maps, to be sorted */
    pc_buffer side;    /* exact_numbers and deep_values of the open messages' extensions */
    pc_buffer scratch; /* for a moment: a sorted copy, a decoded key, a set of hashes */
    unsigned depth_max;
    size_t values_left;
    pc_insight_search *search; /* sees the members of each document; borrowed; NULL: none */
    unsigned search_depth;     /* where those stand; 0: they are not shown */
    bool too_complex;          /* a limit was passed */
    bool duplicates;           /* an object seems to have a key twice */
} pc_transcoder;

/* Entries of Extensions.fields in the output, side by side. */
typedef struct {
    size_t start;
    size_t end;
} pc_piece;

void pc_transcoder_init(pc_transcoder *t, pc_buffer *out, const pc_transcode_limits *limits);
void pc_transcoder_deinit(pc_transcoder *t);

/* Appends the fields of one document; as pc_transcode. */
PC_NODISCARD pc_status pc_transcoder_run(pc_transcoder *t, const uint8_t *json, size_t size,
                                         const pc_message_table *table);

/* The same for the object that comes next in `reader`, which is moved behind it and fails when it
 * cannot be read. The reader's limit of depth holds. */
PC_NODISCARD pc_status pc_transcoder_run_here(pc_transcoder *t, pc_json_reader *reader,
                                              const pc_message_table *table);

/* The failure of the reader, the limits or memory; PC_OK when there was none. */
PC_NODISCARD pc_status pc_transcoder_status(const pc_transcoder *t);

/* False when the transcoder cannot go on. */
bool pc_transcoder_good(const pc_transcoder *t);

/* Counts a property or an item. */
bool pc_transcoder_count(pc_transcoder *t);

/* Writes a string field. */
void pc_transcoder_put_text(pc_transcoder *t, uint32_t number, const pc_json_text *text);

/* Keys of one object: each is pushed, and at the end of the object all from `mark` (the size of
 * `hashes` before) are looked at and taken off. Sets `duplicates`. */
void pc_transcoder_push_key(pc_transcoder *t, const pc_json_text *key);
void pc_transcoder_check_keys(pc_transcoder *t, size_t mark);

/* Writes a property, whose value comes next, as an entry of Extensions.fields. A member of the
 * document is shown to the search. */
void pc_write_extension(pc_transcoder *t, const pc_json_text *key);

/* The same for a property whose value was read before, at offset `at` of the document. With a
 * `map_depth` only the entries that the typed field lacks are written. */
void pc_write_extension_again(pc_transcoder *t, const pc_json_text *key, size_t at,
                              unsigned map_depth);

/* Brings the pieces from `pieces_mark` (an offset in t->pieces; there is at least one) together at
 * the end of the output, as field `number`, with what is in the side from `side_mark`. */
void pc_end_extensions(pc_transcoder *t, uint32_t number, size_t pieces_mark, size_t side_mark);

#endif
