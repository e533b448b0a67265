/* The operator port: HTTP for those who run the server, without TLS and apart from the callers'
 * port.
 *   GET /          the status page, which shows what /status.json says; /status likewise
 *   GET /healthz   200: the process is alive
 *   GET /readyz    200 while calls are served, 503 before and while draining
 * and the pages that it is given, such as /metrics.
 * Nothing that it says is about a person.
 * Threads: one of its own answers; the functions may be called on any other. */
#ifndef PC_OPERATOR_OPERATOR_H
#define PC_OPERATOR_OPERATOR_H

#include "util/buffer.h"
#include "util/status.h"

typedef struct pc_operator pc_operator;

typedef enum {
    PC_OPERATOR_STARTING, /* the pages given are not there yet */
    PC_OPERATOR_READY,
    PC_OPERATOR_DRAINING
} pc_operator_state;

/* A page that is written when it is asked for. Texts are borrowed for the operator's life. */
typedef struct {
    const char *path;
    const char *content_type;
    /* On the operator's thread; not called while starting. */
    void (*write)(void *self, pc_buffer *out);
} pc_operator_page;

typedef struct {
    const char *address;           /* "host:port"; port 0: a free one */
    const pc_operator_page *pages; /* borrowed for the operator's life */
    size_t page_count;
    void *self;
} pc_operator_options;

/* Listens, and answers as one who is starting. Owned: pc_operator_free. Errors: those of
 * pc_listener_open; RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_operator_new(pc_operator **out, const pc_operator_options *options);

void pc_operator_set_state(pc_operator *server, pc_operator_state state);
pc_operator_state pc_operator_get_state(const pc_operator *server);

/* The port that was found for port 0. */
int pc_operator_port(const pc_operator *server);

/* Ends the connections; after it nothing is called any more. NULL is allowed. */
void pc_operator_free(pc_operator *server);

#endif
