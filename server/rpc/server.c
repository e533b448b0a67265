/* Listening, the RPC threads, the slots that calls arrive in, and the drain. One completion queue
 * serves all threads: measured, it does best with core on few cores. */
#include "rpc/server.h"

#include <grpc/byte_buffer.h>
#include <grpc/grpc_posix.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <grpc/support/log.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "rpc/acceptor.h"
#include "rpc/call_internal.h"
#include "rpc/connections.h"
#include "rpc/core_internals.h"
#include "rpc/core_tuning.h"
#include "rpc/credentials.h"
#include "rpc/handshakes.h"
#include "util/clock.h"
#include "util/handover.h"
#include "util/stripes.h"
#include "util/thread.h"
#include "util/wipe.h"

/* Each slot is replaced as it fills; calls that find none wait in core for the next. More slots
 * make calls slower: Debian's core keeps a list of all tags that are outstanding and searches it at
 * every event (its assertions are on), which with 64 slots for each method took 6 % of the time. */
enum { SLOTS_PER_METHOD = 4, FREE_CALLS_MAX = 1024 };

enum { ADDRESS_BYTES_MAX = 512 };

/* While it drains, between two looks at whether callers have left; and how long after the last call
 * those who have not are left waiting. */
enum { LOOK_AGAIN_NS = 2000000, QUIET_NS = 1000000000 };

typedef struct {
    _Alignas(PC_STRIPE_ALIGNMENT) pc_counter begun;
    pc_counter ended;
} call_counts;

struct pc_rpc_server {
    grpc_server *core;
    grpc_completion_queue *queue;
    pc_rpc_options options; /* its texts are not used after pc_rpc_server_new */
    pc_acceptor *acceptor;  /* NULL: core accepts, as one that takes no connections does */
    pc_core_intake *intake; /* NULL likewise */
    int port;
    pc_credentials *credentials;
    pc_handshakes *handshakes;

    pc_endpoint *endpoints; /* the last one is for unknown methods */
    size_t endpoint_count;

    call_counts *counts; /* in stripes */
    pc_connections *connections;
    pc_unread *unread;

    pthread_mutex_t free_lock; /* guards: free_calls, free_count */
    pc_call *free_calls;
    size_t free_count;

    pthread_mutex_t drain_lock; /* guards: drained */
    pthread_cond_t drain_changed;
    bool drained;
    pc_tag drained_tag;

    int thread_count;
    pthread_t *threads;
};

/* Steps, in order:                                          thread */
static void post_slot(pc_endpoint *endpoint); /* main, rpc                              */
static void on_arrived(pc_tag *tag, bool ok); /* rpc: a call is here, or we shut down   */
static void on_drained(pc_tag *tag, bool ok); /* rpc: no call is left                   */

const char *pc_rpc_core_version(void)
{
    return grpc_version_string();
}

size_t pc_rpc_connections_room(size_t reserve)
{
    return pc_acceptor_room(reserve);
}

size_t pc_rpc_request_bytes_max(const pc_rpc_server *server)
{
    return server->options.request_bytes_max;
}

size_t pc_rpc_answer_bytes_max(const pc_rpc_server *server)
{
    return server->options.answer_bytes_max;
}

size_t pc_rpc_compression_bytes_min(const pc_rpc_server *server)
{
    return server->options.compression_bytes_min;
}

pc_unread *pc_rpc_unread(const pc_rpc_server *server)
{
    return server->unread;
}

grpc_completion_queue *pc_rpc_server_queue(const pc_rpc_server *server)
{
    return server->queue;
}

int pc_rpc_server_port(const pc_rpc_server *server)
{
    return server->port;
}

pc_status pc_rpc_server_reload_tls(pc_rpc_server *server)
{
    bool distrusts;
    pc_status status = pc_credentials_load(server->credentials, &distrusts);
    if (distrusts) {
        /* Whose connection that concerns core does not say: all come anew, and show what they have.
         */
        (void)pc_core_send_goaways(server->core);
        if (server->acceptor != NULL) {
            pc_acceptor_retire(server->acceptor);
        }
    }
    return status;
}

