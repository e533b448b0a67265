/* libcurl's multi interface on the loop's thread.
 *
 * A request's steps, in order:                     thread
 *   pc_transfer_start  copy, post                  any
 *   on_begun           easy handle into the multi  transfer
 *   on_header, on_body what arrives, within caps   transfer, inside libcurl
 *   one of
 *     on_transferred   libcurl has finished        transfer
 *     on_deadline      our timer was first         transfer
 *     on_cancel_asked  or the caller               transfer
 *     stop             or pc_transfer_free         transfer
 *   end                handle back, done, unref    transfer; the only place that calls `done` */
#include "upstream/transfer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "upstream/retry_after.h"
#include "upstream/sockets.h"
#include "util/buffer.h"
#include "util/clock.h"
#include "util/wipe.h"

#ifndef PC_VERSION
#define PC_VERSION "0"
#endif

enum {
    IDLE_HANDLES_MAX = 128,
    HEADER_BYTES_MAX =
        256 * 1024, /* of one answer; libcurl 7.88 itself has no limit on their sum */
    HEADER_TEXT_MAX = 128,
    CA_CACHE_S = 60, /* so that a renewed ca_file comes into use */
    UNHEARD_MS_MAX = 10 * 1000,
    SENT_MAX = 2, /* times that libcurl may send a request, see on_sending */
};

struct pc_transfer {
    pc_loop *loop; /* owned */
    char *ca_file; /* owned; NULL: the system's */
    long dns_ttl_s;
    long connection_age_s;
    atomic_bool is_closing; /* pc_transfer_free has begun: no new requests */
    atomic_uint_fast64_t connections_opened;
    atomic_uint_fast64_t connections_closed;
    atomic_uint_fast64_t resent;
    /* The transfer thread only, while the loop runs: */
    CURLM *multi;
    pc_sockets sockets;
    long connections_http1; /* the most to one host; 0: any number */
    long connections_http2;
    bool speaks_http1;
    CURL *idle[IDLE_HANDLES_MAX]; /* handles are costly to make and remember their buffers */
    size_t idle_count;
    bool wipes;              /* no handle is kept, and the stack is wiped */
    pc_transfer_op *running; /* doubly linked */
    bool stopping;
};

typedef enum { REFUSED_NOT, REFUSED_BODY_SIZE, REFUSED_HEADER_SIZE, REFUSED_MEMORY } refusal;

struct pc_transfer_op {
    atomic_uint references;
    atomic_bool cancel_asked;
    pc_loop *loop; /* a reference of its own: cancelling may outlive the pc_transfer */
    pc_job begin;
    pc_job cancel;

    /* The request; constant after the start. */
    char *url;
    struct curl_slist *headers;
    uint8_t *body; /* NULL: GET or DELETE */
    size_t body_size;
    bool is_delete;
    bool is_one_of_many;
    bool wants_new_connection;
    int64_t deadline_ns;
    int64_t connect_timeout_ms;
    pc_transfer_done done;
    void *self;

    /* The transfer thread only: */
    pc_transfer *transfer;
    bool ended;
    CURL *easy;    /* NULL unless running */
    unsigned sent; /* times that libcurl was about to send it */
    pc_transfer_op *next;
    pc_transfer_op *previous;
    pc_loop_timer deadline;
    pc_buffer answer;
    size_t header_bytes;
    bool has_head;   /* all of it */
    refusal refused; /* why on_header or on_body told libcurl to give up */
    int64_t retry_after_ms;
    char content_type[HEADER_TEXT_MAX];
    char request_id[HEADER_TEXT_MAX];
    char date[HEADER_TEXT_MAX];
};

/* --- how it can end --- */

static pc_status cancelled(void)
{
    return pc_status_new(PC_CODE_CANCELLED, "CANCELLED", "The upstream request was cancelled.");
}

static pc_status timed_out(void)
{
    return pc_status_new(PC_CODE_DEADLINE_EXCEEDED, "UPSTREAM_TIMEOUT",
                         "The upstream did not answer in time.");
}

static pc_status unreachable(void)
{
    return pc_status_new(PC_CODE_UNAVAILABLE, "UPSTREAM_UNREACHABLE",
                         "The upstream cannot be reached.");
}

