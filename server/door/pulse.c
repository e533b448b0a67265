/* One thread in poll(). Of HTTP/2 it knows frame heads, and which frames want an answer. */
#include "door/pulse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/thread.h"

enum {
    FRAME_HEAD = 9,
    KIND_AT = 3,
    FLAGS_AT = 4,
    SETTINGS = 4,
    PING = 6,
    GOAWAY = 7,
    ACK = 1,
    PING_BYTES = 8,
    IN_BYTES = 4096,
    ADDRESS_BYTES_MAX = 256
};

struct pc_pulse {
    pc_pulse_options options;
    char address[ADDRESS_BYTES_MAX];
    int wake; /* eventfd: readable when it is to end */
    pthread_t thread;
    bool started;

    int inner;       /* the connection whose answers are timed; -1: none */
    int64_t sent_ns; /* of what has no answer yet; 0: nothing */
    size_t in_size;
    uint8_t in[IN_BYTES];

    int probe;         /* the one through the port; -1: none */
    int64_t probed_ns; /* when it was begun */
    int failures;
};

/* ---- the inner connection -------------------------------------------------------------------- */

static bool put(pc_pulse *pulse, const void *bytes, size_t size)
{
    /* So little that a socket without room for it is one that nobody reads. */
    return send(pulse->inner, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size;
}

static void hang_up(pc_pulse *pulse)
{
    if (pulse->inner >= 0) {
        (void)close(pulse->inner);
    }
    pulse->inner = -1;
    pulse->sent_ns = 0;
    pulse->in_size = 0;
}

static bool ask(pc_pulse *pulse, int64_t now)
{
    static const uint8_t settings[FRAME_HEAD] = {[KIND_AT] = SETTINGS};
    pulse->sent_ns = now;
    return put(pulse, settings, sizeof settings);
}

static void dial(pc_pulse *pulse)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    pulse->inner = pulse->options.connect(pulse->options.self);
    if (pulse->inner >= 0 && !put(pulse, preface, sizeof preface - 1)) {
        hang_up(pulse);
    }
}

/* False when the connection ends with this frame. */
static bool take_frame(pc_pulse *pulse, const uint8_t *frame, size_t size, int64_t now)
{
    static const uint8_t settings_ack[FRAME_HEAD] = {[KIND_AT] = SETTINGS, [FLAGS_AT] = ACK};
    bool is_ack = (frame[FLAGS_AT] & ACK) != 0;
    if (frame[KIND_AT] == SETTINGS && is_ack) {
        if (pulse->sent_ns != 0) {
            pulse->options.on_delay(pulse->options.self, now - pulse->sent_ns, true);
        }
        pulse->sent_ns = 0;
    } else if (frame[KIND_AT] == SETTINGS) {
        return put(pulse, settings_ack, sizeof settings_ack);
    } else if (frame[KIND_AT] == PING && !is_ack && size == FRAME_HEAD + PING_BYTES) {
        uint8_t pong[FRAME_HEAD + PING_BYTES];
        memcpy(pong, frame, sizeof pong);
        pong[FLAGS_AT] = ACK;
        return put(pulse, pong, sizeof pong);
    }
    return frame[KIND_AT] != GOAWAY;
}

static bool read_frames(pc_pulse *pulse)
{
    ssize_t got =
        recv(pulse->inner, pulse->in + pulse->in_size, IN_BYTES - pulse->in_size, MSG_DONTWAIT);
    if (got <= 0) {
        return got < 0 && (errno == EAGAIN || errno == EINTR);
    }
    int64_t now = pc_clock_now_ns();
    pulse->in_size += (size_t)got;
    size_t at = 0;
    while (pulse->in_size - at >= FRAME_HEAD) {
        const uint8_t *frame = pulse->in + at;
        size_t size = FRAME_HEAD + ((size_t)frame[0] << 16 | (size_t)frame[1] << 8 | frame[2]);
        if (size > IN_BYTES) {
            return false; /* Core says nothing of that size to one who asks nothing. */
        }
        if (pulse->in_size - at < size) {
            break;
        }
        if (!take_frame(pulse, frame, size, now)) {
            return false;
        }
        at += size;
    }
    memmove(pulse->in, pulse->in + at, pulse->in_size - at);
    pulse->in_size -= at;
    return true;
}

/* Called when the next beat is due. */
static void beat(pc_pulse *pulse, int64_t now)
{
    if (pulse->inner < 0) {
        dial(pulse);
    }
    if (pulse->inner < 0) {
        /* What was known is old, and nothing is better than that. */
        pulse->options.on_delay(pulse->options.self, 0, true);
    } else if (pulse->sent_ns != 0) {
        pulse->options.on_delay(pulse->options.self, now - pulse->sent_ns, false);
    } else if (!ask(pulse, now)) {
        hang_up(pulse);
    }
    pulse->options.on_beat(pulse->options.self);
}

/* ---- the probe through the port -------------------------------------------------------------- */

/* A socket that connects, or -1. */
static int connect_to(int family, const struct sockaddr *address, socklen_t size)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, address, size) != 0 && errno != EINPROGRESS) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