pc_tls_expiry pc_rpc_server_tls_expiry(const pc_rpc_server *server)
{
    return pc_credentials_expiry(server->credentials);
}

/* ---- calls ----------------------------------------------------------------------------------- */

static pc_call *take_call(pc_rpc_server *server)
{
    pthread_mutex_lock(&server->free_lock);
    pc_call *call = server->free_calls;
    if (call != NULL) {
        server->free_calls = call->next_free;
        server->free_count--;
    }
    pthread_mutex_unlock(&server->free_lock);
    if (call == NULL) {
        call = calloc(1, sizeof *call);
        if (call != NULL) {
            grpc_metadata_array_init(&call->headers);
            pthread_mutex_init(&call->stream_lock, NULL);
            pc_unread_enrol(server->unread, call);
        }
    }
    return call;
}

static void free_call(pc_rpc_server *server, pc_call *call)
{
    pc_unread_strike_off(server->unread, call);
    grpc_metadata_array_destroy(&call->headers);
    pthread_mutex_destroy(&call->stream_lock);
    free(call);
}

void pc_rpc_recycle(pc_rpc_server *server, pc_call *call)
{
    if (call->added != NULL) {
        pc_added_release(call->added);
    }
    pc_arena_deinit(&call->arena);
    if (server->options.wipe_memory) {
        OPENSSL_cleanse(call->arena_bytes, sizeof call->arena_bytes);
    }
    if (call->request != NULL) {
        grpc_byte_buffer_destroy(call->request);
    }
    if (call->answer != NULL) {
        grpc_byte_buffer_destroy(call->answer);
    }
    if (call->code != PC_CODE_OK) {
        grpc_slice_unref(call->status_message);
        grpc_slice_unref(call->status_details);
    }
    grpc_call *core_call = call->grpc;
    if (call->endpoint->registered == NULL && core_call != NULL) {
        grpc_slice_unref(call->details.method);
        grpc_slice_unref(call->details.host);
    }
    pthread_mutex_lock(&server->free_lock);
    bool keep = server->free_count < FREE_CALLS_MAX;
    if (keep) {
        call->next_free = server->free_calls;
        server->free_calls = call;
        server->free_count++;
    }
    pthread_mutex_unlock(&server->free_lock);
    if (!keep) {
        free_call(server, call);
    }
    /* Last: when no call is left, core reports the drain and the server may go. */
    if (core_call != NULL) {
        grpc_call_unref(core_call);
    }
}

static void prepare_call(pc_call *call, pc_endpoint *endpoint)
{
    call->endpoint = endpoint;
    call->grpc = NULL;
    call->connection = NULL;
    call->headers.count = 0;
    call->request = NULL;
    call->decoded = NULL;
    call->request_id = NULL;
    call->caller = NULL;
    call->caller_key = 0;
    call->criticality = endpoint->row.criticality;
    call->criticality_most = PC_CRITICALITY_ROUTING;
    call->is_trace_read = false;
    call->span.trace.is_known = false;
    call->span.trace.sink = NULL;
    call->refused = false;
    call->noted = NULL;
    atomic_init(&call->references, 0);
    atomic_init(&call->answered, false);
    atomic_init(&call->is_watched, false);
    call->recv_cancelled = 0;
    atomic_init(&call->cancelled, false);
    atomic_init(&call->on_cancel, NULL);
    atomic_init(&call->upstream_calls, 0);
    atomic_init(&call->upstream_bytes, 0);
    atomic_init(&call->hidden_cost, 0);
    call->code = PC_CODE_OK;
    call->reason = "";
    call->at_end = NULL;
    call->at_end_self = NULL;
    call->kept = NULL;
    call->state = NULL;
    call->request_bytes = 0;
    call->answer_bytes = 0;
    call->answer = NULL;
    call->status_message = grpc_empty_slice();
    call->status_details = grpc_empty_slice();
    call->added = NULL;
    call->compression = COMPRESS_BY_SIZE;
    call->headers_sent = false;
    call->verdict = PC_UNREAD_FITS;
    call->on_sent = NULL;
    call->arrived_tag.run = on_arrived;
    pc_arena_init(&call->arena, call->arena_bytes, sizeof call->arena_bytes, CALL_ARENA_BYTES_MAX);
}

