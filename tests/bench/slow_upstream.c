/* An upstream that takes its time and costs next to nothing, so that on two cores it is the server
 * that is measured: HTTP/1.1, one thread, and answers that were recorded from an entity sandbox.
 * For a person, customerNNNNNNN@example.net, each run of seven # in the recorded profile becomes
 * the number; a request for several persons is answered with all of them. Tokens and names of
 * audiences come at once, profiles after DELAY_MS, evenly more or less by SPREAD_MS.
 *
 * Usage: slow_upstream DELAY_MS SPREAD_MS FOLDER, with token.json, audiences.json and profile.json.
 * Prints the port that it listens on. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 20000,
    PERSONS_MAX = 64, /* of one request */
    DIGITS = 7,
    REQUEST_MAX = 32768,
    RECORDED_MAX = 65536,
    ANSWER_MAX = PERSONS_MAX * RECORDED_MAX,
    SLOTS = 4096, /* milliseconds that an answer may be ahead */
};

typedef enum { TOKEN, AUDIENCES, PROFILE, KINDS } kind;

typedef struct {
    char bytes[RECORDED_MAX];
    size_t size;
} recorded;

/* One request at a time, as HTTP/1.1 has it. */
typedef struct connection {
    int socket;
    size_t in_size;
    kind asked;
    bool waits; /* for its answer */
    bool left;  /* while it waited */
    size_t person_count;
    char persons[PERSONS_MAX][DIGITS];
    struct connection *next; /* that is due in the same millisecond */
    char in[REQUEST_MAX];
} connection;

static recorded answers[KINDS];
static connection *connections[CONNECTIONS_MAX]; /* by socket */
static connection *due[SLOTS];
static int64_t done_until; /* milliseconds */
static int delay_ms;
static int spread_ms;

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "slow_upstream: %s\n", what);
    exit(1);
}

static int64_t milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- answering ------------------------------------------------------------------------------- */

/* A recorded object without its braces, with a person's number in it. */
static size_t write_person(const recorded *r, const char *number, char *out)
{
    const size_t size = r->size - 2;
    memcpy(out, r->bytes + 1, size);
    for (char *at = out; (at = memmem(at, size - (size_t)(at - out), "#######", DIGITS)) != NULL;
         at += DIGITS) {
        memcpy(at, number, DIGITS);
    }
    return size;
}

static size_t write_body(const connection *c, char *out)
{
    const recorded *r = &answers[c->asked];
    if (c->person_count == 0) {
        memcpy(out, r->bytes, r->size);
        return r->size;
    }
    size_t size = 0;
    for (size_t i = 0; i < c->person_count; i++) {
        out[size++] = i == 0 ? '{' : ',';
        size += write_person(r, c->persons[i], out + size);
    }
    out[size++] = '}';
    return size;
}

static void answer(connection *c)
{
    static char out[ANSWER_MAX];
    enum { HEAD_MAX = 256 };
    const size_t size = write_body(c, out + HEAD_MAX);
    char head[HEAD_MAX];
    const int head_size = snprintf(head, sizeof head,
                                   "HTTP/1.1 %s\r\nContent-Type: application/json\r\n"
                                   "Content-Length: %zu\r\n\r\n",
                                   c->asked == AUDIENCES ? "207 Multi-Status" : "200 OK", size);
    char *begin = out + HEAD_MAX - head_size;
    memcpy(begin, head, (size_t)head_size);
    const size_t all = size + (size_t)head_size;
    for (size_t sent = 0; sent < all;) {
        const ssize_t count = send(c->socket, begin + sent, all - sent, MSG_NOSIGNAL);
        if (count <= 0) {
            return; /* it has left; reading will notice */
        }
        sent += (size_t)count;
    }
}

static void answer_later(connection *c)
{
    const int64_t spread = spread_ms > 0 ? rand() % (2 * spread_ms + 1) - spread_ms : 0;
    connection **slot = &due[(milliseconds() + delay_ms + spread) % SLOTS];
    c->next = *slot;
    c->waits = true;
    *slot = c;
}

