/* What the files about masks share: the tree. */
#ifndef PC_MAPPING_MASK_INTERNAL_H
#define PC_MAPPING_MASK_INTERNAL_H

#include "mapping/mask.h"

struct pc_mask {
    const pc_message_table *table; /* NULL for what is no message of ours, which is kept whole */
    bool all;
    struct pc_mask **children; /* by the field's place in the table; NULL entry: left out */
    /* Of which fields the values that did not fit, and so are among the extensions, are kept: those
     * that it keeps whole. NULL: of all. */
    const struct pc_mask *untyped;
};

/* With no children, or covering all. NULL when out of memory. */
pc_mask *pc_mask_new(pc_arena *arena, const pc_message_table *table, bool all);

#endif
