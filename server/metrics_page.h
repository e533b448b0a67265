/* The page of metrics: what the parts count, under names of one kind. Only closed sets become
 * labels: methods, codes, operations, sections, criticalities. */
#ifndef PC_METRICS_PAGE_H
#define PC_METRICS_PAGE_H

#include "audit/trail.h"
#include "context/cache/cache.h"
#include "context/section_counts.h"
#include "door/door.h"
#include "policy/denials.h"
#include "policy/holder.h"
#include "telemetry/rpc_metrics.h"
#include "telemetry/tracing.h"
#include "upstream/entity.h"

/* Borrowed, and alive as long as pages are written. */
typedef struct {
    const pc_rpc_metrics *calls;
    size_t own_methods; /* the first of its methods are our own service's */
    const pc_section_counts *sections;
    const pc_distribution *part_ages;
    const pc_entity_client *upstream;
    pc_cache *cache; /* NULL: nothing is remembered */
    size_t cache_bytes_max;
    pc_rpc_server *server;
    const pc_door *door;
    pc_tracing *tracing;        /* NULL: nothing is traced */
    const char *core_version;   /* of gRPC core */
    pc_policy_holder *policies; /* NULL: there is no policy */
    pc_denials denials;         /* the page's own; any thread notes them */
    pc_audit_trail *audit;      /* NULL: there is none */
    int64_t started_wall_ms;
} pc_metrics_page;

/* The name of an operation of the upstream, a pc_entity_kind. */
const char *pc_metrics_page_operation(size_t operation);

void pc_metrics_page_write(const pc_metrics_page *page, pc_buffer *out);

#endif
