/* OpenSSL calls back for each of its objects when it is made and when it is freed, and while it has
 * a listener for each record. Core makes the object of a connection on the thread that hands the
 * connection over: so that thread knows whose it is. */
#include "rpc/handshakes.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/clock.h"

enum { PEER_BYTES = 64, ALERT_BYTES = 2 };

/* As core names it, without the port. */
typedef struct {
    char name[PEER_BYTES];
    int port; /* 0: it has none */
} peer_name;

struct pc_handshakes {
    atomic_uint references; /* the owner's, and one for each connection */
    atomic_uint_least64_t counts[PC_HANDSHAKE_ENDS];

    pthread_mutex_t lock; /* guards: own, on_refused */
    peer_name own;        /* of which nothing is told; port 0: nobody */
    void (*on_refused)(void *self, const pc_refused_handshake *refused);
    void *self;
};

/* Of a connection; lives as long as OpenSSL's object. */
typedef struct {
    pc_handshakes *owner; /* a reference */
    int64_t begun_ns;
    bool spoke_tls;   /* a record has come */
    bool has_refused; /* we have sent an alert, */
    bool was_refused; /* or the peer has */
    int error;        /* of OpenSSL's, when we did */
    peer_name peer;
} handshake;

/* The place of ours in each of OpenSSL's objects; -1: it has none. */
static pthread_once_t place_once = PTHREAD_ONCE_INIT;
static int place = -1;

static _Thread_local struct {
    pc_handshakes *owner; /* NULL: no connection is handed over now */
    int connection;
} handing_over;

const char *pc_handshake_end_reason(pc_handshake_end end)
{
    static const char *const reasons[PC_HANDSHAKE_ENDS] = {
        [PC_HANDSHAKE_SILENT] = "TLS_SILENT",
        [PC_HANDSHAKE_NO_CERTIFICATE] = "CERTIFICATE_MISSING",
        [PC_HANDSHAKE_UNTRUSTED] = "CERTIFICATE_UNTRUSTED",
        [PC_HANDSHAKE_EXPIRED] = "CERTIFICATE_EXPIRED",
        [PC_HANDSHAKE_NOT_YET_VALID] = "CERTIFICATE_NOT_YET_VALID",
        [PC_HANDSHAKE_BAD_CERTIFICATE] = "CERTIFICATE_INVALID",
        [PC_HANDSHAKE_VERSION] = "TLS_VERSION_REFUSED",
        [PC_HANDSHAKE_CIPHER] = "TLS_CIPHER_REFUSED",
        [PC_HANDSHAKE_NO_HTTP2] = "TLS_NO_HTTP2",
        [PC_HANDSHAKE_NO_TLS] = "TLS_NOT_SPOKEN",
        [PC_HANDSHAKE_FAILED] = "TLS_FAILED",
        [PC_HANDSHAKE_PEER_REFUSED] = "TLS_REFUSED_BY_PEER",
        [PC_HANDSHAKE_TIMED_OUT] = "TLS_TIMED_OUT",
        [PC_HANDSHAKE_GIVEN_UP] = "TLS_GIVEN_UP",
    };
    return reasons[end];
}

static void unref(pc_handshakes *handshakes)
{
    if (atomic_fetch_sub(&handshakes->references, 1) == 1) {
        pthread_mutex_destroy(&handshakes->lock);
        free(handshakes);
    }
}

static void name_peer(peer_name *out, const struct sockaddr_storage *from)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    char text[INET6_ADDRSTRLEN] = "";
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)from;
    out->port = 0;
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)from;
        out->port = ntohs(four->sin_port);
        (void)inet_ntop(AF_INET, &four->sin_addr, text, sizeof text);
        (void)snprintf(out->name, PEER_BYTES, "ipv4:%s", text);
        return;
    }
    if (from->ss_family != AF_INET6) {
        (void)snprintf(out->name, PEER_BYTES, "%s", from->ss_family == AF_UNIX ? "unix" : "");
        return;
    }
    out->port = ntohs(six->sin6_port);
    if (memcmp(&six->sin6_addr, mapped, sizeof mapped) == 0) {
        (void)inet_ntop(AF_INET, six->sin6_addr.s6_addr + sizeof mapped, text, sizeof text);
        (void)snprintf(out->name, PEER_BYTES, "ipv4:%s", text);
    } else {
        (void)inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof text);
        (void)snprintf(out->name, PEER_BYTES, "ipv6:%%5B%s%%5D", text);
    }
}

