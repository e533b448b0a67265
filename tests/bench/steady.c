/* Open-loop load on a gRPC method: calls begin on a schedule, whether answers come or not, and what
 * a call took counts from when it was due, so that no wait is hidden. Some of them may be for
 * persons whom nobody has asked for before. See load/connection.h for what it spares itself: at
 * tens of thousands a second the load is to be less than what it measures.
 *
 * Usage: steady PORT METHOD_PATH REQUEST_FILE LEAST_BYTES CONNECTIONS RATE WARM_UP_S MEASURED_S
 *               PERSONS MISS_PERCENT MISS_FROM
 * The request, in gRPC's framing, has seven # where the number of a person goes. The known ones are
 * 1 to PERSONS, the new ones MISS_FROM and so on. An answer below LEAST_BYTES is one that failed.
 * Prints one JSON object with times in milliseconds. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#include "connection.h"
#include "histogram.h"

enum { CONNECTIONS_MAX = 64, DIGITS = 7, SECOND = 1000000000 };
/* With no answer at all for so long the run is lost. */
static const int64_t lost_after_ns = INT64_C(10) * SECOND;

typedef struct {
    uint8_t request[LOAD_REQUEST_MAX];
    size_t request_size;
    size_t number_at;
    size_t least_bytes;
    load_connection *connections[CONNECTIONS_MAX];
    int connection_count;
    double interval_ns;
    int64_t begin; /* when the first is due */
    uint64_t warm_up;
    uint64_t total;
    uint64_t persons;
    double miss_share;
    uint64_t next_new_person;
    uint64_t started;
    uint64_t ended;
    uint64_t failed;
    int64_t now;
    int64_t last_start;
    histogram *hits;
    histogram *misses;
    histogram *starts;   /* how late they began */
    struct rusage usage; /* when the warm-up was over */
} load;

static int64_t nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * SECOND + now.tv_nsec;
}

static int64_t due(const load *l, uint64_t call)
{
    return l->begin + (int64_t)((double)call * l->interval_ns);
}

/* They are spread evenly. */
static bool is_miss(const load *l, uint64_t call)
{
    return (uint64_t)((double)(call + 1) * l->miss_share) >
           (uint64_t)((double)call * l->miss_share);
}

static void on_end(void *context, load_connection *on, uint64_t call, size_t bytes)
{
    (void)on;
    load *l = context;
    l->ended++;
    l->failed += bytes < l->least_bytes;
    if (call >= l->warm_up) {
        histogram_add(is_miss(l, call) ? l->misses : l->hits, l->now - due(l, call));
    }
}

static void write_number(load *l, uint64_t number)
{
    for (size_t i = DIGITS; i-- > 0; number /= 10) {
        l->request[l->number_at + i] = (uint8_t)('0' + number % 10);
    }
}

/* Starts all that are due; those that the server does not take yet have to wait. */
static void start_due(load *l)
{
    while (l->started < l->total && due(l, l->started) <= l->now) {
        const uint64_t call = l->started;
        const bool miss = is_miss(l, call);
        write_number(l, miss ? l->next_new_person : 1 + call % l->persons);
        if (!load_start(l->connections[call % (uint64_t)l->connection_count], l->request,
                        l->request_size, call)) {
            break;
        }
        if (call == l->warm_up) {
            getrusage(RUSAGE_SELF, &l->usage);
        }
        if (call >= l->warm_up) {
            histogram_add(l->starts, l->now - due(l, call));
        }
        l->next_new_person += miss;
        l->last_start = l->now;
        l->started++;
    }
    for (int i = 0; i < l->connection_count; i++) {
        load_flush(l->connections[i]);
    }
}

static void wait_for(load *l, int epoll)
{
    const int64_t until = l->started < l->total ? due(l, l->started) : l->now + lost_after_ns;
    const int64_t rest = until > l->now ? until - l->now : 0;
    const struct timespec time = {.tv_sec = rest / SECOND, .tv_nsec = rest % SECOND};
    struct epoll_event events[CONNECTIONS_MAX];
    const int ready = epoll_pwait2(epoll, events, CONNECTIONS_MAX, &time, NULL);
    l->now = nanoseconds();
    if (ready < 0 || (ready == 0 && rest == lost_after_ns)) {
        load_fail("nothing has come for ten seconds");
    }
    for (int i = 0; i < ready; i++) {
        load_receive(events[i].data.ptr);
    }
}