static void post_slot(pc_endpoint *endpoint)
{
    pc_rpc_server *server = endpoint->server;
    pc_call *call = take_call(server);
    if (call == NULL) {
        return; /* One slot fewer until memory returns; the others are still posted. */
    }
    prepare_call(call, endpoint);
    grpc_call_error error;
    PC_GIVES_OVER(&call->arrived_tag);
    if (endpoint->registered == NULL) {
        grpc_call_details_init(&call->details);
        error = grpc_server_request_call(server->core, &call->grpc, &call->details, &call->headers,
                                         server->queue, server->queue, &call->arrived_tag);
    } else {
        grpc_byte_buffer **payload =
            pc_rpc_streams_requests(endpoint->row.kind) ? NULL : &call->request;
        error = grpc_server_request_registered_call(
            server->core, endpoint->registered, &call->grpc, &call->core_deadline, &call->headers,
            payload, server->queue, server->queue, &call->arrived_tag);
    }
    if (error != GRPC_CALL_OK) {
        pc_rpc_recycle(server, call);
    }
}

static void on_arrived(pc_tag *tag, bool ok)
{
    pc_call *call = PC_CONTAINER_OF(tag, pc_call, arrived_tag);
    if (!ok) {
        call->grpc = NULL;
        pc_rpc_recycle(call->endpoint->server, call);
        return;
    }
    if (call->endpoint->registered == NULL) {
        call->core_deadline = call->details.deadline;
    }
    post_slot(call->endpoint);
    pc_call_begin(call);
}

int64_t pc_rpc_calls_left(const pc_rpc_server *server, pc_call *call)
{
    const pc_rpc_options *options = &server->options;
    return options->calls_left == NULL
               ? -1
               : options->calls_left(options->self, call->criticality, pc_call_caller_key(call));
}

static size_t method_of(const pc_rpc_server *server, const pc_call *call)
{
    return (size_t)(call->endpoint - server->endpoints);
}

static bool cut(void *self, const char *peer)
{
    const pc_rpc_server *server = self;
    return server->acceptor != NULL && pc_acceptor_cut(server->acceptor, peer);
}

void pc_rpc_server_give_up_unread(pc_rpc_server *server)
{
    pc_unread_look(server->unread, server->connections, pc_clock_now_ns(), cut, server);
}

bool pc_rpc_count_in(pc_rpc_server *server, pc_call *call, bool *watch)
{
    char peer[PC_PEER_NAME_BYTES];
    bool is_first;
    call->connection =
        pc_connections_begin(server->connections, call->grpc, call->started_ns, watch);
    bool fits = !pc_connections_refuse(server->connections, call->connection, &is_first, peer);
    if (is_first) {
        (void)cut(server, peer);
    }
    return fits;
}

/* Counts the call out, and ends the connection that gives up too many. */
static void count_out(pc_rpc_server *server, pc_call *call)
{
    char peer[PC_PEER_NAME_BYTES];
    unsigned stripe = pc_stripe();
    pc_counter_add(&server->counts[stripe].ended, stripe, 1);
    if (call->recv_cancelled != 0 &&
        pc_connections_reset(server->connections, call->connection, pc_clock_now_ns(), peer)) {
        (void)cut(server, peer);
    }
    pc_connection_end(call->connection);
}