static pc_status status_of_refusal(refusal refused)
{
    switch (refused) {
    case REFUSED_BODY_SIZE:
        return pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "UPSTREAM_BODY_TOO_LARGE",
                             "The upstream's answer is larger than this server accepts.");
    case REFUSED_HEADER_SIZE:
        return pc_status_new(PC_CODE_UNAVAILABLE, "UPSTREAM_PROTOCOL_ERROR",
                             "The upstream's answer has too many header bytes.");
    default:
        return pc_status_out_of_memory();
    }
}

/* `deadline_ns` tells a slow connect from a slow answer, which libcurl reports alike. */
static pc_status status_of_curl(CURLcode code, refusal refused, int64_t deadline_ns)
{
    if (refused != REFUSED_NOT) {
        return status_of_refusal(refused);
    }
    switch (code) {
    case CURLE_OK:
        return PC_OK;
    case CURLE_OPERATION_TIMEDOUT:
        return pc_clock_now_ns() < deadline_ns ? unreachable() : timed_out();
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
        return unreachable();
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_PEER_FAILED_VERIFICATION:
        return pc_status_new(PC_CODE_UNAVAILABLE, "UPSTREAM_TLS_FAILED",
                             "No trusted TLS connection to the upstream (libcurl code %d).",
                             (int)code);
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_ABORTED_BY_CALLBACK: /* by on_sending */
        return pc_status_new(PC_CODE_UNAVAILABLE, "UPSTREAM_CONNECTION_LOST",
                             "The connection to the upstream broke (libcurl code %d).", (int)code);
    case CURLE_UNSUPPORTED_PROTOCOL: /* what is not HTTP/1 passes for a refused HTTP/0.9 */
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
        return pc_status_new(PC_CODE_UNAVAILABLE, "UPSTREAM_PROTOCOL_ERROR",
                             "The upstream's answer is not HTTP (libcurl code %d).", (int)code);
    case CURLE_OUT_OF_MEMORY:
        return pc_status_out_of_memory();
    default:
        return pc_status_new(PC_CODE_INTERNAL, "UPSTREAM_TRANSFER_FAILED",
                             "The upstream request failed (libcurl code %d).", (int)code);
    }
}

static CURL *take_handle(pc_transfer *transfer)
{
    return transfer->idle_count > 0 ? transfer->idle[--transfer->idle_count] : curl_easy_init();
}

static void give_handle(pc_transfer *transfer, CURL *easy)
{
    if (transfer->wipes || transfer->idle_count == IDLE_HANDLES_MAX) {
        curl_easy_cleanup(easy);
        return;
    }
    curl_easy_reset(easy);
    transfer->idle[transfer->idle_count++] = easy;
}

static void end(pc_transfer_op *op, pc_status status, int http_status)
{
    pc_transfer *transfer = op->transfer;
    op->ended = true;
    pc_loop_timer_cancel(op->loop, &op->deadline);
    if (op->easy != NULL) {
        /* Of a request under way this closes an HTTP/1.1 connection and resets an HTTP/2 stream. */
        curl_multi_remove_handle(transfer->multi, op->easy);
        give_handle(transfer, op->easy);
        op->easy = NULL;
        *(op->previous == NULL ? &transfer->running : &op->previous->next) = op->next;
        if (op->next != NULL) {
            op->next->previous = op->previous;
        }
    }
    pc_slice *body = NULL;
    if (pc_status_ok(&status)) {
        body = pc_buffer_take_slice(&op->answer);
        if (body == NULL) {
            status = pc_status_out_of_memory();
        }
    }
    pc_buffer_deinit(&op->answer);
    pc_transfer_result result = {
        .http_status = http_status,
        .body = body,
        .retry_after_ms = op->retry_after_ms,
        .content_type = op->content_type,
        .request_id = op->request_id,
        .date = op->date,
    };
    op->done(op->self, status, body == NULL ? NULL : &result);
    pc_slice_unref(body);
    pc_transfer_op_unref(op);
}

/* --- what arrives --- */

