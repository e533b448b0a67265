/* The face of this folder: one typed query becomes one answer of the Entity API, its raw JSON.
 * Behind it stand the access token (token.h), the wire (transfer.h), the upstream's ways of saying
 * no (error_body.h), and when to leave it alone (breaker.h).
 *
 * Retries are made here and nowhere else: once after a 401, with a new token; and of what reads, at
 * most twice, after a failure of the moment (retry.h), when a usual answer would still be in time,
 * the allowance of retries has one left and the budget grants the call. Nobody waits for what is
 * prefetched, so it is not retried.
 *
 * A breaker for each host, and for events and audiences, ends fetches at once while that fails.
 * What makes it fail is no answer, a broken one or a 5xx; a fetch given up by its caller counts
 * only when it has had twice the time of a usual answer, and a second at least.
 *
 * Hedging, where it is on: a GET of a profile, events or a record that has had no answer for
 * hedge_after_ms is sent a second time, if the budget has calls to spare. The first answer that is
 * not a failure of the upstream is the result, and the other request is cancelled; both are billed.
 *
 * Threads: every function may be called on any thread. Callbacks come on the client's own transfer
 * thread and must not block: hand real work to pc_workers.
 * Personal data: no status made here contains an id, a token, a URL or a text of the upstream.
 *
 * Statuses that a fetch can end with, beside those of error_body.h and transfer.h:
 *   CANCELLED          CANCELLED                the caller asked, or the client is being freed
 *   RESOURCE_EXHAUSTED UPSTREAM_BUDGET_SPENT       no call can be made in time; retry advice
 *   DEADLINE_EXCEEDED  UPSTREAM_TIMEOUT            the query's deadline, or the client's own limit
 *   UNAUTHENTICATED    UPSTREAM_UNAUTHENTICATED    the upstream refused two tokens, one of them new
 *   UNAVAILABLE        UPSTREAM_BREAKER_OPEN       the host fails and is left alone; retry advice
 *   UNAUTHENTICATED    UPSTREAM_TOKEN_REFUSED      IMS refused the client id, secret or scopes
 *   UNAVAILABLE        UPSTREAM_TOKEN_UNAVAILABLE  IMS cannot be reached or fails; cause says how
 * UNAUTHENTICATED follows the mapping table of the Entity API reference. It is about the
 * credentials of this server: who answers a caller should look at the reason and not let a caller
 * believe that its own credentials were refused. */
#ifndef PC_UPSTREAM_ENTITY_H
#define PC_UPSTREAM_ENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "upstream/answer_counts.h"
#include "upstream/breaker.h"
#include "upstream/budget.h"
#include "util/slice.h"
#include "util/status.h"
#include "util/trace.h"

typedef struct pc_entity_client pc_entity_client;

/* One fetch. Reference-counted: the reference that pc_entity_fetch gives out stays valid, and
 * pc_entity_cancel stays harmless, until pc_entity_op_unref, whatever has happened meanwhile. */
typedef struct pc_entity_op pc_entity_op;

/* What has a breaker of its own: the hosts, and of the Entity API's what may fail alone, so that a
 * profile is still fetched while there are no events. */
typedef enum {
    PC_UPSTREAM_ENTITY = 0, /* profiles and records, single or not */
    PC_UPSTREAM_EVENTS = 1,
    PC_UPSTREAM_AUDIENCES = 2,
    PC_UPSTREAM_IDENTITY = 3,
    PC_UPSTREAM_TOKEN = 4, /* opened by one failure, for a second at most; see token.h */
} pc_upstream_host;

enum { PC_UPSTREAM_HOST_COUNT = 5 };

const char *pc_upstream_host_name(pc_upstream_host host); /* "entity", "events", ... */

/* A breaker's change of state, and what the window held at that moment. */
typedef struct {
    pc_upstream_host host;
    pc_breaker_state from;
    pc_breaker_state to;
    unsigned calls;
    unsigned failures;
} pc_breaker_change;

