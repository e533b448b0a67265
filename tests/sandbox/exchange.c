/* The life of one request, see exchange.h. Read it from sbx_exchange_step down to send_answer. */
#include "exchange.h"

#include "clock.h"
#include "compress.h"
#include "json.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum {
    BODY_MAX = 4 * 1024 * 1024,
    RECORDS_MAX = 256 * 1024 * 1024,
    /* A suspended connection is not read, so nobody else notices when its client leaves. */
    LOOK_EVERY_MS = 250,
    COMPRESS_FROM = 256
};

enum stage { STARTING, READING, WAITING, SENDING };

struct sbx_exchange {
    struct sbx_service *service;
    sbx_delay *delay;
    char *target;
    struct sbx_request request;
    struct sbx_answer answer;
    struct sbx_route route;
    struct sbx_fault_plan plan;
    enum stage stage;
    struct MHD_Connection *connection;
    int64_t arrived_ms; /* wall clock */
    int64_t began_ms;   /* monotonic */
    int64_t due_ms;
    int64_t next_drip_ms;
    bool begun;
    bool too_large;
    bool abandoned; /* the client left, or the server stops: no answer any more */
    bool compressed;
    bool ended_by_reader; /* a cut answer has been sent as far as it goes */
};

struct sbx_exchange *sbx_exchange_new(struct sbx_service *service, sbx_delay *delay,
                                      const char *target)
{
    struct sbx_exchange *exchange = sbx_alloc(sizeof(*exchange));
    exchange->service = service;
    exchange->delay = delay;
    exchange->target = sbx_copy(target);
    exchange->arrived_ms = sbx_clock_now();
    exchange->began_ms = sbx_clock_monotonic();
    return exchange;
}

static bool from_loopback(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info == NULL || info->client_addr == NULL) {
        return false;
    }
    const struct sockaddr *address = info->client_addr;
    if (address->sa_family == AF_INET) {
        struct sockaddr_in four;
        memcpy(&four, address, sizeof(four));
        return ntohl(four.sin_addr.s_addr) >> 24 == 127;
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 six;
        memcpy(&six, address, sizeof(six));
        return IN6_IS_ADDR_LOOPBACK(&six.sin6_addr) ||
               (IN6_IS_ADDR_V4MAPPED(&six.sin6_addr) && six.sin6_addr.s6_addr[12] == 127);
    }
    return false;
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static void read_head(struct sbx_exchange *exchange, const char *method)
{
    struct sbx_request *request = &exchange->request;
    struct MHD_Connection *connection = exchange->connection;
    sbx_request_init(request, method, exchange->target);
    request->authorization = header(connection, "Authorization");
    request->api_key = header(connection, "x-api-key");
    request->org = header(connection, "x-gw-ims-org-id");
    request->sandbox = header(connection, "x-sandbox-name");
    request->content_type = header(connection, "Content-Type");
    request->accept_encoding = header(connection, "Accept-Encoding");
    request->request_id = header(connection, "x-request-id");
    request->loopback = from_loopback(connection);
}

static void take_body(struct sbx_exchange *exchange, const char *upload, size_t size)
{
    bool records =
        exchange->request.loopback && strcmp(exchange->request.path, "/_sandbox/records") == 0;
    size_t most = records ? RECORDS_MAX : BODY_MAX;
    if (exchange->request.body.length + size > most) {
        exchange->too_large = true;
        sbx_text_clear(&exchange->request.body);
    } else if (!exchange->too_large) {
        sbx_text_add(&exchange->request.body, upload, size);
    }
}

/* The token's form and the records' lines are no JSON document, and are left to their handlers. */
static void parse_body(struct sbx_request *request)
{
    struct sbx_error ignored;
    if (request->body.length > 0 && strncmp(request->path, "/ims/", 5) != 0 &&
        strcmp(request->path, "/_sandbox/records") != 0) {
        request->json = sbx_json_parse(request->body.data, request->body.length, &ignored);
    }
}

static void answer_throttled(struct sbx_exchange *exchange)
{
    if (exchange->route.group == SBX_GROUP_IDENTITY) {
        sbx_answer_identity_error(&exchange->answer, 429, "RequestRateTooLarge",
                                  "Request rate is large. Please try again later.");
    } else {
        sbx_answer_throttled(&exchange->answer, exchange->plan.retry_after_ms);
    }
}

static void answer_refused(struct sbx_exchange *exchange)
{
    if (exchange->route.group == SBX_GROUP_IDENTITY) {
        sbx_answer_identity_error(&exchange->answer, 403, "Insufficient permissions",
                                  "The token may not read the identity graph.");
    } else {
        sbx_answer_entity_error(&exchange->answer, 403,
                                "UPS-ACC-1000004: The organization is not licensed for this "
                                "lookup.",
                                NULL);
    }
}