static void keep_text(char *kept, const char *value, size_t size)
{
    kept[0] = '\0';
    if (size >= HEADER_TEXT_MAX) {
        return;
    }
    for (size_t i = 0; i < size; i++) {
        if (value[i] < 0x20 || value[i] > 0x7e) {
            return;
        }
    }
    memcpy(kept, value, size);
    kept[size] = '\0';
}

static bool is_header(const char *line, size_t size, const char *name)
{
    size_t name_size = strlen(name);
    return size > name_size && line[name_size] == ':' && strncasecmp(line, name, name_size) == 0;
}

static void keep_header(pc_transfer_op *op, const char *line, size_t size)
{
    const char *colon = memchr(line, ':', size);
    if (colon == NULL) {
        return;
    }
    const char *value = colon + 1;
    const char *value_end = line + size;
    while (value < value_end && (*value == ' ' || *value == '\t')) {
        value++;
    }
    while (value < value_end && strchr(" \t\r\n", value_end[-1]) != NULL) {
        value_end--;
    }
    size_t value_size = (size_t)(value_end - value);
    if (is_header(line, size, "retry-after")) {
        op->retry_after_ms = pc_retry_after_ms(value, value_size, pc_clock_wall_ms());
    } else if (is_header(line, size, "content-type")) {
        keep_text(op->content_type, value, value_size);
    } else if (is_header(line, size, "x-request-id")) {
        keep_text(op->request_id, value, value_size);
    } else if (is_header(line, size, "date")) {
        keep_text(op->date, value, value_size);
    }
}

static size_t on_header(char *line, size_t unit, size_t count, void *self)
{
    pc_transfer_op *op = self;
    size_t size = unit * count;
    op->header_bytes += size;
    if (op->header_bytes > HEADER_BYTES_MAX) {
        op->refused = REFUSED_HEADER_SIZE;
        return 0;
    }
    if (size >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        /* An interim answer (1xx) may have come before: its headers are not this answer's. */
        op->has_head = false;
        op->retry_after_ms = 0;
        op->content_type[0] = '\0';
        op->request_id[0] = '\0';
        op->date[0] = '\0';
    } else if (size > 0 && (line[0] == '\r' || line[0] == '\n')) {
        op->has_head = true; /* an empty line ends it */
    } else {
        keep_header(op, line, size);
    }
    return size;
}

static size_t on_body(char *bytes, size_t unit, size_t count, void *self)
{
    pc_transfer_op *op = self;
    size_t size = unit * count;
    if (size > op->answer.size_max - op->answer.size) {
        op->refused = REFUSED_BODY_SIZE;
        return 0;
    }
    pc_buffer_append(&op->answer, bytes, size);
    if (op->answer.failed) {
        op->refused = REFUSED_MEMORY;
        return 0;
    }
    return size;
}

/* --- the steps on the transfer thread --- */

static void on_deadline(pc_loop_timer *timer)
{
    end(PC_CONTAINER_OF(timer, pc_transfer_op, deadline), timed_out(), 0);
}

static void on_cancel_asked(pc_job *job)
{
    pc_transfer_op *op = PC_CONTAINER_OF(job, pc_transfer_op, cancel);
    if (!op->ended) {
        end(op, cancelled(), 0);
    }
    pc_transfer_op_unref(op);
}

static bool is_https(const char *url)
{
    return strncasecmp(url, "https:", 6) == 0;
}

static void bound_connections(pc_transfer *transfer, bool speaks_http1)
{
    transfer->speaks_http1 = speaks_http1;
    curl_multi_setopt(transfer->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                      speaks_http1 ? transfer->connections_http1 : transfer->connections_http2);
}

/* An upstream is taken to speak HTTP/2 until it answers otherwise. */
static void note_http_version(pc_transfer_op *op)
{
    long version = CURL_HTTP_VERSION_NONE;
    curl_easy_getinfo(op->easy, CURLINFO_HTTP_VERSION, &version);
    bool is_http1 = version == CURL_HTTP_VERSION_1_0 || version == CURL_HTTP_VERSION_1_1;
    if (op->is_one_of_many && version != CURL_HTTP_VERSION_NONE &&
        is_http1 != op->transfer->speaks_http1) {
        bound_connections(op->transfer, is_http1);
    }
}

