/* Merge policies, and merging the fragments of a person under one. */
#ifndef SBX_MERGE_H
#define SBX_MERGE_H

#include "store.h"

#include <jansson.h>

enum { SBX_GRAPH_MAX = 50 };

typedef struct sbx_policy sbx_policy;

/* The policy with this id, or for a NULL id the default of the schema. NULL when there is none. */
sbx_policy *sbx_policy_find(sbx_store *store, const char *id, enum sbx_schema schema);
/* From the JSON of a policy; NULL when it is not one. */
sbx_policy *sbx_policy_read(const char *body);
void sbx_policy_free(sbx_policy *policy);
const char *sbx_policy_id(const sbx_policy *policy); /* lives as long as the policy */
bool sbx_policy_uses_graph(const sbx_policy *policy);

/* One entry of an entity answer. */
struct sbx_merged {
    json_t *entity;  /* object, owned */
    json_t *sources; /* dataset ids, owned */
    json_t *tags;    /* batch ids, owned, may be empty */
    json_t *graph;   /* XIDs of the identities that count, owned */
    int64_t modified_ms;
    bool found; /* false: the person has nothing under this schema */
};

/* Merges under the policy as seen from the requested identity. timestampOrdered lets the newest
 * fragment win at each leaf; dataSetPrecedence lets the dataset named first win and leaves unlisted
 * datasets out. A null states nothing where another fragment has a value. The entity's identityMap
 * is completed with the linked identities. */
void sbx_merge(struct sbx_merged *out, const struct sbx_person *person,
               const struct sbx_found_identity *requested, const sbx_policy *policy,
               enum sbx_schema schema);
void sbx_merged_deinit(struct sbx_merged *merged);

/* Merges newer over older in place, leaf by leaf. */
void sbx_merge_values(json_t *older, json_t *newer);

#endif
