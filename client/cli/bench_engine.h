/* Many calls at once on one thread: the engine of a load. Calls of one method go over connections
 * of their own, in turn, and end in one queue. Threads: all functions of an engine on one at a
 * time. */
#ifndef PROFILECTL_BENCH_ENGINE_H
#define PROFILECTL_BENCH_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "profilecontext/client.h"

typedef struct bench_engine bench_engine;

typedef struct {
    const char *path; /* of the method; borrowed */
    size_t connections;
    size_t in_flight; /* calls at once, at most */
    int64_t deadline_ms;
    const char *authorization; /* a header sent with every call; NULL: none. Borrowed */
} bench_engine_options;

/* A call, from bench_engine_take until it is given back. */
typedef struct {
    /* Whoever starts it may write here. */
    int64_t due_ns;
    bool counts;
    bool new_person;
    /* What became of it, once it has ended. */
    profilecontext_code code;
    size_t bytes;           /* of the response */
    int64_t upstream_calls; /* as the server says; 0 where it does not */
} bench_call;

/* The clock of the engine: steady, in nanoseconds. */
int64_t bench_engine_now(void);

/* Makes an engine; it does not connect yet. Fails as profilecontext_client_new does; `*out` is NULL
 * then. */
profilecontext_code bench_engine_new(bench_engine **out, const profilecontext_options *server,
                                     const bench_engine_options *how,
                                     profilecontext_status *status);

/* Frees it, ending the calls in flight; NULL is ignored. */
void bench_engine_free(bench_engine *engine);

/* Makes all connections, so that no call waits for one. UNAVAILABLE where one cannot be made
 * until then. */
profilecontext_code bench_engine_connect(bench_engine *engine, int64_t until_ns,
                                         profilecontext_status *status);

/* A call to start; NULL where as many as may be are in flight. */
bench_call *bench_engine_take(bench_engine *engine);

/* Sends the request, whose bytes are copied. */
void bench_engine_start(bench_engine *engine, bench_call *call, const uint8_t *request,
                        size_t size);

/* Waits for a call to end, until then or some milliseconds longer, since gRPC's timers are coarse;
 * NULL when none has. */
bench_call *bench_engine_wait(bench_engine *engine, int64_t until_ns);

/* Waits at most until then, to some microseconds: the last two milliseconds are spent asking again
 * and again, and the CPU time of asking in vain is added to `spun_ns`. */
bench_call *bench_engine_wait_exactly(bench_engine *engine, int64_t until_ns, int64_t *spun_ns);

/* The response of a call that has ended, in one piece, until the call is given back. Empty without
 * one, or where it cannot be decompressed. */
void bench_engine_response(bench_call *call, const uint8_t **data, size_t *size);

/* What the server said of a call that has ended, cut to fit. */
void bench_engine_message(const bench_call *call, char *out, size_t size);

/* Takes the call back after it has ended. */
void bench_engine_give_back(bench_engine *engine, bench_call *call);

/* Calls that were started and have not ended. */
size_t bench_engine_in_flight(const bench_engine *engine);

/* Cancels these; they end with CANCELLED. */
void bench_engine_cancel(bench_engine *engine);

#endif