/* Start from PC_ENTITY_OPTIONS_DEFAULT. All texts are NUL-terminated and copied. */
typedef struct {
    const char *base_url;      /* scheme, host, port, maybe a path; "/data/core/ups" is added */
    const char *ims_url;       /* the same of IMS; "/ims/token/v3" is added */
    const char *identity_url;  /* the same of the identity service, which has regional hosts;
                                  "/data/core/identity" is added; NULL: none */
    const char *client_id;     /* also sent as x-api-key */
    const char *client_secret; /* may be NULL with `static_token` */
    const char *scopes;        /* joined by commas */
    const char *static_token;  /* NULL, or the bearer token to use instead of asking IMS */
    const char *org_id;
    const char *sandbox_default; /* for queries that name none */
    const char *ca_file;         /* PEM; NULL: the system's */
    bool allow_plain_http; /* http:// is always allowed to loopback hosts, else only with this */
    int64_t connect_timeout_ms;
    int64_t timeout_ms;         /* of one fetch, tokens and all attempts included */
    int64_t attempt_timeout_ms; /* of one request from which nothing more arrives; 0: only the
                                   limits above */
    int64_t token_timeout_ms;   /* of one token request, which may serve many fetches */
    unsigned retry_percent;     /* retries, of all calls, at most; 0: none */
    int64_t hedge_after_ms;     /* without an answer; 0: never */
    unsigned hedge_percent;     /* second requests, of all that could have one, at most */
    size_t body_bytes_max;      /* of one answer, after decompression */
    unsigned max_connections;   /* per host */
    unsigned http2_connections; /* per host that speaks HTTP/2; at most max_connections count */
    int64_t dns_ttl_ms;         /* how long addresses of hosts are believed */
    int64_t connection_age_ms;  /* connections are left for new ones at about this age; 0: never */
    unsigned max_in_flight;     /* fetches, those that wait for their turn included; one more is
                                   refused at once */
    bool wipe_memory;           /* see pc_transfer_options */
    pc_budget_options budget;   /* which calls may be made when */
    pc_breaker_options breaker; /* of each host but IMS */
    /* Called on the transfer thread when a breaker's state has changed; NULL: nobody asks. */
    void (*on_breaker)(void *self, const pc_breaker_change *change);
    void *self;
} pc_entity_options;

#define PC_ENTITY_OPTIONS_DEFAULT                                                                  \
    ((pc_entity_options){                                                                          \
        .base_url = "https://platform.adobe.io",                                                   \
        .ims_url = "https://ims-na1.adobelogin.com",                                               \
        .sandbox_default = "prod",                                                                 \
        .connect_timeout_ms = 3000,                                                                \
        .timeout_ms = 10000,                                                                       \
        .attempt_timeout_ms = 5000,                                                                \
        .token_timeout_ms = 10000,                                                                 \
        .retry_percent = 10,                                                                       \
        .hedge_percent = 5,                                                                        \
        .body_bytes_max = 64u << 20,                                                               \
        .max_connections = 64,                                                                     \
        .http2_connections = 8,                                                                    \
        .dns_ttl_ms = 60000,                                                                       \
        .connection_age_ms = 600000,                                                               \
        .max_in_flight = 1024,                                                                     \
        .budget = {.rate = 0, .burst = 1, .caller_share = 1, .calls_max = 512, .calls_min = 4},    \
        .breaker = {.failure_percent = 50,                                                         \
                    .calls_min = 20,                                                               \
                    .window_ms = 10000,                                                            \
                    .open_ms = 5000,                                                               \
                    .probes = 3}})

/* What a retry was for. */
typedef enum {
    PC_RETRY_NOT = 0,             /* another try would be no better, or must not be made */
    PC_RETRY_UNREACHABLE = 1,     /* no connection */
    PC_RETRY_CONNECTION_LOST = 2, /* broken, reset or refused before the answer was whole */
    PC_RETRY_TIMED_OUT = 3,       /* nothing arrived for attempt_timeout_ms */
    PC_RETRY_UNAVAILABLE = 4,     /* 502, 503, 504 */
    PC_RETRY_THROTTLED = 5,       /* 429 that says when to come again */
} pc_retry_reason;

enum { PC_RETRY_REASON_COUNT = 6 };

