/* Reading the values of envelopes, for the files that walk them. Only for server/mapping. */
#ifndef PC_MAPPING_ENVELOPE_INTERNAL_H
#define PC_MAPPING_ENVELOPE_INTERNAL_H

#include "mapping/envelope.h"

/* A NUL-terminated copy; NULL when out of memory. */
char *pc_envelope_copy_text(pc_arena *arena, const pc_json_text *text);

/* Reads a string, or the digits of a number, into the arena; what is neither is passed over and
 * leaves `*out` alone. False when out of memory. */
bool pc_envelope_read_text(pc_json_reader *reader, pc_arena *arena, const char **out);

/* The same for the member `name` of an object, such as mergePolicy.id. */
bool pc_envelope_read_member_text(pc_json_reader *reader, pc_arena *arena, const char *name,
                                  const char **out);

/* Reads a time in text, or milliseconds; what is neither is passed over as absent. */
pc_moment pc_envelope_read_moment(pc_json_reader *reader);

/* Enters an object or an array, or passes over anything else and returns false. */
bool pc_envelope_enter_object(pc_json_reader *reader);
bool pc_envelope_enter_array(pc_json_reader *reader);

/* Moves past an entity, which is an object; false when it could not. */
typedef bool (*pc_entity_reader)(pc_json_reader *reader, void *self);

/* Reads the value of `entity`: its range when it is an object, given to `on_entity` if that is not
 * NULL and passed over else. False when `on_entity` says so. */
bool pc_envelope_read_entity(pc_json_reader *reader, pc_json_range *out, pc_entity_reader on_entity,
                             void *self);

/* How a walk ended; `memory` is false when it was for lack of memory. */
PC_NODISCARD pc_status pc_envelope_ended(const pc_json_reader *reader, bool memory);

#endif