pc_status pc_rpc_admit(const pc_rpc_server *server, pc_call *call)
{
    const pc_rpc_options *options = &server->options;
    return options->admit == NULL ? PC_OK
                                  : options->admit(options->self, call, method_of(server, call));
}

void pc_rpc_begin_trace(const pc_rpc_server *server, pc_call *call)
{
    const pc_rpc_options *options = &server->options;
    if (options->sample == NULL || !call->endpoint->row.tells_cost) {
        return;
    }
    pc_call_read_trace(call);
    options->sample(options->self, &call->span.trace);
    if (call->span.trace.sink != NULL) {
        const pc_trace parent = call->span.trace;
        pc_span_begin(&call->span, &parent, call->endpoint->row.path + 1, PC_SPAN_SERVER);
    }
}

static void end_trace(pc_call *call)
{
    pc_span_text(&call->span, "rpc.system", "grpc");
    pc_span_int(&call->span, "rpc.grpc.status_code", (int64_t)call->code);
    pc_span_int(&call->span, "profilecontext.upstream_calls",
                atomic_load_explicit(&call->upstream_calls, memory_order_relaxed));
    pc_span_int(&call->span, "profilecontext.answer_bytes", (int64_t)call->answer_bytes);
    /* As the conventions for servers have it, only what is the server's own fault is an error. */
    bool is_fault = call->code == PC_CODE_UNKNOWN || call->code == PC_CODE_DEADLINE_EXCEEDED ||
                    call->code == PC_CODE_UNIMPLEMENTED || call->code == PC_CODE_INTERNAL ||
                    call->code == PC_CODE_UNAVAILABLE || call->code == PC_CODE_DATA_LOSS;
    const pc_status status = {.code = is_fault ? call->code : PC_CODE_OK};
    if (call->code != PC_CODE_OK) {
        pc_span_text(&call->span, "profilecontext.reason", call->reason);
    }
    pc_span_end(&call->span, &status);
}

void pc_rpc_call_begun(const pc_rpc_server *server, const pc_call *call)
{
    unsigned stripe = pc_stripe();
    pc_counter_add(&server->counts[stripe].begun, stripe, 1);
    if (server->options.count_begun != NULL) {
        server->options.count_begun(server->options.self, method_of(server, call));
    }
}

static void summarise(const pc_rpc_server *server, pc_call *call, int64_t duration_ns)
{
    char peer[64];
    pc_call_peer(peer, sizeof peer, call);
    pc_call_summary summary = {
        .call = call,
        .method = pc_call_method(call),
        .request_id = pc_call_request_id(call),
        .peer = peer,
        .code = call->code,
        .reason = call->reason,
        .cancelled = pc_call_cancelled(call),
        .refused = call->refused,
        .duration_ns = duration_ns,
        .request_bytes = call->request_bytes,
        .answer_bytes = call->answer_bytes,
        .upstream_calls = atomic_load_explicit(&call->upstream_calls, memory_order_relaxed),
    };
    server->options.on_call_ended(server->options.self, &summary);
}

void pc_rpc_call_ended(pc_rpc_server *server, pc_call *call)
{
    const pc_rpc_options *options = &server->options;
    count_out(server, call);
    if (call->span.trace.sink != NULL) {
        end_trace(call);
    }
    bool is_summarised = (options->summarised_codes & PC_CALL_ENDED_WITH(call->code)) != 0;
    if (options->count_ended == NULL && !is_summarised) {
        return;
    }
    int64_t duration_ns = pc_clock_now_ns() - call->started_ns;
    if (options->count_ended != NULL) {
        const pc_call_figures figures = {
            .method = method_of(server, call),
            .code = call->code,
            .reason = call->reason,
            .duration_ns = duration_ns,
            .request_bytes = call->request_bytes,
            .answer_bytes = call->answer_bytes,
            .upstream_calls = atomic_load_explicit(&call->upstream_calls, memory_order_relaxed),
        };
        options->count_ended(options->self, &figures);
    }
    if (is_summarised) {
        summarise(server, call, duration_ns);
    }
}