/* On a UNIX socket, which has no port: whether the peer is this process. */
static bool is_from_within(int connection)
{
    struct ucred peer = {.pid = 0};
    socklen_t size = sizeof peer;
    return getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           peer.pid == getpid();
}

/* ---- while it goes on ------------------------------------------------------------------------ */

static void ignore_record(int is_written, int version, int type, const void *bytes, size_t size,
                          SSL *ssl, void *argument)
{
    (void)is_written;
    (void)version;
    (void)type;
    (void)bytes;
    (void)size;
    (void)ssl;
    (void)argument;
}

static void on_record(int is_written, int version, int type, const void *bytes, size_t size,
                      SSL *ssl, void *argument)
{
    (void)version;
    (void)argument;
    handshake *own = SSL_get_ex_data(ssl, place);
    if (SSL_is_init_finished(ssl) == 1 || own == NULL) {
        /* What comes now is calls, which are not to pay for this. It cannot be NULL: OpenSSL may
         * call twice for a record, and looks once. */
        SSL_set_msg_callback(ssl, ignore_record);
        return;
    }
    if (type == SSL3_RT_HEADER && is_written == 0 && size > 1) {
        /* Its first bytes: HTTP in the clear is passed to us as a record, too. */
        own->spoke_tls = own->spoke_tls || ((const uint8_t *)bytes)[1] == SSL3_VERSION_MAJOR;
    }
    if (type != SSL3_RT_ALERT || size != ALERT_BYTES) {
        return;
    }
    if (is_written == 0) {
        own->was_refused = ((const uint8_t *)bytes)[1] != SSL_AD_CLOSE_NOTIFY;
    } else if (((const uint8_t *)bytes)[1] != SSL_AD_CLOSE_NOTIFY) {
        own->has_refused = true;
        own->error = ERR_GET_REASON(ERR_peek_last_error());
    }
}

/* ---- how it ended ---------------------------------------------------------------------------- */

static pc_handshake_end end_of_certificate(long verified)
{
    switch (verified) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return PC_HANDSHAKE_EXPIRED;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return PC_HANDSHAKE_NOT_YET_VALID;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return PC_HANDSHAKE_UNTRUSTED;
    default:
        return PC_HANDSHAKE_BAD_CERTIFICATE;
    }
}

static pc_handshake_end end_of_refusal(const SSL *ssl, const handshake *own)
{
    long verified = SSL_get_verify_result(ssl);
    if (verified != X509_V_OK) {
        return end_of_certificate(verified);
    }
    switch (own->error) {
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        return PC_HANDSHAKE_NO_CERTIFICATE;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_VERSION_TOO_LOW:
        return PC_HANDSHAKE_VERSION;
    case SSL_R_NO_SHARED_CIPHER:
        return PC_HANDSHAKE_CIPHER;
    default:
        return PC_HANDSHAKE_FAILED;
    }
}

/* Core wants HTTP/2 to be agreed upon, and hangs up after a handshake without. */
static bool lacks_http2(const SSL *ssl)
{
    const unsigned char *agreed = NULL;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl, &agreed, &size);
    return size == 0;
}

/* False when it went well. */
static bool find_end(pc_handshake_end *out, const SSL *ssl, const handshake *own)
{
    bool is_finished = SSL_is_init_finished(ssl) == 1;
    bool is_late =
        pc_clock_now_ns() >= pc_clock_after_ms(own->begun_ns, PC_HANDSHAKE_TIMEOUT_MS - 1);
    BIO *from = SSL_get_rbio(ssl);
    bool heard = own->spoke_tls || (from != NULL && BIO_number_read(from) > 0);
    *out = is_finished        ? PC_HANDSHAKE_NO_HTTP2
           : !heard           ? PC_HANDSHAKE_SILENT
           : own->has_refused ? end_of_refusal(ssl, own)
           : own->was_refused ? PC_HANDSHAKE_PEER_REFUSED
           : !own->spoke_tls  ? PC_HANDSHAKE_NO_TLS
           : is_late          ? PC_HANDSHAKE_TIMED_OUT
                              : PC_HANDSHAKE_GIVEN_UP;
    return !is_finished || lacks_http2(ssl);
}