static void answer_fault_status(struct sbx_exchange *exchange)
{
    struct sbx_answer *answer = &exchange->answer;
    unsigned status = exchange->plan.status;
    if (exchange->route.group == SBX_GROUP_TOKEN) {
        sbx_answer_json(answer, status,
                        json_pack("{s:s, s:s}", "error", "server_error", "error_description",
                                  "injected by entity-sandbox"));
    } else if (status == 429) {
        answer_throttled(exchange);
    } else if (status == 401) {
        sbx_answer_gateway_error(answer, 401, "401013", "Oauth token is not valid");
    } else if (exchange->route.group == SBX_GROUP_IDENTITY) {
        sbx_answer_identity_error(answer, status,
                                  status < 500 ? "InvalidInput" : "InternalServerError",
                                  "injected by entity-sandbox");
    } else if (status == 404) {
        sbx_answer_not_found(answer);
    } else if (status == 403) {
        sbx_answer_entity_error(answer, 403, "UPS-ACC-1000004: IMS Org is not provisioned.", NULL);
    } else {
        sbx_answer_entity_error(answer, status, "Unable to connect to server",
                                "Status Code - 500 : Connection Timeout");
    }
}

static void answer_undisturbed(struct sbx_exchange *exchange)
{
    exchange->route.handle(exchange->service, &exchange->request, &exchange->answer);
    if (exchange->answer.status == 0) {
        sbx_answer_entity_error(&exchange->answer, 500, "The sandbox gave no answer.", NULL);
    }
}

/* Trouble that stands for a broken network or load balancer comes before the gateway, trouble of
 * the service behind it. */
static void decide(struct sbx_exchange *exchange)
{
    struct sbx_answer *answer = &exchange->answer;
    struct sbx_service *service = exchange->service;
    if (exchange->too_large) {
        sbx_answer_entity_error(answer, 413, "The request is too large.", NULL);
        return;
    }
    if (exchange->plan.fault == SBX_FAULT_DOWN) {
        sbx_answer_text(answer, 503, "text/html",
                        "<html><head><title>503 Service Unavailable</title></head>"
                        "<body><h1>Service Unavailable</h1></body></html>\n");
        return;
    }
    if (!exchange->route.open &&
        !sbx_gateway_check(service->gateway, &exchange->request, exchange->arrived_ms, answer)) {
        exchange->plan.fault = SBX_FAULT_NONE;
        return;
    }
    switch (exchange->plan.fault) {
    case SBX_FAULT_ERROR:
        answer_fault_status(exchange);
        break;
    case SBX_FAULT_REFUSED:
        answer_refused(exchange);
        break;
    case SBX_FAULT_THROTTLED:
        answer_throttled(exchange);
        break;
    case SBX_FAULT_CORRUPT:
        sbx_answer_text(answer, 200, "application/json",
                        "{\"\x01\xff\xfe}]garbage<<<\x7f,:\"entity\":{{{");
        break;
    default:
        answer_undisturbed(exchange);
        break;
    }
}

/* --- waiting --- */

