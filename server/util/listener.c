/* Of the addresses that a name has, the first that can be listened on. */
#include "util/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
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

pc_status pc_listener_open(int *out, const char *address, const char *flag)
{
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
