/* What server.c, call.c and stream.c share about a call; handlers see call.h only. */
#ifndef PC_RPC_CALL_INTERNAL_H
#define PC_RPC_CALL_INTERNAL_H

#include <grpc/grpc.h>
#include <pthread.h>
#include <stdatomic.h>

#include "rpc/call.h"
#include "rpc/connections.h"
#include "rpc/server.h"
#include "rpc/unread.h"

enum { TRAILERS_MAX = 5, ADDED_METADATA_MAX = 4 };
enum { CALL_ARENA_INLINE_BYTES = 1024, CALL_ARENA_BYTES_MAX = 64 * 1024 * 1024 };

/* What a completion queue gives back. `ok` is core's success flag of the event. */
typedef struct pc_tag {
    void (*run)(struct pc_tag *tag, bool ok);
} pc_tag;

/* What a handler adds to the metadata of its answer. */
typedef struct {
    grpc_metadata headers[ADDED_METADATA_MAX];
    size_t header_count;
    grpc_metadata trailers[ADDED_METADATA_MAX + TRAILERS_MAX]; /* those of every call come last */
    size_t trailer_count;                                      /* of the handler's */
} pc_added_metadata;

typedef enum { COMPRESS_BY_SIZE, COMPRESS_ALWAYS, COMPRESS_NEVER } pc_compression;

/* Whom to tell that the caller has gone. */
typedef struct {
    void (*fn)(void *self);
    void *self;
} pc_cancel;

/* The posted slots of one method, or of the unknown methods when `row` is all zero. */
typedef struct {
    pc_rpc_server *server;
    pc_method row;
    void *registered; /* core's handle; NULL for unknown methods */
} pc_endpoint;

struct pc_call {
    pc_endpoint *endpoint;
    pc_call *next_free;
    grpc_call *grpc;
    pc_connection *connection; /* NULL: not counted */
    gpr_timespec core_deadline;
    grpc_metadata_array headers; /* the array is ours and reused; its elements are the call's */
    grpc_call_details details;   /* of unknown methods only */
    grpc_byte_buffer *request;
    const ProtobufCMessage *decoded; /* in the arena */
    const char *request_id;          /* in the arena; made when first asked for */
    const char *caller;              /* NULL: not asked for yet */
    uint64_t caller_key;             /* 0: likewise */
    pc_criticality criticality;
    pc_criticality criticality_most;
    int64_t started_ns;
    bool is_trace_read;
    pc_span span; /* of the whole call; its trace is the call's once it is read */
    bool refused; /* by who admits calls */
    void *noted;  /* by the service */

    /* One for each of: the answer that is still owed or on its way out, the beginning of the call
     * and then the RECV_CLOSE batch, and every pc_call_ref. Whoever brings it to zero frees. */
    atomic_int references;
    atomic_bool answered;
    atomic_bool is_watched; /* core has been asked, or is about to be, to tell the call's end */
    int recv_cancelled;     /* written by core before `closed` runs */
    atomic_bool cancelled;
    pc_cancel cancel; /* what `on_cancel` points to, once it does */
    _Atomic(const pc_cancel *) on_cancel;
    atomic_uint upstream_calls;
    atomic_size_t upstream_bytes;
    atomic_uint hidden_cost; /* pc_call_cost */
    void (*at_end)(void *self);
    void *at_end_self;
    void *kept; /* by the one who admits calls */
    void (*give_back)(void *kept);
    void *state;

    /* The answer. Written by the one who answers, before the batch is started. */
    pc_code code;
    const char *reason;
    size_t request_bytes;
    size_t answer_bytes;
    grpc_byte_buffer *answer;
    grpc_slice status_message;
    grpc_slice status_details;
    grpc_metadata trailers[TRAILERS_MAX];
    pc_added_metadata *added; /* in the arena; NULL for none */
    pc_compression compression;