/* Of an address that stands for all of the machine's, the system takes one. */
static int connect_text(const char *address)
{
    if (strncmp(address, "unix:", 5) == 0) {
        struct sockaddr_un path = {.sun_family = AF_UNIX};
        address += strncmp(address + 5, "//", 2) == 0 ? 7 : 5;
        (void)snprintf(path.sun_path, sizeof path.sun_path, "%s", address);
        return connect_to(AF_UNIX, (const struct sockaddr *)&path, sizeof path);
    }
    char host[ADDRESS_BYTES_MAX];
    (void)snprintf(host, sizeof host, "%s", address[0] == '[' ? address + 1 : address);
    char *colon = strrchr(host, ':');
    if (colon == NULL) {
        return -1;
    }
    *colon = '\0';
    if (colon > host && colon[-1] == ']') {
        colon[-1] = '\0';
    }
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    if (getaddrinfo(host[0] == '\0' ? NULL : host, colon + 1, &hints, &found) != 0) {
        return -1;
    }
    int fd = connect_to(found->ai_family, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return fd;
}

static void end_probe(pc_pulse *pulse, bool alive)
{
    if (pulse->probe >= 0) {
        (void)close(pulse->probe);
    }
    pulse->probe = -1;
    pulse->failures = alive ? 0 : pulse->failures + 1;
    pulse->options.on_probe(pulse->options.self, pulse->failures);
}

static void begin_probe(pc_pulse *pulse, int64_t now)
{
    pulse->probed_ns = now;
    pulse->probe = connect_text(pulse->address);
    if (pulse->probe < 0) {
        end_probe(pulse, false);
        return;
    }
    pulse->options.on_probing(pulse->options.self, pulse->probe);
}

/* It is connected, or something has come, or the end. What core says first, in plain HTTP/2, it may
 * say as it accepts: only the end is an answer to ours, and a reset is one, too. */
static void on_probe_ready(pc_pulse *pulse, short events)
{
    char bytes[256];
    int failure = 0;
    socklen_t size = sizeof failure;
    (void)getsockopt(pulse->probe, SOL_SOCKET, SO_ERROR, &failure, &size);
    if (failure != 0) {
        end_probe(pulse, failure == ECONNRESET || failure == EPIPE);
        return;
    }
    if ((events & POLLOUT) != 0) {
        (void)shutdown(pulse->probe, SHUT_WR);
    }
    if ((events & (POLLIN | POLLHUP | POLLERR)) != 0) {
        ssize_t got = recv(pulse->probe, bytes, sizeof bytes, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && (errno == ECONNRESET || errno == EPIPE))) {
            end_probe(pulse, true);
        }
    }
}

static void look_at_probe(pc_pulse *pulse, int64_t now)
{
    int64_t since_ms = (now - pulse->probed_ns) / 1000000;
    if (pulse->options.probe_interval_ms == 0) {
        return;
    }
    if (pulse->probe >= 0 && since_ms >= pulse->options.probe_timeout_ms) {
        end_probe(pulse, false);
    } else if (pulse->probe < 0 && since_ms >= pulse->options.probe_interval_ms) {
        begin_probe(pulse, now);
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

static void *feel(void *argument)
{
    pc_pulse *pulse = argument;
    int64_t next_ns = pc_clock_now_ns();
    bool has_ended = false; /* our side of the probe */
    for (;;) {
        int64_t now = pc_clock_now_ns();
        if (now >= next_ns) {
            beat(pulse, now);
            look_at_probe(pulse, now);
            next_ns = pc_clock_after_ms(now, PC_PULSE_INTERVAL_MS);
        }
        has_ended = has_ended && pulse->probe >= 0;
        struct pollfd waits[3] = {
            {.fd = pulse->wake, .events = POLLIN},
            {.fd = pulse->inner, .events = POLLIN},
            {.fd = pulse->probe, .events = (short)(has_ended ? POLLIN : POLLIN | POLLOUT)}};
        int64_t wait_ms = (next_ns - now) / 1000000 + 1;
        (void)poll(waits, 3, (int)wait_ms);
        if (waits[0].revents != 0) {
            return NULL;
        }
        if (waits[1].revents != 0 && !read_frames(pulse)) {
            hang_up(pulse);
        }
        if (waits[2].revents != 0) {
            on_probe_ready(pulse, waits[2].revents);
            has_ended = true;
        }
    }
}

pc_status pc_pulse_new(pc_pulse **out, const pc_pulse_options *options)
{
    *out = NULL;
    pc_pulse *pulse = calloc(1, sizeof *pulse);
    if (pulse == NULL) {
        return pc_status_out_of_memory();
    }
    pulse->options = *options;
    (void)snprintf(pulse->address, sizeof pulse->address, "%s", options->address);
    pulse->inner = -1;
    pulse->probe = -1;
    pulse->probed_ns = pc_clock_now_ns();
    pulse->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pulse->started = pulse->wake >= 0 && pc_thread_start(&pulse->thread, "pulse", feel, pulse);
    if (!pulse->started) {
        pc_pulse_free(pulse);
        return pc_status_new(PC_CODE_RESOURCE_EXHAUSTED, "NO_THREADS",
                             "cannot start the thread that watches the server");
    }
    *out = pulse;
    return PC_OK;
}

void pc_pulse_free(pc_pulse *pulse)
{
    if (pulse == NULL) {
        return;
    }
    if (pulse->started) {
        const uint64_t one = 1;
        while (write(pulse->wake, &one, sizeof one) < 0 && errno == EINTR) {
        }
        pthread_join(pulse->thread, NULL);
    }
    hang_up(pulse);
    if (pulse->probe >= 0) {
        (void)close(pulse->probe);
    }
    if (pulse->wake >= 0) {
        (void)close(pulse->wake);
    }
    free(pulse);
}
