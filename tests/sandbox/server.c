/* The HTTP server on libmicrohttpd, see server.h. */
#include "server.h"

#include "delay.h"
#include "exchange.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024, CONNECTIONS_MAX = 16000, HEAD_MAX = 64 * 1024, IDLE_S = 75 };

struct sbx_server {
    struct sbx_server_options options;
    struct sbx_service *service;
    struct MHD_Daemon *daemon;
    sbx_delay *delay;
    int socket;
    int port;
    char *certificate;
    char *key;
};

static bool read_file(char **out, const char *path, struct sbx_error *error)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return sbx_fail(error, "cannot read %s: %s", path, strerror(errno));
    }
    struct sbx_text text = {0};
    char chunk[4096];
    size_t got;
    while ((got = fread(chunk, 1, sizeof(chunk), file)) > 0 && text.length < 1024 * 1024) {
        sbx_text_add(&text, chunk, got);
    }
    bool empty = text.length == 0;
    fclose(file);
    *out = text.data;
    return !empty || sbx_fail(error, "cannot read %s: it is empty", path);
}

static int take_address(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, address->ai_addr, address->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        int reason = errno;
        close(fd);
        errno = reason;
        return -1;
    }
    return fd;
}

static int bound_port(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)(void *)&address, &length) != 0) {
        return 0;
    }
    if (address.ss_family == AF_INET6) {
        struct sockaddr_in6 six;
        memcpy(&six, &address, sizeof(six));
        return ntohs(six.sin6_port);
    }
    struct sockaddr_in four;
    memcpy(&four, &address, sizeof(four));
    return ntohs(four.sin_port);
}

bool sbx_server_open(sbx_server **out, const struct sbx_server_options *options,
                     struct sbx_error *error)
{
    sbx_server *server = sbx_alloc(sizeof(*server));
    server->options = *options;
    server->socket = -1;
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    char port[8];
    snprintf(port, sizeof(port), "%d", options->port);
    int problem = getaddrinfo(options->host, port, &hints, &addresses);
    if (problem != 0) {
        sbx_fail(error, "cannot listen on %s: %s", options->host, gai_strerror(problem));
        goto fail;
    }
    server->socket = take_address(addresses);
    int reason = errno;
    freeaddrinfo(addresses);
    if (server->socket < 0) {
        sbx_fail(error, "cannot listen on %s port %d: %s", options->host, options->port,
                 strerror(reason));
        goto fail;
    }
    server->port = bound_port(server->socket);
    if (options->certificate_path != NULL &&
        (!read_file(&server->certificate, options->certificate_path, error) ||
         !read_file(&server->key, options->key_path, error))) {
        goto fail;
    }
    *out = server;
    return true;
fail:
    sbx_server_free(server);
    return false;
}

static void *on_request_line(void *payload, const char *target, struct MHD_Connection *connection)
{
    (void)connection;
    sbx_server *server = payload;
    return sbx_exchange_new(server->service, server->delay, target);
}

static enum MHD_Result on_access(void *payload, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *upload,
                                 size_t *upload_size, void **state)
{
    (void)payload;
    (void)url;
    (void)version;
    return sbx_exchange_step(*state, connection, method, upload, upload_size);
}

static void on_completed(void *payload, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode why)
{
    (void)payload;
    (void)connection;
    if (*state != NULL) {
        sbx_exchange_end(*state, why == MHD_REQUEST_TERMINATED_COMPLETED_OK);
        *state = NULL;
    }
}

/* libmicrohttpd remarks on every client that closes early, which is the point of this program. */
SBX_PRINTF(2, 0) static void be_quiet(void *payload, const char *message, va_list args)
{
    (void)payload;
    (void)message;
    (void)args;
}

/* The queries are decoded from the raw target instead, where a NUL cannot hide. */
static size_t leave_encoded(void *payload, struct MHD_Connection *connection, char *text)
{
    (void)payload;
    (void)connection;
    return strlen(text);
}

static void allow_many_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

bool sbx_server_start(sbx_server *server, struct sbx_service *service, struct sbx_error *error)
{
    server->service = service;
    allow_many_files();
    server->delay = sbx_delay_new(sbx_exchange_due);
    if (server->delay == NULL) {
        return sbx_fail(error, "cannot start a thread");
    }
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, server->certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, server->key},
        {MHD_OPTION_END, 0, NULL},
    };
    if (server->certificate != NULL) {
        if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES) {
            return sbx_fail(error, "this libmicrohttpd was built without TLS");
        }
        flags |= MHD_USE_TLS;
    } else {
        tls[0] = tls[2];
    }
    /* The logger first, so that the later options are judged in silence too. */
    server->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_access, server, MHD_OPTION_EXTERNAL_LOGGER, be_quiet, NULL,
        MHD_OPTION_LISTEN_SOCKET, server->socket, MHD_OPTION_THREAD_POOL_SIZE,
        (unsigned)server->options.threads, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_S, MHD_OPTION_URI_LOG_CALLBACK, on_request_line, server,
        MHD_OPTION_UNESCAPE_CALLBACK, leave_encoded, NULL, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, server, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
    if (server->daemon == NULL) {
        return sbx_fail(error, server->certificate != NULL
                                   ? "cannot start the server: see that --tls-cert and --tls-key "
                                     "are a PEM pair"
                                   : "cannot start the server");
    }
    server->socket = -1; /* the daemon closes it */
    return true;
}

int sbx_server_port(const sbx_server *server)
{
    return server->port;
}

void sbx_server_free(sbx_server *server)
{
    if (server == NULL) {
        return;
    }
    if (server->delay != NULL) {
        /* No connection may be suspended any more when the daemon stops. */
        sbx_delay_stop(server->delay);
    }
    if (server->daemon != NULL) {
        MHD_stop_daemon(server->daemon);
    }
    if (server->delay != NULL) {
        sbx_delay_free(server->delay);
    }
    if (server->socket >= 0) {
        close(server->socket);
    }
    free(server->certificate);
    if (server->key != NULL) {
        explicit_bzero(server->key, strlen(server->key));
    }
    free(server->key);
    free(server);
}