    /* Streams only. The lock is held around each start of a batch, since core wants those of one
     * call one after the other, and guards headers_sent. */
    pthread_mutex_t stream_lock;
    bool headers_sent;
    void (*on_sent)(void *self, bool ok);
    void *on_sent_self;

    pc_unread_part unread;
    pc_unread_verdict verdict; /* on what was to be sent on a stream; once refused, it ends so */

    pc_tag arrived_tag;
    pc_tag closed_tag;
    pc_tag answered_tag;
    pc_tag sent_tag;
    pc_tag read_tag;

    pc_arena arena;
    _Alignas(max_align_t) uint8_t arena_bytes[CALL_ARENA_INLINE_BYTES];
};

/* Server-wide limits and hooks that calls look up. */
size_t pc_rpc_request_bytes_max(const pc_rpc_server *server);
size_t pc_rpc_answer_bytes_max(const pc_rpc_server *server);
size_t pc_rpc_compression_bytes_min(const pc_rpc_server *server);
int64_t pc_rpc_calls_left(const pc_rpc_server *server, pc_call *call); /* -1: no bound */
/* Counts the call in, and says whether it may go on at all: false when its connection does too
 * much.
 * `*watch` is as in pc_connections_begin. */
bool pc_rpc_count_in(pc_rpc_server *server, pc_call *call, bool *watch);
/* Begins the call's span, where calls are traced. */
void pc_rpc_begin_trace(const pc_rpc_server *server, pc_call *call);
/* Reads what the caller sent of a trace into `span.trace`. */
void pc_call_read_trace(pc_call *call);
pc_status pc_rpc_admit(const pc_rpc_server *server, pc_call *call);
pc_unread *pc_rpc_unread(const pc_rpc_server *server);
grpc_completion_queue *pc_rpc_server_queue(const pc_rpc_server *server);
void pc_rpc_call_begun(const pc_rpc_server *server, const pc_call *call);
void pc_rpc_call_ended(pc_rpc_server *server, pc_call *call);

/* Gives a call's memory back for reuse. */
void pc_rpc_recycle(pc_rpc_server *server, pc_call *call);

/* Begins a call that has arrived: watches for its end and runs the handler. */
void pc_call_begin(pc_call *call);

/* Reads and decodes `call->request` and runs the handler, or fails the call. */
void pc_call_dispatch(pc_call *call);

/* Starts a batch; false when core refuses it, and then the tag will not run. */
bool pc_call_start_batch(pc_call *call, const grpc_op *ops, size_t count, pc_tag *tag);

/* Whether a method has a stream of requests. */
static inline bool pc_rpc_streams_requests(pc_rpc_kind kind)
{
    return kind == PC_RPC_TURNS || kind == PC_RPC_CLIENT_STREAM;
}

/* Sets what a batch needs to send headers. For a stream `message_bytes` is SIZE_MAX: the headers
 * announce the compression that each message may do without. */
void pc_call_headers_op(pc_call *call, grpc_op *op, size_t message_bytes);

/* Sets what a batch needs to send `call->answer`, which has so many bytes. */
void pc_call_message_op(pc_call *call, grpc_op *op, size_t message_bytes);

/* Has an operation send what the handler added, and gives that back. */
void pc_added_headers(pc_added_metadata *added, grpc_op *op);
void pc_added_trailers(pc_added_metadata *added, grpc_op *op);
void pc_added_release(pc_added_metadata *added);

/* Sets what a batch needs to send the status in `code`, `status_message` and `status_details`. */
void pc_call_status_op(pc_call *call, grpc_op *op);

/* How many bytes the pieces have together. */
size_t pc_pieces_size(pc_slice *const *pieces, size_t count);

/* A byte buffer over slices, which are taken; NULL on lack of memory. */
grpc_byte_buffer *pc_byte_buffer(pc_slice **pieces, size_t count);

/* The packed message, or NULL on lack of memory. */
pc_slice *pc_pack(const ProtobufCMessage *message);

/* Fills code, message and details from the status, which is taken. */
void pc_call_set_status(pc_call *call, pc_status status);

#endif
