/* libmicrohttpd with a thread of its own. What it answers is short and at hand, so one thread does,
 * and a few connections are enough for those who look. */
#include "operator/operator.h"

#include <microhttpd.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "operator/content_policy.h"
#include "operator/status_html.h"
#include "util/listener.h"

enum {
    CONNECTIONS_MAX = 32,
    CONNECTIONS_OF_A_HOST_MAX = 16,   /* so that one that stands still leaves room for others */
    CONNECTION_BYTES_MAX = 16 * 1024, /* of a request's head */
    IDLE_S_MAX = 30,                  /* longer than Prometheus' usual 15 s between two looks */
    PAGE_BYTES_MAX = 8 * 1024 * 1024
};

static const char text_type[] = "text/plain; charset=utf-8";

struct pc_operator {
    pc_operator_options options;
    _Atomic pc_operator_state state;
    struct MHD_Daemon *daemon;
    int port;
    char policy[PC_CONTENT_POLICY_BYTES]; /* of the status page */
};

/* What a path answers; `response` is owned, NULL when there is no memory for it. */
typedef struct {
    unsigned status;
    const char *type;
    struct MHD_Response *response;
} answer;

/* ---- pages ----------------------------------------------------------------------------------- */

/* `text` must be a constant. */
static answer plain(unsigned status, const char *text)
{
    return (answer){status, text_type,
                    MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text,
                                                    MHD_RESPMEM_PERSISTENT)};
}

static answer alive(pc_operator *server)
{
    (void)server;
    return plain(MHD_HTTP_OK, "alive\n");
}

static answer ready(pc_operator *server)
{
    static const char *const words[] = {"starting\n", "ready\n", "draining\n"};
    pc_operator_state state = pc_operator_get_state(server);
    return plain(state == PC_OPERATOR_READY ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
                 words[state]);
}

static answer status_page(pc_operator *server)
{
    answer page = {MHD_HTTP_OK, "text/html; charset=utf-8",
                   MHD_create_response_from_buffer(pc_status_html_size,
                                                   (void *)(uintptr_t)pc_status_html,
                                                   MHD_RESPMEM_PERSISTENT)};
    if (page.response != NULL) {
        (void)MHD_add_response_header(page.response, "Content-Security-Policy", server->policy);
    }
    return page;
}

static answer written(pc_operator *server, const pc_operator_page *page)
{
    if (pc_operator_get_state(server) == PC_OPERATOR_STARTING) {
        return plain(MHD_HTTP_SERVICE_UNAVAILABLE, "starting\n");
    }
    pc_buffer buffer;
    pc_buffer_init(&buffer, PAGE_BYTES_MAX);
    page->write(server->options.self, &buffer);
    size_t size = buffer.size;
    char *text = pc_buffer_take_text(&buffer);
    pc_buffer_deinit(&buffer);
    if (text == NULL) {
        return plain(MHD_HTTP_INTERNAL_SERVER_ERROR, "no memory for the page\n");
    }
    answer whole = {MHD_HTTP_OK, page->content_type,
                    MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE)};
    if (whole.response == NULL) {
        free(text);
    }
    return whole;
}

static const struct {
    const char *path;
    answer (*answer)(pc_operator *server);
} own_pages[] = {
    {"/", status_page},
    {"/status", status_page},
    {"/healthz", alive},
    {"/readyz", ready},
};

static bool only_reads(const char *method)
{
    return strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
}

static answer answer_to(pc_operator *server, const char *path, const char *method)
{
    static const char only_reading[] = "only GET and HEAD\n";
    for (size_t i = 0; i < PC_COUNT_OF(own_pages); i++) {
        if (strcmp(path, own_pages[i].path) == 0) {
            return only_reads(method) ? own_pages[i].answer(server)
                                      : plain(MHD_HTTP_METHOD_NOT_ALLOWED, only_reading);
        }
    }
    for (size_t i = 0; i < server->options.page_count; i++) {
        const pc_operator_page *page = &server->options.pages[i];
        if (strcmp(path, page->path) == 0) {
            return only_reads(method) ? written(server, page)
                                      : plain(MHD_HTTP_METHOD_NOT_ALLOWED, only_reading);
        }
    }
    return plain(MHD_HTTP_NOT_FOUND, "/, /metrics, /healthz and /readyz are here\n");
}

/* ---- HTTP ------------------------------------------------------------------------------------ */

/* Called first when the head of a request is in. An answer at that moment ends the connection,
 * which is right for what may bring a body; others are answered when they are asked a second time.
 */
static enum MHD_Result on_request(void *self, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *body,
                                  size_t *body_size, void **request)
{
    (void)version;
    (void)body;
    if (only_reads(method) && (*request == NULL || *body_size > 0)) {
        *request = self; /* whatever is not NULL */
        *body_size = 0;
        return MHD_YES;
    }
    answer a = answer_to(self, path, method);
    if (a.response == NULL) {
        return MHD_NO; /* closes the connection */
    }
    (void)MHD_add_response_header(a.response, MHD_HTTP_HEADER_CONTENT_TYPE, a.type);
    (void)MHD_add_response_header(a.response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    (void)MHD_add_response_header(a.response, "X-Content-Type-Options", "nosniff");
    (void)MHD_add_response_header(a.response, "Referrer-Policy", "no-referrer");
    if (a.status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        (void)MHD_add_response_header(a.response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    enum MHD_Result result = MHD_queue_response(connection, a.status, a.response);
    MHD_destroy_response(a.response);
    return result;
}

pc_status pc_operator_new(pc_operator **out, const pc_operator_options *options)
{
    *out = NULL;
    pc_operator *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return pc_status_out_of_memory();
    }
    int listener;
    pc_status status = pc_content_policy(server->policy, pc_status_html, pc_status_html_size);
    if (pc_status_ok(&status)) {
        status = pc_listener_open(&listener, options->address, "--operator-address");
    }
    if (!pc_status_ok(&status)) {
        free(server);
        return status;
    }
    server->options = *options;
    server->options.address = NULL; /* only borrowed for now */
    server->port = pc_listener_port(listener);
    atomic_init(&server->state, PC_OPERATOR_STARTING);
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET,
        listener, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)CONNECTIONS_OF_A_HOST_MAX,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S_MAX, MHD_OPTION_END);
    if (server->daemon == NULL) {
        (void)close(listener);
        free(server);
        return pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "OPERATOR_NOT_STARTED",
                             "cannot start the operator port on %s", options->address);
    }
    *out = server;
    return PC_OK;
}

void pc_operator_set_state(pc_operator *server, pc_operator_state state)
{
    atomic_store_explicit(&server->state, state, memory_order_release);
}

pc_operator_state pc_operator_get_state(const pc_operator *server)
{
    return atomic_load_explicit(&server->state, memory_order_acquire);
}

int pc_operator_port(const pc_operator *server)
{
    return server->port;
}

void pc_operator_free(pc_operator *server)
{
    if (server != NULL) {
        MHD_stop_daemon(server->daemon);
        free(server);
    }
}