static void on_transferred(pc_transfer_op *op, CURLcode code)
{
    long http_status = 0;
    curl_easy_getinfo(op->easy, CURLINFO_RESPONSE_CODE, &http_status);
    note_http_version(op);
    if (code == CURLE_OK && !op->has_head) {
        code = CURLE_PARTIAL_FILE; /* libcurl takes half a head for an answer without a body */
    }
    end(op, status_of_curl(code, op->refused, op->deadline_ns), (int)http_status);
}

/* libcurl's own way to open and close, but counted. */
static curl_socket_t on_socket_wanted(void *self, curlsocktype purpose,
                                      struct curl_sockaddr *address)
{
    pc_transfer *transfer = self;
    (void)purpose;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0) {
        return CURL_SOCKET_BAD;
    }
    atomic_fetch_add(&transfer->connections_opened, 1);
    return fd;
}

static int on_socket_unwanted(void *self, curl_socket_t fd)
{
    pc_transfer *transfer = self;
    atomic_fetch_add(&transfer->connections_closed, 1);
    return close(fd);
}

/* libcurl sends a request again by itself, up to five times, when a connection that it had kept
 * ends before a byte has come back, or the upstream refuses the stream. Once is allowed, and
 * counted; after that it is for whoever counts retries against their allowance. */
static int on_sending(void *self, char *to, char *from, int to_port, int from_port)
{
    (void)to;
    (void)from;
    (void)to_port;
    (void)from_port;
    pc_transfer_op *op = self;
    op->sent++;
    if (op->sent > SENT_MAX) {
        return CURL_PREREQFUNC_ABORT;
    }
    if (op->sent > 1) {
        atomic_fetch_add(&op->transfer->resent, 1);
    }
    return CURL_PREREQFUNC_OK;
}

static long ms_left(int64_t deadline_ns, int64_t now_ns)
{
    int64_t ms = (deadline_ns - now_ns) / 1000000 + 1;
    return ms < 1 ? 1 : ms > INT32_MAX ? INT32_MAX : (long)ms;
}

/* A network that swallows what we send would keep a connection, and all that is sent over it, for
 * a quarter of an hour: libcurl takes one for alive until the system says otherwise. */
static int on_socket(void *self, curl_socket_t fd, curlsocktype purpose)
{
    (void)self;
    (void)purpose;
    unsigned ms = UNHEARD_MS_MAX;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
    return CURL_SOCKOPT_OK;
}

/* From TLS 1.2 on, in one of two ways to say so, by turns. libcurl leaves a connection for its age
 * only when it is idle, which a busy one of HTTP/2 never is; but it shares none between requests
 * that differ in this, so that with each turn the old ones become idle, and old enough to close. */
static long tls_versions(const pc_transfer *transfer)
{
    int64_t age_ns = (int64_t)transfer->connection_age_s * 1000000000;
    bool is_odd = age_ns > 0 && pc_clock_now_ns() / age_ns % 2 == 1;
    return (long)CURL_SSLVERSION_TLSv1_2 |
           (long)(is_odd ? CURL_SSLVERSION_MAX_TLSv1_3 : CURL_SSLVERSION_MAX_DEFAULT);
}

/* Every option is set anew, as the handle was reset. False when libcurl refused one: then the
 * request must not go out, since the option may be the one that keeps it safe. */
