/* One thread in poll(). A table with a place for each descriptor's number says whose connection
 * that is; those of one address hang together in chains, so that they can be counted. */
#include "rpc/acceptor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/listener.h"
#include "util/siphash.h"
#include "util/thread.h"

enum {
    ADDRESS_BYTES = 16,
    CHAINS = 4096,
    AT_ONCE_MAX = 64,          /* accepted before the signal to stop is looked at again */
    RETIREMENTS_MAX = 4,       /* that are known at once */
    PAUSE_MS = 50,             /* when there are no descriptors */
    LOOK_AGAIN_NS = 100000000, /* at all connections, at most */
    DESCRIPTORS_MAX = 1 << 20  /* that we make use of */
};

typedef struct {
    uint8_t address[ADDRESS_BYTES]; /* of IPv4 as ::ffff:a.b.c.d; all 0: a UNIX socket */
    uint16_t port;
} peer_address;

typedef struct {
    bool open; /* or was, when last looked at */
    peer_address peer;
    ino_t inode;
    uint64_t number; /* of those accepted, from 1 on */
    int next;        /* of the same chain, or -1 */
    int previous;
} connection;

/* Connections that are to be ended at a time, if they still are there. */
typedef struct {
    uint64_t up_to; /* this number */
    int64_t at_ns;
} retirement;

struct pc_acceptor {
    pc_acceptor_options options; /* its address is not used after pc_acceptor_new */
    int listener;
    int port;
    char path[sizeof((struct sockaddr_un *)0)->sun_path]; /* of a UNIX socket, or "" */
    int wake; /* eventfd: readable when there is something else to do than to accept */
    atomic_bool stopping;
    int spare;        /* a descriptor to give up, so that there is one to refuse with */
    uint64_t overdue; /* those up to this number are still to be retired; 0: none */
    bool started;
    pthread_t thread;

    pthread_mutex_t lock; /* guards what follows */
    connection *connections;
    size_t places;
    size_t highest; /* place that was used */
    int chains[CHAINS];
    uint8_t hash_key[PC_SIPHASH_KEY_BYTES];
    int64_t looked_ns;                       /* at all */
    retirement retirements[RETIREMENTS_MAX]; /* the first to come first */
    size_t retirement_count;
    pc_acceptor_figures figures;
};

/* ---- descriptors ----------------------------------------------------------------------------- */

static size_t descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 1024;
    }
    if (limit.rlim_cur < limit.rlim_max) {
        struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0) {
            limit = raised;
        }
    }
    return limit.rlim_cur > DESCRIPTORS_MAX ? DESCRIPTORS_MAX : (size_t)limit.rlim_cur;
}

size_t pc_acceptor_room(size_t reserve)
{
    size_t all = descriptors();
    return all > reserve * 2 ? all - reserve : all / 2;
}

/* ---- who is connected ------------------------------------------------------------------------ */

static peer_address address_of(const struct sockaddr_storage *from)
{
    peer_address peer = {.port = 0};
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)from;
        peer.address[10] = 0xff;
        peer.address[11] = 0xff;
        memcpy(peer.address + 12, &four->sin_addr, 4);
        peer.port = ntohs(four->sin_port);
    } else if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)from;
        memcpy(peer.address, &six->sin6_addr, ADDRESS_BYTES);
        peer.port = ntohs(six->sin6_port);
    }
    return peer;
}

/* Who has a /64 of IPv6 has all of its addresses. */
static size_t counted_bytes(const peer_address *peer)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    return memcmp(peer->address, mapped, sizeof mapped) == 0 ? ADDRESS_BYTES : ADDRESS_BYTES / 2;
}

static bool is_one_peer(const peer_address *a, const peer_address *b)
{
    size_t size = counted_bytes(a);
    return size == counted_bytes(b) && memcmp(a->address, b->address, size) == 0;
}

static int *chain_of(pc_acceptor *acceptor, const peer_address *peer)
{
    pc_siphash hash;
    uint64_t first;
    uint64_t last;
    pc_siphash_init(&hash, acceptor->hash_key);
    pc_siphash_add(&hash, peer->address, counted_bytes(peer));
    pc_siphash_end(&hash, &first, &last);
    return &acceptor->chains[first % CHAINS];
}

