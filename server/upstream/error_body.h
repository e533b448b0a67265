/* The upstream's ways of saying no, translated once: HTTP status and body become a pc_status.
 *
 * Read are all shapes of the reference, sections 1.5, 2.6, 2.7 and 3.2: the gateway's {error_code},
 * the entities' {statusCode} alone, in an array, or below {xid, error}, the audiences' {errors}
 * map, problem+json {status}. Nothing of the upstream's texts goes into a status, as they may hold
 * ids; two known messages choose a reason.
 * Threads: pure.
 *
 *   code                reason                      when
 *   NOT_FOUND           PROFILE_NOT_FOUND           404 of all about profiles; of PROFILE also {}
 *                                                   or nothing but placeholders
 *   NOT_FOUND           ENTITY_NOT_FOUND            the same of RECORD
 *   NOT_FOUND           AUDIENCE_NOT_FOUND          404 of AUDIENCES
 *   NOT_FOUND           IDENTITY_NOT_FOUND          404 of GRAPH and XID
 *   INVALID_ARGUMENT    UPSTREAM_REJECTED_REQUEST   400: a bad id, namespace, path or cursor
 *   INVALID_ARGUMENT    UPSTREAM_REQUEST_TOO_LARGE  413
 *   UNAUTHENTICATED     UPSTREAM_UNAUTHENTICATED    401, or error_code 401xxx
 *   PERMISSION_DENIED   EVENTS_NOT_ENABLED          403 of EVENTS, unless from the gateway: the
 *                                                   licence has no event lookup
 *   PERMISSION_DENIED   UPSTREAM_NOT_PROVISIONED    403 with UPS-ACC-1000004: the organisation
 *   PERMISSION_DENIED   UPSTREAM_FORBIDDEN          other 403, or error_code 403xxx: API key,
 *                                                   credential, sandbox or attribute rules
 *   FAILED_PRECONDITION UPSTREAM_TOO_MANY_IDENTITIES 422: more than 50 linked identities
 *   FAILED_PRECONDITION UPSTREAM_UNPROCESSABLE      other 422, such as no default merge policy
 *   RESOURCE_EXHAUSTED  UPSTREAM_THROTTLED          429, or error_code 429xxx with any status; has
 *                                                   retry advice when the upstream gave one
 *   UNAVAILABLE         UPSTREAM_UNAVAILABLE        408, 425 and 5xx; retry advice likewise
 *   INTERNAL            UPSTREAM_UNEXPECTED_STATUS  anything else: 1xx, 3xx, other 4xx, and a 404
 *                                                   that is the gateway's or no JSON: then the
 *                                                   path is wrong, not the id
 *   INTERNAL            UPSTREAM_BAD_ANSWER         an empty body where JSON must be, or one
 *                                                   that is no JSON from its first byte on, such
 *                                                   as a proxy's page
 *
 * A success of BATCH may hold errors of single entries (207): they are for who reads the entries.
 * One of DELETE is 202 without a body. */
#ifndef PC_UPSTREAM_ERROR_BODY_H
#define PC_UPSTREAM_ERROR_BODY_H

#include <stddef.h>
#include <stdint.h>

#include "upstream/entity.h"
#include "util/status.h"

/* Judges a whole answer. OK: the body is worth mapping. `retry_after_ms` is that of the header, 0
 * for none; when the body has one too, the longer counts. */
PC_NODISCARD pc_status pc_error_body_judge(pc_entity_kind kind, int http_status, const void *body,
                                           size_t body_size, int64_t retry_after_ms);

#endif
