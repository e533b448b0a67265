/* The simplest server on plain gRPC core that answers every call of a method with the bytes of a
 * file: the ceiling that all else is measured against. It decodes nothing and checks nothing.
 * Usage: plain_core PORT THREADS METHOD_PATH ANSWER_FILE. Serves until killed. */
#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/time.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { ANSWER_BYTES_MAX = 1 << 20, SLOTS = 64 };

typedef struct slot {
    enum { ARRIVED, CLOSED, ANSWERED } state;
    struct slot *owner;
} tag;

typedef struct {
    tag arrived, closed, answered;
    grpc_call *call;
    gpr_timespec deadline;
    grpc_metadata_array headers;
    grpc_byte_buffer *request;
    grpc_byte_buffer *answer; /* core empties it when it sends */
    int cancelled;
    int pending;
} call_state;

static grpc_server *server;
static grpc_completion_queue *queue;
static void *method;
static grpc_slice answer_slice;

static void post(void)
{
    call_state *state = calloc(1, sizeof *state);
    state->arrived = (tag){ARRIVED, (struct slot *)state};
    state->closed = (tag){CLOSED, (struct slot *)state};
    state->answered = (tag){ANSWERED, (struct slot *)state};
    grpc_metadata_array_init(&state->headers);
    grpc_server_request_registered_call(server, method, &state->call, &state->deadline,
                                        &state->headers, &state->request, queue, queue,
                                        &state->arrived);
}

static void begin(call_state *state)
{
    state->pending = 2;
    grpc_op close = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
    close.data.recv_close_on_server.cancelled = &state->cancelled;
    grpc_call_start_batch(state->call, &close, 1, &state->closed, NULL);
    grpc_op ops[3] = {{.op = GRPC_OP_SEND_INITIAL_METADATA},
                      {.op = GRPC_OP_SEND_MESSAGE},
                      {.op = GRPC_OP_SEND_STATUS_FROM_SERVER}};
    state->answer = grpc_raw_byte_buffer_create(&answer_slice, 1);
    ops[1].data.send_message.send_message = state->answer;
    ops[2].data.send_status_from_server.status = GRPC_STATUS_OK;
    grpc_call_start_batch(state->call, ops, 3, &state->answered, NULL);
}

static void end(call_state *state)
{
    if (__atomic_sub_fetch(&state->pending, 1, __ATOMIC_ACQ_REL) == 0) {
        grpc_byte_buffer_destroy(state->request);
        grpc_byte_buffer_destroy(state->answer);
        grpc_metadata_array_destroy(&state->headers);
        grpc_call_unref(state->call);
        free(state);
    }
}

static void *serve(void *unused)
{
    for (;;) {
        grpc_event event =
            grpc_completion_queue_next(queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
        if (event.type == GRPC_QUEUE_SHUTDOWN) {
            return unused;
        }
        tag *t = event.tag;
        call_state *state = (call_state *)t->owner;
        if (t->state == ARRIVED) {
            post();
            begin(state);
        } else {
            end(state);
        }
    }
}

static bool read_answer(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return false;
    }
    static char bytes[ANSWER_BYTES_MAX];
    size_t size = fread(bytes, 1, sizeof bytes, file);
    bool whole = feof(file) != 0;
    (void)fclose(file);
    answer_slice = grpc_slice_from_copied_buffer(bytes, size);
    return whole;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: plain_core PORT THREADS METHOD_PATH ANSWER_FILE\n");
        return 2;
    }
    grpc_init();
    if (!read_answer(argv[4])) {
        fprintf(stderr, "plain_core: cannot read %s\n", argv[4]);
        return 1;
    }
    server = grpc_server_create(NULL, NULL);
    queue = grpc_completion_queue_create_for_next(NULL);
    grpc_server_register_completion_queue(server, queue, NULL);
    method = grpc_server_register_method(server, argv[3], NULL,
                                         GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER, 0);
    char address[64];
    (void)snprintf(address, sizeof address, "127.0.0.1:%s", argv[1]);
    int port =
        grpc_server_add_http2_port(server, address, grpc_insecure_server_credentials_create());
    if (port == 0) {
        fprintf(stderr, "plain_core: cannot listen on %s\n", address);
        return 1;
    }
    grpc_server_start(server);
    for (int i = 0; i < SLOTS; i++) {
        post();
    }
    for (int i = 1; i < atoi(argv[2]); i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, serve, NULL);
    }
    printf("listening on %d\n", port);
    fflush(stdout);
    serve(NULL);
    return 0;
}
