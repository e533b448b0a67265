/* Our RPC layer with a handler that always answers the bytes of a file: what the layer itself
 * costs. Usage: bare_layer PORT THREADS ANSWER_FILE. Serves GetContext until SIGTERM. */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "profilecontext/v1/profile_context.pb-c.h"
#include "rpc/server.h"
#include "util/clock.h"

enum { ANSWER_BYTES_MAX = 1 << 20 };

static void answer(pc_call *call, const void *request, void *service)
{
    (void)request;
    pc_slice *slice = pc_slice_ref(service);
    pc_call_answer(call, &slice, 1);
}

/* Owned by the caller; NULL when the file cannot be read. */
static pc_slice *read_answer(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    static char bytes[ANSWER_BYTES_MAX];
    size_t size = fread(bytes, 1, sizeof bytes, file);
    bool whole = feof(file) != 0;
    (void)fclose(file);
    return whole ? pc_slice_copy(bytes, size) : NULL;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: bare_layer PORT THREADS ANSWER_FILE\n");
        return 2;
    }
    pc_slice *slice = read_answer(argv[3]);
    if (slice == NULL) {
        fprintf(stderr, "bare_layer: cannot read %s\n", argv[3]);
        return 1;
    }

    char address[64];
    (void)snprintf(address, sizeof address, "127.0.0.1:%s", argv[1]);
    const pc_method method = {.path = "/profilecontext.v1.ProfileContext/GetContext",
                              .kind = PC_RPC_UNARY,
                              .request = &profilecontext__v1__get_context_request__descriptor,
                              .handle = answer,
                              .service = slice};
    const pc_rpc_options options = {
        .address = address,
        .threads = atoi(argv[2]),
        .request_bytes_max = 4 << 20,
        .answer_bytes_max = 4 << 20,
        .max_concurrent_streams = 1000,
        .keepalive_ms = 60000,
        .keepalive_timeout_ms = 20000,
    };
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    pc_rpc_server *server;
    pc_status status = pc_rpc_server_new(&server, &options, &method, 1);
    if (pc_status_ok(&status)) {
        status = pc_rpc_server_start(server);
    }
    if (!pc_status_ok(&status)) {
        fprintf(stderr, "bare_layer: %s\n", pc_status_message(&status));
        pc_status_clear(&status);
        return 1;
    }
    printf("listening on %d\n", pc_rpc_server_port(server));
    fflush(stdout);
    int number;
    sigwait(&ends, &number);
    pc_rpc_server_drain(server, pc_clock_after_ms(pc_clock_now_ns(), 1000));
    pc_rpc_server_free(server);
    pc_slice_unref(slice);
    return 0;
}