static void forget(pc_acceptor *acceptor, int place)
{
    connection *gone = &acceptor->connections[place];
    if (gone->previous >= 0) {
        acceptor->connections[gone->previous].next = gone->next;
    } else {
        *chain_of(acceptor, &gone->peer) = gone->next;
    }
    if (gone->next >= 0) {
        acceptor->connections[gone->next].previous = gone->previous;
    }
    gone->open = false;
    acceptor->figures.open--;
}

static void remember(pc_acceptor *acceptor, int place, const peer_address *peer, ino_t inode)
{
    connection *added = &acceptor->connections[place];
    int *chain = chain_of(acceptor, peer);
    *added = (connection){.open = true,
                          .peer = *peer,
                          .inode = inode,
                          .number = acceptor->figures.accepted,
                          .next = *chain,
                          .previous = -1};
    if (*chain >= 0) {
        acceptor->connections[*chain].previous = place;
    }
    *chain = place;
    acceptor->figures.open++;
    if ((size_t)place > acceptor->highest) {
        acceptor->highest = (size_t)place;
    }
}

static bool is_socket(int descriptor, ino_t inode)
{
    struct stat found;
    return fstat(descriptor, &found) == 0 && S_ISSOCK(found.st_mode) && found.st_ino == inode;
}

/* Core may close the descriptor, and another may get its number, at any moment: so a copy is what
 * is looked at and reset, which also drops what has come and was not read. `*lacks` says whether
 * there was no descriptor for the copy. */
static bool reset_socket(int descriptor, ino_t inode, bool *lacks)
{
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    *lacks = copy < 0 && errno != EBADF;
    bool is_it = copy >= 0 && is_socket(copy, inode);
    if (is_it && connect(copy, &nobody, sizeof nobody) != 0) {
        (void)shutdown(copy, SHUT_RDWR);
    }
    if (copy >= 0) {
        (void)close(copy);
    }
    return is_it;
}

/* Forgets those that core has closed. */
static void look_at_all(pc_acceptor *acceptor)
{
    for (size_t i = 0; i <= acceptor->highest; i++) {
        if (acceptor->connections[i].open && !is_socket((int)i, acceptor->connections[i].inode)) {
            forget(acceptor, (int)i);
        }
    }
    acceptor->looked_ns = pc_clock_now_ns();
}

static size_t count_peer(pc_acceptor *acceptor, const peer_address *peer)
{
    size_t count = 0;
    for (int at = *chain_of(acceptor, peer); at >= 0; at = acceptor->connections[at].next) {
        count += is_one_peer(&acceptor->connections[at].peer, peer);
    }
    return count;
}

static bool is_full(pc_acceptor *acceptor)
{
    return acceptor->figures.open >= acceptor->options.connections_max;
}

static bool has_most(pc_acceptor *acceptor, const peer_address *peer)
{
    return acceptor->options.peer_max > 0 && peer->port > 0 &&
           count_peer(acceptor, peer) >= acceptor->options.peer_max;
}

/* Whether the connection may stay, and then it is remembered. */
static bool let_in(pc_acceptor *acceptor, int descriptor, const peer_address *peer)
{
    struct stat found;
    bool is_known = fstat(descriptor, &found) == 0 && (size_t)descriptor < acceptor->places;
    pthread_mutex_lock(&acceptor->lock);
    if (is_known && acceptor->connections[descriptor].open) {
        forget(acceptor, descriptor); /* Its number is another's now. */
    }
    if ((is_full(acceptor) || has_most(acceptor, peer)) &&
        pc_clock_now_ns() - acceptor->looked_ns > LOOK_AGAIN_NS) {
        look_at_all(acceptor);
    }
    bool stays = false;
    if (!is_known || is_full(acceptor)) {
        acceptor->figures.refused_full++;
    } else if (has_most(acceptor, peer)) {
        acceptor->figures.refused_peer++;
    } else {
        acceptor->figures.accepted++;
        remember(acceptor, descriptor, peer, found.st_ino);
        stays = true;
    }
    pthread_mutex_unlock(&acceptor->lock);
    return stays;
}

/* ---- accepting ------------------------------------------------------------------------------- */

/* Refuses a connection with the spare descriptor, so that its peer need not wait in vain. False
 * when that cannot be either. */