static bool client_left(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct pollfd poll_one = {.fd = info != NULL ? info->connect_fd : -1, .events = POLLRDHUP};
    return poll(&poll_one, 1, 0) > 0 && (poll_one.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

static int64_t next_look(const struct sbx_exchange *exchange, int64_t now_ms)
{
    int64_t look_ms = now_ms + LOOK_EVERY_MS;
    return exchange->due_ms < look_ms ? exchange->due_ms : look_ms;
}

/* Hands the exchange over to the delay's thread. It must not be touched after this returns. */
static void suspend_until(struct sbx_exchange *exchange, int64_t due_ms)
{
    exchange->due_ms = due_ms;
    struct MHD_Connection *connection = exchange->connection;
    MHD_suspend_connection(connection);
    if (!sbx_delay_submit(exchange->delay, next_look(exchange, sbx_clock_monotonic()), exchange)) {
        exchange->abandoned = true;
        MHD_resume_connection(connection);
    }
}

void sbx_exchange_due(void *payload, bool expired)
{
    struct sbx_exchange *exchange = payload;
    int64_t now_ms = sbx_clock_monotonic();
    if (!expired || client_left(exchange->connection)) {
        exchange->abandoned = true;
    } else if (now_ms < exchange->due_ms &&
               sbx_delay_submit(exchange->delay, next_look(exchange, now_ms), exchange)) {
        return;
    }
    MHD_resume_connection(exchange->connection);
}

/* --- sending --- */

static ssize_t read_half(void *payload, uint64_t position, char *buffer, size_t size)
{
    struct sbx_exchange *exchange = payload;
    size_t half = exchange->answer.body.length / 2;
    if (position >= half) {
        exchange->ended_by_reader = true;
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    size_t left = half - (size_t)position;
    size_t step = left < size ? left : size;
    memcpy(buffer, exchange->answer.body.data + position, step);
    return (ssize_t)step;
}

static ssize_t read_drop(void *payload, uint64_t position, char *buffer, size_t size)
{
    struct sbx_exchange *exchange = payload;
    int64_t now_ms = sbx_clock_monotonic();
    if (exchange->abandoned) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    if (now_ms < exchange->next_drip_ms) {
        suspend_until(exchange, exchange->next_drip_ms);
        return 0;
    }
    exchange->next_drip_ms = now_ms + exchange->plan.drip_interval_ms;
    size_t left = exchange->answer.body.length - (size_t)position;
    size_t step = (size_t)exchange->plan.drip_bytes;
    step = step < left ? step : left;
    step = step < size ? step : size;
    memcpy(buffer, exchange->answer.body.data + position, step);
    return (ssize_t)step;
}

static struct MHD_Response *make_response(struct sbx_exchange *exchange)
{
    struct sbx_text *body = &exchange->answer.body;
    if (body->length > 0 && exchange->plan.fault == SBX_FAULT_CUT) {
        return MHD_create_response_from_callback(body->length, 4096, read_half, exchange, NULL);
    }
    if (body->length > 0 && exchange->plan.fault == SBX_FAULT_DRIP) {
        return MHD_create_response_from_callback(body->length, 4096, read_drop, exchange, NULL);
    }
    return MHD_create_response_from_buffer(body->length, body->data, MHD_RESPMEM_PERSISTENT);
}

static bool accepts_gzip(const char *accept)
{
    const char *at = accept != NULL ? strcasestr(accept, "gzip") : NULL;
    return at != NULL && strncmp(at + 4, ";q=0", 4) != 0;
}

static enum MHD_Result send_answer(struct sbx_exchange *exchange)
{
    struct sbx_answer *answer = &exchange->answer;
    exchange->stage = SENDING;
    if (answer->body.length >= COMPRESS_FROM && accepts_gzip(exchange->request.accept_encoding)) {
        exchange->compressed = sbx_compress(&answer->body);
    }
    struct MHD_Response *response = make_response(exchange);
    if (response == NULL) {
        return MHD_NO;
    }
    if (answer->content_type != NULL) {
        MHD_add_response_header(response, "Content-Type", answer->content_type);
    }
    if (exchange->compressed) {
        MHD_add_response_header(response, "Content-Encoding", "gzip");
        MHD_add_response_header(response, "Vary", "Accept-Encoding");
    }
    if (answer->no_store) {
        MHD_add_response_header(response, "Cache-Control", "no-store");
    }
    if (exchange->request.request_id != NULL) {
        MHD_add_response_header(response, "x-request-id", exchange->request.request_id);
    }
    enum MHD_Result result = MHD_queue_response(exchange->connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
}

/* --- the steps --- */

static enum MHD_Result on_request_read(struct sbx_exchange *exchange)
{
    struct sbx_service *service = exchange->service;
    parse_body(&exchange->request);
    exchange->route = sbx_route_find(&exchange->request);
    sbx_stats_begin(service->stats, exchange->route.operation, sbx_route_items(&exchange->request));
    exchange->begun = true;
    sbx_faults_plan(service->faults, exchange->route.group, sbx_clock_monotonic(), &exchange->plan);
    if (exchange->plan.fault == SBX_FAULT_HANG) {
        exchange->stage = WAITING;
        suspend_until(exchange, INT64_MAX);
        return MHD_YES;
    }
    decide(exchange);
    if (exchange->plan.delay_ms > 0) {
        exchange->stage = WAITING;
        suspend_until(exchange, exchange->began_ms + exchange->plan.delay_ms);
        return MHD_YES;
    }
    return send_answer(exchange);
}

enum MHD_Result sbx_exchange_step(struct sbx_exchange *exchange, struct MHD_Connection *connection,
                                  const char *method, const char *upload, size_t *upload_size)
{
    switch (exchange->stage) {
    case STARTING:
        exchange->connection = connection;
        exchange->stage = READING;
        read_head(exchange, method);
        return MHD_YES;
    case READING:
        if (*upload_size == 0) {
            return on_request_read(exchange);
        }
        take_body(exchange, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    case WAITING:
        return exchange->abandoned ? MHD_NO : send_answer(exchange);
    default:
        return MHD_NO;
    }
}

void sbx_exchange_end(struct sbx_exchange *exchange, bool answered)
{
    if (exchange->begun) {
        bool sent = exchange->stage == SENDING && (answered || exchange->ended_by_reader);
        struct sbx_stats_entry entry = {
            .operation = exchange->route.operation,
            .method = exchange->request.method,
            .path = exchange->request.path,
            .query = exchange->request.query,
            .status = sent ? exchange->answer.status : 0,
            .fault = sbx_fault_name(exchange->plan.fault),
            .at_ms = exchange->arrived_ms,
            .took_ms = sbx_clock_monotonic() - exchange->began_ms,
        };
        sbx_stats_end(exchange->service->stats, &entry);
    }
    if (exchange->stage != STARTING) {
        sbx_request_deinit(&exchange->request);
    }
    sbx_answer_deinit(&exchange->answer);
    free(exchange->target);
    free(exchange);
}
