/* What reached the sandbox: counts per operation and the latest requests. Any thread. */
#ifndef SBX_STATS_H
#define SBX_STATS_H

#include <jansson.h>
#include <stdint.h>

enum sbx_operation {
    SBX_OP_TOKEN,
    SBX_OP_PROFILE,
    SBX_OP_PROFILE_BATCH,
    SBX_OP_EVENTS,
    SBX_OP_EVENTS_BATCH,
    SBX_OP_ACCOUNT,
    SBX_OP_OPPORTUNITY,
    SBX_OP_DELETE,
    SBX_OP_AUDIENCES,
    SBX_OP_AUDIENCE,
    SBX_OP_AUDIENCES_BULK,
    SBX_OP_MERGE_POLICIES,
    SBX_OP_NAMESPACES,
    SBX_OP_IDENTITY,
    SBX_OP_IDENTITY_GRAPH,
    SBX_OP_UNKNOWN,
    SBX_OP_COUNT,
    SBX_OP_ADMIN /* not counted */
};

typedef struct sbx_stats sbx_stats;

struct sbx_stats_entry {
    enum sbx_operation operation;
    const char *method;
    const char *path;
    const char *query;
    unsigned status; /* 0: the client was never answered */
    const char *fault;
    int64_t at_ms;
    int64_t took_ms;
};

sbx_stats *sbx_stats_new(void);
void sbx_stats_free(sbx_stats *stats);
/* `items`: identities asked for in a batch, else 1. */
void sbx_stats_begin(sbx_stats *stats, enum sbx_operation operation, size_t items);
void sbx_stats_end(sbx_stats *stats, const struct sbx_stats_entry *entry);
void sbx_stats_reset(sbx_stats *stats);
json_t *sbx_stats_get(sbx_stats *stats); /* new reference */
const char *sbx_operation_name(enum sbx_operation operation);

#endif
