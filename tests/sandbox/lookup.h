/* What entity and event lookups have in common. */
#ifndef SBX_LOOKUP_H
#define SBX_LOOKUP_H

#include "fields.h"
#include "merge.h"
#include "service.h"

/* The `fields` of a query or of a body. */
struct sbx_selection {
    char *text; /* owns what paths point into, for a query */
    const char *paths[SBX_FIELDS_MAX];
    size_t count;
};

/* False, with the answer written, when there are too many or they are of a wrong type. */
bool sbx_selection_read(struct sbx_selection *out, const struct sbx_request *request,
                        struct sbx_answer *answer);
void sbx_selection_deinit(struct sbx_selection *selection);

/* The id of a batch item as text: a string, or a number from those who send one. Owned or NULL. */
char *sbx_item_id(const json_t *item, const char *key);
/* The namespace of a batch item, {"code"} or a plain string. Borrowed or NULL. */
const char *sbx_item_ns(const json_t *item, const char *key);

/* The XID an unknown identity would have. */
void sbx_unknown_xid(char out[SBX_XID_SIZE], const char *ns, const char *id);

/* The policy a request names, or the default; NULL with the 422 written. */
sbx_policy *sbx_lookup_policy(struct sbx_service *service, const struct sbx_request *request,
                              enum sbx_schema schema, struct sbx_answer *answer);

/* The identities of a POST body; NULL with a 400 written when there are none or too many. */
json_t *sbx_lookup_items(struct sbx_service *service, const struct sbx_request *request,
                         struct sbx_answer *answer);

void sbx_bad_request(struct sbx_answer *answer, const char *message);

#endif