static bool configure(CURL *easy, pc_transfer_op *op)
{
    bool tls = is_https(op->url);
    int failures = 0;
#define SET(option, value) (failures += curl_easy_setopt(easy, (option), (value)) != CURLE_OK)
    SET(CURLOPT_URL, op->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, tls_versions(op->transfer));
    SET(CURLOPT_CA_CACHE_TIMEOUT, (long)CA_CACHE_S);
    if (op->transfer->ca_file != NULL) {
        SET(CURLOPT_CAINFO, op->transfer->ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
    /* In libcurl 7.88 HTTP/2 without TLS breaks on the second request of a connection. */
    SET(CURLOPT_HTTP_VERSION, (long)(tls ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
    SET(CURLOPT_PIPEWAIT, tls ? 1L : 0L);
    SET(CURLOPT_NOSIGNAL, 1L);
    /* Without this, giving up on a slow name look-up would wait for it, and with it for everyone.
     */
    SET(CURLOPT_QUICK_EXIT, 1L);
    SET(CURLOPT_TCP_NODELAY, 1L);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_SOCKOPTFUNCTION, on_socket);
    SET(CURLOPT_MAXLIFETIME_CONN, op->transfer->connection_age_s);
    SET(CURLOPT_DNS_CACHE_TIMEOUT, op->transfer->dns_ttl_s);
    SET(CURLOPT_FRESH_CONNECT, op->wants_new_connection ? 1L : 0L);
    SET(CURLOPT_CONNECTTIMEOUT_MS,
        (long)(op->connect_timeout_ms > 0 && op->connect_timeout_ms < INT32_MAX
                   ? op->connect_timeout_ms
                   : 0));
    if (op->deadline_ns != PC_NEVER_NS) {
        /* Our own timer is the exact one; this is for the case that it is ever forgotten. */
        SET(CURLOPT_TIMEOUT_MS, ms_left(op->deadline_ns, pc_clock_now_ns()) + 20);
    }
    SET(CURLOPT_USERAGENT, "ProfileContext/" PC_VERSION);
    SET(CURLOPT_ACCEPT_ENCODING, "gzip");
    SET(CURLOPT_HTTPHEADER, op->headers);
    if (op->body != NULL) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)op->body_size);
        SET(CURLOPT_POSTFIELDS, (char *)op->body);
    } else if (op->is_delete) {
        SET(CURLOPT_CUSTOMREQUEST, "DELETE");
    }
    SET(CURLOPT_OPENSOCKETFUNCTION, on_socket_wanted);
    SET(CURLOPT_OPENSOCKETDATA, op->transfer);
    SET(CURLOPT_CLOSESOCKETFUNCTION, on_socket_unwanted);
    SET(CURLOPT_CLOSESOCKETDATA, op->transfer);
    SET(CURLOPT_PREREQFUNCTION, on_sending);
    SET(CURLOPT_PREREQDATA, op);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, op);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, op);
    SET(CURLOPT_PRIVATE, op);
#undef SET
    return failures == 0;
}

static void on_begun(pc_job *job)
{
    pc_transfer_op *op = PC_CONTAINER_OF(job, pc_transfer_op, begin);
    pc_transfer *transfer = op->transfer;
    if (transfer->stopping || atomic_load(&op->cancel_asked)) {
        end(op, cancelled(), 0);
        return;
    }
    if (op->deadline_ns <= pc_clock_now_ns()) {
        end(op, timed_out(), 0);
        return;
    }
    if (op->is_one_of_many && !is_https(op->url) && !transfer->speaks_http1) {
        bound_connections(transfer, true);
    }
    CURL *easy = take_handle(transfer);
    if (easy == NULL || !configure(easy, op) ||
        curl_multi_add_handle(transfer->multi, easy) != CURLM_OK) {
        if (easy != NULL) {
            give_handle(transfer, easy);
        }
        end(op, pc_status_out_of_memory(), 0);
        return;
    }
    op->easy = easy;
    op->next = transfer->running;
    if (op->next != NULL) {
        op->next->previous = op;
    }
    transfer->running = op;
    op->deadline.fire = on_deadline;
    pc_loop_timer_set(transfer->loop, &op->deadline, op->deadline_ns);
}

/* --- the loop's driver --- */

static void turn(void *self, int64_t until_ns)
{
    pc_transfer *transfer = self;
    pc_sockets_turn(&transfer->sockets, until_ns);
    int left = 0;
    for (CURLMsg *message; (message = curl_multi_info_read(transfer->multi, &left)) != NULL;) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        pc_transfer_op *op = NULL;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&op);
        on_transferred(op, code);
    }
    if (transfer->wipes) {
        pc_wipe_stack();
    }
}

static void wake(void *self)
{
    pc_transfer *transfer = self;
    pc_sockets_wake(&transfer->sockets);
}

static void stop(void *self)
{
    pc_transfer *transfer = self;
    transfer->stopping = true;
    while (transfer->running != NULL) {
        end(transfer->running, cancelled(), 0);
    }
}

static bool is_idle(void *self)
{
    const pc_transfer *transfer = self;
    return transfer->running == NULL;
}

/* --- start and cancel, any thread --- */

