/* How answers are shaped where the reference leaves it open; part of the fault settings. */
#ifndef SBX_SHAPES_H
#define SBX_SHAPES_H

#include "text.h"

#include <jansson.h>

/* Numbers are doubles, whole or not, so that one table describes them all. */
struct sbx_shapes {
    bool batch_omits_unknown;    /* instead of a placeholder entry */
    bool batch_errors_mixed;     /* 207: an object with the successes too, instead of errors only */
    bool requested_identity;     /* name the asked identity in profile entries too */
    bool not_found_as_empty;     /* 200 {} in place of 404 */
    bool graph_members_with_xid; /* identity graph: members have their XID and name */
    double entry_error_rate;     /* share of batch entries that fail, making the answer a 207 */
};

/* What holds when nothing is set. */
extern const struct sbx_shapes sbx_shapes_usual;

/* All of them by name, new reference. */
json_t *sbx_shapes_describe(const struct sbx_shapes *shapes);
/* Changes what the object names (NULL names nothing). When false, part of it may be changed. */
bool sbx_shapes_change(struct sbx_shapes *shapes, json_t *wanted, struct sbx_error *error);

#endif
