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

/* The identities of a POST body; NULL with a 400 written when there are none,
 * or a refusal when there are too many. */
json_t *sbx_lookup_items(struct sbx_service *service, const struct sbx_request *request,
                         struct sbx_answer *answer);

/* What a batch says of an entry that went wrong: {xid, error}. A NULL message stands for trouble
 * inside the service. New reference. */
json_t *sbx_lookup_entry_error(const char *xid, unsigned status, const char *message);
/* The 207 of a batch with errors, which are an array of the above. Its published form has nothing
 * else, so that entries which were found have to be asked for again; mixed adds the errors to
 * entries, keyed by XID, for callers that must cope with either. */
void sbx_lookup_answer_errors(struct sbx_answer *answer, json_t *entries, json_t *errors,
                              bool mixed);

void sbx_bad_request(struct sbx_answer *answer, const char *message);

#endif