/* ---- making ---------------------------------------------------------------------------------- */

static grpc_arg number_arg(const char *key, int64_t value)
{
    grpc_arg arg = {.type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)key};
    arg.value.integer = value > INT32_MAX ? INT32_MAX : (int)value;
    return arg;
}

static grpc_server *create_core(const pc_rpc_options *options, pc_core_intake **intake)
{
    grpc_arg args[20];
    size_t count = 0;
    /* Without this a second server on the same port would share it in silence. */
    args[count++] = number_arg(GRPC_ARG_ALLOW_REUSEPORT, 0);
    /* Core refuses over-large messages without details; twice our limit lets us say more. */
    args[count++] =
        number_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, (int64_t)options->request_bytes_max * 2);
    args[count++] = number_arg(GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, -1);
    args[count++] = number_arg(GRPC_ARG_MAX_CONCURRENT_STREAMS, options->max_concurrent_streams);
    args[count++] = number_arg(GRPC_ARG_MAX_METADATA_SIZE, 16 * 1024);
    args[count++] = number_arg(GRPC_ARG_KEEPALIVE_TIME_MS, options->keepalive_ms);
    args[count++] = number_arg(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, options->keepalive_timeout_ms);
    args[count++] = number_arg(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    args[count++] = number_arg(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10000);
    /* Both cost every call about a hundredth (tests/bench/run hit): channelz counts calls that the
     * metrics count too, and the probes only widen the window for uploads, which are small. */
    args[count++] = number_arg(GRPC_ARG_ENABLE_CHANNELZ, options->channelz ? 1 : 0);
    args[count++] = number_arg(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    if (options->connection_age_ms > 0) {
        args[count++] = number_arg(GRPC_ARG_MAX_CONNECTION_AGE_MS, options->connection_age_ms);
        args[count++] =
            number_arg(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, options->connection_age_grace_ms);
    }
    if (options->connection_idle_ms > 0) {
        args[count++] = number_arg(GRPC_ARG_MAX_CONNECTION_IDLE_MS, options->connection_idle_ms);
    }
    args[count++] = number_arg(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, PC_HANDSHAKE_TIMEOUT_MS);
    args[count++] = pc_core_intake_arg(intake);
    grpc_channel_args all = {.num_args = count, .args = args};
    return grpc_server_create(&all, NULL);
}

/* For a core that takes no connections from elsewhere. */
static pc_status let_core_listen(pc_rpc_server *server, const pc_rpc_options *options,
                                 grpc_server_credentials *credentials)
{
    char address[ADDRESS_BYTES_MAX];
    const char *colon = strrchr(options->address, ':');
    if (server->port == 0) {
        (void)snprintf(address, sizeof address, "%s", options->address);
    } else {
        (void)snprintf(address, sizeof address, "%.*s:%d", (int)(colon - options->address),
                       options->address, server->port);
    }
    pc_acceptor_free(server->acceptor);
    server->acceptor = NULL;
    return grpc_server_add_http2_port(server->core, address, credentials) == 0
               ? pc_status_new(PC_CODE_FAILED_PRECONDITION, "ADDRESS_INVALID",
                               "gRPC core cannot listen on %s", options->address)
               : PC_OK;
}

static void take_connection(void *self, int listener, int connection)
{
    const pc_rpc_server *server = self;
    pc_handshakes_begin(server->handshakes, connection);
    pc_core_intake_take(server->intake, listener, connection);
    pc_handshakes_begun();
}

static pc_status bind_address(pc_rpc_server *server, const pc_rpc_options *options)
{
    const pc_acceptor_options accepting = {
        .address = options->address,
        .connections_max = options->connections_max,
        .peer_max = options->connections_per_peer_max,
        .write_timeout_ms = options->keepalive_timeout_ms,
        .retire_grace_ms = options->connection_age_grace_ms,
        .take = take_connection,
        .self = server,
    };
    pc_status status = pc_acceptor_new(&server->acceptor, &accepting);
    if (pc_status_ok(&status)) {
        status = pc_credentials_new(&server->credentials, options);
    }
    if (!pc_status_ok(&status)) {
        return status;
    }
    server->port = pc_acceptor_port(server->acceptor);
    grpc_server_credentials *credentials = pc_credentials_core(server->credentials);
    if (credentials == NULL) {
        return pc_status_new(PC_CODE_FAILED_PRECONDITION, "TLS_FILE_INVALID",
                             "%s: was refused by gRPC core", options->tls_certificate_file);
    }
    (void)grpc_server_add_http2_port(server->core, pc_core_intake_address, credentials);
    if (server->intake == NULL) {
        status = let_core_listen(server, options, credentials);
    }
    grpc_server_credentials_release(credentials);
    return status;
}

static void register_methods(pc_rpc_server *server, const pc_method *methods, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        pc_endpoint *endpoint = &server->endpoints[i];
        endpoint->server = server;
        endpoint->row = methods[i];
        endpoint->registered = grpc_server_register_method(
            server->core, methods[i].path, NULL,
            pc_rpc_streams_requests(methods[i].kind) ? GRPC_SRM_PAYLOAD_NONE
                                                     : GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER,
            0);
    }
    server->endpoints[count].server = server;
    server->endpoint_count = count + 1;
}