static void run(load *l)
{
    const int epoll = epoll_create1(0);
    for (int i = 0; i < l->connection_count; i++) {
        struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = l->connections[i]};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, load_socket(l->connections[i]), &wanted) != 0) {
            load_fail("cannot wait");
        }
    }
    l->now = nanoseconds();
    l->begin = l->now;
    while (l->ended < l->total) {
        start_due(l);
        wait_for(l, epoll);
    }
}

/* ---- the result ------------------------------------------------------------------------------ */

static double cpu_seconds(const struct rusage *since)
{
    struct rusage now;
    getrusage(RUSAGE_SELF, &now);
    return (double)(now.ru_utime.tv_sec - since->ru_utime.tv_sec) +
           (double)(now.ru_stime.tv_sec - since->ru_stime.tv_sec) +
           (double)(now.ru_utime.tv_usec - since->ru_utime.tv_usec) / 1e6 +
           (double)(now.ru_stime.tv_usec - since->ru_stime.tv_usec) / 1e6;
}

static void print_times(const char *name, const histogram *of)
{
    static const struct {
        const char *name;
        double percent;
    } percentiles[] = {{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p99_9", 99.9}, {"max", 100}};
    printf(",\"%s\":{\"count\":%" PRIu64, name, histogram_count(of));
    for (size_t i = 0; i < sizeof percentiles / sizeof percentiles[0]; i++) {
        printf(",\"%s\":%.4f", percentiles[i].name,
               (double)histogram_percentile(of, percentiles[i].percent) / 1e6);
    }
    printf("}");
}

static void print_result(const load *l)
{
    const double seconds = (double)(l->last_start - due(l, l->warm_up)) / SECOND;
    printf("{\"rate\":%.1f,\"failed\":%" PRIu64 ",\"client_busy\":%.3f",
           (double)(l->total - l->warm_up) / seconds, l->failed, cpu_seconds(&l->usage) / seconds);
    print_times("hits", l->hits);
    print_times("misses", l->misses);
    print_times("start_lag", l->starts);
    printf("}\n");
}

/* ---- life ------------------------------------------------------------------------------------ */

static void find_number(load *l)
{
    static const char place[] = "#######";
    for (size_t i = 0; i + DIGITS <= l->request_size; i++) {
        if (memcmp(l->request + i, place, DIGITS) == 0) {
            l->number_at = i;
            return;
        }
    }
    load_fail("the request has no ####### for a person's number");
}

static void read_arguments(load *l, char **argv)
{
    l->request_size = load_read_request(argv[3], l->request);
    find_number(l);
    l->least_bytes = strtoul(argv[4], NULL, 10);
    l->connection_count = atoi(argv[5]);
    const double rate = atof(argv[6]);
    l->persons = strtoull(argv[9], NULL, 10);
    if (l->connection_count < 1 || l->connection_count > CONNECTIONS_MAX || rate < 1 ||
        l->persons < 1) {
        load_fail("1 to 64 connections, a rate and persons are wanted");
    }
    l->interval_ns = SECOND / rate;
    l->warm_up = (uint64_t)(atof(argv[7]) * rate);
    l->total = l->warm_up + (uint64_t)(atof(argv[8]) * rate);
    l->miss_share = atof(argv[10]) / 100;
    l->next_new_person = strtoull(argv[11], NULL, 10);
    for (int i = 0; i < l->connection_count; i++) {
        l->connections[i] = load_connect((uint16_t)atoi(argv[1]), argv[2], on_end, l);
    }
}

int main(int argc, char **argv)
{
    if (argc != 12) {
        fprintf(stderr, "usage: steady PORT METHOD_PATH REQUEST_FILE LEAST_BYTES CONNECTIONS RATE "
                        "WARM_UP_S MEASURED_S PERSONS MISS_PERCENT MISS_FROM\n");
        return 2;
    }
    /* Waits end when they should, not up to 50 us later. */
    (void)prctl(PR_SET_TIMERSLACK, 1);
    static load l;
    l.hits = histogram_new();
    l.misses = histogram_new();
    l.starts = histogram_new();
    if (l.hits == NULL || l.misses == NULL || l.starts == NULL) {
        load_fail("no memory");
    }
    read_arguments(&l, argv);
    run(&l);
    print_result(&l);
    for (int i = 0; i < l.connection_count; i++) {
        load_close(l.connections[i]);
    }
    histogram_free(l.hits);
    histogram_free(l.misses);
    histogram_free(l.starts);
    return 0;
}