static void tell(handshake *own, pc_handshake_end end)
{
    pc_handshakes *owner = own->owner;
    const pc_refused_handshake refused = {
        .peer = own->peer.name, .end = end, .reason = pc_handshake_end_reason(end)};
    pthread_mutex_lock(&owner->lock);
    bool is_ours = owner->own.port != 0 && owner->own.port == own->peer.port &&
                   strcmp(owner->own.name, own->peer.name) == 0;
    if (!is_ours) {
        atomic_fetch_add_explicit(&owner->counts[end], 1, memory_order_relaxed);
    }
    if (!is_ours && owner->on_refused != NULL) {
        owner->on_refused(owner->self, &refused);
    }
    pthread_mutex_unlock(&owner->lock);
}

/* ---- OpenSSL's objects ----------------------------------------------------------------------- */

static void on_made(void *parent, void *held, CRYPTO_EX_DATA *data, int index, long number,
                    void *pointer)
{
    (void)held;
    (void)number;
    (void)pointer;
    handshake *own = handing_over.owner == NULL ? NULL : calloc(1, sizeof *own);
    if (own == NULL) {
        return; /* Somebody else's, or there is no memory: nothing will be told of it. */
    }
    own->begun_ns = pc_clock_now_ns();
    struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof from;
    (void)getpeername(handing_over.connection, (struct sockaddr *)&from, &size);
    name_peer(&own->peer, &from);
    if (CRYPTO_set_ex_data(data, index, own) != 1) {
        free(own);
        return;
    }
    own->owner = handing_over.owner;
    atomic_fetch_add(&own->owner->references, 1);
    SSL_set_msg_callback((SSL *)parent, on_record);
}

static void on_freed(void *parent, void *held, CRYPTO_EX_DATA *data, int index, long number,
                     void *pointer)
{
    (void)data;
    (void)index;
    (void)number;
    (void)pointer;
    handshake *own = held;
    pc_handshake_end end;
    if (own == NULL) {
        return;
    }
    if (find_end(&end, parent, own)) {
        tell(own, end);
    }
    unref(own->owner);
    free(own);
}

static void take_place(void)
{
    place = SSL_get_ex_new_index(0, NULL, on_made, NULL, on_freed);
}

/* ---- life ------------------------------------------------------------------------------------ */

void pc_handshakes_begin(pc_handshakes *handshakes, int connection)
{
    handing_over.owner = is_from_within(connection) ? NULL : handshakes;
    handing_over.connection = connection;
}

void pc_handshakes_begun(void)
{
    handing_over.owner = NULL;
}

void pc_handshakes_disregard(pc_handshakes *handshakes, int connection)
{
    struct sockaddr_storage end = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof end;
    (void)getsockname(connection, (struct sockaddr *)&end, &size);
    pthread_mutex_lock(&handshakes->lock);
    name_peer(&handshakes->own, &end);
    pthread_mutex_unlock(&handshakes->lock);
}

uint64_t pc_handshakes_count(const pc_handshakes *handshakes, pc_handshake_end end)
{
    return atomic_load_explicit(&handshakes->counts[end], memory_order_relaxed);
}

pc_handshakes *pc_handshakes_new(void (*on_refused)(void *self,
                                                    const pc_refused_handshake *refused),
                                 void *self)
{
    pc_handshakes *handshakes = calloc(1, sizeof *handshakes);
    if (handshakes == NULL) {
        return NULL;
    }
    pthread_once(&place_once, take_place);
    pthread_mutex_init(&handshakes->lock, NULL);
    atomic_init(&handshakes->references, 1);
    handshakes->on_refused = on_refused;
    handshakes->self = self;
    return handshakes;
}

void pc_handshakes_close(pc_handshakes *handshakes)
{
    if (handshakes == NULL) {
        return;
    }
    pthread_mutex_lock(&handshakes->lock);
    handshakes->on_refused = NULL;
    pthread_mutex_unlock(&handshakes->lock);
    unref(handshakes);
}
