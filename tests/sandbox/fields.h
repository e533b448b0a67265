/* The `fields` parameter: which parts of an entity an answer carries. */
#ifndef SBX_FIELDS_H
#define SBX_FIELDS_H

#include <jansson.h>
#include <stddef.h>

enum { SBX_FIELDS_MAX = 512 };

/* A new entity with only what the dot paths select. A path selects the whole value it names; in an
 * array it applies to every object. Keys that contain dots match as they stand. NULL paths with a
 * count of 0 select everything. */
json_t *sbx_fields_select(json_t *entity, const char *const *paths, size_t count);

#endif