/* Core's own texts may quote what callers sent; failures reach us as values anyway. */
static void drop_core_log(gpr_log_func_args *args)
{
    (void)args;
}

pc_status pc_rpc_server_new(pc_rpc_server **out, const pc_rpc_options *options,
                            const pc_method *methods, size_t method_count)
{
    *out = NULL;
    gpr_set_log_function(drop_core_log);
    pc_rpc_tune_core();
    grpc_init();
    pc_rpc_server *server = calloc(1, sizeof *server);
    pc_endpoint *endpoints = calloc(method_count + 1, sizeof *endpoints);
    call_counts *counts = pc_stripes_new(sizeof *counts);
    const pc_connections_options bounds = {
        .open_max = 2 * (uint32_t)options->max_concurrent_streams,
        .resets_max = (uint32_t)options->connection_resets_max,
    };
    const pc_unread_options patience = {
        .bytes_max = options->unread_bytes_max,
        .connection_bytes_max = options->connection_unread_bytes_max,
        .time_max_ns = options->unread_time_ms * 1000000,
    };
    pc_connections *connections = pc_connections_new(&bounds);
    pc_handshakes *handshakes = pc_handshakes_new(options->on_handshake_refused, options->self);
    pc_unread *unread = pc_unread_new(&patience);
    if (server == NULL || endpoints == NULL || counts == NULL || connections == NULL ||
        handshakes == NULL || unread == NULL) {
        pc_connections_free(connections);
        pc_handshakes_close(handshakes);
        pc_unread_free(unread);
        free(server);
        free(endpoints);
        free(counts);
        grpc_shutdown();
        return pc_status_out_of_memory();
    }
    server->endpoints = endpoints;
    server->counts = counts;
    server->connections = connections;
    server->handshakes = handshakes;
    server->unread = unread;
    server->options = *options;
    pthread_mutex_init(&server->free_lock, NULL);
    pthread_mutex_init(&server->drain_lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&server->drain_changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    server->drained_tag.run = on_drained;
    server->queue = grpc_completion_queue_create_for_next(NULL);
    server->core = create_core(options, &server->intake);
    grpc_server_register_completion_queue(server->core, server->queue, NULL);
    register_methods(server, methods, method_count);
    pc_status status = bind_address(server, options);
    if (!pc_status_ok(&status)) {
        pc_rpc_server_free(server);
        return status;
    }
    *out = server;
    return PC_OK;
}

/* ---- running --------------------------------------------------------------------------------- */

int pc_rpc_server_connect(pc_rpc_server *server)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
        return -1;
    }
    grpc_server_credentials *plain = grpc_insecure_server_credentials_create();
    grpc_server_add_channel_from_fd(server->core, ends[1], plain);
    grpc_server_credentials_release(plain);
    return ends[0];
}

