/* A client's HTTP/2 connection for loads, which costs next to nothing, so that on two cores it is
 * the server that is measured, not the load.
 *
 * It speaks as much HTTP/2 as that takes. Headers go out as indexes into the compression table
 * after the first request, as from any client; those of answers are skipped, so a failure is only
 * seen as an answer without a message. Flow control is kept for requests and opened wide for
 * answers; no more streams are open than the server allows, once it has said how many.
 *
 * Whatever goes wrong ends the program with a message. Threads: one. */
#ifndef BENCH_LOAD_CONNECTION_H
#define BENCH_LOAD_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOAD_REQUEST_MAX = 16000, LOAD_PATH_MAX = 120 };

typedef struct load_connection load_connection;

/* A stream has ended: what it was started with, and the bytes of its answer's DATA. It may start
 * others. */
typedef void load_on_end(void *context, load_connection *on, uint64_t tag, size_t bytes);

/* To a port of 127.0.0.1, for calls of one method; `path` is copied. Owned: load_close. */
load_connection *load_connect(uint16_t port, const char *path, load_on_end *on_end, void *context);
void load_close(load_connection *connection);

int load_socket(const load_connection *connection);

/* Starts a call with a request in gRPC's framing, which goes out with load_flush. False where the
 * server takes no more bytes or streams yet: try again after load_receive. */
bool load_start(load_connection *connection, const void *request, size_t size, uint64_t tag);

void load_flush(load_connection *connection);

/* Reads what has come, and waits if nothing has. */
void load_receive(load_connection *connection);

/* Reads a file with a request; its size. */
size_t load_read_request(const char *path, uint8_t *out);

_Noreturn void load_fail(const char *what);

#endif