typedef enum {
    PC_ENTITY_PROFILE = 0,   /* GET access/entities: a profile */
    PC_ENTITY_EVENTS = 1,    /* GET access/entities: one page of a profile's events */
    PC_ENTITY_AUDIENCES = 2, /* POST audiences/bulk-get: definitions by id */
    PC_ENTITY_BATCH = 3,     /* POST access/entities: several profiles */
    PC_ENTITY_RECORD = 4,    /* GET access/entities: an account, opportunity, any other class */
    PC_ENTITY_GRAPH = 5,     /* POST identity/v2/graph: the identities linked to some */
    PC_ENTITY_DELETE = 6,    /* DELETE access/entities: a profile */
    PC_ENTITY_XID = 7,       /* GET identity/identity: the XID of an identity */
} pc_entity_kind;

enum {
    PC_ENTITY_KIND_COUNT = 8,
    PC_ENTITY_AUDIENCES_MAX = 100, /* published bound of bulk-get */
    PC_ENTITY_REFS_MAX = 1000,     /* published bound of the graph; none is known for batches */
    PC_ENTITY_PROPERTIES_MAX = 3,  /* published bound of `property` */
};

/* One of several. Either namespace and id, or an XID; NUL-terminated. */
typedef struct {
    const char *namespace_code; /* NULL when named by xid */
    const char *id;
    const char *xid; /* NULL when named by identity */
} pc_entity_ref;

/* What to fetch. Borrowed for the start only. NULL means "not given" for every text but those said
 * to be needed. */
typedef struct {
    pc_entity_kind kind;
    const char *schema; /* of RECORD: its XDM class */

    /* Who, for all but BATCH, GRAPH and AUDIENCES (of XID not by XID): either namespace and id, or
     * an XID. Any bytes but NUL. */
    const char *namespace_code;
    size_t namespace_size;
    const char *id;
    size_t id_size;
    const char *xid;
    size_t xid_size;

    const char *sandbox;      /* NULL: the client's default */
    const char *merge_policy; /* id; NULL: the upstream's default */
    const char *fields;       /* dot paths joined by commas; NULL: all */
    int64_t deadline_ns; /* monotonic, or PC_NEVER_NS; the client's timeout_ms applies anyway */
    int64_t patience_ns; /* no use when the call cannot be made before this; 0: deadline_ns */
    pc_criticality criticality;
    uint64_t caller;        /* for whom it is; 0: nobody in particular */
    const char *request_id; /* sent as x-request-id: printable ASCII */
    pc_trace trace;         /* sent as traceparent, where it is known */

    /* Of EVENTS. */
    bool has_start_time;
    bool has_end_time;
    int64_t start_time_ms; /* since 1970, inclusive */
    int64_t end_time_ms;   /* since 1970, exclusive */
    int limit;             /* events per page; 0: the upstream's default of 1000 */
    bool oldest_first;
    const char *cursor;            /* `_page.next` of the page before; NULL or "": the first page */
    const char *const *properties; /* expressions such as: commerce.order.priceTotal>=10 */
    size_t property_count;         /* at most PC_ENTITY_PROPERTIES_MAX */

    /* Of AUDIENCES: 1 to PC_ENTITY_AUDIENCES_MAX ids, valid UTF-8. */
    const char *const *audience_ids;
    size_t audience_count;

    /* Of BATCH and GRAPH: 1 to PC_ENTITY_REFS_MAX, valid UTF-8; of GRAPH all by identity or all by
     * XID. */
    const pc_entity_ref *refs;
    size_t ref_count;
} pc_entity_query;

/* How a fetch ended. */
typedef struct {
    pc_slice *body;       /* borrowed, pc_slice_ref to keep; NULL unless the status is OK */
    int http_status;      /* of the answer that is the result; 0 when there was none */
    unsigned attempts;    /* requests sent to the Entity API (not to IMS): 0 to 9 */
    int64_t started_ns;   /* monotonic: when pc_entity_fetch was called */
    int64_t ended_ns;     /* monotonic: just before the callback */
    const char *reply_id; /* x-request-id of that answer, "" when it had none; borrowed */
} pc_entity_result;

/* Takes `status`. `result` is never NULL and is borrowed for the call. */
typedef void (*pc_entity_done)(void *self, pc_status status, const pc_entity_result *result);

/* Makes a client with a transfer thread of its own. No request is sent yet. Owned: release with
 * pc_entity_client_free. Errors: INVALID_ARGUMENT with a violation for each bad option (field names
 * are those of pc_entity_options), RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_entity_client_new(pc_entity_client **out,
                                            const pc_entity_options *options);

/* Cancels what is in flight, waits until every callback has returned, and frees. No fetch may be
 * started meanwhile, except from a callback, where it is refused. Not on the transfer thread. NULL
 * is allowed. */
