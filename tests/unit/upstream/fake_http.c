/* One lock guards everything; nothing here is meant to be fast. */
#include "fake_http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    PATHS_MAX = 8,
    CONNECTIONS_MAX = 1024,
    PUSHED_MAX = 16,
    RECORDED_MAX = 2048,
    REQUEST_BYTES_MAX = 256 * 1024,
    WAIT_S = 10,
};

typedef struct {
    char name[256];
    fake_answer answer;
    fake_answer pushed[PUSHED_MAX];
    size_t pushed_first;
    size_t pushed_count;
    bool held;
    char *requests[RECORDED_MAX];
    int request_count;
} path_state;

struct fake_http {
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    path_state paths[PATHS_MAX];
    size_t path_count;
    bool stopping;
    int listener;
    int port;
    fake_tls *tls; /* NULL: plain. Constant */
    pthread_t acceptor;
    int sockets[CONNECTIONS_MAX];
    pthread_t threads[CONNECTIONS_MAX];
    int connection_count;
};

typedef struct {
    fake_http *server;
    int socket;
    SSL *ssl; /* NULL: plain */
} connection;

_Thread_local bool fake_http_thread;

static void die(const char *what)
{
    perror(what);
    abort();
}

fake_answer fake_text(int status, const char *text)
{
    return (fake_answer){.status = status, .body = text, .body_size = strlen(text)};
}

/* Under the lock. */
static path_state *path_of(fake_http *server, const char *name, size_t size)
{
    for (size_t i = 0; i < server->path_count; i++) {
        if (strlen(server->paths[i].name) == size &&
            memcmp(server->paths[i].name, name, size) == 0) {
            return &server->paths[i];
        }
    }
    if (server->path_count == PATHS_MAX || size >= sizeof server->paths[0].name) {
        die("fake_http: too many paths");
    }
    path_state *path = &server->paths[server->path_count++];
    memcpy(path->name, name, size);
    path->answer = fake_text(404, "{\"statusCode\":\"404\"}");
    return path;
}

static bool write_all(connection *own, const void *bytes, size_t size)
{
    const char *next = bytes;
    while (size > 0) {
        ssize_t written = own->ssl != NULL ? SSL_write(own->ssl, next, (int)size)
                                           : send(own->socket, next, size, MSG_NOSIGNAL);
        if (written <= 0) {
            return false;
        }
        next += written;
        size -= (size_t)written;
    }
    return true;
}

/* Reads one request; returns its size, 0 at the end of the connection. */
static size_t read_request(connection *own, char *request)
{
    size_t size = 0;
    for (;;) {
        request[size] = '\0';
        char *end = strstr(request, "\r\n\r\n");
        if (end != NULL) {
            const char *length = strcasestr(request, "\r\ncontent-length:");
            size_t body = length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0;
            if (size >= (size_t)(end - request) + 4 + body) {
                return size;
            }
        }
        size_t room = REQUEST_BYTES_MAX - 1 - size;
        ssize_t got = own->ssl != NULL ? SSL_read(own->ssl, request + size, (int)room)
                                       : recv(own->socket, request + size, room, 0);
        if (got <= 0) {
            return 0;
        }
        size += (size_t)got;
    }
}

/* Records the request, chooses the answer, waits while it is held. False when the server stops. */
static bool choose_answer(fake_http *server, const char *request, size_t size, fake_answer *out)
{
    const char *target = strchr(request, ' ');
    if (target == NULL) {
        return false;
    }
    target++;
    pthread_mutex_lock(&server->lock);
    path_state *path = path_of(server, target, strcspn(target, "? \r\n"));
    if (path->request_count == RECORDED_MAX) {
        die("fake_http: too many requests");
    }
    path->requests[path->request_count++] = strndup(request, size);
    *out = path->answer;
    if (path->pushed_count > 0) {
        *out = path->pushed[path->pushed_first++ % PUSHED_MAX];
        path->pushed_count--;
    }
    pthread_cond_broadcast(&server->changed);
    while ((path->held || out->manner == FAKE_HANG || path->request_count < out->after) &&
           !server->stopping) {
        pthread_cond_wait(&server->changed, &server->lock);
    }
    bool go_on = !server->stopping;
    pthread_mutex_unlock(&server->lock);
    return go_on;
}

/* False when the connection ends with this answer. */
static bool give_answer(connection *own, const fake_answer *answer)
{
    if (answer->manner == FAKE_CUT) {
        return false;
    }
    if (answer->manner == FAKE_GARBAGE) {
        static const char garbage[] = "\x01\xff\xfe}]garbage<<<\r\n\r\n";
        write_all(own, garbage, sizeof garbage - 1);
        return false;
    }
    char head[2048];
    int length =
        snprintf(head, sizeof head,
                 "HTTP/1.1 %d Whatever\r\nContent-Type: application/json\r\n"
                 "Content-Length: %zu\r\n%s\r\n",
                 answer->status, answer->body_size, answer->headers == NULL ? "" : answer->headers);
    if (answer->manner == FAKE_HEAD) {
        write_all(own, head, (size_t)length - 2);
        return false;
    }
    size_t size = answer->manner == FAKE_HALF ? answer->body_size / 2 : answer->body_size;
    return write_all(own, head, (size_t)length) && write_all(own, answer->body, size) &&
           answer->manner == FAKE_WHOLE;
}

