/* From a query to the HTTP request that asks it: URL and body, and the checks before. The paths and
 * parameter names of the Entity API stand here and nowhere else.
 * Threads: pure. */
#ifndef PC_UPSTREAM_ENTITY_REQUEST_H
#define PC_UPSTREAM_ENTITY_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "upstream/entity.h"
#include "util/status.h"

typedef struct {
    char *url;  /* owned */
    char *body; /* owned; NULL: a GET, or the DELETE. JSON */
    size_t body_size;
    bool is_delete;
} pc_entity_request;

/* Where the paths are built on. Borrowed. */
typedef struct {
    const char *platform; /* of the Entity API */
    const char *identity; /* of the identity service; NULL: there is none */
} pc_entity_bases;

/* Builds the request below its base. Errors: INVALID_ARGUMENT with a violation for each field of
 * the query that cannot be right, RESOURCE_EXHAUSTED. `*out` is empty then. */
PC_NODISCARD pc_status pc_entity_request_build(pc_entity_request *out, const pc_entity_bases *bases,
                                               const pc_entity_query *query);

void pc_entity_request_deinit(pc_entity_request *request);

/* True for 1 to 255 characters of printable ASCII: what may be the value of a header of ours. */
bool pc_entity_header_value_valid(const char *text);

#endif
