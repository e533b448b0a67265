/* Closed-loop load on a gRPC method that costs the sender next to nothing, so that on two cores it
 * is the server that is measured, not the load: requests are the same bytes every time, answers are
 * counted and not read.
 *
 * It speaks as much HTTP/2 as that takes. Headers go out as indexes into the compression table
 * after the first request, as from any client; those of answers are skipped, so a failure is only
 * seen as an answer without a message. Flow control is kept for requests and opened wide for
 * answers.
 *
 * Usage: flood PORT METHOD_PATH REQUEST_FILE REQUESTS CONNECTIONS STREAMS, with the request in
 * gRPC's framing. Prints one JSON object; fails when an answer has no message. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 64,
    STREAMS_MAX = 512,
    PLACES = 16384, /* for streams by number, so many that none is in flight while all are used */
    REQUEST_MAX = 16000,
    BUFFER_BYTES = 1 << 20,
    FRAME_HEAD = 9,
    WINDOW_FIRST = 65535,
    WINDOW_WIDE = 1 << 30,
};

enum {
    DATA = 0,
    HEADERS = 1,
    RST_STREAM = 3,
    SETTINGS = 4,
    PING = 6,
    GOAWAY = 7,
    WINDOW_UPDATE = 8
};
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };

typedef struct {
    int socket;
    uint32_t next_stream;
    int idle;     /* streams that may be started */
    bool greeted; /* the table has our headers */
    struct {
        bool open;
        bool has_message;
    } streams[PLACES];
    int64_t window;    /* that the server grants for requests */
    uint32_t received; /* of answers, since we last granted some */
    size_t in_size;
    size_t out_size;
    uint8_t in[BUFFER_BYTES];
    uint8_t out[BUFFER_BYTES];
} connection;

typedef struct {
    const char *path;
    uint8_t request[REQUEST_MAX];
    size_t request_size;
    uint64_t to_start;
    uint64_t in_flight;
    uint64_t done;
    uint64_t empty;
    uint64_t bytes;
} load;

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "flood: %s\n", what);
    exit(1);
}

/* ---- sending --------------------------------------------------------------------------------- */

static void put(connection *c, const void *bytes, size_t size)
{
    if (c->out_size + size > BUFFER_BYTES) {
        fail("the server does not read");
    }
    memcpy(c->out + c->out_size, bytes, size);
    c->out_size += size;
}

static void put_frame(connection *c, uint8_t type, uint8_t flags, uint32_t stream, const void *body,
                      size_t size)
{
    const uint8_t head[FRAME_HEAD] = {(uint8_t)(size >> 16),
                                      (uint8_t)(size >> 8),
                                      (uint8_t)size,
                                      type,
                                      flags,
                                      (uint8_t)(stream >> 24),
                                      (uint8_t)(stream >> 16),
                                      (uint8_t)(stream >> 8),
                                      (uint8_t)stream};
    put(c, head, sizeof head);
    put(c, body, size);
}

static void put_window(connection *c, uint32_t more)
{
    const uint32_t body = htonl(more);
    put_frame(c, WINDOW_UPDATE, 0, 0, &body, sizeof body);
}

static size_t text(uint8_t *out, const char *value)
{
    const size_t size = strlen(value);
    out[0] = (uint8_t)size;
    memcpy(out + 1, value, size);
    return size + 1;
}

/* A header that the table shall keep: `name_index` of the static table, or 0 and a name. */
static size_t literal(uint8_t *out, uint8_t name_index, const char *name, const char *value)
{
    size_t size = 0;
    out[size++] = 0x40 | name_index;
    if (name_index == 0) {
        size += text(out + size, name);
    }
    return size + text(out + size, value);
}

static size_t headers(const connection *c, const load *l, uint8_t *out)
{
    /* :method POST, :scheme http */
    size_t size = 0;
    out[size++] = 0x80 | 3;
    out[size++] = 0x80 | 6;
    if (!c->greeted) {
        size += literal(out + size, 4, ":path", l->path);
        size += literal(out + size, 1, ":authority", "127.0.0.1");
        size += literal(out + size, 31, "content-type", "application/grpc");
        size += literal(out + size, 0, "te", "trailers");
        return size;
    }
    /* The newest has the lowest index. */
    for (int index = 65; index >= 62; index--) {
        out[size++] = (uint8_t)(0x80 | index);
    }
    return size;
}

static void start_stream(connection *c, load *l)
{
    uint8_t block[512];
    const size_t size = headers(c, l, block);
    c->greeted = true;
    put_frame(c, HEADERS, END_HEADERS, c->next_stream, block, size);
    put_frame(c, DATA, END_STREAM, c->next_stream, l->request, l->request_size);
    c->streams[c->next_stream / 2 % PLACES].open = true;
    c->streams[c->next_stream / 2 % PLACES].has_message = false;
    c->window -= (int64_t)l->request_size;
    c->next_stream += 2;
    c->idle--;
    l->to_start--;
    l->in_flight++;
}

static void start_streams(connection *c, load *l)
{
    while (c->idle > 0 && l->to_start > 0 && c->window >= (int64_t)l->request_size) {
        start_stream(c, l);
    }
}

static void flush(connection *c)
{
    size_t sent = 0;
    while (sent < c->out_size) {
        ssize_t count = send(c->socket, c->out + sent, c->out_size - sent, MSG_NOSIGNAL);
        if (count <= 0) {
            fail("the connection broke");
        }
        sent += (size_t)count;
    }
    c->out_size = 0;
}

/* ---- receiving ------------------------------------------------------------------------------- */

