/* Closed-loop load on a gRPC method: the same request over and over, so many at once, whose answers
 * are counted and not read. See load/connection.h for what it spares itself.
 *
 * Usage: flood PORT METHOD_PATH REQUEST_FILE REQUESTS CONNECTIONS STREAMS, with the request in
 * gRPC's framing. Prints one JSON object; fails when an answer has no message. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "connection.h"

enum { CONNECTIONS_MAX = 64, STREAMS_MAX = 512 };

typedef struct {
    uint8_t request[LOAD_REQUEST_MAX];
    size_t request_size;
    uint64_t to_start;
    uint64_t in_flight;
    uint64_t done;
    uint64_t empty;
    uint64_t bytes;
} load;

typedef struct {
    load *of;
    load_connection *connection;
    int idle; /* streams that may be started */
} place;

static void start_streams(place *p)
{
    load *l = p->of;
    while (p->idle > 0 && l->to_start > 0 &&
           load_start(p->connection, l->request, l->request_size, 0)) {
        p->idle--;
        l->to_start--;
        l->in_flight++;
    }
}

/* Another takes its place. */
static void on_end(void *context, load_connection *on, uint64_t tag, size_t bytes)
{
    (void)on;
    (void)tag;
    place *p = context;
    p->of->in_flight--;
    p->of->done++;
    p->of->empty += bytes == 0;
    p->of->bytes += bytes;
    p->idle++;
    start_streams(p);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void run(load *l, place *places, int count, int streams)
{
    const int epoll = epoll_create1(0);
    for (int i = 0; i < count; i++) {
        struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = &places[i]};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, load_socket(places[i].connection), &wanted) != 0) {
            load_fail("cannot wait");
        }
        places[i].idle = streams;
        start_streams(&places[i]);
        load_flush(places[i].connection);
    }
    while (l->in_flight > 0) {
        struct epoll_event events[CONNECTIONS_MAX];
        const int ready = epoll_wait(epoll, events, CONNECTIONS_MAX, 10000);
        if (ready <= 0) {
            load_fail("nothing has come for ten seconds");
        }
        for (int i = 0; i < ready; i++) {
            place *p = events[i].data.ptr;
            load_receive(p->connection);
            start_streams(p);
            load_flush(p->connection);
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
    l.request_size = load_read_request(argv[3], l.request);
    l.to_start = strtoull(argv[4], NULL, 10);
    const uint64_t requests = l.to_start;
    const int count = atoi(argv[5]);
    const int streams = atoi(argv[6]);
    if (count < 1 || count > CONNECTIONS_MAX || streams < 1 || streams > STREAMS_MAX) {
        load_fail("too many connections or streams");
    }
    static place places[CONNECTIONS_MAX];
    for (int i = 0; i < count; i++) {
        places[i].of = &l;
        places[i].connection = load_connect((uint16_t)atoi(argv[1]), argv[2], on_end, &places[i]);
    }
    const double begin = seconds();
    run(&l, places, count, streams);
    const double took = seconds() - begin;
    printf("{\"requests\":%llu,\"seconds\":%.6f,\"bytes\":%llu,\"empty\":%llu}\n",
           (unsigned long long)l.done, took, (unsigned long long)l.bytes,
           (unsigned long long)l.empty);
    for (int i = 0; i < count; i++) {
        load_close(places[i].connection);
    }
    if (l.empty > 0 || l.done != requests) {
        load_fail("answers are missing or have no message");
    }
    return 0;
}