void pc_rpc_server_count_connections(pc_rpc_server *server, pc_rpc_connection_figures *out)
{
    pc_acceptor_figures figures = {0};
    if (server->acceptor != NULL) {
        pc_acceptor_count(server->acceptor, &figures);
    }
    pc_unread_figures unread;
    pc_unread_count(server->unread, &unread);
    *out = (pc_rpc_connection_figures){
        .accepted = figures.accepted,
        .refused_full = figures.refused_full,
        .refused_peer = figures.refused_peer,
        .cut = figures.cut,
        .retired = figures.retired,
        .open = figures.open,
        .max = figures.connections_max,
        .unread_bytes = unread.bytes,
        .unread_refused = unread.refused,
        .unread_given_up = unread.given_up,
    };
}

void pc_rpc_server_disregard(pc_rpc_server *server, int connection)
{
    pc_handshakes_disregard(server->handshakes, connection);
}

uint64_t pc_rpc_server_count_handshakes(const pc_rpc_server *server, pc_handshake_end end)
{
    return pc_handshakes_count(server->handshakes, end);
}

/* Waits for the next event. False when there are no more. */
static bool run_event(pc_rpc_server *server)
{
    grpc_event event =
        grpc_completion_queue_next(server->queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    if (event.type == GRPC_QUEUE_SHUTDOWN) {
        return false;
    }
    pc_tag *tag = event.tag;
    PC_TAKES_OVER(tag);
    tag->run(tag, event.success != 0);
    if (server->options.wipe_memory) {
        pc_wipe_stack();
    }
    return true;
}

static void *serve(void *argument)
{
    pc_rpc_server *server = argument;
    while (run_event(server)) {
    }
    return NULL;
}

pc_status pc_rpc_server_start(pc_rpc_server *server)
{
    int wanted = server->options.threads;
    if (wanted <= 0) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        wanted = cores < 1 ? 1 : (int)cores;
    }
    server->threads = calloc((size_t)wanted, sizeof *server->threads);
    if (server->threads == NULL) {
        return pc_status_out_of_memory();
    }
    grpc_server_start(server->core);
    for (size_t i = 0; i < server->endpoint_count; i++) {
        for (int slot = 0; slot < SLOTS_PER_METHOD; slot++) {
            post_slot(&server->endpoints[i]);
        }
    }
    for (; server->thread_count < wanted; server->thread_count++) {
        if (!pc_thread_start(&server->threads[server->thread_count], "rpc", serve, server)) {
            return pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "NO_THREADS",
                                 "cannot start an RPC thread");
        }
    }
    return server->acceptor == NULL ? PC_OK : pc_acceptor_start(server->acceptor);
}

static void on_drained(pc_tag *tag, bool ok)
{
    (void)ok;
    pc_rpc_server *server = PC_CONTAINER_OF(tag, pc_rpc_server, drained_tag);
    pthread_mutex_lock(&server->drain_lock);
    server->drained = true;
    pthread_cond_signal(&server->drain_changed);
    pthread_mutex_unlock(&server->drain_lock);
}

/* How many calls have begun, and how many of them have not ended. */
static uint64_t count_calls(const pc_rpc_server *server, uint64_t *open)
{
    uint64_t begun = 0;
    uint64_t ended = 0;
    /* First those that ended: so that there are never fewer open ones than there are. */
    for (size_t i = 0; i < PC_STRIPES; i++) {
        ended += pc_counter_read(&server->counts[i].ended);
    }
    for (size_t i = 0; i < PC_STRIPES; i++) {
        begun += pc_counter_read(&server->counts[i].begun);
    }
    *open = begun - ended;
    return begun;
}

