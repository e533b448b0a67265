/* Of the addresses that a name has, the first that can be listened on. */
#include "util/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAITING_CONNECTIONS_MAX = 64, HOST_BYTES_MAX = 256 };

/* The socket, or -1 with errno set. */
static int listen_on(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, address->ai_addr, address->ai_addrlen) != 0 ||
        listen(fd, WAITING_CONNECTIONS_MAX) != 0) {
        int reason = errno;
        (void)close(fd);
        errno = reason;
        return -1;
    }
    return fd;
}

/* The same, for "host:port". */
static int listen_on_text(const char *text)
{
    char host[HOST_BYTES_MAX];
    const char *start = text[0] == '[' ? text + 1 : text;
    const char *colon = strrchr(text, ':');
    const char *end = colon;
    if (start > text && colon != NULL) {
        end = colon[-1] == ']' ? colon - 1 : NULL;
    }
    if (end == NULL || end - start >= HOST_BYTES_MAX) {
        errno = EINVAL;
        return -1;
    }
    (void)snprintf(host, sizeof host, "%.*s", (int)(end - start), start);
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    if (getaddrinfo(host[0] == '\0' ? NULL : host, colon + 1, &hints, &found) != 0) {
        errno = EINVAL;
        return -1;
    }
    int fd = -1;
    int reason = EINVAL;
    for (const struct addrinfo *at = found; at != NULL && fd < 0; at = at->ai_next) {
        fd = listen_on(at);
        reason = errno;
        if (reason == EADDRINUSE || reason == EACCES) {
            break; /* Another address of the name would not be what was meant. */
        }
    }
    freeaddrinfo(found);
    errno = reason;
    return fd;
}

/* The descriptor that "fd:3" names, or -1 when it does not name one. */
static int descriptor_of(const char *address)
{
    char *end = NULL;
    if (strncmp(address, "fd:", 3) != 0 || address[3] < '0' || address[3] > '9') {
        return -1;
    }
    long number = strtol(address + 3, &end, 10);
    return *end == '\0' && number > STDERR_FILENO && number <= 1024 ? (int)number : -1;
}

static bool is_tcp_listener(int fd)
{
    int listens = 0;
    socklen_t size = sizeof listens;
    struct sockaddr_storage address = {0};
    socklen_t address_size = sizeof address;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0 &&
           getsockname(fd, (struct sockaddr *)&address, &address_size) == 0 &&
           (address.ss_family == AF_INET || address.ss_family == AF_INET6);
}

/* The socket that was passed to us, made like one of ours. */
static int take_over(const char *address)
{
    int fd = descriptor_of(address);
    if (fd < 0 || !is_tcp_listener(fd) || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0) {
        return -1;
    }
    return fd;
}

pc_status pc_listener_open(int *out, const char *address, const char *flag)
{
    if (strncmp(address, "fd:", 3) == 0) {
        *out = take_over(address);
        return *out >= 0 ? PC_OK
                         : pc_status_new(PC_CODE_FAILED_PRECONDITION, "ADDRESS_INVALID",
                                         "cannot listen on %s: it must be a TCP socket that "
                                         "listens and was passed at the start, as by a .socket "
                                         "unit of systemd; see %s",
                                         address, flag);
    }
    *out = listen_on_text(address);
    if (*out >= 0) {
        return PC_OK;
    }
    if (errno == EADDRINUSE) {
        return pc_status_new(
            PC_CODE_FAILED_PRECONDITION, "ADDRESS_IN_USE",
            "cannot listen on %s: another program has this port; stop it or choose another with %s",
            address, flag);
    }
    if (errno == EACCES) {
        return pc_status_new(PC_CODE_FAILED_PRECONDITION, "ADDRESS_FORBIDDEN",
                             "cannot listen on %s: not allowed to use this port", address);
    }
    return pc_status_new(
        PC_CODE_FAILED_PRECONDITION, "ADDRESS_INVALID",
        "cannot listen on %s: it must be host:port with an address of this machine; see %s",
        address, flag);
}

int pc_listener_port(int listener)
{
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    } address = {0};
    socklen_t size = sizeof address;
    if (getsockname(listener, &address.any, &size) != 0) {
        return 0;
    }
    return ntohs(address.any.sa_family == AF_INET6 ? address.six.sin6_port : address.four.sin_port);
}

/* Of a socket that was passed to us: its own address, since ours says nothing of it. */
static void print_own(char *out, size_t size, int fd, int port)
{
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    } address = {0};
    socklen_t address_size = sizeof address;
    char host[INET6_ADDRSTRLEN] = "";
    (void)getsockname(fd, &address.any, &address_size);
    bool is_six = address.any.sa_family == AF_INET6;
    (void)inet_ntop(is_six ? AF_INET6 : AF_INET,
                    is_six ? (const void *)&address.six.sin6_addr : &address.four.sin_addr, host,
                    sizeof host);
    (void)snprintf(out, size, is_six ? "[%s]:%d" : "%s:%d", host, port);
}

void pc_listener_print(char *out, size_t size, const char *address, int port)
{
    const char *colon = strrchr(address, ':');
    int fd = descriptor_of(address);
    if (fd >= 0) {
        print_own(out, size, fd, port);
    } else if (port == 0 || colon == NULL) {
        (void)snprintf(out, size, "%s", address);
    } else {
        (void)snprintf(out, size, "%.*s:%d", (int)(colon - address), address, port);
    }
}