/* Whole header lines; a value with a line break would be a second header. */
static pc_status copy_headers(pc_transfer_op *op, const pc_transfer_request *request)
{
    /* libcurl would wait for "100 Continue" before a large body; the upstream has no use for it. */
    op->headers = curl_slist_append(NULL, "Expect:");
    bool complete = op->headers != NULL;
    for (size_t i = 0; i < request->header_count && complete; i++) {
        const pc_transfer_header *header = &request->headers[i];
        bool is_clean = header->value[0] != '\0';
        for (const char *c = header->value; *c != '\0' && is_clean; c++) {
            is_clean = *c >= 0x20 && *c <= 0x7e;
        }
        if (!is_clean) {
            return pc_status_new(PC_CODE_INVALID_ARGUMENT, "UPSTREAM_BAD_HEADER",
                                 "The value of header %s is not printable ASCII.", header->name);
        }
        size_t size = strlen(header->name) + strlen(header->value) + 3;
        char *line = malloc(size);
        struct curl_slist *longer = NULL;
        if (line != NULL) {
            (void)snprintf(line, size, "%s: %s", header->name, header->value);
            longer = curl_slist_append(op->headers, line);
            OPENSSL_cleanse(line, size);
            free(line);
        }
        complete = longer != NULL;
        op->headers = complete ? longer : op->headers;
    }
    return complete ? PC_OK : pc_status_out_of_memory();
}

static pc_status copy_request(pc_transfer_op *op, const pc_transfer_request *request)
{
    op->deadline_ns = request->deadline_ns;
    op->connect_timeout_ms = request->connect_timeout_ms;
    pc_buffer_init(&op->answer, request->body_bytes_max);
    op->url = strdup(request->url);
    if (op->url == NULL) {
        return pc_status_out_of_memory();
    }
    op->is_delete = request->is_delete;
    op->is_one_of_many = request->is_one_of_many;
    op->wants_new_connection = request->wants_new_connection;
    if (request->body != NULL) {
        op->body_size = request->body_size;
        op->body = malloc(request->body_size + 1);
        if (op->body == NULL) {
            return pc_status_out_of_memory();
        }
        memcpy(op->body, request->body, request->body_size);
    }
    return copy_headers(op, request);
}

pc_status pc_transfer_start(pc_transfer *transfer, const pc_transfer_request *request,
                            pc_transfer_done done, void *self, pc_transfer_op **op_out)
{
    if (op_out != NULL) {
        *op_out = NULL;
    }
    if (atomic_load(&transfer->is_closing)) {
        return cancelled();
    }
    pc_transfer_op *op = calloc(1, sizeof *op);
    if (op == NULL) {
        return pc_status_out_of_memory();
    }
    atomic_init(&op->references, 1);
    atomic_init(&op->cancel_asked, false);
    op->loop = pc_loop_ref(transfer->loop);
    op->transfer = transfer;
    op->done = done;
    op->self = self;
    op->begin.run = on_begun;
    op->cancel.run = on_cancel_asked;
    pc_status status = copy_request(op, request);
    if (!pc_status_ok(&status)) {
        goto refused;
    }
    if (op_out != NULL) {
        *op_out = pc_transfer_op_ref(op);
    }
    if (pc_loop_post(transfer->loop, &op->begin)) {
        return PC_OK;
    }
    status = cancelled();
    if (op_out != NULL) {
        pc_transfer_op_unref(*op_out);
        *op_out = NULL;
    }
refused:
    pc_transfer_op_unref(op);
    return status;
}

void pc_transfer_cancel(pc_transfer_op *op)
{
    /* The job can be posted once only, so only the first to ask posts it. */
    if (op == NULL || atomic_exchange(&op->cancel_asked, true)) {
        return;
    }
    pc_transfer_op_ref(op);
    if (!pc_loop_post(op->loop, &op->cancel)) {
        pc_transfer_op_unref(op);
    }
}

uint64_t pc_transfer_received(const pc_transfer_op *op)
{
    return (uint64_t)op->header_bytes + op->answer.size;
}

pc_transfer_op *pc_transfer_op_ref(pc_transfer_op *op)
{
    atomic_fetch_add_explicit(&op->references, 1, memory_order_relaxed);
    return op;
}

