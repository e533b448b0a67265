/* A gRPC server over gRPC core: it listens, runs the RPC threads, matches calls to the rows of the
 * method table, and drains. Calls of unknown methods are answered with UNIMPLEMENTED.
 * Threads: functions are called on one thread (main); handlers run on the RPC threads. */
#ifndef PC_RPC_SERVER_H
#define PC_RPC_SERVER_H

#include "rpc/call.h"

typedef struct pc_rpc_server pc_rpc_server;

/* Until a connection has finished TLS and said hello. Core's own 120 s are for slow phones. */
enum { PC_HANDSHAKE_TIMEOUT_MS = 10000 };

#define PC_CALL_ENDED_WITH(code) (1u << (code))
#define PC_CALL_ENDED_ANYHOW UINT32_MAX

/* How a call ended, for metrics: what costs nothing to tell. */
typedef struct {
    size_t method; /* place of its row; of an unknown method one more than the last */
    pc_code code;
    const char *reason; /* of a failure, else ""; constant */
    int64_t duration_ns;
    size_t request_bytes;
    size_t answer_bytes;
    unsigned upstream_calls;
} pc_call_figures;

/* How a call ended, for the log and the audit trail. Borrowed for the time of the callback. */
typedef struct {
    pc_call *call;      /* for what it came with and what was kept of it */
    const char *method; /* path of the row, or "unknown" */
    const char *request_id;
    const char *peer; /* address without port, such as "ipv4:127.0.0.1", or "unix" */
    pc_code code;
    const char *reason; /* of a failure, else "" */
    bool cancelled;
    bool refused; /* it was not admitted */
    int64_t duration_ns;
    size_t request_bytes;
    size_t answer_bytes;
    unsigned upstream_calls;
} pc_call_summary;

/* How the TLS handshakes of connections ended that were not let in. */
typedef enum {
    PC_HANDSHAKE_SILENT,         /* nothing came, as from who only looks whether the port is open */
    PC_HANDSHAKE_NO_CERTIFICATE, /* where one is required */
    PC_HANDSHAKE_UNTRUSTED,      /* a certificate of another authority */
    PC_HANDSHAKE_EXPIRED,
    PC_HANDSHAKE_NOT_YET_VALID,
    PC_HANDSHAKE_BAD_CERTIFICATE, /* for another reason */
    PC_HANDSHAKE_VERSION,         /* of TLS */
    PC_HANDSHAKE_CIPHER,
    PC_HANDSHAKE_NO_HTTP2, /* not agreed upon (ALPN) */
    PC_HANDSHAKE_NO_TLS,   /* what came is something else */
    PC_HANDSHAKE_FAILED,
    PC_HANDSHAKE_PEER_REFUSED, /* as when it does not trust our certificate */
    PC_HANDSHAKE_TIMED_OUT,
    PC_HANDSHAKE_GIVEN_UP, /* the peer hung up */
    PC_HANDSHAKE_ENDS
} pc_handshake_end;

/* "CERTIFICATE_EXPIRED" for PC_HANDSHAKE_EXPIRED. */
const char *pc_handshake_end_reason(pc_handshake_end end);

/* Borrowed for the time of the callback. */
typedef struct {
    const char *peer; /* as in pc_call_summary */
    pc_handshake_end end;
    const char *reason; /* its; constant */
} pc_refused_handshake;

/* When certificates expire, in seconds since 1970; 0: there is none. */
typedef struct {
    int64_t certificate_s; /* the server's */
    int64_t client_ca_s;   /* of the authorities of callers' certificates, the first to expire */
} pc_tls_expiry;

typedef struct {
    const char *address;              /* "host:port" (port 0: a free one) or "unix:/path" */
    const char *tls_certificate_file; /* PEM chain; NULL: no TLS */
    const char *tls_key_file;         /* PEM */
    const char *tls_client_ca_file;   /* PEM; NULL: callers need no certificate */
    bool tls_client_optional;         /* those without one are let in, with a wrong one not */
    int threads;                      /* 0: one for each core */
    size_t request_bytes_max;
    size_t answer_bytes_max;
    size_t connections_max;          /* 0: what descriptors allow */
    size_t connections_per_peer_max; /* from one address; 0: no bound */
    int max_concurrent_streams;      /* per connection */
    int connection_resets_max;       /* calls that a connection may give up in a second before it is
                                        ended; 0: no bound */
    size_t unread_bytes_max;         /* of answers that callers do not read; 0: no bound */
    size_t connection_unread_bytes_max; /* of one connection; 0: no bound */
    int64_t unread_time_ms; /* an answer that is not read whole in this time, and a second more for
                               each MiB of it, is given up; 0: never */
    int64_t keepalive_ms;
    int64_t keepalive_timeout_ms;
    int64_t connection_age_ms; /* 0: no limit */
    int64_t connection_age_grace_ms;
    int64_t connection_idle_ms;   /* 0: no limit */
    bool channelz;                /* core keeps account of itself for grpc.channelz */
    size_t compression_bytes_min; /* answers of this size and more are compressed for callers that
                                     accept it; 0: none are */
    bool wipe_memory;             /* of calls before others use it, and of the threads' stacks */
    /* Says whether a call may go on to its handler; NULL: every one may. An error ends the call
     * with it. Called once for each call, those of unknown methods included, before its request is
     * decoded. `method` is as in pc_call_figures. Any thread. Must not block. */
    pc_status (*admit)(void *self, pc_call *call, size_t method);
    /* Decides whether the steps of a call are recorded: `trace` is what its caller sent, or of
     * none; where they are, it is made known and given a sink. NULL: they never are. Only asked for
     * calls whose row tells their cost. Any thread. Must not block. */
    void (*sample)(void *self, pc_trace *trace);
    /* Called when a call has begun, and when it has ended; NULL for none. Any thread. Must not
     * block, and be quick: they are called for every call. `method` is as in pc_call_figures. */
    void (*count_begun)(void *self, size_t method);
    void (*count_ended)(void *self, const pc_call_figures *figures);
    /* Called when a call has ended with one of these codes (PC_CALL_ENDED_WITH of each); the
     * summary takes about a twentieth of the work of a small call. Any thread. Must not block. */
    void (*on_call_ended)(void *self, const pc_call_summary *summary);
    unsigned summarised_codes;
    /* Called for each connection whose TLS handshake came to nothing; NULL for none. Any thread.
     * Must not block. */
    void (*on_handshake_refused)(void *self, const pc_refused_handshake *refused);
    /* How many upstream calls a caller (pc_call_caller_key) could still make; -1: no bound. NULL:
     * none is known. Any thread. */
    int64_t (*calls_left)(void *self, pc_criticality criticality, uint64_t caller);
    void *self;
} pc_rpc_options;