/* Asks callers to leave and serves them until they have: core's own shutdown fails what comes
 * before its word has reached the caller. Ends, too, when for a while nothing was asked: who says
 * nothing is not waited for. Core tells no one that a connection has gone, so it is asked again and
 * again. */
static void see_callers_off(pc_rpc_server *server, int64_t deadline_ns)
{
    if (!pc_core_send_goaways(server->core)) {
        return;
    }
    int64_t now = pc_clock_now_ns();
    int64_t quiet_since = now;
    uint64_t open = 0;
    uint64_t before = 0;
    while (pc_core_has_connections(server->core) && now < deadline_ns &&
           now - quiet_since < QUIET_NS) {
        const struct timespec a_little = {.tv_nsec = LOOK_AGAIN_NS};
        (void)nanosleep(&a_little, NULL);
        uint64_t begun = count_calls(server, &open);
        now = pc_clock_now_ns();
        if (open > 0 || begun != before) {
            quiet_since = now;
        }
        before = begun;
    }
}

/* True when core has reported the drain by then. */
static bool wait_drained(pc_rpc_server *server, int64_t deadline_ns)
{
    struct timespec until = {.tv_sec = deadline_ns / 1000000000,
                             .tv_nsec = deadline_ns % 1000000000};
    int failed = 0;
    pthread_mutex_lock(&server->drain_lock);
    while (!server->drained && failed == 0) {
        failed = pthread_cond_timedwait(&server->drain_changed, &server->drain_lock, &until);
    }
    bool drained = server->drained;
    pthread_mutex_unlock(&server->drain_lock);
    return drained;
}

void pc_rpc_server_drain(pc_rpc_server *server, int64_t deadline_ns)
{
    if (server->acceptor != NULL) {
        pc_acceptor_stop(server->acceptor);
    }
    if (server->thread_count == 0) {
        return; /* It never came to serving, and nobody would tell us of the end. */
    }
    see_callers_off(server, deadline_ns);
    grpc_server_shutdown_and_notify(server->core, server->queue, &server->drained_tag);
    uint64_t open = 0;
    (void)count_calls(server, &open);
    /* With no call open there are only connections whose peers say nothing. */
    if (!wait_drained(server, open == 0 ? pc_clock_now_ns() : deadline_ns)) {
        grpc_server_cancel_all_calls(server->core);
        (void)wait_drained(server, PC_NEVER_NS);
    }
}

void pc_rpc_server_free(pc_rpc_server *server)
{
    if (server == NULL) {
        return;
    }
    if (server->thread_count == 0) {
        /* It has no thread to take back the slots, if any were posted. */
        grpc_server_shutdown_and_notify(server->core, server->queue, &server->drained_tag);
        while (!server->drained && run_event(server)) {
        }
    }
    grpc_completion_queue_shutdown(server->queue);
    for (int i = 0; i < server->thread_count; i++) {
        pthread_join(server->threads[i], NULL);
    }
    while (server->thread_count == 0 && run_event(server)) {
    }
    grpc_server_destroy(server->core);
    pc_connections_free(server->connections);
    pc_acceptor_free(server->acceptor);
    pc_handshakes_close(server->handshakes);
    grpc_completion_queue_destroy(server->queue);
    while (server->free_calls != NULL) {
        pc_call *call = server->free_calls;
        server->free_calls = call->next_free;
        free_call(server, call);
    }
    pc_unread_free(server->unread);
    pthread_cond_destroy(&server->drain_changed);
    pthread_mutex_destroy(&server->drain_lock);
    pthread_mutex_destroy(&server->free_lock);
    pc_credentials_free(server->credentials);
    free(server->threads);
    free(server->endpoints);
    free(server->counts);
    free(server);
    grpc_shutdown();
}