static void answer_due(void)
{
    for (const int64_t now = milliseconds(); done_until < now;) {
        done_until++;
        connection *c = due[done_until % SLOTS];
        due[done_until % SLOTS] = NULL;
        while (c != NULL) {
            connection *next = c->next;
            c->waits = false;
            answer(c);
            if (c->left) {
                close(c->socket);
            }
            c = next;
        }
    }
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void find_persons(connection *c, size_t size)
{
    static const char name[] = "customer";
    const size_t name_size = sizeof name - 1;
    c->person_count = 0;
    const char *end = c->in + size;
    for (const char *at = c->in; c->person_count < PERSONS_MAX &&
                                 (at = memmem(at, (size_t)(end - at), name, name_size)) != NULL;) {
        at += name_size;
        if (end - at >= DIGITS) {
            memcpy(c->persons[c->person_count++], at, DIGITS);
        }
    }
}

static bool has(const connection *c, size_t size, const char *text)
{
    return memmem(c->in, size, text, strlen(text)) != NULL;
}

static void read_request(connection *c, size_t size)
{
    c->asked = has(c, size, "/ims/token")   ? TOKEN
               : has(c, size, "/audiences") ? AUDIENCES
                                            : PROFILE;
    find_persons(c, size);
    if (c->asked == TOKEN || c->asked == AUDIENCES) {
        c->person_count = 0;
        answer(c);
    } else {
        answer_later(c);
    }
}

/* The size of the request that has come; 0 while it is not whole. */
static size_t whole_request(connection *c)
{
    static const char length[] = "\r\nContent-Length: ";
    const char *head_end = memmem(c->in, c->in_size, "\r\n\r\n", 4);
    if (head_end == NULL) {
        return 0;
    }
    const size_t head_size = (size_t)(head_end - c->in) + 4;
    const char *at = memmem(c->in, head_size, length, sizeof length - 1);
    const size_t size = head_size + (at ? strtoul(at + sizeof length - 1, NULL, 10) : 0);
    return size <= c->in_size ? size : 0;
}

static void receive(int epoll, connection *c)
{
    const ssize_t count = recv(c->socket, c->in + c->in_size, REQUEST_MAX - c->in_size, 0);
    if (count <= 0) {
        c->left = true;
        if (c->waits) {
            (void)epoll_ctl(epoll, EPOLL_CTL_DEL, c->socket, NULL);
        } else {
            close(c->socket);
        }
        return;
    }
    c->in_size += (size_t)count;
    const size_t size = whole_request(c);
    if (size > 0) {
        read_request(c, size);
        memmove(c->in, c->in + size, c->in_size - size);
        c->in_size -= size;
    } else if (c->in_size == REQUEST_MAX) {
        fail("a request is too large");
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

static void read_recorded(const char *folder, const char *name, recorded *out)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s.json", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail("cannot read a recorded answer");
    }
    out->size = fread(out->bytes, 1, sizeof out->bytes, file);
    (void)fclose(file);
    if (out->size < 2 || out->size == sizeof out->bytes) {
        fail("a recorded answer is too short or too long");
    }
}

static int listen_somewhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 4096) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0) {
        fail("cannot listen");
    }
    printf("port: %d\n", ntohs(address.sin_port));
    (void)fflush(stdout);
    return listener;
}

static void watch(int epoll, int socket)
{
    struct epoll_event wanted = {.events = EPOLLIN, .data.fd = socket};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &wanted) != 0) {
        fail("cannot wait");
    }
}

static void let_in(int epoll, int listener)
{
    const int socket = accept(listener, NULL, NULL);
    const int on = 1;
    if (socket < 0 || socket >= CONNECTIONS_MAX) {
        fail("too many connections");
    }
    (void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connections[socket] == NULL) {
        connections[socket] = calloc(1, sizeof(connection));
    }
    if (connections[socket] == NULL) {
        fail("no memory");
    }
    connections[socket]->socket = socket;
    connections[socket]->in_size = 0;
    connections[socket]->left = false;
    watch(epoll, socket);
}

int main(int argc, char **argv)
{
    static const char *const names[KINDS] = {"token", "audiences", "profile"};
    if (argc != 4) {
        fprintf(stderr, "usage: slow_upstream DELAY_MS SPREAD_MS FOLDER\n");
        return 2;
    }
    delay_ms = atoi(argv[1]);
    spread_ms = atoi(argv[2]);
    if (spread_ms < 0 || delay_ms <= spread_ms || delay_ms + spread_ms >= SLOTS) {
        fail("the delay is to be more than its spread, and both less than four seconds");
    }
    for (kind i = 0; i < KINDS; i++) {
        read_recorded(argv[3], names[i], &answers[i]);
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
    const int epoll = epoll_create1(0);
    const int listener = listen_somewhere();
    watch(epoll, listener);
    done_until = milliseconds();
    for (;;) {
        struct epoll_event events[256];
        const int ready = epoll_wait(epoll, events, 256, 1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd == listener) {
                let_in(epoll, listener);
            } else {
                receive(epoll, connections[events[i].data.fd]);
            }
        }
        answer_due();
    }
}