static void *serve(void *argument)
{
    connection *own = argument;
    fake_http_thread = true;
    char *request = malloc(REQUEST_BYTES_MAX);
    size_t size;
    fake_answer answer;
    bool usable = true;
    if (own->server->tls != NULL) {
        own->ssl = SSL_new(own->server->tls->context);
        SSL_set_fd(own->ssl, own->socket);
        usable = SSL_accept(own->ssl) == 1;
    }
    while (usable && (size = read_request(own, request)) > 0 &&
           choose_answer(own->server, request, size, &answer) && give_answer(own, &answer)) {
    }
    /* The descriptor is closed after the thread was joined, so that its number is not reused. */
    SSL_free(own->ssl);
    shutdown(own->socket, SHUT_RDWR);
    free(request);
    free(own);
    return NULL;
}

static void *accept_all(void *argument)
{
    fake_http *server = argument;
    fake_http_thread = true;
    for (;;) {
        int socket = accept(server->listener, NULL, NULL);
        if (socket < 0) {
            return NULL;
        }
        int on = 1;
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        connection *own = malloc(sizeof *own);
        *own = (connection){.server = server, .socket = socket};
        pthread_mutex_lock(&server->lock);
        if (server->connection_count == CONNECTIONS_MAX || server->stopping) {
            close(socket);
            free(own);
        } else {
            server->sockets[server->connection_count] = socket;
            if (pthread_create(&server->threads[server->connection_count], NULL, serve, own) != 0) {
                die("fake_http: pthread_create");
            }
            server->connection_count++;
        }
        pthread_mutex_unlock(&server->lock);
    }
}

static fake_http *new_server(int port, fake_tls *tls)
{
    fake_http *server = calloc(1, sizeof *server);
    pthread_mutex_init(&server->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&server->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    server->tls = tls;
    /* OpenSSL writes without MSG_NOSIGNAL. */
    (void)signal(SIGPIPE, SIG_IGN);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t address_size = sizeof address;
    if (bind(server->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(server->listener, 512) != 0 ||
        getsockname(server->listener, (struct sockaddr *)&address, &address_size) != 0) {
        die("fake_http: listen");
    }
    server->port = ntohs(address.sin_port);
    if (pthread_create(&server->acceptor, NULL, accept_all, server) != 0) {
        die("fake_http: pthread_create");
    }
    return server;
}

fake_http *fake_http_new(int port)
{
    return new_server(port, NULL);
}

fake_http *fake_http_new_tls(fake_tls *tls)
{
    return new_server(0, tls);
}

void fake_http_free(fake_http *server)
{
    if (server == NULL) {
        return;
    }
    pthread_mutex_lock(&server->lock);
    server->stopping = true;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->acceptor, NULL);
    close(server->listener);
    for (int i = 0; i < server->connection_count; i++) {
        shutdown(server->sockets[i], SHUT_RDWR);
        pthread_join(server->threads[i], NULL);
        close(server->sockets[i]);
    }
    for (size_t i = 0; i < server->path_count; i++) {
        for (int k = 0; k < server->paths[i].request_count; k++) {
            free(server->paths[i].requests[k]);
        }
    }
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

int fake_http_port(const fake_http *server)
{
    return server->port;
}

void fake_http_url(const fake_http *server, const char *path, char *out, size_t out_size)
{
    (void)snprintf(out, out_size, "http://127.0.0.1:%d%s", server->port, path);
}

void fake_http_set(fake_http *server, const char *path, fake_answer answer)
{
    pthread_mutex_lock(&server->lock);
    path_of(server, path, strlen(path))->answer = answer;
    pthread_mutex_unlock(&server->lock);
}

void fake_http_push(fake_http *server, const char *path, fake_answer answer)
{
    pthread_mutex_lock(&server->lock);
    path_state *state = path_of(server, path, strlen(path));
    if (state->pushed_count == PUSHED_MAX) {
        die("fake_http: too many pushed answers");
    }
    state->pushed[(state->pushed_first + state->pushed_count++) % PUSHED_MAX] = answer;
    pthread_mutex_unlock(&server->lock);
}

static void set_held(fake_http *server, const char *path, bool held)
{
    pthread_mutex_lock(&server->lock);
    path_of(server, path, strlen(path))->held = held;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
}

void fake_http_hold(fake_http *server, const char *path)
{
    set_held(server, path, true);
}

void fake_http_release(fake_http *server, const char *path)
{
    set_held(server, path, false);
}

int fake_http_count(fake_http *server, const char *path)
{
    pthread_mutex_lock(&server->lock);
    int count = path_of(server, path, strlen(path))->request_count;
    pthread_mutex_unlock(&server->lock);
    return count;
}

void fake_http_wait_count(fake_http *server, const char *path, int count)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += WAIT_S;
    pthread_mutex_lock(&server->lock);
    path_state *state = path_of(server, path, strlen(path));
    while (state->request_count < count) {
        if (pthread_cond_timedwait(&server->changed, &server->lock, &until) != 0) {
            die("fake_http: the requests waited for did not come");
        }
    }
    pthread_mutex_unlock(&server->lock);
}

const char *fake_http_request(fake_http *server, const char *path, int index)
{
    pthread_mutex_lock(&server->lock);
    path_state *state = path_of(server, path, strlen(path));
    const char *request = index < state->request_count ? state->requests[index] : "";
    pthread_mutex_unlock(&server->lock);
    return request;
}

int fake_http_connections(fake_http *server)
{
    pthread_mutex_lock(&server->lock);
    int count = server->connection_count;
    pthread_mutex_unlock(&server->lock);
    return count;
}
