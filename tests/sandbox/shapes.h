/* How answers are shaped where the reference leaves it open; part of the fault settings. */
#ifndef SBX_SHAPES_H
#define SBX_SHAPES_H

#include "text.h"

#include <jansson.h>

/* Numbers are doubles, whole or not, so that one table describes them all. */
struct sbx_shapes {
    bool batch_omits_unknown;  /* instead of a placeholder entry */
    bool batch_errors_mixed;   /* 207: an object with the successes too, instead of errors only */
    bool batch_keys_are_other; /* profile entries under another XID of the same person */
    bool requested_identity;   /* name the asked identity in profile entries too */
    bool not_found_as_empty;   /* 200 {} in place of 404 */
    bool not_found_as_placeholder;  /* 200 with a placeholder entry in place of 404 */
    bool events_not_found_as_404;   /* no events: 404 in place of an empty page */
    bool events_not_found_as_page;  /* nobody: an empty page in place of 404 */
    bool events_not_found_as_empty; /* 200 {} wherever events would be a 404 */
    bool events_in_a_circle;        /* behind the last page comes the first */
    bool events_link_only;          /* the next page is in _links and not in _page */
    bool no_default_merge_policy;   /* as if no schema had a default */
    bool graph_members_with_xid;    /* identity graph: members have their XID and name */
    double entry_error_rate;        /* share of batch entries that fail, making the answer a 207 */
    double batch_max;               /* identities in one batch; 0: what the command line says */
    double batch_refusal;           /* the status of a larger batch: 400 or 413 */
};

/* What holds when nothing is set. */
extern const struct sbx_shapes sbx_shapes_usual;

/* All of them by name, new reference. */
json_t *sbx_shapes_describe(const struct sbx_shapes *shapes);
/* Changes what the object names (NULL names nothing). When false, part of it may be changed. */
bool sbx_shapes_change(struct sbx_shapes *shapes, json_t *wanted, struct sbx_error *error);

#endif