void pc_transfer_op_unref(pc_transfer_op *op)
{
    if (op == NULL || atomic_fetch_sub_explicit(&op->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (op->body != NULL) {
        OPENSSL_cleanse(op->body, op->body_size);
        free(op->body);
    }
    pc_buffer_deinit(&op->answer);
    /* The access token is among them. */
    for (struct curl_slist *header = op->headers; header != NULL; header = header->next) {
        OPENSSL_cleanse(header->data, strlen(header->data));
    }
    curl_slist_free_all(op->headers);
    free(op->url);
    pc_loop_unref(op->loop);
    free(op);
}

/* --- life --- */

static pthread_once_t curl_ready = PTHREAD_ONCE_INIT;
static CURLcode curl_ready_code;

static void prepare_curl(void)
{
    curl_ready_code = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* What the loop's thread has left. */
static void destroy(pc_transfer *transfer)
{
    for (size_t i = 0; i < transfer->idle_count; i++) {
        curl_easy_cleanup(transfer->idle[i]);
    }
    curl_multi_cleanup(transfer->multi);
    pc_sockets_close(&transfer->sockets);
    free(transfer->ca_file);
    free(transfer);
}

pc_status pc_transfer_new(pc_transfer **out, const pc_transfer_options *options)
{
    *out = NULL;
    pthread_once(&curl_ready, prepare_curl);
    if (curl_ready_code != CURLE_OK) {
        return pc_status_new(PC_CODE_INTERNAL, "UPSTREAM_TRANSFER_FAILED",
                             "libcurl cannot be set up (code %d)", (int)curl_ready_code);
    }
    pc_transfer *transfer = calloc(1, sizeof *transfer);
    if (transfer == NULL) {
        return pc_status_out_of_memory();
    }
    atomic_init(&transfer->is_closing, false);
    transfer->sockets = PC_SOCKETS_CLOSED;
    transfer->wipes = options->wipe_memory;
    transfer->multi = curl_multi_init();
    if (options->ca_file != NULL) {
        transfer->ca_file = strdup(options->ca_file);
    }
    if (transfer->multi == NULL || (options->ca_file != NULL && transfer->ca_file == NULL)) {
        destroy(transfer);
        return pc_status_out_of_memory();
    }
    pc_status status = pc_sockets_open(&transfer->sockets, transfer->multi);
    if (!pc_status_ok(&status)) {
        destroy(transfer);
        return status;
    }
    transfer->dns_ttl_s = (long)(options->dns_ttl_ms / 1000);
    transfer->connection_age_s = (long)((options->connection_age_ms + 999) / 1000);
    transfer->connections_http1 = (long)options->max_connections;
    transfer->connections_http2 = (long)options->http2_connections;
    bound_connections(transfer, options->http2_connections == 0);
    /* Kept for reuse: two hosts' worth, the API's and the token endpoint's. */
    if (options->max_connections > 0) {
        curl_multi_setopt(transfer->multi, CURLMOPT_MAXCONNECTS, transfer->connections_http1 * 2);
    }
    pc_loop_driver driver = {
        .turn = turn, .wake = wake, .stop = stop, .is_idle = is_idle, .self = transfer};
    status = pc_loop_new(&transfer->loop, &driver);
    if (!pc_status_ok(&status)) {
        destroy(transfer);
        return status;
    }
    *out = transfer;
    return PC_OK;
}

void pc_transfer_free(pc_transfer *transfer)
{
    if (transfer == NULL) {
        return;
    }
    atomic_store(&transfer->is_closing, true);
    pc_loop_stop(transfer->loop);
    pc_loop_unref(transfer->loop);
    destroy(transfer);
}

void pc_transfer_connections(const pc_transfer *transfer, uint64_t *open_out, uint64_t *opened_out)
{
    /* In this order, so that none is counted as closed that is not as opened. */
    uint64_t closed = atomic_load(&transfer->connections_closed);
    *opened_out = atomic_load(&transfer->connections_opened);
    *open_out = *opened_out - closed;
}

uint64_t pc_transfer_resent(const pc_transfer *transfer)
{
    return atomic_load(&transfer->resent);
}

pc_loop *pc_transfer_loop(pc_transfer *transfer)
{
    return transfer->loop;
}