/* Lets this process have as many file descriptors as the system allows, of which `reserve` are kept
 * for other things; how many connections that leaves. */
size_t pc_rpc_connections_room(size_t reserve);

/* Makes a server and binds its address. All texts in `options` are copied or only used here; the
 * rows are copied. Owned: pc_rpc_server_free. Errors: FAILED_PRECONDITION with reason
 * ADDRESS_IN_USE, ADDRESS_INVALID, ADDRESS_FORBIDDEN or TLS_FILE_INVALID; RESOURCE_EXHAUSTED. */
PC_NODISCARD pc_status pc_rpc_server_new(pc_rpc_server **out, const pc_rpc_options *options,
                                         const pc_method *methods, size_t method_count);

/* Starts to serve. Errors: RESOURCE_EXHAUSTED when a thread cannot be had. */
PC_NODISCARD pc_status pc_rpc_server_start(pc_rpc_server *server);

/* The TCP port that is listened on; 0 for a UNIX socket. */
int pc_rpc_server_port(const pc_rpc_server *server);

/* Reads the TLS files again: connections that come later use them. When an authority of callers'
 * certificates is gone, those that are open are asked to leave (GOAWAY), and ended after
 * connection_age_grace_ms. On any one thread. Errors: FAILED_PRECONDITION with reason
 * TLS_FILE_INVALID, and then the old ones stay in use. */
PC_NODISCARD pc_status pc_rpc_server_reload_tls(pc_rpc_server *server);

/* Of the files in use. Any thread. */
pc_tls_expiry pc_rpc_server_tls_expiry(const pc_rpc_server *server);

/* A connection to this server from within, in plain HTTP/2 whatever callers must speak: a socket,
 * which the caller owns, or -1. It is served as long as the server does not drain. */
int pc_rpc_server_connect(pc_rpc_server *server);

/* The connection whose other end this is is the server's own, through the port that it listens on:
 * nothing is told of its TLS handshake. There is one at a time. Any thread. */
void pc_rpc_server_disregard(pc_rpc_server *server, int connection);

/* The connections, where we accept them, else zeros; and what they do not read. */
typedef struct {
    uint64_t accepted;
    uint64_t
        refused_full; /* closed at once since there were as many as may be, or no descriptors */
    uint64_t refused_peer; /* closed at once since their address had as many as one may have */
    uint64_t cut;          /* ended, since they had too many calls, gave up too many, or read too
                              little of their answers */
    uint64_t retired;      /* ended, since they outlived a change of the authorities */
    size_t open;
    size_t max;
    size_t unread_bytes;      /* of answers that were given and are not read */
    uint64_t unread_refused;  /* answers not given, since too much waited */
    uint64_t unread_given_up; /* calls ended, since their answer waited too long */
} pc_rpc_connection_figures;

void pc_rpc_server_count_connections(pc_rpc_server *server, pc_rpc_connection_figures *out);

/* How many TLS handshakes ended so. */
uint64_t pc_rpc_server_count_handshakes(const pc_rpc_server *server, pc_handshake_end end);

/* Ends what holds answers that are not read: to be called some times a second, on one thread, while
 * the server serves. */
void pc_rpc_server_give_up_unread(pc_rpc_server *server);

/* Takes no new calls, waits for those in progress, and cancels what is left at `deadline_ns`. */
void pc_rpc_server_drain(pc_rpc_server *server, int64_t deadline_ns);

/* Frees a server that was never started or was drained. NULL is allowed. */
void pc_rpc_server_free(pc_rpc_server *server);

/* The ABI version of the loaded gRPC core: "29.0.0" is that of 1.51. */
const char *pc_rpc_core_version(void);

#endif