static uint32_t number(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* A stream has ended; another takes its place. */
static void end_stream(connection *c, load *l, uint32_t stream)
{
    l->in_flight--;
    l->done++;
    l->empty += !c->streams[stream / 2 % PLACES].has_message;
    c->streams[stream / 2 % PLACES].open = false;
    c->idle++;
    start_streams(c, l);
}

static void on_data(connection *c, load *l, uint32_t stream, size_t size)
{
    c->streams[stream / 2 % PLACES].has_message |= size > 0;
    l->bytes += size;
    c->received += (uint32_t)size;
    if (c->received >= WINDOW_WIDE / 2) {
        put_window(c, c->received);
        c->received = 0;
    }
}

static void on_frame(connection *c, load *l, const uint8_t *frame, size_t size)
{
    const uint8_t type = frame[3];
    const uint8_t flags = frame[4];
    const uint32_t stream = number(frame + 5);
    const uint8_t *body = frame + FRAME_HEAD;
    switch (type) {
    case DATA:
        on_data(c, l, stream, size);
        break;
    case SETTINGS:
        if ((flags & ACK) == 0) {
            put_frame(c, SETTINGS, ACK, 0, body, 0);
        }
        break;
    case PING:
        if ((flags & ACK) == 0) {
            put_frame(c, PING, ACK, 0, body, size);
        }
        break;
    case WINDOW_UPDATE:
        c->window += stream == 0 ? number(body) : 0;
        start_streams(c, l);
        break;
    case RST_STREAM:
        /* One that is answered may be reset all the same. */
        if (c->streams[stream / 2 % PLACES].open) {
            fail("a stream was reset");
        }
        break;
    case GOAWAY:
        fail("the server goes away");
    default:
        break;
    }
    if ((type == DATA || type == HEADERS) && (flags & END_STREAM) != 0) {
        end_stream(c, l, stream);
    }
}

static void receive(connection *c, load *l)
{
    ssize_t count = recv(c->socket, c->in + c->in_size, BUFFER_BYTES - c->in_size, 0);
    if (count <= 0) {
        fail("the connection ended");
    }
    c->in_size += (size_t)count;
    size_t at = 0;
    while (c->in_size - at >= FRAME_HEAD) {
        const uint8_t *frame = c->in + at;
        const size_t size = (size_t)frame[0] << 16 | (size_t)frame[1] << 8 | frame[2];
        if (c->in_size - at < FRAME_HEAD + size) {
            break;
        }
        on_frame(c, l, frame, size);
        at += FRAME_HEAD + size;
    }
    memmove(c->in, c->in + at, c->in_size - at);
    c->in_size -= at;
    flush(c);
}

/* ---- life ------------------------------------------------------------------------------------ */

static connection *connect_to(uint16_t port)
{
    connection *c = calloc(1, sizeof *c);
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int on = 1;
    if (c == NULL || (c->socket = socket(AF_INET, SOCK_STREAM, 0)) < 0 ||
        connect(c->socket, (const struct sockaddr *)&address, sizeof address) != 0 ||
        setsockopt(c->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
        fail("cannot connect");
    }
    c->next_stream = 1;
    c->window = WINDOW_FIRST;
    put(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    /* SETTINGS_INITIAL_WINDOW_SIZE */
    const uint8_t settings[] = {0, 4, WINDOW_WIDE >> 24, 0, 0, 0};
    put_frame(c, SETTINGS, 0, 0, settings, sizeof settings);
    put_window(c, WINDOW_WIDE);
    return c;
}

static void read_request(load *l, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail("cannot read the request");
    }
    l->request_size = fread(l->request, 1, sizeof l->request, file);
    (void)fclose(file);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void run(load *l, connection *const *connections, int count, int streams)
{
    const int epoll = epoll_create1(0);
    for (int i = 0; i < count; i++) {
        struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = connections[i]};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, connections[i]->socket, &wanted) != 0) {
            fail("cannot wait");
        }
        connections[i]->idle = streams;
        start_streams(connections[i], l);
        flush(connections[i]);
    }
    while (l->in_flight > 0) {
        struct epoll_event events[CONNECTIONS_MAX];
        const int ready = epoll_wait(epoll, events, CONNECTIONS_MAX, 10000);
        if (ready <= 0) {
            fail("nothing has come for ten seconds");
        }
        for (int i = 0; i < ready; i++) {
            receive(events[i].data.ptr, l);
        }
    }
    close(epoll);
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fprintf(stderr,
                "usage: flood PORT METHOD_PATH REQUEST_FILE REQUESTS CONNECTIONS STREAMS\n");
        return 2;
    }
    static load l;
    l.path = argv[2];
    read_request(&l, argv[3]);
    l.to_start = strtoull(argv[4], NULL, 10);
    const uint64_t requests = l.to_start;
    const int count = atoi(argv[5]);
    const int streams = atoi(argv[6]);
    if (count < 1 || count > CONNECTIONS_MAX || streams < 1 || streams > STREAMS_MAX ||
        strlen(l.path) > 120) {
        fail("too many connections or streams, or too long a path");
    }
    connection *connections[CONNECTIONS_MAX];
    for (int i = 0; i < count; i++) {
        connections[i] = connect_to((uint16_t)atoi(argv[1]));
    }
    const double begin = seconds();
    run(&l, connections, count, streams);
    const double took = seconds() - begin;
    printf("{\"requests\":%llu,\"seconds\":%.6f,\"bytes\":%llu,\"empty\":%llu}\n",
           (unsigned long long)l.done, took, (unsigned long long)l.bytes,
           (unsigned long long)l.empty);
    for (int i = 0; i < count; i++) {
        close(connections[i]->socket);
        free(connections[i]);
    }
    if (l.empty > 0 || l.done != requests) {
        fail("answers are missing or have no message");
    }
    return 0;
}