static bool refuse_one(pc_acceptor *acceptor)
{
    bool is_refused = false;
    if (acceptor->spare >= 0) {
        (void)close(acceptor->spare);
        int refused = accept4(acceptor->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        is_refused = refused >= 0;
        if (is_refused) {
            (void)close(refused);
            pthread_mutex_lock(&acceptor->lock);
            acceptor->figures.refused_full++;
            pthread_mutex_unlock(&acceptor->lock);
        }
    }
    acceptor->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return is_refused;
}

/* False when descriptors or memory are lacking, or nobody can come in any more. */
static bool accept_some(pc_acceptor *acceptor)
{
    for (int i = 0; i < AT_ONCE_MAX; i++) {
        struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
        socklen_t size = sizeof from;
        int descriptor = accept4(acceptor->listener, (struct sockaddr *)&from, &size,
                                 SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (descriptor < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return true;
        }
        bool lacks = descriptor < 0 && (errno == EMFILE || errno == ENFILE);
        if ((lacks && !refuse_one(acceptor)) ||
            (descriptor < 0 && (errno == ENOBUFS || errno == ENOMEM || errno == EINVAL))) {
            return false;
        }
        if (descriptor < 0) {
            continue; /* This one has gone again. */
        }
        peer_address peer = address_of(&from);
        if (let_in(acceptor, descriptor, &peer)) {
            acceptor->options.take(acceptor->options.self, acceptor->listener, descriptor);
        } else {
            (void)close(descriptor);
        }
    }
    return true;
}

/* Ends some of those up to this number, from the place `at` on, and moves it. False when those were
 * the last. */
static bool retire_some(pc_acceptor *acceptor, uint64_t up_to, size_t *at, bool *lacked)
{
    pthread_mutex_lock(&acceptor->lock);
    for (int i = 0; i < AT_ONCE_MAX && *at <= acceptor->highest; i++, (*at)++) {
        connection *old = &acceptor->connections[*at];
        if (!old->open || old->number > up_to) {
            continue;
        }
        bool lacks;
        acceptor->figures.retired += reset_socket((int)*at, old->inode, &lacks);
        *lacked = *lacked || lacks;
        if (!lacks) {
            old->number = UINT64_MAX; /* Once is enough, though core may be slow to close it. */
        }
    }
    bool goes_on = *at <= acceptor->highest;
    pthread_mutex_unlock(&acceptor->lock);
    return goes_on;
}

/* The connections to be ended by now: up to this number; 0 for none. `*due_ms` is how long until
 * there are more; -1: for ever. */
static uint64_t next_due(pc_acceptor *acceptor, int *due_ms)
{
    uint64_t up_to = 0;
    *due_ms = -1;
    pthread_mutex_lock(&acceptor->lock);
    if (acceptor->retirement_count > 0) {
        int64_t left_ns = acceptor->retirements[0].at_ns - pc_clock_now_ns();
        *due_ms = left_ns <= 0 ? 0 : (int)(left_ns / 1000000) + 1;
    }
    if (*due_ms == 0) {
        up_to = acceptor->retirements[0].up_to;
        acceptor->retirement_count--;
        memmove(acceptor->retirements, acceptor->retirements + 1,
                acceptor->retirement_count * sizeof acceptor->retirements[0]);
    }
    pthread_mutex_unlock(&acceptor->lock);
    return up_to;
}

/* Ends those whose time is over. How long until there are more, as above. Those for which there was
 * no descriptor stay due; what comes due meanwhile is no later. */
static int retire_when_due(pc_acceptor *acceptor)
{
    int due_ms;
    bool lacked = false;
    uint64_t up_to = next_due(acceptor, &due_ms);
    up_to = up_to > acceptor->overdue ? up_to : acceptor->overdue;
    for (size_t at = 0; up_to > 0 && retire_some(acceptor, up_to, &at, &lacked);) {
    }
    acceptor->overdue = lacked ? up_to : 0;
    return lacked && (due_ms < 0 || due_ms > PAUSE_MS) ? PAUSE_MS : due_ms;
}

/* False when it is to stop. */
static bool take_wake(pc_acceptor *acceptor)
{
    uint64_t times;
    const ssize_t got = read(acceptor->wake, &times, sizeof times);
    (void)got;
    return !atomic_load(&acceptor->stopping);
}

static void *accept_until_stopped(void *argument)
{
    pc_acceptor *acceptor = argument;
    bool pauses = false;
    for (;;) {
        struct pollfd waits[2] = {{.fd = acceptor->wake, .events = POLLIN},
                                  {.fd = pauses ? -1 : acceptor->listener, .events = POLLIN}};
        int due_ms = retire_when_due(acceptor);
        (void)poll(waits, 2, pauses ? PAUSE_MS : due_ms);
        if (waits[0].revents != 0 && !take_wake(acceptor)) {
            return NULL;
        }
        pauses = !accept_some(acceptor);
    }
}

static void wake(pc_acceptor *acceptor)
{
    const uint64_t one = 1;
    while (write(acceptor->wake, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

/* ---- making ---------------------------------------------------------------------------------- */

static pc_status listen_on_path(pc_acceptor *acceptor, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat found;
    bool fits = path[0] != '\0' && strlen(path) < sizeof address.sun_path;
    if (fits) {
        (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
        if (lstat(path, &found) == 0 && S_ISSOCK(found.st_mode)) {
            (void)unlink(path); /* Of one who ended without a word. */
        }
        acceptor->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    }
    if (!fits || acceptor->listener < 0 ||
        bind(acceptor->listener, (const struct sockaddr *)&address, sizeof address) != 0) {
        return pc_status_new(PC_CODE_FAILED_PRECONDITION, "ADDRESS_INVALID",
                             "cannot listen on unix:%s: check that the folder exists, may be "
                             "written, and that nothing else has the name",
                             path);
    }
    (void)snprintf(acceptor->path, sizeof acceptor->path, "%s", path);
    return PC_OK;
}

static pc_status listen_on(pc_acceptor *acceptor, const pc_acceptor_options *options)
{
    if (strncmp(options->address, "unix:", 5) == 0) {
        const char *path = options->address + 5;
        pc_status status = listen_on_path(acceptor, strncmp(path, "//", 2) == 0 ? path + 2 : path);
        if (!pc_status_ok(&status)) {
            return status;
        }
    } else {
        pc_status status =
            pc_listener_open(&acceptor->listener, options->address, "--listen-address");
        if (!pc_status_ok(&status)) {
            return status;
        }
        acceptor->port = pc_listener_port(acceptor->listener);
        /* Connections inherit both. */
        int on = 1;
        int timeout = (int)options->write_timeout_ms;
        (void)setsockopt(acceptor->listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        (void)setsockopt(acceptor->listener, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout,
                         sizeof timeout);
    }
    (void)listen(acceptor->listener, SOMAXCONN);
    return PC_OK;
}

pc_status pc_acceptor_new(pc_acceptor **out, const pc_acceptor_options *options)
{
    *out = NULL;
    pc_acceptor *acceptor = calloc(1, sizeof *acceptor);
    size_t places = descriptors();
    connection *connections = calloc(places, sizeof *connections);
    if (acceptor == NULL || connections == NULL) {
        free(acceptor);
        free(connections);
        return pc_status_out_of_memory();
    }
    acceptor->options = *options;
    if (options->connections_max == 0 || options->connections_max > places) {
        acceptor->options.connections_max = places;
    }
    acceptor->figures.connections_max = acceptor->options.connections_max;
    acceptor->listener = -1;
    acceptor->connections = connections;
    acceptor->places = places;
    for (size_t i = 0; i < CHAINS; i++) {
        acceptor->chains[i] = -1;
    }
    pthread_mutex_init(&acceptor->lock, NULL);
    acceptor->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    acceptor->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    pc_status status = PC_OK;
    if (acceptor->wake < 0 || getrandom(acceptor->hash_key, sizeof acceptor->hash_key, 0) !=
                                  (ssize_t)sizeof acceptor->hash_key) {
        status = pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "NO_DESCRIPTORS",
                               "the system gives no descriptor or no random bytes");
    }
    if (pc_status_ok(&status)) {
        status = listen_on(acceptor, options);
    }
    if (!pc_status_ok(&status)) {
        pc_acceptor_free(acceptor);
        return status;
    }
    *out = acceptor;
    return PC_OK;
}

pc_status pc_acceptor_start(pc_acceptor *acceptor)
{
    if (!pc_thread_start(&acceptor->thread, "accept", accept_until_stopped, acceptor)) {
        return pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "NO_THREADS",
                             "cannot start the thread that accepts connections");
    }
    acceptor->started = true;
    return PC_OK;
}

int pc_acceptor_port(const pc_acceptor *acceptor)
{
    return acceptor->port;
}

void pc_acceptor_stop(pc_acceptor *acceptor)
{
    if (acceptor->started) {
        atomic_store(&acceptor->stopping, true);
        wake(acceptor);
        pthread_join(acceptor->thread, NULL);
        acceptor->started = false;
    }
    if (acceptor->listener >= 0) {
        (void)close(acceptor->listener);
        acceptor->listener = -1;
        if (acceptor->path[0] != '\0') {
            (void)unlink(acceptor->path);
        }
    }
}

void pc_acceptor_free(pc_acceptor *acceptor)
{
    if (acceptor == NULL) {
        return;
    }
    pc_acceptor_stop(acceptor);
    if (acceptor->wake >= 0) {
        (void)close(acceptor->wake);
    }
    if (acceptor->spare >= 0) {
        (void)close(acceptor->spare);
    }
    pthread_mutex_destroy(&acceptor->lock);
    free(acceptor->connections);
    free(acceptor);
}

/* ---- cutting and counting -------------------------------------------------------------------- */

static bool read_peer(peer_address *out, const char *text)
{
    char host[INET6_ADDRSTRLEN];
    const char *start = strchr(text, ':');
    const char *colon = strrchr(text, ':');
    if (start == NULL || start == colon) {
        return false;
    }
    start++;
    const char *end = colon;
    bool is_six = strncmp(text, "ipv6:", 5) == 0;
    if (is_six) {
        start += strncmp(start, "%5B", 3) == 0 ? 3 : 1;
        const char *bracket = strstr(start, "%5D");
        end = bracket == NULL ? colon - 1 : bracket;
    }
    long port = strtol(colon + 1, NULL, 10);
    if (end <= start || (size_t)(end - start) >= sizeof host || port < 1 || port > UINT16_MAX) {
        return false;
    }
    (void)snprintf(host, sizeof host, "%.*s", (int)(end - start), start);
    *out = (peer_address){.port = (uint16_t)port};
    if (is_six) {
        return inet_pton(AF_INET6, host, out->address) == 1;
    }
    out->address[10] = 0xff;
    out->address[11] = 0xff;
    return inet_pton(AF_INET, host, out->address + 12) == 1;
}

bool pc_acceptor_cut(pc_acceptor *acceptor, const char *peer)
{
    peer_address wanted;
    if (!read_peer(&wanted, peer)) {
        return false;
    }
    pthread_mutex_lock(&acceptor->lock);
    int at = *chain_of(acceptor, &wanted);
    while (at >= 0 &&
           (acceptor->connections[at].peer.port != wanted.port ||
            memcmp(acceptor->connections[at].peer.address, wanted.address, ADDRESS_BYTES) != 0)) {
        at = acceptor->connections[at].next;
    }
    bool lacks;
    bool is_cut = at >= 0 && reset_socket(at, acceptor->connections[at].inode, &lacks);
    acceptor->figures.cut += is_cut;
    pthread_mutex_unlock(&acceptor->lock);
    return is_cut;
}

void pc_acceptor_retire(pc_acceptor *acceptor)
{
    pthread_mutex_lock(&acceptor->lock);
    /* Where there is no room the latest are ended with these: later, but soon there is room. */
    if (acceptor->retirement_count < RETIREMENTS_MAX) {
        acceptor->retirement_count++;
    }
    acceptor->retirements[acceptor->retirement_count - 1] = (retirement){
        .up_to = acceptor->figures.accepted,
        .at_ns = pc_clock_after_ms(pc_clock_now_ns(), acceptor->options.retire_grace_ms),
    };
    pthread_mutex_unlock(&acceptor->lock);
    wake(acceptor);
}

void pc_acceptor_count(pc_acceptor *acceptor, pc_acceptor_figures *out)
{
    pthread_mutex_lock(&acceptor->lock);
    look_at_all(acceptor);
    *out = acceptor->figures;
    pthread_mutex_unlock(&acceptor->lock);
}
