#include "connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PLACES = 16384, /* for streams by number, so many that none is in flight while all are used */
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

struct load_connection {
    int socket;
    char path[LOAD_PATH_MAX + 1];
    load_on_end *on_end;
    void *context;
    uint32_t next_stream;
    uint32_t open;      /* streams */
    uint32_t open_most; /* that the server allows */
    bool greeted;       /* the table has our headers */
    struct {
        uint64_t tag;
        size_t bytes;
        bool open;
    } streams[PLACES];
    int64_t window;    /* that the server grants for requests */
    uint32_t received; /* of answers, since we last granted some */
    size_t in_size;
    size_t out_size;
    uint8_t in[BUFFER_BYTES];
    uint8_t out[BUFFER_BYTES];
};

_Noreturn void load_fail(const char *what)
{
    fprintf(stderr, "load: %s\n", what);
    exit(1);
}

/* ---- sending --------------------------------------------------------------------------------- */

static void put(load_connection *c, const void *bytes, size_t size)
{
    if (c->out_size + size > BUFFER_BYTES) {
        load_fail("the server does not read");
    }
    memcpy(c->out + c->out_size, bytes, size);
    c->out_size += size;
}

static void put_frame(load_connection *c, uint8_t type, uint8_t flags, uint32_t stream,
                      const void *body, size_t size)
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

static void put_window(load_connection *c, uint32_t more)
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

static size_t headers(const load_connection *c, uint8_t *out)
{
    /* :method POST, :scheme http */
    size_t size = 0;
    out[size++] = 0x80 | 3;
    out[size++] = 0x80 | 6;
    if (!c->greeted) {
        size += literal(out + size, 4, ":path", c->path);
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

bool load_start(load_connection *c, const void *request, size_t size, uint64_t tag)
{
    if (c->window < (int64_t)size || c->open >= c->open_most) {
        return false;
    }
    const uint32_t place = c->next_stream / 2 % PLACES;
    if (c->streams[place].open) {
        load_fail("too many streams are in flight");
    }
    uint8_t block[512];
    const size_t block_size = headers(c, block);
    c->greeted = true;
    put_frame(c, HEADERS, END_HEADERS, c->next_stream, block, block_size);
    put_frame(c, DATA, END_STREAM, c->next_stream, request, size);
    c->streams[place].open = true;
    c->streams[place].bytes = 0;
    c->streams[place].tag = tag;
    c->window -= (int64_t)size;
    c->next_stream += 2;
    c->open++;
    return true;
}

void load_flush(load_connection *c)
{
    size_t sent = 0;
    while (sent < c->out_size) {
        ssize_t count = send(c->socket, c->out + sent, c->out_size - sent, MSG_NOSIGNAL);
        if (count <= 0) {
            load_fail("the connection broke");
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

static void on_data(load_connection *c, uint32_t stream, size_t size)
{
    c->streams[stream / 2 % PLACES].bytes += size;
    c->received += (uint32_t)size;
    if (c->received >= WINDOW_WIDE / 2) {
        put_window(c, c->received);
        c->received = 0;
    }
}

static void on_settings(load_connection *c, const uint8_t *body, size_t size)
{
    enum { SETTING_BYTES = 6, MAX_CONCURRENT_STREAMS = 3 };
    for (size_t at = 0; at + SETTING_BYTES <= size; at += SETTING_BYTES) {
        if (body[at] == 0 && body[at + 1] == MAX_CONCURRENT_STREAMS) {
            c->open_most = number(body + at + 2);
        }
    }
    put_frame(c, SETTINGS, ACK, 0, body, 0);
}

static void on_frame(load_connection *c, const uint8_t *frame, size_t size)
{
    const uint8_t type = frame[3];
    const uint8_t flags = frame[4];
    const uint32_t stream = number(frame + 5);
    const uint32_t place = stream / 2 % PLACES;
    const uint8_t *body = frame + FRAME_HEAD;
    switch (type) {
    case DATA:
        on_data(c, stream, size);
        break;
    case SETTINGS:
        if ((flags & ACK) == 0) {
            on_settings(c, body, size);
        }
        break;
    case PING:
        if ((flags & ACK) == 0) {
            put_frame(c, PING, ACK, 0, body, size);
        }
        break;
    case WINDOW_UPDATE:
        c->window += stream == 0 ? number(body) : 0;
        break;
    case RST_STREAM:
        /* One that is answered may be reset all the same. */
        if (c->streams[place].open) {
            load_fail("a stream was reset");
        }
        break;
    case GOAWAY:
        load_fail("the server goes away");
    default:
        break;
    }
    if ((type == DATA || type == HEADERS) && (flags & END_STREAM) != 0) {
        c->streams[place].open = false;
        c->open--;
        c->on_end(c->context, c, c->streams[place].tag, c->streams[place].bytes);
    }
}

void load_receive(load_connection *c)
{
    ssize_t count = recv(c->socket, c->in + c->in_size, BUFFER_BYTES - c->in_size, 0);
    if (count <= 0) {
        load_fail("the connection ended");
    }
    c->in_size += (size_t)count;
    size_t at = 0;
    while (c->in_size - at >= FRAME_HEAD) {
        const uint8_t *frame = c->in + at;
        const size_t size = (size_t)frame[0] << 16 | (size_t)frame[1] << 8 | frame[2];
        if (c->in_size - at < FRAME_HEAD + size) {
            break;
        }
        on_frame(c, frame, size);
        at += FRAME_HEAD + size;
    }
    memmove(c->in, c->in + at, c->in_size - at);
    c->in_size -= at;
}

/* ---- life ------------------------------------------------------------------------------------ */

load_connection *load_connect(uint16_t port, const char *path, load_on_end *on_end, void *context)
{
    load_connection *c = calloc(1, sizeof *c);
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int on = 1;
    if (strlen(path) > LOAD_PATH_MAX) {
        load_fail("the method's path is too long");
    }
    if (c == NULL || (c->socket = socket(AF_INET, SOCK_STREAM, 0)) < 0 ||
        connect(c->socket, (const struct sockaddr *)&address, sizeof address) != 0 ||
        setsockopt(c->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
        load_fail("cannot connect");
    }
    memcpy(c->path, path, strlen(path) + 1);
    c->on_end = on_end;
    c->context = context;
    c->next_stream = 1;
    c->window = WINDOW_FIRST;
    c->open_most = UINT32_MAX;
    put(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    /* SETTINGS_INITIAL_WINDOW_SIZE */
    const uint8_t settings[] = {0, 4, WINDOW_WIDE >> 24, 0, 0, 0};
    put_frame(c, SETTINGS, 0, 0, settings, sizeof settings);
    put_window(c, WINDOW_WIDE);
    return c;
}

void load_close(load_connection *c)
{
    close(c->socket);
    free(c);
}

int load_socket(const load_connection *c)
{
    return c->socket;
}

size_t load_read_request(const char *path, uint8_t *out)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        load_fail("cannot read the request");
    }
    const size_t size = fread(out, 1, LOAD_REQUEST_MAX, file);
    (void)fclose(file);
    return size;
}
