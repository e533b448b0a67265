/* The operator port: HTTP for those who run the server, without TLS and apart from the callers'
 * port. GET /metrics   the page of metrics, for Prometheus GET /healthz   200: the process is alive
 *   GET /readyz    200 while calls are served, 503 before and while draining
 * Nothing that it says is about a person.
 * Threads: one of its own answers; the functions may be called on any other. */
#ifndef PC_OPERATOR_OPERATOR_H
#define PC_OPERATOR_OPERATOR_H

#include "util/buffer.h"
#include "util/status.h"

typedef struct pc_operator pc_operator;

typedef enum {
    PC_OPERATOR_STARTING, /* there are no metrics yet */
    PC_OPERATOR_READY,
    PC_OPERATOR_DRAINING
} pc_operator_state;

typedef struct {
    const char *address;      /* "host:port"; port 0: a free one */
    const char *content_type; /* of the page of metrics; borrowed for the operator's life */
    /* Writes the page of metrics, on the operator's thread; not called while starting. */
    void (*write_metrics)(void *self, pc_buffer *out);
    void *self;
} pc_operator_options;

/* Listens, and answers as one who is starting. Owned: pc_operator_free. Errors: those of
 * pc_listener_open; RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_operator_new(pc_operator **out, const pc_operator_options *options);

void pc_operator_set_state(pc_operator *server, pc_operator_state state);

/* The port that was found for port 0. */
int pc_operator_port(const pc_operator *server);

/* Ends the connections; after it nothing is called any more. NULL is allowed. */
void pc_operator_free(pc_operator *server);

#endif