void pc_entity_client_free(pc_entity_client *client);

/* Starts a fetch. On success `done` comes exactly once, on the transfer thread and never inside
 * this function, though it may overtake this function's return on another thread: `*op_out` is
 * therefore set before `done` can come. It is a reference that the caller owns
 * (pc_entity_op_unref); `op_out` may be NULL when the caller never cancels. On an error returned
 * `done` never comes and `*op_out` is NULL. Errors: INVALID_ARGUMENT (violations name fields of
 * pc_entity_query), DEADLINE_EXCEEDED when the deadline has passed, UNAVAILABLE
 * UPSTREAM_BREAKER_OPEN, RESOURCE_EXHAUSTED (UPSTREAM_TOO_MANY_IN_FLIGHT or memory), CANCELLED when
 * the client is being freed. */
PC_NODISCARD pc_status pc_entity_fetch(pc_entity_client *client, const pc_entity_query *query,
                                       pc_entity_done done, void *self, pc_entity_op **op_out);

/* Whether a fetch of this kind would end with UPSTREAM_BREAKER_OPEN now; it counts as refused. */
bool pc_entity_refuses(pc_entity_client *client, pc_entity_kind kind);

/* Asks the fetch to end early. `done` still comes exactly once: with CANCELLED, or with the result
 * when that was first. Never calls back itself. NULL is allowed. */
void pc_entity_cancel(pc_entity_op *op);

/* Has a fetch that waits for its turn wait as one of a higher criticality; harmless at any other
 * time before pc_entity_client_free. */
void pc_entity_raise(pc_entity_op *op, pc_criticality criticality);

/* Calls that this caller could make now; -1 where no rate is set. */
int64_t pc_entity_calls_left(const pc_entity_client *client, pc_criticality criticality,
                             uint64_t caller);

/* What the budget has counted. */
void pc_entity_budget(const pc_entity_client *client, pc_budget_figures *out);

/* Gives the reference back; the fetch goes on if it is running. NULL is allowed. */
void pc_entity_op_unref(pc_entity_op *op);

/* Replaces the client secret, for rotation; the present token stays in use. Copied.
 * Errors: RESOURCE_EXHAUSTED, and then the old secret stays. */
PC_NODISCARD pc_status pc_entity_set_client_secret(pc_entity_client *client, const char *secret);

/* Counts since the client was made; each number is exact, together they are a snapshot in passing.
 */
typedef struct {
    uint64_t requests[PC_ENTITY_KIND_COUNT]; /* sent to the Entity API: what is billed */
    uint64_t failures[PC_ENTITY_KIND_COUNT]; /* fetches that ended without OK or NOT_FOUND */
    uint64_t refused[PC_ENTITY_KIND_COUNT];  /* fetches refused for max_in_flight */
    uint64_t hedges_sent;                    /* second requests, of those above */
    uint64_t hedges_won;                     /* of them, those whose answer was the result */
    uint64_t retries[PC_RETRY_REASON_COUNT]; /* requests sent again, by why; of those above */
    uint64_t retries_won;                    /* of them, those that brought the result */
    uint64_t retries_withheld;               /* not sent, for lack of allowance */
    pc_breaker_figures breakers[PC_UPSTREAM_HOST_COUNT];
    uint64_t token_requests; /* sent to IMS */
    uint64_t token_failures;
    uint64_t token_rejections; /* answers 401 from the Entity API */
    uint64_t in_flight;        /* fetches now */
    int64_t token_age_ms;      /* of the access token in use; -1: there is none */
    int64_t token_left_ms;     /* until it expires; -1 likewise, or it never does */
    uint64_t connections_open; /* to the upstream, and to IMS */
    uint64_t connections_opened;
    uint64_t resent; /* requests that libcurl sent again, to both; not in `retries` */
} pc_entity_counters;

void pc_entity_client_counters(const pc_entity_client *client, pc_entity_counters *out);

/* How the requests went. Borrowed for the client's life. */
const pc_answer_counts *pc_entity_client_answers(const pc_entity_client *client);

#endif
